/* The part of arguments.c that is about open files, attributes and memory. */

static void *volatile nothing; /* a NULL that compilers do not warn of */
static const off_t offsets[] = {0, 3, 11, 100, -2, -4096, LLONG_MIN, LLONG_MAX, LLONG_MAX - 4096};

static void both_open(int fds[2], int flags) {
    fds[0] = openat(ours, "file", flags);
    fds[1] = openat(theirs, "file", flags);
    CHECK(fds[0] >= 0 && fds[1] >= 0);
}
static void both_close(int fds[2]) {
    close(fds[0]);
    close(fds[1]);
}

static void positions(void) {
    static const size_t lengths[] = {0, 1, 64, (size_t)SSIZE_MAX + 1, SIZE_MAX};
    static const int access[] = {O_RDONLY, O_WRONLY, O_RDWR, O_PATH};
    static const int whences[] = {SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE, 5, 99, -1};
    char buf[64] = "some text";
    EACH(a, access) {
        int fd[2];
        both_open(fd, access[a]);
        two_errors = access[a] != O_RDWR;
        EACH(o, offsets) {
            EACH(l, lengths) {
                if (lengths[l] > 64 && (access[a] != O_RDWR || offsets[o] < 0))
                    continue; /* two errors, of which either is right */
                SAME("read", "", offsets[o], lengths[l], ioaio_read(aio, fd[0], buf, lengths[l], offsets[o], HOW),
                    pread(fd[1], buf, lengths[l], offsets[o]));
                if (offsets[o] < 1 << 20)
                    SAME("write", "", offsets[o], lengths[l],
                        ioaio_write(aio, fd[0], buf, lengths[l], offsets[o], HOW),
                        pwrite(fd[1], buf, lengths[l], offsets[o]));
                if (lengths[l] > 64 || offsets[o] < 0)
                    continue;
                SAME("readahead", "", offsets[o], lengths[l], ioaio_readahead(aio, fd[0], offsets[o], lengths[l], HOW),
                    readahead(fd[1], offsets[o], lengths[l]));
            }
            EACH(w, whences)
            SAME("seek", "", offsets[o], whences[w], ioaio_seek(aio, fd[0], offsets[o], whences[w], HOW),
                lseek(fd[1], offsets[o], whences[w]));
            lseek(fd[0], 0, SEEK_SET);
            lseek(fd[1], 0, SEEK_SET);
            if (offsets[o] > 1 << 20)
                continue;
            SAME("ftruncate", "", offsets[o], 0, ioaio_ftruncate(aio, fd[0], offsets[o], HOW), ftruncate(fd[1], offsets[o]));
            SAME("truncate", "file", offsets[o], 0, ioaio_truncate(aio, ours, "file", offsets[o], HOW),
                fchdir(theirs) ? -1 : truncate("file", offsets[o]));
        }
        two_errors = 0;
        SAME("read", "own position", 0, 0, ioaio_read(aio, fd[0], buf, 5, -1, HOW), read(fd[1], buf, 5));
        SAME("write", "own position", 0, 0, ioaio_write(aio, fd[0], buf, 5, -1, HOW), write(fd[1], buf, 5));
        SAME("fsync", "", access[a], 0, ioaio_fsync(aio, fd[0], HOW), fsync(fd[1]));
        SAME("fdatasync", "", access[a], 0, ioaio_fdatasync(aio, fd[0], HOW), fdatasync(fd[1]));
        both_close(fd);
        both_filled();
        two_errors = 0;
    }
    int fd[2];
    both_open(fd, O_RDWR);
    SAME("read", "NULL", 0, 0, ioaio_read(aio, fd[0], NULL, 1, 0, HOW), pread(fd[1], nothing, 1, 0));
    SAME("write", "NULL", 0, 0, ioaio_write(aio, fd[0], NULL, 1, 0, HOW), pwrite(fd[1], nothing, 1, 0));
    both_close(fd);
    SAME("close", "", -1, 0, ioaio_close(aio, -1, HOW), close(-1));
    SAME("close", "", 9999, 0, ioaio_close(aio, 9999, HOW), close(9999));
}

