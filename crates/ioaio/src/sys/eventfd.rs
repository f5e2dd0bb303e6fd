//! A counter with a file descriptor; under loom the counter alone, which loom can watch.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::EventfdFlags;

pub(crate) struct EventFd {
    fd: OwnedFd,
    #[cfg(loom)]
    model: (crate::sys::sync::Mutex<u64>, crate::sys::sync::Condvar),
}

impl EventFd {
    pub(crate) fn new() -> io::Result<Self> {
        let fd = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self::of(fd))
    }
    fn of(fd: OwnedFd) -> Self {
        EventFd {
            fd,
            #[cfg(loom)]
            model: Default::default(),
        }
    }
    /// Takes the descriptor number of `old`, which must never be closed again.
    pub(crate) fn take_over(&mut self, old: BorrowedFd<'_>) -> io::Result<()> {
        self.fd = crate::sys::fork::replace_fd(self.fd.as_fd(), old)?;
        Ok(())
    }
}

#[cfg(not(loom))]
impl EventFd {
    /// Makes it readable.
    pub(crate) fn add(&self) {
        // EAGAIN would mean a count of 2^64 - 1: readable all the same.
        let _ = rustix::io::write(&self.fd, &1u64.to_ne_bytes());
    }
    /// Makes it unreadable.
    pub(crate) fn take(&self) {
        let _ = rustix::io::read(&self.fd, &mut [0u8; 8]);
    }
}

/// No time passes in the model, so that it hangs wherever only a timeout would have woken somebody.
#[cfg(loom)]
impl EventFd {
    pub(crate) fn add(&self) {
        *self.model.0.lock().unwrap() += 1;
        self.model.1.notify_all();
    }
    pub(crate) fn take(&self) {
        *self.model.0.lock().unwrap() = 0;
    }
    #[cfg(test)]
    pub(crate) fn wait(&self, timeout: std::time::Duration) -> io::Result<bool> {
        let mut count = self.model.0.lock().unwrap();
        while *count == 0 && !timeout.is_zero() {
            count = self.model.1.wait(count).unwrap();
        }
        Ok(*count > 0)
    }
}

impl AsFd for EventFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
