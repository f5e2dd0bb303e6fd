//! How many threads there are.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ioaio::{Aio, Builder};

use crate::common::gate::Gate;
use crate::common::{by_channel, drive, eventually};

fn pool() -> Builder {
    Aio::builder().ring(false).inline(false)
}

/// Gets `n` threads going at the same time, and then idle.
fn use_threads(aio: &Aio, n: usize) {
    let gate = Gate::new();
    let results: Vec<_> = (0..n).map(|_| by_channel(gate.request(aio))).collect();
    eventually("all run at once", || aio.nready() == 0);
    assert!(aio.nthreads() >= n);
    (0..n).for_each(|_| gate.open());
    drive(aio);
    results.iter().for_each(|r| assert_eq!(r.try_recv().unwrap().0.unwrap(), 1));
}

#[test]
fn threads_start_when_needed_and_up_to_the_maximum() {
    let aio = pool().max_parallel(3).build().unwrap();
    assert_eq!(aio.nthreads(), 0);
    let gate = Gate::new();
    let results: Vec<_> = (0..10).map(|_| by_channel(gate.request(&aio))).collect();
    eventually("three run", || aio.nready() == 7);
    for left in (0..7).rev() {
        gate.open();
        eventually("the next one runs", || aio.nready() == left);
        assert_eq!(aio.nthreads(), 3);
    }
    (0..3).for_each(|_| gate.open());
    drive(&aio);
    results.iter().for_each(|r| assert_eq!(r.try_recv().unwrap().0.unwrap(), 1));
}

#[test]
fn the_minimum_is_there_from_the_start() {
    let aio = pool().min_parallel(2).build().unwrap();
    assert_eq!(aio.nthreads(), 2);
    aio.min_parallel(4);
    assert_eq!(aio.nthreads(), 4);
    aio.min_parallel(1);
    assert_eq!(aio.nthreads(), 4, "a lower minimum ends nobody");
    let aio = pool().max_parallel(2).build().unwrap();
    aio.min_parallel(5);
    assert_eq!(aio.nthreads(), 5, "the maximum is raised");
}

#[test]
fn lowering_the_maximum_waits_until_it_is_reached() {
    let aio = pool().max_parallel(4).build().unwrap();
    let gate = Gate::new();
    let results: Vec<_> = (0..4).map(|_| by_channel(gate.request(&aio))).collect();
    eventually("all run at once", || aio.nready() == 0 && aio.nthreads() == 4);
    let lowered = AtomicBool::new(false);
    std::thread::scope(|s| {
        s.spawn(|| {
            aio.max_parallel(1);
            lowered.store(true, Ordering::SeqCst);
        });
        gate.open();
        gate.open();
        eventually("two have ended", || aio.nthreads() == 2);
        assert!(!lowered.load(Ordering::SeqCst), "two are left");
        gate.open();
    });
    assert_eq!(aio.nthreads(), 1);
    gate.open();
    drive(&aio);
    results.iter().for_each(|r| assert_eq!(r.try_recv().unwrap().0.unwrap(), 1));
    aio.max_parallel(3);
    use_threads(&aio, 3);
}

#[test]
fn with_no_threads_allowed_poll_executes() {
    let aio = pool().build().unwrap();
    use_threads(&aio, 2);
    aio.max_parallel(0);
    assert_eq!(aio.nthreads(), 0);
    let result = by_channel(aio.busy(Duration::ZERO));
    assert_eq!(aio.nready(), 1);
    drive(&aio);
    result.try_recv().unwrap().unwrap();
    aio.busy(Duration::ZERO).wait().unwrap();
    assert_eq!(aio.nthreads(), 0);
    aio.max_parallel(2);
    use_threads(&aio, 2);
}

#[test]
fn what_is_queued_when_the_last_thread_ends_is_executed() {
    let aio = pool().max_parallel(1).build().unwrap();
    let gate = Gate::new();
    let gated = by_channel(gate.request(&aio));
    eventually("the gate keeper waits", || aio.nready() == 0 && aio.nthreads() == 1);
    let queued = by_channel(aio.nop());
    let future = std::thread::scope(|s| {
        let future = s.spawn(|| crate::common::block_on(async { aio.nop().await }));
        eventually("both are queued", || aio.nready() == 2);
        s.spawn(|| aio.max_parallel(0));
        // Its thread ends after this request.
        std::thread::sleep(Duration::from_millis(5));
        gate.open();
        future.join().unwrap()
    });
    future.unwrap();
    drive(&aio);
    gated.try_recv().unwrap().0.unwrap();
    queued.try_recv().unwrap().unwrap();
}

#[test]
fn idle_threads_end() {
    for keep in [0, 1, 2] {
        let aio = pool().max_idle(keep).idle_timeout(Duration::from_millis(5)).build().unwrap();
        use_threads(&aio, 4);
        eventually("idle threads end", || aio.nthreads() == keep);
        use_threads(&aio, 5);
        eventually("idle threads end again", || aio.nthreads() == keep);
    }
}

#[test]
fn the_minimum_stays_although_idle() {
    let aio = pool().max_idle(0).min_parallel(2).idle_timeout(Duration::from_millis(5)).build().unwrap();
    use_threads(&aio, 4);
    eventually("idle threads end", || aio.nthreads() == 2);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(aio.nthreads(), 2);
}

#[test]
fn limits_of_idleness_can_be_changed() {
    let aio = pool().idle_timeout(Duration::MAX).build().unwrap();
    use_threads(&aio, 4);
    aio.max_idle(1);
    aio.idle_timeout(Duration::from_millis(5));
    use_threads(&aio, 4);
    eventually("idle threads end", || aio.nthreads() == 1);
}

#[test]
fn a_higher_maximum_starts_threads_for_what_waits() {
    let aio = pool().max_parallel(1).build().unwrap();
    let gate = Gate::new();
    let gated = by_channel(gate.request(&aio));
    let waits = by_channel(aio.busy(Duration::ZERO));
    eventually("one waits", || aio.nready() == 1);
    aio.max_parallel(2);
    eventually("it is executed", || aio.npending() == 1);
    gate.open();
    drive(&aio);
    waits.try_recv().unwrap().unwrap();
    gated.try_recv().unwrap().0.unwrap();
}

#[test]
fn a_function_has_the_stack_of_a_thread() {
    let aio = pool().build().unwrap();
    let sum = by_channel(aio.call(|| {
        let much = std::hint::black_box([1u8; 256 * 1024]);
        Ok(much.iter().map(|&byte| usize::from(byte)).sum::<usize>())
    }));
    drive(&aio);
    assert_eq!(sum.try_recv().unwrap().unwrap(), 256 * 1024);
}
