//! All of it at once, by chance: every request completes exactly once, and nothing is left.
//!
//! `IOAIO_SEED` takes the choices of an earlier run again, though not the order of its threads; `IOAIO_LONG=1`
//! goes on for long.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use futures::future::join_all;
use ioaio::{Aio, Builder, File};

use crate::common::alone::alone_for;
use crate::common::{HANG, block_on, eventually, random, readable};

const THREADS: usize = 4;

/// What one run shares between its threads.
struct Run {
    aio: Aio,
    file: File,
    dir: tempfile::TempDir,
    /// One for each callback.
    counts: Vec<AtomicU8>,
    next: AtomicUsize,
    names: AtomicUsize,
    over: AtomicBool,
}

impl Run {
    /// The number of a callback to come; none when there were enough.
    fn number(&self) -> Option<usize> {
        let i = self.next.fetch_add(1, Ordering::SeqCst);
        (i < self.counts.len()).then_some(i)
    }
    fn submitted(&self) -> usize {
        self.next.load(Ordering::SeqCst).min(self.counts.len())
    }
    /// A callback that counts itself, and at times goes on.
    fn then<T>(self: &Arc<Self>, i: usize, rng: &mut fastrand::Rng) -> impl FnOnce(T) + Send + use<T> {
        let (run, seed) = (self.clone(), rng.u64(..));
        move |_| {
            run.counts[i].fetch_add(1, Ordering::SeqCst);
            let mut rng = fastrand::Rng::with_seed(seed);
            match rng.u8(..32) {
                0..6 => run.submit(&mut rng),
                6 => _ = run.aio.poll().unwrap(),
                7 => assert!(run.aio.stat("/").wait().unwrap().is_dir()),
                8 => block_on(async { run.aio.busy(Duration::ZERO).await.unwrap() }),
                _ => {}
            }
        }
    }
    /// Submits with a callback, in one of many ways.
    fn submit(self: &Arc<Self>, rng: &mut fastrand::Rng) {
        let aio = &self.aio;
        let Some(i) = self.number() else { return };
        let (priority, group) = (rng.i8(-4..=4), aio.group());
        let handle = match rng.u8(..9) {
            0 => aio.nop().priority(priority).then(self.then(i, rng)),
            1 => aio.busy(Duration::from_micros(rng.u64(..200))).priority(priority).then(self.then(i, rng)),
            2 => aio.stat("/").group(&group).then(self.then(i, rng)),
            3 => aio.read_at(&self.file, vec![0; 80_000], 0).priority(priority).then(self.then(i, rng)),
            4 => aio.read_at(&self.file, vec![0; 100], 50_000).then(self.then(i, rng)),
            5 => aio.stat("a\0b").then(self.then(i, rng)),
            6 => aio.du("/proc/self/fdinfo").group(&group).then(self.then(i, rng)),
            7 => {
                let path = self.dir.path().join(self.names.fetch_add(1, Ordering::SeqCst).to_string());
                aio.save(path, "text").durable(false).then(self.then(i, rng))
            }
            _ => {
                group.then({
                    let then = self.then(i, rng);
                    move || then(())
                });
                return self.feed(&group, rng);
            }
        };
        if rng.u8(..8) == 0 {
            handle.cancel();
        } else if rng.u8(..8) == 0 {
            group.cancel();
        }
    }
    /// A group that is fed a few members, limited or cancelled.
    fn feed(self: &Arc<Self>, group: &ioaio::Group, rng: &mut fastrand::Rng) {
        let (run, mut rng, mut left) = (self.clone(), rng.fork(), rng.u8(..20));
        let cancelled = rng.u8(..4) == 0;
        group.limit(rng.usize(1..5));
        group.feed(move |group| {
            if left > 0
                && let Some(i) = run.number()
            {
                left -= 1;
                run.aio.nop().group(group).then(run.then(i, &mut rng));
            }
        });
        if cancelled {
            group.cancel();
        }
    }
    /// Futures: some are awaited, some are given up.
    fn futures(&self, rng: &mut fastrand::Rng) {
        let aio = &self.aio;
        let (mut cx, stat) = (Context::from_waker(Waker::noop()), aio.stat("/").into_future());
        let read = |len| async move { aio.read_at(&self.file, vec![0; len], 0).await.0.unwrap() };
        let mut dropped: Vec<_> = (0..rng.u8(..10))
            .map(|_| aio.read_at(&self.file, vec![0; rng.usize(1..80_000)], 0).into_future())
            .collect();
        dropped.iter_mut().for_each(|future| _ = Pin::new(future).poll(&mut cx).is_ready());
        let cancelled = aio.busy(Duration::from_micros(100)).into_future();
        cancelled.cancel();
        let (n, own) = (rng.usize(1..40), rng.bool());
        let all = async {
            let reads = join_all((0..n).map(|i| read(i * 1_000 + 1)));
            let (reads, stat, _) = futures::join!(reads, stat, cancelled);
            assert!(stat.unwrap().is_dir());
            assert!(reads.iter().enumerate().all(|(i, &n)| n == i * 1_000 + 1));
        };
        if own {
            aio.block_on(all)
        } else {
            block_on(all)
        }
        drop(dropped);
    }
    /// One thread's share.
    fn work(self: &Arc<Self>, rng: &mut fastrand::Rng) {
        while self.submitted() < self.counts.len() {
            match rng.u8(..16) {
                0 => self.futures(rng),
                1 => _ = self.aio.poll().unwrap(),
                2 => _ = self.aio.wait(Some(Duration::from_micros(rng.u64(..500)))).unwrap(),
                3 => _ = self.aio.walk("/proc/self/fdinfo").into_iter().count(),
                4 => self.aio.flush().unwrap(),
                5 => self.aio.wake(),
                _ => self.submit(rng),
            }
        }
    }
    /// Changes limits, and makes and drops drivers, until all is over.
    fn disturb(&self, limits: bool, rng: &mut fastrand::Rng) {
        let aio = &self.aio;
        let mut cx = Context::from_waker(Waker::noop());
        while !self.over.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_micros(rng.u64(..2000)));
            match rng.u8(..8) {
                0 => _ = aio.max_outstanding(rng.usize(1..100)).unwrap(),
                1 => _ = aio.max_outstanding(usize::MAX).unwrap(),
                2 => aio.max_poll_reqs(rng.usize(1..100)).unwrap(),
                3 if limits => aio.max_parallel(rng.usize(1..6)),
                4 => aio.max_poll_time(Some(Duration::from_micros(rng.u64(..1000)))),
                5 => {
                    let mut driver = Box::pin(ioaio::async_io::drive(aio));
                    let _ = driver.as_mut().poll(&mut cx);
                    std::thread::sleep(Duration::from_micros(rng.u64(..2000)));
                }
                6 => {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.spawn(ioaio::tokio::drive(aio));
                    runtime.block_on(async {
                        for _ in 0..rng.u8(..20) {
                            assert!(aio.lstat("/").await.unwrap().is_dir());
                        }
                    });
                }
                _ => aio.max_poll_time(None),
            }
        }
        aio.max_outstanding(usize::MAX).unwrap();
    }
}

