//! Requests in thousands, that travel together: none waits for another, none is lost, none overtakes.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures::future::{BoxFuture, FutureExt, join_all};
use futures::stream::FuturesUnordered;
use ioaio::{Aio, Builder};
use rustix::io::Errno;

use crate::common::alone::{alone, alone_for};
use crate::common::gate::Gate;
use crate::common::{HANG, block_on, by_channel, drive, each_engine, errno, eventually, random};

fn pool(threads: usize) -> Builder {
    Aio::builder().ring(false).inline(false).max_parallel(threads)
}

/// Runs a function in a callback, inside poll.
fn in_callback(aio: &Aio, function: impl FnOnce(&Aio) + Send + 'static) {
    let (own, over) = (aio.clone(), Arc::new(AtomicUsize::new(0)));
    let told = over.clone();
    aio.nop().then(move |_| {
        function(&own);
        told.store(1, Ordering::SeqCst);
    });
    eventually("the callback has run", || {
        aio.wait(Some(Duration::from_millis(1))).unwrap();
        aio.poll().unwrap();
        over.load(Ordering::SeqCst) == 1
    });
}

fn poll_until(aio: &Aio, what: &str, condition: impl Fn() -> bool) {
    eventually(what, || {
        aio.wait(Some(Duration::from_millis(1))).unwrap();
        aio.poll().unwrap();
        condition()
    });
}

fn count(done: &Arc<AtomicUsize>) -> impl FnOnce() + Send + 'static {
    let done = done.clone();
    move || _ = done.fetch_add(1, Ordering::SeqCst)
}

/// One request of several kinds.
fn short(aio: &Aio, i: usize, then: impl FnOnce() + Send + 'static) {
    match i % 4 {
        0 => drop(aio.nop().then(move |res| (res.unwrap(), then()).1)),
        1 => drop(aio.stat("/").then(move |res| (assert!(res.unwrap().is_dir()), then()).1)),
        2 => drop(aio.call(|| Ok(())).then(move |res| (res.unwrap(), then()).1)),
        _ => drop(aio.busy(Duration::ZERO).then(move |res| (res.unwrap(), then()).1)),
    }
}

// ---- none waits for another

/// Whether the request with this number is one of so many that block.
type Blocks = fn(usize, usize) -> bool;

/// Where those that block stand among the others.
const PLACES: [(&str, Blocks); 4] = [
    ("first", |i, gates| i < gates),
    ("spread", |i, gates| i % 4 == 1 && i / 4 < gates),
    ("in the middle", |i, gates| (60..60 + gates).contains(&i)),
    ("last", |i, _| i >= SHORT),
];
const SHORT: usize = 124;

#[test]
fn those_that_block_hold_back_none_that_was_taken_with_them() {
    let test = "batch::those_that_block_hold_back_none_that_was_taken_with_them";
    alone_for(HANG, test, &[], || {
        for threads in [2, 3, 8, 16] {
            for gates in [1, threads - 1] {
                for (place, blocks) in PLACES {
                    for from_callback in [false, true] {
                        eprintln!(
                            "{threads} threads, {gates} blocked, {place}, from a callback: {from_callback}"
                        );
                        let aio = pool(threads).build().unwrap();
                        let (gate, done) = (Arc::new(Gate::new()), Arc::new(AtomicUsize::new(0)));
                        let (own, all) = (gate.clone(), done.clone());
                        let submit = move |aio: &Aio| {
                            let mut gated = 0;
                            for i in 0..SHORT + gates {
                                if blocks(i, gates) && gated < gates {
                                    gated += 1;
                                    own.request(aio).then(|(n, _)| assert_eq!(n.unwrap(), 1));
                                } else {
                                    short(aio, i, count(&all));
                                }
                            }
                            assert_eq!(gated, gates);
                        };
                        if from_callback {
                            in_callback(&aio, submit)
                        } else {
                            submit(&aio)
                        }
                        poll_until(&aio, "all others are over", || done.load(Ordering::SeqCst) == SHORT);
                        assert_eq!(aio.nreqs(), gates);
                        (0..gates).for_each(|_| gate.open());
                        drive(&aio);
                    }
                }
            }
        }
    });
}

