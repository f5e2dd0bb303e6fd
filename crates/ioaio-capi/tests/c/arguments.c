/* Each argument of each request means what it means to its system call: both are made, in directories that are the
 * same, and have to give the same result, or the same errno. Flags that a request does not know are EINVAL at
 * least. The arguments are a directory to work in, and IOAIO_NO_... for the engine. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define EACH(n, list) for (size_t n = 0; n < COUNT(list); n++)

static int ours, theirs; /* two directories */
static int differences;
static int two_errors; /* more than one argument is wrong: which errno comes of that is not said anywhere */
static const char *const paths[] = {"file", "dir", "link", "dangling", "none", "", ".", "..", "file/", "dir/", "link/",
    "dangling/", "none/", "file/x", "none/x", "dir/.", "dir/..", NULL};

static long long expected;
static int expected_error;

/* What a system call gave. */
static void note(long long result) {
    expected_error = result == -1 ? errno : 0;
    expected = result;
}

static void compare(const char *call, const char *what, long long arg, long long arg2, int same_result) {
    if (got.error == expected_error && (!same_result || got.result == expected))
        return;
    if (two_errors && got.error && expected_error)
        return;
    fprintf(stderr, "%s(%s, %#llx, %#llx): %lld %s, but %lld %s\n", call, what ? what : "NULL", arg, arg2, got.result,
        strerror(got.error), expected, strerror(expected_error));
    differences++;
}

#define SAME(name, what, arg, arg2, call, system)                                   \
    do {                                                                            \
        errno = 0;                                                                  \
        note(system);                                                               \
        RUN(call);                                                                  \
        compare(name, what, (long long)(arg), (long long)(arg2), 1);                \
    } while (0)

/* The same for a call that opens something. */
#define SAME_FD(name, what, arg, arg2, call, system)                                \
    do {                                                                            \
        int fds_[2];                                                                \
        errno = 0;                                                                  \
        note(fds_[1] = (int)(system));                                              \
        fds_[0] = (int)RUN(call);                                                   \
        compare(name, what, (long long)(arg), (long long)(arg2), 0);                \
        if (fds_[0] >= 0 && fds_[1] >= 0)                                           \
            same_file(name, fds_[0], fds_[1], arg);                                 \
        close(fds_[0]);                                                             \
        close(fds_[1]);                                                             \
    } while (0)

static void same_file(const char *name, int a, int b, long long arg) {
    struct stat one, two;
    CHECK(fstat(a, &one) == 0 && fstat(b, &two) == 0);
    if (one.st_mode != two.st_mode || fcntl(a, F_GETFL) != fcntl(b, F_GETFL)) {
        fprintf(stderr, "%s(%#llx): mode %o flags %#x, but mode %o flags %#x\n", name, arg, one.st_mode,
            fcntl(a, F_GETFL), two.st_mode, fcntl(b, F_GETFL));
        differences++;
    }
}

/* What a name is has to be the same. */
static void same_name(const char *call, const char *name, long long arg) {
    struct stat one, two;
    int a = fstatat(ours, name, &one, AT_SYMLINK_NOFOLLOW), b = fstatat(theirs, name, &two, AT_SYMLINK_NOFOLLOW);
    if (a != b || (!a && (one.st_mode != two.st_mode || one.st_rdev != two.st_rdev))) {
        fprintf(stderr, "%s(%s, %#llx): mode %o, but %o\n", call, name, arg, a ? 0 : one.st_mode, b ? 0 : two.st_mode);
        differences++;
    }
}

static void fill(int dir) {
    int fd = openat(dir, "file", O_RDWR | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, "hello world", 11) == 11 && close(fd) == 0);
    CHECK(fchmodat(dir, "file", 0644, 0) == 0);
    mkdirat(dir, "dir", 0755);
    symlinkat("file", dir, "link");
    symlinkat("nothing", dir, "dangling");
}
static void both_filled(void) {
    fill(ours);
    fill(theirs);
}
static void both_unlink(const char *name, int flags) {
    unlinkat(ours, name, flags);
    unlinkat(theirs, name, flags);
}

