//! Composites: an async fn that workers drive, as one request.
//!
//! A composite is queued like any request. A worker goes on with it until it waits for children;
//! then it is parked, and the last child's completion queues it again. So it never holds a thread
//! while it waits, and a pool of one is enough.

use std::future::{Future, IntoFuture};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustix::io::Errno;

use crate::request::control::Control;
use crate::request::members::Members;
use crate::request::op::{Op, run_by_steps};
use crate::values::error::Error;
use crate::{Aio, Pending, Request};

/// A request that is made of other requests.
pub trait Composite: Send + 'static {
    /// What it comes to.
    type Out: Send + 'static;
    /// Its name, as in the registry.
    const NAME: &'static str;

    /// Refuses bad arguments before anything is submitted.
    ///
    /// # Errors
    /// The errno that the first call would have given.
    fn check(&self) -> io::Result<()> {
        Ok(())
    }
    /// The steps, on the children's results. After a cancel they end with ECANCELED, and what the
    /// composite itself has to clean up goes by `Steps::finally`.
    fn run(self, steps: Steps) -> impl Future<Output = Result<Self::Out, Error>> + Send;
}

/// How a composite submits its children.
#[derive(Clone)]
pub struct Steps {
    aio: Aio,
    control: Arc<Control>,
    priority: u8,
}

impl Steps {
    pub(crate) fn new(aio: &Aio) -> Self {
        let aio = aio.lent();
        let control = Control::with_children(Members::new(0), aio.faults());
        Steps { aio, control, priority: 4 }
    }
    pub(crate) fn set_priority(&mut self, priority: u8) {
        self.priority = priority;
    }
    /// Cancels what is under way, and lets nothing else begin.
    pub(crate) fn cancel(&self) {
        self.control.cancel().iter().for_each(|child| self.aio.engine().cancel(child));
    }
    /// Shared with children that are composites of their own kind, so that one cancel reaches all.
    pub(crate) fn control(&self) -> &Arc<Control> {
        &self.control
    }
    /// A child that is submitted when first polled; after a cancel it ends with ECANCELED.
    pub(crate) fn go<'a, O: Op>(&'a self, make: impl FnOnce(&'a Aio) -> Request<'a, O>) -> Child<O> {
        let child = make(&self.aio).child_of(self.priority, self.control.children());
        Child { pending: child.into_future(), control: Some(self.control.clone()) }
    }
    /// The same for what has to be done also after a cancel.
    pub(crate) fn finally<'a, O: Op>(&'a self, make: impl FnOnce(&'a Aio) -> Request<'a, O>) -> Child<O> {
        let child = make(&self.aio).child_of(self.priority, None);
        Child { pending: child.into_future(), control: None }
    }
}

/// A child's future.
pub(crate) struct Child<O: Op> {
    pending: Pending<O>,
    control: Option<Arc<Control>>,
}

impl<O: Op> Future for Child<O> {
    type Output = O::Out;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<O::Out> {
        let cancelled = |c: &Option<Arc<Control>>| c.as_ref().is_some_and(|c| c.cancelled());
        let this = &mut *self;
        if cancelled(&this.control)
            && let Some(out) = this.pending.refuse(Errno::CANCELED)
        {
            return Poll::Ready(out);
        }
        let polled = Pin::new(&mut this.pending).poll(cx);
        // A cancel that came before the child was a member has missed it.
        if polled.is_pending() && cancelled(&this.control) {
            this.pending.cancel();
        }
        polled
    }
}

type Going<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

enum State<C: Composite> {
    New(C),
    Going(Going<C::Out>),
    Over,
}

/// A composite as a request; see the methods of [`Aio`] that make one.
pub struct Task<C: Composite> {
    state: State<C>,
    steps: Steps,
}

impl<C: Composite> Task<C> {
    pub(crate) fn request(aio: &Aio, composite: C) -> Request<'_, Self> {
        Request::new(aio, Task { state: State::New(composite), steps: Steps::new(aio) })
    }
    /// The arguments, for the methods of a request that set one.
    pub(crate) fn arguments(&mut self) -> &mut C {
        match &mut self.state {
            State::New(composite) => composite,
            _ => unreachable!("arguments are set before submission"),
        }
    }
}

impl<C: Composite> Op for Task<C> {
    type Val = Result<C::Out, Error>;
    type Out = Result<C::Out, Error>;
    const NAME: &'static str = C::NAME;

    fn check(&self) -> io::Result<()> {
        match &self.state {
            State::New(composite) => composite.check(),
            _ => Ok(()),
        }
    }
    fn control(&self) -> Option<&Arc<Control>> {
        Some(&self.steps.control)
    }
    fn set_priority(&mut self, priority: u8) {
        self.steps.set_priority(priority);
    }
    fn step(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Self::Val>> {
        if let State::New(_) = self.state
            && let State::New(composite) = std::mem::replace(&mut self.state, State::Over)
        {
            self.state = State::Going(Box::pin(composite.run(self.steps.clone())));
        }
        match &mut self.state {
            State::Going(future) => future.as_mut().poll(cx).map(Ok),
            _ => unreachable!("a composite that is over is not gone on with"),
        }
    }
    fn run(&mut self) -> io::Result<Self::Val> {
        run_by_steps(self)
    }
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out {
        res.unwrap_or_else(|e| Err(Error::new(C::NAME, "", e)))
    }
}