#[test]
fn futures_that_block_hold_back_none() {
    alone_for(HANG, "batch::futures_that_block_hold_back_none", &[], || {
        for threads in [2, 8] {
            for (place, blocks) in PLACES {
                for own_block_on in [true, false] {
                    eprintln!("{threads} threads, {place}, in the engine's block_on: {own_block_on}");
                    let aio = pool(threads).build().unwrap();
                    let (gate, gates) = (Gate::new(), threads - 1);
                    let futures: FuturesUnordered<BoxFuture<bool>> = (0..SHORT + gates)
                        .map(|i| match blocks(i, gates) {
                            true => gate.request(&aio).into_future().map(|out| out.0.is_err()).boxed(),
                            false => aio.stat("/").into_future().map(|res| res.is_ok()).boxed(),
                        })
                        .collect();
                    let all = async {
                        let mut rest = futures;
                        for _ in 0..SHORT {
                            assert!(rest.next().await.unwrap(), "those that do not block come first");
                        }
                        (0..gates).for_each(|_| gate.open());
                        rest.collect::<Vec<_>>().await.len()
                    };
                    assert_eq!(if own_block_on { aio.block_on(all) } else { block_on(all) }, gates);
                }
            }
        }
    });
}

/// Nobody executes while all are blocked; one that is free again is enough for all that is queued.
#[test]
fn one_thread_that_comes_back_is_enough() {
    alone("batch::one_thread_that_comes_back_is_enough", || {
        for threads in [1, 4, 16] {
            let aio = pool(threads).build().unwrap();
            let (gate, done) = (Gate::new(), Arc::new(AtomicUsize::new(0)));
            for _ in 0..threads {
                gate.request(&aio).then(|(n, _)| assert_eq!(n.unwrap(), 1));
            }
            eventually("all are blocked", || aio.nready() == 0 && aio.nthreads() == threads);
            (0..1000).for_each(|i| short(&aio, i, count(&done)));
            std::thread::sleep(Duration::from_millis(20));
            assert_eq!((aio.nready(), aio.npending(), aio.nthreads()), (1000, 0, threads));
            gate.open();
            poll_until(&aio, "all are over", || done.load(Ordering::SeqCst) == 1000);
            assert_eq!(aio.nreqs(), threads - 1);
            (1..threads).for_each(|_| gate.open());
            drive(&aio);
        }
    });
}

/// Opens of FIFOs, up to one less than there may be threads, each with others around it.
#[test]
fn opens_that_block_leave_one_thread_to_the_others() {
    alone("batch::opens_that_block_leave_one_thread_to_the_others", || {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        let aio = Aio::builder().ring(false).inline(false).build().unwrap();
        aio.mknod(&fifo, ioaio::FileType::Fifo).wait().unwrap();
        let (done, opened) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for open in 0..15 {
            let told = count(&opened);
            aio.open(&fifo).then(move |file| (drop(file.unwrap()), told()).1);
            (0..20).for_each(|i| short(&aio, i, count(&done)));
            poll_until(&aio, "the others are over", || done.load(Ordering::SeqCst) == (open + 1) * 20);
        }
        assert_eq!(opened.load(Ordering::SeqCst), 0);
        let _writer = std::fs::OpenOptions::new().write(true).open(&fifo).unwrap();
        drive(&aio);
        assert_eq!(opened.load(Ordering::SeqCst), 15);
    });
}

/// A callback that waits, by means of its own, for what it has submitted.
#[test]
fn who_submits_in_a_callback_may_wait_for_the_execution_there() {
    let test = "batch::who_submits_in_a_callback_may_wait_for_the_execution_there";
    alone(test, || {
        fn waits(aio: &Aio, n: usize) {
            let (give, take) = mpsc::channel();
            for _ in 0..n {
                let give = give.clone();
                let function = move || {
                    give.send(()).unwrap();
                    Ok(())
                };
                aio.call(function).then(|res| res.unwrap());
            }
            for i in 0..n {
                take.recv_timeout(HANG).unwrap_or_else(|e| panic!("{i} of {n} were executed: {e}"));
            }
        }
        for build in
            [|b: Builder| b, |b: Builder| b.inline(false).ring(false), |b: Builder| b.max_parallel(1)]
        {
            for n in [1, 5, 100, 3000] {
                let aio = build(Aio::builder()).build().unwrap();
                in_callback(&aio, move |aio| waits(aio, n));
                aio.nop().then({
                    let own = aio.clone();
                    move |_| waits(&own, n)
                });
                aio.flush().unwrap();
                aio.block_on(async { waits(&aio, n) });
                aio.flush().unwrap();
            }
        }
    });
}

#[test]
fn futures_may_be_awaited_in_a_callback() {
    alone("batch::futures_may_be_awaited_in_a_callback", || {
        each_engine(
            |b| b,
            |aio| {
                in_callback(aio, |aio| {
                    block_on(join_all((0..100).map(|_| async { aio.busy(Duration::ZERO).await.unwrap() })));
                    aio.block_on(join_all((0..100).map(|_| async { aio.nop().await.unwrap() })));
                    aio.stat("/").group(&aio.group()).wait().unwrap();
                });
            },
        );
    });
}