static const unsigned modes[] = {0, 0644, S_IFREG | 0644, S_IFDIR | 0755, 07777, 0177777, 06711, 0x80000000u | 0600};

static void opening(void) {
    static const int flags[] = {O_RDONLY, O_WRONLY, O_RDWR, O_ACCMODE, O_ASYNC, O_APPEND | O_WRONLY, O_CREAT | O_RDWR,
        O_CREAT | O_EXCL | O_WRONLY, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_PATH | O_RDWR | O_CREAT, O_TMPFILE | O_RDWR,
        O_TMPFILE, O_TRUNC | O_WRONLY, O_SYNC, O_DSYNC, O_NONBLOCK, O_NOATIME, O_NOCTTY, 0100000, O_CLOEXEC,
        O_DIRECTORY | O_RDWR, O_PATH | O_NOFOLLOW};
    EACH(p, paths)
    EACH(f, flags)
    EACH(m, modes) {
        both_unlink("none", 0);
        both_unlink("nothing", 0);
        two_errors = !paths[p] || !*paths[p];
        SAME_FD("open", paths[p], flags[f], modes[m], ioaio_open(aio, ours, paths[p], flags[f], modes[m], HOW),
            syscall(SYS_openat, theirs, paths[p], flags[f] | O_CLOEXEC, modes[m]));
    }
    two_errors = 0;
    both_unlink("none", 0);
    both_unlink("nothing", 0);
    for (int bit = 0; bit < 32; bit++) { /* what open(2) ignores */
        int flag = (int)(1u << bit);
        RUN(ioaio_open(aio, ours, "file", flag | O_RDWR, 0, HOW));
        if (got.result >= 0)
            close((int)got.result);
        else if (bit >= 23)
            CHECK(got.error == EINVAL);
    }
}

static void resolving(void) {
    static const int flags[] = {O_RDONLY, O_CREAT | O_RDWR, O_TMPFILE | O_RDWR, O_PATH, 1 << 30};
    static const uint64_t rules[] = {RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV,
        RESOLVE_NO_MAGICLINKS, RESOLVE_BENEATH | RESOLVE_IN_ROOT, 0x40, 1ull << 40};
    EACH(p, paths)
    EACH(f, flags)
    EACH(m, modes)
    EACH(r, rules) {
        struct open_how how = {(unsigned)flags[f] | O_CLOEXEC, modes[m], rules[r]};
        two_errors = !paths[p] || !*paths[p];
        both_unlink("none", 0);
        both_unlink("nothing", 0);
        SAME_FD("open_resolve", paths[p], flags[f], rules[r],
            ioaio_open_resolve(aio, ours, paths[p], flags[f], modes[m], rules[r], HOW),
            syscall(SYS_openat2, theirs, paths[p], &how, sizeof how));
    }
    two_errors = 0;
    both_unlink("none", 0);
    both_unlink("nothing", 0);
    FAILS(ioaio_open_resolve(aio, ours, NULL, O_RDONLY, 0, RESOLVE_BENEATH, HOW), EFAULT);
    EACH(p, paths)
    SAME_FD("open_dir", paths[p], O_PATH, 0, ioaio_open_dir(aio, ours, paths[p], HOW),
        openat(theirs, paths[p], O_PATH | O_DIRECTORY | O_CLOEXEC));
}

