//! A thread that sleeps in the engine is woken, whoever else sleeps there or polls.
//!
//! A wake-up that somebody else has taken shows as a sleep that lasts too long, or for ever. A machine that is
//! busy with other things makes sleeps late too: then those are late as well that have nothing to do with the engine.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use ioaio::{Aio, Builder};

use crate::common::alone::{alone, alone_for};
use crate::common::gate::Gate;
use crate::common::{HANG, block_on, by_channel, each_engine, readable};

/// Later than any sleep of 1 to 2 ms ought to be.
const LATE: Duration = Duration::from_millis(90);
const SERIES: usize = 3;
/// For those that try many engines beside many others.
const LONG: Duration = Duration::from_secs(30);

type Build = fn(Builder) -> Builder;

/// How an engine is made, and how many sleeps are tried with it.
const ENGINES: [(&str, Build, u64); 3] = [
    ("default", |b| b, 100),
    ("ring only", |b| b.inline(false).pool(false), 30),
    ("pool only", |b| b.inline(false).ring(false), 30),
];

/// What others do: its name, the number of threads, and what each does.
type Other = (&'static str, usize, fn(&Aio));

/// What other threads do with the engine meanwhile, without a request of their own.
const WATCHERS: [Other; 6] = [
    ("nobody", 0, |_| ()),
    ("a thread in block_on", 1, |aio| aio.block_on(std::future::pending())),
    ("eight threads in block_on", 8, |aio| aio.block_on(std::future::pending())),
    ("a loop around poll(2)", 1, poll_loop),
    ("a driver on tokio", 1, |aio| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(ioaio::tokio::drive(aio)).unwrap();
    }),
    ("a driver on async-io", 1, |aio| smol::block_on(ioaio::async_io::drive(aio)).unwrap()),
];

/// What others do that have a request of their own, which never ends.
const WAITERS: [Other; 3] = [
    ("a thread in wait", 1, |aio| {
        let gate = Gate::new();
        let _never = by_channel(gate.request(aio));
        loop {
            // There is something to deliver, for another thread.
            assert!(aio.wait(None).unwrap());
            std::thread::sleep(Duration::from_millis(1));
        }
    }),
    ("a thread in a request's wait", 1, |aio| {
        let gate = Gate::new();
        let group = aio.group();
        gate.request(aio).group(&group).wait().0.unwrap();
    }),
    ("a thread in flush", 1, |aio| {
        let gate = Gate::new();
        let _never = by_channel(gate.request(aio));
        aio.flush().unwrap();
    }),
];

fn poll_loop(aio: &Aio) {
    loop {
        while !readable(aio, HANG) {}
        while aio.poll().unwrap() > 0 {}
    }
}

/// A request that sleeps until another thread lets it go, a chosen time after it was asked to.
struct Nap {
    gate: Arc<Gate>,
    opener: mpsc::Sender<Duration>,
}

impl Nap {
    fn new() -> Self {
        let (gate, (opener, times)) = (Arc::new(Gate::new()), mpsc::channel());
        let own = gate.clone();
        std::thread::spawn(move || {
            for time in times {
                std::thread::sleep(time);
                own.open();
            }
        });
        Nap { gate, opener }
    }
    fn request<'a>(&self, aio: &'a Aio, time: Duration) -> ioaio::Request<'a, ioaio::Read<Vec<u8>>> {
        self.opener.send(time).unwrap();
        self.gate.request(aio)
    }
}

/// One way to sleep until a request is done.
type Sleep = fn(&Aio, &Nap, Duration);

/// How many of `n` sleeps were late; no more are tried when it is clear.
fn count_late(n: u64, mut sleep: impl FnMut(Duration)) -> usize {
    let mut late = 0;
    for i in 0..n {
        let time = Duration::from_micros(1000 + i * 7 % 900);
        let start = Instant::now();
        sleep(time);
        late += usize::from(start.elapsed() > LATE);
        if late > 4 {
            break;
        }
    }
    late
}