/// Results that one poll has come for are there for another, as long as a callback is not over.
#[test]
fn a_callback_that_blocks_holds_back_no_result() {
    alone("batch::a_callback_that_blocks_holds_back_no_result", || {
        each_engine(
            |b| b,
            |aio| {
                let (give, take) = mpsc::channel();
                let done = Arc::new(AtomicUsize::new(0));
                aio.nop().priority(4).then(move |_| {
                    for _ in 0..100 {
                        take.recv_timeout(HANG).expect("another thread's poll");
                    }
                });
                for _ in 0..100 {
                    let (give, count) = (give.clone(), count(&done));
                    aio.nop().then(move |_| (count(), give.send(()).unwrap()).1);
                }
                std::thread::scope(|scope| {
                    for _ in 0..2 {
                        scope.spawn(|| aio.flush().unwrap());
                    }
                });
                assert_eq!(done.load(Ordering::SeqCst), 100);
            },
        );
    });
}

// ---- none overtakes

type Log = Arc<Mutex<Vec<usize>>>;

fn logs(aio: &Aio, log: &Log, i: usize, priority: i8) -> ioaio::Handle {
    let log = log.clone();
    let executed = move || {
        log.lock().unwrap().push(i);
        Ok(())
    };
    aio.call(executed).priority(priority).then(|res: io::Result<()>| {
        if let Err(e) = res {
            assert_eq!(e.raw_os_error(), Some(Errno::CANCELED.raw_os_error()));
        }
    })
}

#[test]
fn thousands_from_a_callback_are_executed_by_priority() {
    let mut rng = random();
    let priorities: Vec<i8> = std::iter::repeat_with(|| rng.i8(-4..=4)).take(3000).collect();
    let mut order: Vec<usize> = (0..3000).collect();
    order.sort_by_key(|&i| -priorities[i]);
    let aio = pool(1).build().unwrap();
    let (gate, log) = (Gate::new(), Log::default());
    let gated = by_channel(gate.request(&aio).priority(4));
    eventually("the gate keeper waits", || aio.nready() == 0 && aio.nthreads() == 1);
    // The first ones by another thread's callbacks, where there is no worker for a nop.
    let (own, all) = (aio.clone(), log.clone());
    aio.stat("a\0b").then(move |_| {
        for (i, &priority) in priorities.iter().enumerate() {
            logs(&own, &all, i, priority);
        }
    });
    poll_until(&aio, "all are queued", || aio.nready() == 3000);
    gate.open();
    drive(&aio);
    gated.try_recv().unwrap().0.unwrap();
    assert_eq!(*log.lock().unwrap(), order);
}

/// A worker that blocks, with 31 others that were submitted together with what it does.
fn blocked_with_31(build: Builder) -> (Aio, Arc<Gate>, Log, Vec<ioaio::Handle>) {
    let aio = build.build().unwrap();
    let (gate, log) = (Arc::new(Gate::new()), Log::default());
    let (own, all, (give, take)) = (gate.clone(), log.clone(), mpsc::channel());
    in_callback(&aio, move |aio| {
        own.request(aio).then(|(n, _)| assert_eq!(n.unwrap(), 1));
        (0..31).for_each(|i| give.send(logs(aio, &all, i, 0)).unwrap());
    });
    eventually("the first one blocks", || aio.nready() == 31 && aio.nthreads() == 1);
    (aio, gate, log, take.iter().collect())
}

#[test]
fn a_higher_priority_comes_before_what_a_worker_has_taken() {
    let (aio, gate, log, _) = blocked_with_31(pool(1));
    logs(&aio, &log, 1000, -4);
    logs(&aio, &log, 2000, 4);
    logs(&aio, &log, 3000, 1);
    assert_eq!(aio.nready(), 34);
    gate.open();
    drive(&aio);
    let expected: Vec<usize> = [2000, 3000].into_iter().chain(0..31).chain([1000]).collect();
    assert_eq!(*log.lock().unwrap(), expected);
}

#[test]
fn what_a_blocked_worker_has_taken_can_be_cancelled() {
    let (aio, gate, log, handles) = blocked_with_31(pool(1));
    for i in [0, 3, 17, 30] {
        handles[i].cancel();
    }
    assert_eq!((aio.nready(), aio.npending(), aio.nreqs()), (27, 4, 32));
    assert_eq!(aio.poll().unwrap(), 4, "at once");
    gate.open();
    drive(&aio);
    let expected: Vec<usize> = (0..31).filter(|i| ![0, 3, 17, 30].contains(i)).collect();
    assert_eq!(*log.lock().unwrap(), expected);
}

