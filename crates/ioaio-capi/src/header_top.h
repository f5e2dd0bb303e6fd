/* ioaio: asynchronous file I/O under any event loop.
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
 * Memory: paths are copied. Buffers and descriptors stay with the request until its callback has run. A call
 * that finds no memory gives NULL with ENOMEM, and nothing was submitted.
 *
 * Errors: a request always completes once: result is -1 and error the errno where it failed. ECANCELED is that
 * of a request that was cancelled before it ran.
 *
 * Fork: a child that uses an engine of its parent's calls ioaio_reinit first; requests are NULL with EOWNERDEAD
 * until then, and what was submitted before is the parent's.
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

typedef struct ioaio ioaio;
typedef struct ioaio_req ioaio_req;
typedef struct ioaio_group ioaio_group;
typedef struct ioaio_progress ioaio_progress;

/* What a request came to; valid, with what it points to, until the callback returns. */
typedef struct ioaio_result {
    int64_t result;   /* what the system call returned; -1 where it failed */
    int error;        /* errno, or 0 */
    const void *data; /* what a request gives beside a number: see the function */
    size_t len;       /* the number of bytes, or of elements, in data */
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

/* Runs on a thread of the engine's: gives a result, or -errno. With -EINTR it is called again. */
typedef int64_t (*ioaio_execute)(void *context);

typedef void (*ioaio_cb)(void *data, const ioaio_result *result);
typedef void (*ioaio_group_cb)(void *data, const ioaio_group *group);

/* A new engine, or NULL with errno. */
ioaio *ioaio_new(void);

/* A new engine without some routes: IOAIO_NO_... NULL with errno. */
ioaio *ioaio_new_with(unsigned options);

/* Ends an engine. Callbacks that have not run never run; ioaio_flush first lets them. */
void ioaio_free(ioaio *aio);

/* The version of the library, as text. */
const char *ioaio_version(void);

