/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * ioaio: asynchronous file I/O under any event loop.
 *
 * Made from the library's tables; edit those.
 *
 * Every call is a request. It is submitted by the function named after the system call, and completes by a
 * callback, which runs inside ioaio_poll and nowhere else:
 *
 *     ioaio *aio = ioaio_new();
 *     ioaio_stat(aio, AT_FDCWD, "/etc/passwd", 0, NULL, on_stat, data);
 *     ioaio_flush(aio);
 *
 * An event loop watches ioaio_fd for reading, and calls ioaio_poll when it is readable, until that gives 0.
 *
 * Threads: any thread may submit, and the functions lock by themselves. Callbacks run on the thread that calls
 * ioaio_poll, ioaio_wait does not run them; only one thread should poll an engine. A request's handle is valid
 * until its callback returns: only the polling thread can know that, so cancel there.
 *
 * Memory: paths are copied. Buffers and descriptors stay with the request until its callback is called. A call
 * that finds no memory gives NULL with ENOMEM, and nothing was submitted. What a request has opened is closed where
 * it has no callback to give it to.
 *
 * Errors: a request always completes once: result is -1 and error the errno where it failed. Each request names
 * its errors; those of all of them are
 *
 *     ECANCELED  it was cancelled before it ran
 *     EBADF      a descriptor, or a dirfd with a relative path, is not open
 *     EFAULT     a path, a name or a buffer is NULL, or a buffer is longer than SSIZE_MAX
 *     EINVAL     flags that are unknown
 *     ENOMEM     the system has no memory for it
 *
 * A mode may have the bits of a file's kind, as st_mode has: as for open(2), mkdir(2) and chmod(2), they do not
 * count.
 *
 * Callbacks: they may submit, cancel and poll. An exception of C++ that leaves a callback, a feeder or a function of
 * ioaio_custom ends the process, as one that leaves a noexcept function does: catch it there. So may longjmp not
 * leave one: requests and locks of the engine would stay as they are for ever.
 *
 * Fork: a child that uses an engine of its parent's calls ioaio_reinit first; requests are NULL with EOWNERDEAD
 * until then, and what was submitted before is the parent's.
 *
 * Environment: IOAIO_ROUTES names the routes that engines may use, as in IOAIO_ROUTES=pool,inline: without ring for
 * valgrind, which does not follow io_uring, or on a machine where a route is under suspicion; with none, ioaio_poll
 * executes all of it. Other words than ring, pool, inline and none make ioaio_new fail with EINVAL. A program with
 * more rights than its user (AT_SECURE) does not look at it.
 */
#ifndef IOAIO_H
#define IOAIO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header; ioaio_version is that of the library. */
#define IOAIO_VERSION_MAJOR 0
#define IOAIO_VERSION_MINOR 1
#define IOAIO_VERSION_PATCH 0
#define IOAIO_VERSION "0.1.0"
#define IOAIO_VERSION_NUMBER 0x000100 /* major << 16 | minor << 8 | patch */

/* AT_FDCWD, the process's directory when a request is executed, which <fcntl.h> has only with _POSIX_C_SOURCE of
 * 200809L or more, or with _GNU_SOURCE. */
#define IOAIO_CWD (-100)

struct iovec;
struct timespec;

typedef struct ioaio ioaio;
typedef struct ioaio_req ioaio_req;
typedef struct ioaio_group ioaio_group;
typedef struct ioaio_progress ioaio_progress;
typedef struct ioaio_walk ioaio_walk;

/* Something that a copy has without what it is about: the target's file system does not know it, or it takes a
 * privilege. */
typedef struct ioaio_not_kept {
    const char *path;      /* the copy */
    const char *attribute; /* owner, mode, times, hard link, extended attributes, or the name of one of these */
    int error;             /* the errno with which it was refused */
} ioaio_not_kept;

/* What a request came to; valid, with what it points to, until the callback returns. The library makes it: later
 * versions may have more fields at the end. */
typedef struct ioaio_result {
    int64_t result;   /* what the system call returned; -1 where it failed */
    int error;        /* errno, or 0 */
    const void *data; /* what a request gives beside a number: see the function */
    size_t len;       /* the number of bytes, or of elements, in data */
    const char *call; /* which call failed in a request that makes several, or NULL */
    const char *path; /* what that was about, or NULL */
    const ioaio_not_kept *not_kept; /* of ioaio_copy_tree: what the copy is without, the first thousand */
    size_t not_kept_len;            /* the number of elements in not_kept */
    uint64_t not_kept_count;        /* how many there were */
} ioaio_result;

/* One name of a directory. */
typedef struct ioaio_dirent {
    const char *name;
    uint64_t ino;
    int kind; /* DT_REG and so on; DT_UNKNOWN where the directory does not tell */
} ioaio_dirent;

/* A run of bytes of a file that are in one piece on its device. */
typedef struct ioaio_extent {
    uint64_t logical;  /* where it starts in the file */
    uint64_t physical; /* where it starts on the device */
    uint64_t length;   /* how many bytes it has */
    uint32_t flags;    /* FIEMAP_EXTENT_... of linux/fiemap.h */
} ioaio_extent;

/* What a tree takes. */
typedef struct ioaio_usage {
    uint64_t disk;     /* bytes on the device */
    uint64_t apparent; /* bytes of contents */
    uint64_t files;    /* files of all kinds, each once, but directories */
    uint64_t dirs;     /* directories */
    uint64_t failed;   /* what could not be looked at */
} ioaio_usage;

/* Something that could not be done, while the rest was. */
typedef struct ioaio_failure {
    int error;        /* errno */
    const char *call; /* which call failed */
    const char *path; /* what that was about */
} ioaio_failure;

/* What an engine has done. Later versions may have more fields at the end. */
typedef struct ioaio_stats {
    uint64_t by_inline;      /* requests that were answered at once */
    uint64_t by_ring;        /* requests that io_uring has executed */
    uint64_t by_pool;        /* requests that threads have executed */
    uint64_t ring_in_flight; /* requests that io_uring has now */
    uint64_t threads;        /* threads now */
} ioaio_stats;

/* What a walk has come upon; valid, with what it points to, until the next call about the walk. */
typedef struct ioaio_entry {
    const char *path; /* with that of the root before it */
    const char *name; /* the last name of it */
    int kind;         /* DT_REG and so on */
    int depth;        /* how far below the root, which is at 0 */
    const void *stat; /* with IOAIO_METADATA a struct stat, else NULL */
    int error;        /* the errno of what could not be looked at, or 0 */
    const char *call; /* which call failed, or NULL */
} ioaio_entry;

