//! What the engine tells of itself.

use std::time::Duration;

use ioaio::Aio;

use crate::common::gate::Gate;
use crate::common::{block_on, by_channel, drive, each_engine, eventually};

#[test]
fn requests_are_ready_then_pending_then_gone() {
    let aio = Aio::builder().ring(false).inline(false).max_parallel(1).build().unwrap();
    let counts = || (aio.nreqs(), aio.nready(), aio.npending());
    assert_eq!(counts(), (0, 0, 0));
    let gate = Gate::new();
    let gated = by_channel(gate.request(&aio));
    eventually("the gate keeper waits", || aio.nready() == 0 && aio.nthreads() == 1);
    for _ in 0..3 {
        aio.busy(Duration::ZERO).then(|res| res.unwrap());
    }
    assert_eq!(counts(), (4, 3, 0));
    assert!(!aio.wait(Some(Duration::from_millis(5))).unwrap(), "the time is over");
    assert_eq!(aio.poll().unwrap(), 0);
    assert_eq!(counts(), (4, 3, 0));
    gate.open();
    assert!(aio.wait(None).unwrap());
    eventually("all are executed", || aio.npending() == 4);
    assert_eq!(counts(), (4, 0, 4));
    assert_eq!(aio.poll().unwrap(), 4);
    assert_eq!(counts(), (0, 0, 0));
    assert_eq!(gated.try_recv().unwrap().1, b"x");
}

#[test]
fn nothing_to_do_is_no_reason_to_wait() {
    each_engine(
        |b| b,
        |aio| {
            assert_eq!(aio.poll().unwrap(), 0);
            assert!(!aio.wait(None).unwrap());
            assert!(!aio.wait(Some(Duration::MAX)).unwrap());
            aio.flush().unwrap();
        },
    );
}

#[test]
fn wait_and_poll_complete_what_flush_completes() {
    each_engine(
        |b| b,
        |aio| {
            let results: Vec<_> = (0..10).map(|_| by_channel(aio.stat("/"))).collect();
            while aio.nreqs() > 0 {
                assert!(aio.wait(Some(Duration::MAX)).unwrap());
                assert!(aio.poll().unwrap() > 0, "wait says that there is something");
            }
            results.iter().for_each(|r| assert!(r.try_recv().unwrap().unwrap().is_dir()));
        },
    );
}

#[test]
fn routes_are_counted() {
    let stats = |aio: &Aio| {
        let s = aio.stats();
        (s.inline, s.ring, s.pool)
    };
    let aio = Aio::new().unwrap();
    aio.nop().then(|_| ());
    aio.nop().wait().unwrap();
    block_on(async { aio.nop().await }).unwrap();
    drive(&aio);
    assert_eq!(stats(&aio), (3, 0, 0));

    let aio = Aio::builder().inline(false).ring(false).build().unwrap();
    aio.nop().then(|_| ());
    aio.nop().wait().unwrap();
    block_on(async { aio.nop().await }).unwrap();
    drive(&aio);
    assert_eq!(stats(&aio), (0, 0, 3));
    assert!(aio.stats().threads > 0);
    assert_eq!(aio.stats().threads, aio.nthreads());

    let aio = Aio::builder().inline(false).pool(false).build().unwrap();
    aio.nop().then(|_| ());
    aio.nop().wait().unwrap();
    drive(&aio);
    let ring = aio.backend().ring;
    assert_eq!(stats(&aio), if ring { (0, 2, 0) } else { (0, 0, 2) });
    if ring {
        let gate = Gate::new();
        let gated = by_channel(gate.request(&aio));
        assert_eq!(aio.stats().ring_in_flight, 1);
        gate.open();
        drive(&aio);
        gated.try_recv().unwrap().0.unwrap();
        assert_eq!(aio.stats().ring_in_flight, 0);
    }
}

#[test]
fn the_backend_tells_which_routes_are_on_and_why_one_is_off() {
    let on = Aio::new().unwrap().backend();
    assert!(on.inline && on.pool);
    assert_ne!(on.ring, on.ring_off.is_some());
    let off = Aio::builder().inline(false).ring(false).pool(false).build().unwrap().backend();
    assert!(!off.inline && !off.ring && !off.pool);
    assert_eq!(off.ring_off.as_deref(), Some("switched off"));
}
