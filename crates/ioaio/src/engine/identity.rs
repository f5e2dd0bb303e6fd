//! Whose engine this is: which process may use it, which requests are its own, and whether it has ended. No lock.

use std::io;
use std::sync::Arc;

use rustix::io::Errno;

use crate::request::cell::{self, Req};
use crate::sys::fork::ForkMark;
use crate::sys::sync::{AtomicBool, Ordering};

pub(crate) struct Identity {
    fork: Arc<ForkMark>,
    /// Requests from before are a parent's.
    epoch: u32,
    ended: AtomicBool,
}

impl Identity {
    pub(crate) fn new() -> io::Result<Self> {
        let fork = Arc::new(ForkMark::new()?);
        Ok(Identity { fork, epoch: cell::epoch(), ended: AtomicBool::new(false) })
    }
    pub(crate) fn fork(&self) -> &Arc<ForkMark> {
        &self.fork
    }
    /// Whether this is a process that was forked after the engine was made.
    pub(crate) fn forked(&self) -> bool {
        self.fork.forked()
    }
    /// EOWNERDEAD in such a process.
    pub(crate) fn check(&self) -> io::Result<()> {
        if self.forked() { Err(Errno::OWNERDEAD.into()) } else { Ok(()) }
    }
    /// Whether a request is not from before a fork.
    pub(crate) fn owns(&self, req: &Req) -> bool {
        req.is_since(self.epoch)
    }
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }
}