/* Runs on a thread of the engine's: gives a result, or -errno. With -EINTR it is called again. */
typedef int64_t (*ioaio_execute)(void *context);

typedef void (*ioaio_cb)(void *data, const ioaio_result *result);
typedef void (*ioaio_group_cb)(void *data, const ioaio_group *group);

typedef void (*ioaio_not_kept_cb)(void *data, const ioaio_not_kept *lost);

/* Gives whether to go into a directory: not 0, or 0. */
typedef int (*ioaio_descend)(void *data, const ioaio_entry *entry);

/* A new engine, or NULL with errno.
 * Errors: EINVAL for what IOAIO_ROUTES says; EMFILE, ENFILE or ENOMEM where not even an eventfd can be had. A kernel
 * that refuses io_uring is no error: see ioaio_ring_off. */
ioaio *ioaio_new(void);

/* A new engine without some routes: IOAIO_NO_... NULL with errno.
 * Errors: as ioaio_new; EINVAL for unknown options. */
ioaio *ioaio_new_with(unsigned options);

/* Ends an engine. Callbacks that have not run never run; ioaio_flush first lets them. */
void ioaio_free(ioaio *aio);

/* The version of the library, as text and as IOAIO_VERSION_NUMBER. */
const char *ioaio_version(void);
unsigned ioaio_version_number(void);

#define IOAIO_INLINE 256 /* of ioaio_routes: a request may be answered at once */
#define IOAIO_RING 512 /* of ioaio_routes: io_uring */
#define IOAIO_POOL 1024 /* of ioaio_routes: threads */
#define IOAIO_NO_INLINE 1 /* ioaio_new_with: no request is answered at once */
#define IOAIO_NO_RING 2 /* ioaio_new_with: io_uring is not used */
#define IOAIO_NO_POOL 4 /* ioaio_new_with: no threads: ioaio_poll executes what has no other route */
#define IOAIO_MAX_THREADS 1024 /* of one engine */

/* The poll fd: readable while ioaio_poll has something to do. */
int ioaio_fd(const ioaio *aio);

/* Runs the callbacks of finished requests; their number, or -1 with errno.
 * Errors: EOWNERDEAD in a child that has to call ioaio_reinit first. */
int ioaio_poll(const ioaio *aio);

/* Waits until ioaio_poll has a result, or for so many milliseconds (-1: without end). 1 if it has, 0 if
 * there can be none or time is over, -1 with errno. */
int ioaio_wait(const ioaio *aio, int milliseconds);

/* Polls until no request is left; 0, or -1 with errno.
 * Errors: EOWNERDEAD in a child that has to call ioaio_reinit first. */
int ioaio_flush(const ioaio *aio);

/* Makes the poll fd readable until an ioaio_poll that finds nothing, for work of the caller's own. */
void ioaio_wake(const ioaio *aio);

/* Requests submitted and not delivered. */
unsigned ioaio_nreqs(const ioaio *aio);

/* Requests that wait for a route. */
unsigned ioaio_nready(const ioaio *aio);

/* Results that wait for ioaio_poll. */
unsigned ioaio_npending(const ioaio *aio);

/* Worker threads now. */
unsigned ioaio_nthreads(const ioaio *aio);

/* Keeps at least so many threads, up to IOAIO_MAX_THREADS. */
void ioaio_min_parallel(const ioaio *aio, int n);

/* Allows at most so many threads, up to IOAIO_MAX_THREADS, and waits until no more are running. */
void ioaio_max_parallel(const ioaio *aio, int n);

/* Sets how many idle threads stay. */
void ioaio_max_idle(const ioaio *aio, int n);

/* Sets how many seconds a thread stays idle before it may end. */
void ioaio_idle_timeout(const ioaio *aio, int seconds);

/* Sets how many requests may wait to be executed before a submitter is held; 0, or -1 with errno.
 * Errors: EINVAL for 0 and less. */
int ioaio_max_outstanding(const ioaio *aio, int n);

/* Sets how many results one ioaio_poll delivers at the most; 0 is no limit. 0, or -1 with errno.
 * Errors: EINVAL for less than 0. */
int ioaio_max_poll_reqs(const ioaio *aio, int n);

/* Sets how many seconds one ioaio_poll goes on delivering; 0 is no limit. */
void ioaio_max_poll_time(const ioaio *aio, double seconds);

/* 1 in a child that has to call ioaio_reinit first, else 0. */
int ioaio_forked(const ioaio *aio);

/* After a fork, in the child: forgets every request and starts anew. The poll fd keeps its number. 0, or -1
 * with errno.
 * Errors: EBUSY where there was no fork; EMFILE, ENFILE or ENOMEM, after which it can be called again. */
int ioaio_reinit(const ioaio *aio);

/* The routes that requests can take: IOAIO_INLINE, IOAIO_RING, IOAIO_POOL. */
unsigned ioaio_routes(const ioaio *aio);

/* Why io_uring is not used, as text with a NUL in room bytes; how many bytes it has, without the NUL, which may
 * be more; 0 where it is used. */
size_t ioaio_ring_off(const ioaio *aio, char *text, size_t room);

/* Fills in size bytes of stats, which is sizeof *stats. */
void ioaio_get_stats(const ioaio *aio, ioaio_stats *stats, size_t size);

/* A group completes when it has no members left: give it to requests as they are submitted. Its handle is live
 * until ioaio_group_free, which may come when its callback has run. */
ioaio_group *ioaio_group_new(const ioaio *aio);
void ioaio_group_free(ioaio_group *group);

/* Calls callback inside ioaio_poll when no member is left. */
void ioaio_group_then(const ioaio_group *group, ioaio_group_cb callback, void *data);

/* Calls feeder now, and whenever members are missing, until a call adds none. */
void ioaio_group_feed(const ioaio_group *group, ioaio_group_cb feeder, void *data);

/* Sets how many members the feeder keeps going (2 at first); 0 pauses it. */
void ioaio_group_limit(const ioaio_group *group, int limit);

/* Cancels the members and removes the feeder; the group itself still completes. */
void ioaio_group_cancel(const ioaio_group *group);

/* Cancels a request as far as that is possible; its callback runs in any case, once. 1 if it will be with ECANCELED;
 * 0 if it is being executed, or is done: one that waits, such as a lock, or that makes many calls, then ends with
 * ECANCELED as well, and others end as they do. */
int ioaio_cancel(const ioaio *aio, const ioaio_req *req);

/* Counters that requests which do much move while they run, for any thread to read. Several may share them. */
ioaio_progress *ioaio_progress_new(void);
void ioaio_progress_free(ioaio_progress *progress);

