//! Running a future on a thread that drives the engine meanwhile.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{Thread, ThreadId};

use crate::Aio;
use crate::engine::Inner;
use crate::sys::sync::{AtomicBool, Ordering};

impl Aio {
    /// Runs a future on this thread, which drives the engine meanwhile: no other thread is needed, and
    /// requests are submitted together. Callbacks run here too, as in [`poll`](Self::poll).
    ///
    /// # Panics
    /// If the future does not end in a forked process that has not called [`reinit`](Self::reinit).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let len = aio.block_on(async { aio.stat("/etc/passwd").await })?.len();
    /// assert!(len > 0);
    /// # Ok(()) }
    /// ```
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let inner = self.inner().clone();
        let alert =
            Arc::new(Alert { woken: AtomicBool::new(true), home: std::thread::current().id(), inner });
        let (inner, woken) = (&alert.inner, || alert.woken.load(Ordering::SeqCst));
        let waker = Waker::from(alert.clone());
        let mut future = pin!(future);
        let _drives = Drives::begin(inner);
        loop {
            if alert.woken.swap(false, Ordering::SeqCst)
                && let Poll::Ready(out) = future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                return out;
            }
            let step = inner.wait_until(None, woken).and_then(|any| if any { inner.poll() } else { Ok(0) });
            step.expect("the engine is this process's and its poll fd is open");
        }
    }
}

/// While it lives, the engine needs no reaper thread.
struct Drives<'a>(&'a Arc<Inner>);

impl<'a> Drives<'a> {
    fn begin(inner: &'a Arc<Inner>) -> Self {
        inner.driver_began();
        inner.turns.helpers.fetch_add(1, Ordering::Relaxed);
        Drives(inner)
    }
}
impl Drop for Drives<'_> {
    fn drop(&mut self) {
        self.0.turns.helpers.fetch_sub(1, Ordering::Relaxed);
        self.0.driver_ended();
    }
}

struct Alert {
    woken: AtomicBool,
    home: ThreadId,
    inner: Arc<Inner>,
}

impl Wake for Alert {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.store(true, Ordering::SeqCst);
        // The thread itself is not asleep.
        if std::thread::current().id() != self.home {
            self.inner.bell.ring();
        }
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
