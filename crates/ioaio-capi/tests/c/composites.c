/* Options and results of composites. The arguments are a directory to work in, and IOAIO_NO_... for the engine. */
#include "check.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <math.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LEFTOVER ".ioaio-0123456789abcdef"

static int dir;

static void put(const char *name, const char *text) {
    int fd = openat(dir, name, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

static ino_t inode(const char *name) {
    struct stat st;
    CHECK(fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0);
    return st.st_ino;
}

/* A file that is written into stays the same one for its other names, and one that is replaced does not. */
static void into_what_is_there(void) {
    static const struct {
        int flags, same;
    } cases[] = {{0, 0}, {IOAIO_IN_PLACE, 0}, {IOAIO_WRITE_THROUGH, 1}};
    put("source", "new");
    for (int copies = 0; copies < 2; copies++)
        for (size_t n = 0; n < sizeof cases / sizeof *cases; n++) {
            put("target", "old");
            CHECK(linkat(dir, "target", dir, "other", 0) == 0);
            if (copies)
                CHECK(RUN(ioaio_copy(aio, dir, "source", dir, "target", cases[n].flags, NULL, HOW)) == 3);
            else
                CHECK(RUN(ioaio_save(aio, dir, "target", "new", 3, 0600, cases[n].flags, HOW)) == 0);
            CHECK((inode("target") == inode("other")) == cases[n].same);
            CHECK(RUN(ioaio_load(aio, dir, "target", HOW)) == 3 && !memcmp(got.data, "new", 3));
            CHECK(RUN(ioaio_load(aio, dir, "other", HOW)) == 3 && !memcmp(got.data, cases[n].same ? "new" : "old", 3));
            CHECK(unlinkat(dir, "target", 0) == 0 && unlinkat(dir, "other", 0) == 0);
        }
}

/* The mode of the argument is that of a new file only. */
static void modes(void) {
    struct stat st;
    mode_t before = umask(0);
    CHECK(RUN(ioaio_save(aio, dir, "mode", "x", 1, 0604, 0, HOW)) == 0);
    CHECK(fstatat(dir, "mode", &st, 0) == 0 && (st.st_mode & 07777) == 0604);
    CHECK(RUN(ioaio_save(aio, dir, "mode", "x", 1, 0600, 0, HOW)) == 0);
    CHECK(fstatat(dir, "mode", &st, 0) == 0 && (st.st_mode & 07777) == 0604);
    umask(before);
}

/* Extended attributes of a file that is replaced stay only when asked for. */
static void attributes(void) {
    put("kept", "old");
    if (RUN(ioaio_setxattr(aio, dir, "kept", "user.x", "v", 1, 0, HOW)) == -1) {
        CHECK(got.error == EOPNOTSUPP);
        fprintf(stderr, "skipped: IOAIO_KEEP: no attributes on this file system\n");
        return;
    }
    CHECK(RUN(ioaio_save(aio, dir, "kept", "new", 3, 0600, IOAIO_KEEP, HOW)) == 0);
    CHECK(RUN(ioaio_getxattr(aio, dir, "kept", "user.x", HOW)) == 1);
    CHECK(RUN(ioaio_save(aio, dir, "kept", "new", 3, 0600, 0, HOW)) == 0);
    FAILS(ioaio_getxattr(aio, dir, "kept", "user.x", HOW), ENODATA);
}

/* A composite with this age and the target "made" in to, when a file was left behind there; whether it is there
 * afterwards. */
static int stays(int op, int to, double age) {
    ioaio_args args = IOAIO_ARGS_INIT;
    int before = dir, left;
    CHECK(args.leftovers == -1);
    dir = to;
    put(LEFTOVER, "left");
    dir = before;
    put("source", "new");
    mkdirat(dir, "tree", 0755);
    args.op = op;
    args.dirfd = dir;
    args.dirfd2 = to;
    args.path = op == IOAIO_OP_SAVE ? "made" : op == IOAIO_OP_COPY_TREE ? "tree" : "source";
    args.path2 = "made";
    args.src = "x";
    args.len = 1;
    args.mode = 0644;
    args.leftovers = age;
    RUN(ioaio_submit(aio, &args, HOW));
    left = faccessat(to, LEFTOVER, F_OK, 0) == 0;
    unlinkat(to, LEFTOVER, 0);
    if (got.error == EINVAL)
        return -EINVAL;
    CHECK(got.error == 0);
    CHECK(unlinkat(to, "made", op == IOAIO_OP_COPY_TREE ? AT_REMOVEDIR : 0) == 0);
    return left;
}

static void leftovers_of(int op, int to) {
    CHECK(stays(op, to, -1) == 1);
    CHECK(stays(op, to, 3600) == 1);
    CHECK(stays(op, to, 0) == 0);
    CHECK(stays(op, to, NAN) == -EINVAL);
    CHECK(stays(op, to, INFINITY) == -EINVAL);
}

/* A move copies only to another device. */
static void leftovers_of_a_move(void) {
    char path[] = "/dev/shm/ioaio-XXXXXX";
    struct stat here, there;
    int to;
    if (!mkdtemp(path)) {
        fprintf(stderr, "skipped: leftovers of a move: no directory in /dev/shm\n");
        return;
    }
    to = open(path, O_RDONLY | O_DIRECTORY);
    CHECK(to >= 0 && fstat(dir, &here) == 0 && fstat(to, &there) == 0);
    if (here.st_dev != there.st_dev)
        leftovers_of(IOAIO_OP_MOVE, to);
    else
        fprintf(stderr, "skipped: leftovers of a move: /dev/shm is on the same device\n");
    close(to);
    CHECK(rmdir(path) == 0);
}

static void leftovers(void) {
    static const int ops[] = {IOAIO_OP_SAVE, IOAIO_OP_COPY, IOAIO_OP_COPY_TREE};
    for (size_t n = 0; n < sizeof ops / sizeof *ops; n++)
        leftovers_of(ops[n], dir);
    leftovers_of_a_move();
}

/* From now on this thread and those it starts may set no modes, as on some file systems. */
static void no_modes(void) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fchmod, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

struct lost {
    size_t calls, modes, files;
    uint64_t count;
};

static void note(void *data, const ioaio_not_kept *lost) {
    struct lost *to = data;
    to->calls++;
    to->modes += !strcmp(lost->attribute, "mode") && lost->error == EPERM;
    to->files += !strcmp(lost->path + strlen(lost->path) - 5, "/file");
}

static void note_all(void *data, const ioaio_result *r) {
    struct lost *to = data;
    CHECK(r->error == 0 && r->result == 0);
    for (size_t n = 0; n < r->not_kept_len; n++)
        note(to, &r->not_kept[n]);
    to->count = r->not_kept_count;
}

static void not_kept(void) {
    struct lost of_copy = {0}, of_tree = {0}, of_both = {0};
    ioaio_progress *progress = ioaio_progress_new();
    CHECK(mkdirat(dir, "from", 0755) == 0 && mkdirat(dir, "to", 0755) == 0);
    put("from/file", "contents");
    /* More than the umask leaves to a file that is made. */
    umask(022);
    CHECK(fchmodat(dir, "from/file", 0646, 0) == 0);
    CHECK(ioaio_progress_not_kept(progress, note, &of_copy) == 0 && of_copy.calls == 0);
    CHECK(RUN(ioaio_copy(aio, dir, "from/file", dir, "to/file", 0, progress, HOW)) == 8);
    CHECK(ioaio_progress_not_kept(progress, note, &of_copy) == 1);
    CHECK(of_copy.calls == 1 && of_copy.modes == 1 && of_copy.files == 1);
    CHECK(ioaio_copy_tree(aio, dir, "from", dir, "tree2", 0, progress, 0, NULL, note_all, &of_tree));
    CHECK(ioaio_flush(aio) == 0);
    CHECK(of_tree.calls == 2 && of_tree.count == 2 && of_tree.modes == 2 && of_tree.files == 1);
    CHECK(ioaio_progress_not_kept(progress, note, &of_both) == 3 && of_both.files == 2);
    CHECK(ioaio_progress_not_kept(progress, NULL, NULL) == 3);
    ioaio_progress_free(progress);
}

int main(int argc, char **argv) {
    unsigned off = argc == 3 ? (unsigned)atoi(argv[2]) : 0;
    CHECK(argc == 3);
    dir = open(argv[1], O_RDONLY | O_DIRECTORY);
    aio = ioaio_new_with(off);
    CHECK(dir >= 0 && aio);
    into_what_is_there();
    modes();
    attributes();
    leftovers();
    ioaio_free(aio);
    no_modes();
    aio = ioaio_new_with(off);
    CHECK(aio);
    not_kept();
    ioaio_free(aio);
    puts("all");
    return 0;
}
