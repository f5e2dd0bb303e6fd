//! Callbacks: run by poll alone, once, whatever they do.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ioaio::Aio;

use crate::common::{by_channel, drive, each_engine, eventually};

#[test]
fn callbacks_run_in_poll_and_nowhere_else() {
    each_engine(
        |b| b,
        |aio| {
            let here = std::thread::current().id();
            let (give, take) = std::sync::mpsc::channel();
            let runs = |give: &std::sync::mpsc::Sender<_>| {
                let give = give.clone();
                move || give.send(std::thread::current().id()).unwrap()
            };
            let run = runs(&give);
            aio.nop().then(move |_| run());
            let run = runs(&give);
            aio.stat("/none").then(move |_| run());
            let run = runs(&give);
            aio.stat("a\0b").then(move |_| run());
            while !aio.wait(Some(Duration::ZERO)).unwrap() {}
            aio.stat("/").wait().unwrap();
            assert!(take.try_recv().is_err(), "neither in submit nor in wait");
            drive(aio);
            assert_eq!(take.try_iter().collect::<Vec<_>>(), [here; 3]);
        },
    );
}

#[test]
fn callbacks_submit_requests() {
    fn next(aio: &Aio, left: usize, count: &Arc<AtomicUsize>) {
        let (inner, counter) = (aio.clone(), count.clone());
        let then = move || {
            counter.fetch_add(1, Ordering::Relaxed);
            if left > 0 {
                next(&inner, left - 1, &counter);
            }
        };
        match left % 3 {
            0 => drop(aio.nop().then(move |_| then())),
            1 => drop(aio.stat("/").then(move |_| then())),
            _ => drop(aio.busy(Duration::ZERO).then(move |_| then())),
        }
    }
    each_engine(
        |b| b,
        |aio| {
            let count = Arc::default();
            (0..10).for_each(|_| next(aio, 99, &count));
            drive(aio);
            assert_eq!(count.load(Ordering::Relaxed), 1000);
        },
    );
}

#[test]
fn callbacks_may_wait_and_poll() {
    each_engine(
        |b| b,
        |aio| {
            let other = by_channel(aio.nop());
            let inner = aio.clone();
            aio.nop().priority(4).then(move |_| {
                assert!(inner.stat("/").wait().unwrap().is_dir());
                inner.poll().unwrap();
            });
            drive(aio);
            other.try_recv().unwrap().unwrap();
        },
    );
}

#[test]
fn a_panic_leaves_the_engine_usable() {
    each_engine(
        |b| b,
        |aio| {
            let before = by_channel(aio.nop());
            aio.nop().then(|_| std::panic::resume_unwind(Box::new("a callback's own panic")));
            let after = by_channel(aio.stat("/"));
            let mut panics = 0;
            while aio.nreqs() > 0 {
                assert!(aio.wait(None).unwrap());
                panics += usize::from(catch_unwind(AssertUnwindSafe(|| aio.poll())).is_err());
            }
            assert_eq!(panics, 1, "it goes through poll");
            before.try_recv().unwrap().unwrap();
            assert!(after.try_recv().unwrap().unwrap().is_dir());
            let again = by_channel(aio.nop());
            aio.flush().unwrap();
            again.try_recv().unwrap().unwrap();
        },
    );
}

#[test]
fn dropping_a_handle_changes_nothing() {
    each_engine(
        |b| b,
        |aio| {
            let (give, take) = std::sync::mpsc::channel();
            for _ in 0..10 {
                let give = give.clone();
                let handle = aio.stat("/").then(move |st| give.send(st.unwrap().is_dir()).unwrap());
                drop(handle.clone());
                drop(handle);
            }
            drive(aio);
            assert_eq!(take.try_iter().filter(|&dir| dir).count(), 10);
        },
    );
}

#[test]
fn what_a_callback_holds_is_dropped_with_it() {
    each_engine(
        |b| b,
        |aio| {
            let held = Arc::new(());
            let inner = held.clone();
            let handle = aio.nop().then(move |_| drop(inner));
            drive(aio);
            eventually("the callback is gone", || Arc::strong_count(&held) == 1);
            drop(handle);
        },
    );
}

#[test]
fn flush_in_a_callback_flushes_the_others() {
    each_engine(
        |b| b,
        |aio| {
            let done = Arc::new(AtomicUsize::new(0));
            let (own, other, seen) = (aio.clone(), done.clone(), done.clone());
            aio.nop().then(move |_| {
                own.busy(Duration::from_millis(1)).then(move |_| _ = other.fetch_add(1, Ordering::SeqCst));
                own.flush().unwrap();
                assert_eq!(seen.load(Ordering::SeqCst), 1);
            });
            aio.flush().unwrap();
            assert_eq!((aio.nreqs(), done.load(Ordering::SeqCst)), (0, 1));
        },
    );
}
