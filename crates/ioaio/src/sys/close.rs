//! Closing.
//!
//! # Safety contract
//! A descriptor is closed by whoever owned it, once.

use std::io;
use std::os::fd::{IntoRawFd, OwnedFd};

use rustix::io::Errno;

/// `close(2)` with its result; the number is free also after an error (Linux).
pub(crate) fn close(fd: OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor was owned and is given up here.
    match unsafe { libc::close(fd.into_raw_fd()) } {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            // It is closed (Linux), and must not be closed again: the number may be somebody else's by now.
            e if e.kind() == io::ErrorKind::Interrupted => Ok(()),
            e => Err(e),
        },
    }
}

/// `close(2)` of what was written, where an interrupted one is an error as well: what was written before may be
/// lost (network file systems and FUSE send it only now).
pub(crate) fn close_written(fd: OwnedFd) -> rustix::io::Result<()> {
    // SAFETY: the descriptor was owned and is given up here.
    match unsafe { libc::close(fd.into_raw_fd()) } {
        0 => Ok(()),
        _ => Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)),
    }
}
