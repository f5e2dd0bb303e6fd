/* Whose a descriptor is: where ioaio_close gives NULL, where nobody wants the result, and where its number is used
 * again. The arguments are a directory to work in, and IOAIO_NO_... for the engine. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

static int dir;
static unsigned options;

/* The C library's own, under other names. */
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

static int no_memory;

static int none(void) {
    if (no_memory)
        errno = ENOMEM;
    return no_memory;
}
void *malloc(size_t n) { return none() ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t m) { return none() ? NULL : __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { return none() ? NULL : __libc_realloc(p, n); }
void *aligned_alloc(size_t a, size_t n) { return none() ? NULL : __libc_memalign(a, n); }
int posix_memalign(void **p, size_t a, size_t n) {
    if (no_memory)
        return ENOMEM;
    *p = __libc_memalign(a, n);
    return *p ? 0 : ENOMEM;
}

static int is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

/* NULL: nothing was submitted, and the descriptor is the caller's still. */
static void refused_close(void) {
    int fd = openat(dir, "file", O_RDWR | O_CREAT, 0644), status;
    ioaio_args args = IOAIO_ARGS_INIT;
    pid_t child;
    args.op = IOAIO_OP_CLOSE;
    args.fd = fd;
    args.size--;
    errno = 0;
    CHECK(ioaio_submit(aio, &args, HOW) == NULL && errno == EINVAL && is_open(fd));
    no_memory = 1;
    errno = 0;
    const ioaio_req *req = ioaio_close(aio, fd, HOW);
    int error = errno;
    no_memory = 0;
    CHECK(!req && error == ENOMEM && is_open(fd));
    child = fork();
    if (!child) {
        errno = 0;
        CHECK(!ioaio_close(aio, fd, HOW) && errno == EOWNERDEAD && is_open(fd));
        CHECK(ioaio_reinit(aio) == 0);
        CHECK(RUN(ioaio_close(aio, fd, HOW)) == 0 && !is_open(fd));
        _exit(7);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    CHECK(is_open(fd) && RUN(ioaio_close(aio, fd, HOW)) == 0 && !is_open(fd));
}

static int count_open(void) {
    int count = 0;
    DIR *fds = opendir("/proc/self/fd");
    CHECK(fds);
    while (readdir(fds))
        count++;
    closedir(fds);
    return count;
}

/* Who gives no callback gets no descriptor. */
static void unwanted_results(void) {
    int before;
    CHECK(RUN(ioaio_nop(aio, HOW)) == 0);
    before = count_open();
    for (int n = 0; n < 10; n++) {
        CHECK(ioaio_open(aio, dir, "file", O_RDONLY, 0, 0, NULL, NULL, NULL));
        CHECK(ioaio_open_dir(aio, dir, ".", 0, NULL, NULL, NULL));
        CHECK(ioaio_open_resolve(aio, dir, "file", O_RDONLY, 0, 0, 0, NULL, NULL, NULL));
        CHECK(ioaio_pipe(aio, 0, 0, NULL, NULL, NULL));
        CHECK(ioaio_mkstemp(aio, dir, "XXXXXX", 0, NULL, NULL, NULL));
    }
    CHECK(ioaio_flush(aio) == 0 && ioaio_nreqs(aio) == 0);
    CHECK(count_open() == before);
}

static struct got again;
static char buf[64];

/* Closes a file, and gives its number to a pipe that has something in it. */
static void replace(int fd) {
    int ends[2];
    CHECK(pipe(ends) == 0 && write(ends[1], "pipe data", 9) == 9);
    CHECK(close(fd) == 0 && dup2(ends[0], fd) == fd && close(ends[0]) == 0);
}

/* Reads something else by the same number. */
static void reuse(void *data, const ioaio_result *r) {
    int fd = *(int *)data;
    CHECK(r->error == 0);
    replace(fd);
    CHECK(ioaio_read(aio, fd, buf, 9, 0, 0, NULL, done, &again));
}

/* What was learned of a file is not believed of another one with its number. */
static void reused_number(void) {
    int fd = openat(dir, "file", O_RDWR | O_CREAT, 0644);
    CHECK(fd >= 0 && write(fd, "hello world", 11) == 11);
    CHECK(RUN(ioaio_fstat(aio, fd, HOW)) == 0);
    for (int n = 0; n < 3; n++)
        CHECK(RUN(ioaio_read(aio, fd, buf, 5, 0, HOW)) == 5);
    memset(buf, 0, sizeof buf);
    CHECK(ioaio_read(aio, fd, buf, 5, 0, 0, NULL, reuse, &fd) && ioaio_flush(aio) == 0);
    CHECK(again.calls == 1 && again.result == -1 && again.error == ESPIPE);
    close(fd);

    /* The end of an engine ends its requests, also those whose callbacks never run. */
    fd = openat(dir, "file", O_RDWR);
    CHECK(ioaio_read(aio, fd, buf, 5, 0, 0, NULL, NULL, NULL));
    usleep(100000);
    ioaio_free(aio);
    replace(fd);
    aio = ioaio_new_with(options);
    CHECK(aio);
    memset(buf, 0, sizeof buf);
    FAILS(ioaio_read(aio, fd, buf, 9, 0, HOW), ESPIPE);
    CHECK(!buf[0]);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    dir = open(argv[1], O_RDONLY | O_DIRECTORY);
    options = (unsigned)atoi(argv[2]);
    aio = ioaio_new_with(options);
    CHECK(dir >= 0 && aio);
    refused_close();
    unwanted_results();
    reused_number();
    ioaio_free(aio);
    puts("all");
    return 0;
}
