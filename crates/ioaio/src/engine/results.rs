//! What the next poll has to do: results to deliver, and groups to look after; how many requests there are, and how
//! much one poll may do.
//!
//! Results come into an inbox without a lock. The first lock protects their order by priority, the second one the
//! list of groups that are due.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::request::cell::{Req, State};
use crate::request::members::Members;
use crate::request::queue::{Batch, Inbox, Queue};
use crate::sys::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, Ordering, model_fence};

/// Requests after which it matters what the allocator does with their memory.
const CROWD: usize = 10_000;

/// With fewer outstanding, whoever waits is told of each result.
const FEW: usize = 16;
/// So many results are worth waking somebody, however many are outstanding.
const MANY: usize = 32;

pub(crate) struct Results {
    inbox: Inbox,
    sorted: Mutex<Queue>,
    /// How many are sorted, to be read without the lock.
    len: AtomicUsize,
    /// How many wait for a poll: about so many, as they come and go.
    waiting: AtomicUsize,
    /// There are results of which nobody was told.
    owed: AtomicBool,
    due: Mutex<VecDeque<Arc<Members>>>,
    due_len: AtomicUsize,
    /// Submitted and not delivered.
    outstanding: AtomicUsize,
    /// Those of them whose callbacks run now, on whatever thread.
    running: AtomicUsize,
    /// Groups whose own callbacks have to wait for one that runs.
    held: AtomicUsize,
    /// There were [`CROWD`] at once since there was none at all.
    was_crowded: AtomicBool,
    /// Nobody will deliver any more.
    closed: AtomicBool,
    pub(crate) max_poll_reqs: AtomicUsize,
    pub(crate) max_poll_time: AtomicU64,
}

impl Results {
    pub(crate) fn new(max_poll_reqs: usize, max_poll_time: Option<Duration>) -> Self {
        Results {
            inbox: Inbox::new(),
            sorted: Mutex::new(Queue::new(State::Done)),
            len: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            owed: AtomicBool::new(false),
            due: Mutex::new(VecDeque::new()),
            due_len: AtomicUsize::new(0),
            outstanding: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            was_crowded: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            max_poll_reqs: AtomicUsize::new(max_poll_reqs),
            max_poll_time: AtomicU64::new(nanos(max_poll_time)),
        }
    }

    // ---- results

