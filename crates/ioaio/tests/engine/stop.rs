//! The end of an engine, in the middle of anything: it neither aborts nor hangs.

use std::cell::RefCell;
use std::future::IntoFuture;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use ioaio::{Aio, Builder};

use crate::common::alone::{alone, alone_for};
use crate::common::gate::Gate;
use crate::common::{eventually, random};

/// Longer than what is awaited in here, which tells more.
const LONG: Duration = Duration::from_secs(90);

type Build = fn(Builder) -> Builder;
type Work = fn(&Aio, &Path, &Arc<()>);

/// How an engine is made, and what is done with it then.
type Engine = (&'static str, Build, fn(&Aio));

const ENGINES: [Engine; 7] = [
    ("default", |b| b, |_| ()),
    ("no pool", |b| b.pool(false), |_| ()),
    ("ring only", |b| b.pool(false).inline(false), |_| ()),
    ("small ring", |b| b.pool(false).inline(false).ring_in_flight(2), |_| ()),
    ("pool only", |b| b.ring(false).inline(false).max_parallel(2), |_| ()),
    ("no threads", |b| b.ring(false).inline(false).pool(false), |_| ()),
    ("max_parallel(0)", |b| b, |aio| aio.max_parallel(0)),
];

fn engines() -> impl Iterator<Item = (&'static str, Aio)> {
    ENGINES.into_iter().map(|(name, build, then)| {
        let aio = build(Aio::builder()).build().expect("an engine");
        then(&aio);
        (name, aio)
    })
}

/// Each holds `held` as long as something of it is left.
const WORKS: [(&str, Work); 9] = [
    ("remove_tree", |aio, dir, held| {
        let held = held.clone();
        aio.remove_tree(dir.join("tree")).then(move |_| drop(held));
    }),
    ("copy_tree", |aio, dir, held| {
        let held = held.clone();
        aio.copy_tree(dir.join("tree"), dir.join("copy")).then(move |_| drop(held));
    }),
    ("du", |aio, dir, held| {
        let held = held.clone();
        aio.du(dir.join("tree")).then(move |_| drop(held));
    }),
    ("move_to", |aio, dir, held| {
        let held = held.clone();
        aio.move_to(dir.join("tree"), dir.join("moved")).then(move |_| drop(held));
    }),
    ("load, save and copy", |aio, dir, held| {
        for i in 0..20 {
            let (one, two, three) = (held.clone(), held.clone(), held.clone());
            aio.load(dir.join("tree/d0/f0")).then(move |_| drop(one));
            aio.save(dir.join(format!("saved{i}")), "text").then(move |_| drop(two));
            aio.copy(dir.join("tree/d1/f1"), dir.join(format!("copied{i}"))).then(move |_| drop(three));
        }
    }),
    ("a group with a feeder", |aio, dir, held| {
        let (group, dir) = (aio.group(), dir.join("tree"));
        group.limit(5);
        let (one, two) = (held.clone(), held.clone());
        let mut left = 1000;
        group.feed(move |group| {
            if left > 0 {
                left -= 1;
                group_member(group, &dir, one.clone());
            }
        });
        group.then(move || drop(two));
    }),
    ("nested groups of composites", |aio, dir, held| {
        let (inner, outer) = (aio.group(), aio.group());
        for d in 0..5 {
            let held = held.clone();
            let request = aio.remove_tree(dir.join(format!("tree/d{d}")));
            request.group(&inner).group(&outer).priority(d - 2).then(move |_| drop(held));
        }
        let (one, two) = (held.clone(), held.clone());
        inner.then(move || drop(one));
        outer.then(move || drop(two));
    }),
    ("reads", |aio, dir, held| {
        let file = aio.open(dir.join("tree/d0/f0")).wait().unwrap();
        for i in 0..600 {
            let held = held.clone();
            aio.read_at(&file, vec![0; 100], 0).priority((i % 9) as i8 - 4).then(move |_| drop(held));
        }
    }),
    ("futures that were given up", |aio, dir, _| {
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..20 {
            let mut tree = aio.remove_tree(dir.join("tree")).into_future();
            let mut read = aio.read_dir(dir).into_future();
            let mut copy = aio.copy_tree(dir.join("tree"), dir.join("copy")).into_future();
            let _ = Pin::new(&mut tree).poll(&mut cx);
            let _ = Pin::new(&mut read).poll(&mut cx);
            let _ = Pin::new(&mut copy).poll(&mut cx);
        }
        let mut walk = Box::pin(aio.walk(dir.join("tree")).metadata(true).stream());
        let _ = futures::Stream::poll_next(walk.as_mut(), &mut cx);
    }),
];

thread_local! {
    /// The engine that a feeder uses; a feeder that held one would keep it from its end.
    static FED: RefCell<Option<Aio>> = const { RefCell::new(None) };
}

fn group_member(group: &ioaio::Group, dir: &Path, held: Arc<()>) {
    FED.with_borrow(|aio| {
        if let Some(aio) = aio {
            aio.du(dir).group(group).then(move |_| drop(held));
        }
    });
}

fn tree(dir: &Path) {
    for d in 0..12 {
        let sub = dir.join(format!("tree/d{d}"));
        std::fs::create_dir_all(&sub).unwrap();
        (0..12).for_each(|f| std::fs::write(sub.join(format!("f{f}")), "x").unwrap());
    }
}

/// Begins a work on each engine, at times polls, and ends the engine some time later.
fn each_end(work: Work, rounds: usize, end: impl Fn(Aio)) {
    let mut random = random();
    for round in 0..rounds {
        for (name, aio) in engines() {
            let dir = tempfile::tempdir().unwrap();
            tree(dir.path());
            let held = Arc::new(());
            FED.set(Some(aio.clone()));
            work(&aio, dir.path(), &held);
            for _ in 0..random.u32(0..4) {
                aio.poll().unwrap();
            }
            std::thread::sleep(Duration::from_micros(random.u64(0..2000)));
            FED.set(None);
            end(aio);
            let what = format!("{name}, round {round}: the callbacks are dropped");
            eventually(&what, || Arc::strong_count(&held) == 1);
        }
    }
}

/// Two rounds of each work on each engine, which ends in this way.
fn every_work_ends(end: impl Fn(Aio)) {
    for (name, work) in WORKS {
        eprintln!("{name}");
        each_end(work, 2, &end);
    }
}

#[test]
fn while_a_tree_is_removed() {
    alone_for(LONG, "stop::while_a_tree_is_removed", &[], || each_end(WORKS[0].1, 20, drop));
}

#[test]
fn while_anything_is_under_way() {
    alone_for(LONG, "stop::while_anything_is_under_way", &[], || every_work_ends(drop));
}

/// Ends the engine by a function that runs on this thread, inside its poll.
fn end_inside_poll(aio: Aio, arrange: impl FnOnce(&Aio, Box<dyn FnOnce() + Send>)) {
    let (own, ended) = (aio.clone(), Arc::new(AtomicBool::new(false)));
    let tells = ended.clone();
    arrange(
        &aio,
        Box::new(move || {
            own.end();
            tells.store(true, Ordering::SeqCst);
        }),
    );
    eventually("the engine is ended", || aio.poll().is_ok() && ended.load(Ordering::SeqCst));
}

#[test]
fn inside_its_own_callback() {
    alone_for(LONG, "stop::inside_its_own_callback", &[], || {
        every_work_ends(|aio| {
            end_inside_poll(aio, |aio, end| _ = aio.nop().priority(4).then(move |_| end()));
        });
    });
}

/// The last handle, inside a callback that another handle's poll runs: the poll goes on to its end.
#[test]
fn by_the_last_handle_inside_a_callback() {
    alone_for(LONG, "stop::by_the_last_handle_inside_a_callback", &[], || {
        for (name, aio) in engines() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            // The driver has no handle of its own while nothing is to be delivered.
            let over = Arc::new(AtomicUsize::new(0));
            runtime.block_on(async {
                let driver = tokio::spawn(ioaio::tokio::drive(&aio));
                let (own, told) = (aio.clone(), over.clone());
                let group = aio.group();
                aio.nop().group(&group).then(move |_| _ = told.fetch_add(1, Ordering::SeqCst));
                let told = over.clone();
                group.then(move || {
                    told.fetch_add(1, Ordering::SeqCst);
                    drop(own);
                });
                drop((aio, group));
                driver.await.unwrap().unwrap_or_else(|e| panic!("{name}: {e}"));
            });
            assert_eq!(over.load(Ordering::SeqCst), 2, "{name}");
        }
    });
}