static void vectors(void) {
    static const int counts[] = {0, 1, 2, 1025, -1, INT_MIN, INT_MAX};
    static const unsigned flags[] = {0, 0x100, 0x8000, 0x80000000u};
    static char a[4], b[4];
    static const struct iovec iov[] = {{a, 4}, {b, 4}}, bad[] = {{a, 4}, {NULL, 4}}, long_one[] = {{a, SIZE_MAX}};
    int fd[2];
    both_open(fd, O_RDWR);
    EACH(c, counts)
    EACH(f, flags)
    EACH(o, offsets) {
        int few = counts[c] >= 0 && counts[c] <= 2;
        if ((!few && offsets[o] < 0) || (!counts[c] && flags[f]))
            continue; /* two errors, or none because nothing is read */
        two_errors = flags[f] && offsets[o] > 1 << 20;
        SAME("readv", "", counts[c], flags[f], ioaio_readv(aio, fd[0], iov, counts[c], offsets[o], (int)flags[f], HOW),
            preadv2(fd[1], iov, counts[c], offsets[o], (int)flags[f]));
        if (offsets[o] < 1 << 20)
            SAME("writev", "", counts[c], flags[f],
                ioaio_writev(aio, fd[0], iov, counts[c], offsets[o], (int)flags[f], HOW),
                pwritev2(fd[1], iov, counts[c], offsets[o], (int)flags[f]));
    }
    two_errors = 0;
    SAME("writev", "NULL inside", 0, 0, ioaio_writev(aio, fd[0], bad + 1, 1, 0, 0, HOW), pwritev2(fd[1], bad + 1, 1, 0, 0));
    SAME("readv", "long", 0, 0, ioaio_readv(aio, fd[0], long_one, 1, 0, 0, HOW), preadv2(fd[1], long_one, 1, 0, 0));
    SAME("readv", "NULL", 0, 0, ioaio_readv(aio, fd[0], NULL, 2, 0, 0, HOW), preadv2(fd[1], (struct iovec *)nothing, 2, 0, 0));
    SAME("readv", "own position", 0, 0, ioaio_readv(aio, fd[0], iov, 2, -1, 0, HOW), preadv2(fd[1], iov, 2, -1, 0));
    SAME("append", "", 0, 0, ioaio_append(aio, fd[0], "abc", 3, HOW),
        pwritev2(fd[1], &(struct iovec){"abc", 3}, 1, 0, RWF_APPEND));
    both_close(fd);
}

static int advise(int fd, off_t off, off_t len, int advice) {
    errno = posix_fadvise(fd, off, len, advice);
    return errno ? -1 : 0;
}

static void spaces(void) {
    static const unsigned flags[] = {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
        0x8000, 0x80000000u};
    static const off_t lengths[] = {0, 1, 4096, -1, LLONG_MIN, LLONG_MAX};
    int fd[2], ends[2];
    both_open(fd, O_RDWR);
    CHECK(pipe(ends) == 0);
    EACH(o, offsets)
    EACH(l, lengths) {
        EACH(f, flags)
        SAME("allocate", "", offsets[o], lengths[l],
            ioaio_allocate(aio, fd[0], (int)flags[f], offsets[o], (size_t)lengths[l], HOW),
            fallocate(fd[1], (int)flags[f], offsets[o], lengths[l]));
        for (int f = 0; f < 10; f++)
            SAME("sync_file_range", "", offsets[o], f,
                ioaio_sync_file_range(aio, fd[0], offsets[o], (size_t)lengths[l], f, HOW),
                sync_file_range(fd[1], offsets[o], lengths[l], (unsigned)f));
        for (int f = -1; f < 10; f++)
            if (offsets[o] >= 0 && lengths[l] >= 0)
                SAME("fadvise", "", offsets[o], f, ioaio_fadvise(aio, fd[0], offsets[o], (size_t)lengths[l], f, HOW),
                    advise(fd[1], offsets[o], lengths[l], f));
    }
    SAME("fadvise", "", 0, 99, ioaio_fadvise(aio, fd[0], 0, 0, 99, HOW), advise(fd[1], 0, 0, 99));
    SAME("fadvise", "pipe", 0, 0, ioaio_fadvise(aio, ends[0], 0, 0, 0, HOW), advise(ends[0], 0, 0, 0));
    SAME("readahead", "pipe", 0, 0, ioaio_readahead(aio, ends[0], 0, 1, HOW), readahead(ends[0], 0, 1));
    SAME("readahead", "closed", 0, 0, ioaio_readahead(aio, -1, 0, 1, HOW), readahead(-1, 0, 1));
    SAME("seek", "pipe", 0, 0, ioaio_seek(aio, ends[0], 0, 0, HOW), lseek(ends[0], 0, 0));
    SAME("read", "pipe", 0, 0, ioaio_read(aio, ends[0], &(char){0}, 1, 0, HOW), pread(ends[0], &(char){0}, 1, 0));
    both_close(ends);
    both_close(fd);
    both_filled();
}

