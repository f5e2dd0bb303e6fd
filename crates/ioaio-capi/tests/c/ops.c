/* Every request from C, once at least. The arguments are a directory to work in, and IOAIO_NO_... for the engine. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

static int dir;

static int64_t forty_two(void *context) { return *(int *)context ? 42 : -EAGAIN; }

static int open_file(const char *name, int flags) {
    int fd = (int)RUN(ioaio_open(aio, dir, name, flags, 0644, HOW));
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) & FD_CLOEXEC);
    return fd;
}

static void simple(void) {
    int yes = 1, no = 0;
    CHECK(RUN(ioaio_nop(aio, HOW)) == 0);
    CHECK(RUN(ioaio_busy(aio, 0.001, HOW)) == 0);
    CHECK(RUN(ioaio_custom(aio, forty_two, &yes, HOW)) == 42);
    FAILS(ioaio_custom(aio, forty_two, &no, HOW), EAGAIN);
    FAILS(ioaio_custom(aio, NULL, NULL, HOW), EINVAL);
}

static void files(void) {
    char buf[64] = "";
    struct iovec iov[2] = {{buf, 3}, {buf + 10, 5}};
    struct iovec out[2] = {{"one ", 4}, {"two", 3}};
    int fd = open_file("file", O_RDWR | O_CREAT | O_EXCL), fd2;
    struct stat st;
    FAILS(ioaio_open(aio, dir, "file", O_RDWR | O_CREAT | O_EXCL, 0644, HOW), EEXIST);
    CHECK(RUN(ioaio_write(aio, fd, "hello world", 11, 0, HOW)) == 11);
    CHECK(RUN(ioaio_read(aio, fd, buf, sizeof buf, 6, HOW)) == 5 && !memcmp(buf, "world", 5));
    CHECK(RUN(ioaio_read(aio, fd, buf, 5, -1, HOW)) == 5 && !memcmp(buf, "hello", 5));
    CHECK(RUN(ioaio_seek(aio, fd, -5, SEEK_END, HOW)) == 6);
    FAILS(ioaio_seek(aio, fd, 0, 99, HOW), EINVAL);
    CHECK(RUN(ioaio_readv(aio, fd, iov, 2, 0, 0, HOW)) == 8 && !memcmp(buf, "hel", 3) && !memcmp(buf + 10, "lo wo", 5));
    FAILS(ioaio_readv(aio, fd, iov, -1, 0, 0, HOW), EINVAL);
    CHECK(RUN(ioaio_writev(aio, fd, out, 2, 20, 0, HOW)) == 7);
    CHECK(RUN(ioaio_append(aio, fd, "!", 1, HOW)) == 1);
    CHECK(RUN(ioaio_write_sync(aio, fd, "H", 1, 0, HOW)) == 0);
    CHECK(RUN(ioaio_open_read(aio, dir, "file", buf, 5, 0, HOW)) == 5 && !memcmp(buf, "Hello", 5));
    CHECK(RUN(ioaio_readahead(aio, fd, 0, 10, HOW)) == 0);
    CHECK(RUN(ioaio_fadvise(aio, fd, 0, 0, POSIX_FADV_RANDOM, HOW)) == 0);
    CHECK(RUN(ioaio_fsync(aio, fd, HOW)) == 0);
    CHECK(RUN(ioaio_fdatasync(aio, fd, HOW)) == 0);
    CHECK(RUN(ioaio_sync_file_range(aio, fd, 0, 0, SYNC_FILE_RANGE_WRITE, HOW)) == 0);
    CHECK(RUN(ioaio_fstat(aio, fd, HOW)) == 0 && got.len == sizeof st);
    CHECK(fstat(fd, &st) == 0 && !memcmp(&st, got.data, sizeof st));
    RUN(ioaio_allocate(aio, fd, FALLOC_FL_KEEP_SIZE, 0, 8192, HOW));
    CHECK(got.result == 0 || got.error == EOPNOTSUPP);
    CHECK(RUN(ioaio_ftruncate(aio, fd, 100, HOW)) == 0);
    fd2 = open_file("copy", O_RDWR | O_CREAT);
    CHECK(RUN(ioaio_sendfile(aio, fd2, fd, 0, 5, HOW)) == 5);
    CHECK(RUN(ioaio_copy_range(aio, fd, 0, fd2, 5, 10, HOW)) == 10);
    CHECK(RUN(ioaio_fchmod(aio, fd2, 0600, HOW)) == 0);
    CHECK(RUN(ioaio_fchown(aio, fd2, getuid(), (gid_t)-1, HOW)) == 0);
    CHECK(RUN(ioaio_futimens(aio, fd2, NULL, HOW)) == 0);
    CHECK(RUN(ioaio_fstatvfs(aio, fd2, HOW)) == 0 && got.len == sizeof(struct statvfs));
    CHECK(RUN(ioaio_fstatx(aio, fd2, 0, STATX_BASIC_STATS, HOW)) == 0);
    CHECK(((struct statx *)got.data)->stx_size == 15);
    CHECK(RUN(ioaio_flock(aio, fd, LOCK_EX, HOW)) == 0 && RUN(ioaio_flock(aio, fd, LOCK_UN, HOW)) == 0);
    CHECK(RUN(ioaio_lock_range(aio, fd, LOCK_EX, 0, 10, HOW)) == 0);
    CHECK(RUN(ioaio_fcntl(aio, fd, F_GETFL, NULL, HOW)) >= 0 && (got.result & O_ACCMODE) == O_RDWR);
    CHECK(RUN(ioaio_fiemap(aio, fd, 0, (size_t)-1, 0, -1, HOW)) >= 0 || got.error == EOPNOTSUPP);
    CHECK(RUN(ioaio_fiemap_count(aio, fd, 0, (size_t)-1, 0, HOW)) >= 0 || got.error == EOPNOTSUPP);
    RUN(ioaio_syncfs(aio, open("/proc/self/status", O_RDONLY), HOW));
    CHECK(got.result == 0);
    CHECK(RUN(ioaio_close(aio, fd2, HOW)) == 0 && fcntl(fd2, F_GETFD) == -1);
    FAILS(ioaio_close(aio, -1, HOW), EBADF);
    FAILS(ioaio_read(aio, -1, buf, 1, 0, HOW), EBADF);
    close(fd);
    fd = (int)RUN(ioaio_open(aio, dir, "", O_TMPFILE | O_RDWR, 0600, HOW));
    if (fd < 0)
        fd = (int)RUN(ioaio_open(aio, dir, ".", O_TMPFILE | O_RDWR, 0600, HOW));
    if (fd >= 0) {
        RUN(ioaio_link_file(aio, fd, dir, "linked", HOW));
        CHECK(got.result == 0 || got.error == ENOENT);
        close(fd);
    } else { /* a file system that has no such files */
        fd = open_file("file", O_RDONLY);
        RUN(ioaio_link_file(aio, fd, dir, "linked", HOW));
        close(fd);
    }
}

