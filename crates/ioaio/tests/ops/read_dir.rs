//! read_dir.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{DirEntryExt, symlink};
use std::path::Path;

use ioaio::{Dir, Entries, FileType};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{each_route, errno};
use crate::stat::{kind, same, zoo};

type Listing = BTreeMap<std::ffi::OsString, (FileType, u64)>;

fn own(list: &Entries) -> Listing {
    let listing: Listing = list.iter().map(|e| (e.name().to_owned(), (e.file_type(), e.ino()))).collect();
    assert_eq!((list.len(), list.is_empty()), (listing.len(), listing.is_empty()));
    listing
}

fn std(dir: &Path) -> Listing {
    let entries = fs::read_dir(dir).unwrap().map(Result::unwrap);
    entries.map(|e| (e.file_name(), (kind(e.file_type().unwrap()), e.ino()))).collect()
}

#[test]
fn read_dir_gives_names_types_and_inodes() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        assert!(t.get(t.read_dir(dir.path())).unwrap().is_empty());
        let _socket = zoo(dir.path()).unwrap();
        let list = t.get(t.read_dir(dir.path())).unwrap();
        assert_eq!(own(&list), std(dir.path()));
        assert_eq!(list.len(), 9);
        assert!(list.iter().all(|e| e.metadata().is_none()), "not asked for");
        let ns = Path::new("/proc/self/ns");
        assert!(own(&t.get(t.read_dir(ns)).unwrap()).keys().eq(std(ns).keys()));
    });
}

#[test]
fn read_dir_gives_metadata_of_the_names_themselves() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        assert!(t.get(t.read_dir(dir.path()).stat(true)).unwrap().is_empty());
        let _socket = zoo(dir.path()).unwrap();
        let list = t.get(t.read_dir(dir.path()).stat(true)).unwrap();
        for entry in list.iter() {
            let std = fs::symlink_metadata(dir.path().join(entry.name())).unwrap();
            same(entry.metadata().unwrap().as_ref().unwrap(), &std);
        }
    });
}

#[test]
fn read_dir_gives_thousands_of_names() {
    let dir = tempdir().unwrap();
    for i in 0..3000 {
        fs::write(dir.path().join(format!("{i}{}", "x".repeat(i % 200))), "").unwrap();
    }
    let all = std(dir.path());
    each_route(|t| {
        let list = t.get(t.read_dir(dir.path()).stat(true)).unwrap();
        assert_eq!(own(&list), all);
        assert!(list.iter().all(|e| e.metadata().unwrap().as_ref().unwrap().ino() == e.ino()));
    });
}

#[test]
fn errors_of_read_dir_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let _socket = zoo(dir.path()).unwrap();
        let list = |name: &str| errno(t.get(t.read_dir(dir.path().join(name))));
        assert_eq!(list("none"), Errno::NOENT);
        assert_eq!(list("file"), Errno::NOTDIR);
        assert_eq!(list("fifo"), Errno::NOTDIR);
        assert_eq!(list("dirlink"), Errno::NOTDIR, "a last symbolic link is not followed");
        assert_eq!(list("self/x"), Errno::LOOP);
        assert_eq!(list(&"x".repeat(256)), Errno::NAMETOOLONG);
        assert_eq!(list("dir\0"), Errno::INVAL);
        assert_eq!(errno(t.get(t.read_dir(""))), Errno::NOENT);
    });
}

#[test]
fn read_dir_is_relative_to_a_directory() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        fs::create_dir(dir.path().join("sub")).unwrap();
        fs::write(dir.path().join("sub/file"), "").unwrap();
        symlink("sub", dir.path().join("link")).unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        assert_eq!(t.get(t.read_dir("sub").at(&handle)).unwrap().len(), 1);
        assert_eq!(t.get(t.read_dir("link/.").at(&handle)).unwrap().len(), 1);
        assert_eq!(t.get(t.read_dir(".").at(&handle)).unwrap().len(), 2);
        let sub = Dir::open(dir.path().join("sub")).unwrap();
        fs::remove_dir_all(dir.path().join("sub")).unwrap();
        assert_eq!(errno(t.get(t.read_dir(".").at(&sub))), Errno::NOENT, "removed");
    });
}

#[test]
fn the_cheaper_stat_tells_the_same_but_for_the_birth() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "four").unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("link")).unwrap();
    std::fs::create_dir(dir.path().join("dir")).unwrap();
    each_route(|t| {
        let ask = |born| {
            let list = t.get(t.read_dir(dir.path()).stat(true).born(born)).unwrap();
            let mut found: Vec<_> = list
                .iter()
                .map(|e| (e.name().to_owned(), *e.metadata().unwrap().as_ref().unwrap()))
                .collect();
            found.sort_by(|a, b| a.0.cmp(&b.0));
            found
        };
        for ((name, full), (_, brief)) in ask(true).into_iter().zip(ask(false)) {
            assert_eq!(brief.born(), None);
            let all = |m: ioaio::Metadata| {
                let numbers = (m.mode(), m.nlink(), m.uid(), m.gid(), m.dev(), m.rdev(), m.ino());
                (numbers, m.len(), m.blocks(), m.blksize(), m.modified(), m.changed())
            };
            assert_eq!(all(full), all(brief), "{name:?}");
        }
    });
}

#[test]
fn directories_come_first_and_names_in_the_order_of_inodes() {
    let dir = tempdir().unwrap();
    for n in 0..300 {
        let path = dir.path().join(format!("{:x}", (n as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        match n % 3 {
            0 => fs::create_dir(path).unwrap(),
            1 => symlink(".", path).unwrap(),
            _ => fs::write(path, "").unwrap(),
        }
    }
    let is_dir = |e: ioaio::Entry<'_>| e.file_type() == FileType::Directory;
    each_route(|t| {
        let plain = t.get(t.read_dir(dir.path())).unwrap();
        let first = t.get(t.read_dir(dir.path()).dirs_first(true)).unwrap();
        assert!(first.iter().take(100).all(is_dir) && !first.iter().skip(100).any(is_dir));
        let order = |list: &Entries, dirs| -> Vec<_> {
            list.iter().filter(|e| is_dir(*e) == dirs).map(|e| e.name().to_owned()).collect()
        };
        for dirs in [true, false] {
            assert_eq!(order(&first, dirs), order(&plain, dirs), "each in the order of the file system");
        }
        let sorted = t.get(t.read_dir(dir.path()).stat_order(true)).unwrap();
        assert!(sorted.iter().map(|e| e.ino()).is_sorted());
        let both = t.get(t.read_dir(dir.path()).stat_order(true).dirs_first(true).stat(true)).unwrap();
        assert!(both.iter().map(|e| (!is_dir(e), e.ino())).is_sorted());
        for entry in both.iter() {
            assert_eq!(entry.metadata().unwrap().as_ref().unwrap().ino(), entry.ino());
        }
        for list in [&first, &sorted, &both] {
            assert_eq!(own(list), own(&plain));
        }
    });
}
