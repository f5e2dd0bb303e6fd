//! Runs a test body on every route, with every way to complete a request.
//!
//! A body that passes here gives the same results and the same errno whoever executes it: inline,
//! the ring, a pool, a pool of one, `poll` itself, or the engine of a forked child.
#![allow(dead_code, unused_imports, unused_macros, reason = "each test binary uses its part")]

pub mod alone;
mod child;
#[macro_use]
pub mod refused;
pub mod gate;
pub mod signal;

use std::future::Future;
use std::ops::Deref;
use std::os::fd::AsFd;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use ioaio::{Aio, Builder, Op, Request};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

pub use child::{as_nobody, in_child};

/// Whatever takes longer hangs.
pub const HANG: Duration = Duration::from_secs(60);

/// How a request is completed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// A callback, run from a `poll(2)` loop on the poll fd.
    Loop,
    /// A callback, run by `flush`.
    Flush,
    /// A future, on an executor that knows nothing of the engine.
    Future,
    /// The blocking wait.
    Wait,
}

const WAYS: [Way; 4] = [Way::Loop, Way::Flush, Way::Future, Way::Wait];

/// How an engine is made.
struct Route {
    name: &'static str,
    build: fn(Builder) -> Builder,
    forked: bool,
    /// What must be on for the test to mean anything.
    needs_ring: bool,
}

const ROUTES: [Route; 7] = [
    Route { name: "default", build: |b| b, forked: false, needs_ring: false },
    Route { name: "inline off", build: |b| b.inline(false), forked: false, needs_ring: false },
    Route { name: "ring only", build: |b| b.inline(false).pool(false), forked: false, needs_ring: true },
    Route { name: "pool only", build: |b| b.inline(false).ring(false), forked: false, needs_ring: false },
    Route {
        name: "pool of one",
        build: |b| b.inline(false).ring(false).max_parallel(1),
        forked: false,
        needs_ring: false,
    },
    Route {
        name: "no threads",
        build: |b| b.inline(false).ring(false).pool(false),
        forked: false,
        needs_ring: false,
    },
    Route { name: "forked child", build: |b| b, forked: true, needs_ring: false },
];

/// One run of a test body; dereferences to the engine.
pub struct Case<'a> {
    aio: &'a Aio,
    pub way: Way,
    pub route: &'static str,
}

impl Deref for Case<'_> {
    type Target = Aio;
    fn deref(&self) -> &Aio {
        self.aio
    }
}

impl Case<'_> {
    /// Completes a request in this case's way.
    pub fn get<O: Op>(&self, request: Request<'_, O>) -> O::Out {
        match self.way {
            Way::Loop => by_callback(request, || drive(self.aio)),
            Way::Flush => by_callback(request, || self.aio.flush().expect("flush")),
            Way::Future => block_on(request.into_future()),
            Way::Wait => request.wait(),
        }
    }
}

impl Drop for Case<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed on route: {}, completed by: {:?}", self.route, self.way);
        }
    }
}

/// Runs `body` on each route and in each way. What the kernel refuses is skipped, and says so.
pub fn each_route(body: impl Fn(&Case)) {
    for route in &ROUTES {
        for way in WAYS {
            let aio = (route.build)(Aio::builder()).build().expect("an engine");
            if route.needs_ring && !aio.backend().ring {
                eprintln!("skipped: {}: {}", route.name, aio.backend().ring_off.unwrap_or_default());
                break;
            }
            let case = Case { aio: &aio, way, route: route.name };
            if route.forked {
                // Something to forget for the child, something to keep for the parent.
                let kept = by_channel(aio.busy(Duration::from_millis(1)));
                in_child(|| {
                    aio.reinit().expect("reinit");
                    body(&case);
                    drive(&aio);
                });
                drive(&aio);
                kept.try_recv().expect("the parent's request").expect("busy");
            } else {
                body(&case);
                drive(&aio);
            }
        }
    }
}

/// Submits a request whose callback sends the result.
pub fn by_channel<O: Op>(request: Request<'_, O>) -> mpsc::Receiver<O::Out> {
    let (give, take) = mpsc::sync_channel(1);
    request.then(move |out| give.try_send(out).unwrap_or_else(|_| panic!("nobody takes the result")));
    take
}

/// The same, with the handle.
pub fn by_channel_handle<O: Op>(request: Request<'_, O>) -> (ioaio::Handle, mpsc::Receiver<O::Out>) {
    let (give, take) = mpsc::sync_channel(1);
    let handle =
        request.then(move |out| give.try_send(out).unwrap_or_else(|_| panic!("nobody takes the result")));
    (handle, take)
}

fn by_callback<O: Op>(request: Request<'_, O>, complete: impl Fn()) -> O::Out {
    let result = by_channel(request);
    complete();
    result.try_recv().expect("the callback has run")
}

/// Waits for the poll fd; false if nothing came.
pub fn readable(aio: &Aio, timeout: Duration) -> bool {
    let timeout = Timespec::try_from(timeout).expect("a timeout");
    loop {
        match rustix::event::poll(&mut [PollFd::new(&aio.as_fd(), PollFlags::IN)], Some(&timeout)) {
            Err(Errno::INTR) => {}
            n => return n.expect("poll(2)") > 0,
        }
    }
}

/// A plain event loop: `poll(2)`, then one `poll`, until no request is left.
pub fn drive(aio: &Aio) {
    while aio.nreqs() > 0 {
        assert!(readable(aio, HANG), "the poll fd stays silent with {aio:?} and {:?}", aio.stats());
        aio.poll().expect("poll");
    }
}

/// The smallest executor: polls, parks, and gives up on what hangs.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    let end = Instant::now() + HANG;
    loop {
        if let Poll::Ready(out) = future.as_mut().poll(&mut cx) {
            return out;
        }
        let left = end.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "the future is never woken");
        std::thread::park_timeout(left);
    }
}

/// The errno of a result that must be an error.
#[track_caller]
pub fn errno<T: std::fmt::Debug>(result: std::io::Result<T>) -> Errno {
    let error = result.expect_err("an error");
    Errno::from_io_error(&error).unwrap_or_else(|| panic!("no errno: {error}"))
}

/// Numbers that differ from run to run; the seed is shown when the test fails.
pub fn random() -> fastrand::Rng {
    let seed = fastrand::u64(..);
    eprintln!("seed: {seed}");
    fastrand::Rng::with_seed(seed)
}

/// Runs `body` on an engine of each kind, with the limits that `tune` sets.
pub fn each_engine(tune: impl Fn(Builder) -> Builder, body: impl Fn(&Aio)) {
    for route in ROUTES.iter().filter(|route| !route.forked) {
        let aio = tune((route.build)(Aio::builder())).build().expect("an engine");
        if route.needs_ring && !aio.backend().ring {
            eprintln!("skipped: {}: {}", route.name, aio.backend().ring_off.unwrap_or_default());
            continue;
        }
        let case = Case { aio: &aio, way: Way::Loop, route: route.name };
        body(&case);
        drive(&aio);
        assert_eq!((aio.nreqs(), aio.nready(), aio.npending()), (0, 0, 0), "on route {}", route.name);
    }
}

/// Waits until something is so that nothing tells of.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + HANG;
    while !condition() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