static void pipes(void) {
    int one[2], two[2], waiting = 0;
    char buf[16];
    element = sizeof(int);
    CHECK(RUN(ioaio_pipe(aio, 0, HOW)) == 0 && got.len == 2);
    memcpy(one, got.data, sizeof one);
    CHECK(RUN(ioaio_pipe(aio, O_NONBLOCK, HOW)) == 0);
    memcpy(two, got.data, sizeof two);
    element = 1;
    CHECK(RUN(ioaio_write(aio, one[1], "hello", 5, -1, HOW)) == 5);
    CHECK(RUN(ioaio_ioctl(aio, one[0], FIONREAD, &waiting, HOW)) == 0 && waiting == 5);
    CHECK(RUN(ioaio_tee(aio, one[0], two[1], 5, 0, HOW)) == 5);
    CHECK(RUN(ioaio_splice(aio, one[0], -1, two[1], -1, 5, 0, HOW)) == 5);
    CHECK(RUN(ioaio_read(aio, two[0], buf, sizeof buf, -1, HOW)) == 10 && !memcmp(buf, "hellohello", 10));
}

static void paths(void) {
    struct timespec times[2] = {{1000, 5}, {2000, UTIME_OMIT}};
    struct stat st;
    int fd;
    CHECK(RUN(ioaio_stat(aio, dir, "file", HOW)) == 0 && fstatat(dir, "file", &st, 0) == 0);
    CHECK(!memcmp(&st, got.data, sizeof st));
    FAILS(ioaio_stat(aio, dir, "none", HOW), ENOENT);
    FAILS(ioaio_stat(aio, dir, NULL, HOW), EFAULT);
    CHECK(RUN(ioaio_statx(aio, dir, "file", 0, STATX_SIZE, HOW)) == 0 && ((struct statx *)got.data)->stx_size == 100);
    CHECK(RUN(ioaio_statvfs(aio, dir, "file", HOW)) == 0 && ((struct statvfs *)got.data)->f_bsize > 0);
    CHECK(RUN(ioaio_access(aio, dir, "file", R_OK, 0, HOW)) == 0);
    CHECK(RUN(ioaio_symlink(aio, "file", dir, "link", HOW)) == 0);
    CHECK(RUN(ioaio_lstat(aio, dir, "link", HOW)) == 0 && S_ISLNK(((struct stat *)got.data)->st_mode));
    CHECK(RUN(ioaio_readlink(aio, dir, "link", HOW)) == 4 && got.len == 4 && !memcmp(got.data, "file", 4));
    CHECK(RUN(ioaio_realpath(aio, dir, "link", HOW)) > 5 && !strcmp(got.data + got.len - 5, "/file"));
    CHECK(RUN(ioaio_link(aio, dir, "file", dir, "hard", HOW)) == 0);
    CHECK(RUN(ioaio_rename(aio, dir, "hard", dir, "moved", 0, HOW)) == 0);
    FAILS(ioaio_rename(aio, dir, "moved", dir, "file", RENAME_NOREPLACE, HOW), EEXIST);
    CHECK(RUN(ioaio_utimens(aio, dir, "file", times, HOW)) == 0 && fstatat(dir, "file", &st, 0) == 0);
    CHECK(st.st_atim.tv_sec == 1000 && st.st_atim.tv_nsec == 5 && st.st_mtim.tv_sec != 2000);
    CHECK(RUN(ioaio_lutimens(aio, dir, "link", times, HOW)) == 0);
    CHECK(RUN(ioaio_chmod(aio, dir, "file", 0640, HOW)) == 0 && fstatat(dir, "file", &st, 0) == 0);
    CHECK((st.st_mode & 07777) == 0640);
    CHECK(RUN(ioaio_chown(aio, dir, "file", (uid_t)-1, getgid(), HOW)) == 0);
    CHECK(RUN(ioaio_lchown(aio, dir, "link", (uid_t)-1, (gid_t)-1, HOW)) == 0);
    CHECK(RUN(ioaio_truncate(aio, dir, "moved", 50, HOW)) == 0 && fstatat(dir, "file", &st, 0) == 0 && st.st_size == 50);
    FAILS(ioaio_truncate(aio, dir, "moved", -1, HOW), EINVAL);
    CHECK(RUN(ioaio_mkdir(aio, dir, "sub", 0755, HOW)) == 0);
    CHECK(RUN(ioaio_mkdir_all(aio, dir, "deep/er/est", 0755, HOW)) == 0);
    CHECK(RUN(ioaio_rmdir(aio, dir, "deep/er/est", HOW)) == 0);
    CHECK(RUN(ioaio_mknod(aio, dir, "fifo", S_IFIFO | 0600, 0, HOW)) == 0);
    CHECK(RUN(ioaio_unlink(aio, dir, "fifo", HOW)) == 0);
    element = sizeof(ioaio_dirent);
    CHECK(RUN(ioaio_read_dir(aio, dir, ".", IOAIO_DIRS_FIRST | IOAIO_KINDS, HOW)) > 4);
    CHECK(((ioaio_dirent *)got.data)->kind == DT_DIR);
    CHECK(RUN(ioaio_scan(aio, dir, ".", HOW)) == 2 && got.len > 4); /* sub and deep */
    CHECK(((ioaio_dirent *)got.data)[1].kind == DT_DIR && ((ioaio_dirent *)got.data)[2].kind != DT_DIR);
    element = 1;
    CHECK(RUN(ioaio_open_resolve(aio, dir, "../x", O_RDONLY, 0, 8 /* RESOLVE_BENEATH */, HOW)) == -1);
    CHECK(got.error == EXDEV || got.error == ENOSYS);
    fd = (int)RUN(ioaio_open_dir(aio, dir, "sub", HOW));
    CHECK(fd >= 0 && RUN(ioaio_stat(aio, fd, "../file", HOW)) == 0);
    close(fd);
}

