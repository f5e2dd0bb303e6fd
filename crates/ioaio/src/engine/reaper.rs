//! Futures need nobody to poll: a thread reaps for them, unless an event loop drives the engine.

use std::sync::Arc;

use super::Inner;
use crate::sys::sync::Ordering;

/// The reaper runs wakers, which are the program's.
const STACK: usize = 256 * 1024;

impl Inner {
    /// A thread that reaps for futures: they need nobody to call poll.
    pub(crate) fn ensure_reaper(self: &Arc<Self>) {
        // Under the lock: of this and a driver that ends, one sees the other.
        let mut started = self.reaper.lock().expect("reaper");
        if !self.driven() && !self.start_reaper(&mut started) {
            drop(started);
            self.serve_here();
        }
    }
    /// No thread can be started at all: who needs a result gets it himself.
    fn serve_here(self: &Arc<Self>) {
        loop {
            while self.run_one_without_threads() {}
            match &self.ring {
                Some(ring) if ring.in_flight() > 0 && ring.wait().is_ok() => ring.reap(self),
                _ => return,
            }
        }
    }
    /// Whether somebody polls for futures.
    pub(super) fn driven(&self) -> bool {
        self.drivers.load(Ordering::SeqCst) > 0 && self.waiters.load(Ordering::SeqCst) == 0
    }
    /// A thread will sleep until its request is done; it may be the one that drives.
    pub(crate) fn waiter_began(self: &Arc<Self>) {
        self.waiters.fetch_add(1, Ordering::SeqCst);
        if self.drivers.load(Ordering::SeqCst) > 0 {
            self.left_behind();
        }
    }
    pub(crate) fn waiter_ended(&self) {
        self.waiters.fetch_sub(1, Ordering::SeqCst);
    }
    pub(crate) fn driver_began(&self) {
        self.drivers.fetch_add(1, Ordering::SeqCst);
    }
    pub(crate) fn driver_ended(self: &Arc<Self>) {
        self.drivers.fetch_sub(1, Ordering::SeqCst);
        self.left_behind();
    }
    /// What a driver leaves behind is the reaper's.
    fn left_behind(self: &Arc<Self>) {
        if self.forked() || self.driven() {
            return;
        }
        // Who counted on the driver, under this lock, has counted its request in before.
        drop(self.reaper.lock().expect("reaper"));
        if self.nreqs.load(Ordering::SeqCst) > 0 {
            self.without_threads(false);
        }
    }
    /// False where no thread can be started.
    pub(super) fn start_reaper(self: &Arc<Self>, started: &mut bool) -> bool {
        if *started || self.stop.load(Ordering::SeqCst) {
            return true;
        }
        let inner = self.clone();
        *started = crate::sys::sync::spawn(c"ioaio-reaper", STACK, move || inner.reaper()).is_ok();
        *started
    }
    fn reaper(self: Arc<Self>) {
        while !self.stop.load(Ordering::SeqCst) {
            while self.run_one_without_threads() {}
            match &self.ring {
                Some(ring) if ring.wait().is_ok() => ring.reap(&self),
                _ => {
                    let mut started = self.reaper.lock().expect("reaper");
                    // Who queued before this lock is served, who queues after it starts another.
                    if !self.pool.needs_poll() {
                        *started = false;
                        return;
                    }
                }
            }
        }
        *self.reaper.lock().expect("reaper") = false;
    }
}