    /// Takes results; after the end it gives back what nobody will deliver.
    pub(crate) fn put(&self, batch: Batch) -> Option<Batch> {
        self.waiting.fetch_add(batch.len(), Ordering::Relaxed);
        self.inbox.push(batch);
        model_fence();
        // Either this sees the end, or the end sees the batch.
        self.closed.load(Ordering::SeqCst).then(|| self.take_all())
    }
    /// The oldest result of the highest priority.
    pub(crate) fn next(&self) -> Option<Req> {
        if self.is_empty() {
            return None;
        }
        let mut sorted = self.sort();
        let next = sorted.pop();
        self.len.store(sorted.len(), Ordering::Release);
        drop(sorted);
        if next.is_some() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        next
    }
    /// Whether so many wait that whoever waits for them is to be woken while workers have more to do.
    pub(crate) fn are_worth_a_call(&self) -> bool {
        let outstanding = self.outstanding();
        !self.are_many() || self.waiting.load(Ordering::Relaxed) >= (outstanding / 2).min(MANY)
    }
    /// Whether so many requests are outstanding that they are handed over several at a time.
    pub(crate) fn are_many(&self) -> bool {
        self.outstanding() >= FEW
    }
    pub(crate) fn owe_call(&self) {
        self.owed.store(true, Ordering::SeqCst);
    }
    pub(crate) fn owes_call(&self) -> bool {
        self.owed.load(Ordering::SeqCst)
    }
    pub(crate) fn take_owed_call(&self) -> bool {
        self.owed.load(Ordering::SeqCst) && self.owed.swap(false, Ordering::SeqCst)
    }
    fn sort(&self) -> crate::sys::sync::MutexGuard<'_, Queue> {
        let mut sorted = self.sorted.lock().expect("results");
        if !self.inbox.is_empty() {
            // Before they leave the inbox: nobody finds them in neither.
            self.len.store(sorted.len() + 1, Ordering::SeqCst);
            sorted.append(self.inbox.take());
            self.len.store(sorted.len(), Ordering::SeqCst);
        }
        sorted
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.inbox.is_empty() && self.len.load(Ordering::SeqCst) == 0
    }
    /// How many wait for a poll.
    pub(crate) fn len(&self) -> usize {
        self.sort().len()
    }
    /// The end: what comes from now on is given back to who brings it.
    pub(crate) fn close(&self) -> Batch {
        self.closed.store(true, Ordering::SeqCst);
        model_fence();
        self.take_all()
    }
    fn take_all(&self) -> Batch {
        let mut all = Batch::new();
        let mut sorted = self.sort();
        while let Some(req) = sorted.pop() {
            all.push(req);
        }
        self.len.store(0, Ordering::SeqCst);
        all
    }

    // ---- groups

    /// Puts a group on the list of those that the next poll looks after.
    pub(crate) fn put_group(&self, group: &Arc<Members>) {
        if group.becomes_due() {
            let mut due = self.due.lock().expect("due groups");
            due.push_back(group.clone());
            self.due_len.store(due.len(), Ordering::SeqCst);
        }
    }
    pub(crate) fn next_group(&self) -> Option<Arc<Members>> {
        let mut due = self.due.lock().expect("due groups");
        let next = due.pop_front();
        self.due_len.store(due.len(), Ordering::SeqCst);
        next.inspect(|group| group.is_looked_after())
    }
    /// The group needs nobody to look after it.
    pub(crate) fn forget_group(&self, group: &Arc<Members>) {
        let mut due = self.due.lock().expect("due groups");
        if let Some(place) = due.iter().position(|other| Arc::ptr_eq(other, group)) {
            due.remove(place);
            self.due_len.store(due.len(), Ordering::SeqCst);
            group.is_looked_after();
        }
    }
    pub(crate) fn due_groups(&self) -> usize {
        self.due_len.load(Ordering::SeqCst)
    }
    pub(crate) fn has_due_groups(&self) -> bool {
        self.due_groups() > 0
    }

    // ---- counts

    /// One more request, or group with a callback, is outstanding.
    pub(crate) fn count_in(&self) {
        if self.outstanding.fetch_add(1, Ordering::SeqCst) == CROWD {
            self.was_crowded.store(true, Ordering::Relaxed);
        }
    }
    /// So many are not any more; gives how many are left.
    pub(crate) fn count_out(&self, n: usize) -> usize {
        let before = self.outstanding.fetch_sub(n, Ordering::SeqCst);
        debug_assert!(before >= n, "a request is counted out once");
        before - n
    }
    pub(crate) fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::SeqCst)
    }
    /// A callback begins to run.
    pub(crate) fn callback_began(&self) {
        self.running.fetch_add(1, Ordering::SeqCst);
    }
    /// It has ended, and is counted out after this: never are fewer outstanding than run.
    pub(crate) fn callback_ended(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
    /// A group's own callback has to wait for one that runs.
    pub(crate) fn group_held(&self) {
        self.held.fetch_add(1, Ordering::SeqCst);
    }
    pub(crate) fn group_released(&self) {
        self.held.fetch_sub(1, Ordering::SeqCst);
    }
    /// Whether none is outstanding but those whose callbacks run, and groups that wait for these.
    pub(crate) fn only_running(&self) -> bool {
        // In this order: what ends in between makes it wait for one more look, and never too short.
        let outstanding = self.outstanding();
        outstanding <= self.running.load(Ordering::SeqCst) + self.held.load(Ordering::SeqCst)
    }
    /// Whether there were very many at once, and none is left.
    pub(crate) fn crowd_has_gone(&self) -> bool {
        self.outstanding.load(Ordering::Relaxed) == 0
            && self.was_crowded.load(Ordering::Relaxed)
            && self.was_crowded.swap(false, Ordering::Relaxed)
    }
}

/// As an atomic holds it; no limit is the largest number.
pub(crate) fn nanos(t: Option<Duration>) -> u64 {
    t.map_or(u64::MAX, |t| u64::try_from(t.as_nanos()).unwrap_or(u64::MAX))
}
