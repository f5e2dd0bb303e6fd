//! A driver that is not run takes nothing away, and one that is run does not keep its thread.

use std::cell::Cell;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures::future::join_all;
use ioaio::{Aio, Builder, File};

use crate::common::alone::alone;
use crate::common::{block_on, eventually};

type Build = fn(Builder) -> Builder;

const ENGINES: [(&str, Build); 5] = [
    ("default", |b| b),
    ("inline off", |b| b.inline(false)),
    ("ring only", |b| b.inline(false).pool(false)),
    ("small ring", |b| b.inline(false).pool(false).ring_in_flight(2)),
    ("no threads", |b| b.inline(false).pool(false).ring(false)),
];

const SIZE: usize = 100_000;

fn file(aio: &Aio) -> File {
    let file = tempfile::tempfile().expect("a temporary file");
    std::os::unix::fs::FileExt::write_all_at(&file, &vec![7; SIZE], 0).expect("filling the file");
    let file = File::from(file);
    // Its file system is known from now on: reads go to the ring.
    aio.read_at(&file, vec![0; 1], 0).wait().0.expect("a read");
    file
}

/// Futures of many kinds, all at once.
async fn work(aio: &Aio, file: &File) {
    let reads = join_all((0..20).map(|_| aio.read_at(file, vec![0; SIZE], 0).into_future()));
    let stats = join_all((0..5).map(|_| aio.stat("/").into_future()));
    let load = async { aio.load("/etc/passwd").await.expect("load").len() };
    let list = async { aio.read_dir("/").await.expect("read_dir").len() };
    let du = async { aio.du("/proc/self/fdinfo").await.is_ok() };
    let busy = async { aio.busy(Duration::from_millis(1)).await.expect("busy") };
    let (reads, stats, len, n, _, ()) = futures::join!(reads, stats, load, list, du, busy);
    assert!(reads.into_iter().all(|(n, _)| n.expect("a read") == SIZE));
    assert!(stats.into_iter().all(|stat| stat.expect("stat").is_dir()));
    assert!(len > 0 && n > 0);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A runtime whose driver has begun, and waits for the poll fd.
fn idle_tokio(aio: &Aio) -> tokio::runtime::Runtime {
    let runtime = runtime();
    runtime.spawn(ioaio::tokio::drive(aio));
    runtime.block_on(async {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    });
    runtime
}

#[test]
fn a_tokio_runtime_that_nobody_runs() {
    alone("driver::a_tokio_runtime_that_nobody_runs", || {
        for (name, build) in ENGINES {
            eprintln!("{name}");
            let aio = build(Aio::builder()).build().unwrap();
            let (runtime, file) = (idle_tokio(&aio), file(&aio));
            block_on(work(&aio, &file));
            // Once more, now that there may be a thread for it.
            std::thread::sleep(Duration::from_millis(20));
            block_on(work(&aio, &file));
            drop(runtime);
            block_on(work(&aio, &file));
        }
    });
}

#[test]
fn a_driver_of_async_io_that_nobody_polls() {
    alone("driver::a_driver_of_async_io_that_nobody_polls", || {
        for (name, build) in ENGINES {
            eprintln!("{name}");
            let aio = build(Aio::builder()).build().unwrap();
            let file = file(&aio);
            let mut driver = Box::pin(ioaio::async_io::drive(&aio));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(driver.as_mut().poll(&mut cx).is_pending());
            block_on(work(&aio, &file));
            drop(driver);
            block_on(work(&aio, &file));
        }
    });
}

/// Also one that was never polled at all.
#[test]
fn a_driver_that_is_only_kept() {
    alone("driver::a_driver_that_is_only_kept", || {
        for (name, build) in ENGINES {
            eprintln!("{name}");
            let aio = build(Aio::builder()).build().unwrap();
            let file = file(&aio);
            let _drivers = (ioaio::tokio::drive(&aio), ioaio::async_io::drive(&aio));
            block_on(work(&aio, &file));
        }
    });
}

/// The thread that drives sleeps in an executor that knows nothing of the driver.
#[test]
fn a_driver_blocked_in_another_executor() {
    alone("driver::a_driver_blocked_in_another_executor", || {
        for (name, build) in ENGINES {
            eprintln!("{name}");
            let aio = build(Aio::builder()).build().unwrap();
            let file = file(&aio);
            runtime().block_on(async {
                tokio::spawn(ioaio::tokio::drive(&aio));
                tokio::task::yield_now().await;
                for _ in 0..5 {
                    smol::future::block_on(work(&aio, &file));
                }
            });
        }
    });
}

/// The future that runs in the engine's own block_on, on this thread, blocks in another executor.
#[test]
fn block_on_with_another_executor_inside() {
    alone("driver::block_on_with_another_executor_inside", || {
        for (name, build) in ENGINES {
            eprintln!("{name}");
            let aio = build(Aio::builder()).build().unwrap();
            let file = file(&aio);
            aio.block_on(async { smol::future::block_on(work(&aio, &file)) });
            // And beside a thread that sits in block_on but is kept busy.
            let over = Arc::new(AtomicBool::new(false));
            let (own, end) = (aio.clone(), over.clone());
            let busy = std::thread::spawn(move || {
                own.block_on(async {
                    while !end.load(Ordering::SeqCst) {
                        std::thread::sleep(Duration::from_millis(1)); // it neither ends nor returns
                    }
                });
            });
            block_on(work(&aio, &file));
            over.store(true, Ordering::SeqCst);
            busy.join().unwrap();
        }
    });
}

/// Callbacks wait for their driver, but what they occupy does not keep futures from going on.
#[test]
fn callbacks_of_a_driver_that_nobody_runs() {
    alone("driver::callbacks_of_a_driver_that_nobody_runs", || {
        for (name, build) in ENGINES {
            eprintln!("{name}");
            let aio = build(Aio::builder().max_outstanding(8)).build().unwrap();
            let (runtime, file) = (idle_tokio(&aio), file(&aio));
            let called = Arc::new(AtomicUsize::new(0));
            for _ in 0..40 {
                let called = called.clone();
                aio.read_at(&file, vec![0; SIZE], 0).then(move |(n, _)| {
                    assert_eq!(n.unwrap(), SIZE);
                    called.fetch_add(1, Ordering::SeqCst);
                });
            }
            block_on(work(&aio, &file));
            assert_eq!(called.load(Ordering::SeqCst), 0, "callbacks run in their driver");
            runtime.block_on(async {
                while called.load(Ordering::SeqCst) < 40 {
                    tokio::task::yield_now().await;
                }
            });
        }
    });
}

/// A runtime is run for a while, and left with requests of every kind in flight, again and again.
#[test]
fn a_runtime_that_is_run_now_and_then() {
    alone("driver::a_runtime_that_is_run_now_and_then", || {
        for (name, build) in ENGINES {
            eprintln!("{name}");
            let aio = build(Aio::builder()).build().unwrap();
            let (runtime, file) = (idle_tokio(&aio), file(&aio));
            for turns in [0, 1, 3, 10] {
                let mut futures: Vec<_> = (0..50)
                    .map(|i| match i % 2 {
                        0 => aio.read_at(&file, vec![0; SIZE], 0).into_future(),
                        _ => aio.read_at(&file, vec![0; 10], 0).into_future(),
                    })
                    .collect();
                let mut results = vec![None; futures.len()];
                let mut poll_all = |cx: &mut Context<'_>| {
                    for (future, result) in futures.iter_mut().zip(&mut results) {
                        if result.is_none()
                            && let Poll::Ready((n, _)) = Pin::new(future).poll(cx)
                        {
                            *result = Some(n.expect("a read"));
                        }
                    }
                    results.iter().all(Option::is_some)
                };
                runtime.block_on(async {
                    for _ in 0..=turns {
                        poll_fn(|cx| {
                            poll_all(cx);
                            Poll::Ready(())
                        })
                        .await;
                        tokio::task::yield_now().await;
                    }
                });
                block_on(poll_fn(|cx| if poll_all(cx) { Poll::Ready(()) } else { Poll::Pending }));
            }
        }
    });
}