/* The files, directories and others that are done. */
uint64_t ioaio_progress_entries(const ioaio_progress *progress);

/* The bytes of contents that are done, holes included. */
uint64_t ioaio_progress_bytes(const ioaio_progress *progress);

/* Calls callback, unless it is NULL, for each of what ioaio_copy, ioaio_copy_tree and ioaio_move with these counters
 * could not keep, the first thousand, once they are done; what it gets is valid until it returns. Gives how many these
 * are. */
size_t ioaio_progress_not_kept(const ioaio_progress *progress, ioaio_not_kept_cb callback, void *data);

/* Walks a tree: its root, and everything below it. Symbolic links are entries and never followed. flags are
 * IOAIO_METADATA, IOAIO_SORTED, IOAIO_ONE_FILE_SYSTEM; entries are given from min_depth on, the root being at 0, to
 * max_depth, or all with -1. Directories for which descend gives 0 are not gone into; it may be NULL, and runs in
 * ioaio_walk_next and ioaio_walk_try. NULL with errno.
 * Errors: EINVAL for flags that it does not know; EFAULT, EOWNERDEAD as for requests. Those of the walk are entries
 * with an error, and do not end it. */
ioaio_walk *ioaio_walk_new(const ioaio *aio, int dirfd, const char *path, int flags, int min_depth, int max_depth,
    ioaio_descend descend, void *data);

/* The next entry, for which it waits; NULL at the end. Only one thread at a time asks. */
const ioaio_entry *ioaio_walk_next(ioaio_walk *walk);

/* The next entry if it is there; NULL with errno 0 at the end, and with EAGAIN where it is not there yet: the poll fd
 * becomes readable when it is, and ioaio_poll and then this are to be called. */
const ioaio_entry *ioaio_walk_try(ioaio_walk *walk);

/* Ends a walk, before its engine is freed. */
void ioaio_walk_free(ioaio_walk *walk);

/* Requests. Each gives a handle, or NULL with errno: ENOMEM, or EOWNERDEAD after a fork. Then nothing was submitted,
 * no callback is called, and all that was passed is still the caller's.
 * Priority is -4 (last) to 4 (first); what is beyond is taken for these. Group and callback may be NULL. */
#define IOAIO_HOW int priority, const ioaio_group *group, ioaio_cb callback, void *data

#define IOAIO_DIRS_FIRST 0x1 /* ioaio_read_dir: directories before the rest */
#define IOAIO_STAT_ORDER 0x2 /* ioaio_read_dir: sorted by inode number */
#define IOAIO_KINDS 0x4 /* ioaio_read_dir: also asks for the kinds that the directory does not tell */
#define IOAIO_DURABLE 0x8 /* ioaio_save, ioaio_copy, ioaio_copy_tree: on the device before it is done */
#define IOAIO_NO_REPLACE 0x10 /* ioaio_save, ioaio_copy, ioaio_move: EEXIST where there is something of that name */
#define IOAIO_ONE_FILE_SYSTEM 0x20 /* ioaio_copy_tree, ioaio_remove_tree, ioaio_du, ioaio_walk_new: no mount point is crossed */
#define IOAIO_NO_FOLLOW 0x40 /* ioaio_copy: a symbolic link is copied as one */
#define IOAIO_SPECIAL 0x80 /* ioaio_copy: a FIFO, socket or device is made anew instead of refused */
#define IOAIO_KEEP 0x100 /* ioaio_save: the extended attributes of a file that is replaced are kept as well */
#define IOAIO_KEEP_GOING 0x200 /* ioaio_copy_tree: what can't be copied is left out, and told */
#define IOAIO_METADATA 0x400 /* ioaio_walk_new: asks lstat(2) of all that is found */
#define IOAIO_SORTED 0x800 /* ioaio_walk_new: in the order of the names */
#define IOAIO_MODIFY 0x1000 /* ioaio_mtouch: also for writing */
#define IOAIO_WRITE_THROUGH 0x2000 /* ioaio_save, ioaio_copy: into what is there, whatever it is, also a device or a FIFO */
#define IOAIO_IN_PLACE 0x4000 /* ioaio_save, ioaio_copy: into the file that is there where it can't be replaced */
#define IOAIO_FOLLOW 0x8000 /* ioaio_save: a symbolic link is followed; without it, it is ELOOP */

/* The arguments of any request, for ioaio_submit. Begin with IOAIO_ARGS_INIT: later versions add fields
 * at the end, and know by the size what a program does not know of. */
typedef struct ioaio_args {
    /* the size of this struct, which tells the fields that the program knows */
    size_t size;
    /* IOAIO_OP_..., for ioaio_submit */
    int op;
    /* a descriptor, open until the callback is called */
    int fd;
    /* a second descriptor */
    int fd2;
    /* what a relative path starts at, or AT_FDCWD: then the directory when it is executed */
    int dirfd;
    /* what a relative second path starts at */
    int dirfd2;
    /* a path, copied */
    const char *path;
    /* a second path, copied */
    const char *path2;
    /* memory that a request fills; its alone until the callback is called */
    void *buf;
    /* memory that a request takes data from; it stays as it is until the callback is called */
    const void *src;
    /* the start of mapped memory; it stays mapped until the callback is called */
    void *addr;
    /* buffers that stay as they are, like the memory they describe, until the callback is called */
    const struct iovec *iov;
    /* the number of buffers, or of extents at the most */
    int iovcnt;
    /* the name of an extended attribute, copied */
    const char *name;
    /* a request of ioctl(2) */
    unsigned long request;
    /* the argument of fcntl(2) or ioctl(2): a number, or the address of memory that stays as it is */
    void *arg;
    /* a length in bytes */
    size_t len;
    /* an offset in bytes; -1 where a request can use the file's own position */
    off_t off;
    /* the same for a second file */
    off_t off2;
    /* RESOLVE_... of openat2(2) */
    uint64_t resolve;
    /* counters that the request moves, or NULL */
    const ioaio_progress *progress;
    /* flags of the system call, or IOAIO_... of the request */
    int flags;
    /* permissions, or a mode of the system call */
    unsigned mode;
    /* seconds */
    double seconds;
    /* SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA or SEEK_HOLE */
    int whence;
    /* an owner; -1 leaves it */
    uid_t uid;
    /* a group; -1 leaves it */
    gid_t gid;
    /* the number of a device */
    dev_t dev;
    /* of access and of modification, copied; UTIME_NOW and UTIME_OMIT as with utimensat(2); NULL: both now */
    const struct timespec *times;
    /* runs on another thread; gives its result, or -errno */
    ioaio_execute execute;
    /* what execute gets */
    void *context;
    /* the age in seconds from which on leftovers are removed, see ioaio_submit; below 0 nothing is looked for */
    double leftovers;
} ioaio_args;

