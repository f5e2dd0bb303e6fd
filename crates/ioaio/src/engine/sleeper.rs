//! A thread that sleeps until there is something for it: each has a wake-up of its own, which nobody else can take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::route::ring::{Ring, Waiter};
use crate::sys::sync::{AtomicU8, Condvar, Mutex, Ordering};

const AWAKE: u8 = 0;
/// Sleeps on the condition.
const PARKED: u8 = 1;
/// Sleeps in `poll(2)`, for the completions of the ring.
const ON_RING: u8 = 2;
/// Was called, and has not looked since.
const CALLED: u8 = 3;

/// The lock protects nothing but the sleep itself.
pub(crate) struct Sleeper {
    state: AtomicU8,
    lock: Mutex<()>,
    called: Condvar,
    ring: Option<Arc<Ring>>,
}

impl Sleeper {
    pub(crate) fn new(ring: Option<&Arc<Ring>>) -> Arc<Self> {
        let (lock, called) = (Mutex::new(()), Condvar::new());
        Arc::new(Sleeper { state: AtomicU8::new(AWAKE), lock, called, ring: ring.cloned() })
    }
    /// Lets the thread look again: ends its sleep, or the next one before it has begun.
    pub(crate) fn call(&self) {
        match self.state.swap(CALLED, Ordering::SeqCst) {
            PARKED => {
                drop(self.lock.lock().expect("sleeper"));
                self.called.notify_one();
            }
            ON_RING => self.ring.as_ref().expect("it sleeps on it").wake(Waiter::Sleeper),
            _ => {}
        }
    }
    /// Sleeps until called, or for as long; with `for_ring` also until the ring has completions.
    pub(crate) fn sleep(&self, for_ring: bool, time: Option<Duration>) {
        let ring = self.ring.as_ref().filter(|_| for_ring);
        let to = if ring.is_some() { ON_RING } else { PARKED };
        if self.state.compare_exchange(AWAKE, to, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            match ring {
                Some(ring) => ring.wait(Waiter::Sleeper, true, time),
                None => self.park(time),
            }
        }
        // Whoever called meant: look again, which the caller now does.
        self.state.store(AWAKE, Ordering::SeqCst);
    }
    fn park(&self, time: Option<Duration>) {
        let end = time.and_then(|time| Instant::now().checked_add(time));
        let mut guard = self.lock.lock().expect("sleeper");
        while self.state.load(Ordering::SeqCst) == PARKED {
            let Some(end) = end else {
                guard = self.called.wait(guard).expect("sleeper");
                continue;
            };
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            guard = self.called.wait_timeout(guard, left).expect("sleeper").0;
        }
    }
}
