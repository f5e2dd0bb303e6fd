//! One sample: a number of operations at a depth, between two readings of the clocks.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a subject is asked to do in one sample.
pub struct Run<W> {
    pub work: Arc<W>,
    /// Operations in flight; never more than `ops`.
    pub depth: usize,
    pub ops: usize,
    /// Whether the time of each operation is wanted; only at depth 1.
    pub latency: bool,
}

impl<W> Run<W> {
    /// Times `body`, which has to do all of the operations that the cursor hands out.
    ///
    /// Setting up (runtimes, files, buffers) belongs before the call, so that it is not counted.
    pub fn measure(&self, body: impl FnOnce(Arc<Cursor>) -> io::Result<()>) -> io::Result<Sample> {
        let cursor = Arc::new(Cursor::new(self.ops, self.latency && self.depth == 1));
        let (cpu, start) = (cpu_time(libc::RUSAGE_SELF)?, Instant::now());
        body(cursor.clone())?;
        let (wall, cpu) = (start.elapsed(), cpu_time(libc::RUSAGE_SELF)? - cpu);
        if cursor.handed_out() < self.ops {
            return Err(io::Error::other("subject stopped early"));
        }
        Ok(Sample { ops: self.ops, wall, cpu, latency: cursor.percentiles() })
    }
}

/// What came out.
#[derive(Clone, Debug)]
pub struct Sample {
    pub ops: usize,
    pub wall: Duration,
    /// User and system time of the whole process, kernel workers of its rings included.
    pub cpu: Duration,
    /// The median and the 99th percentile of single operations.
    pub latency: Option<(Duration, Duration)>,
}

impl Sample {
    /// Operations a second.
    pub fn rate(&self) -> f64 {
        self.ops as f64 / self.wall.as_secs_f64().max(1e-9)
    }

    /// CPU microseconds per operation.
    pub fn cpu_us(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.ops as f64
    }
}

/// Hands out the numbers of the operations, one after the other, to any number of tasks or threads.
///
/// At depth 1 an operation begins when its number is handed out and has ended when the next one is asked for,
/// which times every kind of subject alike and without any code of its own.
pub struct Cursor {
    next: AtomicUsize,
    ops: usize,
    laps: Option<Mutex<Vec<Instant>>>,
}

impl Cursor {
    pub fn new(ops: usize, latency: bool) -> Cursor {
        let laps = latency.then(|| Mutex::new(Vec::with_capacity(ops + 1)));
        Cursor { next: AtomicUsize::new(0), ops, laps }
    }

    /// The number of the next operation, or nothing when all have been handed out.
    #[inline]
    pub fn next(&self) -> Option<usize> {
        if let Some(laps) = &self.laps {
            laps.lock().unwrap().push(Instant::now());
        }
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        (index < self.ops).then_some(index)
    }

    fn handed_out(&self) -> usize {
        self.next.load(Ordering::Relaxed)
    }

    fn percentiles(&self) -> Option<(Duration, Duration)> {
        let laps = self.laps.as_ref()?.lock().unwrap();
        let mut times: Vec<Duration> = laps.windows(2).map(|pair| pair[1] - pair[0]).collect();
        times.sort_unstable();
        let at = |percent: usize| times.get(times.len() * percent / 100).copied();
        Some((at(50)?, at(99)?))
    }
}

/// User and system time so far of `who` (`RUSAGE_SELF`: all threads; `RUSAGE_CHILDREN`: processes waited for).
pub fn cpu_time(who: libc::c_int) -> io::Result<Duration> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::uninit();
    // SAFETY: the pointer is valid for a write of an rusage, which is all that getrusage does with it.
    if unsafe { libc::getrusage(who, usage.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: getrusage succeeded and so has filled it in.
    let usage = unsafe { usage.assume_init() };
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    Ok(time(usage.ru_utime) + time(usage.ru_stime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_counts_what_the_body_did() {
        let run = Run { work: Arc::new(()), depth: 1, ops: 100, latency: true };
        let sample = run
            .measure(|cursor| {
                while cursor.next().is_some() {
                    std::thread::sleep(Duration::from_micros(200));
                }
                Ok(())
            })
            .unwrap();
        let (p50, p99) = sample.latency.unwrap();
        assert!(p50 >= Duration::from_micros(200) && p99 >= p50);
        assert!(sample.wall >= Duration::from_millis(20) && sample.rate() < 5_000.0);
    }

    #[test]
    fn stopping_early_is_an_error() {
        let run = Run { work: Arc::new(()), depth: 1, ops: 2, latency: false };
        assert!(
            run.measure(|cursor| {
                cursor.next();
                Ok(())
            })
            .is_err()
        );
    }
}
