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
