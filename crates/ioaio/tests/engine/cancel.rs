//! Cancelling: as far as possible, and every request completes exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use ioaio::{Aio, File};
use rustix::io::Errno;
use tempfile::tempfile;

use crate::common::gate::Gate;
use crate::common::{block_on, drive, each_engine, errno, eventually, random};

/// Submits, and gives the handle and where the result will be.
macro_rules! submit {
    ($request:expr) => {{
        let (give, take) = std::sync::mpsc::sync_channel(1);
        ($request.then(move |out| give.try_send(out).expect("exactly once")), take)
    }};
}

#[test]
fn a_queued_request_is_never_executed() {
    let aio = Aio::builder().ring(false).inline(false).max_parallel(1).build().unwrap();
    let gate = Gate::new();
    let (_, gated) = submit!(gate.request(&aio));
    eventually("the gate keeper waits", || aio.nready() == 0 && aio.nthreads() == 1);
    let std = tempfile().unwrap();
    let file = File::from(std.try_clone().unwrap());
    let (first, first_out) = submit!(aio.write(&file, "1"));
    let (second, second_out) = submit!(aio.write(&file, "2"));
    let (_, third_out) = submit!(aio.write(&file, "3"));
    assert_eq!(second.name(), "write");
    second.cancel();
    second.cancel();
    assert_eq!((aio.nready(), aio.npending(), aio.nreqs()), (2, 1, 4));
    first.cancel();
    gate.open();
    drive(&aio);
    gated.try_recv().unwrap().0.unwrap();
    let (n, buf) = second_out.try_recv().unwrap();
    assert_eq!((errno(n), buf), (Errno::CANCELED, "2"), "the buffer comes back");
    assert_eq!(errno(first_out.try_recv().unwrap().0), Errno::CANCELED);
    assert_eq!(third_out.try_recv().unwrap().0.unwrap(), 1);
    assert_eq!(std.metadata().unwrap().len(), 1);
}

#[test]
fn a_running_request_goes_on() {
    let aio = Aio::builder().ring(false).inline(false).build().unwrap();
    let gate = Gate::new();
    let (handle, out) = submit!(gate.request(&aio));
    eventually("it runs", || aio.nready() == 0 && aio.nthreads() == 1);
    handle.cancel();
    assert_eq!(aio.poll().unwrap(), 0);
    gate.open();
    drive(&aio);
    assert_eq!(out.try_recv().unwrap().0.unwrap(), 1);
}

#[test]
fn an_executed_request_keeps_its_result() {
    each_engine(
        |b| b,
        |aio| {
            let (handle, out) = submit!(aio.nop());
            if aio.nthreads() > 0 || aio.npending() > 0 {
                eventually("it is executed", || aio.npending() == 1);
                handle.cancel();
                drive(aio);
            } else {
                drive(aio);
                handle.cancel();
            }
            handle.cancel();
            out.try_recv().unwrap().unwrap();
        },
    );
}

#[test]
fn the_ring_cancels_what_it_has_and_what_it_has_not() {
    let aio = Aio::builder().pool(false).inline(false).ring_in_flight(1).build().unwrap();
    if !aio.backend().ring {
        return eprintln!("skipped: {}", aio.backend().ring_off.unwrap());
    }
    let gate = Gate::new();
    let (running, running_out) = submit!(gate.request(&aio));
    aio.poll().unwrap();
    let (queued, queued_out) = submit!(gate.request(&aio));
    assert_eq!((aio.nready(), aio.stats().ring_in_flight), (1, 1));
    queued.cancel();
    assert_eq!((aio.nready(), aio.npending()), (0, 1));
    running.cancel();
    drive(&aio);
    assert_eq!(errno(queued_out.try_recv().unwrap().0), Errno::CANCELED);
    let (n, buf) = running_out.try_recv().unwrap();
    assert_eq!((errno(n), buf.len()), (Errno::CANCELED, 1));
    gate.open();
    let (_, again) = submit!(gate.request(&aio));
    drive(&aio);
    assert_eq!(again.try_recv().unwrap().0.unwrap(), 1, "nothing was read by the cancelled ones");
}

#[test]
fn a_dropped_future_is_cancelled() {
    let aio = Aio::builder().ring(false).inline(false).max_parallel(1).build().unwrap();
    let gate = Gate::new();
    let (_, gated) = submit!(gate.request(&aio));
    eventually("the gate keeper waits", || aio.nready() == 0 && aio.nthreads() == 1);
    let std = tempfile().unwrap();
    let file = File::from(std.try_clone().unwrap());
    let mut write = aio.write(&file, "1").into_future();
    block_on(std::future::poll_fn(|cx| {
        assert!(std::pin::Pin::new(&mut write).poll(cx).is_pending());
        std::task::Poll::Ready(())
    }));
    assert_eq!((aio.nreqs(), aio.nready()), (2, 1));
    drop(write);
    assert_eq!((aio.nreqs(), aio.nready()), (1, 0));
    gate.open();
    drive(&aio);
    gated.try_recv().unwrap().0.unwrap();
    assert_eq!(std.metadata().unwrap().len(), 0);
}

#[test]
fn each_request_completes_once_whenever_it_is_cancelled() {
    let seed = random().u64(..);
    each_engine(
        |b| b.ring_in_flight(4),
        |aio| {
            let counts: Arc<Vec<AtomicU8>> = Arc::new((0..4000).map(|_| AtomicU8::new(0)).collect());
            let mut rng = fastrand::Rng::with_seed(seed);
            let (give, take) = std::sync::mpsc::channel::<ioaio::Handle>();
            std::thread::scope(|s| {
                s.spawn(move || take.iter().for_each(|handle| handle.cancel()));
                for i in 0..4000 {
                    let counts = counts.clone();
                    let count = move |ok: bool, errno: Option<i32>| {
                        assert!(ok || errno == Some(Errno::CANCELED.raw_os_error()));
                        counts[i].fetch_add(1, Ordering::Relaxed);
                    };
                    let done = move |res: std::io::Result<()>| {
                        count(res.is_ok(), res.err().and_then(|e| e.raw_os_error()))
                    };
                    let handle = match rng.u8(0..3) {
                        0 => aio.nop().then(done),
                        1 => aio.busy(Duration::ZERO).then(done),
                        _ => aio.stat("/").then(move |res| done(res.map(|_| ()))),
                    };
                    if rng.bool() {
                        give.send(handle).unwrap();
                    }
                    if rng.u8(0..20) == 0 {
                        aio.poll().unwrap();
                    }
                }
                drop(give);
                drive(aio);
            });
            assert!(counts.iter().all(|n| n.load(Ordering::Relaxed) == 1));
        },
    );
}

#[test]
fn a_future_is_cancelled_before_it_is_submitted() {
    let dir = tempfile::tempdir().unwrap();
    let aio = Aio::builder().max_outstanding(1).build().unwrap();
    let gate = Gate::new();
    let (_, gated) = submit!(gate.request(&aio));
    let early = aio.mkdir(dir.path().join("early")).into_future();
    early.cancel();
    assert_eq!(errno(block_on(early)), Errno::CANCELED);
    let mut waiting = aio.mkdir(dir.path().join("waiting")).into_future();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(std::pin::Pin::new(&mut waiting).poll(&mut cx).is_pending(), "there is no room");
    waiting.cancel();
    assert_eq!(errno(block_on(waiting)), Errno::CANCELED);
    gate.open();
    drive(&aio);
    gated.try_recv().unwrap().0.unwrap();
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
}