#[test]
fn inside_the_callback_of_a_group() {
    alone_for(LONG, "stop::inside_the_callback_of_a_group", &[], || {
        every_work_ends(|aio| end_inside_poll(aio, |aio, end| aio.group().then(end)));
    });
}

#[test]
fn inside_a_feeder() {
    alone_for(LONG, "stop::inside_a_feeder", &[], || {
        every_work_ends(|aio| {
            end_inside_poll(aio, |aio, end| {
                let (group, mut end) = (aio.group(), Some(end));
                group.limit(0);
                group.feed(move |_| end.take().expect("called once")());
                group.limit(1);
            });
        });
    });
}

/// A worker, or whoever else executes a function, has the last handle of its engine.
#[test]
fn inside_a_function_that_it_executes() {
    alone_for(LONG, "stop::inside_a_function_that_it_executes", &[], || {
        for (name, work) in WORKS {
            for (engine, build, _) in ENGINES {
                eprintln!("{name}, {engine}");
                let aio = build(Aio::builder()).build().unwrap();
                let dir = tempfile::tempdir().unwrap();
                tree(dir.path());
                let held = Arc::new(());
                FED.set(Some(aio.clone()));
                let (may_end, runs) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
                let (mut own, may, tells) = (Some(aio.clone()), may_end.clone(), runs.clone());
                let function = move || {
                    tells.store(true, Ordering::SeqCst);
                    // Where poll executes, this thread itself has the other handle.
                    for _ in 0..20 {
                        if may.load(Ordering::SeqCst) {
                            break;
                        }
                        std::thread::sleep(Duration::from_millis(1));
                    }
                    drop(own.take());
                    Ok(())
                };
                aio.call(function).priority(4).then(|_| ());
                work(&aio, dir.path(), &held);
                eventually("it runs", || {
                    aio.poll().expect("poll");
                    runs.load(Ordering::SeqCst)
                });
                FED.set(None);
                drop(aio);
                may_end.store(true, Ordering::SeqCst);
                let what = format!("{name}, {engine}: all of it is dropped");
                eventually(&what, || Arc::strong_count(&held) == 1);
            }
        }
    });
}