/// How many sleeps are late that this machine makes late, by plain threads.
fn count_late_without_engine(n: u64) -> usize {
    count_late(n, |time| {
        let (give, take) = mpsc::channel();
        std::thread::spawn(move || {
            std::thread::sleep(time);
            give.send(())
        });
        take.recv().unwrap();
    })
}

/// A series of sleeps: how many are late that would not be without an engine.
fn series(n: u64, sleep: impl FnMut(Duration)) -> usize {
    match count_late(n, sleep) {
        0 => 0,
        late => late.saturating_sub(3 * count_late_without_engine(n)),
    }
}

/// Tries a way to sleep on each engine, beside each of these others.
fn is_woken(others: &[Other], tune: Build, sleep: Sleep) {
    for (name, build, n) in ENGINES {
        for &(beside, threads, other) in others {
            let aio = tune(build(Aio::builder())).build().unwrap();
            if name == "ring only" && !aio.backend().ring {
                eprintln!("skipped: ring only: {}", aio.backend().ring_off.unwrap());
                break;
            }
            for _ in 0..threads {
                let aio = aio.clone();
                std::thread::spawn(move || other(&aio));
            }
            std::thread::sleep(Duration::from_millis(20)); // they sleep by now
            let nap = Nap::new();
            let late: Vec<usize> = (0..SERIES)
                .map(|_| series(n, |time| sleep(&aio, &nap, time)))
                .take_while(|&late| late > 0)
                .collect();
            assert!(late.len() < SERIES, "{name}, beside {beside}: late of {n}: {late:?}");
        }
    }
}

fn in_block_on(aio: &Aio, nap: &Nap, time: Duration) {
    let request = nap.request(aio, time);
    aio.block_on(async { request.await.0.unwrap() });
}

#[test]
fn in_block_on_beside_those_who_watch() {
    alone_for(LONG, "sleep::in_block_on_beside_those_who_watch", &[], || {
        is_woken(&WATCHERS, |b| b, in_block_on)
    });
}

#[test]
fn in_block_on_beside_those_who_wait() {
    alone_for(LONG, "sleep::in_block_on_beside_those_who_wait", &[], || {
        is_woken(&WAITERS, |b| b, in_block_on)
    });
}

#[test]
fn on_another_executor() {
    alone_for(LONG, "sleep::on_another_executor", &[], || {
        let sleep: Sleep = |aio, nap, time| _ = block_on(nap.request(aio, time).into_future()).0.unwrap();
        is_woken(&WATCHERS, |b| b, sleep);
        is_woken(&WAITERS, |b| b, sleep);
    });
}

#[test]
fn in_the_wait_of_a_request() {
    alone_for(LONG, "sleep::in_the_wait_of_a_request", &[], || {
        let sleep: Sleep = |aio, nap, time| {
            let group = aio.group();
            assert_eq!(nap.request(aio, time).group(&group).wait().0.unwrap(), 1);
        };
        is_woken(&WATCHERS, |b| b, sleep);
        is_woken(&WAITERS, |b| b, sleep);
    });
}

/// Whoever polls first runs the callback; `wait` then hears that nothing is left.
#[test]
fn in_wait() {
    alone_for(LONG, "sleep::in_wait", &[], || {
        let sleep: Sleep = |aio, nap, time| {
            let done = Arc::new(AtomicBool::new(false));
            let told = done.clone();
            nap.request(aio, time).then(move |_| told.store(true, Ordering::SeqCst));
            while !done.load(Ordering::SeqCst) {
                aio.wait(None).unwrap();
                aio.poll().unwrap();
            }
        };
        is_woken(&WATCHERS, |b| b, sleep);
        is_woken(&WAITERS[..2], |b| b, sleep); // beside flush, which polls, something would always be left
    });
}

#[test]
fn in_flush() {
    alone_for(LONG, "sleep::in_flush", &[], || {
        is_woken(
            &WATCHERS,
            |b| b,
            |aio, nap, time| {
                let result = by_channel(nap.request(aio, time));
                aio.flush().unwrap();
                result.try_recv().expect("the callback has run").0.unwrap();
            },
        );
    });
}

