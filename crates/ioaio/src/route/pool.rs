//! The route of threads: workers take from the queue, highest priority first.
//!
//! One waking at a time: a worker that leaves requests behind wakes the next one, so a burst does
//! not wake everybody and a backlog still brings all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::engine::Inner;
use crate::request::cell::{Req, State};
use crate::request::queue::Queue;
use crate::sys::sync::{Condvar, Mutex, MutexGuard, Ordering};

/// What a thread of std has, for `Aio::call`; pages that nobody touches cost nothing.
const STACK: usize = 2 * 1024 * 1024;
/// For how long a thread that the system refused is not tried again.
const RETRY: Duration = Duration::from_millis(10);
/// The clock can't count to the end of an endless idle time.
const FOREVER: Duration = Duration::from_secs(365 * 86400);

pub(crate) struct Pool {
    state: Mutex<PoolState>,
    work: Condvar,
    gone: Condvar,
}

pub(crate) struct PoolState {
    queue: Queue,
    pub(crate) threads: usize,
    idle: usize,
    /// A waking is under way.
    waking: bool,
    stop: bool,
    pub(crate) max_threads: usize,
    pub(crate) min_threads: usize,
    pub(crate) max_idle: usize,
    pub(crate) idle_timeout: Duration,
    /// The system refused a thread; not tried again before.
    retry_at: Option<Instant>,
}

