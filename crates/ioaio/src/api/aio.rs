//! The engine as a caller sees it.
//!
//! # Safety contract
//! `Shared::engine` always points to a live boxed `Arc<Engine>`. It is replaced only by `reinit` in a
//! forked process, which leaks the old one, so references into it stay valid.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use rustix::io::Errno;

use crate::Group;
use crate::api::builder::Builder;
use crate::engine::Engine;
use crate::engine::bell::Bell;
use crate::engine::results::nanos;
use crate::engine::settings::Settings;
use crate::request::cell::{Req, next_epoch};

/// An engine for asynchronous file I/O; a cheap handle, to be cloned and sent at will.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let aio = ioaio::Aio::new()?;
/// aio.open("/etc/passwd").then(|file| println!("open: {}", file.is_ok()));
/// while aio.nreqs() > 0 {
///     aio.wait(None)?; // or poll(2) on aio.as_fd(), in any event loop
///     aio.poll()?;
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Aio(Arc<Shared>);

struct Shared {
    engine: AtomicPtr<Arc<Engine>>,
    settings: Settings,
    /// Whether the engine ends with this handle's last clone. A composite's handle only borrows it.
    owner: AtomicBool,
}

pub(crate) struct WeakAio(Weak<Shared>);

impl WeakAio {
    pub(crate) fn upgrade(&self) -> Option<Aio> {
        self.0.upgrade().map(Aio)
    }
}

/// Which routes are on, and why one is off.
#[derive(Clone, Debug)]
pub struct Backend {
    /// Requests may be answered at once.
    pub inline: bool,
    /// io_uring is used.
    pub ring: bool,
    /// Why it is not: it was switched off, or the call that the kernel has refused and its error.
    pub ring_off: Option<String>,
    /// Since when, where it was used before: a kernel, or a filter that was put on later, may refuse it at any time.
    pub ring_off_since: Option<SystemTime>,
    /// Threads are used.
    pub pool: bool,
}

/// A snapshot of what an engine has done and is doing.
#[derive(Clone, Copy, Debug)]
pub struct Stats {
    /// Requests answered at once.
    pub inline: u64,
    /// Requests executed by the ring.
    pub ring: u64,
    /// Requests executed by threads, or by `poll` where there are none.
    pub pool: u64,
    /// Requests that the ring has now.
    pub ring_in_flight: u32,
    /// Threads now.
    pub threads: usize,
}

