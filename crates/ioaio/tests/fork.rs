//! Forking with requests in flight: the child is told, and the parent loses nothing.

#[path = "common/mod.rs"]
mod common;

use std::future::IntoFuture;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use common::{block_on, by_channel, drive, errno, in_child};
use ioaio::{Aio, File};
use rustix::io::Errno;

/// An engine with requests of every kind in flight, and what they are waited for by.
struct Busy {
    aio: Aio,
    results: Vec<std::sync::mpsc::Receiver<std::io::Result<()>>>,
    reads: Vec<std::sync::mpsc::Receiver<(std::io::Result<usize>, Vec<u8>)>>,
    writer: std::io::PipeWriter,
}

impl Busy {
    fn new() -> Self {
        let aio = Aio::builder().inline(false).max_parallel(4).build().unwrap();
        let results = (0..8).map(|_| by_channel(aio.busy(Duration::from_millis(2)))).collect();
        let (reader, writer) = std::io::pipe().unwrap();
        let pipe = File::from(std::os::fd::OwnedFd::from(reader));
        let reads = (0..2).map(|_| by_channel(aio.read(&pipe, vec![0; 1]))).collect();
        Busy { aio, results, reads, writer }
    }
    /// In the parent: everything completes.
    fn end(mut self) {
        use std::io::Write;
        self.writer.write_all(b"xy").unwrap();
        drive(&self.aio);
        for result in self.results {
            result.try_recv().expect("the callback has run").unwrap();
        }
        let read = |r: &std::sync::mpsc::Receiver<_>| r.try_recv().expect("the callback has run");
        let mut bytes: Vec<u8> = self
            .reads
            .iter()
            .flat_map(|r| {
                let (n, buf): (std::io::Result<usize>, Vec<u8>) = read(r);
                assert_eq!(n.unwrap(), 1);
                buf
            })
            .collect();
        bytes.sort_unstable();
        assert_eq!(bytes, b"xy");
    }
}

#[test]
fn a_child_is_told_and_can_start_anew() {
    let busy = Busy::new();
    let fd = busy.aio.as_fd().as_raw_fd();
    in_child(|| {
        let aio = &busy.aio;
        assert_eq!(errno(aio.poll()), Errno::OWNERDEAD);
        assert_eq!(errno(aio.wait(None)), Errno::OWNERDEAD);
        assert_eq!(errno(block_on(aio.stat("/").into_future())), Errno::OWNERDEAD);
        aio.reinit().unwrap();
        assert_eq!((aio.nreqs(), aio.as_fd().as_raw_fd()), (0, fd), "nothing left, the same number");
        let seen = by_channel(aio.stat("/"));
        drive(aio);
        assert!(seen.try_recv().unwrap().unwrap().is_dir());
        // And once more, a generation later.
        in_child(|| {
            assert_eq!(errno(aio.poll()), Errno::OWNERDEAD);
            aio.reinit().unwrap();
            assert!(block_on(aio.stat("/").into_future()).unwrap().is_dir());
        });
        assert_eq!(errno(aio.reinit()), Errno::BUSY, "this is no forked process by now");
    });
    busy.end();
}

#[test]
fn a_child_may_drop_everything() {
    let busy = Busy::new();
    let mut future = busy.aio.busy(Duration::from_millis(5)).into_future();
    let _ = Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop()));
    let group = busy.aio.group();
    let handle = busy.aio.busy(Duration::from_millis(5)).group(&group).then(|done| done.unwrap());
    let mut kept = Some((future, group, handle, busy));
    in_child(|| {
        let (future, group, handle, busy) = kept.take().unwrap();
        handle.cancel();
        group.cancel();
        drop((future, group, handle, busy));
    });
    let (future, group, _handle, busy) = kept.take().unwrap();
    block_on(future).unwrap();
    busy.end();
    drop(group);
}

#[test]
fn children_one_after_the_other_while_requests_run() {
    let busy = Busy::new();
    for _ in 0..5 {
        in_child(|| {
            busy.aio.reinit().unwrap();
            assert!(busy.aio.stat("/").wait().unwrap().is_dir());
        });
    }
    busy.end();
}

/// Sets its flag at the end, also that of a panic.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whatever lock another thread has while a child is forked, the child has it locked for ever.
#[test]
fn a_child_needs_no_lock_that_was_taken_when_it_was_forked() {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _end = End(&over);
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let threads: Vec<_> = (0..64).map(|_| std::thread::spawn(|| {})).collect();
                threads.into_iter().for_each(|thread| thread.join().unwrap());
            }
        });
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let aio = Aio::builder().inline(false).build().unwrap();
                aio.stat("/proc/self").wait().unwrap();
            }
        });
        for _ in 0..500 {
            in_child(|| {
                let aio = Aio::builder().inline(false).ring(false).build().unwrap();
                let stats = ["/", "."].map(|path| by_channel(aio.stat(path)));
                drive(&aio);
                stats.iter().for_each(|stat| assert!(stat.try_recv().unwrap().is_ok()));
            });
        }
    });
}

#[test]
fn a_handle_from_before_a_fork_cancels_nothing() {
    let aio = Aio::builder().inline(false).ring(false).max_parallel(1).build().unwrap();
    let running = by_channel(aio.busy(Duration::from_millis(20)));
    let (queued, result) = common::by_channel_handle(aio.busy(Duration::ZERO));
    in_child(|| {
        aio.reinit().expect("reinit");
        let mine = by_channel(aio.busy(Duration::from_millis(1)));
        queued.cancel();
        drive(&aio);
        mine.try_recv().expect("the callback has run").unwrap();
        assert!(result.try_recv().is_err(), "the parent's");
    });
    drive(&aio);
    for result in [running, result] {
        result.try_recv().expect("the callback has run").unwrap();
    }
}

/// Else somebody else's file could get the number, and a second try would close it.
#[test]
fn a_failed_reinit_keeps_the_number_of_the_poll_fd() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let aio = Aio::new().unwrap();
    let fd = aio.as_fd().as_raw_fd();
    in_child(|| {
        let before = getrlimit(Resource::Nofile);
        let none = Rlimit { current: Some(0), maximum: before.maximum };
        setrlimit(Resource::Nofile, none).unwrap();
        assert_eq!(errno(aio.reinit()), Errno::MFILE);
        setrlimit(Resource::Nofile, before).unwrap();
        let file = std::fs::File::open("/dev/null").unwrap();
        assert_ne!(file.as_raw_fd(), fd, "the number is free");
        aio.reinit().unwrap();
        assert_eq!(aio.as_fd().as_raw_fd(), fd);
        assert!(aio.stat("/").wait().unwrap().is_dir());
    });
}

#[test]
fn a_future_from_before_the_fork_does_not_wait_for_ever() {
    let aio = Aio::new().unwrap();
    let mut future = aio.busy(Duration::from_millis(5)).into_future();
    let mut cx = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut future).poll(&mut cx).is_pending());
    in_child(|| {
        aio.reinit().unwrap();
        let polled =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| Pin::new(&mut future).poll(&mut cx)));
        assert!(polled.is_err(), "it ends in the parent");
    });
    block_on(future).unwrap();
}