#[test]
fn groups_and_futures_of_a_blocked_worker_can_be_cancelled() {
    let (aio, gate, log, _) = blocked_with_31(pool(1));
    let group = aio.group();
    let (told, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    for _ in 0..500 {
        let (told, own) = (told.clone(), all.clone());
        aio.call(move || Ok(_ = own.fetch_add(1, Ordering::SeqCst))).group(&group).then(move |res| {
            assert_eq!(errno(res), Errno::CANCELED);
            told.fetch_add(1, Ordering::SeqCst);
        });
    }
    let tell = count(&told);
    group.then(tell);
    let mut cx = Context::from_waker(Waker::noop());
    let mut futures: Vec<_> = (0..500)
        .map(|_| {
            let own = all.clone();
            aio.call(move || Ok(_ = own.fetch_add(1, Ordering::SeqCst))).into_future()
        })
        .collect();
    futures.iter_mut().for_each(|future| assert!(Pin::new(future).poll(&mut cx).is_pending()));
    assert_eq!(aio.nready(), 1031);
    group.cancel();
    drop(futures);
    assert_eq!(aio.nready(), 31);
    poll_until(&aio, "the group is over", || told.load(Ordering::SeqCst) == 501);
    gate.open();
    drive(&aio);
    assert_eq!((log.lock().unwrap().len(), all.load(Ordering::SeqCst)), (31, 0), "none was executed");
}

// ---- none is lost

/// Each callback submits ten more, down to a depth; some are cancelled, some are members of a group.
fn fan_out(
    aio: &Aio,
    depth: u32,
    next: &Arc<AtomicUsize>,
    counts: &Arc<Vec<AtomicU8>>,
    group: &ioaio::Group,
) {
    let i = next.fetch_add(1, Ordering::SeqCst);
    let (own, more, all, members) = (aio.clone(), next.clone(), counts.clone(), group.clone());
    let then = move |_: io::Result<()>| {
        all[i].fetch_add(1, Ordering::SeqCst);
        if depth > 0 {
            (0..10).for_each(|_| fan_out(&own, depth - 1, &more, &all, &members));
        }
    };
    let request = aio.busy(Duration::ZERO).priority((i % 9) as i8 - 4);
    let handle = match i % 3 {
        0 => request.group(group).then(then),
        1 => request.then(then),
        _ => aio.nop().group(group).then(then),
    };
    if i.is_multiple_of(7) {
        handle.cancel();
    }
}

const FAN: usize = 1 + 10 + 100 + 1000;

#[test]
fn thousands_from_callbacks_complete_once() {
    for limit in [5, 64, usize::MAX] {
        each_engine(
            |b| b.max_poll_reqs(limit).ring_in_flight(8),
            |aio| {
                let counts: Arc<Vec<AtomicU8>> = Arc::new((0..FAN).map(|_| AtomicU8::new(0)).collect());
                let (next, told, group) = (Arc::default(), Arc::new(AtomicUsize::new(0)), aio.group());
                fan_out(aio, 3, &next, &counts, &group);
                group.then(count(&told));
                drop(group);
                while aio.nreqs() > 0 {
                    assert!(aio.wait(Some(HANG)).unwrap(), "nothing comes: {aio:?}");
                    let handled = aio.poll().unwrap();
                    assert!(handled <= limit.saturating_add(1), "{handled} of {limit}, and one group");
                }
                assert!(counts.iter().all(|n| n.load(Ordering::SeqCst) == 1));
                assert_eq!((next.load(Ordering::SeqCst), told.load(Ordering::SeqCst)), (FAN, 1));
            },
        );
    }
}

/// Results there are: all of them, where threads or the ring execute.
fn pending(aio: &Aio, n: usize) {
    if aio.nthreads() > 0 || aio.npending() > 0 {
        eventually("all are executed", || aio.npending() == n);
    }
}

#[test]
fn panics_among_many_callbacks_lose_none() {
    each_engine(
        |b| b,
        |aio| {
            let counts: Arc<Vec<AtomicU8>> = Arc::new((0..1000).map(|_| AtomicU8::new(0)).collect());
            for i in 0..1000 {
                let counts = counts.clone();
                aio.nop().then(move |res| {
                    res.unwrap();
                    counts[i].fetch_add(1, Ordering::SeqCst);
                    if i % 3 == 0 {
                        std::panic::resume_unwind(Box::new("a callback's own panic"));
                    }
                });
            }
            pending(aio, 1000);
            let mut panics = 0;
            while aio.nreqs() > 0 {
                assert!(aio.wait(Some(HANG)).unwrap());
                panics += usize::from(catch_unwind(AssertUnwindSafe(|| aio.poll())).is_err());
            }
            assert_eq!(panics, 334);
            assert!(counts.iter().all(|n| n.load(Ordering::SeqCst) == 1));
        },
    );
}

/// The counts tell the truth in the middle of a poll, which others may look at.
#[test]
fn counts_are_right_inside_callbacks() {
    let aio = Aio::new().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..100 {
        let (own, seen) = (aio.clone(), seen.clone());
        aio.nop().then(move |_| seen.lock().unwrap().push((own.nreqs(), own.npending())));
    }
    assert_eq!(aio.poll().unwrap(), 100);
    let expected: Vec<_> = (0..100).map(|i| (100 - i, 99 - i)).collect();
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn a_callback_may_flush_or_poll_in_the_middle_of_many() {
    alone("batch::a_callback_may_flush_or_poll_in_the_middle_of_many", || {
        for first in [0, 10, 500] {
            for flush in [true, false] {
                each_engine(
                    |b| b,
                    |aio| {
                        let done = Arc::new(AtomicUsize::new(0));
                        for i in 0..1000 {
                            let (own, count, seen) = (aio.clone(), count(&done), done.clone());
                            aio.nop().then(move |res| {
                                res.unwrap();
                                if i == first {
                                    let more = by_channel(own.busy(Duration::ZERO));
                                    if flush {
                                        own.flush().unwrap();
                                        more.try_recv().expect("its callback has run").unwrap();
                                    } else {
                                        drive_inside(&own, || more.try_recv().is_ok());
                                    }
                                    let left = seen.load(Ordering::SeqCst);
                                    assert!(!flush || left == 999, "{left} of the others have run");
                                }
                                count();
                            });
                        }
                        pending(aio, 1000);
                        drive(aio);
                        assert_eq!(done.load(Ordering::SeqCst), 1000);
                    },
                );
            }
        }
    });
}

/// Polls in a callback until something is so.
fn drive_inside(aio: &Aio, condition: impl Fn() -> bool) {
    while !condition() {
        aio.wait(Some(Duration::from_millis(1))).unwrap();
        aio.poll().unwrap();
    }
}

/// A callback cancels what is behind it: executed, it keeps its result; queued, it never runs.
#[test]
fn callbacks_cancel_one_another() {
    each_engine(
        |b| b,
        |aio| {
            let handles: Arc<Mutex<Vec<ioaio::Handle>>> = Arc::default();
            let counts: Arc<Vec<AtomicU8>> = Arc::new((0..2000).map(|_| AtomicU8::new(0)).collect());
            for i in 0..2000 {
                let (others, counts) = (handles.clone(), counts.clone());
                let handle = aio.busy(Duration::ZERO).then(move |res| {
                    let cancelled = res.err().map(|e| e.raw_os_error());
                    assert!(matches!(cancelled, None | Some(Some(libc::ECANCELED))));
                    counts[i].fetch_add(1, Ordering::SeqCst);
                    let other = others.lock().unwrap().get((i * 7 + 1) % 2000).cloned();
                    other.iter().for_each(ioaio::Handle::cancel);
                });
                handles.lock().unwrap().push(handle);
            }
            drive(aio);
            assert!(counts.iter().all(|n| n.load(Ordering::SeqCst) == 1));
        },
    );
}

#[test]
fn groups_of_thousands_end_once_and_last() {
    each_engine(
        |b| b,
        |aio| {
            let (own, done, ends) =
                (aio.clone(), Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
            let (all, told) = (done.clone(), ends.clone());
            in_callback(aio, move |_| {
                for _ in 0..3 {
                    let group = own.group();
                    for _ in 0..1000 {
                        let count = count(&all);
                        own.nop().group(&group).then(move |_| count());
                    }
                    let (all, told, members) = (all.clone(), told.clone(), group.clone());
                    group.then(move || {
                        assert!(members.is_empty());
                        told.lock().unwrap().push(all.load(Ordering::SeqCst));
                    });
                }
            });
            drive(aio);
            let ends = ends.lock().unwrap();
            assert_eq!((ends.len(), done.load(Ordering::SeqCst)), (3, 3000));
            assert!(ends.iter().all(|&n| n >= 1000), "{ends:?}");
        },
    );
}
