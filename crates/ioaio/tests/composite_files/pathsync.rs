//! pathsync.

use std::fs;

use ioaio::{Aio, Faults};

use crate::common::each_route;

#[test]
fn files_and_directories_are_synced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "hello").unwrap();
    std::os::unix::fs::symlink("file", dir.path().join("link")).unwrap();
    let handle = ioaio::Dir::open(dir.path()).unwrap();
    each_route(|t| {
        t.get(t.pathsync(&path)).unwrap();
        t.get(t.pathsync(dir.path())).unwrap();
        t.get(t.pathsync(dir.path().join("link"))).unwrap();
        t.get(t.pathsync("file").at(&handle)).unwrap();
        t.get(t.pathsync(".").at(&handle)).unwrap();
        let error = t.get(t.pathsync(dir.path().join("none"))).unwrap_err();
        assert_eq!((error.call(), error.raw_os_error()), ("openat", Some(libc::ENOENT)));
    });
}

#[test]
fn both_are_synced_and_each_failure_tells() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "hello").unwrap();
    let run = |plan: &Faults| {
        let aio = Aio::builder().faults(plan.clone()).build().unwrap();
        aio.pathsync(&path).wait()
    };
    let plan = Faults::new(1);
    run(&plan).unwrap();
    let calls: Vec<_> = (1..plan.asked())
        .map(|n| run(&Faults::new(1).fail_nth(n, libc::EIO)).expect_err("a fault").call())
        .collect();
    assert_eq!(calls, ["openat", "fsync", "statx", "openat", "fsync"]);
}
