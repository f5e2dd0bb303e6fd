//! The future of a request: submitted when first polled, on any executor.

use std::future::{Future, IntoFuture};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(any(feature = "tokio", feature = "futures-io"))]
use std::task::Waker;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::io::Errno;

use crate::Aio;
use crate::api::request::Request;
use crate::engine::fairness::Deferred;
use crate::engine::room::Ticket;
use crate::request::cell::FutureReq;
use crate::request::members::Members;
use crate::request::op::Op;
use crate::values::faults::Fault;

/// What there is to a request before it takes a route.
pub(crate) enum Answer<V> {
    Now(io::Result<V>),
    /// By another route, after a delay on purpose.
    Later(Option<Duration>),
}

/// Tries to answer at once: bad arguments, or an inline call that did not have to wait. `crowd` more
/// requests are about to be submitted.
pub(crate) fn answer<O: Op>(aio: &Aio, op: &mut O, foreign: bool, crowd: usize) -> Answer<O::Val> {
    if foreign {
        return Answer::Now(Err(Errno::INVAL.into()));
    }
    if let Err(e) = op.check() {
        return Answer::Now(Err(e));
    }
    let engine = aio.engine();
    match engine.faults.as_ref().and_then(|plan| plan.ask(O::NAME)) {
        Some(Fault::Fail(errno)) => return Answer::Now(Err(io::Error::from_raw_os_error(errno))),
        Some(Fault::Delay(time)) => return Answer::Later(Some(time)),
        Some(Fault::Short) => op.shorten(),
        None => {}
    }
    let outstanding = || engine.results.outstanding() + crowd;
    if !engine.routes.inline || op.inline_depth().is_some_and(|most| outstanding() > most) {
        return Answer::Later(None);
    }
    match op.inline() {
        Some(res) => {
            engine.counters.add_inline();
            Answer::Now(res)
        }
        None => Answer::Later(None),
    }
}

impl<O: Op> IntoFuture for Request<'_, O> {
    type Output = O::Out;
    type IntoFuture = Pending<O>;
    fn into_future(self) -> Pending<O> {
        let Request { op, priority, groups, foreign, child, .. } = self;
        let cancelled = AtomicBool::new(false);
        let (deferred, ticket, delay) = (None, None, None);
        let start = Start { op, priority, groups, foreign, child, deferred, ticket, delay, cancelled };
        Pending { aio: self.aio.clone(), step: Step::Start(start) }
    }
}

struct Start<O> {
    op: O,
    priority: u8,
    groups: Vec<Arc<Members>>,
    foreign: bool,
    child: bool,
    /// It lets other futures go first.
    deferred: Option<Deferred>,
    /// It waits for room.
    ticket: Option<Ticket>,
    /// A fault on purpose.
    delay: Option<Duration>,
    /// Before it was submitted.
    cancelled: AtomicBool,
}
enum Step<O: Op> {
    Start(Start<O>),
    Waiting(FutureReq<O>),
    Over,
}

/// The future of a request: submitted when first polled, on any executor.
///
/// Dropping it cancels the request as far as that is possible; buffers stay with the request until
/// the kernel has done with them.
#[must_use = "a future does nothing until it is awaited"]
pub struct Pending<O: Op> {
    aio: Aio,
    step: Step<O>,
}

impl<O: Op> Unpin for Pending<O> {}

impl<O: Op> Future for Pending<O> {
    type Output = O::Out;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O::Out> {
        let this = &mut *self;
        match std::mem::replace(&mut this.step, Step::Over) {
            Step::Start(start) => this.start(start, cx),
            Step::Waiting(req) => {
                let identity = &this.aio.engine().identity;
                let ours = !identity.forked() && identity.owns(req.req());
                assert!(ours, "a future from before a fork ends in the parent");
                this.take_or_wait(req, cx)
            }
            Step::Over => panic!("a future was polled after it had completed"),
        }
    }
}