static int lock(int fd, short type, off_t start, off_t len) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    return fcntl(fd, F_OFD_SETLK, &lock);
}

static void locks(void) {
    int fd[2], other[2];
    both_open(fd, O_RDWR);
    both_open(other, O_RDWR);
    for (int f = -1; f < 40; f++) {
        if (f & 32)
            continue; /* LOCK_MAND, which kernels have taken in different ways */
        SAME("flock", "", f, 0, ioaio_flock(aio, fd[0], f, HOW), flock(fd[1], f));
        int a = flock(other[0], LOCK_EX | LOCK_NB), b = flock(other[1], LOCK_EX | LOCK_NB);
        CHECK(a == b); /* what is held is the same */
        flock(other[0], LOCK_UN);
        flock(other[1], LOCK_UN);
    }
    CHECK(flock(fd[0], LOCK_EX) == 0);
    FAILS(ioaio_flock(aio, fd[0], LOCK_SH | LOCK_EX, HOW), EINVAL);
    CHECK(flock(other[0], LOCK_EX | LOCK_NB) == -1);
    FAILS(ioaio_flock(aio, other[0], LOCK_EX | LOCK_NB, HOW), EWOULDBLOCK);
    EACH(o, offsets) {
        SAME("lock_range", "", offsets[o], 0, ioaio_lock_range(aio, fd[0], LOCK_EX, offsets[o], 1, HOW),
            lock(fd[1], F_WRLCK, offsets[o], 1));
        SAME("lock_range", "", offsets[o], 1, ioaio_lock_range(aio, fd[0], LOCK_UN, offsets[o], 1, HOW),
            lock(fd[1], F_UNLCK, offsets[o], 1));
    }
    FAILS(ioaio_lock_range(aio, fd[0], 0, 0, 1, HOW), EINVAL);
    FAILS(ioaio_lock_range(aio, fd[0], LOCK_SH | LOCK_UN, 0, 1, HOW), EINVAL);
    both_close(other);
    both_close(fd);
}

static void between(void) {
    static const unsigned flags[] = {0, 1, 2, 4, 8, 15, 16, 0x80000000u};
    static const int pipe_flags[] = {0, O_NONBLOCK, O_DIRECT, O_CLOEXEC, O_APPEND, 1, -1};
    int fd[2], one[2], two[2], ends[2];
    off_t off;
    CHECK(pipe2(one, O_NONBLOCK) == 0 && pipe2(two, O_NONBLOCK) == 0);
    EACH(f, pipe_flags) {
        SAME("pipe", "", pipe_flags[f], 0, ioaio_pipe(aio, pipe_flags[f], HOW), pipe2(ends, pipe_flags[f]));
        if (!got.error) {
            int made[2];
            memcpy(made, got.data, sizeof made);
            both_close(made);
            both_close(ends);
        }
    }
    both_open(fd, O_RDWR);
    EACH(f, flags) {
        SAME("splice", "", flags[f], 0, ioaio_splice(aio, fd[0], 0, one[1], -1, 5, (int)flags[f], HOW),
            splice(fd[1], &(off_t){0}, two[1], NULL, 5, flags[f]));
        SAME("tee", "", flags[f], 0, ioaio_tee(aio, one[0], one[0], 5, (int)flags[f], HOW), tee(two[0], two[0], 5, flags[f]));
    }
    SAME("splice", "offset of a pipe", 0, 0, ioaio_splice(aio, fd[0], 0, one[1], 0, 5, 0, HOW),
        splice(fd[1], &(off_t){0}, two[1], &(off_t){0}, 5, 0));
    SAME("splice", "no pipe", 0, 0, ioaio_splice(aio, fd[0], 0, fd[0], 5, 5, 0, HOW),
        splice(fd[1], &(off_t){0}, fd[1], &(off_t){5}, 5, 0));
    EACH(o, offsets) {
        off = offsets[o];
        two_errors = off < 0; /* it is EOVERFLOW for some of them */
        SAME("copy_range", "", off, 0, ioaio_copy_range(aio, fd[0], offsets[o], fd[0], 50, 5, HOW),
            copy_file_range(fd[1], &off, fd[1], &(off_t){50}, 5, 0));
        two_errors = 0;
        off = offsets[o];
        SAME("sendfile", "", off, 0, ioaio_sendfile(aio, one[1], fd[0], offsets[o], 5, HOW), sendfile(two[1], fd[1], &off, 5));
    }
    SAME("sendfile", "closed", 0, 0, ioaio_sendfile(aio, -1, fd[0], 0, 5, HOW), sendfile(-1, fd[1], NULL, 5));
    both_close(fd);
    both_close(one);
    both_close(two);
    both_filled();
}

