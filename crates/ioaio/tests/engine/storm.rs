//! Many threads at once: every request completes exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use ioaio::Aio;

use crate::common::{HANG, block_on, each_engine, readable};

const THREADS: usize = 8;
const EACH: usize = 12_500;

fn storm(aio: &Aio) {
    let counts: Arc<Vec<AtomicU8>> = Arc::new((0..THREADS * EACH).map(|_| AtomicU8::new(0)).collect());
    let submitting = AtomicUsize::new(THREADS);
    std::thread::scope(|s| {
        for thread in 0..THREADS {
            let (counts, submitting) = (&counts, &submitting);
            s.spawn(move || {
                for i in thread * EACH..(thread + 1) * EACH {
                    let counts = counts.clone();
                    aio.nop().then(move |res| {
                        res.unwrap();
                        counts[i].fetch_add(1, Ordering::Relaxed);
                    });
                }
                submitting.fetch_sub(1, Ordering::SeqCst);
                aio.nop().then(|_| ()); // wakes the loop
            });
        }
        while submitting.load(Ordering::SeqCst) > 0 || aio.nreqs() > 0 {
            assert!(readable(aio, HANG), "the poll fd stays silent with {aio:?} and {:?}", aio.stats());
            aio.poll().unwrap();
        }
    });
    crate::common::drive(aio);
    assert!(counts.iter().all(|n| n.load(Ordering::Relaxed) == 1));
}

#[test]
fn eight_threads_submit_a_hundred_thousand_callbacks() {
    each_engine(|b| b, storm);
}

#[test]
fn eight_threads_submit_to_little_room() {
    each_engine(
        |b| b.max_outstanding(16).ring_in_flight(4),
        |aio| {
            std::thread::scope(|s| {
                let threads: Vec<_> = (0..THREADS)
                    .map(|_| {
                        s.spawn(|| {
                            for _ in 0..100 {
                                aio.stat("/").then(|st| assert!(st.unwrap().is_dir()));
                            }
                        })
                    })
                    .collect();
                while !threads.iter().all(|t| t.is_finished()) || aio.nreqs() > 0 {
                    aio.wait(Some(std::time::Duration::from_millis(1))).unwrap();
                    aio.poll().unwrap();
                }
            });
        },
    );
}

#[test]
fn eight_threads_await_without_a_poll() {
    each_engine(
        |b| b,
        |aio| {
            std::thread::scope(|s| {
                for _ in 0..THREADS {
                    s.spawn(|| {
                        block_on(async {
                            for _ in 0..200 {
                                aio.nop().await.unwrap();
                                assert!(aio.stat("/").await.unwrap().is_dir());
                                aio.busy(std::time::Duration::ZERO).await.unwrap();
                            }
                        });
                    });
                }
            });
        },
    );
}