static void making(void) {
    static const unsigned kinds[] = {0, S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK, S_IFDIR, S_IFLNK, 0170000, 0030000};
    EACH(m, modes) {
        SAME("mkdir", "new", modes[m], 0, ioaio_mkdir(aio, ours, "new", modes[m], HOW), mkdirat(theirs, "new", modes[m]));
        same_name("mkdir", "new", modes[m]);
        both_unlink("new", AT_REMOVEDIR);
        CHECK(RUN(ioaio_mkdir_all(aio, ours, "new", modes[m], HOW)) == 0 && mkdirat(theirs, "new", modes[m]) == 0);
        same_name("mkdir_all", "new", modes[m]);
        both_unlink("new", AT_REMOVEDIR);
        EACH(k, kinds) {
            unsigned mode = kinds[k] | (modes[m] & 07777);
            SAME("mknod", "new", mode, 0, ioaio_mknod(aio, ours, "new", mode, makedev(1, 3), HOW),
                syscall(SYS_mknodat, theirs, "new", mode, makedev(1, 3)));
            same_name("mknod", "new", mode);
            both_unlink("new", 0);
        }
        SAME("chmod", "file", modes[m], 0, ioaio_chmod(aio, ours, "file", modes[m], HOW),
            fchmodat(theirs, "file", modes[m], 0));
        same_name("chmod", "file", modes[m]);
        int one = openat(ours, "dir", O_RDONLY), two = openat(theirs, "dir", O_RDONLY);
        SAME("fchmod", "dir", modes[m], 0, ioaio_fchmod(aio, one, modes[m], HOW), fchmod(two, modes[m]));
        same_name("fchmod", "dir", modes[m]);
        close(one);
        close(two);
        RUN(ioaio_save(aio, ours, "saved", "x", 1, modes[m], 0, HOW));
        CHECK(got.result == 0);
        one = openat(theirs, "saved", O_CREAT | O_WRONLY, modes[m] & 07777);
        CHECK(one >= 0 && write(one, "x", 1) == 1 && close(one) == 0); /* which takes rights away if not root does it */
        same_name("save", "saved", modes[m]);
        both_unlink("saved", 0);
    }
    CHECK(fchmodat(ours, "dir", 0755, 0) == 0 && fchmodat(theirs, "dir", 0755, 0) == 0);
    both_filled();
    EACH(p, paths) {
        SAME("mkdir", paths[p], 0, 0, ioaio_mkdir(aio, ours, paths[p], 0755, HOW), mkdirat(theirs, paths[p], 0755));
        both_unlink("none", AT_REMOVEDIR);
        SAME("mknod", paths[p], 0, 0, ioaio_mknod(aio, ours, paths[p], 0644, 0, HOW), mknodat(theirs, paths[p], 0644, 0));
        both_unlink("none", 0);
    }
}

