//! The engine as a caller sees it.
//!
//! # Safety contract
//! `Shared::inner` always points to a live boxed `Arc<Inner>`. It is replaced only by `reinit` in a
//! forked process, which leaks the old one, so references into it stay valid.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use rustix::io::Errno;

use crate::Group;
use crate::api::builder::Builder;
use crate::engine::bell::Bell;
use crate::engine::{Inner, nanos};
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
    inner: AtomicPtr<Arc<Inner>>,
    config: Builder,
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
    /// Why it is not.
    pub ring_off: Option<String>,
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
    pub(crate) fn with(config: Builder) -> io::Result<Aio> {
        let inner = Inner::new(&config, Bell::new()?)?;
        inner.pool.fill(&inner);
        let inner = AtomicPtr::new(Box::into_raw(Box::new(inner)));
        Ok(Aio(Arc::new(Shared { inner, config, owner: AtomicBool::new(true) })))
    }
    /// A handle that does not keep the engine from ending; requests are refused afterwards.
    pub(crate) fn lent(&self) -> Aio {
        let inner = AtomicPtr::new(Box::into_raw(Box::new(self.inner().clone())));
        Aio(Arc::new(Shared { inner, config: self.0.config.clone(), owner: AtomicBool::new(false) }))
    }
    pub(crate) fn inner(&self) -> &Arc<Inner> {
        // SAFETY: see the module's contract.
        unsafe { &*self.0.inner.load(Ordering::Acquire) }
    }
    pub(crate) fn downgrade(&self) -> WeakAio {
        WeakAio(Arc::downgrade(&self.0))
    }
    /// Reaps, and runs the callbacks of finished requests, by priority. Gives their number.
    ///
    /// The poll fd stays readable until a call has found nothing, so an edge-triggered loop calls
    /// until it gets 0. A panic of a callback goes through; the engine stays usable.
    ///
    /// # Errors
    /// EOWNERDEAD in a forked process before [`reinit`](Self::reinit).
    pub fn poll(&self) -> io::Result<usize> {
        self.inner().poll()
    }
    /// Waits until `poll` has a result to deliver; false if there can be none or time is over.
    ///
    /// # Errors
    /// EOWNERDEAD in a forked process before [`reinit`](Self::reinit).
    pub fn wait(&self, timeout: Option<Duration>) -> io::Result<bool> {
        self.inner().wait(timeout)
    }
    /// Makes the poll fd readable until the next poll that finds nothing, for a caller who has work
    /// of its own for the thread that polls.
    pub fn wake(&self) {
        self.inner().bell.ring();
    }
    /// Whether this is a forked process that has to call [`reinit`](Self::reinit) first.
    pub fn forked(&self) -> bool {
        self.inner().forked()
    }
    /// Polls until no request is left. In a callback: none but those whose callbacks run.
    ///
    /// # Errors
    /// Those of [`poll`](Self::poll).
    pub fn flush(&self) -> io::Result<()> {
        self.inner().flush()
    }
    /// A new group.
    pub fn group(&self) -> Group {
        Group::new(self)
    }
    /// Requests submitted and not delivered.
    pub fn nreqs(&self) -> usize {
        self.inner().nreqs.load(Ordering::Acquire)
    }
    /// Requests that wait for a route.
    pub fn nready(&self) -> usize {
        self.inner().nready()
    }
    /// Results that wait for `poll`.
    pub fn npending(&self) -> usize {
        self.inner().npending()
    }
    /// Worker threads now.
    pub fn nthreads(&self) -> usize {
        self.inner().pool.lock().threads
    }
    /// Keeps at least `n` threads, raising the maximum if need be.
    pub fn min_parallel(&self, n: usize) {
        let inner = self.inner();
        inner.pool.configure(|s| {
            s.min_threads = n;
            s.max_threads = s.max_threads.max(n);
        });
        inner.pool.fill(inner);
    }
    /// Allows at most `n` threads, and blocks until no more are running. With 0, `poll` executes.
    pub fn max_parallel(&self, n: usize) {
        let inner = self.inner();
        inner.pool.allow(inner, n);
        if inner.pool.needs_poll() {
            inner.without_threads(false);
        }
    }
    /// Sets how many idle threads stay after the idle timeout.
    pub fn max_idle(&self, n: usize) {
        self.inner().pool.configure(|s| s.max_idle = n);
    }
    /// Sets how long a thread stays idle before it may end.
    pub fn idle_timeout(&self, t: Duration) {
        self.inner().pool.configure(|s| s.idle_timeout = t);
    }
    /// Sets how many requests may wait to be executed before submitters are held; gives the old limit.
    ///
    /// # Errors
    /// EINVAL for 0.
    pub fn max_outstanding(&self, n: usize) -> io::Result<usize> {
        positive(n)?;
        let old = self.inner().max_outstanding.swap(n, Ordering::Relaxed);
        self.inner().make_room();
        Ok(old)
    }
    /// Sets how many results one `poll` delivers at the most; groups that end with them come on top.
    ///
    /// # Errors
    /// EINVAL for 0.
    pub fn max_poll_reqs(&self, n: usize) -> io::Result<()> {
        positive(n)?;
        self.inner().max_poll_reqs.store(n, Ordering::Relaxed);
        Ok(())
    }
    /// Sets how long one `poll` goes on delivering; `None` is no limit.
    pub fn max_poll_time(&self, t: Option<Duration>) {
        self.inner().max_poll_time.store(nanos(t), Ordering::Relaxed);
    }
    /// Which routes are on, and why one is off.
    pub fn backend(&self) -> Backend {
        let inner = self.inner();
        let why = |&(errno, text): &(i32, &str)| match errno {
            0 => text.to_string(),
            _ => format!("io_uring_setup: {text}: {}", io::Error::from_raw_os_error(errno)),
        };
        Backend {
            inline: inner.inline_on,
            ring: inner.ring.is_some(),
            ring_off: inner.ring_error.as_ref().map(why),
            pool: inner.pool_on,
        }
    }
    /// A snapshot of counts.
    pub fn stats(&self) -> Stats {
        let inner = self.inner();
        let [inline, ring, pool] = inner.counted();
        let ring_in_flight = inner.ring.as_ref().map_or(0, |r| r.in_flight());
        Stats { inline, ring, pool, ring_in_flight, threads: self.nthreads() }
    }
    /// Ends the engine, whoever still has a handle of it; for languages where nobody knows who has.
    #[doc(hidden)]
    pub fn end(&self) {
        if !self.forked() && self.0.owner.swap(false, Ordering::Relaxed) {
            self.inner().stop();
        }
    }
    /// Cancels as [`Handle::cancel`](crate::Handle::cancel) does, without keeping the request alive.
    ///
    /// # Safety
    /// The address is from [`Request::then_at`](crate::Request::then_at), of a request of this engine
    /// whose callback has not returned.
    #[doc(hidden)]
    pub unsafe fn cancel_at(&self, address: *const ()) {
        // SAFETY: the caller's promise: the callback is in the request.
        let req = unsafe { Req::at(address.cast()) };
        self.inner().cancel(&req);
    }
    /// After a fork, in the child: forgets every request and starts anew, with the same number for
    /// the poll fd. Requests from before belong to the parent, which loses nothing.
    ///
    /// # Errors
    /// Those of [`Builder::build`]; EBUSY in a process that is not a forked one.
    pub fn reinit(&self) -> io::Result<()> {
        let old = self.inner();
        if !old.forked() {
            return Err(Errno::BUSY.into());
        }
        next_epoch();
        let mut inner = Inner::new(&self.0.config, Bell::new()?)?;
        // Only when nothing can fail any more: nobody may close this number.
        let bell = &mut Arc::get_mut(&mut inner).expect("nobody else has it yet").bell;
        bell.take_over(old.bell.as_fd())?;
        inner.pool.fill(&inner);
        // The old one is leaked: its locks may be held by threads that do not exist here.
        self.0.inner.store(Box::into_raw(Box::new(inner)), Ordering::Release);
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
        self.inner().bell.as_fd()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the pointer came from Box::into_raw and nobody refers to it any more.
        let inner = unsafe { Box::from_raw(*self.inner.get_mut()) };
        if inner.forked() {
            std::mem::forget(inner);
        } else if *self.owner.get_mut() {
            inner.stop();
        }
    }
}
