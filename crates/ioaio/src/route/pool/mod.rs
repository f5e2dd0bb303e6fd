//! The route of threads: workers take requests from the queue, highest priority first, several at a time.
//!
//! How many are at work follows the rule of completion ports: as many as there are processors, and further ones
//! only for those whose requests wait for something. A worker learns that from the kernel, which counts how often
//! a thread has slept. What a worker has taken and not begun lies in a tray, from where others take it back, and
//! the engine's lookout sees to it within a fraction of a millisecond where a worker does not come back.
//!
//! The pool knows requests, not the engine. What the engine has to do, such as to start a thread, is in [`Needs`].

mod seat;
mod workers;

use std::sync::Arc;
use std::time::{Duration, Instant};

use seat::{Seat, TRAY};

use crate::request::cell::{Req, State};
use crate::request::queue::{Batch, Inbox, Queue};
use crate::sys::sync::{AtomicBool, AtomicU8, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, fence};

/// For how long a thread that the system refused is not tried again.
const RETRY: Duration = Duration::from_millis(10);

/// For how many looks a thread that has helped is taken for one that goes on to.
const HELP: u8 = 2;

/// What the engine has to do after the pool has changed.
#[must_use]
pub(crate) struct Needs {
    /// A thread has to be started, which is counted already.
    pub(crate) thread: bool,
    /// Somebody has to look at what was taken and is not begun.
    pub(crate) lookout: bool,
    /// There is no thread and none on its way: poll executes what is queued.
    pub(crate) poll: bool,
    /// A worker that wants to sleep is the last one at work that does not wait for something.
    pub(crate) last: bool,
    /// The pool has stopped: these are to be failed.
    pub(crate) refused: Batch,
}

impl Default for Needs {
    fn default() -> Self {
        Needs { thread: false, lookout: false, poll: false, last: false, refused: Batch::new() }
    }
}

/// The lock protects the queue, who is at work and who sleeps, and the limits.
pub(crate) struct Pool {
    /// What was submitted and is not sorted into the queue.
    inbox: Inbox,
    /// Whoever submits has nothing to do but to put the request into the inbox.
    calm: AtomicBool,
    /// A thread that waits for results answers requests meanwhile, and keeps a processor busy: for how many looks
    /// of the lookout that is taken for true.
    helped: AtomicU8,
    /// About how many lie in the inbox for which nobody was called.
    uncalled: AtomicUsize,
    /// The lookout looks again and again, to be read without the lock.
    watched: AtomicBool,
    /// How many workers there are, to be read without the lock.
    threads: AtomicUsize,
    /// The highest priority that may be waiting: workers give back what they have not begun if it is above theirs.
    urgent: AtomicU8,
    state: Mutex<PoolState>,
    gone: Condvar,
}

pub(crate) struct PoolState {
    queue: Queue,
    /// Those that sleep, the last one to fall asleep last.
    idle: Vec<Arc<Seat>>,
    seats: Vec<Arc<Seat>>,
    /// Workers, also those that are just being started.
    pub(crate) threads: usize,
    /// How many of those at work are known to wait for something.
    blocking: usize,
    /// Some worker is on its way to look at the queue.
    waking: bool,
    /// The lookout looks again and again.
    watched: bool,
    /// No lookout could be started until then: nobody takes more than he begins.
    blind_until: Option<Instant>,
    stop: bool,
    processors: usize,
    pub(crate) max_threads: usize,
    pub(crate) min_threads: usize,
    pub(crate) max_idle: usize,
    pub(crate) idle_timeout: Duration,
    /// The system refused a thread; not tried again before.
    retry_at: Option<Instant>,
}

impl PoolState {
    fn at_work(&self) -> usize {
        self.threads - self.idle.len()
    }
    /// Those at work that keep a processor busy, as far as is known.
    fn running(&self) -> usize {
        self.at_work().saturating_sub(self.blocking)
    }
    fn can_start(&self) -> bool {
        self.threads < self.max_threads && self.retry_at.is_none_or(|at| at <= Instant::now())
    }
    fn is_blind(&self) -> bool {
        self.blind_until.is_some_and(|until| until > Instant::now())
    }
    fn can_grow(&self) -> bool {
        !self.idle.is_empty() || self.can_start()
    }
    /// Whether a worker that waits for nothing is one more than there are processors.
    fn is_surplus(&self, seat: &Seat, processors: usize) -> bool {
        self.running() > processors && !seat.blocks.load(Ordering::Relaxed)
    }
    fn mark(&mut self, seat: &Seat, blocks: bool) {
        if seat.blocks.swap(blocks, Ordering::Relaxed) != blocks {
            match blocks {
                true => self.blocking += 1,
                false => self.blocking -= 1,
            }
        }
    }
}

