//! The core under loom: every order of events within a bound on preemptions.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p ioaio --lib --release`. No time passes here, so a wake-up
//! that is lost shows as a deadlock, and a request that is lost or delivered twice as a wrong count. There are two
//! processors, no ring, and nobody who comes after a time: neither lookout nor timer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use crate::{Aio, Builder};

fn explore(f: impl Fn() + Sync + Send + 'static) {
    explore_within(3, f);
}

fn explore_within(preemptions: usize, f: impl Fn() + Sync + Send + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(preemptions);
    model.max_branches = 100_000;
    model.check(f);
}

fn engine(threads: usize) -> Aio {
    Builder::default().inline(false).ring(false).max_parallel(threads).build().unwrap()
}

/// A callback that counts in an atomic which loom does not watch: the harness is not the subject.
fn counter() -> (Arc<AtomicUsize>, impl Fn() -> Box<dyn FnOnce(std::io::Result<()>) + Send>) {
    let count = Arc::new(AtomicUsize::new(0));
    let own = count.clone();
    (count, move || {
        let count = own.clone();
        Box::new(move |_| {
            count.fetch_add(1, Relaxed);
        })
    })
}

#[test]
fn a_callback_runs_once() {
    explore(|| {
        let aio = engine(1);
        let (count, callback) = counter();
        aio.nop().then(callback());
        aio.nop().then(callback());
        aio.flush().unwrap();
        assert_eq!(count.load(Relaxed), 2);
    });
}

#[test]
fn a_second_worker_is_woken() {
    explore(|| {
        let aio = engine(2);
        let (count, callback) = counter();
        aio.nop().then(callback());
        aio.nop().then(callback());
        aio.flush().unwrap();
        assert_eq!(count.load(Relaxed), 2);
    });
}

#[test]
fn work_that_comes_while_workers_fall_asleep() {
    explore(|| {
        let aio = engine(1);
        let (count, callback) = counter();
        aio.nop().then(callback());
        aio.flush().unwrap();
        aio.nop().then(callback());
        aio.flush().unwrap();
        assert_eq!(count.load(Relaxed), 2);
    });
}

#[test]
fn a_cancelled_request_completes_once() {
    explore(|| {
        let aio = engine(1);
        let (count, callback) = counter();
        let handle = aio.nop().then(callback());
        let canceller = loom::thread::spawn(move || handle.cancel());
        aio.flush().unwrap();
        canceller.join().unwrap();
        assert_eq!(count.load(Relaxed), 1);
    });
}

#[test]
fn two_threads_submit() {
    explore(|| {
        let aio = engine(1);
        let (count, callback) = counter();
        let (other, its) = (aio.clone(), callback());
        let thread = loom::thread::spawn(move || drop(other.nop().then(its)));
        aio.nop().then(callback());
        thread.join().unwrap();
        aio.flush().unwrap();
        assert_eq!(count.load(Relaxed), 2);
    });
}

/// What an event loop does: it sleeps on the descriptor and calls poll when it is readable.
#[test]
fn the_poll_fd_misses_nothing() {
    explore(|| {
        let aio = engine(1);
        let (count, callback) = counter();
        aio.nop().then(callback());
        aio.nop().then(callback());
        while count.load(Relaxed) < 2 {
            assert!(aio.engine().bell.wait(Duration::from_secs(1)).unwrap());
            aio.poll().unwrap();
        }
    });
}

#[test]
fn a_future_is_woken() {
    explore(|| {
        let aio = engine(1);
        loom::future::block_on(async { aio.nop().await.unwrap() });
    });
}

#[test]
fn a_future_dropped_at_any_moment() {
    explore(|| {
        let aio = engine(1);
        let mut future = std::future::IntoFuture::into_future(aio.nop());
        loom::future::block_on(std::future::poll_fn(|cx| {
            let _ = std::pin::Pin::new(&mut future).poll(cx);
            std::task::Poll::Ready(())
        }));
        drop(future);
        aio.flush().unwrap();
        assert_eq!(aio.nreqs(), 0);
    });
}

#[test]
fn an_engine_dropped_at_any_moment() {
    explore(|| {
        let aio = engine(1);
        let dropped = Arc::new(());
        let held = dropped.clone();
        aio.nop().then(move |_| drop(held));
        drop(aio);
    });
}

#[test]
fn a_group_completes() {
    explore(|| {
        let aio = engine(1);
        let (count, callback) = counter();
        let group = aio.group();
        aio.nop().group(&group).then(callback());
        let end = count.clone();
        group.then(move || assert_eq!(end.fetch_add(10, Relaxed), 1));
        aio.flush().unwrap();
        assert_eq!(count.load(Relaxed), 11);
    });
}