#[test]
fn inside_the_destructor_of_a_thread_local() {
    thread_local! {
        static LAST: RefCell<Option<Aio>> = const { RefCell::new(None) };
    }
    alone_for(LONG, "stop::inside_the_destructor_of_a_thread_local", &[], || {
        // What the engine keeps for a thread is destroyed before this one, or after it.
        for first in [true, false] {
            every_work_ends(|aio| {
                let thread = std::thread::spawn(move || {
                    if first {
                        LAST.set(Some(aio.clone()));
                    }
                    aio.nop().then(|_| ());
                    aio.poll().unwrap();
                    aio.block_on(async { aio.nop().await }).unwrap();
                    LAST.set(Some(aio));
                });
                thread.join().expect("the thread ends");
            });
        }
    });
}

/// What the threads of the next test wait for; each result is fine, as long as there is one.
const WAITS: [fn(&Aio, &Path); 7] = [
    |aio, _| _ = futures::executor::block_on(async { aio.busy(Duration::from_millis(1)).await }),
    |aio, _| _ = futures::executor::block_on(async { aio.read_dir("/").await }),
    |aio, _| _ = aio.busy(Duration::from_millis(1)).group(&aio.group()).wait(),
    |aio, dir| _ = aio.walk(dir).metadata(true).into_iter().count(),
    |aio, dir| _ = aio.copy_tree(dir.join("tree"), dir.join("copy")).wait(),
    |aio, dir| _ = aio.du(dir).wait(),
    |aio, dir| {
        let group = aio.group();
        let members =
            [aio.du(dir).group(&group).into_future(), aio.du("/proc/self").group(&group).into_future()];
        _ = futures::executor::block_on(futures::future::join_all(members));
        futures::executor::block_on(group.into_future());
    },
];

/// The end from outside, with handles left: futures of other threads end, with what has happened.
#[test]
fn while_other_threads_await() {
    alone_for(LONG, "stop::while_other_threads_await", &[], || {
        let mut random = random();
        for _ in 0..5 {
            for (name, aio) in engines() {
                let dir = tempfile::tempdir().unwrap();
                tree(dir.path());
                let ended = Arc::new(AtomicUsize::new(0));
                for wait in WAITS {
                    let (aio, ended, dir) = (aio.clone(), ended.clone(), dir.path().to_owned());
                    std::thread::spawn(move || {
                        wait(&aio, &dir);
                        ended.fetch_add(1, Ordering::SeqCst);
                    });
                }
                std::thread::sleep(Duration::from_micros(random.u64(0..3000)));
                aio.end();
                let all = || ended.load(Ordering::SeqCst) == WAITS.len();
                eventually(&format!("{name}: all have ended"), all);
            }
        }
    });
}

/// A read that never ends is taken back from the ring, or left to its thread.
#[test]
fn while_a_request_never_ends() {
    alone("stop::while_a_request_never_ends", || {
        for (name, build, _) in ENGINES {
            let aio = build(Aio::builder()).build().unwrap();
            if name == "no threads" || (!aio.backend().pool && !aio.backend().ring) {
                continue; // only a poll would execute it, and never come back
            }
            let gate = Gate::new();
            for _ in 0..4 {
                gate.request(&aio).then(|_| ());
            }
            for _ in 0..4 {
                aio.busy(Duration::ZERO).priority(-1).then(|_| ());
            }
            drop(aio);
        }
    });
}
