//! Delivering results: the poll of an event loop, and threads that sleep for one.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Engine;
use super::sleeper::Sleeper;
use super::watchers::Until;
use crate::request::cell::Req;
use crate::request::members::Members;

/// Requests that a waiting thread answers inline before it looks for results.
const HELP: usize = 16;

/// Lets the allocator join the blocks of requests that have gone: glibc (2.36) keeps small blocks that are free as they
/// are until a large one is freed.
fn give_memory_back() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(96 * 1024)));
}

impl Engine {
    /// Reaps and delivers what is there, within the engine's limits.
    pub(crate) fn poll(self: &Arc<Self>) -> io::Result<usize> {
        let (max, time) = self.poll_limits();
        self.poll_within(max, time)
    }
    /// The same, within these limits. Results that come while callbacks run are for the next poll.
    pub(crate) fn poll_within(self: &Arc<Self>, max: usize, time: Option<Duration>) -> io::Result<usize> {
        self.identity.check()?;
        let end = time.map(|time| Instant::now() + time);
        self.reap();
        let _workers = CallWorkersGuard(self);
        let mut handled = 0;
        let max = if self.results.is_empty() { 0 } else { max.min(self.results.len()) };
        while handled < max && end.is_none_or(|end| handled == 0 || Instant::now() < end) {
            let Some(req) = self.results.next() else { break };
            self.deliver(&req);
            handled += 1;
        }
        handled += self.advance_groups();
        if self.routes.ring_needs_poll() {
            self.reap();
        }
        if handled == 0 {
            self.bell.silence();
        }
        if self.results.crowd_has_gone() {
            give_memory_back();
        }
        if self.has_work() {
            self.bell.ring();
        }
        Ok(handled)
    }
    fn deliver(&self, req: &Req) {
        // Counted out also when the callback panics.
        let _runs = CallbackGuard::begin(self, Some(req));
        req.deliver();
    }
    /// Looks after the groups that are due now: however many results there are, they get their turn.
    fn advance_groups(&self) -> usize {
        let due = self.results.due_groups();
        let groups = (0..due).map_while(|_| self.results.next_group());
        groups.map(|group| self.advance(&group)).count()
    }
    /// Feeds a group, then finishes it if nothing is left.
    fn advance(&self, group: &Arc<Members>) {
        self.feed(group);
        if let Some(callback) = group.finish() {
            let _runs = CallbackGuard::begin(self, None);
            callback();
        }
    }
    fn has_results(&self) -> bool {
        !self.results.is_empty() || self.results.has_due_groups()
    }
    fn has_work(&self) -> bool {
        self.has_results() || self.routes.ring_needs_poll() || self.routes.pool.needs_poll()
    }
    fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
    /// Callbacks that this thread is in.
    pub(super) fn running_here(&self) -> usize {
        let (id, count) = RUNNING.get();
        if id == self.id() { count } else { 0 }
    }
    /// Delivers until no request is outstanding but those whose callbacks this thread is in.
    pub(crate) fn flush(self: &Arc<Self>) -> io::Result<()> {
        let sleeper = Sleeper::new(self.routes.ring.as_ref());
        loop {
            let nested = self.running_here() > 0;
            let over = || match nested {
                true => self.results.only_running(),
                false => self.results.outstanding() == 0,
            };
            if self.identity.has_ended() || (over() && !self.results.has_due_groups()) {
                return self.identity.check();
            }
            let until = if nested { Until::OnlyRunning } else { Until::Nothing };
            self.sleep_until(&sleeper, until, None, over)?;
            self.poll()?;
        }
    }
    /// Requests that no route has begun.
    pub(crate) fn nready(&self) -> usize {
        self.routes.pool.queued() + self.routes.ring.as_ref().map_or(0, |ring| ring.queued())
    }
    /// Waits for a result; false if there can be none or the time is over.
    pub(crate) fn wait(self: &Arc<Self>, timeout: Option<Duration>) -> io::Result<bool> {
        self.identity.check()?;
        self.reap();
        if self.has_results() {
            return Ok(true);
        }
        let sleeper = Sleeper::new(self.routes.ring.as_ref());
        let over = || self.results.outstanding() == 0;
        let any = self.sleep_until(&sleeper, Until::Nothing, timeout, over)?;
        // The caller may never poll: another one that sleeps does not depend on it.
        self.watchers.call_one();
        Ok(any)
    }
    /// Waits for something to deliver (true), or until `over` or the end (false).
    pub(crate) fn sleep_until(
        self: &Arc<Self>,
        sleeper: &Arc<Sleeper>,
        until: Until,
        timeout: Option<Duration>,
        over: impl Fn() -> bool,
    ) -> io::Result<bool> {
        self.identity.check()?;
        let end = timeout.and_then(|t| Instant::now().checked_add(t));
        loop {
            self.reap();
            if self.has_results() && until != Until::Own {
                return Ok(true);
            }
            if over() || self.identity.has_ended() {
                return Ok(false);
            }
            if (0..HELP).take_while(|_| self.try_inline_from_queue()).count() > 0 {
                continue;
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Ok(false);
            }
            self.sleep(sleeper, until, left, &over);
        }
    }
    fn sleep(
        self: &Arc<Self>,
        sleeper: &Arc<Sleeper>,
        until: Until,
        time: Option<Duration>,
        over: &impl Fn() -> bool,
    ) {
        let asleep = self.watchers.lie_down(sleeper, until);
        let leads = asleep.leads;
        // From here on whoever brings something calls; what came before is looked for once more.
        let work = match until {
            Until::Own => self.routes.ring_needs_poll() || self.routes.pool.needs_poll(),
            _ => self.has_work(),
        };
        // With nothing on the ring there is nothing to watch: who submits to it calls.
        let in_flight = || self.routes.ring.as_ref().is_some_and(|ring| ring.in_flight() > 0);
        let for_ring = leads && self.watchers.leader_watches(in_flight);
        if !(work || over() || self.identity.has_ended()) {
            sleeper.sleep(for_ring, time);
        }
        drop(asleep);
        // This thread does not watch the ring any more: another one that sleeps has to.
        if leads && in_flight() {
            self.watchers.call_leader();
        }
    }
}

