//! Mapped memory.

use engine::{MemoryAdvice, MlockAllFlags, MsyncFlags};

use crate::options::MODIFY;

ops! {
    /// Writes changed pages of a mapped file to the device: msync(2), with MS_... in flags. The range is made one of
    /// whole pages.
    /// Errors: those of msync(2).
    82 ioaio_msync(addr, len, flags) |aio, args| {
        aio.msync(args.mapped(), .., MsyncFlags::from_bits_retain(args.flags as u32))
    };
    /// Brings all pages of mapped memory in, with IOAIO_MODIFY in flags also for writing.
    /// Errors: those of madvise(2) with MADV_POPULATE_READ and MADV_POPULATE_WRITE; EINVAL for flags that it does
    /// not know.
    83 ioaio_mtouch(addr, len, flags) |aio, args| {
        args.only(MODIFY).map(|flags| aio.mtouch(args.mapped(), .., flags.has(MODIFY)))
    };
    /// Brings mapped memory in, and keeps it there: mlock(2).
    /// Errors: those of mlock(2).
    84 ioaio_mlock(addr, len) |aio, args| aio.mlock(args.mapped(), ..);
    /// Takes that back: munlock(2).
    /// Errors: those of munlock(2).
    85 ioaio_munlock(addr, len) |aio, args| aio.munlock(args.mapped(), ..);
    /// Keeps all of the process in memory: mlockall(2), with MCL_... in flags.
    /// Errors: those of mlockall(2).
    86 ioaio_mlockall(flags) |aio, args| {
        aio.mlockall(MlockAllFlags::from_bits_retain(args.flags as u32))
    };
    /// Takes that back: munlockall(2).
    /// Errors: those of munlockall(2).
    87 ioaio_munlockall() |aio, _args| aio.munlockall();
    /// Tells how mapped memory is going to be used: madvise(2), with MADV_... in flags.
    /// Errors: those of madvise(2).
    88 ioaio_madvise(addr, len, flags) |aio, args| {
        aio.madvise(args.mapped(), .., MemoryAdvice::from_raw(args.flags))
    };
}
