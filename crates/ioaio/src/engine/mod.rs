//! Submit, admit, reap, poll, cancel. Knows only headers, never an op.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use crate::Faults;
use crate::api::builder::Builder;
use crate::engine::bell::Bell;
use crate::engine::fairness::Turns;
use crate::engine::timer::Timer;
use crate::request::cell::{self, Req, State};
use crate::request::members::Core as GroupCore;
use crate::request::queue::Queue;
use crate::route::pool::Pool;
use crate::route::ring::Ring;
use crate::sys::fork::ForkMark;
use crate::sys::sync::{AtomicBool, AtomicU64, AtomicUsize, Condvar, Mutex, Ordering, fence};

pub(crate) mod bell;
pub(crate) mod fairness;
#[cfg(all(test, loom))]
mod model;
mod reaper;
pub(crate) mod resume;
pub(crate) mod timer;

/// How long the end of the engine waits for the kernel before it leaks what the kernel still uses.
const STOP_LIMIT: Duration = Duration::from_secs(2);
/// Another thread's poll may swallow a wake-up; a waiter looks again after this time.
const WAIT_SLICE: Duration = Duration::from_millis(100);

/// Requests that a waiting thread answers inline before it delivers.
const HELP: usize = 16;

/// Requests after which it matters what the allocator does with their memory.
const MANY: usize = 10_000;

/// glibc (2.36) keeps small blocks that are free as they are, and only looks at them again when a large one
/// is freed.
fn give_memory_back() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(96 * 1024)));
}

pub(crate) struct Inner {
    pub(crate) bell: Bell,
    pub(crate) pool: Pool,
    pub(crate) ring: Option<Ring>,
    pub(crate) timer: Arc<Timer>,
    pub(crate) ring_error: Option<(i32, &'static str)>,
    pub(crate) inline_on: bool,
    pub(crate) pool_on: bool,
    done: Mutex<Queue>,
    ticks: Mutex<VecDeque<Arc<GroupCore>>>,
    /// Submitted and not delivered.
    pub(crate) nreqs: AtomicUsize,
    /// There were [`MANY`] at once since there was none.
    many: AtomicBool,
    /// Submitted and not executed.
    open: AtomicUsize,
    pub(crate) max_outstanding: AtomicUsize,
    pub(crate) max_poll_reqs: AtomicUsize,
    pub(crate) max_poll_time: AtomicU64,
    room: Mutex<Vec<Waker>>,
    room_made: Condvar,
    reaper: Mutex<bool>,
    /// Event loops that poll whenever the poll fd says so; see `drive.rs`.
    drivers: AtomicUsize,
    /// Threads that sleep until their request is done.
    waiters: AtomicUsize,
    pub(crate) turns: Turns,
    stop: AtomicBool,
    pub(crate) faults: Option<Faults>,
    fork: ForkMark,
    /// Requests from before are a parent's.
    epoch: u32,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    inline: AtomicU64,
    ring: AtomicU64,
    pool: AtomicU64,
}

impl Inner {
    pub(crate) fn new(b: &Builder, bell: Bell) -> io::Result<Arc<Inner>> {
        let (ring, ring_error) = if !b.ring {
            (None, Some((0, "switched off")))
        } else {
            match Ring::new(b.ring_in_flight, &bell) {
                Ok(ring) => (Some(ring), None),
                Err(e) => (None, Some((e.raw_os_error().unwrap_or(0), "refused by the kernel"))),
            }
        };
        let max = if b.pool { b.max_parallel } else { 0 };
        let inner = Arc::new(Inner {
            bell,
            pool: Pool::new(b.min_parallel.min(max), max, b.max_idle, b.idle_timeout),
            ring,
            timer: Timer::new(),
            ring_error,
            inline_on: b.inline,
            pool_on: b.pool,
            done: Mutex::new(Queue::new()),
            ticks: Mutex::new(VecDeque::new()),
            nreqs: AtomicUsize::new(0),
            many: AtomicBool::new(false),
            open: AtomicUsize::new(0),
            max_outstanding: AtomicUsize::new(b.max_outstanding),
            max_poll_reqs: AtomicUsize::new(b.max_poll_reqs),
            max_poll_time: AtomicU64::new(nanos(b.max_poll_time)),
            room: Mutex::new(Vec::new()),
            room_made: Condvar::new(),
            reaper: Mutex::new(false),
            drivers: AtomicUsize::new(0),
            waiters: AtomicUsize::new(0),
            turns: Turns::default(),
            stop: AtomicBool::new(false),
            faults: b.faults.clone(),
            fork: ForkMark::new()?,
            epoch: cell::epoch(),
            counts: Counts::default(),
        });
        Ok(inner)
    }
    pub(crate) fn forked(&self) -> bool {
        self.fork.forked()
    }