static int fiemap(int fd, off_t off, uint64_t len, unsigned flags) {
    struct fiemap map = {.fm_start = (uint64_t)off, .fm_length = len, .fm_flags = flags};
    return ioctl(fd, FS_IOC_FIEMAP, &map) ? -1 : (int)map.fm_mapped_extents;
}

static void controls(void) {
    static const int commands[] = {F_GETFD, F_GETFL, F_GETLEASE, F_GETPIPE_SZ, F_GETOWN, 9999, -1};
    static const unsigned long requests[] = {FIONREAD, FS_IOC_FIEMAP, FS_IOC_GETFLAGS, 0xdeadbeef, 0, TIOCGWINSZ};
    int fd[2], waiting = 0;
    both_open(fd, O_RDWR);
    EACH(c, commands)
    SAME("fcntl", "", commands[c], 0, ioaio_fcntl(aio, fd[0], commands[c], NULL, HOW), fcntl(fd[1], commands[c], NULL));
    EACH(r, requests)
    SAME("ioctl", "NULL", requests[r], 0, ioaio_ioctl(aio, fd[0], requests[r], NULL, HOW), ioctl(fd[1], requests[r], NULL));
    SAME("ioctl", "", FIONREAD, 0, ioaio_ioctl(aio, fd[0], FIONREAD, &waiting, HOW), ioctl(fd[1], FIONREAD, &(int){0}));
    SAME("ioctl", "closed", 0, 0, ioaio_ioctl(aio, 9999, FIONREAD, NULL, HOW), ioctl(9999, FIONREAD, NULL));
    static const unsigned flags[] = {0, FIEMAP_FLAG_SYNC, FIEMAP_FLAG_XATTR, 0x63, 0x40000000, 0x80000000u};
    static const uint64_t lengths[] = {0, 1, 4096, UINT64_MAX};
    EACH(f, flags)
    EACH(l, lengths)
    SAME("fiemap_count", "", flags[f], lengths[l],
        ioaio_fiemap_count(aio, fd[0], 0, (size_t)lengths[l], (int)flags[f], HOW), fiemap(fd[1], 0, lengths[l], flags[f]));
    SAME("fiemap", "flags", 0, 0, ioaio_fiemap(aio, fd[0], 0, 4096, 0x40000000, 0, HOW), fiemap(fd[1], 0, 4096, 0x40000000));
    FAILS(ioaio_fiemap(aio, fd[0], 0, 4096, 0, -2, HOW), EINVAL);
    both_close(fd);
    struct statvfs found;
    EACH(p, paths)
    SAME("statvfs", paths[p], 0, 0, ioaio_statvfs(aio, ours, paths[p], HOW),
        fchdir(theirs) ? -1 : statvfs(paths[p], &found));
    SAME("fstatvfs", "closed", 0, 0, ioaio_fstatvfs(aio, -1, HOW), fstatvfs(-1, &found));
    SAME("syncfs", "closed", 0, 0, ioaio_syncfs(aio, -1, HOW), syncfs(-1));
    EACH(p, paths) {
        char path[PATH_MAX];
        if (paths[p])
            SAME("realpath", paths[p], 0, 0, ioaio_realpath(aio, theirs, paths[p], HOW),
                fchdir(theirs) || !realpath(paths[p], path) ? -1 : (long long)strlen(path));
    }
    FAILS(ioaio_realpath(aio, ours, NULL, HOW), EFAULT);
}

