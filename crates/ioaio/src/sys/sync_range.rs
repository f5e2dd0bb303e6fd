//! Writing back a part of a file.
//!
//! # Safety contract
//! Each function takes borrows of everything the kernel reads or writes, so it is safe to call.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `sync_file_range(2)`.
pub(crate) fn sync_file_range(fd: BorrowedFd<'_>, offset: i64, len: i64, flags: u32) -> io::Result<()> {
    // SAFETY: plain system call on an open descriptor.
    match unsafe { libc::sync_file_range(fd.as_raw_fd(), offset, len, flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