static void names(void) {
    static const unsigned flags[] = {0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_NOREPLACE | RENAME_EXCHANGE, 8, 0x40,
        0x80000000u, ~0u};
    char buf[PATH_MAX];
    EACH(p, paths) {
        const char *path = paths[p];
        SAME("chmod", path, 0700, 0, ioaio_chmod(aio, ours, path, 0700, HOW), fchmodat(theirs, path, 0700, 0));
        SAME("readlink", path, 0, 0, ioaio_readlink(aio, ours, path, HOW), readlinkat(theirs, path, buf, sizeof buf));
        SAME("chown", path, 0, 0, ioaio_chown(aio, ours, path, (uid_t)-1, (gid_t)-1, HOW),
            fchownat(theirs, path, (uid_t)-1, (gid_t)-1, 0));
        SAME("lchown", path, 0, 0, ioaio_lchown(aio, ours, path, getuid(), getgid(), HOW),
            fchownat(theirs, path, getuid(), getgid(), AT_SYMLINK_NOFOLLOW));
        SAME("access", path, 0, 0, ioaio_access(aio, ours, path, R_OK, 0, HOW),
            syscall(SYS_faccessat2, theirs, path, R_OK, 0));
        EACH(q, paths) {
            two_errors = !path || !*path || !paths[q] || !*paths[q];
            SAME("symlink", paths[q], p, 0, ioaio_symlink(aio, path, ours, paths[q], HOW),
                symlinkat(path, theirs, paths[q]));
            both_unlink("none", 0);
            SAME("link", paths[q], p, 0, ioaio_link(aio, ours, path, ours, paths[q], HOW),
                linkat(theirs, path, theirs, paths[q], 0));
            both_unlink("none", 0);
            EACH(f, flags) {
                two_errors = !path || !*path || !paths[q] || !*paths[q] || f >= 3;
                SAME("rename", paths[q], p, flags[f],
                    ioaio_rename(aio, ours, path, ours, paths[q], (int)flags[f], HOW),
                    syscall(SYS_renameat2, theirs, path, theirs, paths[q], flags[f]));
                both_unlink("file", 0);
                both_unlink("none", 0);
                both_unlink("none", AT_REMOVEDIR);
                both_unlink("link", 0);
                both_unlink("link", AT_REMOVEDIR);
                both_unlink("dangling", 0);
                both_unlink("dangling", AT_REMOVEDIR);
                both_unlink("dir", 0);
                both_unlink("file", AT_REMOVEDIR);
                both_filled();
            }
        }
        two_errors = 0;
        SAME("unlink", path, 0, 0, ioaio_unlink(aio, ours, path, HOW), unlinkat(theirs, path, 0));
        both_filled();
        SAME("rmdir", path, 0, 0, ioaio_rmdir(aio, ours, path, HOW), unlinkat(theirs, path, AT_REMOVEDIR));
        both_filled();
    }
    SAME("unlink", "absolute", 0, 0, ioaio_unlink(aio, -1, "/none/none", HOW), unlinkat(-1, "/none/none", 0));
    SAME("unlink", "bad dirfd", 0, 0, ioaio_unlink(aio, -1, "none", HOW), unlinkat(-1, "none", 0));
    SAME("unlink", "file for a dirfd", 0, 0, ioaio_unlink(aio, 1, "none", HOW), unlinkat(1, "none", 0));
}

static void knowing(void) {
    static const int flags[] = {0, AT_SYMLINK_NOFOLLOW, AT_NO_AUTOMOUNT, AT_EMPTY_PATH, AT_STATX_FORCE_SYNC,
        AT_STATX_DONT_SYNC, AT_STATX_SYNC_TYPE, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, 0x10, AT_SYMLINK_FOLLOW,
        AT_REMOVEDIR, 0x10000, -1};
    static const unsigned masks[] = {0, STATX_BASIC_STATS, STATX_ALL, 0x80000000u};
    static const unsigned accesses[] = {F_OK, R_OK, W_OK, X_OK, 7, 8, 0x100, ~0u};
    static const int access_flags[] = {0, AT_EACCESS, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, AT_EMPTY_PATH | AT_EACCESS, 0x10,
        AT_SYMLINK_FOLLOW, AT_NO_AUTOMOUNT, -1};
    int one = openat(ours, "file", O_RDONLY), two = openat(theirs, "file", O_RDONLY);
    struct statx stx;
    struct stat st;
    EACH(p, paths) {
        SAME("stat", paths[p], 0, 0, ioaio_stat(aio, ours, paths[p], HOW), fstatat(theirs, paths[p], &st, 0));
        SAME("lstat", paths[p], 0, 0, ioaio_lstat(aio, ours, paths[p], HOW),
            fstatat(theirs, paths[p], &st, AT_SYMLINK_NOFOLLOW));
        two_errors = !paths[p] || !*paths[p];
        EACH(f, flags)
        EACH(m, masks) {
            if (!paths[p] && flags[f] & AT_EMPTY_PATH)
                continue; /* since Linux 6.11 as an empty path */
            SAME("statx", paths[p], flags[f], masks[m], ioaio_statx(aio, ours, paths[p], flags[f], masks[m], HOW),
                syscall(SYS_statx, theirs, paths[p], flags[f], masks[m], &stx));
        }
        EACH(f, access_flags)
        EACH(m, accesses) {
            if (!paths[p] && access_flags[f] & AT_EMPTY_PATH)
                continue;
            SAME("access", paths[p], access_flags[f], accesses[m],
                ioaio_access(aio, ours, paths[p], accesses[m], access_flags[f], HOW),
                syscall(SYS_faccessat2, theirs, paths[p], accesses[m], access_flags[f]));
        }
    }
    two_errors = 0;
    EACH(f, flags) {
        int known = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE;
        if (flags[f] & ~known) { /* some kernels do not look */
            FAILS(ioaio_fstatx(aio, one, flags[f], 0, HOW), EINVAL);
            continue;
        }
        EACH(m, masks)
        SAME("fstatx", "file", flags[f], masks[m], ioaio_fstatx(aio, one, flags[f], masks[m], HOW),
            syscall(SYS_statx, two, "", flags[f] | AT_EMPTY_PATH, masks[m], &stx));
    }
    SAME("statx", "", AT_EMPTY_PATH, 0, ioaio_statx(aio, AT_FDCWD, "", AT_EMPTY_PATH, STATX_ALL, HOW),
        syscall(SYS_statx, AT_FDCWD, "", AT_EMPTY_PATH, STATX_ALL, &stx));
    SAME("statx", "of a file", AT_EMPTY_PATH, 0, ioaio_statx(aio, one, "", AT_EMPTY_PATH, STATX_ALL, HOW),
        syscall(SYS_statx, two, "", AT_EMPTY_PATH, STATX_ALL, &stx));
    CHECK(((struct statx *)got.data)->stx_size == 11);
    SAME("fstat", "closed", 0, 0, ioaio_fstat(aio, 9999, HOW), fstat(9999, &st));
    close(one);
    close(two);
}

