//! How many threads read directories.
//!
//! What the kernel has cached keeps one thread for each processor busy, and more only get in each
//! other's way. While threads wait for a device, processors are idle: then there may be more.

use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use ioaio::Aio;
use rustix::time::{ClockId, clock_gettime};

/// How long to look before deciding; some directories take this long to read.
const LOOK: Duration = Duration::from_millis(2);

pub struct Threads {
    pub now: usize,
    max: usize,
    processors: usize,
    since: Instant,
    used: Duration,
}

impl Threads {
    pub fn new(max: usize) -> Self {
        let processors = available_parallelism().map_or(1, |n| n.get());
        Threads { now: processors.min(max), max, processors, since: Instant::now(), used: cpu_time() }
    }
    /// Allows twice as many threads if processors were idle although there was enough to do.
    pub fn adjust(&mut self, aio: &Aio) {
        let time = self.since.elapsed();
        if self.now == self.max || time < LOOK {
            return;
        }
        let used = cpu_time();
        let busy = (used - self.used).as_secs_f64() / time.as_secs_f64();
        if busy < 0.75 * self.now.min(self.processors) as f64 {
            self.now = self.max.min(2 * self.now);
            aio.max_parallel(self.now);
        }
        (self.since, self.used) = (Instant::now(), used);
    }
}

/// Of all threads of this process.
fn cpu_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}