static void attributes(void) {
    int fd = open_file("file", O_RDWR);
    if (RUN(ioaio_setxattr(aio, dir, "file", "user.one", "value", 5, 0, HOW)) == -1) {
        CHECK(got.error == EOPNOTSUPP);
        fprintf(stderr, "skipped: no extended attributes here\n");
    }
    int have = got.result == 0;
#define EXPECT(call, want) (RUN(call), have ? got.result == (want) : got.result == -1)
    CHECK(EXPECT(ioaio_getxattr(aio, dir, "file", "user.one", HOW), 5) && (!have || !memcmp(got.data, "value", 5)));
    CHECK(EXPECT(ioaio_lgetxattr(aio, dir, "file", "user.one", HOW), 5));
    CHECK(EXPECT(ioaio_fgetxattr(aio, fd, "user.one", HOW), 5));
    CHECK(EXPECT(ioaio_lsetxattr(aio, dir, "file", "user.two", "2", 1, XATTR_CREATE, HOW), 0));
    CHECK(EXPECT(ioaio_fsetxattr(aio, fd, "user.three", "3", 1, 0, HOW), 0));
    RUN(ioaio_listxattr(aio, dir, "file", HOW));
    CHECK(!have || got.len >= 9 + 9 + 11);
    RUN(ioaio_llistxattr(aio, dir, "file", HOW));
    CHECK(!have || got.len >= 29);
    RUN(ioaio_flistxattr(aio, fd, HOW));
    CHECK(!have || got.len >= 29);
    CHECK(EXPECT(ioaio_removexattr(aio, dir, "file", "user.one", HOW), 0));
    CHECK(EXPECT(ioaio_lremovexattr(aio, dir, "file", "user.two", HOW), 0));
    CHECK(EXPECT(ioaio_fremovexattr(aio, fd, "user.three", HOW), 0));
    close(fd);
}

