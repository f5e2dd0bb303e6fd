//! scan.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::fs::symlink;

use ioaio::{Dir, Entry, FileType};
use rustix::fs::{CWD, Mode};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{each_route, errno};

fn names<'a>(list: impl Iterator<Item = Entry<'a>>) -> BTreeSet<OsString> {
    list.map(|entry| entry.name().to_owned()).collect()
}

fn set(names: &[&str]) -> BTreeSet<OsString> {
    names.iter().map(OsString::from).collect()
}

#[test]
fn directories_are_apart_from_everything_else() {
    let top = tempdir().unwrap();
    let path = |name: &str| top.path().join(name);
    for dir in ["a", "b.d", "c"] {
        std::fs::create_dir(path(dir)).unwrap();
    }
    std::fs::write(path("file"), "").unwrap();
    rustix::fs::mknodat(CWD, path("fifo"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    symlink("a", path("link")).unwrap();
    symlink("nowhere", path("broken")).unwrap();
    each_route(|t| {
        let scanned = t.get(t.scan(top.path())).unwrap();
        assert_eq!(names(scanned.dirs()), set(&["a", "b.d", "c"]));
        assert_eq!(names(scanned.others()), set(&["file", "fifo", "link", "broken"]));
        assert!(scanned.dirs().all(|entry| entry.file_type() == FileType::Directory));
        assert_eq!((scanned.dirs().len(), scanned.others().len()), (3, 4));
        let list = scanned.into_entries();
        assert_eq!(list.len(), 7);
        assert!(list.dir().is_none(), "not asked for");

        let dir = Dir::open(top.path()).unwrap();
        let empty = t.get(t.scan("c").at(&dir).keep_open(true)).unwrap();
        assert_eq!((empty.dirs().len(), empty.others().len()), (0, 0));
        let kept = empty.into_entries();
        assert!(t.get(t.stat(".").at(kept.dir().unwrap())).unwrap().is_dir());
    });
}

#[test]
fn files_that_the_kernel_makes_up() {
    each_route(|t| {
        let scanned = t.get(t.scan("/proc/self/")).unwrap();
        assert!(names(scanned.dirs()).is_superset(&set(&["fd", "ns", "task"])));
        assert!(names(scanned.others()).is_superset(&set(&["cwd", "status"])));
    });
}

#[test]
fn what_is_no_directory_is_an_error() {
    let top = tempdir().unwrap();
    symlink("/", top.path().join("link")).unwrap();
    each_route(|t| {
        assert_eq!(errno(t.get(t.scan("/etc/passwd"))), Errno::NOTDIR);
        assert_eq!(errno(t.get(t.scan(top.path().join("link")))), Errno::NOTDIR);
        assert_eq!(errno(t.get(t.scan("/nowhere"))), Errno::NOENT);
        assert_eq!(errno(t.get(t.scan("a\0b"))), Errno::INVAL);
        assert_eq!(errno(t.get(t.scan(""))), Errno::NOENT);
    });
}