type Build = fn(Builder) -> Builder;

/// How an engine is made, and whether its number of threads may change.
const ENGINES: [(&str, bool, Build); 5] = [
    ("default", true, |b| b),
    ("ring only", false, |b| b.inline(false).pool(false).ring_in_flight(8)),
    ("pool only", true, |b| b.inline(false).ring(false)),
    ("pool of one", false, |b| b.inline(false).ring(false).max_parallel(1)),
    ("no threads", false, |b| b.inline(false).ring(false).pool(false)),
];

/// Ends the process, and says how things stand, where a run takes too long: no thread of it may come back.
fn watch(name: &'static str, run: Weak<Run>) {
    let end = Instant::now() + HANG;
    std::thread::spawn(move || {
        while let Some(run) = run.upgrade().filter(|run| !run.over.load(Ordering::SeqCst)) {
            if Instant::now() > end {
                let (stats, pending) = (run.aio.stats(), run.aio.npending());
                eprintln!("{name} hangs: {:?}, {pending} pending, {stats:?}", run.aio);
                std::process::abort();
            }
            drop(run);
            std::thread::sleep(Duration::from_millis(10));
        }
    });
}

fn run(name: &'static str, limits: bool, build: Build, callbacks: usize, seed: u64) {
    eprintln!("{name}: seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let aio = build(Aio::builder()).build().unwrap();
    let file = tempfile::tempfile().unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[7; 100_000], 0).unwrap();
    let run = Arc::new(Run {
        aio,
        file: file.into(),
        dir: tempfile::tempdir().unwrap(),
        counts: (0..callbacks).map(|_| AtomicU8::new(0)).collect(),
        next: AtomicUsize::new(0),
        names: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    });
    watch(name, Arc::downgrade(&run));
    let aio = &run.aio;
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|_| {
                let mut rng = rng.fork();
                scope.spawn({
                    let run = &run;
                    move || run.work(&mut rng)
                })
            })
            .collect();
        let (mut own, shared) = (rng.fork(), &run);
        scope.spawn(move || shared.disturb(limits, &mut own));
        // The loop that delivers, whatever the others do.
        while !workers.iter().all(|worker| worker.is_finished()) || aio.nreqs() > 0 {
            readable(aio, Duration::from_millis(5));
            aio.poll().unwrap();
        }
        shared.over.store(true, Ordering::SeqCst);
    });
    aio.flush().unwrap();
    eventually("nothing is left", || (aio.nreqs(), aio.nready(), aio.npending()) == (0, 0, 0));
    assert_eq!(run.submitted(), callbacks);
    let wrong = run.counts.iter().filter(|n| n.load(Ordering::SeqCst) != 1).count();
    assert_eq!(wrong, 0, "{name}: callbacks that did not run once");
}

#[test]
fn everything_at_once() {
    let long = std::env::var_os("IOAIO_LONG").is_some();
    let limit = if long { Duration::from_secs(3600) } else { HANG * 6 };
    alone_for(limit, "stress::everything_at_once", &[], || {
        let seed = std::env::var("IOAIO_SEED").ok().and_then(|seed| seed.parse().ok());
        let mut rng = random();
        for _ in 0..if long { 200 } else { 1 } {
            for (name, limits, build) in ENGINES {
                run(name, limits, build, 3_000, seed.unwrap_or_else(|| rng.u64(..)));
            }
        }
    });
}
