//! Calls on paths that rustix does not have.
//!
//! # Safety contract
//! Each function takes borrows of everything the kernel reads or writes, so it is safe to call.

use std::ffi::CStr;
use std::io;

/// `truncate(2)`.
pub(crate) fn truncate(path: &CStr, len: i64) -> io::Result<()> {
    // SAFETY: the path is a live C string.
    match unsafe { libc::truncate64(path.as_ptr(), len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
