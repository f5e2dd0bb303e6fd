//! Between files, pipes, and what only the kernel knows of a file.

use engine::{PipeFlags, SpliceFlags};
use libc::size_t;

use crate::refused::INVAL;

/// A length, where all bits set mean up to the end.
fn length(len: size_t) -> u64 {
    if len == size_t::MAX { u64::MAX } else { len as u64 }
}

ops! {
    /// Sends len bytes of fd2 to fd: sendfile(2), from off on or, with -1, from fd2's own position. Files that it
    /// refuses are read and written instead. The result is the number of bytes.
    /// Errors: those of sendfile(2), read(2) and write(2).
    17 ioaio_sendfile(fd, fd2, off, len) |aio, args| {
        aio.sendfile(&args.file(), &args.file2(), args.offset(), args.len)
    };
    /// Copies len bytes of fd, from off on, to fd2, at off2: copy_file_range(2). The result is the number of
    /// bytes.
    /// Errors: those of copy_file_range(2), of which EXDEV means file systems that cannot do it; EINVAL for the
    /// offset -1.
    53 ioaio_copy_range(fd, off, fd2, off2, len) |aio, args| {
        let (from, to) = ((&args.file(), args.off as u64), (&args.file2(), args.off2 as u64));
        aio.copy_range(from, to, args.len)
    };
    /// Moves len bytes from fd to fd2, one of which is a pipe: splice(2), with its SPLICE_F_... flags. off and off2
    /// are -1 for a pipe. The result is the number of bytes.
    /// Errors: those of splice(2).
    54 ioaio_splice(fd, off, fd2, off2, len, flags) |aio, args| {
        let mut request = aio.splice(&args.file(), &args.file2(), args.len);
        if args.off != -1 {
            request = request.from_offset(args.off as u64);
        }
        if args.off2 != -1 {
            request = request.to_offset(args.off2 as u64);
        }
        request.flags(SpliceFlags::from_bits_retain(args.flags as u32))
    };
    /// Copies len bytes from the pipe fd to the pipe fd2: tee(2), with its SPLICE_F_... flags. The result is the
    /// number of bytes.
    /// Errors: those of tee(2).
    55 ioaio_tee(fd, fd2, len, flags) |aio, args| {
        let flags = SpliceFlags::from_bits_retain(args.flags as u32);
        aio.tee(&args.file(), &args.file2(), args.len).flags(flags)
    };
    /// Makes a pipe: pipe2(2). data are two int, the reading end and the writing end, close-on-exec; without a
    /// callback they are closed.
    /// Errors: those of pipe2(2).
    56 ioaio_pipe(flags) |aio, args| aio.pipe(PipeFlags::from_bits_retain(args.flags as u32));
    /// Does what a command, in flags, says to a file: fcntl(2). The result is its result.
    /// Errors: those of fcntl(2).
    60 ioaio_fcntl(fd, flags, arg) |aio, args| {
        // SAFETY: the caller's promise.
        unsafe { aio.fcntl(&args.file(), args.flags, args.argument()) }
    };
    /// Does what a request says to a file: ioctl(2). The result is its result.
    /// Errors: those of ioctl(2).
    61 ioaio_ioctl(fd, request, arg) |aio, args| {
        // SAFETY: the caller's promise. The kernel takes 32 bits of the number.
        unsafe { aio.ioctl(&args.file(), args.request as u32, args.argument()) }
    };
    /// Where a range of a file is on its device: FIEMAP_FLAG_... in flags, and at most iovcnt extents, or
    /// all with -1. The length -1 is up to the end. data are len struct ioaio_extent.
    /// Errors: those of ioctl(2) with FS_IOC_FIEMAP, of which EBADR means flags that the file system does not know,
    /// and EOPNOTSUPP one that has no extents.
    62 ioaio_fiemap(fd, off, len, flags, iovcnt) |aio, args| {
        let max = match args.iovcnt {
            -1 => Ok(usize::MAX),
            n => usize::try_from(n).map_err(|_| INVAL),
        };
        max.map(|max| {
            let request = aio.fiemap(&args.file(), args.off as u64, length(args.len));
            request.flags(args.flags as u32).max(max)
        })
    };
    /// How many extents ioaio_fiemap would find, with the same flags.
    /// Errors: those of ioaio_fiemap.
    63 ioaio_fiemap_count(fd, off, len, flags) |aio, args| {
        aio.fiemap_count(&args.file(), args.off as u64, length(args.len)).flags(args.flags as u32)
    };
}
