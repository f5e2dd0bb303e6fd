//! The end of an engine.

use std::sync::Arc;
use std::time::Duration;

use ioaio::Aio;

use crate::common::gate::Gate;
use crate::common::{block_on, each_engine, eventually, in_child};

#[test]
fn the_end_of_an_engine_drops_what_nobody_will_hear_of() {
    let held = Arc::new(());
    let gate = Gate::new();
    each_engine(
        |b| b,
        |aio| {
            let settings = aio.backend();
            let own = Aio::builder()
                .inline(settings.inline)
                .ring(settings.ring)
                .pool(settings.pool)
                .max_parallel(1)
                .build()
                .unwrap();
            for _ in 0..5 {
                let (one, two) = (held.clone(), held.clone());
                own.busy(Duration::ZERO).then(move |_| drop(one));
                own.nop().then(move |_| drop(two));
            }
            if settings.pool {
                let held = held.clone();
                gate.request(&own).then(move |_| drop(held));
            }
            drop(own);
            if settings.pool {
                gate.open();
            }
            eventually("every callback is dropped", || Arc::strong_count(&held) == 1);
        },
    );
}

#[test]
fn an_engine_leaves_no_thread_behind() {
    // The threads of other tests are not in there.
    in_child(|| {
        for _ in 0..50 {
            each_engine(
                |b| b,
                |aio| {
                    block_on(async { aio.busy(Duration::ZERO).await }).unwrap();
                    block_on(async { aio.stat("/").await }).unwrap();
                },
            );
        }
        let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
        eventually("this thread is alone", || threads() == 1);
    });
}

#[test]
fn a_clone_keeps_the_engine() {
    let aio = Aio::new().unwrap();
    let (give, take) = std::sync::mpsc::channel();
    aio.busy(Duration::ZERO).then(move |res| give.send(res).unwrap());
    let clone = aio.clone();
    drop(aio);
    clone.flush().unwrap();
    take.try_recv().unwrap().unwrap();
}