#[test]
fn in_block_on_until_a_group_is_done() {
    alone_for(LONG, "sleep::in_block_on_until_a_group_is_done", &[], || {
        is_woken(
            &WATCHERS,
            |b| b,
            |aio, nap, time| {
                let group = aio.group();
                let result = by_channel(nap.request(aio, time).group(&group));
                aio.block_on(group.into_future());
                result.try_recv().expect("the callback has run").0.unwrap();
            },
        );
    });
}

/// Each submission waits for the end of the one before.
fn held(aio: &Aio, nap: &Nap, time: Duration) {
    nap.request(aio, time).then(|(n, _)| assert_eq!(n.unwrap(), 1));
}

#[test]
fn a_submitter_for_whom_there_is_no_room() {
    alone_for(LONG, "sleep::a_submitter_for_whom_there_is_no_room", &[], || {
        is_woken(&WATCHERS, |b| b.max_outstanding(1), held);
        is_woken(&WAITERS, |b| b.max_outstanding(2), held);
    });
}

/// Work that is over at once, where a wake-up comes before the thread sleeps, or just then.
#[test]
fn short_work_in_block_on_and_flush() {
    alone_for(LONG, "sleep::short_work_in_block_on_and_flush", &[], || {
        is_woken(&WATCHERS, |b| b, |aio, _, _| _ = aio.block_on(async { aio.read_dir("/").await }).unwrap());
        is_woken(
            &WATCHERS,
            |b| b,
            |aio, _, _| {
                aio.read_dir("/").then(|res| assert!(res.is_ok()));
                aio.flush().unwrap();
            },
        );
        is_woken(
            &WATCHERS,
            |b| b,
            |aio, _, _| assert!(aio.walk("/proc/self/fdinfo").metadata(true).into_iter().count() > 3),
        );
    });
}

#[test]
fn a_limited_wait_lasts_as_long_as_it_was_told() {
    alone("sleep::a_limited_wait_lasts_as_long_as_it_was_told", || {
        for (beside, threads, other) in WATCHERS.into_iter().chain(WAITERS) {
            let aio = Aio::builder().inline(false).build().unwrap();
            for _ in 0..threads {
                let aio = aio.clone();
                std::thread::spawn(move || other(&aio));
            }
            // Results that are nothing to whoever waits here.
            let own = aio.clone();
            std::thread::spawn(move || {
                block_on(async {
                    loop {
                        own.busy(Duration::from_millis(1)).await.unwrap();
                    }
                });
            });
            let gate = Gate::new();
            let never = by_channel(gate.request(&aio));
            for time in [0, 1, 30, 150].map(Duration::from_millis) {
                let start = Instant::now();
                assert!(!aio.wait(Some(time)).unwrap(), "beside {beside}: nothing has come");
                assert!(start.elapsed() >= time, "beside {beside}: {:?} of {time:?}", start.elapsed());
            }
            assert!(never.try_recv().is_err());
        }
    });
}

/// The poll fd is for those who poll it: who only waits does not make it silent.
#[test]
fn who_waits_takes_nothing_from_the_poll_fd() {
    each_engine(
        |b| b,
        |aio| {
            if !aio.backend().pool && !aio.backend().ring {
                return; // `wait` would execute the request, and never come back
            }
            let gate = Gate::new();
            let result = by_channel(gate.request(aio));
            while aio.poll().unwrap() > 0 {}
            aio.wake();
            assert!(!aio.wait(Some(Duration::from_millis(5))).unwrap(), "no result");
            assert!(readable(aio, Duration::ZERO), "until a poll has found nothing");
            gate.open();
            crate::common::drive(aio);
            result.try_recv().unwrap().0.unwrap();
        },
    );
}

#[test]
fn two_threads_flush() {
    alone("sleep::two_threads_flush", || {
        each_engine(
            |b| b,
            |aio| {
                for _ in 0..20 {
                    let done = Arc::new(AtomicUsize::new(0));
                    for _ in 0..10 {
                        let done = done.clone();
                        aio.busy(Duration::from_micros(100))
                            .then(move |_| _ = done.fetch_add(1, Ordering::SeqCst));
                    }
                    std::thread::scope(|scope| {
                        for _ in 0..2 {
                            scope.spawn(|| {
                                aio.flush().unwrap();
                                assert_eq!(done.load(Ordering::SeqCst), 10, "all are over");
                            });
                        }
                    });
                }
            },
        );
    });
}

