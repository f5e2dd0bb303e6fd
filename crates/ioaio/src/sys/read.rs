//! Reading into memory that holds nothing yet.
//!
//! # Safety contract
//! Each function takes borrows of everything the kernel reads or writes, so it is safe to call.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::values::buf::Filled;

/// What the page cache has: `preadv2(2)` with RWF_NOWAIT. `None` means that another call has to read: this one would
/// wait, the file system does not know it, or a filter refuses it.
pub(crate) fn read_cached(
    fd: BorrowedFd<'_>,
    buf: &mut [MaybeUninit<u8>],
    offset: u64,
) -> Option<io::Result<Filled>> {
    let mut done = 0;
    loop {
        let rest = &mut buf[done..];
        let iov = libc::iovec { iov_base: rest.as_mut_ptr().cast(), iov_len: rest.len() };
        let at = (offset + done as u64) as i64;
        // Not libc's function: that is a point of thread cancellation, which costs 3% of a read.
        // SAFETY: the iovec describes a live exclusive borrow. The offset goes in two halves, of
        // which a 64-bit kernel ignores the second.
        let n = unsafe {
            let (low, high) = (at as libc::c_long, (at as u64).checked_shr(libc::c_long::BITS).unwrap_or(0));
            libc::syscall(
                libc::SYS_preadv2,
                fd.as_raw_fd(),
                &raw const iov,
                1,
                low,
                high as libc::c_long,
                libc::RWF_NOWAIT,
            )
        };
        match usize::try_from(n) {
            // The end of the file, or all that was asked for.
            Ok(0) => return Some(Ok(Filled::by_kernel(done))),
            Ok(n) if done + n == buf.len() => return Some(Ok(Filled::by_kernel(buf.len()))),
            // Short: the end of the file or of what is cached. The next round tells.
            Ok(n) => done += n,
            Err(_) => {
                let err = io::Error::last_os_error();
                return match err.raw_os_error() {
                    Some(libc::EAGAIN | libc::EOPNOTSUPP | libc::EINTR | libc::EPERM | libc::ENOSYS) => None,
                    _ if done > 0 => None,
                    _ => Some(Err(err)),
                };
            }
        }
    }
}

/// `readahead(2)`.
pub(crate) fn readahead(fd: BorrowedFd<'_>, offset: i64, len: usize) -> io::Result<()> {
    // SAFETY: plain system call on an open descriptor.
    match unsafe { libc::readahead(fd.as_raw_fd(), offset, len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `pread(2)` of at most `max` bytes onto the end of `vec`, into the capacity that it has.
pub(crate) fn read_onto(
    fd: BorrowedFd<'_>,
    vec: &mut Vec<u8>,
    max: usize,
    offset: u64,
) -> rustix::io::Result<usize> {
    let spare = vec.spare_capacity_mut();
    let max = spare.len().min(max);
    let (read, _) = rustix::io::pread(fd, &mut spare[..max], offset)?;
    let n = read.len();
    // SAFETY: the kernel has filled that many bytes after the length.
    unsafe { vec.set_len(vec.len() + n) };
    Ok(n)
}
