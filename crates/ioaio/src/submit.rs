//! What a caller holds: the request being built, its handle, its future.

use std::future::{Future, IntoFuture};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use rustix::io::Errno;

use crate::file::Dir;
use crate::op::Op;
use crate::path::At;
use crate::request::{FutureReq, Req};
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
    groups: Vec<Group>,
}

/// An operation on a path.
pub trait PathOp: Op {
    /// The path.
    fn at(&mut self) -> &mut At;
}

impl<'a, O: Op> Request<'a, O> {
    pub(crate) fn new(aio: &'a Aio, op: O) -> Self {
        Request { aio, op, priority: 4, groups: Vec::new() }
    }
    /// Sets the priority, -4 (last) to 4 (first), clamped. The default is 0.
    pub fn priority(mut self, priority: i8) -> Self {
        self.priority = (priority.clamp(-4, 4) + 4) as u8;
        self
    }
    /// Makes the request a member of a group; it may be in several.
    pub fn group(mut self, group: &Group) -> Self {
        self.groups.push(group.clone());
        self
    }
    /// Resolves a relative path against a directory handle.
    pub fn at(mut self, dir: &Dir) -> Self
    where
        O: PathOp,
    {
        self.op.at().set_dir(dir);
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
        let inner = self.aio.inner();
        assert!(!inner.forked(), "after a fork, Aio::reinit must be called first");
        let (mut op, priority) = (self.op, self.priority);
        if let Some(res) = answer(self.aio, &mut op) {
            let req = Req::answered::<O, _>(op.finish(res), priority, callback);
            self.groups.iter().for_each(|group| group.add(&req));
            inner.submit_answered(req);
            return Handle { name: O::NAME, open: None };
        }
        inner.hold();
        let req = Req::with_callback(op, priority, callback);
        inner.admit();
        self.groups.iter().for_each(|group| group.add(&req));
        let handle = Handle { name: O::NAME, open: Some((self.aio.clone(), req.clone())) };
        inner.submit(req);
        handle
    }
    /// Executes on this thread, which waits for it anyway; a member of a group, or a request of an
    /// engine without the inline route, goes through the engine.
    pub fn wait(self) -> O::Out {
        let forked = self.aio.inner().forked();
        if !self.groups.is_empty() || !self.aio.inner().inline_on || forked {
            return block_on(self.into_future());
        }
        let mut op = self.op;
        self.aio.inner().count_inline();
        let res = op.check().and_then(|()| {
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

/// Tries to answer at once: bad arguments, or an inline call that did not have to wait.
fn answer<O: Op>(aio: &Aio, op: &mut O) -> Option<io::Result<O::Val>> {
    if let Err(e) = op.check() {
        return Some(Err(e));
    }
    let inner = aio.inner();
    let deep = inner.nreqs.load(std::sync::atomic::Ordering::Relaxed) > op.inline_depth();
    if !inner.inline_on || deep {
        return None;
    }
    let res = op.inline()?;
    inner.count_inline();
    Some(res)
}

impl<O: Op> IntoFuture for Request<'_, O> {
    type Output = O::Out;
    type IntoFuture = Pending<O>;
    fn into_future(self) -> Pending<O> {
        let start = Start { op: self.op, priority: self.priority, groups: self.groups };
        Pending { aio: self.aio.clone(), step: Step::Start(start) }
    }
}

struct Start<O> {
    op: O,
    priority: u8,
    groups: Vec<Group>,
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
                assert!(!this.aio.inner().forked(), "a future from before a fork ends in the parent");
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
        if let Some(res) = answer(&self.aio, &mut start.op) {
            return Poll::Ready(start.op.finish(res));
        }
        let inner = self.aio.inner();
        if !inner.has_room() && inner.wait_for_room(cx.waker()) {
            self.step = Step::Start(start);
            return Poll::Pending;
        }
        inner.admit();
        let req = FutureReq::new(start.op, start.priority);
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

struct Unpark(Thread);
impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    loop {
        match Pin::new(&mut future).poll(&mut cx) {
            Poll::Ready(out) => return out,
            Poll::Pending => std::thread::park(),
        }
    }
}