static void attributes(void) {
    static const unsigned flags[] = {0, XATTR_CREATE, XATTR_REPLACE, 3, 4, 0x80000000u};
    static const char *const names[] = {"user.x", "user.", "", "x", "none.x", NULL};
    static const size_t sizes[] = {0, 1, 65537, SIZE_MAX};
    static char value[70000];
    char room[64];
    int fd[2];
    both_open(fd, O_RDWR);
    EACH(n, names) {
        EACH(f, flags)
        EACH(s, sizes) {
            two_errors = n != 0 || (flags[f] > 2 && sizes[s] > 1);
            SAME("fsetxattr", names[n], flags[f], sizes[s],
                ioaio_fsetxattr(aio, fd[0], names[n], value, sizes[s], (int)flags[f], HOW),
                fsetxattr(fd[1], names[n], value, sizes[s], (int)flags[f]));
        }
        SAME("fgetxattr", names[n], 0, 0, ioaio_fgetxattr(aio, fd[0], names[n], HOW), fgetxattr(fd[1], names[n], room, 64));
        SAME("fremovexattr", names[n], 0, 0, ioaio_fremovexattr(aio, fd[0], names[n], HOW), fremovexattr(fd[1], names[n]));
        two_errors = n != 0;
        EACH(p, paths) {
            if (paths[p] && strstr(paths[p], ".."))
                continue; /* which is the same directory for both */
            CHECK(fchdir(theirs) == 0);
            SAME("setxattr", paths[p], n, 0, ioaio_setxattr(aio, ours, paths[p], names[n], "v", 1, 0, HOW),
                setxattr(paths[p], names[n], "v", 1, 0));
            SAME("lsetxattr", paths[p], n, 0, ioaio_lsetxattr(aio, ours, paths[p], names[n], "v", 1, 0, HOW),
                lsetxattr(paths[p], names[n], "v", 1, 0));
            SAME("getxattr", paths[p], n, 0, ioaio_getxattr(aio, ours, paths[p], names[n], HOW),
                getxattr(paths[p], names[n], room, 64));
            SAME("lgetxattr", paths[p], n, 0, ioaio_lgetxattr(aio, ours, paths[p], names[n], HOW),
                lgetxattr(paths[p], names[n], room, 64));
            SAME("removexattr", paths[p], n, 0, ioaio_removexattr(aio, ours, paths[p], names[n], HOW),
                removexattr(paths[p], names[n]));
            SAME("lremovexattr", paths[p], n, 0, ioaio_lremovexattr(aio, ours, paths[p], names[n], HOW),
                lremovexattr(paths[p], names[n]));
        }
    }
    two_errors = 0;
    EACH(p, paths) {
        SAME("listxattr", paths[p], 0, 0, ioaio_listxattr(aio, ours, paths[p], HOW), listxattr(paths[p], room, 64));
        SAME("llistxattr", paths[p], 0, 0, ioaio_llistxattr(aio, ours, paths[p], HOW), llistxattr(paths[p], room, 64));
    }
    SAME("fsetxattr", "NULL value", 0, 0, ioaio_fsetxattr(aio, fd[0], "user.x", NULL, 1, 0, HOW),
        fsetxattr(fd[1], "user.x", nothing, 1, 0));
    both_close(fd);
}