// ---- a driver lets others run

fn spin(time: Duration) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        std::hint::spin_loop();
    }
}

const CALLBACKS: usize = 5_000;

/// Submits callbacks that take 10 us each, and counts them.
fn many_callbacks(aio: &Aio) -> Arc<AtomicUsize> {
    let called = Arc::new(AtomicUsize::new(0));
    for _ in 0..CALLBACKS {
        let called = called.clone();
        aio.nop().then(move |_| {
            spin(Duration::from_micros(10));
            called.fetch_add(1, Ordering::SeqCst);
        });
    }
    called
}

/// Runs beside a driver until all callbacks are over: the most of them between two turns of this task.
async fn most_between_turns(called: &AtomicUsize) -> usize {
    let (most, before) = (Cell::new(0), Cell::new(0));
    poll_fn(|cx| {
        let now = called.load(Ordering::SeqCst);
        most.set(most.get().max(now - before.replace(now)));
        if now == CALLBACKS {
            return Poll::Ready(most.get());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await
}

#[test]
fn tasks_beside_a_driver_have_their_turn_among_many_callbacks() {
    alone("driver::tasks_beside_a_driver_have_their_turn_among_many_callbacks", || {
        let aio = Aio::new().unwrap();
        let called = many_callbacks(&aio);
        let most = runtime().block_on(async {
            tokio::spawn(ioaio::tokio::drive(&aio));
            most_between_turns(&called).await
        });
        assert!(most <= CALLBACKS / 4, "tokio: {most} callbacks between two turns of another task");
        let called = many_callbacks(&aio);
        let executor = smol::LocalExecutor::new();
        let most = smol::block_on(executor.run(async {
            executor.spawn(ioaio::async_io::drive(&aio)).detach();
            most_between_turns(&called).await
        }));
        assert!(most <= CALLBACKS / 4, "async-io: {most} callbacks between two turns of another task");
    });
}

/// The first callback waits until the future's answer is there; its task does not wait for all the others.
#[test]
fn a_future_does_not_wait_for_all_callbacks() {
    alone("driver::a_future_does_not_wait_for_all_callbacks", || {
        for _ in 0..3 {
            let aio = Aio::new().unwrap();
            let (go, may_go) = std::sync::mpsc::channel();
            let own = aio.clone();
            let answer = aio.call(move || {
                may_go.recv().expect("the callback");
                Ok(())
            });
            aio.nop().priority(4).then(move |_| {
                go.send(()).unwrap();
                eventually("the answer is there", || own.stats().pool > 0);
            });
            let called = many_callbacks(&aio);
            let ran = runtime().block_on(async {
                tokio::spawn(ioaio::tokio::drive(&aio));
                answer.await.unwrap();
                called.load(Ordering::SeqCst)
            });
            assert!(ran < CALLBACKS, "all {ran} callbacks ran before the future");
        }
    });
}

/// Each callback submits the next request, which is answered at once: without end.
#[test]
fn a_chain_of_callbacks_does_not_keep_the_driver_for_ever() {
    fn again(aio: &Aio, over: Arc<AtomicBool>) {
        let own = aio.clone();
        aio.nop().then(move |_| {
            if !over.load(Ordering::SeqCst) {
                again(&own, over);
            }
        });
    }
    alone("driver::a_chain_of_callbacks_does_not_keep_the_driver_for_ever", || {
        let aio = Aio::new().unwrap();
        for _ in 0..3 {
            let over = Arc::new(AtomicBool::new(false));
            again(&aio, over.clone());
            let n = runtime().block_on(async {
                tokio::spawn(ioaio::tokio::drive(&aio));
                aio.read_dir("/").await.unwrap().len()
            });
            assert!(n > 0);
            over.store(true, Ordering::SeqCst);
            aio.flush().unwrap();
            let over = Arc::new(AtomicBool::new(false));
            again(&aio, over.clone());
            let executor = smol::LocalExecutor::new();
            smol::block_on(executor.run(async {
                executor.spawn(ioaio::async_io::drive(&aio)).detach();
                aio.read_dir("/").await.unwrap();
            }));
            over.store(true, Ordering::SeqCst);
            aio.flush().unwrap();
        }
    });
}

/// What a limited driver leaves is not forgotten, though nothing rings again.
#[test]
fn all_callbacks_run_however_often_the_driver_stops() {
    alone("driver::all_callbacks_run_however_often_the_driver_stops", || {
        for limit in [1, 7, usize::MAX] {
            let aio = Aio::builder().max_poll_reqs(limit).build().unwrap();
            let called = Arc::new(AtomicUsize::new(0));
            for _ in 0..20_000 {
                let called = called.clone();
                aio.nop().then(move |_| _ = called.fetch_add(1, Ordering::SeqCst));
            }
            let (group, told) = (aio.group(), called.clone());
            aio.busy(Duration::ZERO).group(&group).then(|_| ());
            group.then(move || _ = told.fetch_add(1, Ordering::SeqCst));
            let driver = ioaio::tokio::drive(&aio);
            let thread = std::thread::spawn(move || runtime().block_on(driver));
            eventually("all have run", || called.load(Ordering::SeqCst) == 20_001);
            eventually("nothing is left", || aio.nreqs() == 0);
            drop((group, aio));
            thread.join().unwrap().expect("the driver ends with the engine");
        }
    });
}