static void memory(void) {
    size_t len = 1 << 20;
    char *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(RUN(ioaio_mtouch(aio, map, len, IOAIO_MODIFY, HOW)) == 0);
    FAILS(ioaio_mtouch(aio, map, len, 1, HOW), EINVAL);
    CHECK(RUN(ioaio_msync(aio, map + 100, 10, MS_SYNC, HOW)) == 0);
    CHECK(RUN(ioaio_madvise(aio, map, len, MADV_DONTNEED, HOW)) == 0);
    FAILS(ioaio_madvise(aio, map, len, 9999, HOW), EINVAL);
    RUN(ioaio_mlock(aio, map, 4096, HOW));
    CHECK(got.result == 0 || got.error == ENOMEM || got.error == EPERM);
    CHECK(RUN(ioaio_munlock(aio, map, 4096, HOW)) == 0);
    FAILS(ioaio_mlockall(aio, 0, HOW), EINVAL);
    CHECK(RUN(ioaio_munlockall(aio, HOW)) == 0);
    munmap(map, len);
}

static void composites(void) {
    ioaio_progress *progress = ioaio_progress_new();
    CHECK(RUN(ioaio_save(aio, dir, "saved", "contents", 8, 0644, IOAIO_DURABLE, HOW)) == 0);
    FAILS(ioaio_save(aio, dir, "saved", "x", 1, 0644, IOAIO_NO_REPLACE, HOW), EEXIST);
    CHECK(RUN(ioaio_symlink(aio, "saved", dir, "to_saved", HOW)) == 0);
    FAILS(ioaio_save(aio, dir, "to_saved", "x", 1, 0644, 0, HOW), ELOOP);
    CHECK(RUN(ioaio_save(aio, dir, "to_saved", "contents", 8, 0644, IOAIO_FOLLOW, HOW)) == 0);
    CHECK(RUN(ioaio_copy(aio, dir, "saved", dir, "to_saved", 0, NULL, HOW)) == 8);
    CHECK(RUN(ioaio_unlink(aio, dir, "to_saved", HOW)) == 0);
    CHECK(RUN(ioaio_mknod(aio, dir, "fifo", S_IFIFO | 0600, 0, HOW)) == 0);
    FAILS(ioaio_save(aio, dir, "fifo", "x", 1, 0644, 0, HOW), EINVAL);
    FAILS(ioaio_save(aio, dir, "fifo", "x", 1, 0644, IOAIO_WRITE_THROUGH, HOW), ENXIO);
    CHECK(RUN(ioaio_unlink(aio, dir, "fifo", HOW)) == 0);
    CHECK(RUN(ioaio_load(aio, dir, "saved", HOW)) == 8 && !memcmp(got.data, "contents", 8));
    CHECK(RUN(ioaio_load_part(aio, dir, "saved", 2, 3, HOW)) == 3 && !memcmp(got.data, "nte", 3));
    CHECK(RUN(ioaio_copy(aio, dir, "saved", dir, "saved2", IOAIO_DURABLE, NULL, HOW)) == 8);
    FAILS(ioaio_copy(aio, dir, "saved", dir, "saved2", IOAIO_NO_REPLACE, NULL, HOW), EEXIST);
    CHECK(RUN(ioaio_symlink(aio, "saved", dir, "to_saved", HOW)) == 0);
    CHECK(RUN(ioaio_copy(aio, dir, "to_saved", dir, "to_saved2", IOAIO_NO_FOLLOW, NULL, HOW)) >= 0);
    CHECK(RUN(ioaio_readlink(aio, dir, "to_saved2", HOW)) == 5);
    CHECK(RUN(ioaio_mknod(aio, dir, "pipe", S_IFIFO | 0600, 0, HOW)) == 0);
    FAILS(ioaio_copy(aio, dir, "pipe", dir, "pipe2", 0, NULL, HOW), EINVAL);
    CHECK(RUN(ioaio_copy(aio, dir, "pipe", dir, "pipe2", IOAIO_SPECIAL, NULL, HOW)) == 0);
    FAILS(ioaio_move(aio, dir, "saved2", dir, "saved", IOAIO_NO_REPLACE, NULL, HOW), EEXIST);
    CHECK(RUN(ioaio_move(aio, dir, "saved2", dir, "sub/saved", 0, NULL, HOW)) == 0);
    CHECK(RUN(ioaio_chmod(aio, dir, "saved", 0640, HOW)) == 0);
    CHECK(RUN(ioaio_save(aio, dir, "saved", "contents", 8, 0600, IOAIO_KEEP, HOW)) == 0);
    CHECK(RUN(ioaio_stat(aio, dir, "saved", HOW)) == 0 && (((struct stat *)got.data)->st_mode & 07777) == 0640);
    CHECK(RUN(ioaio_copy_tree(aio, dir, "sub", dir, "sub2", 0, progress, HOW)) == 0);
    CHECK(ioaio_progress_entries(progress) == 2 && ioaio_progress_bytes(progress) == 8);
    CHECK(RUN(ioaio_copy_tree(aio, dir, "sub", dir, "sub3", IOAIO_KEEP_GOING, NULL, HOW)) == 0 && got.len == 0);
    FAILS(ioaio_copy(aio, dir, "none", dir, "x", 0, NULL, HOW), ENOENT);
    CHECK(!strcmp(got.path, "none") && got.call[0]);
    FAILS(ioaio_load(aio, dir, "sub/none", HOW), ENOENT);
    CHECK(!strcmp(got.path, "sub/none"));
    FAILS(ioaio_stat(aio, dir, "none", HOW), ENOENT);
    CHECK(!got.path[0]);
    CHECK(RUN(ioaio_du(aio, dir, "sub2", 0, NULL, HOW)) == 0 && got.len == sizeof(ioaio_usage));
    CHECK(((ioaio_usage *)got.data)->files == 1 && ((ioaio_usage *)got.data)->dirs == 1);
    CHECK(RUN(ioaio_pathsync(aio, dir, "sub2", HOW)) == 0);
    CHECK(RUN(ioaio_remove_tree(aio, dir, "sub2", 0, NULL, HOW)) == 0);
    FAILS(ioaio_stat(aio, dir, "sub2", HOW), ENOENT);
    FAILS(ioaio_remove_tree(aio, dir, "saved", 0, NULL, HOW), ENOTDIR);
    ioaio_progress_free(progress);
}

