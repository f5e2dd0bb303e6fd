//! What a kill has left under a temporary name is found and removed, and nothing else.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::time::Duration;

use ioaio::Aio;

use crate::copy::mknod;
use crate::memfs::{MemFs, Refusals};
use crate::names;

const OLD: [&str; 4] = [
    ".ioaio-0123456789abcde0",
    ".ioaio-0123456789abcde1",
    ".ioaio-0123456789abcde2",
    ".ioaio-0123456789abcde3",
];
const HELD: [&str; 2] = [".ioaio-fedcba9876543210", ".ioaio-fedcba9876543211"];

/// Leftovers of each kind, and two that are being worked on.
fn leave(dir: &std::path::Path) -> [File; 2] {
    let path = |name: &str| dir.join(name);
    fs::write(path(OLD[0]), "a part").unwrap();
    fs::create_dir_all(path(OLD[1]).join("sub/dir")).unwrap();
    fs::write(path(OLD[1]).join("sub/file"), "a part").unwrap();
    symlink("somewhere", path(OLD[2])).unwrap();
    assert!(mknod(&path(OLD[3]), rustix::fs::FileType::Fifo, 0));
    fs::write(path(HELD[0]), "in work").unwrap();
    fs::create_dir(path(HELD[1])).unwrap();
    for name in [".ioaio-", ".ioaio-settings", "file.ioaio-0123456789abcdef"] {
        fs::write(path(name), "not ours").unwrap();
    }
    HELD.map(|name| {
        let file = File::open(path(name)).unwrap();
        rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
        file
    })
}

#[test]
fn leftovers_are_removed_when_asked_for() {
    let here = tempfile::tempdir().unwrap();
    fs::write(here.path().join("file"), "x").unwrap();
    fs::create_dir(here.path().join("tree")).unwrap();
    let aio = Aio::new().unwrap();
    let (file, tree) = (here.path().join("file"), here.path().join("tree"));
    type Work<'a> = Box<dyn Fn(&std::path::Path, Option<Duration>) + 'a>;
    let works: [Work<'_>; 3] = [
        Box::new(|to, age| {
            let save = aio.save(to, "x");
            match age {
                Some(age) => save.remove_leftovers(age),
                None => save,
            }
            .wait()
            .0
            .unwrap();
        }),
        Box::new(|to, age| {
            let copy = aio.copy(&file, to);
            match age {
                Some(age) => copy.remove_leftovers(age),
                None => copy,
            }
            .wait()
            .map(drop)
            .unwrap();
        }),
        Box::new(|to, age| {
            let copy = aio.copy_tree(&tree, to);
            match age {
                Some(age) => copy.remove_leftovers(age),
                None => copy,
            }
            .wait()
            .map(drop)
            .unwrap();
        }),
    ];
    for work in works {
        let there = tempfile::tempdir().unwrap();
        let held = leave(there.path());
        let before = names(there.path());
        for age in [None, Some(Duration::from_secs(3600))] {
            work(&there.path().join("to"), age);
            let to = there.path().join("to");
            fs::remove_file(&to).or_else(|_| fs::remove_dir(&to)).unwrap();
            assert_eq!(names(there.path()), before, "{age:?}");
        }
        work(&there.path().join("to"), Some(Duration::ZERO));
        let stays = [".ioaio-", HELD[0], HELD[1], ".ioaio-settings", "file.ioaio-0123456789abcdef", "to"]
            .map(String::from);
        assert_eq!(names(there.path()), stays);
        drop(held);
    }
}

#[test]
fn what_is_being_copied_is_no_leftover() {
    // On a file system without nameless files, a save has a temporary name all the time.
    let Some(there) = MemFs::mount(Refusals::default()) else { return };
    let slow = ioaio::Faults::new(1).delay("fsync", Duration::from_millis(400), 1000);
    let slow = Aio::builder().faults(slow).build().unwrap();
    let (give, take) = std::sync::mpsc::channel();
    slow.save(there.path("slow"), "slow").then(move |(res, _)| give.send(res).unwrap());
    crate::common::eventually("a temporary name", || {
        names(there.root()).iter().any(|n| n.starts_with(".ioaio-"))
    });
    let sweep = Aio::new().unwrap();
    sweep.save(there.path("other"), "x").durable(false).remove_leftovers(Duration::ZERO).wait().0.unwrap();
    slow.flush().unwrap();
    take.recv().unwrap().unwrap();
    assert_eq!(names(there.root()), ["other", "slow"]);
}
