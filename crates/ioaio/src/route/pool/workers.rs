//! The workers' side of the pool: what a worker takes, when it sleeps, and when it ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::seat::{Seat, TRAY};
use super::{Needs, Pool, PoolState, RETRY};
use crate::request::cell::{Req, State};
use crate::sys::sync::{MutexGuard, Ordering};

/// The clock can't count to the end of an endless idle time.
const FOREVER: Duration = Duration::from_secs(365 * 86400);
/// A worker without work takes from others who have so many to begin: fewer are done by the time they have moved.
const WORTH_TAKING: usize = 4;

impl Pool {
    /// The place of a thread that was started.
    pub(crate) fn enter(&self) -> Arc<Seat> {
        let seat = Seat::new();
        let mut st = self.lock();
        st.retry_at = None;
        st.seats.push(seat.clone());
        seat
    }
    /// A thread could not be started. Where there are others, they go on alone.
    pub(crate) fn not_started(&self) -> Needs {
        let mut st = self.lock();
        st.threads -= 1;
        st.waking = false;
        st.retry_at = Some(Instant::now() + RETRY);
        self.sort(&mut st);
        let mut needs = self.rouse(&mut st);
        needs.poll = st.threads == 0;
        needs
    }
    /// The next request to begin, of those that the worker has taken.
    pub(crate) fn begin(&self, seat: &Seat) -> Option<Req> {
        let req = seat.begin()?;
        match self.urgent.load(Ordering::Relaxed) > req.priority {
            true => self.give_way(seat, req),
            false => Some(req),
        }
    }
    /// Gives back what is not begun, if something more urgent has come.
    fn give_way(&self, seat: &Seat, req: Req) -> Option<Req> {
        let mut st = self.lock();
        self.sort(&mut st);
        self.note_urgent(&st);
        if st.queue.first().is_none_or(|first| first.priority <= req.priority) {
            return Some(req);
        }
        Self::take_back(&mut st, seat);
        req.set(State::Queued);
        st.queue.put_back(req);
        None
    }
    /// Fills the worker's tray; false if it has to end. `waited` tells whether what it took last has slept. Where there
    /// is nothing to do the worker sleeps, unless it has something to tell before: it then comes back with nothing.
    pub(crate) fn next(&self, seat: &Arc<Seat>, waited: Option<bool>, may_sleep: bool) -> (bool, Needs) {
        let mut st = self.lock();
        if let Some(waited) = waited {
            st.mark(seat, waited);
            let quota = if waited { 1 } else { (seat.quota.load(Ordering::Relaxed) * 2).min(TRAY) };
            seat.quota.store(quota, Ordering::Relaxed);
        }
        loop {
            if seat.called.swap(false, Ordering::Relaxed) {
                st.waking = false;
            }
            self.sort(&mut st);
            if st.threads > st.max_threads || (st.stop && st.queue.is_empty()) {
                return (false, self.leave(&mut st, seat));
            }
            // More are at work than there are processors, and this one does not wait for anything.
            let surplus = !st.stop && !st.is_blind() && st.is_surplus(seat, self.processors(&st));
            if surplus && !st.queue.is_empty() && Self::watch(&mut st) {
                let needs = self.rouse(&mut st);
                return (true, Needs { lookout: true, ..needs });
            }
            if !surplus && self.fill(&mut st, seat) {
                return (true, self.rouse_others(&mut st, seat));
            }
            if !may_sleep {
                let last = st.running() <= 1 || st.is_blind();
                let lookout = !last && Self::watch(&mut st);
                let needs = self.rouse(&mut st);
                return (true, Needs { lookout: lookout || needs.lookout, last, ..needs });
            }
            let (guard, stays) = self.sleep(st, seat);
            st = guard;
            if !stays {
                return (false, self.leave(&mut st, seat));
            }
        }
    }
    /// Takes a fair share of the queue, or of what others have taken and not begun.
    fn fill(&self, st: &mut PoolState, seat: &Seat) -> bool {
        let fair = st.queue.len().div_ceil(st.processors.min(st.max_threads).max(1));
        let most = if st.is_blind() { 1 } else { seat.quota.load(Ordering::Relaxed) };
        for place in 0..fair.min(most) {
            let Some(req) = st.queue.pop() else { break };
            req.set(State::Taken);
            seat.put(place, req);
        }
        self.note_urgent(st);
        seat.seen.store(usize::MAX, Ordering::Relaxed);
        fair > 0 || Self::take_over(st, seat)
    }
    /// Takes from another worker's tray the half that it would come to last.
    fn take_over(st: &PoolState, seat: &Seat) -> bool {
        let laden = |other: &&Arc<Seat>| !std::ptr::eq(&***other, seat) && other.load() >= WORTH_TAKING;
        let Some(other) = st.seats.iter().find(laden) else { return false };
        let mut taken = other.take_last(other.load().div_ceil(2));
        let any = !taken.is_empty();
        taken.reverse();
        taken.into_iter().enumerate().for_each(|(place, req)| seat.put(place, req));
        any
    }
    /// Puts what a worker has not begun back into the queue, where it was.
    pub(super) fn take_back(st: &mut PoolState, seat: &Seat) {
        for req in seat.take_last(TRAY) {
            req.set(State::Queued);
            st.queue.put_back(req);
        }
    }
    pub(super) fn note_urgent(&self, st: &PoolState) {
        let first = st.queue.first().map_or(0, |req| req.priority);
        if self.urgent.load(Ordering::Relaxed) != first {
            self.urgent.store(first, Ordering::Relaxed);
        }
    }
    fn rouse_others(&self, st: &mut PoolState, seat: &Seat) -> Needs {
        let mut needs = self.rouse(st);
        if seat.load() > 1 {
            // Also where nobody can be called: what is done has to be given back.
            needs.lookout |= Self::watch(st);
            let more = self.rouse(st);
            needs.thread |= more.thread;
            needs.lookout |= more.lookout;
        }
        needs
    }
    /// Sleeps until there may be work; false if nothing came in the idle time and the worker is one too many.
    fn sleep<'a>(
        &'a self,
        mut st: MutexGuard<'a, PoolState>,
        seat: &Arc<Seat>,
    ) -> (MutexGuard<'a, PoolState>, bool) {
        st.idle.push(seat.clone());
        // Whether it is known to wait or not: who sleeps is not at work.
        let blocked = seat.blocks.load(Ordering::Relaxed);
        if blocked {
            st.blocking -= 1;
        }
        // What came before the calm ended is not called for.
        let mail = self.settle(&st);
        let end = Instant::now() + st.idle_timeout.min(FOREVER);
        let surplus = st.running() >= self.processors(&st);
        let mut stays = true;
        while !mail
            && (surplus || (self.inbox.is_empty() && st.queue.is_empty()))
            && !seat.called.load(Ordering::Relaxed)
            && !st.stop
            && st.threads <= st.max_threads
        {
            let left = end.saturating_duration_since(Instant::now());
            let (guard, time) = seat.work.wait_timeout(st, left).expect("pool lock");
            st = guard;
            let called = seat.called.load(Ordering::Relaxed);
            if time.timed_out() && !called && st.idle.len() > st.max_idle && st.threads > st.min_threads {
                stays = false;
                break;
            }
            if time.timed_out() && !called {
                // It stays, and its idle time begins anew.
                break;
            }
        }
        st.idle.retain(|other| !Arc::ptr_eq(other, seat));
        if blocked {
            st.blocking += 1;
        }
        (st, stays)
    }
    fn leave(&self, st: &mut PoolState, seat: &Arc<Seat>) -> Needs {
        debug_assert!(!seat.is_laden(), "a worker ends with an empty tray");
        st.mark(seat, false);
        st.threads -= 1;
        st.seats.retain(|other| !Arc::ptr_eq(other, seat));
        // A call that was meant for this worker goes to another one.
        let mut needs = self.rouse(st);
        needs.poll = st.threads == 0 && !st.queue.is_empty();
        self.gone.notify_all();
        needs
    }
}