static void times(void) {
    static const struct timespec times[][2] = {{{1, 2}, {3, 4}}, {{1, 1000000000}, {3, 4}}, {{1, 2}, {3, -1}},
        {{1, UTIME_NOW}, {2, UTIME_OMIT}}, {{1, UTIME_OMIT}, {2, UTIME_OMIT}}, {{-5, 0}, {0, 999999999}},
        {{1, LONG_MAX}, {1, 1}}};
    int one = openat(ours, "file", O_RDWR), two = openat(theirs, "file", O_RDWR);
    for (size_t n = 0; n <= COUNT(times); n++) {
        const struct timespec *t = n < COUNT(times) ? times[n] : NULL;
        SAME("futimens", "file", n, 0, ioaio_futimens(aio, one, t, HOW), futimens(two, t));
        EACH(p, paths) {
            if (!paths[p])
                continue; /* utimensat(2) means the dirfd by it */
            two_errors = n == 1 || n == 2 || n == 6;
            SAME("utimens", paths[p], n, 0, ioaio_utimens(aio, ours, paths[p], t, HOW), utimensat(theirs, paths[p], t, 0));
            SAME("lutimens", paths[p], n, 0, ioaio_lutimens(aio, ours, paths[p], t, HOW),
                utimensat(theirs, paths[p], t, AT_SYMLINK_NOFOLLOW));
        }
    }
    two_errors = 0;
    close(one);
    close(two);
}

#include "arguments_files.h"

int main(int argc, char **argv) {
    CHECK(argc == 3);
    int dir = open(argv[1], O_RDONLY | O_DIRECTORY);
    CHECK(dir >= 0 && mkdirat(dir, "ours", 0755) == 0 && mkdirat(dir, "theirs", 0755) == 0);
    ours = openat(dir, "ours", O_RDONLY | O_DIRECTORY);
    theirs = openat(dir, "theirs", O_RDONLY | O_DIRECTORY);
    aio = ioaio_new_with((unsigned)atoi(argv[2]));
    CHECK(ours >= 0 && theirs >= 0 && aio);
    both_filled();
    opening();
    both_filled();
    resolving();
    both_filled();
    making();
    names();
    both_filled();
    knowing();
    times();
    both_filled();
    positions();
    vectors();
    spaces();
    locks();
    between();
    controls();
    attributes();
    memory();
    own_flags();
    ioaio_free(aio);
    if (differences)
        return 1;
    puts("all");
    return 0;
}
