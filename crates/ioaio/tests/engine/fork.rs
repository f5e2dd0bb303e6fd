//! A forked child, before and after reinit.

use std::os::fd::{AsFd, AsRawFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rustix::io::Errno;

use crate::common::{block_on, by_channel, drive, each_engine, errno, in_child};

#[test]
fn a_forked_child_is_told_so_until_reinit() {
    each_engine(
        |b| b,
        |aio| {
            let kept = by_channel(aio.stat("/"));
            let number = aio.as_fd().as_raw_fd();
            in_child(|| {
                assert_eq!(errno(aio.poll()), Errno::OWNERDEAD);
                assert_eq!(errno(aio.wait(None)), Errno::OWNERDEAD);
                assert_eq!(errno(aio.flush()), Errno::OWNERDEAD);
                assert_eq!(errno(aio.nop().wait()), Errno::OWNERDEAD);
                assert_eq!(errno(block_on(async { aio.nop().await })), Errno::OWNERDEAD);
                assert!(catch_unwind(AssertUnwindSafe(|| aio.nop().then(drop))).is_err());
                aio.reinit().unwrap();
                assert_eq!(errno(aio.reinit()), Errno::BUSY, "this engine is of this process");
                assert_eq!((aio.nreqs(), aio.as_fd().as_raw_fd()), (0, number));
                let own = by_channel(aio.stat("/"));
                drive(aio);
                assert!(own.try_recv().unwrap().unwrap().is_dir());
                assert!(kept.try_recv().is_err(), "the parent's");
            });
            assert_eq!(errno(aio.reinit()), Errno::BUSY);
            drive(aio);
            assert!(kept.try_recv().unwrap().unwrap().is_dir());
        },
    );
}
