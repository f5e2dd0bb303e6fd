//! What a caller holds: the request being built, its handle, its future.

use std::future::{Future, IntoFuture};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use rustix::io::Errno;

use crate::api::group::Core as GroupCore;
use crate::engine::Inner;
use crate::engine::fairness::Turn;
use crate::request::cell::{FutureReq, Header, Req};
use crate::request::op::Op;
use crate::values::faults::Fault;
use crate::values::file::Dir;
use crate::values::path::At;
use crate::{Aio, Group};

/// A request that is not submitted yet; it completes by [`then`](Self::then), `.await` or
/// [`wait`](Self::wait).
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let aio = ioaio::Aio::new()?;
/// let len = aio.stat("/etc/passwd").priority(2).wait()?.len();
/// assert!(len > 0);
/// # Ok(()) }
/// ```
#[must_use = "a request does nothing until it is completed by then, await or wait"]
pub struct Request<'a, O: Op> {
    aio: &'a Aio,
    pub(crate) op: O,
    priority: u8,
    groups: Vec<Arc<GroupCore>>,
    /// A group of another engine was given, which could not cancel it.
    foreign: bool,
    /// A child of a composite, which has a limit of its own.
    child: bool,
}

/// An operation on a path.
pub trait PathOp: Op {
    /// The path.
    fn at(&mut self) -> &mut At;
}

/// An operation on two paths, an old one and a new one.
pub trait TwoPathOp: PathOp {
    /// The new path.
    fn to(&mut self) -> &mut At;
}

impl<'a, O: Op> Request<'a, O> {
    pub(crate) fn new(aio: &'a Aio, op: O) -> Self {
        Request { aio, op, priority: 4, groups: Vec::new(), foreign: false, child: false }
    }
    /// Sets the priority, -4 (last) to 4 (first), clamped. The default is 0.
    pub fn priority(mut self, priority: i8) -> Self {
        self.priority = (priority.clamp(-4, 4) + 4) as u8;
        self.op.set_priority(self.priority);
        self
    }
    /// Makes the request a member of a group; it may be in several. With a group of another engine it
    /// completes with EINVAL.
    pub fn group(mut self, group: &Group) -> Self {
        if Arc::ptr_eq(self.aio.inner(), group.aio().inner()) {
            self.groups.push(group.core().clone());
        } else {
            self.foreign = true;
        }
        self
    }
    /// Makes the request a child of a composite.
    pub(crate) fn child_of(mut self, priority: u8, siblings: Option<&Arc<GroupCore>>) -> Self {
        (self.priority, self.child) = (priority, true);
        self.groups.extend(siblings.cloned());
        self
    }
    /// Resolves a relative path against a directory handle; of two paths the old one.
    pub fn at(mut self, dir: &Dir) -> Self
    where
        O: PathOp,
    {
        self.op.at().set_dir(dir);
        self
    }
    /// Resolves a relative new path against a directory handle.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let (a, b) = (tempfile::tempdir()?, tempfile::tempdir()?);
    /// # std::fs::write(a.path().join("old"), "")?;
    /// let aio = ioaio::Aio::new()?;
    /// let (from, to) = (ioaio::Dir::open(&a)?, ioaio::Dir::open(&b)?);
    /// aio.rename("old", "new").at(&from).to_at(&to).wait()
    /// # }
    /// ```
    pub fn to_at(mut self, dir: &Dir) -> Self
    where
        O: TwoPathOp,
    {
        self.op.to().set_dir(dir);
        self
    }
    /// Submits; `callback` runs with the result inside [`Aio::poll`], exactly once.
    ///
    /// Where [`max_outstanding`](crate::Builder::max_outstanding) is reached, the caller is held
    /// until a request has been executed.
    ///
    /// # Panics
    /// In a forked process that has not called [`Aio::reinit`].
    pub fn then(self, callback: impl FnOnce(O::Out) + Send + 'static) -> Handle {
        let aio = self.aio;
        let mut open = None;
        self.launch(callback, |req| open = Some((aio.clone(), req.clone())));
        Handle { name: O::NAME, open }
    }
    /// The same for callers who cannot own a handle: gives the address of the request, which is there
    /// until its callback has returned, for [`Aio::cancel_at`].
    ///
    /// # Panics
    /// In a forked process that has not called [`Aio::reinit`].
    #[doc(hidden)]
    pub fn then_at(self, callback: impl FnOnce(O::Out) + Send + 'static) -> *const () {
        self.launch(callback, |_| {}).cast()
    }
    /// Submits; `open` gets the request if it was not answered at once.
    fn launch(
        self,
        callback: impl FnOnce(O::Out) + Send + 'static,
        open: impl FnOnce(&Req),
    ) -> *const Header {
        let inner = self.aio.inner();
        assert!(!inner.forked(), "after a fork, Aio::reinit must be called first");
        let (mut op, priority) = (self.op, self.priority);
        let delay = match answer(self.aio, &mut op, self.foreign, 0) {
            Answer::Later(delay) => delay,
            Answer::Now(res) => {
                let req = Req::answered::<O, _>(op.finish(res), priority, callback);
                self.groups.iter().for_each(|group| group.add(&req));
                let address = req.addr();
                inner.submit_answered(req);
                return address;
            }
        };
        inner.hold();
        let req = Req::with_callback(op, priority, delay, callback);
        inner.admit();
        self.groups.iter().for_each(|group| group.add(&req));
        open(&req);
        let address = req.addr();
        inner.submit(req);
        address
    }
    /// Executes on this thread, which waits for it anyway; a member of a group, or a request of an
    /// engine without the inline route, goes through the engine.
    pub fn wait(self) -> O::Out {
        let forked = self.aio.inner().forked();
        let composite = self.op.control().is_some_and(|control| control.has_children());
        let inner = self.aio.inner();
        let engine = !inner.inline_on || inner.faults.is_some() || self.foreign || forked;
        if engine || composite || !self.groups.is_empty() {
            let inner = inner.clone();
            return block_on(&inner, self.into_future());
        }
        let mut op = self.op;
        let res = op.check().and_then(|()| {
            inner.count_inline();
            loop {
                match op.run() {
                    Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                    res => return res,
                }
            }
        });
        op.finish(res)
    }
}

