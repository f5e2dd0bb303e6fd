//! Futures need nobody to poll: a thread, the reaper, takes completions of the ring for them, unless an event loop
//! drives the engine. Where there are no workers it also executes what is queued. Whether it is there is known under
//! the lock of `watchers.rs`.

use std::sync::Arc;
use std::task::{Wake, Waker};

use super::Engine;
use crate::route::ring::{Ring, Waiter};
use crate::sys::sync::Ordering;

/// The reaper runs wakers, which are the program's.
const STACK: usize = 256 * 1024;
/// How long one poll of a future waits for the kernel where no thread can.
const SERVE: std::time::Duration = std::time::Duration::from_millis(1);

impl Engine {
    /// Sees to it that somebody reaps for futures: they need nobody to call poll.
    pub(crate) fn ensure_reaper(self: &Arc<Self>) {
        {
            // Under the lock: of this and a driver that ends, one sees the other.
            let mut watch = self.watchers.lock();
            if self.watchers.driven() || self.identity.has_ended() {
                return;
            }
            if !watch.reaper {
                let engine = self.clone();
                watch.reaper =
                    crate::sys::sync::spawn(c"ioaio-reaper", STACK, move || engine.reap_for_futures())
                        .is_ok();
                if watch.reaper {
                    self.watchers.reaper_refused.store(false, Ordering::SeqCst);
                    self.watchers.reaper_watches.store(true, Ordering::SeqCst);
                }
            }
            if watch.reaper {
                drop(watch);
                return self.wake_reaper();
            }
        }
        self.watchers.reaper_refused.store(true, Ordering::SeqCst);
        self.serve_here();
    }
    /// Lets the reaper, where it is, watch the ring if it does not.
    fn wake_reaper(&self) {
        if let Some(ring) = &self.routes.ring
            && !self.watchers.reaper_watches.load(Ordering::SeqCst)
        {
            ring.wake(Waiter::Reaper);
        }
    }
    /// No thread can be started at all: who polls a future goes on with what there is; true if he has to come again.
    pub(crate) fn serve_here(self: &Arc<Self>) -> bool {
        while self.run_one_without_threads() {}
        if let Some(ring) = self.routes.ring.as_ref().filter(|ring| ring.in_flight() > 0) {
            self.reap();
            ring.wait(Waiter::Other, true, Some(SERVE));
            self.reap_once();
            return ring.in_flight() > 0;
        }
        self.routes.pool.needs_poll()
    }
    /// The reaper's thread.
    fn reap_for_futures(self: Arc<Self>) {
        while !self.identity.has_ended() {
            while self.run_one_without_threads() {}
            if let Some(ring) = &self.routes.ring {
                self.reap(); // also enters what nobody has told the kernel of
                self.wait_for_ring(ring);
                continue;
            }
            let mut watch = self.watchers.lock();
            // Who queued before this lock is served, who queues after it starts another.
            if !self.routes.pool.needs_poll() {
                watch.reaper = false;
                return;
            }
        }
        self.watchers.lock().reaper = false;
    }
    /// Sleeps until the ring has something; where the engine is driven, until it is not.
    fn wait_for_ring(&self, ring: &Ring) {
        let watches = !self.watchers.driven();
        self.watchers.reaper_watches.store(watches, Ordering::SeqCst);
        // A driver that ended before this was seen has not woken anybody.
        let watches = watches || !self.watchers.driven();
        ring.wait(Waiter::Reaper, watches, None);
    }
    /// Somebody waits for room, which may be taken by callbacks that nobody polls for.
    pub(crate) fn make_progress_without_poll(self: &Arc<Self>) {
        if self.routes.ring.is_some() {
            self.ensure_reaper();
            self.reap_once();
        }
        if self.routes.pool.needs_poll() {
            self.hand_to_poll_or_reaper(false);
        }
    }
    /// The kernel was too busy to take entries: they are offered again after a moment, whoever is asleep.
    pub(super) fn retry_ring_later(self: &Arc<Self>) {
        if self.watchers.retry_pending.swap(true, Ordering::SeqCst) {
            return;
        }
        let waker = Waker::from(Arc::new(Retry(Arc::downgrade(self))));
        if self.timer.wake_after(Ring::RETRY, &waker) == super::timer::Alarm::Refused {
            std::thread::sleep(Ring::RETRY);
            self.watchers.retry_pending.store(false, Ordering::SeqCst);
            self.ring_bell();
        }
    }
}

struct Retry(std::sync::Weak<Engine>);

impl Wake for Retry {
    fn wake(self: Arc<Self>) {
        if let Some(engine) = self.0.upgrade()
            && !engine.identity.has_ended()
        {
            engine.watchers.retry_pending.store(false, Ordering::SeqCst);
            engine.reap_once();
        }
    }
}
