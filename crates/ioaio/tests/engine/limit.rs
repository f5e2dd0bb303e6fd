//! Limits: of a poll, and of what may be outstanding.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use ioaio::{Aio, Builder};
use rustix::io::Errno;

use crate::common::gate::Gate;
use crate::common::{block_on, by_channel, drive, each_engine, errno, eventually, readable};

#[test]
fn limits_of_zero_are_refused() {
    let zero: [fn(Builder) -> Builder; 5] = [
        |b| b.ring_in_flight(0),
        |b| b.max_parallel(0),
        |b| b.max_outstanding(0),
        |b| b.max_poll_reqs(0),
        |b| b.max_parallel(2).min_parallel(3),
    ];
    for (i, limit) in zero.into_iter().enumerate() {
        assert_eq!(errno(limit(Aio::builder()).build()), Errno::INVAL, "limit {i}");
    }
    let aio = Aio::new().unwrap();
    assert_eq!(errno(aio.max_outstanding(0)), Errno::INVAL);
    assert_eq!(errno(aio.max_poll_reqs(0)), Errno::INVAL);
    assert_eq!(aio.max_outstanding(7).unwrap(), usize::MAX, "the old limit");
    assert_eq!(aio.max_outstanding(1).unwrap(), 7);
}

fn submit_nops(aio: &Aio, n: usize) {
    (0..n).for_each(|_| drop(aio.nop().then(|res| res.unwrap())));
}

#[test]
fn a_poll_delivers_no_more_than_its_limit() {
    let aio = Aio::builder().max_poll_reqs(3).build().unwrap();
    submit_nops(&aio, 10);
    for expected in [3, 3, 3, 1, 0] {
        assert!(readable(&aio, Duration::ZERO), "until a call finds nothing");
        assert_eq!(aio.poll().unwrap(), expected);
    }
    aio.max_poll_reqs(4).unwrap();
    submit_nops(&aio, 5);
    assert_eq!(aio.poll().unwrap(), 4);
    assert_eq!(aio.poll().unwrap(), 1);
}

#[test]
fn a_poll_delivers_one_result_at_least_and_stops_when_its_time_is_over() {
    let aio = Aio::builder().max_poll_time(Duration::ZERO).build().unwrap();
    submit_nops(&aio, 3);
    for expected in [1, 1, 1, 0] {
        assert_eq!(aio.poll().unwrap(), expected);
    }
    aio.max_poll_time(Some(Duration::from_millis(1)));
    for _ in 0..2 {
        aio.nop().then(|_| std::thread::sleep(Duration::from_millis(2)));
    }
    assert_eq!(aio.poll().unwrap(), 1);
    aio.max_poll_time(None);
    submit_nops(&aio, 50);
    assert_eq!(aio.poll().unwrap(), 51);
}

fn pool_of_one() -> Builder {
    Aio::builder().ring(false).inline(false).max_parallel(1)
}

#[test]
fn the_submitter_of_a_callback_is_held_until_requests_were_executed() {
    let aio = pool_of_one().max_outstanding(2).build().unwrap();
    let gate = Gate::new();
    let gated = by_channel(gate.request(&aio));
    let second = by_channel(aio.nop());
    let submitted = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            drop(aio.nop().then(|res| res.unwrap()));
            submitted.store(true, Ordering::SeqCst);
        });
        std::thread::sleep(Duration::from_millis(20));
        assert!(!submitted.load(Ordering::SeqCst), "held");
        assert_eq!(aio.nreqs(), 2);
        gate.open();
    });
    assert!(submitted.load(Ordering::SeqCst));
    drive(&aio);
    gated.try_recv().unwrap().0.unwrap();
    second.try_recv().unwrap().unwrap();
}

#[test]
fn a_raised_limit_lets_the_submitter_go() {
    let aio = pool_of_one().max_outstanding(1).build().unwrap();
    let gate = Gate::new();
    let gated = by_channel(gate.request(&aio));
    std::thread::scope(|s| {
        s.spawn(|| drop(aio.nop().then(|res| res.unwrap())));
        std::thread::sleep(Duration::from_millis(5));
        aio.max_outstanding(2).unwrap();
        eventually("the submitter goes on", || aio.nreqs() == 2);
        gate.open();
    });
    drive(&aio);
    gated.try_recv().unwrap().0.unwrap();
}

#[test]
fn the_thread_that_polls_may_be_held_too() {
    for limit in [1, 2, 7] {
        each_engine(
            |b| b.max_outstanding(limit),
            |aio| {
                let results: Vec<_> = (0..100).map(|_| by_channel(aio.stat("/"))).collect();
                assert!(aio.nready() <= limit, "{} of {limit}", aio.nready());
                drive(aio);
                results.iter().for_each(|r| assert!(r.try_recv().unwrap().unwrap().is_dir()));
            },
        );
    }
}

#[test]
fn callbacks_may_be_held_too() {
    each_engine(
        |b| b.max_outstanding(1),
        |aio| {
            let inner = aio.clone();
            aio.busy(Duration::ZERO).then(move |_| {
                (0..10).for_each(|_| drop(inner.busy(Duration::ZERO).then(|res| res.unwrap())));
            });
            drive(aio);
            assert_eq!(aio.stats().pool, 11);
        },
    );
}

#[test]
fn a_future_waits_for_room() {
    let aio = pool_of_one().max_outstanding(1).build().unwrap();
    let gate = Gate::new();
    let gated = by_channel(gate.request(&aio));
    let done = Arc::new(AtomicBool::new(false));
    std::thread::scope(|s| {
        s.spawn(|| {
            block_on(async { aio.nop().await }).unwrap();
            done.store(true, Ordering::SeqCst);
        });
        std::thread::sleep(Duration::from_millis(20));
        assert!(!done.load(Ordering::SeqCst), "waits");
        assert_eq!(aio.nreqs(), 1);
        gate.open();
    });
    drive(&aio);
    gated.try_recv().unwrap().0.unwrap();
}

#[test]
fn many_futures_share_little_room() {
    for limit in [1, 3] {
        each_engine(
            |b| b.max_outstanding(limit),
            |aio| {
                let futures = (0..100).map(|i| async move {
                    match i % 3 {
                        0 => aio.busy(Duration::ZERO).await,
                        1 => aio.stat("/").await.map(|st| assert!(st.is_dir())),
                        _ => aio.nop().await,
                    }
                });
                let results = block_on(join_all(futures));
                assert_eq!(results.into_iter().collect::<io::Result<Vec<()>>>().unwrap().len(), 100);
            },
        );
    }
}

#[test]
fn who_waits_for_room_hears_of_a_higher_limit() {
    for limit in [2, usize::MAX] {
        let aio = Aio::builder().inline(false).max_outstanding(1).build().unwrap();
        let gate = Gate::new();
        let gated = by_channel(gate.request(&aio));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                aio.max_outstanding(limit).unwrap();
            });
            assert!(block_on(aio.stat("/").into_future()).unwrap().is_dir());
        });
        gate.open();
        drive(&aio);
        gated.try_recv().unwrap().0.unwrap();
    }
}
