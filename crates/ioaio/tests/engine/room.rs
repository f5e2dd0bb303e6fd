//! Room for requests: who waits for it gets it in order, and one wake-up a place.

use std::future::{Future, IntoFuture};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::future::join_all;
use ioaio::{Aio, Builder};
use rustix::io::Errno;

use crate::common::alone::{alone, alone_for};
use crate::common::gate::Gate;
use crate::common::{HANG, block_on, by_channel, drive, each_engine, errno, eventually, random};

/// Counts the wake-ups, and passes them on.
struct Counting {
    count: AtomicUsize,
    inner: Option<Waker>,
    all: Arc<AtomicUsize>,
}

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.count.fetch_add(1, Ordering::SeqCst);
        self.all.fetch_add(1, Ordering::SeqCst);
        self.inner.iter().for_each(Waker::wake_by_ref);
    }
}

/// A future whose wake-ups are counted.
struct Counted<F> {
    future: F,
    waker: Option<Waker>,
    all: Arc<AtomicUsize>,
}

impl<F: Future + Unpin> Future for Counted<F> {
    type Output = F::Output;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let waker = this.waker.get_or_insert_with(|| {
            let (count, inner) = (AtomicUsize::new(0), Some(cx.waker().clone()));
            Arc::new(Counting { count, inner, all: this.all.clone() }).into()
        });
        Pin::new(&mut this.future).poll(&mut Context::from_waker(waker))
    }
}

const TASKS: usize = 4_000;

/// One wake-up for a place and one for the result, and some to spare.
fn wakes_of_tasks(build: fn(Builder) -> Builder, drives: bool) {
    let aio = build(Aio::builder().max_outstanding(16).inline(false)).build().unwrap();
    let all = Arc::new(AtomicUsize::new(0));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if drives {
            tokio::spawn(ioaio::tokio::drive(&aio));
        }
        let tasks: Vec<_> = (0..TASKS)
            .map(|_| {
                let (future, all) = (aio.nop().into_future(), all.clone());
                tokio::spawn(Counted { future, waker: None, all })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    });
    let wakes = all.load(Ordering::SeqCst);
    assert!(wakes <= TASKS * 2 + 100, "{wakes} wake-ups of {TASKS} tasks");
}

#[test]
fn one_wake_up_a_place() {
    alone_for(HANG, "room::one_wake_up_a_place", &[], || {
        wakes_of_tasks(|b| b, false);
        wakes_of_tasks(|b| b.ring(false), false);
        wakes_of_tasks(|b| b.pool(false), false);
        wakes_of_tasks(|b| b, true);
    });
}

/// An engine with one thread, which is taken, and `room` places, which are taken too.
struct Full {
    aio: Aio,
    gate: Gate,
    gated: Vec<std::sync::mpsc::Receiver<(io::Result<usize>, Vec<u8>)>>,
    log: Arc<Mutex<Vec<usize>>>,
}

impl Full {
    fn new(room: usize) -> Self {
        let limits = Aio::builder().ring(false).inline(false).max_parallel(1).max_outstanding(room);
        let (aio, gate) = (limits.build().unwrap(), Gate::new());
        let gated = (0..room).map(|_| by_channel(gate.request(&aio))).collect();
        eventually("the gate keeper waits", || aio.nready() == room - 1);
        Full { aio, gate, gated, log: Arc::default() }
    }
    /// Futures that write their number to the log when they are executed, each with a waker of its own.
    fn waiting(&self, n: usize) -> Vec<Waiting> {
        (0..n).map(|i| self.one_more(i)).collect()
    }
    fn one_more(&self, i: usize) -> Waiting {
        let log = self.log.clone();
        let logs = move || {
            log.lock().unwrap().push(i);
            Ok(())
        };
        let future = Box::pin(self.aio.call(logs).into_future());
        let count = AtomicUsize::new(0);
        let counting = Arc::new(Counting { count, inner: None, all: Arc::default() });
        let mut waiting = Waiting { future, counting };
        assert!(waiting.poll().is_pending(), "there is no room");
        waiting
    }
    fn logged(&self) -> Vec<usize> {
        self.log.lock().unwrap().clone()
    }
    /// Lets one of those that hold the places go.
    fn free_one(&self) {
        self.gate.open();
    }
    /// Whoever has got no place by now gets none.
    fn settle(&self) {
        std::thread::sleep(Duration::from_millis(20));
    }
    fn end(self) {
        (0..self.gated.len()).for_each(|_| self.gate.open());
        drive(&self.aio);
        assert_eq!(self.aio.nreqs(), 0);
        self.gated.iter().for_each(|result| assert_eq!(result.try_recv().unwrap().0.unwrap(), 1));
    }
}