static void temporary(void) {
    char path[64];
    struct stat st;
    int fd;
    CHECK(RUN(ioaio_mkdtemp(aio, dir, "work-XXXXXX", HOW)) == 11 && got.len == 11 && !memcmp(got.data, "work-", 5));
    strcpy(path, got.data);
    CHECK(fstatat(dir, path, &st, 0) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0700);
    CHECK((fd = (int)RUN(ioaio_mkstemp(aio, dir, "part-XXXXXX", HOW))) >= 0 && got.len == 11);
    strcpy(path, got.data);
    CHECK(fstatat(dir, path, &st, 0) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0600);
    CHECK(write(fd, "x", 1) == 1 && fcntl(fd, F_GETFD) & FD_CLOEXEC && close(fd) == 0);
    FAILS(ioaio_mkdtemp(aio, dir, "XXXXX", HOW), EINVAL);
    FAILS(ioaio_mkstemp(aio, dir, "none/XXXXXX", HOW), ENOENT);
}

/* The same by number. */
static void generic(void) {
    ioaio_args args = IOAIO_ARGS_INIT;
    char buf[8];
    args.op = IOAIO_OP_OPEN;
    args.dirfd = dir;
    args.path = "saved";
    args.flags = O_RDONLY;
    args.fd = (int)RUN(ioaio_submit(aio, &args, HOW));
    CHECK(args.fd >= 0);
    args.op = IOAIO_OP_READ;
    args.buf = buf;
    args.len = sizeof buf;
    CHECK(RUN(ioaio_submit(aio, &args, HOW)) == 8 && !memcmp(buf, "contents", 8));
    args.op = IOAIO_OP_CLOSE;
    CHECK(RUN(ioaio_submit(aio, &args, HOW)) == 0);
    args.op = 12345;
    errno = 0;
    CHECK(ioaio_submit(aio, &args, HOW) == NULL && errno == EINVAL);
}

