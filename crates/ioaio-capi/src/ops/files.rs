//! Opening, reading, writing.

use std::io::SeekFrom;

use engine::{Aio, FallocateFlags, File, OFlags, ReadWriteFlags, Request, ResolveFlags, Seek};

use crate::args::ioaio_args;
use crate::options::{advice, lock};
use crate::refused::{INVAL, Refused};

fn open_flags(args: &ioaio_args) -> OFlags {
    OFlags::from_bits_retain(args.flags as u32)
}

/// openat2(2) refuses modes that open(2) takes or does not look at.
fn strict_mode(args: &ioaio_args) -> Result<u32, Refused> {
    // O_DIRECTORY is a part of O_TMPFILE.
    let creates = args.flags & libc::O_CREAT != 0 || args.flags & libc::O_TMPFILE == libc::O_TMPFILE;
    if args.mode > 0o7777 || args.mode != 0 && !creates { Err(INVAL) } else { Ok(args.mode) }
}

fn seek<'a>(aio: &'a Aio, file: &File, args: &ioaio_args) -> Result<Request<'a, Seek>, Refused> {
    let off = args.off;
    Ok(match args.whence {
        libc::SEEK_SET => aio.seek(file, SeekFrom::Start(off as u64)),
        libc::SEEK_CUR => aio.seek(file, SeekFrom::Current(off)),
        libc::SEEK_END => aio.seek(file, SeekFrom::End(off)),
        // Before the start there is nothing, as after the end.
        libc::SEEK_DATA | libc::SEEK_HOLE if off < 0 => return Err(Refused(libc::ENXIO)),
        libc::SEEK_DATA => aio.seek_data(file, off as u64),
        libc::SEEK_HOLE => aio.seek_hole(file, off as u64),
        _ => return Err(INVAL),
    })
}