type Logs = Pin<Box<dyn Future<Output = io::Result<()>> + Send>>;

struct Waiting {
    future: Logs,
    counting: Arc<Counting>,
}

impl Waiting {
    fn poll(&mut self) -> Poll<io::Result<()>> {
        let waker = Waker::from(self.counting.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
    fn wakes(&self) -> usize {
        self.counting.count.load(Ordering::SeqCst)
    }
}

fn wakes(all: &[Waiting]) -> Vec<usize> {
    all.iter().map(Waiting::wakes).collect()
}

/// Runs them as an executor that polls none that was not woken, in no order.
fn finish(mut all: Vec<Waiting>) {
    let mut rng = random();
    let mut seen = vec![0; all.len()];
    let mut over = vec![false; all.len()];
    eventually("all are over", || {
        let mut order: Vec<usize> = (0..all.len()).collect();
        rng.shuffle(&mut order);
        for i in order {
            let now = all[i].wakes();
            if !over[i] && now > seen[i] {
                seen[i] = now;
                if let Poll::Ready(res) = all[i].poll() {
                    res.unwrap();
                    over[i] = true;
                }
            }
        }
        over.iter().all(|&over| over)
    });
}

#[test]
fn places_are_given_in_order() {
    let full = Full::new(1);
    let all = full.waiting(50);
    full.free_one();
    eventually("the first is told", || all[0].wakes() == 1);
    full.settle();
    assert_eq!(wakes(&all)[1..], [0; 49], "one place, one wake-up");
    finish(all);
    assert_eq!(full.logged(), (0..50).collect::<Vec<_>>());
    full.end();
}

#[test]
fn several_places_at_once_are_given_in_order() {
    let full = Full::new(4);
    let all = full.waiting(20);
    (0..3).for_each(|_| full.free_one());
    eventually("three are told", || wakes(&all)[..3] == [1; 3]);
    full.settle();
    assert_eq!(wakes(&all)[3..], [0; 17]);
    finish_behind(full, all);
}

/// The last of the gates is opened too.
fn finish_behind(full: Full, all: Vec<Waiting>) {
    let n = all.len();
    full.free_one();
    finish(all);
    let mut logged = full.logged();
    logged.sort_unstable();
    assert_eq!(logged, (0..n).collect::<Vec<_>>());
    full.end();
}

/// Polling often, as a join of many futures does, is neither a second place nor the end of the line.
#[test]
fn who_is_polled_often_waits_once() {
    let full = Full::new(1);
    let mut all = full.waiting(10);
    for _ in 0..5 {
        all.iter_mut().rev().for_each(|waiting| assert!(waiting.poll().is_pending()));
    }
    full.free_one();
    eventually("the first is told", || all[0].wakes() == 1);
    full.settle();
    assert_eq!(wakes(&all)[1..], [0; 9]);
    finish(all);
    assert_eq!(full.logged(), (0..10).collect::<Vec<_>>());
    full.end();
}

#[test]
fn the_waker_of_the_last_poll_is_called() {
    let full = Full::new(1);
    let mut all = full.waiting(2);
    let (count, inner) = (AtomicUsize::new(0), None);
    let moved = Arc::new(Counting { count, inner, all: Arc::default() });
    let before = std::mem::replace(&mut all[0].counting, moved); // to another task
    assert!(all[0].poll().is_pending());
    full.free_one();
    eventually("it is told", || all[0].wakes() == 1);
    assert_eq!(before.count.load(Ordering::SeqCst), 0, "the task that it has left");
    finish(all);
    assert_eq!(full.logged(), [0, 1]);
    full.end();
}

#[test]
fn a_newcomer_is_last_although_a_place_is_free() {
    let full = Full::new(1);
    let mut all = full.waiting(3);
    full.free_one();
    eventually("the first is told", || all[0].wakes() == 1);
    all.push(full.one_more(3)); // it finds the place promised
    finish(all);
    assert_eq!(full.logged(), [0, 1, 2, 3]);
    full.end();
}

#[test]
fn who_goes_while_waiting_leaves_the_order_to_the_others() {
    let full = Full::new(1);
    let mut all = full.waiting(20);
    let mut i = 0;
    all.retain(|_| {
        i += 1;
        i % 3 == 0
    });
    full.free_one();
    finish(all);
    assert_eq!(full.logged(), [2, 5, 8, 11, 14, 17]);
    full.end();
}

/// It was told that there is a place, and never asks for it.
#[test]
fn who_goes_with_a_place_gives_it_on() {
    let full = Full::new(1);
    let mut all = full.waiting(10);
    full.free_one();
    for left in (2..=10).rev() {
        eventually("the next one is told", || all[0].wakes() == 1);
        assert_eq!(all[1].wakes(), 0);
        drop(all.remove(0));
        assert_eq!(all.len(), left - 1);
    }
    finish(all);
    assert_eq!(full.logged(), [9]);
    full.end();
}

#[test]
fn who_goes_takes_its_waker_along() {
    let full = Full::new(1);
    let mut all = full.waiting(100);
    let rest = all.split_off(1);
    let wakers: Vec<_> = rest.iter().map(|waiting| Arc::downgrade(&waiting.counting)).collect();
    drop(rest);
    assert_eq!(wakers.iter().filter(|waker| waker.upgrade().is_some()).count(), 0);
    full.free_one();
    finish(all);
    full.end();
}

/// A waker that uses the engine when it is called, and when it is dropped.
struct Uses(Aio, Mutex<Vec<Waiting>>);

impl Uses {
    fn use_it(&self) {
        assert!(self.0.nreqs() < 1000 && self.0.nready() < 1000 && self.0.npending() < 1000);
        self.0.max_outstanding(1).unwrap();
        self.0.wake();
        let mut more = self.0.nop().into_future();
        let _ = Pin::new(&mut more).poll(&mut Context::from_waker(Waker::noop()));
        drop(self.1.lock().unwrap().pop()); // another one that waits
    }
}
impl Wake for Uses {
    fn wake(self: Arc<Self>) {
        self.use_it();
    }
}
impl Drop for Uses {
    fn drop(&mut self) {
        self.use_it();
    }
}

#[test]
fn a_waker_may_use_the_engine() {
    alone("room::a_waker_may_use_the_engine", || {
        for gone_first in [true, false] {
            let full = Full::new(1);
            let mut users: Vec<_> = (0..5)
                .map(|_| {
                    let waker = Waker::from(Arc::new(Uses(full.aio.clone(), Mutex::new(full.waiting(5)))));
                    let mut future = full.aio.nop().into_future();
                    assert!(Pin::new(&mut future).poll(&mut Context::from_waker(&waker)).is_pending());
                    future
                })
                .collect();
            if gone_first {
                users.truncate(2);
            }
            full.free_one();
            block_on(join_all(users)).into_iter().for_each(|res| res.unwrap());
            full.end();
        }
    });
}

/// All go at once, some of them with a place, others not.
#[test]
fn when_all_have_gone_there_is_room() {
    for dropped_first in [true, false] {
        let full = Full::new(3);
        let mut all = full.waiting(10);
        (0..2).for_each(|_| full.free_one());
        eventually("two are told", || wakes(&all)[..2] == [1; 2]);
        if dropped_first {
            all.into_iter().for_each(drop);
        } else {
            while let Some(last) = all.pop() {
                drop(last);
            }
        }
        block_on(async {
            // Two places are free, behind a thread that is taken.
            let futures = (0..2).map(|_| full.aio.nop().into_future());
            let mut futures = pin!(join_all(futures));
            futures::future::poll_fn(|cx| {
                assert!(futures.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
            assert_eq!(full.aio.nready(), 2, "they are queued");
            full.free_one();
            futures.await.into_iter().for_each(|res| res.unwrap());
        });
        full.end();
    }
}

#[test]
fn who_is_cancelled_needs_no_room() {
    let full = Full::new(1);
    let log = full.log.clone();
    let mut futures: Vec<_> = (0..6)
        .map(|i| {
            let log = log.clone();
            full.aio.call(move || {
                log.lock().unwrap().push(i);
                Ok(())
            })
        })
        .map(IntoFuture::into_future)
        .collect();
    let mut cx = Context::from_waker(Waker::noop());
    futures.iter_mut().for_each(|future| assert!(Pin::new(future).poll(&mut cx).is_pending()));
    for i in [4, 1, 0] {
        futures[i].cancel();
        let cancelled = futures.remove(i);
        assert_eq!(errno(block_on(cancelled)), Errno::CANCELED, "while there is no room");
    }
    full.free_one();
    block_on(join_all(futures)).into_iter().for_each(|res| res.unwrap());
    assert_eq!(full.logged(), [2, 3, 5]);
    full.end();
}

/// It was told that there is a place, is cancelled, and ends without taking it.
#[test]
fn who_is_cancelled_with_a_place_gives_it_on() {
    let full = Full::new(1);
    let mut first = full.aio.nop().into_future();
    let count = AtomicUsize::new(0);
    let counting = Arc::new(Counting { count, inner: None, all: Arc::default() });
    let waker = Waker::from(counting.clone());
    assert!(Pin::new(&mut first).poll(&mut Context::from_waker(&waker)).is_pending());
    let others = full.waiting(5);
    full.free_one();
    eventually("it is told", || counting.count.load(Ordering::SeqCst) == 1);
    assert_eq!(wakes(&others), [0; 5]);
    first.cancel();
    assert_eq!(errno(block_on(first)), Errno::CANCELED);
    finish(others);
    assert_eq!(full.logged(), [0, 1, 2, 3, 4]);
    full.end();
}

#[test]
fn a_higher_limit_lets_as_many_in_as_it_says() {
    let full = Full::new(1);
    let mut all = full.waiting(12);
    full.aio.max_outstanding(4).unwrap();
    eventually("three are told", || wakes(&all)[..3] == [1; 3]);
    full.settle();
    assert_eq!(wakes(&all)[3..], [0; 9]);
    all.iter_mut().for_each(|waiting| assert!(waiting.poll().is_pending()));
    assert_eq!((full.aio.nreqs(), full.aio.nready()), (4, 3), "three were let in");
    full.aio.max_outstanding(6).unwrap();
    eventually("two more", || wakes(&all)[3..5] == [1; 2]);
    full.settle();
    assert_eq!(wakes(&all)[5..], [0; 7]);
    full.aio.max_outstanding(usize::MAX).unwrap();
    eventually("all", || wakes(&all)[3..].iter().all(|&n| n == 1));
    all.iter_mut().rev().for_each(|waiting| assert!(waiting.poll().is_pending()));
    assert_eq!(full.aio.nreqs(), 13);
    full.free_one();
    finish(all);
    assert_eq!(full.logged().len(), 12);
    full.end();
}

#[test]
fn a_lower_limit_holds_until_enough_have_ended() {
    let full = Full::new(4);
    let all = full.waiting(5);
    assert_eq!(full.aio.max_outstanding(2).unwrap(), 4);
    (0..2).for_each(|_| full.free_one());
    eventually("two have ended", || full.aio.npending() == 2);
    full.settle();
    assert_eq!(wakes(&all), [0; 5], "two are left, and two are allowed");
    full.free_one();
    eventually("the first is told", || all[0].wakes() == 1);
    full.settle();
    assert_eq!(wakes(&all)[1..], [0; 4]);
    finish_behind(full, all);
}

/// Held threads, futures that wait, and futures that are given up: each place is given on.
#[test]
fn threads_and_futures_share_little_room() {
    let seed = random().u64(..);
    for limit in [1, 2, 5] {
        each_engine(
            |b| b.max_outstanding(limit),
            |aio| {
                let done = Arc::new(AtomicUsize::new(0));
                std::thread::scope(|scope| {
                    let mut threads = Vec::new();
                    for thread in 0..3 {
                        let done = done.clone();
                        threads.push(scope.spawn(move || {
                            for _ in 0..50 {
                                let done = done.clone();
                                aio.busy(Duration::ZERO).then(move |res| {
                                    res.unwrap();
                                    done.fetch_add(1, Ordering::SeqCst);
                                });
                            }
                            let mut rng = fastrand::Rng::with_seed(seed ^ thread);
                            let mut cx = Context::from_waker(Waker::noop());
                            block_on(join_all((0..100).map(|_| {
                                let mut dropped = aio.busy(Duration::ZERO).into_future();
                                if rng.bool() {
                                    let _ = Pin::new(&mut dropped).poll(&mut cx);
                                }
                                async move { aio.busy(Duration::ZERO).await.unwrap() }
                            })));
                        }));
                    }
                    while !threads.iter().all(|thread| thread.is_finished()) {
                        aio.wait(Some(Duration::from_millis(1))).unwrap();
                        aio.poll().unwrap();
                    }
                });
                drive(aio);
                assert_eq!(done.load(Ordering::SeqCst), 150);
            },
        );
    }
}