impl<O: Op> Pending<O> {
    fn start(&mut self, mut start: Start<O>, cx: &mut Context<'_>) -> Poll<O::Out> {
        let engine = self.aio.engine();
        if let Err(e) = engine.identity.check() {
            return Poll::Ready(start.op.finish(Err(e)));
        }
        if *start.cancelled.get_mut() {
            return Poll::Ready(start.op.finish(Err(Errno::CANCELED.into())));
        }
        if self.defers(&start) {
            start.deferred = Some(engine.fairness.defer());
            cx.waker().wake_by_ref();
            self.step = Step::Start(start);
            return Poll::Pending;
        }
        // Who waits for room has been tried before.
        if start.ticket.is_none() {
            let crowd = start.deferred.take().map_or(0, Deferred::others);
            match answer(&self.aio, &mut start.op, start.foreign, crowd) {
                Answer::Later(delay) => start.delay = delay,
                Answer::Now(res) => return Poll::Ready(start.op.finish(res)),
            }
        }
        if start.child {
            engine.room.enter();
        } else if !self.has_place(&mut start, cx) {
            self.step = Step::Start(start);
            return Poll::Pending;
        }
        engine.count_in();
        let req = FutureReq::new(start.op, start.priority, start.delay);
        req.req().set_waker(cx.waker());
        for group in &start.groups {
            group.add(req.req());
        }
        engine.submit(req.req().clone());
        self.take_or_wait(req, cx)
    }
    /// Whether it lets others go first now.
    fn defers(&self, start: &Start<O>) -> bool {
        let engine = self.aio.engine();
        let depth = start.op.inline_depth();
        start.deferred.is_none()
            && start.ticket.is_none()
            && !start.child
            && engine.fairness.defers(depth.is_some())
            && engine.routes.inline
            && depth.is_none_or(|most| engine.results.outstanding() <= most)
    }
    /// Whether it has its place among those that wait to be executed; if not, it is woken for it.
    fn has_place(&self, start: &mut Start<O>, cx: &mut Context<'_>) -> bool {
        let engine = self.aio.engine();
        if start.ticket.is_none() && engine.room.try_enter() {
            return true;
        }
        let ticket = start.ticket.take().unwrap_or_else(|| engine.room.line_up());
        if ticket.is_granted(cx.waker()) {
            ticket.enter();
            return true;
        }
        start.ticket = Some(ticket);
        // What takes the room may be callbacks that nobody polls for.
        engine.make_progress_without_poll();
        let granted = start.ticket.as_ref().is_some_and(|ticket| ticket.is_granted(cx.waker()));
        if granted && let Some(ticket) = start.ticket.take() {
            ticket.enter();
        }
        granted
    }
    fn take_or_wait(&mut self, req: FutureReq<O>, cx: &mut Context<'_>) -> Poll<O::Out> {
        req.req().set_waker(cx.waker());
        match req.take() {
            Some(out) => Poll::Ready(out),
            None => {
                let engine = self.aio.engine();
                if engine.watchers.reaper_refused.load(Ordering::Relaxed) && engine.serve_here() {
                    cx.waker().wake_by_ref();
                }
                self.step = Step::Waiting(req);
                Poll::Pending
            }
        }
    }
}

impl<O: Op> Pending<O> {
    /// Ends a request that is not yet submitted.
    pub(crate) fn refuse(&mut self, errno: Errno) -> Option<O::Out> {
        match std::mem::replace(&mut self.step, Step::Over) {
            Step::Start(start) => Some(start.op.finish(Err(errno.into()))),
            other => {
                self.step = other;
                None
            }
        }
    }
    /// Lets the request go on, or begin, without anybody to hear of it. It neither lets others go first nor waits for
    /// room.
    #[cfg(any(feature = "tokio", feature = "futures-io"))]
    pub(crate) fn detach(mut self) {
        if let Step::Start(start) = std::mem::replace(&mut self.step, Step::Over) {
            let _ = self.start(Start { child: true, ..start }, &mut Context::from_waker(Waker::noop()));
        }
        self.step = Step::Over;
    }
    /// Cancels the request as far as that is possible; the future then ends with what has happened.
    pub fn cancel(&self) {
        match &self.step {
            Step::Start(start) => {
                start.cancelled.store(true, Ordering::Relaxed);
                if let Some(ticket) = &start.ticket {
                    ticket.wake(); // it waits for room, and will see that it is over
                }
            }
            Step::Waiting(req) => self.aio.engine().cancel(req.req()),
            Step::Over => {}
        }
    }
}

impl<O: Op> Drop for Pending<O> {
    fn drop(&mut self) {
        if let Step::Waiting(req) = &self.step {
            self.aio.engine().cancel(req.req());
        }
    }
}
