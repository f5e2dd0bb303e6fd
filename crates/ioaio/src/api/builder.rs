//! The limits and switches of an engine.

use std::io;
use std::time::Duration;

use rustix::io::Errno;

use crate::engine::settings::Settings;
use crate::{Aio, Faults};

/// Sets the limits of an engine, and switches its routes on or off.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let aio = ioaio::Aio::builder().max_parallel(4).ring(false).build()?;
/// assert!(!aio.backend().ring);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Builder {
    pub(crate) settings: Settings,
}

impl Builder {
    /// Whether requests may be answered at once where that cannot wait (default: yes).
    pub fn inline(mut self, on: bool) -> Self {
        self.settings.inline = on;
        self
    }
    /// Lets requests fail on purpose, on every route, in release builds too (default: none).
    pub fn faults(mut self, plan: Faults) -> Self {
        self.settings.faults = Some(plan);
        self
    }
    /// Whether io_uring is used where the kernel offers it (default: yes).
    pub fn ring(mut self, on: bool) -> Self {
        self.settings.ring = on;
        self
    }
    /// Whether threads are used (default: yes); without, `poll` executes what has no other route.
    pub fn pool(mut self, on: bool) -> Self {
        self.settings.pool = on;
        self
    }
    /// The number of requests that the ring has at the most (default 256); more wait by priority.
    pub fn ring_in_flight(mut self, n: u32) -> Self {
        self.settings.ring_in_flight = n;
        self
    }
    /// The number of threads to keep at the least (default 0).
    pub fn min_parallel(mut self, n: usize) -> Self {
        self.settings.min_parallel = n;
        self
    }
    /// The number of threads at the most (default 16).
    pub fn max_parallel(mut self, n: usize) -> Self {
        self.settings.max_parallel = n;
        self
    }
    /// How many idle threads stay after the idle timeout (default 4).
    pub fn max_idle(mut self, n: usize) -> Self {
        self.settings.max_idle = n;
        self
    }
    /// How long a thread stays idle before it may end (default 10 s).
    pub fn idle_timeout(mut self, t: Duration) -> Self {
        self.settings.idle_timeout = t;
        self
    }
    /// How many requests may wait to be executed before submitters are held (default: no limit).
    ///
    /// Places are given in the order in which they were asked for. A future that has been woken for one and is
    /// not polled within 100 ms gives it to the next, and is let in later all the same.
    pub fn max_outstanding(mut self, n: usize) -> Self {
        self.settings.max_outstanding = n;
        self
    }
    /// How many results one `poll` delivers at the most (default: no limit).
    pub fn max_poll_reqs(mut self, n: usize) -> Self {
        self.settings.max_poll_reqs = n;
        self
    }
    /// How long one `poll` goes on delivering (default: no limit).
    pub fn max_poll_time(mut self, t: Duration) -> Self {
        self.settings.max_poll_time = Some(t);
        self
    }
    /// Makes the engine.
    ///
    /// # Errors
    /// EINVAL for a limit of zero; EMFILE or ENOMEM where not even an eventfd can be had. A kernel
    /// that refuses io_uring is no error: see [`Aio::backend`].
    pub fn build(self) -> io::Result<Aio> {
        let s = &self.settings;
        let zero = s.ring_in_flight == 0
            || s.max_parallel == 0
            || s.max_outstanding == 0
            || s.max_poll_reqs == 0
            || s.min_parallel > s.max_parallel;
        if zero {
            return Err(Errno::INVAL.into());
        }
        Aio::with(self.settings)
    }
}