    // ---- admit and submit

    pub(crate) fn has_room(&self) -> bool {
        self.open.load(Ordering::Relaxed) < self.max_outstanding.load(Ordering::Relaxed)
    }
    /// Holds the submitter of a callback until requests were executed.
    pub(crate) fn hold(self: &Arc<Self>) {
        while !self.has_room() {
            if let Some(ring) = &self.ring {
                // Also where the engine is driven: the driver may be the thread that is held.
                self.start_reaper(&mut self.reaper.lock().expect("reaper"));
                ring.reap(self); // what the kernel was not told of would keep its place
            }
            if self.run_one_without_threads() {
                continue;
            }
            let room = self.room.lock().expect("room");
            if !self.has_room() {
                drop(self.room_made.wait_timeout(room, WAIT_SLICE).expect("room"));
            }
        }
    }
    /// Registers a future that waits for room; false if there is room by now.
    pub(crate) fn wait_for_room(self: &Arc<Self>, waker: &Waker) -> bool {
        let mut room = self.room.lock().expect("room");
        if !room.iter().any(|there| there.will_wake(waker)) {
            room.push(waker.clone());
        }
        drop(room);
        // What takes the room may be callbacks that nobody polls for.
        if let Some(ring) = &self.ring {
            self.ensure_reaper();
            ring.reap(self);
        }
        if self.pool.needs_poll() {
            self.without_threads(false);
        }
        !self.has_room()
    }
    /// Counts a request in.
    pub(crate) fn admit(&self) {
        if self.nreqs.fetch_add(1, Ordering::Relaxed) == MANY {
            self.many.store(true, Ordering::Relaxed);
        }
        self.open.fetch_add(1, Ordering::Relaxed);
    }
    /// Counts in a request that was answered before it was submitted, and queues its delivery.
    pub(crate) fn submit_answered(&self, req: Req) {
        self.nreqs.fetch_add(1, Ordering::Relaxed);
        self.done.lock().expect("done").push(req);
        self.bell.ring();
    }
    /// Sends an admitted request on its way.
    pub(crate) fn submit(self: &Arc<Self>, req: Req) {
        let callback = req.is_callback();
        let Some(ring) =
            self.ring.as_ref().filter(|_| req.delay.is_none() && (req.prefers_ring || !self.pool_on))
        else {
            return self.to_pool(req);
        };
        // Who polls also flushes what the kernel has not been told of.
        let polled = callback || self.driven();
        match ring.push(req, !polled) {
            Ok(()) if polled => {
                self.bell.ring();
                // The driver may have ended, or its thread begun to wait, before this was there.
                fence(Ordering::SeqCst);
                if !callback && !self.driven() {
                    self.without_threads(false);
                }
            }
            Ok(()) => self.ensure_reaper(),
            Err(req) => self.to_pool(req),
        }
    }
    pub(crate) fn to_pool(self: &Arc<Self>, req: Req) {
        let callback = req.is_callback();
        if !self.pool.push(self, req) {
            self.without_threads(callback);
        }
    }
    /// What is queued is for poll to execute, or for the reaper where nobody has to poll.
    pub(crate) fn without_threads(self: &Arc<Self>, polled: bool) {
        self.bell.ring();
        if !polled {
            self.ensure_reaper();
            if let Some(ring) = &self.ring {
                ring.wake(); // it may sleep in there
            }
        }
    }
    /// Answers a queued request inline, on a thread that would only wait for the workers.
    fn help(self: &Arc<Self>) -> bool {
        if !self.inline_on {
            return false;
        }
        let Some(req) = self.pool.take_for_inline() else { return false };
        if !req.inline() {
            self.pool.put_back(self, req);
            return false;
        }
        self.count_inline();
        self.complete(req);
        true
    }
    fn run_one_without_threads(self: &Arc<Self>) -> bool {
        let Some(req) = self.pool.take_if_no_threads(self) else { return false };
        self.execute(req);
        true
    }
    /// Executes a request, or goes on with a composite, on this thread.
    pub(crate) fn execute(self: &Arc<Self>, req: Req) {
        if let Some(control) = req.control.as_ref().filter(|control| control.has_children()) {
            control.start();
            let waker = resume::waker(self, &req);
            if !req.step(&mut std::task::Context::from_waker(&waker)) {
                return self.pool.park(self, req);
            }
        } else if req.cancel_flag().load(Ordering::SeqCst) {
            req.fail(Errno::CANCELED); // cancelled on its way from another route
        } else {
            if let Some(time) = &req.delay {
                std::thread::sleep(**time);
            }
            req.run();
        }
        self.count_pool();
        self.complete(req);
    }

    // ---- complete and deliver

