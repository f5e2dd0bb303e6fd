// Data that is only read may be const, and the header is one of C++98.
#include <fcntl.h>
#include <string>

#include <ioaio.h>

static void keep(void *data, const ioaio_result *r) { *static_cast<long *>(data) = r->error ? -r->error : static_cast<long>(r->result); }

int main(int argc, char **argv) {
    if (argc != 2)
        return 1;
    ioaio *aio = ioaio_new();
    const std::string text("text"), path(std::string(argv[1]) + "/file");
    const char *value = "x";
    long saved = -1, attribute = -1, appended = -1;
    int fd = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND, 0600);
    ioaio_args args = IOAIO_ARGS_INIT;
    long written = -1;
    args.op = IOAIO_OP_WRITE;
    args.fd = fd;
    args.src = text.data();
    args.len = text.size();
    args.off = 0;
    ioaio_submit(aio, &args, 0, 0, keep, &written);
    ioaio_append(aio, fd, value, 1, 0, 0, keep, &appended);
    ioaio_write_sync(aio, fd, value, 1, 0, 0, 0, 0, 0);
    ioaio_fsetxattr(aio, fd, "user.x", value, 1, 0, 0, 0, keep, &attribute);
    ioaio_flush(aio);
    ioaio_save(aio, IOAIO_CWD, path.c_str(), text.data(), text.size(), 0600, 0, 0, 0, keep, &saved);
    ioaio_flush(aio);
    ioaio_free(aio);
    return written == 4 && appended == 1 && saved == 0 ? 0 : 2;
}