/// What the lookout has found.
#[derive(Default)]
pub(crate) struct Looked {
    pub(crate) needs: Needs,
    /// Results that workers which do not come back have not given back.
    pub(crate) done: Vec<Batch>,
    /// Something was there to be looked at.
    pub(crate) busy: bool,
}

impl Pool {
    pub(crate) fn new(min: usize, max: usize, max_idle: usize, idle_timeout: Duration) -> Self {
        let processors = match cfg!(loom) {
            true => 2,
            false => std::thread::available_parallelism().map_or(1, usize::from),
        };
        let state = PoolState {
            queue: Queue::new(State::Queued),
            idle: Vec::new(),
            seats: Vec::new(),
            threads: 0,
            blocking: 0,
            waking: false,
            watched: false,
            blind_until: None,
            stop: false,
            processors,
            max_threads: max,
            min_threads: min,
            max_idle,
            idle_timeout,
            retry_at: None,
        };
        Pool {
            inbox: Inbox::new(),
            calm: AtomicBool::new(false),
            helped: AtomicU8::new(0),
            uncalled: AtomicUsize::new(0),
            watched: AtomicBool::new(false),
            threads: AtomicUsize::new(0),
            urgent: AtomicU8::new(0),
            state: Mutex::new(state),
            gone: Condvar::new(),
        }
    }
    pub(crate) fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().expect("no code panics under the pool's lock")
    }

    // ---- submitting

    /// Takes a request. Where workers are awake it is only put into the inbox, without a lock. With `others_follow`
    /// nobody is called before there are several or [`call`](Self::call) says that it was the last, or else by the
    /// lookout, where it is there.
    pub(crate) fn push(&self, req: Req, others_follow: bool) -> Needs {
        let priority = req.priority;
        req.set(State::Submitted);
        self.inbox.push(Batch::of(req));
        if self.urgent.load(Ordering::Relaxed) < priority {
            self.urgent.fetch_max(priority, Ordering::Relaxed);
        }
        // A worker that falls asleep ends the calm first and then looks into the inbox.
        fence(Ordering::SeqCst);
        if self.calm.load(Ordering::SeqCst) {
            return Needs::default();
        }
        if others_follow && self.watched.load(Ordering::SeqCst) {
            let before = self.uncalled.fetch_add(1, Ordering::Relaxed);
            if before + 1 < TRAY {
                return Needs::default();
            }
        }
        self.call_somebody()
    }
    /// The last of those that were pushed with others to follow: calls somebody for all of them.
    pub(crate) fn call(&self) -> Needs {
        if self.inbox.is_empty() || self.calm.load(Ordering::SeqCst) {
            return Needs::default();
        }
        self.call_somebody()
    }
    fn call_somebody(&self) -> Needs {
        let mut st = self.lock();
        self.sort(&mut st);
        if st.stop {
            return Needs { refused: Self::take_queued(&mut st), ..Needs::default() };
        }
        let mut needs = self.rouse(&mut st);
        needs.poll = st.threads == 0 && !st.queue.is_empty();
        needs
    }
    /// Sorts what has been submitted into the queue.
    fn sort(&self, st: &mut PoolState) {
        if self.uncalled.load(Ordering::Relaxed) > 0 {
            self.uncalled.store(0, Ordering::Relaxed);
        }
        for req in self.inbox.take() {
            req.set(State::Queued);
            st.queue.push(req);
        }
    }
    /// How many processors there are for workers.
    fn processors(&self, st: &PoolState) -> usize {
        match self.helped.load(Ordering::Relaxed) > 0 {
            true => st.processors.saturating_sub(1).max(1),
            false => st.processors,
        }
    }
    /// A thread that waits has helped. It counts as one that keeps a processor busy until some looks later.
    pub(crate) fn note_help(&self) {
        if self.watched.load(Ordering::Relaxed) && self.helped.load(Ordering::Relaxed) < HELP {
            self.helped.store(HELP, Ordering::Relaxed);
        }
    }
    /// Gets one more worker going where processors are free, or sees to it that somebody looks again.
    fn rouse(&self, st: &mut PoolState) -> Needs {
        let mut needs = Needs::default();
        self.rouse_one(st, &mut needs);
        // Once more at the most: whoever pushes from then on sees that the calm is over, and calls.
        if self.settle(st) {
            self.sort(st);
            self.rouse_one(st, &mut needs);
            self.settle(st);
        }
        needs
    }
    fn rouse_one(&self, st: &mut PoolState, needs: &mut Needs) {
        if st.waking || st.stop || st.queue.is_empty() {
            return;
        }
        if st.running() >= self.processors(st) && !st.is_blind() {
            needs.lookout |= st.can_grow() && Self::watch(st);
        } else if let Some(seat) = st.idle.pop() {
            st.waking = true;
            seat.called.store(true, Ordering::Relaxed);
            seat.work.notify_one();
        } else if st.can_start() {
            st.threads += 1;
            st.waking = true;
            needs.thread = true;
        } else if st.threads < st.max_threads {
            needs.lookout |= Self::watch(st); // a thread that was refused is tried again later
        }
    }
    /// Whether the lookout has to be told.
    fn watch(st: &mut PoolState) -> bool {
        !st.is_blind() && !std::mem::replace(&mut st.watched, true)
    }
    /// Says whether who submits has to call somebody; true if something has come meanwhile for which nobody was called.
    fn settle(&self, st: &PoolState) -> bool {
        let served = st.waking || !st.can_grow() || (st.running() >= self.processors(st) && st.watched);
        let calm = st.threads > 0 && !st.stop && st.retry_at.is_none() && served;
        let was_calm = self.calm.swap(calm, Ordering::SeqCst);
        let watched = st.watched && !st.stop;
        let was_watched = self.watched.swap(watched, Ordering::SeqCst);
        self.threads.store(st.threads, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        // Whoever pushed before this counted on the calm, or on the lookout.
        ((was_calm && !calm) || (was_watched && !watched)) && !self.inbox.is_empty()
    }

    // ---- the lookout

    /// Takes back what workers hold that have not come on since the last look, and calls others.
    pub(crate) fn look(&self) -> Looked {
        let mut st = self.lock();
        self.sort(&mut st);
        let mut looked = Looked::default();
        let helped = self.helped.load(Ordering::Relaxed);
        self.helped.store(helped.saturating_sub(1), Ordering::Relaxed);
        for seat in st.seats.clone() {
            looked.busy |= seat.is_laden();
            // What is done waits no longer than from one look to the next, whether the worker comes on or not.
            let done = seat.take_done();
            if !done.is_empty() {
                looked.busy = true;
                looked.done.push(done);
            }
            let begun = seat.begun.load(Ordering::Relaxed);
            let stuck = seat.seen.swap(begun, Ordering::Relaxed) == begun;
            if !stuck || st.idle.iter().any(|idle| Arc::ptr_eq(idle, &seat)) {
                continue;
            }
            st.mark(&seat, true);
            Self::take_back(&mut st, &seat);
        }
        looked.busy |= !st.queue.is_empty();
        looked.needs = self.rouse(&mut st);
        looked
    }
    /// The lookout goes: false if there is something to look at after all.
    pub(crate) fn unwatch(&self) -> (bool, Needs) {
        let mut st = self.lock();
        self.sort(&mut st);
        let holds = |seat: &Arc<Seat>| seat.is_laden() || seat.has_done();
        if !st.queue.is_empty() || st.seats.iter().any(holds) {
            return (false, Needs::default());
        }
        st.watched = false;
        self.helped.store(0, Ordering::Relaxed);
        let needs = self.rouse(&mut st);
        st.watched |= needs.lookout;
        (!st.watched, needs)
    }
    /// No lookout could be started.
    pub(crate) fn go_blind(&self) -> Needs {
        let mut st = self.lock();
        st.blind_until = Some(Instant::now() + RETRY);
        st.watched = false;
        self.sort(&mut st);
        self.rouse(&mut st)
    }

    // ---- without workers

    /// Takes a queued request for execution by `poll` where there are no threads.
    pub(crate) fn take_if_no_threads(&self) -> (Option<Req>, Needs) {
        if self.threads.load(Ordering::SeqCst) > 0 {
            return (None, Needs::default());
        }
        let mut st = self.lock();
        self.sort(&mut st);
        if st.threads > 0 {
            return (None, Needs::default());
        }
        let req = st.queue.pop();
        req.iter().for_each(|req| req.set(State::Running));
        (req, self.rouse(&mut st)) // a thread that was refused may be granted by now
    }
    pub(crate) fn needs_poll(&self) -> bool {
        if self.threads.load(Ordering::SeqCst) > 0 {
            return false;
        }
        let mut st = self.lock();
        self.sort(&mut st);
        st.threads == 0 && !st.queue.is_empty()
    }
    /// Takes the next request if it is worth an inline try, unless workers keep all processors busy and more.
    pub(crate) fn take_for_inline(&self) -> Option<Req> {
        let mut st = self.lock();
        self.sort(&mut st);
        if st.running() > st.processors || !st.queue.first()?.may_inline.load(Ordering::Relaxed) {
            return None;
        }
        let req = st.queue.pop()?;
        req.set(State::Running);
        Some(req)
    }
    /// Puts back what could not be answered inline.
    pub(crate) fn put_back(&self, req: Req) -> Needs {
        req.may_inline.store(false, Ordering::Relaxed);
        let mut st = self.lock();
        if st.stop {
            return Needs { refused: Batch::of(req), ..Needs::default() };
        }
        req.set(State::Queued);
        st.queue.put_back(req);
        let mut needs = self.rouse(&mut st);
        needs.poll = st.threads == 0;
        needs
    }

    // ---- composites

    /// Lets a composite wait for its children, unless one has finished meanwhile.
    pub(crate) fn park(&self, req: Req) -> Needs {
        let mut st = self.lock();
        if req.state() != State::Woken {
            req.set(State::Parked);
            return Needs::default();
        }
        self.requeue(&mut st, req)
    }
    /// Queues a composite one of whose children has finished.
    pub(crate) fn unpark(&self, req: &Req) -> Needs {
        let mut st = self.lock();
        match req.state() {
            // It may come to its end in this moment.
            State::Running => _ = req.set_from(State::Running, State::Woken),
            State::Parked => return self.requeue(&mut st, req.clone()),
            _ => {}
        }
        Needs::default()
    }
    /// Also while the pool stops: its children fail then, and it comes to its own end.
    fn requeue(&self, st: &mut PoolState, req: Req) -> Needs {
        if st.stop && st.threads == 0 {
            req.set(State::Running);
            return Needs { refused: Batch::of(req), ..Needs::default() };
        }
        req.set(State::Queued);
        st.queue.push(req);
        let mut needs = self.rouse(st);
        needs.poll = st.threads == 0;
        needs
    }

    // ---- cancel, limits, the end

    /// Takes a request out if no worker has begun it.
    pub(crate) fn cancel(&self, req: &Req) -> Option<Req> {
        let mut st = self.lock();
        self.sort(&mut st);
        // A composite that has started ends by itself when its children are cancelled.
        if req.control.as_ref().is_some_and(|control| control.has_started()) {
            return None;
        }
        let req = match req.state() {
            State::Queued => st.queue.unlink(req),
            State::Taken => st.seats.iter().find_map(|seat| seat.take_out(req))?,
            _ => return None,
        };
        req.set(State::Running);
        Some(req)
    }
    /// Requests that no worker has begun.
    pub(crate) fn queued(&self) -> usize {
        let mut st = self.lock();
        self.sort(&mut st);
        st.queue.len() + st.seats.iter().map(|seat| seat.load()).sum::<usize>()
    }
    /// Changes a limit under the lock.
    pub(crate) fn configure(&self, f: impl FnOnce(&mut PoolState)) -> Needs {
        let mut st = self.lock();
        f(&mut st);
        self.sort(&mut st);
        self.rouse(&mut st)
    }
    /// Counts one more thread in, if there are fewer than the minimum.
    pub(crate) fn lacks_thread(&self) -> bool {
        let mut st = self.lock();
        let lacks = st.threads < st.min_threads && st.can_start() && !st.stop;
        st.threads += usize::from(lacks);
        st.waking |= lacks;
        lacks
    }
    /// Sets the largest number of threads.
    pub(crate) fn allow(&self, max: usize) -> Needs {
        let mut st = self.lock();
        st.max_threads = max;
        st.min_threads = st.min_threads.min(max);
        st.retry_at = None;
        self.sort(&mut st);
        st.seats.iter().for_each(|seat| seat.work.notify_one());
        let mut needs = self.rouse(&mut st);
        needs.poll = st.threads == 0 && !st.queue.is_empty();
        needs
    }
    /// Waits until no more threads are there than are allowed, not counting the caller, who may be one.
    pub(crate) fn wait_until_gone(&self, caller: usize) {
        let mut st = self.lock();
        while st.threads > st.max_threads + caller {
            st = self.gone.wait(st).expect("pool lock");
        }
    }
    /// Takes no more, and gives what is queued, and what is done and not given back. Running requests end by
    /// themselves; their threads hold what they use.
    pub(crate) fn stop(&self) -> (Batch, Vec<Batch>) {
        let mut st = self.lock();
        st.stop = true;
        self.settle(&st);
        self.sort(&mut st);
        let mut done = Vec::new();
        for seat in st.seats.clone() {
            Self::take_back(&mut st, &seat);
            done.push(seat.take_done());
            seat.work.notify_one();
        }
        (Self::take_queued(&mut st), done)
    }
    /// What is to be failed at the end: all but composites that have started, as long as there are workers in
    /// which they come to their own end.
    fn take_queued(st: &mut PoolState) -> Batch {
        let mut failed = Batch::new();
        let mut started = Batch::new();
        while let Some(req) = st.queue.pop() {
            let goes_on = st.threads > 0 && req.control.as_ref().is_some_and(|control| control.has_started());
            if goes_on {
                started.push(req);
            } else {
                req.set(State::Running);
                failed.push(req);
            }
        }
        st.queue.append(started);
        failed
    }
}
