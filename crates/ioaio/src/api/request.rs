//! What a caller holds: the request being built, and the handle of one that was submitted.

use std::future::IntoFuture;
use std::io;
use std::sync::Arc;

use crate::api::block_on::{block_until_room, wait_for};
use crate::api::future::{Answer, answer};
use crate::request::cell::{Header, Req};
use crate::request::members::Members;
use crate::request::op::Op;
use crate::values::dir::Dir;
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
    pub(crate) aio: &'a Aio,
    pub(crate) op: O,
    pub(crate) priority: u8,
    pub(crate) groups: Vec<Arc<Members>>,
    /// A group of another engine was given, which could not cancel it.
    pub(crate) foreign: bool,
    /// A child of a composite, which has a limit of its own.
    pub(crate) child: bool,
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
        if Arc::ptr_eq(self.aio.engine(), group.aio().engine()) {
            self.groups.push(group.members().clone());
        } else {
            self.foreign = true;
        }
        self
    }
    /// Makes the request a child of a composite.
    pub(crate) fn child_of(mut self, priority: u8, siblings: Option<&Arc<Members>>) -> Self {
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
        let engine = self.aio.engine();
        assert!(!engine.identity.forked(), "after a fork, Aio::reinit must be called first");
        let (mut op, priority) = (self.op, self.priority);
        let delay = match answer(self.aio, &mut op, self.foreign, 0) {
            Answer::Later(delay) => delay,
            Answer::Now(res) => {
                let req = Req::answered::<O, _>(op.finish(res), priority, callback);
                self.groups.iter().for_each(|group| group.add(&req));
                let address = req.addr();
                engine.submit_answered(req);
                return address;
            }
        };
        block_until_room(engine);
        let req = Req::with_callback(op, priority, delay, callback);
        engine.count_in();
        self.groups.iter().for_each(|group| group.add(&req));
        open(&req);
        let address = req.addr();
        engine.submit(req);
        address
    }
    /// Executes on this thread, which waits for it anyway; a member of a group, or a request of an
    /// engine without the inline route, goes through the engine.
    pub fn wait(self) -> O::Out {
        let engine = self.aio.engine();
        let by_steps = self.op.control().is_some_and(|control| control.runs_by_steps());
        let special = self.foreign || engine.identity.forked() || engine.faults.is_some();
        if by_steps || special || !engine.routes.inline || !self.groups.is_empty() {
            let engine = engine.clone();
            return wait_for(&engine, self.into_future());
        }
        let mut op = self.op;
        let res = op.check().and_then(|()| {
            engine.counters.add_inline();
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
            aio.engine().cancel(req);
        }
    }
    /// The name of the operation.
    pub fn name(&self) -> &'static str {
        self.name
    }
}
