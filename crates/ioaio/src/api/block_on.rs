//! Threads that wait: for a future while they drive the engine, for a single request, and for room.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use crate::Aio;
use crate::engine::Engine;
use crate::engine::drivers::DrivingGuard;
use crate::engine::sleeper::Sleeper;
use crate::engine::watchers::Until;
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
        let engine = self.engine().clone();
        let sleeper = Sleeper::new(engine.routes.ring.as_ref());
        let alert = Arc::new(Alert { woken: AtomicBool::new(true), sleeper: sleeper.clone() });
        let woken = || alert.woken.load(Ordering::SeqCst);
        let waker = Waker::from(alert.clone());
        let mut future = pin!(future);
        let _drives = DrivingGuard::begin(&engine);
        loop {
            if alert.woken.swap(false, Ordering::SeqCst)
                && let Poll::Ready(out) = future.as_mut().poll(&mut Context::from_waker(&waker))
            {
                return out;
            }
            let any = engine.sleep_until(&sleeper, Until::Result, None, woken);
            let polled = any.and_then(|any| if any { engine.poll() } else { Ok(0) });
            polled.expect("the engine is this process's");
            engine.driver_polled();
        }
    }
}

/// Calls the thread that runs the future, which looks whether it was woken.
struct Alert {
    woken: AtomicBool,
    sleeper: Arc<Sleeper>,
}

impl Wake for Alert {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        if !self.woken.swap(true, Ordering::SeqCst) {
            self.sleeper.call();
        }
    }
}

/// While a thread sleeps until a request is done, the engine does not count on its drivers, of which this
/// thread may be one.
struct WaitingGuard<'a>(&'a Arc<Engine>);

impl<'a> WaitingGuard<'a> {
    fn begin(engine: &'a Arc<Engine>) -> Self {
        engine.waiting_began();
        WaitingGuard(engine)
    }
}

impl Drop for WaitingGuard<'_> {
    fn drop(&mut self) {
        self.0.waiting_ended();
    }
}

/// Waits for what a request comes to, without delivering callbacks: who waits for one request does not ask for them.
pub(crate) fn wait_for<F: Future + Unpin>(engine: &Arc<Engine>, mut future: F) -> F::Output {
    let _waiting = WaitingGuard::begin(engine);
    let waker = crate::sys::park::waker();
    let mut cx = Context::from_waker(&waker);
    loop {
        match Pin::new(&mut future).poll(&mut cx) {
            Poll::Ready(out) => return out,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Counts in the request of a submitter who cannot wait otherwise, once there is room for it.
pub(crate) fn block_until_room(engine: &Arc<Engine>) {
    if engine.room.try_enter() {
        return;
    }
    let sleeper = Sleeper::new(engine.routes.ring.as_ref());
    let alert = Arc::new(Alert { woken: AtomicBool::new(false), sleeper: sleeper.clone() });
    let waker = Waker::from(alert.clone());
    let ticket = engine.room.line_up();
    // Also where the engine is driven: the driver may be the thread that waits here.
    let woken = || alert.woken.load(Ordering::SeqCst);
    // An engine that ends refuses the request.
    while !ticket.is_granted(&waker) && !engine.identity.has_ended() {
        let slept = engine.sleep_until(&sleeper, Until::Own, None, woken);
        slept.expect("the engine is this process's");
        alert.woken.store(false, Ordering::SeqCst);
    }
    match ticket.is_granted(&waker) {
        true => ticket.enter(),
        false => engine.room.enter(),
    }
}