/// What there is to a request before it takes a route.
enum Answer<V> {
    Now(io::Result<V>),
    /// By another route, after a delay on purpose.
    Later(Option<Duration>),
}

/// Tries to answer at once: bad arguments, or an inline call that did not have to wait. `crowd` more
/// requests are about to be submitted.
fn answer<O: Op>(aio: &Aio, op: &mut O, foreign: bool, crowd: usize) -> Answer<O::Val> {
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
    let deep = inner.nreqs.load(Ordering::Relaxed) + crowd > op.inline_depth();
    if !inner.inline_on || deep {
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

/// A submitted request, for cancelling it. Dropping the handle changes nothing.
#[derive(Clone)]
pub struct Handle {
    name: &'static str,
    /// Nothing for a request that was answered at once.
    open: Option<(Aio, Req)>,
}

impl Handle {
    /// Cancels the request as far as that is possible.
    ///
    /// Queued, it completes at once with ECANCELED; on the ring, the kernel is asked; running on a
    /// thread, it goes on. The callback runs in every case, with what has happened.
    pub fn cancel(&self) {
        if let Some((aio, req)) = &self.open {
            aio.inner().cancel(req);
        }
    }
    /// The name of the operation.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

/// While a thread sleeps until a request is done, the engine does not count on its drivers, of which this
/// thread may be one.
struct Alone<'a>(&'a Arc<Inner>);

impl<'a> Alone<'a> {
    fn begin(inner: &'a Arc<Inner>) -> Self {
        inner.waiter_began();
        Alone(inner)
    }
}
impl Drop for Alone<'_> {
    fn drop(&mut self) {
        self.0.waiter_ended();
    }
}

struct Unpark(Thread);
impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Not [`Aio::block_on`]: who waits for one request does not ask for callbacks.
pub(crate) fn block_on<F: Future + Unpin>(inner: &Arc<Inner>, mut future: F) -> F::Output {
    let _alone = Alone::begin(inner);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match Pin::new(&mut future).poll(&mut cx) {
            Poll::Ready(out) => return out,
            Poll::Pending => std::thread::park(),
        }
    }
}
