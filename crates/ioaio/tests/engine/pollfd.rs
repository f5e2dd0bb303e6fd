//! The poll fd: no loop that waits for it ever stalls.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ioaio::{Aio, File, Op, Request};
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use tempfile::tempfile;

use crate::common::gate::Gate;
use crate::common::{HANG, by_channel, drive, each_engine, eventually, readable};

#[test]
fn it_is_silent_without_results() {
    each_engine(
        |b| b,
        |aio| {
            assert!(!readable(aio, Duration::ZERO), "a new engine");
            let result = by_channel(aio.nop());
            assert!(readable(aio, HANG));
            drive(aio);
            result.try_recv().unwrap().unwrap();
            while aio.poll().unwrap() > 0 {}
            assert!(!readable(aio, Duration::ZERO), "a call has found nothing");
        },
    );
}

#[test]
fn it_is_silent_while_a_request_runs() {
    let aio = Aio::builder().ring(false).inline(false).build().unwrap();
    let gate = Gate::new();
    let result = by_channel(gate.request(&aio));
    assert_eq!(aio.poll().unwrap(), 0);
    assert!(!readable(&aio, Duration::from_millis(5)));
    gate.open();
    assert!(readable(&aio, HANG));
    eventually("the result is there", || aio.npending() == 1);
    assert!(readable(&aio, Duration::ZERO) && readable(&aio, Duration::ZERO), "until poll");
    assert_eq!(aio.poll().unwrap(), 1);
    result.try_recv().unwrap().0.unwrap();
}

/// Keeps 20 requests going, of all kinds, until `left` is used up.
struct Load {
    left: AtomicUsize,
    done: AtomicUsize,
    file: File,
}

impl Load {
    fn start(aio: &Aio, n: usize) -> Arc<Load> {
        let file = File::from(tempfile().unwrap());
        aio.write_at(&file, vec![7; 100_000], 0).wait().0.unwrap();
        let load = Arc::new(Load { left: AtomicUsize::new(n), done: AtomicUsize::new(0), file });
        (0..20).for_each(|_| load.next(aio));
        load
    }
    fn next(self: &Arc<Self>, aio: &Aio) {
        let took = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        match took.map(|n| n % 6) {
            Ok(0) => self.submit(aio, aio.nop()),
            Ok(1) => self.submit(aio, aio.busy(Duration::ZERO)),
            Ok(2) => self.submit(aio, aio.stat("/")),
            Ok(3) => self.submit(aio, aio.read_at(&self.file, vec![0; 80_000], 0)),
            Ok(4) => self.submit(aio, aio.read_at(&self.file, vec![0; 800], 99_000)),
            Ok(_) => self.submit(aio, aio.read_dir("/proc/self/ns")),
            Err(_) => {}
        }
    }
    fn submit<O: Op>(self: &Arc<Self>, aio: &Aio, request: Request<'_, O>) {
        let (load, aio) = (self.clone(), aio.clone());
        request.then(move |_| {
            load.done.fetch_add(1, Ordering::Relaxed);
            load.next(&aio);
        });
    }
}

const LOAD: usize = 600;

#[test]
fn a_plain_loop_never_stalls() {
    for max_poll_reqs in [1, 3, usize::MAX] {
        each_engine(
            |b| b.max_poll_reqs(max_poll_reqs).ring_in_flight(4),
            |aio| {
                let load = Load::start(aio, LOAD);
                drive(aio);
                assert_eq!(load.done.load(Ordering::Relaxed), LOAD);
            },
        );
    }
}

#[test]
fn an_edge_triggered_loop_that_polls_until_nothing_is_left_never_stalls() {
    let limit = Timespec::try_from(HANG).unwrap();
    for max_poll_reqs in [1, usize::MAX] {
        each_engine(
            |b| b.max_poll_reqs(max_poll_reqs),
            |aio| {
                let epoll = epoll::create(CreateFlags::CLOEXEC).unwrap();
                let flags = EventFlags::IN | EventFlags::ET;
                epoll::add(&epoll, aio, EventData::new_u64(0), flags).unwrap();
                let load = Load::start(aio, LOAD);
                while aio.nreqs() > 0 {
                    let mut events = [Event { flags: EventFlags::empty(), data: EventData::new_u64(0) }];
                    match epoll::wait(&epoll, &mut events[..], Some(&limit)) {
                        Err(Errno::INTR) => continue,
                        n => assert_eq!(n.unwrap(), 1, "no edge with {aio:?} and {:?}", aio.stats()),
                    }
                    while aio.poll().unwrap() > 0 {}
                }
                assert_eq!(load.done.load(Ordering::Relaxed), LOAD);
            },
        );
    }
}

#[test]
fn several_threads_may_poll() {
    each_engine(
        |b| b,
        |aio| {
            let load = Load::start(aio, LOAD);
            std::thread::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| aio.flush().unwrap());
                }
            });
            assert_eq!(load.done.load(Ordering::Relaxed), LOAD);
        },
    );
}