/* The arguments of no request. */
#define IOAIO_ARGS_INIT {sizeof(ioaio_args), 0, -1, -1, IOAIO_CWD, IOAIO_CWD, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1, -1, \
    0, 0, 0, 0, 0.0, 0, (uid_t)-1, (gid_t)-1, 0, 0, 0, 0, -1.0}

enum {
    IOAIO_OP_NOP = 1,
    IOAIO_OP_BUSY = 2,
    IOAIO_OP_OPEN = 3,
    IOAIO_OP_CLOSE = 4,
    IOAIO_OP_READ = 5,
    IOAIO_OP_WRITE = 6,
    IOAIO_OP_READAHEAD = 7,
    IOAIO_OP_STAT = 8,
    IOAIO_OP_LSTAT = 9,
    IOAIO_OP_FSTAT = 10,
    IOAIO_OP_UNLINK = 11,
    IOAIO_OP_FSYNC = 12,
    IOAIO_OP_FDATASYNC = 13,
    IOAIO_OP_READ_DIR = 14,
    IOAIO_OP_CUSTOM = 15,
    IOAIO_OP_SEEK = 16,
    IOAIO_OP_SENDFILE = 17,
    IOAIO_OP_ALLOCATE = 18,
    IOAIO_OP_SYNC = 19,
    IOAIO_OP_SYNCFS = 20,
    IOAIO_OP_SYNC_FILE_RANGE = 21,
    IOAIO_OP_STATVFS = 22,
    IOAIO_OP_FSTATVFS = 23,
    IOAIO_OP_UTIMENS = 24,
    IOAIO_OP_FUTIMENS = 25,
    IOAIO_OP_CHOWN = 26,
    IOAIO_OP_LCHOWN = 27,
    IOAIO_OP_FCHOWN = 28,
    IOAIO_OP_CHMOD = 29,
    IOAIO_OP_FCHMOD = 30,
    IOAIO_OP_TRUNCATE = 31,
    IOAIO_OP_FTRUNCATE = 32,
    IOAIO_OP_RMDIR = 33,
    IOAIO_OP_MKDIR = 34,
    IOAIO_OP_MKNOD = 35,
    IOAIO_OP_LINK = 36,
    IOAIO_OP_SYMLINK = 37,
    IOAIO_OP_RENAME = 38,
    IOAIO_OP_READLINK = 39,
    IOAIO_OP_REALPATH = 40,
    IOAIO_OP_LOAD = 41,
    IOAIO_OP_LOAD_PART = 42,
    IOAIO_OP_COPY = 43,
    IOAIO_OP_MOVE = 44,
    IOAIO_OP_PATHSYNC = 45,
    IOAIO_OP_OPEN_RESOLVE = 46,
    IOAIO_OP_OPEN_DIR = 47,
    IOAIO_OP_OPEN_READ = 48,
    IOAIO_OP_WRITE_SYNC = 49,
    IOAIO_OP_READV = 50,
    IOAIO_OP_WRITEV = 51,
    IOAIO_OP_APPEND = 52,
    IOAIO_OP_COPY_RANGE = 53,
    IOAIO_OP_SPLICE = 54,
    IOAIO_OP_TEE = 55,
    IOAIO_OP_PIPE = 56,
    IOAIO_OP_FADVISE = 57,
    IOAIO_OP_FLOCK = 58,
    IOAIO_OP_LOCK_RANGE = 59,
    IOAIO_OP_FCNTL = 60,
    IOAIO_OP_IOCTL = 61,
    IOAIO_OP_FIEMAP = 62,
    IOAIO_OP_FIEMAP_COUNT = 63,
    IOAIO_OP_STATX = 64,
    IOAIO_OP_FSTATX = 65,
    IOAIO_OP_LINK_FILE = 66,
    IOAIO_OP_MKDIR_ALL = 67,
    IOAIO_OP_LUTIMENS = 68,
    IOAIO_OP_ACCESS = 69,
    IOAIO_OP_GETXATTR = 70,
    IOAIO_OP_LGETXATTR = 71,
    IOAIO_OP_FGETXATTR = 72,
    IOAIO_OP_SETXATTR = 73,
    IOAIO_OP_LSETXATTR = 74,
    IOAIO_OP_FSETXATTR = 75,
    IOAIO_OP_LISTXATTR = 76,
    IOAIO_OP_LLISTXATTR = 77,
    IOAIO_OP_FLISTXATTR = 78,
    IOAIO_OP_REMOVEXATTR = 79,
    IOAIO_OP_LREMOVEXATTR = 80,
    IOAIO_OP_FREMOVEXATTR = 81,
    IOAIO_OP_MSYNC = 82,
    IOAIO_OP_MTOUCH = 83,
    IOAIO_OP_MLOCK = 84,
    IOAIO_OP_MUNLOCK = 85,
    IOAIO_OP_MLOCKALL = 86,
    IOAIO_OP_MUNLOCKALL = 87,
    IOAIO_OP_MADVISE = 88,
    IOAIO_OP_SAVE = 89,
    IOAIO_OP_COPY_TREE = 90,
    IOAIO_OP_REMOVE_TREE = 91,
    IOAIO_OP_SCAN = 92,
    IOAIO_OP_DU = 93,
    IOAIO_OP_MKDTEMP = 94,
    IOAIO_OP_MKSTEMP = 95
};

/* Does nothing. */
const ioaio_req *ioaio_nop(const ioaio *aio, IOAIO_HOW);

/* Keeps a thread busy, for tests.
 * Errors: EINVAL for a time that is negative or not a number. */
const ioaio_req *ioaio_busy(const ioaio *aio, double seconds, IOAIO_HOW);

/* Opens or creates a file: open(2). The result is the descriptor, which is close-on-exec; without a callback it
 * is closed.
 * Errors: those of open(2); EINVAL for flags that it does not know. */
const ioaio_req *ioaio_open(const ioaio *aio, int dirfd, const char *path, int flags, unsigned mode, IOAIO_HOW);

/* Closes a descriptor: close(2). It is the request's from now on; where this gives NULL, it is the caller's
 * still.
 * Errors: those of close(2), after which it is closed all the same. */
const ioaio_req *ioaio_close(const ioaio *aio, int fd, IOAIO_HOW);

/* Reads: pread(2), or read(2) where off is -1. The result is the number of bytes.
 * Errors: those of pread(2) and read(2). */
