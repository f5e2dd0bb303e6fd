//! Where the system gives no more threads, descriptors or memory: other routes, or a clear error.

#[path = "common/mod.rs"]
mod common;

use std::time::Duration;

use common::{block_on, drive, in_child};
use ioaio::{Aio, Builder};
use rustix::process::{Resource, Rlimit};

type Build = fn(Builder) -> Builder;

const ENGINES: [(&str, Build); 3] = [
    ("default", |b| b.inline(false)),
    ("ring only", |b| b.inline(false).pool(false)),
    ("pool only", |b| b.inline(false).ring(false)),
];

/// From now on this process can't start a thread.
fn refuse_threads() {
    common::refused::refuse(&[libc::SYS_clone, libc::SYS_clone3], libc::EAGAIN);
    assert!(std::thread::Builder::new().spawn(|| ()).is_err(), "threads are refused");
}

#[test]
fn without_threads_poll_executes_and_futures_execute_themselves() {
    in_child(|| {
        refuse_threads();
        for (name, build) in ENGINES {
            let aio = build(Aio::builder()).build().unwrap();
            let seen = common::by_channel(aio.stat("/"));
            drive(&aio);
            assert!(seen.try_recv().unwrap().unwrap().is_dir(), "{name}: a callback");
            assert!(block_on(async { aio.stat("/").await }).unwrap().is_dir(), "{name}: a future");
            let file = aio.open("/proc/self/exe").wait().unwrap();
            let (n, buf) = block_on(async { aio.read_at(&file, vec![0; 4], 0).await });
            assert_eq!((n.unwrap(), &buf[..]), (4, &b"\x7fELF"[..]), "{name}: a read");
            let group = aio.group();
            aio.stat("/").group(&group).wait().unwrap();
            assert_eq!(aio.nthreads(), 0);
        }
    });
}

/// An engine made with this many descriptors left either works or says what is missing.
#[test]
fn few_descriptors() {
    in_child(|| {
        let limit = Rlimit { current: Some(64), maximum: Some(64) };
        rustix::process::setrlimit(Resource::Nofile, limit).unwrap();
        let mut fillers = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            fillers.push(file);
        }
        let (mut without_ring, mut works) = (0, 0);
        for _ in 0..8 {
            match Aio::new() {
                Err(e) => assert_eq!(e.raw_os_error(), Some(libc::EMFILE), "{e}"),
                Ok(aio) => {
                    works += 1;
                    without_ring += u32::from(!aio.backend().ring);
                    assert!(block_on(async { aio.lstat("/").await }).unwrap().is_dir());
                }
            }
            fillers.pop();
        }
        assert!(works > 0 && without_ring > 0, "{works} engines, {without_ring} of them without a ring");
    });
}

/// Many engines at once: rings are charged to locked memory, and what does not get one goes without.
#[test]
fn many_engines() {
    common::as_nobody(|| {
        let limit = Rlimit { current: Some(1 << 20), maximum: Some(1 << 20) };
        rustix::process::setrlimit(Resource::Memlock, limit).unwrap();
        let engines: Vec<Aio> = (0..100).map(|_| Aio::new().unwrap()).collect();
        for aio in &engines {
            assert!(block_on(async { aio.stat("/").await }).unwrap().is_dir());
            let backend = aio.backend();
            assert!(backend.ring || backend.ring_off.is_some());
        }
    });
}

/// The address space is full: threads can't have stacks.
#[test]
fn no_memory_for_stacks() {
    in_child(|| {
        let aio = Aio::builder().inline(false).ring(false).build().unwrap();
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
        let bytes = pages * rustix::param::page_size() as u64 + (64 << 10);
        let limit = Rlimit { current: Some(bytes), maximum: None };
        rustix::process::setrlimit(Resource::As, limit).unwrap();
        let busy = common::by_channel(aio.busy(Duration::from_millis(1)));
        drive(&aio);
        busy.try_recv().unwrap().unwrap();
    });
}
