//! Locks of open file descriptions.
//!
//! # Safety contract
//! Each function takes borrows of everything the kernel reads or writes, so it is safe to call.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `fcntl(2)` with F_OFD_SETLK, which does not wait. The kind is F_RDLCK, F_WRLCK or F_UNLCK.
pub(crate) fn ofd_lock(fd: BorrowedFd<'_>, kind: i32, start: i64, len: i64) -> io::Result<()> {
    // SAFETY: the struct has only integers, for which zero is a value.
    let mut lock: libc::flock64 = unsafe { std::mem::zeroed() };
    lock.l_type = kind as libc::c_short;
    lock.l_whence = libc::SEEK_SET as libc::c_short;
    lock.l_start = start;
    lock.l_len = len;
    // SAFETY: the struct lives as long as the call.
    match unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_OFD_SETLK, &raw const lock) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}
