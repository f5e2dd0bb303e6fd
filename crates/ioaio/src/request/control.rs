//! How a composite is cancelled while it and its children are under way. It knows requests, not the engine: who
//! cancels asks for the children, and cancels each.

use std::io;
use std::sync::Arc;
use std::task::Waker;

use rustix::io::Errno;

use crate::Faults;
use crate::request::cell::{Req, wake};
use crate::request::members::Members;
use crate::sys::sync::{AtomicBool, Mutex, Ordering};

/// What a composite, its children and its canceller share.
pub struct Control {
    started: AtomicBool,
    cancelled: AtomicBool,
    runs: Runs,
    /// Woken by a cancel: a request that waits for something that is no child.
    waiter: Mutex<Option<Waker>>,
    faults: Option<Faults>,
}

/// How the request is executed.
enum Runs {
    /// In one go, on one thread.
    Whole,
    /// By steps, between which it waits for a waker and holds no thread.
    BySteps,
    /// By steps, between which it waits for children.
    WithChildren(Arc<Members>),
}

impl Control {
    fn with(runs: Runs, faults: Option<Faults>) -> Arc<Self> {
        let (started, cancelled) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Control { started, cancelled, runs, waiter: Mutex::new(None), faults })
    }
    /// For a composite that is one run of system calls, without children.
    pub(crate) fn whole(faults: Option<Faults>) -> Arc<Self> {
        Self::with(Runs::Whole, faults)
    }
    /// For a request without children that waits nevertheless.
    pub(crate) fn by_steps(faults: Option<Faults>) -> Arc<Self> {
        Self::with(Runs::BySteps, faults)
    }
    pub(crate) fn with_children(children: Arc<Members>, faults: Option<Faults>) -> Arc<Self> {
        Self::with(Runs::WithChildren(children), faults)
    }
    /// Whether it goes on step by step, and is not one run on a thread.
    pub(crate) fn runs_by_steps(&self) -> bool {
        !matches!(self.runs, Runs::Whole)
    }
    pub(crate) fn children(&self) -> Option<&Arc<Members>> {
        match &self.runs {
            Runs::WithChildren(children) => Some(children),
            _ => None,
        }
    }
    /// Lets a cancel wake the request; at once, if it has come before.
    pub(crate) fn wait(&self, waker: &Waker) {
        let old = self.waiter.lock().expect("waiter").replace(waker.clone());
        drop(old);
        if self.cancelled() {
            waker.wake_by_ref();
        }
    }
    /// The request has ended: its waker would keep it alive.
    pub(crate) fn wait_no_more(&self) {
        let waker = self.waiter.lock().expect("waiter").take();
        drop(waker);
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
    /// Lets no further step begin, and gives the children that are still to be cancelled.
    pub(crate) fn cancel(&self) -> Vec<Req> {
        self.cancelled.store(true, Ordering::SeqCst);
        let waker = self.waiter.lock().expect("waiter").take();
        waker.into_iter().for_each(wake);
        self.children().map(|children| children.all()).unwrap_or_default()
    }
}