impl Pool {
    pub(crate) fn new(min: usize, max: usize, max_idle: usize, idle_timeout: Duration) -> Self {
        let state = PoolState {
            queue: Queue::new(),
            threads: 0,
            idle: 0,
            waking: false,
            stop: false,
            max_threads: max,
            min_threads: min,
            max_idle,
            idle_timeout,
            retry_at: None,
        };
        Pool { state: Mutex::new(state), work: Condvar::new(), gone: Condvar::new() }
    }
    pub(crate) fn lock(&self) -> MutexGuard<'_, PoolState> {
        self.state.lock().expect("no code panics under the pool's lock")
    }
    /// Queues a request; false if no thread can ever take it and `poll` has to.
    pub(crate) fn push(&self, inner: &Arc<Inner>, req: Req) -> bool {
        let mut st = self.lock();
        if st.stop {
            drop(st);
            self.refuse(inner, req);
            return true;
        }
        req.set(State::InPool);
        st.queue.push(req);
        self.rouse(inner, &mut st);
        st.threads > 0
    }
    /// Gets one more worker going, if there is work and nobody on the way.
    fn rouse(&self, inner: &Arc<Inner>, st: &mut PoolState) {
        if st.waking || st.stop || st.queue.len() == 0 {
            return;
        }
        if st.idle > 0 {
            st.waking = true;
            self.work.notify_one();
        } else if st.threads < st.max_threads && st.retry_at.is_none_or(|at| at <= Instant::now()) {
            self.spawn(inner, st);
        }
    }
    fn spawn(&self, inner: &Arc<Inner>, st: &mut PoolState) {
        let own = inner.clone();
        match crate::sys::sync::spawn(c"ioaio-worker", STACK, move || own.pool.work(&own)) {
            Ok(()) => {
                st.threads += 1;
                st.waking = true;
                st.retry_at = None;
            }
            // With threads already there, go on with fewer; else `poll` executes.
            Err(_) => st.retry_at = Some(Instant::now() + RETRY),
        }
    }
    fn work(&self, inner: &Arc<Inner>) {
        let mut st = self.lock();
        st.waking = false;
        loop {
            if st.threads > st.max_threads || (st.stop && st.queue.len() == 0) {
                break;
            }
            if let Some(req) = st.queue.pop() {
                req.set(State::Running);
                self.rouse(inner, &mut st);
                drop(st);
                inner.execute(req);
                st = self.lock();
                continue;
            }
            st.idle += 1;
            debug_assert!(st.idle <= st.threads);
            let (guard, awake) = self.sleep(st);
            st = guard;
            if !awake && st.idle >= st.max_idle && st.threads > st.min_threads {
                break;
            }
        }
        st.threads -= 1;
        // A wake-up meant for this thread goes to another.
        self.rouse(inner, &mut st);
        self.gone.notify_all();
    }
    /// Sleeps until there may be work; false if nothing came in the idle time.
    fn sleep<'a>(&self, st: MutexGuard<'a, PoolState>) -> (MutexGuard<'a, PoolState>, bool) {
        let end = Instant::now() + st.idle_timeout.min(FOREVER);
        let mut st = st;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let (guard, time) = self.work.wait_timeout(st, left).expect("pool lock");
            st = guard;
            // Also when somebody else has taken the work meanwhile: the next push has to wake again.
            st.waking = false;
            let work = st.queue.len() > 0 || st.stop || st.threads > st.max_threads;
            if work || time.timed_out() {
                st.idle -= 1;
                return (st, work);
            }
        }
    }
    /// Takes a queued request for execution by `poll` where there are no threads.
    pub(crate) fn take_if_no_threads(&self, inner: &Arc<Inner>) -> Option<Req> {
        let mut st = self.lock();
        if st.threads > 0 {
            return None;
        }
        let req = st.queue.pop()?;
        req.set(State::Running);
        self.rouse(inner, &mut st); // a thread that was refused may be granted by now
        Some(req)
    }
    /// Lets a composite wait for its children, unless one has finished meanwhile.
    pub(crate) fn park(&self, inner: &Arc<Inner>, req: Req) {
        let st = self.lock();
        if req.state() != State::Again {
            req.set(State::Parked);
            return;
        }
        self.again(inner, st, req);
    }
    /// Queues a composite one of whose children has finished.
    pub(crate) fn unpark(&self, inner: &Arc<Inner>, req: &Req) {
        let st = self.lock();
        match req.state() {
            State::Running => req.set(State::Again),
            State::Parked => self.again(inner, st, req.clone()),
            _ => {}
        }
    }
    /// Also while the pool stops: its children fail then, and it comes to its own end.
    fn again(&self, inner: &Arc<Inner>, mut st: MutexGuard<'_, PoolState>, req: Req) {
        if st.stop && st.threads == 0 {
            drop(st);
            return self.refuse(inner, req);
        }
        let callback = req.is_callback();
        req.set(State::InPool);
        st.queue.push(req);
        self.rouse(inner, &mut st);
        let nobody = st.threads == 0;
        drop(st);
        if nobody {
            inner.without_threads(callback);
        }
    }
    fn refuse(&self, inner: &Arc<Inner>, req: Req) {
        req.set(State::Running);
        req.fail(Errno::CANCELED);
        inner.complete(req);
    }
    /// Takes the next request, if it is worth an inline try.
    pub(crate) fn take_for_inline(&self) -> Option<Req> {
        let mut st = self.lock();
        if !st.queue.first()?.may_inline.load(Ordering::Relaxed) {
            return None;
        }
        let req = st.queue.pop()?;
        req.set(State::Running);
        Some(req)
    }
    /// Puts back what could not be answered inline.
    pub(crate) fn put_back(&self, inner: &Arc<Inner>, req: Req) {
        req.may_inline.store(false, Ordering::Relaxed);
        let mut st = self.lock();
        if st.stop {
            drop(st);
            return self.refuse(inner, req);
        }
        req.set(State::InPool);
        st.queue.put_back(req);
        self.rouse(inner, &mut st);
    }
    pub(crate) fn needs_poll(&self) -> bool {
        let st = self.lock();
        st.threads == 0 && st.queue.len() > 0
    }
    /// Takes a request out if it still waits here.
    pub(crate) fn cancel(&self, req: &Req) -> Option<Req> {
        let mut st = self.lock();
        // A composite that has started ends by itself when its children are cancelled.
        if req.state() != State::InPool || req.control.as_ref().is_some_and(|c| c.has_started()) {
            return None;
        }
        let req = st.queue.unlink(req);
        req.set(State::Running);
        Some(req)
    }
    pub(crate) fn queued(&self) -> usize {
        self.lock().queue.len()
    }
    /// Changes a limit under the lock.
    pub(crate) fn configure(&self, f: impl FnOnce(&mut PoolState)) {
        f(&mut self.lock());
    }
    /// Raises the number of threads to the minimum, as far as the system allows.
    pub(crate) fn fill(&self, inner: &Arc<Inner>) {
        let mut st = self.lock();
        st.retry_at = None;
        while st.threads < st.min_threads && st.retry_at.is_none() {
            self.spawn(inner, &mut st);
        }
    }
    /// Sets the largest number of threads, and waits until no more are there.
    pub(crate) fn allow(&self, inner: &Arc<Inner>, max: usize) {
        let mut st = self.lock();
        st.max_threads = max;
        st.min_threads = st.min_threads.min(max);
        st.retry_at = None;
        self.work.notify_all();
        self.rouse(inner, &mut st);
        while st.threads > st.max_threads {
            st = self.gone.wait(st).expect("pool lock");
        }
    }
    /// Fails what is queued. Running requests end by themselves; their threads hold what they use.
    pub(crate) fn stop(&self, inner: &Arc<Inner>) {
        let mut st = self.lock();
        st.stop = true;
        let mut left = std::mem::replace(&mut st.queue, Queue::new());
        self.work.notify_all();
        drop(st);
        while let Some(req) = left.pop() {
            self.refuse(inner, req);
        }
    }
}
