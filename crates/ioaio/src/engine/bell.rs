//! The poll fd: an eventfd that is readable while `poll` has something to do.
//!
//! It stays loud until a poll finds nothing, so a busy engine pays no system call for a result.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(all(test, loom))]
use std::time::Duration;

use crate::sys::eventfd::EventFd;
use crate::sys::sync::{AtomicBool, Ordering};

pub(crate) struct Bell {
    fd: EventFd,
    loud: AtomicBool,
}

impl Bell {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Bell { fd: EventFd::new()?, loud: AtomicBool::new(false) })
    }
    /// Takes the descriptor number of another, which must never be closed again.
    pub(crate) fn take_over(&mut self, old: BorrowedFd<'_>) -> io::Result<()> {
        self.fd.take_over(old)
    }
    pub(crate) fn ring(&self) {
        if !self.loud.load(Ordering::SeqCst) && !self.loud.swap(true, Ordering::SeqCst) {
            self.fd.add();
        }
    }
    /// Nothing was found: be silent. The caller looks once more and rings if it was too early.
    pub(crate) fn silence(&self) {
        self.fd.take();
        // Not a store: it also has to come after a `ring` that found the bell loud.
        self.loud.swap(false, Ordering::SeqCst);
    }
    /// Waits until the bell rings, as an event loop does; false if the time was over.
    #[cfg(all(test, loom))]
    pub(crate) fn wait(&self, timeout: Duration) -> io::Result<bool> {
        self.fd.wait(timeout)
    }
}
impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