ops! {
    /// Does nothing.
    1 ioaio_nop() |aio, _args| aio.nop();
    /// Keeps a thread busy, for tests.
    /// Errors: EINVAL for a time that is negative or not a number.
    2 ioaio_busy(seconds) |aio, args| {
        std::time::Duration::try_from_secs_f64(args.seconds).map(|time| aio.busy(time)).map_err(|_| INVAL)
    };
    /// Opens or creates a file: open(2). The result is the descriptor, which is close-on-exec; without a callback it
    /// is closed.
    /// Errors: those of open(2); EINVAL for flags that it does not know.
    3 ioaio_open(dirfd, path, flags, mode) |aio, args| {
        args.at(aio.open(args.path()).flags(open_flags(args)).mode(args.permissions()))
    };
    /// Closes a descriptor: close(2). It is the request's from now on; where this gives NULL, it is the caller's
    /// still.
    /// Errors: those of close(2), after which it is closed all the same.
    4 ioaio_close(fd) |aio, args| aio.close(args.owned_file());
    /// Reads: pread(2), or read(2) where off is -1. The result is the number of bytes.
    /// Errors: those of pread(2) and read(2).
    5 ioaio_read(fd, buf, len, off) |aio, args| match args.offset() {
        Some(offset) => args.with_file(|file| aio.read_at(file, args.memory(), offset)),
        None => aio.read(&args.file(), args.memory()),
    };
    /// Writes: pwrite(2), or write(2) where off is -1. The result is the number of bytes.
    /// Errors: those of pwrite(2) and write(2).
    6 ioaio_write(fd, src, len, off) |aio, args| match args.offset() {
        Some(offset) => aio.write_at(&args.file(), args.source(), offset),
        None => aio.write(&args.file(), args.source()),
    };
    /// Starts reading a range into the page cache: readahead(2).
    /// Errors: those of readahead(2); EINVAL for an offset below 0.
    7 ioaio_readahead(fd, off, len) |aio, args| aio.readahead(&args.file(), args.off as u64, args.len);
    /// Writes a file's data and metadata to the device: fsync(2).
    /// Errors: those of fsync(2).
    12 ioaio_fsync(fd) |aio, args| aio.fsync(&args.file());
    /// Writes a file's data to the device: fdatasync(2).
    /// Errors: those of fdatasync(2).
    13 ioaio_fdatasync(fd) |aio, args| aio.fdatasync(&args.file());
    /// Calls a function of the caller's on another thread; it gives the result, or -errno.
    /// Errors: those of the function; EINVAL without one.
    15 ioaio_custom(execute, context) |aio, args| aio.call(args.custom());
    /// Moves a file's own position: lseek(2). The result is the new one.
    /// Errors: those of lseek(2).
    16 ioaio_seek(fd, off, whence) |aio, args| seek(aio, &args.file(), args);
    /// Allocates or frees the space of a range: fallocate(2).
    /// Errors: those of fallocate(2), of which EOPNOTSUPP means a file system that cannot do it.
    18 ioaio_allocate(fd, flags, off, len) |aio, args| {
        let mode = FallocateFlags::from_bits_retain(args.flags as u32);
        aio.allocate(&args.file(), mode, args.off as u64, args.len as u64)
    };
    /// Writes everything in all caches to the devices: sync(2).
    19 ioaio_sync() |aio, _args| aio.sync();
    /// Writes everything of one file system to its device: syncfs(2).
    /// Errors: those of syncfs(2).
    20 ioaio_syncfs(fd) |aio, args| aio.syncfs(&args.file());
    /// Writes a range of a file's data to the device: sync_file_range(2), with its SYNC_FILE_RANGE_... flags.
    /// Errors: those of sync_file_range(2).
    21 ioaio_sync_file_range(fd, off, len, flags) |aio, args| {
        aio.sync_file_range(&args.file(), args.off as u64, args.len as u64, args.flags as u32)
    };
    /// Sets the size of an open file: ftruncate(2).
    /// Errors: those of ftruncate(2).
    32 ioaio_ftruncate(fd, off) |aio, args| aio.ftruncate(&args.file(), args.off as u64);
    /// Opens or creates a file by rules for what its path may lead through: openat2(2) with RESOLVE_... of
    /// linux/openat2.h. The result is the descriptor, which is close-on-exec; without a callback it is closed.
    /// Errors: those of openat2(2), which are EINVAL also for a mode that is none of permissions, or that is given
    /// without O_CREAT and O_TMPFILE; ENOSYS before Linux 5.6.
    46 ioaio_open_resolve(dirfd, path, flags, mode, resolve) |aio, args| {
        strict_mode(args).map(|mode| {
            let rules = ResolveFlags::from_bits_retain(args.resolve);
            args.at(aio.open(args.path()).flags(open_flags(args)).mode(mode).resolve(rules))
        })
    };
    /// Opens a directory for other requests to start at: open(2) with O_PATH. The result is the descriptor; without
    /// a callback it is closed.
    /// Errors: those of open(2).
    47 ioaio_open_dir(dirfd, path) |aio, args| {
        args.at(aio.open(args.path()).flags(OFlags::PATH | OFlags::DIRECTORY))
    };
    /// Opens, reads from off on, and closes. The result is the number of bytes.
    /// Errors: those of open(2), pread(2) and close(2).
    48 ioaio_open_read(dirfd, path, buf, len, off) |aio, args| {
        args.at(aio.open_read(args.path(), args.memory(), args.off as u64))
    };
    /// Writes at off, then fsync(2): both or an error.
    /// Errors: those of pwrite(2) and fsync(2); EINVAL for the offset -1.
    49 ioaio_write_sync(fd, src, len, off) |aio, args| {
        aio.write_sync(&args.file(), args.source(), args.off as u64)
    };
    /// Reads into several buffers: preadv2(2) with RWF_... flags, where -1 is the file's own position. The result
    /// is the number of bytes.
    /// Errors: those of preadv2(2), of which EOPNOTSUPP means flags that the kernel does not know.
    50 ioaio_readv(fd, iov, iovcnt, off, flags) |aio, args| {
        let request = match args.offset() {
            Some(offset) => aio.readv_at(&args.file(), args.memories(), offset),
            None => aio.readv(&args.file(), args.memories()),
        };
        request.flags(ReadWriteFlags::from_bits_retain(args.flags as u32))
    };
    /// Writes several buffers: pwritev2(2) with RWF_... flags, where -1 is the file's own position. The result is
    /// the number of bytes.
    /// Errors: those of pwritev2(2), of which EOPNOTSUPP means flags that the kernel does not know.
    51 ioaio_writev(fd, iov, iovcnt, off, flags) |aio, args| {
        let request = match args.offset() {
            Some(offset) => aio.writev_at(&args.file(), args.memories(), offset),
            None => aio.writev(&args.file(), args.memories()),
        };
        request.flags(ReadWriteFlags::from_bits_retain(args.flags as u32))
    };
    /// Writes at the end of a file, wherever that is by then: pwritev2(2) with RWF_APPEND. The result is the number
    /// of bytes.
    /// Errors: those of pwritev2(2).
    52 ioaio_append(fd, src, len) |aio, args| aio.append(&args.file(), vec![args.source()]);
    /// Tells how a range of a file is going to be used: posix_fadvise(2), with POSIX_FADV_... in flags.
    /// Errors: those of posix_fadvise(2).
    57 ioaio_fadvise(fd, off, len, flags) |aio, args| {
        advice(args.flags)
            .map(|advice| aio.fadvise(&args.file(), args.off as u64, args.len as u64, advice))
    };
    /// Locks a file: flock(2), with LOCK_... in flags. It waits without holding a thread, and can be
    /// cancelled.
    /// Errors: those of flock(2); ECANCELED also when it waits.
    58 ioaio_flock(fd, flags) |aio, args| {
        lock(args.flags).map(|(kind, waits)| {
            let request = aio.flock(&args.file(), kind);
            if waits { request } else { request.dont_wait() }
        })
    };
    /// Locks a range of a file for this open descriptor: fcntl(2) with F_OFD_SETLK. flags are as for
    /// ioaio_flock, which see; a length of 0 is up to the end.
    /// Errors: those of fcntl(2); ECANCELED also when it waits.
    59 ioaio_lock_range(fd, flags, off, len) |aio, args| {
        lock(args.flags).map(|(kind, waits)| {
            let request = aio.lock_range(&args.file(), kind, args.off as u64, args.len as u64);
            if waits { request } else { request.dont_wait() }
        })
    };
}