const ioaio_req *ioaio_read(const ioaio *aio, int fd, void *buf, size_t len, off_t off, IOAIO_HOW);

/* Writes: pwrite(2), or write(2) where off is -1. The result is the number of bytes.
 * Errors: those of pwrite(2) and write(2). */
const ioaio_req *ioaio_write(const ioaio *aio, int fd, const void *src, size_t len, off_t off, IOAIO_HOW);

/* Starts reading a range into the page cache: readahead(2).
 * Errors: those of readahead(2); EINVAL for an offset below 0. */
const ioaio_req *ioaio_readahead(const ioaio *aio, int fd, off_t off, size_t len, IOAIO_HOW);

/* Writes a file's data and metadata to the device: fsync(2).
 * Errors: those of fsync(2). */
const ioaio_req *ioaio_fsync(const ioaio *aio, int fd, IOAIO_HOW);

/* Writes a file's data to the device: fdatasync(2).
 * Errors: those of fdatasync(2). */
const ioaio_req *ioaio_fdatasync(const ioaio *aio, int fd, IOAIO_HOW);

/* Calls a function of the caller's on another thread; it gives the result, or -errno.
 * Errors: those of the function; EINVAL without one. */
const ioaio_req *ioaio_custom(const ioaio *aio, ioaio_execute execute, void *context, IOAIO_HOW);

/* Moves a file's own position: lseek(2). The result is the new one.
 * Errors: those of lseek(2). */
const ioaio_req *ioaio_seek(const ioaio *aio, int fd, off_t off, int whence, IOAIO_HOW);

/* Allocates or frees the space of a range: fallocate(2).
 * Errors: those of fallocate(2), of which EOPNOTSUPP means a file system that cannot do it. */
const ioaio_req *ioaio_allocate(const ioaio *aio, int fd, int flags, off_t off, size_t len, IOAIO_HOW);

/* Writes everything in all caches to the devices: sync(2). */
const ioaio_req *ioaio_sync(const ioaio *aio, IOAIO_HOW);

/* Writes everything of one file system to its device: syncfs(2).
 * Errors: those of syncfs(2). */
const ioaio_req *ioaio_syncfs(const ioaio *aio, int fd, IOAIO_HOW);

/* Writes a range of a file's data to the device: sync_file_range(2), with its SYNC_FILE_RANGE_... flags.
 * Errors: those of sync_file_range(2). */
const ioaio_req *ioaio_sync_file_range(const ioaio *aio, int fd, off_t off, size_t len, int flags, IOAIO_HOW);

/* Sets the size of an open file: ftruncate(2).
 * Errors: those of ftruncate(2). */
const ioaio_req *ioaio_ftruncate(const ioaio *aio, int fd, off_t off, IOAIO_HOW);

/* Opens or creates a file by rules for what its path may lead through: openat2(2) with RESOLVE_... of
 * linux/openat2.h. The result is the descriptor, which is close-on-exec; without a callback it is closed.
 * Errors: those of openat2(2), which are EINVAL also for a mode that is none of permissions, or that is given
 * without O_CREAT and O_TMPFILE; ENOSYS before Linux 5.6. */
const ioaio_req *ioaio_open_resolve(const ioaio *aio, int dirfd, const char *path, int flags, unsigned mode,
    uint64_t resolve, IOAIO_HOW);

/* Opens a directory for other requests to start at: open(2) with O_PATH. The result is the descriptor; without
 * a callback it is closed.
 * Errors: those of open(2). */
