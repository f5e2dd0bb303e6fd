//! The future of a request: submitted when first polled, on any executor.

use std::future::{Future, IntoFuture};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustix::io::Errno;

use crate::Aio;
use crate::api::request::Request;
use crate::engine::fairness::Turn;
use crate::request::cell::FutureReq;
use crate::request::members::Core as GroupCore;
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
    let inner = aio.inner();
    match inner.faults.as_ref().and_then(|plan| plan.ask(O::NAME)) {
        Some(Fault::Fail(errno)) => return Answer::Now(Err(io::Error::from_raw_os_error(errno))),
        Some(Fault::Delay(time)) => return Answer::Later(Some(time)),
        Some(Fault::Short) => op.shorten(),
        None => {}
    }
    let outstanding = || inner.nreqs.load(Ordering::Relaxed) + crowd;
    if !inner.inline_on || op.inline_depth().is_some_and(|most| outstanding() > most) {
        return Answer::Later(None);
    }
    match op.inline() {
        Some(res) => {
            inner.count_inline();
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
        let (turn, cancelled) = (None, AtomicBool::new(false));
        let start = Start { op, priority, groups, foreign, child, turn, cancelled };
        Pending { aio: self.aio.clone(), step: Step::Start(start) }
    }
}

struct Start<O> {
    op: O,
    priority: u8,
    groups: Vec<Arc<GroupCore>>,
    foreign: bool,
    child: bool,
    /// It has let other futures go first.
    turn: Option<Turn>,
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
                let inner = this.aio.inner();
                let ours = !inner.forked() && inner.owns(req.req());
                assert!(ours, "a future from before a fork ends in the parent");
                this.look(req, cx)
            }
            Step::Over => panic!("a future was polled after it had completed"),
        }
    }
}

impl<O: Op> Pending<O> {
    fn start(&mut self, mut start: Start<O>, cx: &mut Context<'_>) -> Poll<O::Out> {
        if self.aio.inner().forked() {
            return Poll::Ready(start.op.finish(Err(Errno::OWNERDEAD.into())));
        }
        if *start.cancelled.get_mut() {
            return Poll::Ready(start.op.finish(Err(Errno::CANCELED.into())));
        }
        if start.turn.is_none() && !start.child && Turn::passes(self.aio.inner(), start.op.inline_depth()) {
            start.turn = Some(Turn::pass(self.aio.inner()));
            cx.waker().wake_by_ref();
            self.step = Step::Start(start);
            return Poll::Pending;
        }
        let crowd = start.turn.take().map_or(0, Turn::others);
        let delay = match answer(&self.aio, &mut start.op, start.foreign, crowd) {
            Answer::Later(delay) => delay,
            Answer::Now(res) => return Poll::Ready(start.op.finish(res)),
        };
        let inner = self.aio.inner();
        if !start.child && !inner.has_room() && inner.wait_for_room(cx.waker()) {
            self.step = Step::Start(start);
            return Poll::Pending;
        }
        inner.admit();
        let req = FutureReq::new(start.op, start.priority, delay);
        req.req().set_waker(cx.waker());
        for group in &start.groups {
            group.add(req.req());
        }
        inner.submit(req.req().clone());
        self.look(req, cx)
    }
    fn look(&mut self, req: FutureReq<O>, cx: &mut Context<'_>) -> Poll<O::Out> {
        req.req().set_waker(cx.waker());
        match req.take() {
            Some(out) => Poll::Ready(out),
            None => {
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
    /// Lets the request go on, or begin, without anybody to hear of it. It waits neither for its turn nor
    /// for room.
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
                self.aio.inner().make_room(); // it may wait for that
            }
            Step::Waiting(req) => self.aio.inner().cancel(req.req()),
            Step::Over => {}
        }
    }
}

impl<O: Op> Drop for Pending<O> {
    fn drop(&mut self) {
        if let Step::Waiting(req) = &self.step {
            self.aio.inner().cancel(req.req());
        }
    }
}