/// In a callback, none is left but those whose callbacks run: on whatever thread they run.
#[test]
fn callbacks_of_two_threads_flush() {
    alone("sleep::callbacks_of_two_threads_flush", || {
        let aio = Aio::new().unwrap();
        let (inside, over) = (Arc::new(std::sync::Barrier::new(2)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..2 {
            let (own, inside, over) = (aio.clone(), inside.clone(), over.clone());
            aio.nop().then(move |_| {
                inside.wait(); // each is in a callback of its own
                let nested = by_channel(own.busy(Duration::from_millis(1)));
                own.flush().unwrap();
                // The other thread may run it just now, and is then awaited in the end.
                nested.recv_timeout(HANG).unwrap().unwrap();
                over.fetch_add(1, Ordering::SeqCst);
            });
        }
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while over.load(Ordering::SeqCst) < 2 {
                        aio.flush().unwrap();
                    }
                });
            }
        });
        assert_eq!(aio.nreqs(), 0);
    });
}

/// That of a group is a callback too.
#[test]
fn the_callback_of_a_group_flushes() {
    alone("sleep::the_callback_of_a_group_flushes", || {
        let aio = Aio::new().unwrap();
        let (own, over) = (aio.clone(), Arc::new(AtomicUsize::new(0)));
        let (group, told) = (aio.group(), over.clone());
        aio.busy(Duration::from_millis(1)).group(&group).then(|res| res.unwrap());
        group.then(move || {
            let nested = by_channel(own.busy(Duration::from_millis(1)));
            own.flush().unwrap();
            nested.try_recv().expect("its callback has run").unwrap();
            told.fetch_add(1, Ordering::SeqCst);
        });
        aio.flush().unwrap();
        assert_eq!((aio.nreqs(), over.load(Ordering::SeqCst)), (0, 1));
    });
}

#[test]
fn callbacks_flush_one_inside_another() {
    alone("sleep::callbacks_flush_one_inside_another", || {
        /// Where nobody else runs callbacks, those inside are over when their flush is.
        fn nest(aio: &Aio, depth: usize, alone: bool, over: &Arc<AtomicUsize>) {
            let (own, told) = (aio.clone(), over.clone());
            aio.busy(Duration::from_micros(200)).then(move |_| {
                if depth > 0 {
                    nest(&own, depth - 1, alone, &told);
                    own.flush().unwrap();
                    assert!(!alone || told.load(Ordering::SeqCst) == depth);
                }
                told.fetch_add(1, Ordering::SeqCst);
            });
        }
        for (beside, threads, other) in WATCHERS {
            let aio = Aio::builder().inline(false).build().unwrap();
            for _ in 0..threads {
                let aio = aio.clone();
                std::thread::spawn(move || other(&aio));
            }
            let over = Arc::new(AtomicUsize::new(0));
            nest(&aio, 20, threads == 0, &over);
            aio.flush().unwrap();
            assert_eq!(over.load(Ordering::SeqCst), 21, "beside {beside}");
        }
    });
}

/// `wake` is heard by the loop that it is meant for, whoever sleeps in the engine.
#[test]
fn a_loop_hears_each_wake() {
    alone("sleep::a_loop_hears_each_wake", || {
        for (beside, threads, other) in WATCHERS[..3].iter().chain(&WAITERS[..2]) {
            let aio = Aio::builder().inline(false).build().unwrap();
            for _ in 0..*threads {
                let (aio, other) = (aio.clone(), *other);
                std::thread::spawn(move || other(&aio));
            }
            std::thread::sleep(Duration::from_millis(20));
            for round in 0..100 {
                while aio.poll().unwrap() > 0 {}
                aio.wake();
                let heard = readable(&aio, Duration::from_secs(5));
                assert!(heard, "round {round}, beside {beside}: fd {:?} is silent", aio.as_fd());
            }
        }
    });
}
