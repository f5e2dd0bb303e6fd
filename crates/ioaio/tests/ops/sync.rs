//! fsync, fdatasync.

use std::os::fd::OwnedFd;

use ioaio::{File, OFlags};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{each_route, errno};

#[test]
fn sync_takes_files_and_directories() {
    let dir = tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    each_route(|t| {
        let write = t.get(t.open(dir.path().join("file")).flags(OFlags::WRONLY)).unwrap();
        t.get(t.write_at(&write, "data", 0)).0.unwrap();
        t.get(t.fdatasync(&write)).unwrap();
        t.get(t.fsync(&write)).unwrap();
        let read = t.get(t.open(dir.path().join("file"))).unwrap();
        t.get(t.fsync(&read)).unwrap();
        let dir = t.get(t.open(dir.path()).flags(OFlags::DIRECTORY)).unwrap();
        t.get(t.fsync(&dir)).unwrap();
        t.get(t.fdatasync(&dir)).unwrap();
    });
}

#[test]
fn errors_of_sync_keep_their_errno() {
    each_route(|t| {
        let (reader, _writer) = std::io::pipe().unwrap();
        let pipe = File::from(OwnedFd::from(reader));
        assert_eq!(errno(t.get(t.fsync(&pipe))), Errno::INVAL);
        assert_eq!(errno(t.get(t.fdatasync(&pipe))), Errno::INVAL);
        let path = t.get(t.open("/").flags(OFlags::PATH)).unwrap();
        assert_eq!(errno(t.get(t.fsync(&path))), Errno::BADF);
        assert_eq!(errno(t.get(t.fdatasync(&path))), Errno::BADF);
    });
}