thread_local! {
    /// The engine whose callback runs on this thread, and how many of them do, one inside another.
    static RUNNING: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

/// At the end of a poll, also by a panic, somebody has to begin what was submitted with more to follow. With
/// results left, another poll follows at once, and more requests.
struct CallWorkersGuard<'a>(&'a Arc<Engine>);

impl Drop for CallWorkersGuard<'_> {
    fn drop(&mut self) {
        if self.0.results.is_empty() || std::thread::panicking() {
            let needs = self.0.routes.pool.call();
            self.0.meet(needs, true);
        }
    }
}

/// A callback that runs, of a request or of a group: afterwards the request's groups are told, and then it counts as
/// done.
struct CallbackGuard<'a> {
    engine: &'a Engine,
    req: Option<&'a Req>,
    before: (usize, usize),
}

impl<'a> CallbackGuard<'a> {
    fn begin(engine: &'a Engine, req: Option<&'a Req>) -> Self {
        let before = RUNNING.replace((engine.id(), engine.running_here() + 1));
        engine.results.callback_began();
        let groups = req.map(|req| req.groups()).unwrap_or_default();
        for _ in groups.iter().filter(|group| group.callback_began()) {
            engine.results.group_held();
        }
        engine.watchers.call_nested();
        CallbackGuard { engine, req, before }
    }
}

impl Drop for CallbackGuard<'_> {
    fn drop(&mut self) {
        RUNNING.set(self.before);
        if let Some(req) = self.req {
            req.leave_groups().iter().for_each(|group| self.engine.tell_group(group, req, true));
        }
        self.engine.results.callback_ended();
        self.engine.count_out(1);
    }
}