    /// Takes over an executed request. Runs no user code but wakers.
    pub(crate) fn complete(&self, req: Req) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        if req.is_callback() {
            req.set(State::Done);
            let mut done = self.done.lock().expect("done");
            if self.stop.load(Ordering::SeqCst) {
                drop(done);
                self.give_up(&req);
            } else {
                done.push(req);
                drop(done);
                self.bell.ring();
            }
        } else {
            let groups = req.leave_groups();
            req.set(State::Done);
            for group in groups {
                self.tick(&group, &req);
            }
            self.uncount();
            req.wake();
        }
        if self.max_outstanding.load(Ordering::Relaxed) != usize::MAX {
            self.make_room();
        }
    }
    /// Lets all who wait for room look again.
    pub(crate) fn make_room(&self) {
        let wakers = std::mem::take(&mut *self.room.lock().expect("room"));
        self.room_made.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }
    /// The engine has ended: nobody delivers this. Its groups and it would keep each other alive.
    fn give_up(&self, req: &Req) {
        for group in req.leave_groups() {
            group.member_done(req).1.into_iter().for_each(Waker::wake);
        }
    }
    fn uncount(&self) {
        if self.nreqs.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.bell.ring(); // whoever waits for the last one
        }
    }
    fn tick(&self, group: &Arc<GroupCore>, req: &Req) {
        let (tick, wakers) = group.member_done(req);
        if tick {
            self.tick_soon(group.clone());
        }
        wakers.into_iter().for_each(Waker::wake);
    }
    /// Lets the next poll look after a group.
    pub(crate) fn tick_soon(&self, group: Arc<GroupCore>) {
        if group.begin_tick() {
            self.ticks.lock().expect("ticks").push_back(group);
        }
        self.bell.ring();
    }
    /// The group needs nobody to look after it.
    pub(crate) fn untick(&self, group: &Arc<GroupCore>) {
        let mut ticks = self.ticks.lock().expect("ticks");
        if let Some(place) = ticks.iter().position(|other| Arc::ptr_eq(other, group)) {
            ticks.remove(place);
            group.end_tick();
        }
    }
    pub(crate) fn has_ticks(&self) -> bool {
        !self.ticks.lock().expect("ticks").is_empty()
    }
    pub(crate) fn group_opened(&self) {
        self.nreqs.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn group_closed(&self) {
        self.uncount();
    }
    pub(crate) fn poll(self: &Arc<Self>) -> io::Result<usize> {
        if self.forked() {
            return Err(Errno::OWNERDEAD.into());
        }
        let max = self.max_poll_reqs.load(Ordering::Relaxed);
        let time = self.max_poll_time.load(Ordering::Relaxed);
        let end = (time != u64::MAX).then(|| Instant::now() + Duration::from_nanos(time));
        self.reap();
        let mut handled = 0;
        while handled < max && end.is_none_or(|end| handled == 0 || Instant::now() < end) {
            if !self.deliver_one() {
                break;
            }
            handled += 1;
        }
        handled += self.advance_groups();
        if self.ring.as_ref().is_some_and(Ring::needs_poll) {
            self.reap();
        }
        if handled == 0 {
            self.bell.silence();
        }
        let none_left = self.nreqs.load(Ordering::Relaxed) == 0;
        if none_left && self.many.load(Ordering::Relaxed) {
            self.many.store(false, Ordering::Relaxed);
            give_memory_back();
        }
        if self.has_work() {
            self.bell.ring();
        }
        Ok(handled)
    }
    fn reap(self: &Arc<Self>) {
        if let Some(ring) = &self.ring {
            ring.reap(self);
        }
        self.run_one_without_threads();
    }
    fn deliver_one(&self) -> bool {
        let next = self.done.lock().expect("done").pop();
        let Some(req) = next else { return false };
        // Counted out also when the callback panics.
        let _out = Delivered::begin(self, &req);
        req.deliver();
        true
    }
    /// Looks after the groups that are due now: however many results there are, they get their turn.
    fn advance_groups(&self) -> usize {
        let due = self.ticks.lock().expect("ticks").len();
        let next = || self.ticks.lock().expect("ticks").pop_front();
        let advance = |group: Arc<GroupCore>| {
            group.end_tick();
            group.advance();
        };
        (0..due).map_while(|_| next()).map(advance).count()
    }
    fn has_work(&self) -> bool {
        self.npending() > 0
            || self.has_ticks()
            || self.ring.as_ref().is_some_and(Ring::needs_poll)
            || self.pool.needs_poll()
    }
    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
    /// Callbacks that this thread is in.
    fn running_here(&self) -> usize {
        let (id, count) = RUNNING.get();
        if id == self.id() { count } else { 0 }
    }
    pub(crate) fn flush(self: &Arc<Self>) -> io::Result<()> {
        let over = || self.nreqs.load(Ordering::SeqCst) <= self.running_here();
        while !over() || self.has_ticks() {
            self.wait_until(None, over)?;
            self.poll()?;
        }
        Ok(())
    }
    pub(crate) fn npending(&self) -> usize {
        self.done.lock().expect("done").len()
    }
    pub(crate) fn nready(&self) -> usize {
        self.pool.queued() + self.ring.as_ref().map_or(0, Ring::queued)
    }
    pub(crate) fn wait(self: &Arc<Self>, timeout: Option<Duration>) -> io::Result<bool> {
        self.wait_until(timeout, || self.nreqs.load(Ordering::SeqCst) == 0)
    }
    /// Waits for something to deliver (true), or until `over` (false).
    pub(crate) fn wait_until(
        self: &Arc<Self>,
        timeout: Option<Duration>,
        over: impl Fn() -> bool,
    ) -> io::Result<bool> {
        if self.forked() {
            return Err(Errno::OWNERDEAD.into());
        }
        let end = timeout.and_then(|t| Instant::now().checked_add(t));
        loop {
            self.reap();
            if self.npending() > 0 || self.has_ticks() {
                return Ok(true);
            }
            if over() {
                return Ok(false);
            }
            if (0..HELP).take_while(|_| self.help()).count() > 0 {
                continue;
            }
            self.bell.silence();
            if self.has_work() || over() {
                self.bell.ring();
                continue;
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(false);
            }
            match self.bell.wait(left.unwrap_or(WAIT_SLICE).min(WAIT_SLICE)) {
                Err(e) if e.kind() != io::ErrorKind::Interrupted => return Err(e),
                _ => {}
            }
        }
    }

    // ---- cancel, stop

    /// Whether a request is not from before a fork.
    pub(crate) fn owns(&self, req: &Req) -> bool {
        req.is_since(self.epoch)
    }
    pub(crate) fn cancel(&self, req: &Req) {
        let own = !self.forked() && self.owns(req);
        if !own || req.cancel_flag().swap(true, Ordering::SeqCst) {
            return;
        }
        if let Some(control) = &req.control {
            control.cancel(self);
        }
        fence(Ordering::SeqCst); // see `Header::is_cancelled`
        let taken = match req.state() {
            State::InPool => self.pool.cancel(req),
            State::InRing | State::OnRing => self.ring.as_ref().and_then(|r| r.cancel(req)),
            _ => None,
        };
        if let Some(req) = taken {
            req.fail(Errno::CANCELED);
            self.complete(req);
        }
    }
    /// The end: nothing that the kernel may still write to is freed.
    pub(crate) fn stop(self: &Arc<Self>) {
        self.stop.store(true, Ordering::SeqCst);
        self.pool.stop(self);
        self.timer.stop();
        if let Some(ring) = &self.ring {
            ring.wake();
            if !ring.stop(self, STOP_LIMIT) {
                std::mem::forget(self.clone());
            }
        }
        let mut left = std::mem::replace(&mut *self.done.lock().expect("done"), Queue::new());
        while let Some(req) = left.pop() {
            self.give_up(&req);
        }
        self.bell.ring(); // a driver watches a duplicate of the poll fd, and ends
    }

    // ---- counts

    pub(crate) fn count_inline(&self) {
        self.counts.inline.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn count_ring(&self) {
        self.counts.ring.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn count_pool(&self) {
        self.counts.pool.fetch_add(1, Ordering::Relaxed);
    }
    /// Requests executed inline, by the ring, by threads.
    pub(crate) fn counted(&self) -> [u64; 3] {
        let c = &self.counts;
        [&c.inline, &c.ring, &c.pool].map(|n| n.load(Ordering::Relaxed))
    }
}

thread_local! {
    /// The engine whose callback runs on this thread, and how many of them do, one inside another.
    static RUNNING: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

struct Delivered<'a> {
    inner: &'a Inner,
    req: &'a Req,
    before: (usize, usize),
}
impl<'a> Delivered<'a> {
    fn begin(inner: &'a Inner, req: &'a Req) -> Self {
        let before = RUNNING.replace((inner.id(), inner.running_here() + 1));
        Delivered { inner, req, before }
    }
}
impl Drop for Delivered<'_> {
    fn drop(&mut self) {
        RUNNING.set(self.before);
        for group in self.req.leave_groups() {
            self.inner.tick(&group, self.req);
        }
        self.inner.uncount();
    }
}

pub(crate) fn nanos(t: Option<Duration>) -> u64 {
    t.map_or(u64::MAX, |t| u64::try_from(t.as_nanos()).unwrap_or(u64::MAX))
}
