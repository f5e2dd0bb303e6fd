//! Event loops that drive the engine, and what happens when one of them does not.
//!
//! While somebody drives, the engine needs no thread for its futures. But progress does not depend on a runtime that
//! nobody runs: if there is something to do and the drivers have not polled for several looks of the timer, the reaper
//! takes over until one of them polls again. No lock: what is known of drivers is in the atomics of `watchers.rs`.

use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};
use std::time::Duration;

use super::Engine;
use super::timer::Alarm;
use crate::sys::sync::Ordering;

/// How often somebody looks whether the drivers answer, and how often they may be found not to have. Several looks
/// instead of a long one: on a machine with too much to do, the looks come late too.
const LOOK: Duration = Duration::from_millis(3);
const PATIENCE: u32 = 4;

impl Engine {
    pub(crate) fn driver_began(&self) {
        self.watchers.drivers.fetch_add(1, Ordering::SeqCst);
    }
    pub(crate) fn driver_ended(self: &Arc<Self>) {
        self.watchers.drivers.fetch_sub(1, Ordering::SeqCst);
        self.take_over_from_drivers();
    }
    /// A driver has polled: it is there.
    pub(crate) fn driver_polled(self: &Arc<Self>) {
        self.watchers.driver_polls.fetch_add(1, Ordering::SeqCst);
        if self.watchers.drivers_late.load(Ordering::SeqCst) {
            self.watchers.drivers_late.store(false, Ordering::SeqCst);
            if self.results.outstanding() > 0 {
                self.watch_drivers(); // what the reaper has watched meanwhile is theirs again
            }
        }
    }
    /// A thread will sleep until its request is done; it may be the one that drives.
    pub(crate) fn waiting_began(self: &Arc<Self>) {
        self.watchers.waiting.fetch_add(1, Ordering::SeqCst);
        if self.watchers.drivers.load(Ordering::SeqCst) > 0 {
            self.take_over_from_drivers();
        }
    }
    pub(crate) fn waiting_ended(&self) {
        self.watchers.waiting.fetch_sub(1, Ordering::SeqCst);
    }
    /// What nobody drives any more is the reaper's.
    fn take_over_from_drivers(self: &Arc<Self>) {
        if self.identity.forked() || self.watchers.driven() {
            return;
        }
        // Who counted on the driver, under this lock, has counted its request in before.
        drop(self.watchers.lock());
        if self.results.outstanding() > 0 {
            self.hand_to_poll_or_reaper(false);
        }
    }
    /// Sees to it that somebody notices if the drivers do not answer.
    pub(super) fn watch_drivers(self: &Arc<Self>) {
        if !self.watchers.drivers_watched.swap(true, Ordering::SeqCst) {
            self.look_at_drivers_later(0, 0);
        }
    }
    /// `polls` is how often drivers had polled at the last look, and `looks` in how many looks in a row there was
    /// something to do and that number did not rise.
    fn look_at_drivers_later(self: &Arc<Self>, polls: usize, looks: u32) {
        let waker = Waker::from(Arc::new(Watch { engine: Arc::downgrade(self), polls, looks }));
        match self.timer.wake_after(LOOK, &waker) {
            Alarm::Set => {}
            Alarm::Stopped => self.watchers.drivers_watched.store(false, Ordering::SeqCst),
            // No thread that could notice: then none that counts on the drivers.
            Alarm::Refused => {
                self.watchers.drivers_watched.store(false, Ordering::SeqCst);
                self.watchers.drivers_late.store(true, Ordering::SeqCst);
                self.take_over_from_drivers();
            }
        }
    }
    fn look_at_drivers(self: &Arc<Self>, before: usize, looks: u32) {
        let polls = self.watchers.driver_polls.load(Ordering::SeqCst);
        let to_do = self.routes.ring_needs_poll() || self.routes.pool.needs_poll();
        if self.results.outstanding() == 0 || !self.watchers.driven() {
            self.watchers.drivers_watched.store(false, Ordering::SeqCst);
            // Who submitted meanwhile has found it watched.
            if self.results.outstanding() > 0 && self.watchers.driven() {
                self.watch_drivers();
            }
        } else if to_do && before == polls && looks >= PATIENCE {
            self.watchers.drivers_late.store(true, Ordering::SeqCst);
            self.watchers.drivers_watched.store(false, Ordering::SeqCst);
            self.take_over_from_drivers();
        } else {
            let looks = if to_do && before == polls { looks + 1 } else { 1 };
            self.look_at_drivers_later(polls, looks);
        }
    }
}

/// A thread that drives the engine while it runs a future; see [`Aio::block_on`](crate::Aio::block_on).
pub(crate) struct DrivingGuard<'a>(&'a Arc<Engine>);

impl<'a> DrivingGuard<'a> {
    pub(crate) fn begin(engine: &'a Arc<Engine>) -> Self {
        engine.driver_began();
        engine.fairness.helper_began();
        DrivingGuard(engine)
    }
}

impl Drop for DrivingGuard<'_> {
    fn drop(&mut self) {
        self.0.fairness.helper_ended();
        self.0.driver_ended();
        // What this thread was called for and has not done is for another one that sleeps.
        self.0.watchers.call_one();
    }
}

struct Watch {
    engine: Weak<Engine>,
    polls: usize,
    looks: u32,
}

impl Wake for Watch {
    fn wake(self: Arc<Self>) {
        if let Some(engine) = self.engine.upgrade()
            && !engine.identity.has_ended()
        {
            engine.look_at_drivers(self.polls, self.looks);
        }
    }
}
