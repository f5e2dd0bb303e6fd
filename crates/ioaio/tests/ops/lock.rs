//! flock, lock_range.

use std::time::Duration;

use ioaio::{Aio, File, LockKind, OFlags};
use rustix::io::Errno;
use tempfile::NamedTempFile;

use crate::common::{Case, by_channel, drive, each_engine, each_route, errno, eventually};

use LockKind::{Exclusive, Shared, Unlock};

/// The same file, opened twice.
fn twice() -> (NamedTempFile, File, File) {
    let path = NamedTempFile::new().unwrap();
    let open = || {
        let mut options = std::fs::OpenOptions::new();
        File::from(options.read(true).write(true).open(&path).unwrap())
    };
    let (a, b) = (open(), open());
    (path, a, b)
}

fn refused(t: &Case, file: &File, kind: LockKind) {
    assert_eq!(errno(t.get(t.flock(file, kind).dont_wait())), Errno::AGAIN);
}

#[test]
fn a_lock_of_a_file_keeps_others_out() {
    each_route(|t| {
        let (_path, a, b) = twice();
        t.get(t.flock(&a, Shared)).unwrap();
        t.get(t.flock(&b, Shared)).unwrap();
        refused(t, &b, Exclusive);
        t.get(t.flock(&a, Unlock)).unwrap();
        t.get(t.flock(&b, Exclusive)).unwrap();
        refused(t, &a, Shared);
        t.get(t.close(b)).unwrap();
        t.get(t.flock(&a, Exclusive)).unwrap();
    });
}

#[test]
fn a_lock_of_a_range_keeps_others_out_of_it() {
    each_route(|t| {
        let (_path, a, b) = twice();
        t.get(t.lock_range(&a, Exclusive, 10, 10)).unwrap();
        t.get(t.lock_range(&b, Exclusive, 0, 10)).unwrap();
        assert_eq!(errno(t.get(t.lock_range(&b, Shared, 19, 1).dont_wait())), Errno::AGAIN);
        t.get(t.lock_range(&b, Shared, 20, 0)).unwrap();
        assert_eq!(errno(t.get(t.lock_range(&a, Exclusive, 1 << 40, 1).dont_wait())), Errno::AGAIN);
        t.get(t.lock_range(&a, Unlock, 0, 0)).unwrap();
        t.get(t.lock_range(&b, Exclusive, 0, 0).dont_wait()).unwrap();
    });
}

#[test]
fn bad_arguments_of_locks() {
    each_route(|t| {
        let (path, a, _b) = twice();
        for (start, len) in [(1 << 63, 1), (u64::MAX, 0), (0, 1 << 63)] {
            assert_eq!(errno(t.get(t.lock_range(&a, Shared, start, len))), Errno::INVAL);
        }
        let past = t.get(t.lock_range(&a, Shared, i64::MAX as u64, 2));
        assert_eq!(errno(past), Errno::OVERFLOW);
        let reader = t.get(t.open(path.path())).unwrap();
        assert_eq!(errno(t.get(t.lock_range(&reader, Exclusive, 0, 1))), Errno::BADF);
        t.get(t.flock(&reader, Exclusive)).unwrap();
        let path = t.get(t.open("/").flags(OFlags::PATH)).unwrap();
        assert_eq!(errno(t.get(t.flock(&path, Shared))), Errno::BADF);
    });
}

/// More waiters than a pool has threads.
const WAITERS: usize = 40;

fn wait_for(aio: &Aio, path: &NamedTempFile) -> Vec<std::sync::mpsc::Receiver<std::io::Result<()>>> {
    (0..WAITERS)
        .map(|i| {
            let file = aio.open(path.path()).flags(OFlags::RDWR).wait().unwrap();
            by_channel(if i % 2 == 0 {
                aio.flock(&file, Shared)
            } else {
                aio.lock_range(&file, Shared, 0, 0)
            })
        })
        .collect()
}

fn hold(aio: &Aio) -> (NamedTempFile, File) {
    let (path, holder, _) = twice();
    aio.flock(&holder, Exclusive).wait().unwrap();
    aio.lock_range(&holder, Exclusive, 0, 0).wait().unwrap();
    (path, holder)
}

#[test]
fn who_waits_for_a_lock_leaves_the_threads_to_others() {
    each_engine(
        |b| b,
        |aio| {
            let (path, holder) = hold(aio);
            let waiters = wait_for(aio, &path);
            for _ in 0..3 {
                let done = by_channel(aio.busy(Duration::from_millis(1)));
                let mut seen = None;
                eventually("another request is executed", || {
                    aio.poll().unwrap();
                    seen = done.try_recv().ok();
                    seen.is_some()
                });
                seen.unwrap().unwrap();
            }
            assert!(waiters.iter().all(|waiter| waiter.try_recv().is_err()), "the lock is still held");
            aio.close(holder).wait().unwrap();
            drive(aio);
            waiters.iter().for_each(|waiter| waiter.try_recv().expect("its result").unwrap());
        },
    );
}

#[test]
fn a_cancel_ends_the_waiting() {
    each_engine(
        |b| b,
        |aio| {
            let (path, _holder) = hold(aio);
            let group = aio.group();
            let file = aio.open(path.path()).wait().unwrap();
            let (give, take) = std::sync::mpsc::channel();
            for _ in 0..WAITERS {
                let give = give.clone();
                aio.flock(&file, Shared).group(&group).then(move |res| give.send(res).unwrap());
            }
            for _ in 0..10 {
                std::thread::sleep(Duration::from_millis(1));
                aio.poll().unwrap();
            }
            assert!(take.try_recv().is_err(), "the lock is still held");
            group.cancel();
            drop(group);
            drive(aio);
            let ended: Vec<_> = take.try_iter().collect();
            assert!(ended.into_iter().all(|res| errno(res) == Errno::CANCELED));
        },
    );
}

#[test]
fn a_dropped_future_waits_no_more() {
    each_engine(
        |b| b,
        |aio| {
            let (path, holder) = hold(aio);
            let file = aio.open(path.path()).wait().unwrap();
            let mut future = Box::pin(std::future::IntoFuture::into_future(aio.flock(&file, Shared)));
            let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
            assert!(future.as_mut().poll(&mut cx).is_pending());
            drop(future);
            drive(aio);
            aio.close(holder).wait().unwrap();
            let other = aio.open(path.path()).wait().unwrap();
            // A child that another test has just forked may have the files for a moment longer.
            eventually("the lock is free", || aio.flock(&other, Exclusive).dont_wait().wait().is_ok());
        },
    );
}

#[test]
fn an_engine_may_end_while_a_request_waits_for_a_lock() {
    let aio = Aio::builder().inline(false).build().unwrap();
    let (path, _holder) = hold(&aio);
    let canary = std::sync::Arc::new(());
    let file = aio.open(path.path()).wait().unwrap();
    let held = canary.clone();
    aio.flock(&file, Shared).group(&aio.group()).then(move |_| drop(held));
    std::thread::sleep(Duration::from_millis(5));
    drop((aio, file));
    eventually("the request is freed", || std::sync::Arc::strong_count(&canary) == 1);
}