/* A program that was made with a later header, or with none. */
static void sizes(void) {
    struct {
        ioaio_args known;
        long long later;
    } args = {IOAIO_ARGS_INIT, 0};
    args.known.size = sizeof args;
    args.known.op = IOAIO_OP_STAT;
    args.known.dirfd = dir;
    args.known.path = "saved";
    CHECK(RUN(ioaio_submit(aio, &args.known, HOW)) == 0);
    args.later = 1;
    errno = 0;
    CHECK(ioaio_submit(aio, &args.known, HOW) == NULL && errno == E2BIG);
    args.known.size = sizeof args.known - 1;
    CHECK(ioaio_submit(aio, &args.known, HOW) == NULL && errno == EINVAL);
    args.known.size = 0;
    CHECK(ioaio_submit(aio, &args.known, HOW) == NULL && errno == EINVAL);
}

int main(int argc, char **argv) {
    CHECK(argc == 3);
    dir = open(argv[1], O_RDONLY | O_DIRECTORY);
    aio = ioaio_new_with((unsigned)atoi(argv[2]));
    CHECK(dir >= 0 && aio);
    simple();
    files();
    pipes();
    paths();
    attributes();
    memory();
    composites();
    temporary();
    generic();
    sizes();
    if (getenv("IOAIO_TEST_SYNC"))
        CHECK(RUN(ioaio_sync(aio, HOW)) == 0);
    CHECK(ioaio_nreqs(aio) == 0);
    ioaio_free(aio);
    puts("all");
    return 0;
}
