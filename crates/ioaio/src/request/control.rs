//! How a composite is cancelled while it and its children are under way.

use std::io;
use std::sync::Arc;
use std::task::Waker;

use rustix::io::Errno;

use crate::engine::Inner;
use crate::request::members::Core as GroupCore;
use crate::sys::sync::{AtomicBool, Mutex, Ordering};
use crate::{Aio, Faults};

/// What a composite, its children and its canceller share.
pub struct Control {
    started: AtomicBool,
    cancelled: AtomicBool,
    pub(crate) children: Option<Arc<GroupCore>>,
    /// It waits for something that is no child.
    by_steps: bool,
    waiter: Mutex<Option<Waker>>,
    faults: Option<Faults>,
}

impl Control {
    pub(crate) fn with(aio: &Aio, children: Option<Arc<GroupCore>>) -> Arc<Self> {
        let (started, cancelled) = (AtomicBool::new(false), AtomicBool::new(false));
        let (faults, waiter) = (aio.inner().faults.clone(), Mutex::new(None));
        Arc::new(Control { started, cancelled, children, by_steps: false, waiter, faults })
    }
    /// For a request without children that waits nevertheless.
    pub(crate) fn by_steps(aio: &Aio) -> Arc<Self> {
        let mut control = Self::with(aio, None);
        Arc::get_mut(&mut control).expect("nobody else has it").by_steps = true;
        control
    }
    /// Lets a cancel wake the request; at once, if it has come before.
    pub(crate) fn wait(&self, waker: &Waker) {
        *self.waiter.lock().expect("waiter") = Some(waker.clone());
        if self.cancelled() {
            waker.wake_by_ref();
        }
    }
    /// The request has ended: its waker would keep it alive.
    pub(crate) fn wait_no_more(&self) {
        let waker = self.waiter.lock().expect("waiter").take();
        drop(waker);
    }
    /// For a composite that is one run of system calls, without children.
    pub(crate) fn new(aio: &Aio) -> Arc<Self> {
        Self::with(aio, None)
    }
    /// Whether it is driven by steps, and not one run on a thread.
    pub(crate) fn has_children(&self) -> bool {
        self.by_steps || self.children.is_some()
    }
    /// Before each system call that `call` names: ECANCELED after a cancel, or a fault on purpose.
    pub(crate) fn step(&self, call: &'static str) -> io::Result<()> {
        match self.cancelled() {
            true => Err(Errno::CANCELED.into()),
            false => self.fault(call),
        }
    }
    /// The same for what has to be done also after a cancel.
    pub(crate) fn fault(&self, call: &'static str) -> io::Result<()> {
        self.faults.as_ref().map_or(Ok(()), |plan| plan.step(call))
    }
    pub(crate) fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst)
    }
    pub(crate) fn start(&self) {
        self.started.store(true, Ordering::Relaxed);
    }
    pub(crate) fn has_started(&self) -> bool {
        self.started.load(Ordering::Relaxed)
    }
    pub(crate) fn cancel(&self, inner: &Inner) {
        self.cancelled.store(true, Ordering::SeqCst);
        let children = self.children.iter().flat_map(|core| core.members());
        children.for_each(|req| inner.cancel(&req));
        let waker = self.waiter.lock().expect("waiter").take();
        waker.into_iter().for_each(Waker::wake);
    }
}