impl Aio {
    /// An engine with the default limits.
    ///
    /// # Errors
    /// Those of [`Builder::build`].
    pub fn new() -> io::Result<Aio> {
        Builder::default().build()
    }
    /// Sets limits first.
    pub fn builder() -> Builder {
        Builder::default()
    }
    pub(crate) fn with(settings: Settings) -> io::Result<Aio> {
        let engine = Engine::new(&settings, Bell::new()?)?;
        engine.start_least_workers();
        let engine = AtomicPtr::new(Box::into_raw(Box::new(engine)));
        Ok(Aio(Arc::new(Shared { engine, settings, owner: AtomicBool::new(true) })))
    }
    /// A handle that does not keep the engine from ending; requests are refused afterwards.
    pub(crate) fn lent(&self) -> Aio {
        let engine = AtomicPtr::new(Box::into_raw(Box::new(self.engine().clone())));
        Aio(Arc::new(Shared { engine, settings: self.0.settings.clone(), owner: AtomicBool::new(false) }))
    }
    pub(crate) fn engine(&self) -> &Arc<Engine> {
        // SAFETY: see the module's contract.
        unsafe { &*self.0.engine.load(Ordering::Acquire) }
    }
    /// The faults that are planned for its requests.
    pub(crate) fn faults(&self) -> Option<crate::Faults> {
        self.engine().faults.clone()
    }
    pub(crate) fn downgrade(&self) -> WeakAio {
        WeakAio(Arc::downgrade(&self.0))
    }
    /// Reaps, and runs the callbacks of requests that are finished by now, by priority; what finishes meanwhile
    /// is for the next call. Gives their number.
    ///
    /// The poll fd stays readable until a call has found nothing, so an edge-triggered loop calls
    /// until it gets 0. A panic of a callback goes through; the engine stays usable.
    ///
    /// # Errors
    /// EOWNERDEAD in a forked process before [`reinit`](Self::reinit).
    pub fn poll(&self) -> io::Result<usize> {
        self.engine().poll()
    }
    /// Waits until `poll` has a result to deliver; false if there can be none or time is over.
    ///
    /// # Errors
    /// EOWNERDEAD in a forked process before [`reinit`](Self::reinit).
    pub fn wait(&self, timeout: Option<Duration>) -> io::Result<bool> {
        self.engine().wait(timeout)
    }
    /// Makes the poll fd readable until the next poll that finds nothing, for a caller who has work
    /// of its own for the thread that polls.
    pub fn wake(&self) {
        self.engine().bell.ring();
    }
    /// Whether this is a forked process that has to call [`reinit`](Self::reinit) first.
    pub fn forked(&self) -> bool {
        self.engine().identity.forked()
    }
    /// Polls until no request is left. In a callback: none but those whose callbacks run, on whatever thread, and
    /// groups that wait for these. Callbacks that flush on several threads may wait for one another's requests.
    ///
    /// # Errors
    /// Those of [`poll`](Self::poll).
    pub fn flush(&self) -> io::Result<()> {
        self.engine().flush()
    }
    /// A new group.
    pub fn group(&self) -> Group {
        Group::new(self)
    }
    /// Requests submitted and not delivered.
    pub fn nreqs(&self) -> usize {
        self.engine().results.outstanding()
    }
    /// Requests that wait for a route.
    pub fn nready(&self) -> usize {
        self.engine().nready()
    }
    /// Results that wait for `poll`.
    pub fn npending(&self) -> usize {
        self.engine().results.len()
    }
    /// Worker threads now.
    pub fn nthreads(&self) -> usize {
        self.engine().routes.pool.lock().threads
    }
    /// Keeps at least `n` threads, raising the maximum if need be.
    pub fn min_parallel(&self, n: usize) {
        let engine = self.engine();
        let needs = engine.routes.pool.configure(|s| {
            s.min_threads = n;
            s.max_threads = s.max_threads.max(n);
        });
        engine.meet(needs, false);
        engine.start_least_workers();
    }
    /// Allows at most `n` threads, and blocks until no more are running; on one of these threads, that is in
    /// [`call`](Self::call), it does not wait for itself. With 0, `poll` executes.
    pub fn max_parallel(&self, n: usize) {
        let engine = self.engine();
        let needs = engine.routes.pool.allow(n);
        engine.meet(needs, false);
        engine.routes.pool.wait_until_gone(usize::from(engine.is_worker()));
        if engine.routes.pool.needs_poll() {
            engine.hand_to_poll_or_reaper(false);
        }
    }
    /// Sets how many idle threads stay after the idle timeout.
    pub fn max_idle(&self, n: usize) {
        let engine = self.engine();
        engine.meet(engine.routes.pool.configure(|s| s.max_idle = n), false);
    }
    /// Sets how long a thread stays idle before it may end.
    pub fn idle_timeout(&self, t: Duration) {
        let engine = self.engine();
        engine.meet(engine.routes.pool.configure(|s| s.idle_timeout = t), false);
    }
    /// Sets how many requests may wait to be executed before submitters are held; gives the old limit.
    ///
    /// # Errors
    /// EINVAL for 0.
    pub fn max_outstanding(&self, n: usize) -> io::Result<usize> {
        positive(n)?;
        Ok(self.engine().room.set_max(n))
    }
    /// Sets how many results one `poll` delivers at the most; groups that end with them come on top.
    ///
    /// # Errors
    /// EINVAL for 0.
    pub fn max_poll_reqs(&self, n: usize) -> io::Result<()> {
        positive(n)?;
        self.engine().results.max_poll_reqs.store(n, Ordering::Relaxed);
        Ok(())
    }
    /// Sets how long one `poll` goes on delivering; `None` is no limit.
    pub fn max_poll_time(&self, t: Option<Duration>) {
        self.engine().results.max_poll_time.store(nanos(t), Ordering::Relaxed);
    }
    /// Which routes are on, and why one is off.
    pub fn backend(&self) -> Backend {
        let engine = self.engine();
        let (why, since) = engine.routes.ring_off().unzip();
        Backend {
            inline: engine.routes.inline,
            ring: why.is_none(),
            ring_off: why,
            ring_off_since: since.flatten(),
            pool: engine.routes.threads,
        }
    }
    /// A snapshot of counts.
    pub fn stats(&self) -> Stats {
        let engine = self.engine();
        let [inline, ring, pool] = engine.counters.all();
        let ring_in_flight = engine.routes.ring.as_ref().map_or(0, |ring| ring.in_flight());
        Stats { inline, ring, pool, ring_in_flight, threads: self.nthreads() }
    }
    /// Ends the engine, whoever still has a handle of it; for languages where nobody knows who has.
    #[doc(hidden)]
    pub fn end(&self) {
        if !self.forked() && self.0.owner.swap(false, Ordering::Relaxed) {
            self.engine().stop();
        }
    }
    /// Cancels as [`Handle::cancel`](crate::Handle::cancel) does, without keeping the request alive. Gives whether
    /// it will end with ECANCELED; else it may, or not.
    ///
    /// # Safety
    /// The address is from [`Request::then_at`](crate::Request::then_at), of a request of this engine
    /// whose callback has not returned.
    #[doc(hidden)]
    pub unsafe fn cancel_at(&self, address: *const ()) -> bool {
        // SAFETY: the caller's promise: the callback is in the request.
        let req = unsafe { Req::at(address.cast()) };
        self.engine().try_cancel(&req)
    }
    /// After a fork, in the child: forgets every request and starts anew, with the same number for
    /// the poll fd. Requests from before belong to the parent, which loses nothing.
    ///
    /// # Errors
    /// Those of [`Builder::build`]; EBUSY in a process that is not a forked one.
    pub fn reinit(&self) -> io::Result<()> {
        let old = self.engine();
        if !old.identity.forked() {
            return Err(Errno::BUSY.into());
        }
        next_epoch();
        let mut engine = Engine::new(&self.0.settings, Bell::new()?)?;
        // Only when nothing can fail any more: nobody may close this number.
        let bell = &mut Arc::get_mut(&mut engine).expect("nobody else has it yet").bell;
        bell.take_over(old.bell.as_fd())?;
        engine.start_least_workers();
        // The old one is leaked: its locks may be held by threads that do not exist here.
        self.0.engine.store(Box::into_raw(Box::new(engine)), Ordering::Release);
        Ok(())
    }
}

impl std::fmt::Debug for Aio {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aio").field("nreqs", &self.nreqs()).finish_non_exhaustive()
    }
}

fn positive(n: usize) -> io::Result<()> {
    if n == 0 { Err(Errno::INVAL.into()) } else { Ok(()) }
}

impl AsFd for Aio {
    /// The poll fd: readable while [`Aio::poll`] has something to do.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.engine().bell.as_fd()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the pointer came from Box::into_raw and nobody refers to it any more.
        let engine = unsafe { Box::from_raw(*self.engine.get_mut()) };
        if engine.identity.forked() {
            std::mem::forget(engine);
        } else if *self.owner.get_mut() {
            engine.stop();
        }
    }
}