#[test]
fn fewer_threads_are_waited_for() {
    explore(|| {
        let aio = engine(1);
        let (count, callback) = counter();
        aio.nop().then(callback());
        aio.max_parallel(0);
        assert_eq!(aio.nthreads(), 0);
        aio.flush().unwrap();
        assert_eq!(count.load(Relaxed), 1);
    });
}

/// A worker takes two at a time from the third request on.
#[test]
fn a_batch_is_given_back() {
    explore_within(2, || {
        let aio = engine(1);
        let (count, callback) = counter();
        (0..4).for_each(|_| drop(aio.nop().then(callback())));
        aio.flush().unwrap();
        assert_eq!(count.load(Relaxed), 4);
    });
}

/// The first request ends only when the second one has run: whoever pushes that has to call somebody.
#[test]
fn a_request_that_waits_for_the_next_one() {
    explore_within(2, || {
        let aio = engine(2);
        let (count, _) = counter();
        let gate = Arc::new((loom::sync::Mutex::new(false), loom::sync::Condvar::new()));
        let (entered, opener) = (gate.clone(), gate.clone());
        let done = [count.clone(), count.clone()];
        let [first, second] = done.map(|count| {
            move |res: std::io::Result<()>| {
                res.unwrap();
                count.fetch_add(1, Relaxed);
            }
        });
        aio.call(move || {
            let mut open = entered.0.lock().unwrap();
            while !*open {
                open = entered.1.wait(open).unwrap();
            }
            Ok(())
        })
        .then(first);
        aio.call(move || {
            *opener.0.lock().unwrap() = true;
            opener.1.notify_all();
            Ok(())
        })
        .then(second);
        aio.flush().unwrap();
        assert_eq!(count.load(Relaxed), 2);
    });
}

/// Two requests at once.
struct Both;

impl crate::Composite for Both {
    type Out = ();
    const NAME: &'static str = "both";
    async fn run(self, steps: crate::composite::base::task::Steps) -> Result<(), crate::Error> {
        let mut both = crate::composite::base::in_flight::Flight::new();
        (0..2).for_each(|_| both.add(steps.go(|aio| aio.nop())));
        while let Some(res) = both.next().await {
            res.map_err(|e| crate::Error::new("nop", "", e))?;
        }
        Ok(())
    }
}

#[test]
fn two_children_of_a_composite() {
    explore_within(2, || {
        let aio = engine(1);
        let count = Arc::new(AtomicUsize::new(0));
        let own = count.clone();
        crate::Task::request(&aio, Both).then(move |done| {
            done.unwrap();
            own.fetch_add(1, Relaxed);
        });
        aio.flush().unwrap();
        assert_eq!(count.load(Relaxed), 1);
    });
}

/// Two requests, one after the other.
struct Twice;

impl crate::Composite for Twice {
    type Out = ();
    const NAME: &'static str = "twice";
    async fn run(self, steps: crate::composite::base::task::Steps) -> Result<(), crate::Error> {
        for _ in 0..2 {
            steps.go(|aio| aio.nop()).await.map_err(|e| crate::Error::new("nop", "", e))?;
        }
        Ok(())
    }
}

#[test]
fn a_composite_needs_no_second_thread() {
    explore(|| {
        let aio = engine(1);
        let count = Arc::new(AtomicUsize::new(0));
        let own = count.clone();
        crate::Task::request(&aio, Twice).then(move |done| {
            done.unwrap();
            own.fetch_add(1, Relaxed);
        });
        aio.flush().unwrap();
        assert_eq!(count.load(Relaxed), 1);
    });
}

#[test]
fn a_composite_cancelled_at_any_moment() {
    explore(|| {
        let aio = engine(1);
        let count = Arc::new(AtomicUsize::new(0));
        let own = count.clone();
        let handle = crate::Task::request(&aio, Twice).then(move |done| {
            let errno = done.err().and_then(|e| e.raw_os_error());
            assert!(matches!(errno, None | Some(libc::ECANCELED)));
            own.fetch_add(1, Relaxed);
        });
        let canceller = loom::thread::spawn(move || handle.cancel());
        aio.flush().unwrap();
        canceller.join().unwrap();
        assert_eq!(count.load(Relaxed), 1);
    });
}

#[test]
fn a_composite_whose_engine_ends() {
    explore(|| {
        let aio = engine(1);
        let dropped = Arc::new(());
        let held = dropped.clone();
        crate::Task::request(&aio, Twice).then(move |_| drop(held));
        drop(aio);
    });
}
