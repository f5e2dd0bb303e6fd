//! The members of a group, and of a composite its children. Knows requests, not the engine: who has to look after
//! the group is told by what the functions return.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;

use crate::request::cell::Req;
use crate::sys::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

/// Adds members when it is called. The group is its own business.
pub(crate) type Feeder = Box<dyn FnMut() + Send>;
pub(crate) type Callback = Box<dyn FnOnce() + Send>;

/// The lock protects who is a member, and who is told when none is left.
pub(crate) struct Members {
    /// On the engine's list of groups that the next poll looks after.
    due: AtomicBool,
    set: Mutex<Set>,
}

#[derive(Default)]
struct Set {
    members: HashMap<usize, Req>,
    feeder: Option<Feeder>,
    /// The feeder runs, on some thread.
    feeding: bool,
    /// Members whose callbacks run now: the group cannot be over before they have returned.
    running: usize,
    /// Cancelled or replaced while it ran: it does not come back.
    removed: bool,
    /// The feeder has gone, and who found it running has to look again.
    look_again: bool,
    /// Requests that ever became members.
    added: u64,
    limit: usize,
    callback: Option<Callback>,
    wakers: Vec<Waker>,
    finished: bool,
}

impl Set {
    fn is_idle(&self) -> bool {
        self.members.is_empty() && self.feeder.is_none() && !self.feeding
    }
}

/// What follows from the end of a member.
pub(crate) struct Told {
    /// A poll has to look after the group: there is a feeder or a callback.
    pub(crate) due: bool,
    pub(crate) wakers: Vec<Waker>,
    /// No running callback keeps the group's own from its turn any more.
    pub(crate) released: bool,
}

impl Members {
    fn lock(&self) -> MutexGuard<'_, Set> {
        self.set.lock().expect("no code panics under a group's lock")
    }
    /// `limit` is how many members a feeder keeps going.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        let set = Set { limit, ..Set::default() };
        Arc::new(Members { due: AtomicBool::new(false), set: Mutex::new(set) })
    }
    /// Makes a request, not yet submitted, a member. A finished group takes no more.
    pub(crate) fn add(self: &Arc<Self>, req: &Req) {
        let mut set = self.lock();
        if !set.finished {
            set.members.insert(req.addr() as usize, req.clone());
            set.added += 1;
            drop(set);
            req.join(self.clone());
        }
    }
    pub(crate) fn len(&self) -> usize {
        self.lock().members.len()
    }
    pub(crate) fn all(&self) -> Vec<Req> {
        self.lock().members.values().cloned().collect()
    }
    /// The callback of a member begins to run; true if it is the first that keeps the group's own from its turn.
    pub(crate) fn callback_began(&self) -> bool {
        let mut set = self.lock();
        set.running += 1;
        set.running == 1 && set.callback.is_some()
    }
    /// Forgets a member that has ended; `ran` tells whether its callback did.
    pub(crate) fn end_of(&self, req: &Req, ran: bool) -> Told {
        let mut set = self.lock();
        set.running -= usize::from(ran);
        let released = ran && set.running == 0 && set.callback.is_some();
        let member = set.members.remove(&(req.addr() as usize));
        let due = set.callback.is_some() || set.feeder.is_some();
        let told = Told { due, wakers: std::mem::take(&mut set.wakers), released };
        drop(set);
        drop(member);
        told
    }
    /// Who awaits the group, to be woken so that they look at it.
    pub(crate) fn take_wakers(&self) -> Vec<Waker> {
        std::mem::take(&mut self.lock().wakers)
    }
    /// Whether it is to be put on the list of groups that a poll looks after, where it stands once.
    pub(crate) fn becomes_due(&self) -> bool {
        !self.due.swap(true, Ordering::SeqCst)
    }
    /// It is not on that list any more.
    pub(crate) fn is_looked_after(&self) {
        self.due.store(false, Ordering::SeqCst);
    }
    pub(crate) fn set_limit(&self, limit: usize) {
        self.lock().limit = limit;
    }
    pub(crate) fn set_feeder(&self, feeder: Feeder) {
        let mut set = self.lock();
        set.removed = set.feeding;
        let old = set.feeder.replace(feeder);
        drop(set);
        drop(old); // what it holds is the program's: not under the lock
    }
    pub(crate) fn remove_feeder(&self) {
        let mut set = self.lock();
        set.removed = set.feeding;
        let old = set.feeder.take();
        drop(set);
        drop(old);
    }
    /// The first callback makes the group count as a request, and the second value tells that a member's callback keeps
    /// it from its turn.
    pub(crate) fn set_callback(&self, callback: Callback) -> (bool, bool) {
        let mut set = self.lock();
        let old = set.callback.replace(callback);
        let held = old.is_none() && set.running > 0;
        drop(set);
        (old.is_none(), held)
    }
    /// Calls the feeder as long as there is room for members. Runs the program's code: only inside poll, or where the
    /// program asks for it.
    pub(crate) fn feed(&self) {
        loop {
            let mut set = self.lock();
            if set.feeding || set.members.len() >= set.limit {
                return;
            }
            let Some(mut feeder) = set.feeder.take() else { return };
            set.feeding = true;
            let before = set.added;
            drop(set);
            let mut end = FeedingGuard(self, None);
            feeder();
            // Members may have completed meanwhile: how many there are now tells nothing.
            let added = self.lock().added > before;
            end.1 = added.then_some(feeder);
        }
    }
    /// Whether the feeder has gone since this was last asked.
    pub(crate) fn take_look_again(&self) -> bool {
        std::mem::take(&mut self.lock().look_again)
    }
    /// The callback, if no member is left; the group then takes no more.
    pub(crate) fn finish(&self) -> Option<Callback> {
        let mut set = self.lock();
        if !set.is_idle() {
            return None;
        }
        let callback = set.callback.take();
        set.finished |= callback.is_some();
        callback
    }
    /// Whether nobody is left to wait for; if not, the waker is called when that may have changed. The second value
    /// tells that no callback is waiting either.
    pub(crate) fn wait(&self, waker: &Waker) -> Option<bool> {
        let mut set = self.lock();
        if set.is_idle() {
            return Some(set.callback.is_none());
        }
        if !set.wakers.iter().any(|other| other.will_wake(waker)) {
            set.wakers.push(waker.clone());
        }
        None
    }
}

/// Puts the feeder back when it has run, or leaves it out when it added nothing or panicked.
struct FeedingGuard<'a>(&'a Members, Option<Feeder>);

impl Drop for FeedingGuard<'_> {
    fn drop(&mut self) {
        let mut set = self.0.lock();
        set.feeding = false;
        if !std::mem::take(&mut set.removed) && set.feeder.is_none() {
            set.feeder = self.1.take();
        }
        set.look_again |= set.feeder.is_none();
        // A feeder that is not put back is dropped with this guard, after the lock.
    }
}