const ioaio_req *ioaio_open_dir(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* Opens, reads from off on, and closes. The result is the number of bytes.
 * Errors: those of open(2), pread(2) and close(2). */
const ioaio_req *ioaio_open_read(const ioaio *aio, int dirfd, const char *path, void *buf, size_t len, off_t off,
    IOAIO_HOW);

/* Writes at off, then fsync(2): both or an error.
 * Errors: those of pwrite(2) and fsync(2); EINVAL for the offset -1. */
const ioaio_req *ioaio_write_sync(const ioaio *aio, int fd, const void *src, size_t len, off_t off, IOAIO_HOW);

/* Reads into several buffers: preadv2(2) with RWF_... flags, where -1 is the file's own position. The result
 * is the number of bytes.
 * Errors: those of preadv2(2), of which EOPNOTSUPP means flags that the kernel does not know. */
const ioaio_req *ioaio_readv(const ioaio *aio, int fd, const struct iovec *iov, int iovcnt, off_t off, int flags,
    IOAIO_HOW);

/* Writes several buffers: pwritev2(2) with RWF_... flags, where -1 is the file's own position. The result is
 * the number of bytes.
 * Errors: those of pwritev2(2), of which EOPNOTSUPP means flags that the kernel does not know. */
const ioaio_req *ioaio_writev(const ioaio *aio, int fd, const struct iovec *iov, int iovcnt, off_t off, int flags,
    IOAIO_HOW);

/* Writes at the end of a file, wherever that is by then: pwritev2(2) with RWF_APPEND. The result is the number
 * of bytes.
 * Errors: those of pwritev2(2). */
const ioaio_req *ioaio_append(const ioaio *aio, int fd, const void *src, size_t len, IOAIO_HOW);

/* Tells how a range of a file is going to be used: posix_fadvise(2), with POSIX_FADV_... in flags.
 * Errors: those of posix_fadvise(2). */
const ioaio_req *ioaio_fadvise(const ioaio *aio, int fd, off_t off, size_t len, int flags, IOAIO_HOW);

/* Locks a file: flock(2), with LOCK_... in flags. It waits without holding a thread, and can be
 * cancelled.
 * Errors: those of flock(2); ECANCELED also when it waits. */
const ioaio_req *ioaio_flock(const ioaio *aio, int fd, int flags, IOAIO_HOW);

/* Locks a range of a file for this open descriptor: fcntl(2) with F_OFD_SETLK. flags are as for
 * ioaio_flock, which see; a length of 0 is up to the end.
 * Errors: those of fcntl(2); ECANCELED also when it waits. */
const ioaio_req *ioaio_lock_range(const ioaio *aio, int fd, int flags, off_t off, size_t len, IOAIO_HOW);

/* Sends len bytes of fd2 to fd: sendfile(2), from off on or, with -1, from fd2's own position. Files that it
 * refuses are read and written instead. The result is the number of bytes.
 * Errors: those of sendfile(2), read(2) and write(2). */
const ioaio_req *ioaio_sendfile(const ioaio *aio, int fd, int fd2, off_t off, size_t len, IOAIO_HOW);

/* Copies len bytes of fd, from off on, to fd2, at off2: copy_file_range(2). The result is the number of
 * bytes.
 * Errors: those of copy_file_range(2), of which EXDEV means file systems that cannot do it; EINVAL for the
 * offset -1. */
const ioaio_req *ioaio_copy_range(const ioaio *aio, int fd, off_t off, int fd2, off_t off2, size_t len, IOAIO_HOW);

/* Moves len bytes from fd to fd2, one of which is a pipe: splice(2), with its SPLICE_F_... flags. off and off2
 * are -1 for a pipe. The result is the number of bytes.
 * Errors: those of splice(2). */
const ioaio_req *ioaio_splice(const ioaio *aio, int fd, off_t off, int fd2, off_t off2, size_t len, int flags,
    IOAIO_HOW);

/* Copies len bytes from the pipe fd to the pipe fd2: tee(2), with its SPLICE_F_... flags. The result is the
 * number of bytes.
 * Errors: those of tee(2). */
const ioaio_req *ioaio_tee(const ioaio *aio, int fd, int fd2, size_t len, int flags, IOAIO_HOW);

/* Makes a pipe: pipe2(2). data are two int, the reading end and the writing end, close-on-exec; without a
 * callback they are closed.
 * Errors: those of pipe2(2). */
const ioaio_req *ioaio_pipe(const ioaio *aio, int flags, IOAIO_HOW);

/* Does what a command, in flags, says to a file: fcntl(2). The result is its result.
 * Errors: those of fcntl(2). */
const ioaio_req *ioaio_fcntl(const ioaio *aio, int fd, int flags, void *arg, IOAIO_HOW);

/* Does what a request says to a file: ioctl(2). The result is its result.
 * Errors: those of ioctl(2). */
const ioaio_req *ioaio_ioctl(const ioaio *aio, int fd, unsigned long request, void *arg, IOAIO_HOW);

/* Where a range of a file is on its device: FIEMAP_FLAG_... in flags, and at most iovcnt extents, or
 * all with -1. The length -1 is up to the end. data are len struct ioaio_extent.
 * Errors: those of ioctl(2) with FS_IOC_FIEMAP, of which EBADR means flags that the file system does not know,
 * and EOPNOTSUPP one that has no extents. */
const ioaio_req *ioaio_fiemap(const ioaio *aio, int fd, off_t off, size_t len, int flags, int iovcnt, IOAIO_HOW);

/* How many extents ioaio_fiemap would find, with the same flags.
 * Errors: those of ioaio_fiemap. */
const ioaio_req *ioaio_fiemap_count(const ioaio *aio, int fd, off_t off, size_t len, int flags, IOAIO_HOW);

/* Removes a name: unlink(2).
 * Errors: those of unlink(2). */
const ioaio_req *ioaio_unlink(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* Lists a directory, without . and .. : getdents64(2). flags: IOAIO_DIRS_FIRST, IOAIO_STAT_ORDER,
 * IOAIO_KINDS. A last symbolic link is not followed, unless a slash comes after it. data are len
 * struct ioaio_dirent.
 * Errors: those of open(2) and getdents64(2); EINVAL for flags that it does not know. */
const ioaio_req *ioaio_read_dir(const ioaio *aio, int dirfd, const char *path, int flags, IOAIO_HOW);

/* Removes an empty directory: rmdir(2).
 * Errors: those of rmdir(2). */
const ioaio_req *ioaio_rmdir(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* Makes a directory: mkdir(2).
 * Errors: those of mkdir(2). */
const ioaio_req *ioaio_mkdir(const ioaio *aio, int dirfd, const char *path, unsigned mode, IOAIO_HOW);

/* Makes a file of any kind that has one: mknod(2).
 * Errors: those of mknod(2). */
const ioaio_req *ioaio_mknod(const ioaio *aio, int dirfd, const char *path, unsigned mode, dev_t dev, IOAIO_HOW);

/* Gives a file a second name: link(2). A last symbolic link is not followed.
 * Errors: those of link(2). */
const ioaio_req *ioaio_link(const ioaio *aio, int dirfd, const char *path, int dirfd2, const char *path2, IOAIO_HOW);

/* Makes a symbolic link with this text: symlink(2).
 * Errors: those of symlink(2). */
const ioaio_req *ioaio_symlink(const ioaio *aio, const char *path2, int dirfd, const char *path, IOAIO_HOW);

/* Renames: renameat2(2), with its RENAME_... flags.
 * Errors: those of renameat2(2), of which EINVAL means also flags that the file system does not know. */
const ioaio_req *ioaio_rename(const ioaio *aio, int dirfd, const char *path, int dirfd2, const char *path2, int flags,
    IOAIO_HOW);

/* The text of a symbolic link: readlink(2). data are len bytes and a NUL.
 * Errors: those of readlink(2). */
const ioaio_req *ioaio_readlink(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* The path without symbolic links: realpath(3). data are len bytes and a NUL.
 * Errors: those of realpath(3). */
const ioaio_req *ioaio_realpath(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* Gives an open file, also one without a name, a name: linkat(2).
 * Errors: those of linkat(2). */
const ioaio_req *ioaio_link_file(const ioaio *aio, int fd, int dirfd, const char *path, IOAIO_HOW);

/* Makes a directory and what it is in, where they are missing, as mkdir -p.
 * Errors: those of mkdir(2); EEXIST if the last name is something else, ENOTDIR if one before is. */
const ioaio_req *ioaio_mkdir_all(const ioaio *aio, int dirfd, const char *path, unsigned mode, IOAIO_HOW);

/* Makes a directory of a new name: mkdtemp(3). The path ends with XXXXXX, for which the name has something
 * else. data are len bytes, the path, and a NUL.
 * Errors: those of mkdir(2); EINVAL for another path. */
const ioaio_req *ioaio_mkdtemp(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* Makes a file of a new name, and opens it for reading and writing: mkstemp(3). The path ends with XXXXXX, for
 * which the name has something else. The result is the descriptor, which is close-on-exec; without a callback
 * it is closed. data are len bytes, the path, and a NUL.
 * Errors: those of open(2); EINVAL for another path. */
const ioaio_req *ioaio_mkstemp(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* What is known of a file: stat(2). data is a struct stat.
 * Errors: those of stat(2). */
const ioaio_req *ioaio_stat(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* The same without following a last symbolic link: lstat(2). data is a struct stat.
 * Errors: those of lstat(2). */
const ioaio_req *ioaio_lstat(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* What is known of an open file: fstat(2). data is a struct stat.
 * Errors: those of fstat(2). */
const ioaio_req *ioaio_fstat(const ioaio *aio, int fd, IOAIO_HOW);

/* What is known of a file system: statvfs(3). data is a struct statvfs.
 * Errors: those of statvfs(3). */
const ioaio_req *ioaio_statvfs(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* The same by an open file: fstatvfs(3). data is a struct statvfs.
 * Errors: those of fstatvfs(3). */
const ioaio_req *ioaio_fstatvfs(const ioaio *aio, int fd, IOAIO_HOW);

/* Sets the times of a file: utimensat(2).
 * Errors: those of utimensat(2). */
const ioaio_req *ioaio_utimens(const ioaio *aio, int dirfd, const char *path, const struct timespec *times,
    IOAIO_HOW);

/* Sets the times of an open file: futimens(3).
 * Errors: those of futimens(3). */
const ioaio_req *ioaio_futimens(const ioaio *aio, int fd, const struct timespec *times, IOAIO_HOW);

/* Changes the owner and the group of a file: chown(2).
 * Errors: those of chown(2). */
const ioaio_req *ioaio_chown(const ioaio *aio, int dirfd, const char *path, uid_t uid, gid_t gid, IOAIO_HOW);

/* The same without following a last symbolic link: lchown(2).
 * Errors: those of lchown(2). */
const ioaio_req *ioaio_lchown(const ioaio *aio, int dirfd, const char *path, uid_t uid, gid_t gid, IOAIO_HOW);

/* Changes the owner and the group of an open file: fchown(2).
 * Errors: those of fchown(2). */
const ioaio_req *ioaio_fchown(const ioaio *aio, int fd, uid_t uid, gid_t gid, IOAIO_HOW);

/* Changes the permissions of a file: chmod(2).
 * Errors: those of chmod(2). */
const ioaio_req *ioaio_chmod(const ioaio *aio, int dirfd, const char *path, unsigned mode, IOAIO_HOW);

/* Changes the permissions of an open file: fchmod(2).
 * Errors: those of fchmod(2). */
const ioaio_req *ioaio_fchmod(const ioaio *aio, int fd, unsigned mode, IOAIO_HOW);

/* Sets the size of a file: truncate(2).
 * Errors: those of truncate(2). */
const ioaio_req *ioaio_truncate(const ioaio *aio, int dirfd, const char *path, off_t off, IOAIO_HOW);

/* All that is known of a file: statx(2), with AT_... in flags and STATX_... in mode. data is a struct
 * statx.
 * Errors: those of statx(2). */
const ioaio_req *ioaio_statx(const ioaio *aio, int dirfd, const char *path, int flags, unsigned mode, IOAIO_HOW);

/* The same for an open file. data is a struct statx.
 * Errors: those of statx(2). */
const ioaio_req *ioaio_fstatx(const ioaio *aio, int fd, int flags, unsigned mode, IOAIO_HOW);

/* Sets the times of a file without following a last symbolic link: utimensat(2).
 * Errors: those of utimensat(2). */
const ioaio_req *ioaio_lutimens(const ioaio *aio, int dirfd, const char *path, const struct timespec *times,
    IOAIO_HOW);

/* Whether a file can be used so: faccessat2(2), with R_OK and so on in mode, AT_... in flags.
 * Errors: those of faccessat2(2), of which EACCES means that it cannot. */
const ioaio_req *ioaio_access(const ioaio *aio, int dirfd, const char *path, unsigned mode, int flags, IOAIO_HOW);

/* The value of an extended attribute: getxattr(2). data are len bytes.
 * Errors: those of getxattr(2). */
const ioaio_req *ioaio_getxattr(const ioaio *aio, int dirfd, const char *path, const char *name, IOAIO_HOW);

/* The same without following a last symbolic link: lgetxattr(2).
 * Errors: those of lgetxattr(2). */
const ioaio_req *ioaio_lgetxattr(const ioaio *aio, int dirfd, const char *path, const char *name, IOAIO_HOW);

/* The same of an open file: fgetxattr(2).
 * Errors: those of fgetxattr(2). */
const ioaio_req *ioaio_fgetxattr(const ioaio *aio, int fd, const char *name, IOAIO_HOW);

/* Sets an extended attribute to len bytes, copied: setxattr(2), with XATTR_... in flags.
 * Errors: those of setxattr(2). */
const ioaio_req *ioaio_setxattr(const ioaio *aio, int dirfd, const char *path, const char *name, const void *src,
    size_t len, int flags, IOAIO_HOW);

/* The same without following a last symbolic link: lsetxattr(2).
 * Errors: those of lsetxattr(2). */
const ioaio_req *ioaio_lsetxattr(const ioaio *aio, int dirfd, const char *path, const char *name, const void *src,
    size_t len, int flags, IOAIO_HOW);

/* The same of an open file: fsetxattr(2).
 * Errors: those of fsetxattr(2). */
const ioaio_req *ioaio_fsetxattr(const ioaio *aio, int fd, const char *name, const void *src, size_t len, int flags,
    IOAIO_HOW);

/* The names of the extended attributes: listxattr(2). data are len bytes, with a NUL after each name.
 * Errors: those of listxattr(2). */
const ioaio_req *ioaio_listxattr(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* The same without following a last symbolic link: llistxattr(2).
 * Errors: those of llistxattr(2). */
const ioaio_req *ioaio_llistxattr(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* The same of an open file: flistxattr(2).
 * Errors: those of flistxattr(2). */
const ioaio_req *ioaio_flistxattr(const ioaio *aio, int fd, IOAIO_HOW);

/* Removes an extended attribute: removexattr(2).
 * Errors: those of removexattr(2). */
const ioaio_req *ioaio_removexattr(const ioaio *aio, int dirfd, const char *path, const char *name, IOAIO_HOW);

/* The same without following a last symbolic link: lremovexattr(2).
 * Errors: those of lremovexattr(2). */
const ioaio_req *ioaio_lremovexattr(const ioaio *aio, int dirfd, const char *path, const char *name, IOAIO_HOW);

/* The same of an open file: fremovexattr(2).
 * Errors: those of fremovexattr(2). */
const ioaio_req *ioaio_fremovexattr(const ioaio *aio, int fd, const char *name, IOAIO_HOW);

/* Writes changed pages of a mapped file to the device: msync(2), with MS_... in flags. The range is made one of
 * whole pages.
 * Errors: those of msync(2). */
const ioaio_req *ioaio_msync(const ioaio *aio, void *addr, size_t len, int flags, IOAIO_HOW);

/* Brings all pages of mapped memory in, with IOAIO_MODIFY in flags also for writing.
 * Errors: those of madvise(2) with MADV_POPULATE_READ and MADV_POPULATE_WRITE; EINVAL for flags that it does
 * not know. */
const ioaio_req *ioaio_mtouch(const ioaio *aio, void *addr, size_t len, int flags, IOAIO_HOW);

/* Brings mapped memory in, and keeps it there: mlock(2).
 * Errors: those of mlock(2). */
const ioaio_req *ioaio_mlock(const ioaio *aio, void *addr, size_t len, IOAIO_HOW);

/* Takes that back: munlock(2).
 * Errors: those of munlock(2). */
const ioaio_req *ioaio_munlock(const ioaio *aio, void *addr, size_t len, IOAIO_HOW);

/* Keeps all of the process in memory: mlockall(2), with MCL_... in flags.
 * Errors: those of mlockall(2). */
const ioaio_req *ioaio_mlockall(const ioaio *aio, int flags, IOAIO_HOW);

/* Takes that back: munlockall(2).
 * Errors: those of munlockall(2). */
const ioaio_req *ioaio_munlockall(const ioaio *aio, IOAIO_HOW);

/* Tells how mapped memory is going to be used: madvise(2), with MADV_... in flags.
 * Errors: those of madvise(2). */
const ioaio_req *ioaio_madvise(const ioaio *aio, void *addr, size_t len, int flags, IOAIO_HOW);

/* The whole of a file. data are len bytes.
 * Errors: those of open(2) and read(2). */
const ioaio_req *ioaio_load(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* A part of a file, from off on and at most len bytes. data are len bytes.
 * Errors: those of open(2) and pread(2); EINVAL for an offset below 0. */
const ioaio_req *ioaio_load_part(const ioaio *aio, int dirfd, const char *path, off_t off, size_t len, IOAIO_HOW);

/* Copies a file with its attributes, all or nothing: IOAIO_NO_FOLLOW, IOAIO_SPECIAL, IOAIO_NO_REPLACE and
 * IOAIO_DURABLE in flags, and for what is then not all or nothing IOAIO_WRITE_THROUGH and IOAIO_IN_PLACE.
 * Blocks are shared where the file system can. A symbolic link at the target is followed, and a device or FIFO
 * written into. The result is its length in bytes.
 * Errors: those of the calls that it makes; EISDIR for a directory; EINVAL for a FIFO, socket or device without
 * IOAIO_SPECIAL, and for flags that it does not know. */
const ioaio_req *ioaio_copy(const ioaio *aio, int dirfd, const char *path, int dirfd2, const char *path2, int flags,
    const ioaio_progress *progress, IOAIO_HOW);

/* Renames, or copies and removes where the devices differ: IOAIO_NO_REPLACE in flags.
 * Errors: those of rename(2), of ioaio_copy_tree and of ioaio_remove_tree; EEXIST for a directory that is moved
 * to another device onto something; EBUSY where somebody changes the source meanwhile; EINVAL for flags that it
 * does not know. */
const ioaio_req *ioaio_move(const ioaio *aio, int dirfd, const char *path, int dirfd2, const char *path2, int flags,
    const ioaio_progress *progress, IOAIO_HOW);

/* Writes the data and metadata of what a path names to the device.
 * Errors: those of open(2) and fsync(2). */
const ioaio_req *ioaio_pathsync(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* Replaces a file's contents, all or nothing: IOAIO_DURABLE, IOAIO_NO_REPLACE, IOAIO_KEEP and IOAIO_FOLLOW in
 * flags, and for what is then not all or nothing IOAIO_WRITE_THROUGH and IOAIO_IN_PLACE. mode is that of a
 * file where there was none, less the umask; one that is replaced hands on its mode, and its owner and ACLs
 * where the caller may set them.
 * Errors: those of the calls that it makes; ELOOP for a symbolic link without IOAIO_FOLLOW; EISDIR for a
 * directory; EINVAL for a FIFO, socket or device without IOAIO_WRITE_THROUGH, and for flags that it does not
 * know; ENXIO for a FIFO that is to be written into and has no reader. */
const ioaio_req *ioaio_save(const ioaio *aio, int dirfd, const char *path, const void *src, size_t len, unsigned mode,
    int flags, IOAIO_HOW);

/* Copies a tree with all attributes, as one: IOAIO_DURABLE, IOAIO_ONE_FILE_SYSTEM and IOAIO_KEEP_GOING in
 * flags. The result is how much could not be copied, which is only with IOAIO_KEEP_GOING not 0; data are len
 * struct ioaio_failure, the first thousand of them; not_kept is what the copy is without.
 * Errors: those of the calls that it makes; EEXIST for a target that is there; EINVAL for flags that it does
 * not know. */
const ioaio_req *ioaio_copy_tree(const ioaio *aio, int dirfd, const char *path, int dirfd2, const char *path2,
    int flags, const ioaio_progress *progress, IOAIO_HOW);

/* Removes a directory with all that is in it: IOAIO_ONE_FILE_SYSTEM in flags.
 * Errors: those of the calls that it makes; ENOTDIR for what is no directory; EINVAL for flags that it does not
 * know. */
const ioaio_req *ioaio_remove_tree(const ioaio *aio, int dirfd, const char *path, int flags,
    const ioaio_progress *progress, IOAIO_HOW);

/* Lists a directory with the kinds of all names: directories, as many as the result says, then the rest.
 * data are len struct ioaio_dirent.
 * Errors: those of ioaio_read_dir. */
const ioaio_req *ioaio_scan(const ioaio *aio, int dirfd, const char *path, IOAIO_HOW);

/* What a tree takes: IOAIO_ONE_FILE_SYSTEM in flags. data is a struct ioaio_usage.
 * Errors: those of lstat(2) of the path itself; what is below it and cannot be looked at is counted. EINVAL for
 * flags that it does not know. */
const ioaio_req *ioaio_du(const ioaio *aio, int dirfd, const char *path, int flags, const ioaio_progress *progress,
    IOAIO_HOW);

/* Any request, by args->op: for languages that bind C at run time. NULL with errno.
 * Errors: as for requests; EINVAL for an op or a size that there is not; E2BIG for a field that is set and that this
 * version does not know.
 * With leftovers of 0 or more, ioaio_save, ioaio_copy, ioaio_copy_tree, and ioaio_move where it copies, first remove
 * from the target's directory what a kill or a crash has left there: of the caller's own, with a name like
 * .ioaio-0123456789abcdef, not changed for so many seconds, and not being worked on by anybody. EINVAL for what is no
 * number of seconds. */
const ioaio_req *ioaio_submit(const ioaio *aio, const ioaio_args *args, IOAIO_HOW);

#undef IOAIO_HOW

#ifdef __cplusplus
}
#endif

#endif
