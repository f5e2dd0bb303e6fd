//! The poll fd: an eventfd that is readable while `poll` has something to do.
//!
//! It stays loud until a poll finds nothing, so a busy engine pays no system call for a result.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};

pub(crate) struct Bell {
    fd: OwnedFd,
    loud: AtomicBool,
}

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Bell { fd, loud: AtomicBool::new(false) })
    }
    /// A bell with the descriptor number of another, which must never be closed again.
    pub(crate) fn new_at(old: BorrowedFd<'_>) -> io::Result<Self> {
        let fd = crate::sys::replace_fd(Self::new()?.fd, old)?;
        Ok(Bell { fd, loud: AtomicBool::new(false) })
    }
    pub(crate) fn ring(&self) {
        if !self.loud.load(Ordering::SeqCst) && !self.loud.swap(true, Ordering::SeqCst) {
            // EAGAIN would mean a count of 2^64 - 1: readable all the same.
            let _ = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
        }
    }
    /// Nothing was found: be silent. The caller looks once more and rings if it was too early.
    pub(crate) fn silence(&self) {
        let _ = rustix::io::read(&self.fd, &mut [0u8; 8]);
        self.loud.store(false, Ordering::SeqCst);
    }
    /// Waits until the bell rings; false if the time was over.
    pub(crate) fn wait(&self, timeout: Option<Duration>) -> io::Result<bool> {
        let timeout =
            timeout.map(|t| Timespec::try_from(t).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 }));
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        Ok(poll(&mut fds, timeout.as_ref())? > 0)
    }
}
impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