static void memory(void) {
    static const int syncs[] = {0, MS_ASYNC, MS_SYNC, MS_INVALIDATE, MS_ASYNC | MS_SYNC, 8, -1};
    static const int advices[] = {0, 1, 2, 3, 4, 14, 15, 16, 99, -1};
    static const int locks[] = {0, 8, 0x100, -1};
    size_t len = 8192;
    char *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *gone = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(map != MAP_FAILED && munmap(gone, len) == 0);
    EACH(s, syncs)
    SAME("msync", "", syncs[s], 0, ioaio_msync(aio, map, len, syncs[s], HOW), msync(map, len, syncs[s]));
    EACH(a, advices)
    SAME("madvise", "", advices[a], 0, ioaio_madvise(aio, map, len, advices[a], HOW), madvise(map, len, advices[a]));
    EACH(l, locks)
    SAME("mlockall", "", locks[l], 0, ioaio_mlockall(aio, locks[l], HOW), mlockall(locks[l]));
    SAME("msync", "gone", 0, 0, ioaio_msync(aio, gone, len, MS_SYNC, HOW), msync(gone, len, MS_SYNC));
    SAME("mlock", "gone", 0, 0, ioaio_mlock(aio, gone, len, HOW), mlock(gone, len));
    SAME("munlock", "gone", 0, 0, ioaio_munlock(aio, gone, len, HOW), munlock(gone, len));
    SAME("madvise", "gone", 0, 0, ioaio_madvise(aio, gone, len, MADV_WILLNEED, HOW), madvise(gone, len, MADV_WILLNEED));
    SAME("mlock", "empty", 0, 0, ioaio_mlock(aio, map, 0, HOW), mlock(map, 0));
    SAME("madvise", "NULL", 0, 0, ioaio_madvise(aio, NULL, len, MADV_NORMAL, HOW), madvise(NULL, len, MADV_NORMAL));
    munmap(map, len);
}

/* Requests of the library's own: what they do not know is EINVAL, also what only others know. */
static void own_flags(void) {
    for (int bit = 0; bit < 32; bit++) {
        int flag = (int)(1u << bit);
#define ONLY(known, call)                                            \
    do {                                                             \
        RUN(call);                                                   \
        CHECK((got.error == EINVAL) == !(flag & (known)));           \
    } while (0)
        ONLY(IOAIO_DIRS_FIRST | IOAIO_STAT_ORDER | IOAIO_KINDS, ioaio_read_dir(aio, ours, ".", flag, HOW));
        ONLY(IOAIO_DURABLE | IOAIO_NO_REPLACE | IOAIO_KEEP | IOAIO_FOLLOW | IOAIO_WRITE_THROUGH | IOAIO_IN_PLACE,
            ioaio_save(aio, ours, "saved", "x", 1, 0600, flag, HOW));
        ONLY(IOAIO_DURABLE | IOAIO_NO_REPLACE | IOAIO_NO_FOLLOW | IOAIO_SPECIAL | IOAIO_WRITE_THROUGH | IOAIO_IN_PLACE,
            ioaio_copy(aio, ours, "file", ours, "saved", flag, NULL, HOW));
        ONLY(IOAIO_NO_REPLACE, ioaio_move(aio, ours, "saved", ours, "moved", flag, NULL, HOW));
        ONLY(IOAIO_DURABLE | IOAIO_ONE_FILE_SYSTEM | IOAIO_KEEP_GOING,
            ioaio_copy_tree(aio, ours, "dir", ours, "tree", flag, NULL, HOW));
        ONLY(IOAIO_ONE_FILE_SYSTEM, ioaio_du(aio, ours, "dir", flag, NULL, HOW));
        ONLY(IOAIO_ONE_FILE_SYSTEM, ioaio_remove_tree(aio, ours, "tree", flag, NULL, HOW));
        RUN(ioaio_remove_tree(aio, ours, "tree", 0, NULL, HOW));
    }
    FAILS(ioaio_readahead(aio, ours, -2, 1, HOW), EINVAL);
    FAILS(ioaio_busy(aio, -1, HOW), EINVAL);
    FAILS(ioaio_busy(aio, 0.0 / 0.0, HOW), EINVAL);
    FAILS(ioaio_link_file(aio, -1, ours, "x", HOW), EBADF);
    FAILS(ioaio_write_sync(aio, -1, "x", 1, 0, HOW), EBADF);
    FAILS(ioaio_open_read(aio, ours, "none", &(char){0}, 1, 0, HOW), ENOENT);
    FAILS(ioaio_fchown(aio, -1, 0, 0, HOW), EBADF);
    FAILS(ioaio_flistxattr(aio, -1, HOW), EBADF);
    FAILS(ioaio_mtouch(aio, NULL, 4096, 0, HOW), ENOMEM);
    FAILS(ioaio_scan(aio, ours, "none", HOW), ENOENT);
    FAILS(ioaio_load(aio, ours, NULL, HOW), EFAULT);
    FAILS(ioaio_load_part(aio, ours, "file", -5, 1, HOW), EINVAL);
    FAILS(ioaio_pathsync(aio, ours, NULL, HOW), EFAULT);
}
