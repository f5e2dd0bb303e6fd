//! Who waits for results: threads that sleep, event loops that drive the engine, and the reaper.
//!
//! The lock protects the list of sleeping threads, which of them watches the ring, and whether the reaper is there.
//! Of the threads that sleep, one watches the ring: the first one to fall asleep.

use std::sync::Arc;

use crate::engine::sleeper::Sleeper;
use crate::sys::sync::{AtomicBool, AtomicUsize, Mutex, MutexGuard, Ordering, model_fence};

/// What a thread sleeps for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Until {
    /// A result or a group that is due, which it delivers or lets its caller deliver.
    Result,
    /// The same, or that no request is outstanding.
    Nothing,
    /// The same, or that none is outstanding but those whose callbacks run.
    OnlyRunning,
    /// Something else: it delivers nothing.
    Own,
}

pub(crate) struct Watchers {
    state: Mutex<State>,
    /// How many of those that deliver sleep and were not called, to be read without the lock.
    asleep: AtomicUsize,
    /// How many of them wait for the end of all requests, and how many for that of all but those whose callbacks run.
    for_nothing: AtomicUsize,
    nested: AtomicUsize,
    /// The thread that watches the ring sleeps without it.
    leader_parked: AtomicBool,
    /// Somebody will offer the kernel again what it was too busy for.
    pub(crate) retry_pending: AtomicBool,
    /// No thread could be started for the reaper.
    pub(crate) reaper_refused: AtomicBool,
    /// The reaper watches the ring.
    pub(crate) reaper_watches: AtomicBool,
    /// Event loops that poll whenever the poll fd says so; see `api/drive`.
    pub(crate) drivers: AtomicUsize,
    /// A driver has not answered the poll fd, and has not polled since.
    pub(crate) drivers_late: AtomicBool,
    /// Somebody looks in a while whether the drivers have answered.
    pub(crate) drivers_watched: AtomicBool,
    /// Polls of drivers.
    pub(crate) driver_polls: AtomicUsize,
    /// Threads that sleep until their request is done, of which each may be one that drives.
    pub(crate) waiting: AtomicUsize,
}

#[derive(Default)]
pub(crate) struct State {
    asleep: Vec<(Arc<Sleeper>, Until)>,
    /// The thread that watches the ring.
    leader: Option<Arc<Sleeper>>,
    /// The reaper's thread is there.
    pub(crate) reaper: bool,
}

/// A thread on the list of those that sleep.
pub(crate) struct AsleepGuard<'a> {
    watchers: &'a Watchers,
    sleeper: &'a Arc<Sleeper>,
    pub(crate) leads: bool,
}

impl Watchers {
    pub(crate) fn new() -> Self {
        Watchers {
            state: Mutex::new(State::default()),
            asleep: AtomicUsize::new(0),
            for_nothing: AtomicUsize::new(0),
            nested: AtomicUsize::new(0),
            leader_parked: AtomicBool::new(false),
            retry_pending: AtomicBool::new(false),
            reaper_refused: AtomicBool::new(false),
            reaper_watches: AtomicBool::new(false),
            drivers: AtomicUsize::new(0),
            drivers_late: AtomicBool::new(false),
            drivers_watched: AtomicBool::new(false),
            driver_polls: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
        }
    }
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics under the watchers' lock")
    }
    /// Puts a thread on the list. From here on it is called for what it sleeps for; what was there before it has to
    /// look for itself.
    pub(crate) fn lie_down<'a>(&'a self, sleeper: &'a Arc<Sleeper>, until: Until) -> AsleepGuard<'a> {
        let mut st = self.lock();
        st.asleep.push((sleeper.clone(), until));
        let leads = st.leader.is_none();
        if leads {
            st.leader = Some(sleeper.clone());
        }
        self.note(&st);
        drop(st);
        model_fence();
        AsleepGuard { watchers: self, sleeper, leads }
    }
    fn note(&self, st: &State) {
        let count = |what: Until| st.asleep.iter().filter(|(_, until)| *until == what).count();
        self.asleep.store(st.asleep.len() - count(Until::Own), Ordering::SeqCst);
        self.for_nothing.store(count(Until::Nothing), Ordering::SeqCst);
        self.nested.store(count(Until::OnlyRunning), Ordering::SeqCst);
    }
    /// Calls one of those that deliver; each call takes one from the list.
    pub(crate) fn call_one(&self) {
        if self.asleep.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut st = self.lock();
        let Some(place) = st.asleep.iter().rposition(|(_, until)| *until != Until::Own) else { return };
        let (sleeper, _) = st.asleep.remove(place);
        self.note(&st);
        drop(st);
        sleeper.call();
    }
    /// So many are outstanding now: calls those that wait for that.
    pub(crate) fn call_at(&self, outstanding: usize) {
        model_fence();
        if outstanding == 0 && self.for_nothing.load(Ordering::SeqCst) > 0 {
            self.call(|until| until == Until::Nothing);
        }
        self.call_nested();
    }
    /// A callback has begun or ended: calls those that wait for all but the running ones.
    pub(crate) fn call_nested(&self) {
        if self.nested.load(Ordering::SeqCst) > 0 {
            self.call(|until| until == Until::OnlyRunning);
        }
    }
    /// Calls everybody: the engine ends.
    pub(crate) fn call_all(&self) {
        self.call(|_| true);
    }
    fn call(&self, which: impl Fn(Until) -> bool) {
        let st = self.lock();
        let sleepers =
            st.asleep.iter().filter(|(_, until)| which(*until)).map(|(sleeper, _)| sleeper.clone());
        let sleepers: Vec<_> = sleepers.collect();
        drop(st);
        sleepers.iter().for_each(|sleeper| sleeper.call());
    }
    /// Whether the thread that is to watch the ring does: not where there is nothing on it.
    pub(crate) fn leader_watches(&self, in_flight: impl Fn() -> bool) -> bool {
        if in_flight() {
            return true;
        }
        self.leader_parked.store(true, Ordering::SeqCst);
        model_fence();
        let watches = in_flight(); // something may have come meanwhile
        self.leader_parked.store(!watches, Ordering::SeqCst);
        watches
    }
    /// There is something on the ring: the thread that is to watch it has to be told.
    pub(crate) fn call_parked_leader(&self) {
        if self.leader_parked.load(Ordering::SeqCst) {
            let leader = self.lock().leader.clone();
            leader.iter().for_each(|sleeper| sleeper.call());
        }
    }
    /// Lets another sleeping thread watch the ring, if there is one and none does.
    pub(crate) fn call_leader(&self) {
        let st = self.lock();
        let next = st.asleep.last().filter(|_| st.leader.is_none()).map(|(sleeper, _)| sleeper.clone());
        drop(st);
        next.iter().for_each(|sleeper| sleeper.call());
    }
    /// Whether somebody polls for futures.
    pub(crate) fn driven(&self) -> bool {
        self.drivers.load(Ordering::SeqCst) > 0
            && self.waiting.load(Ordering::SeqCst) == 0
            && !self.drivers_late.load(Ordering::SeqCst)
    }
}

impl Drop for AsleepGuard<'_> {
    fn drop(&mut self) {
        let mut st = self.watchers.lock();
        st.asleep.retain(|(other, _)| !Arc::ptr_eq(other, self.sleeper));
        if self.leads {
            self.watchers.leader_parked.store(false, Ordering::SeqCst);
            st.leader = None;
        }
        self.watchers.note(&st);
    }
}
