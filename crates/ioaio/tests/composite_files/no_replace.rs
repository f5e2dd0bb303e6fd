//! Nothing is replaced where that is asked for, also on file systems that have no such rename.

use std::fs;
use std::os::unix::fs::symlink;

use ioaio::Aio;

use crate::memfs::{MemFs, Refusals};
use crate::{errno, names};

#[test]
fn a_move_replaces_nothing_where_there_is_no_such_rename() {
    // With hard links, and without.
    for link in [None, Some(libc::EPERM), Some(libc::EOPNOTSUPP)] {
        let Some(there) = MemFs::mount(Refusals { link, ..Refusals::default() }) else { return };
        let aio = Aio::new().unwrap();
        let go = |from: &str, to: &str| aio.move_to(there.path(from), there.path(to)).replace(false).wait();
        fs::write(there.path("a"), "a").unwrap();
        fs::write(there.path("old"), "old").unwrap();
        symlink("somewhere", there.path("link")).unwrap();
        fs::create_dir(there.path("dir")).unwrap();
        fs::create_dir(there.path("empty")).unwrap();
        fs::write(there.path("dir/file"), "file").unwrap();
        for from in ["a", "link", "dir"] {
            for to in ["old", "empty"] {
                assert_eq!(errno(go(from, to)), Some(libc::EEXIST), "{from} to {to}");
            }
        }
        go("a", "b").unwrap();
        go("link", "link2").unwrap();
        go("dir", "dir2").unwrap();
        assert_eq!(names(there.root()), ["b", "dir2", "empty", "link2", "old"]);
        assert_eq!(fs::read(there.path("b")).unwrap(), b"a");
        assert_eq!(fs::read(there.path("old")).unwrap(), b"old");
        assert_eq!(fs::read(there.path("dir2/file")).unwrap(), b"file");
        assert!(fs::symlink_metadata(there.path("link2")).unwrap().is_symlink());
    }
}

#[test]
fn saves_and_copies_replace_nothing_there_either() {
    for link in [None, Some(libc::EPERM)] {
        let Some(there) = MemFs::mount(Refusals { link, ..Refusals::default() }) else { return };
        let aio = Aio::new().unwrap();
        fs::write(there.path("old"), "old").unwrap();
        let save = |name: &str| aio.save(there.path(name), "new").replace(false).wait().0;
        assert_eq!(errno(save("old")), Some(libc::EEXIST));
        save("new").unwrap();
        let copy = |to: &str| aio.copy(there.path("new"), there.path(to)).replace(false).wait();
        assert_eq!(errno(copy("old")), Some(libc::EEXIST));
        copy("copy").unwrap();
        assert_eq!(fs::read(there.path("copy")).unwrap(), b"new");
        fs::create_dir(there.path("dir")).unwrap();
        let _ = aio.copy_tree(there.path("dir"), there.path("tree")).wait().unwrap();
        assert_eq!(names(there.root()), ["copy", "dir", "new", "old", "tree"]);
        assert_eq!(fs::read(there.path("old")).unwrap(), b"old");
    }
}

#[test]
fn after_a_fault_there_is_one_name_or_the_other() {
    for link in [None, Some(libc::EPERM)] {
        let Some(there) = MemFs::mount(Refusals { link, ..Refusals::default() }) else { return };
        let clear = || {
            for name in names(there.root()) {
                fs::remove_file(there.path(&name)).unwrap();
            }
        };
        let content = |name: &str| fs::read(there.path(name)).ok();
        let run = |aio: &Aio| {
            clear();
            fs::write(there.path("a"), "contents").unwrap();
            aio.move_to(there.path("a"), there.path("b")).replace(false).wait()
        };
        crate::each_fault(libc::EIO, run, |n, res| {
            let (a, b) = (content("a"), content("b"));
            let whole = |c: &Option<Vec<u8>>| c.as_deref() == Some(b"contents");
            match res {
                Ok(()) => assert!(a.is_none() && whole(&b), "step {n}"),
                // Between the new name and the removal of the old one.
                Err(e) if e.call() == "unlinkat" => assert!(whole(&a) && whole(&b), "step {n}"),
                Err(e) => assert!(whole(&a) && b.is_none(), "step {n}: {e}"),
            }
        });
        let run = |aio: &Aio| {
            clear();
            aio.save(there.path("b"), "contents").replace(false).wait().0
        };
        crate::each_fault(libc::EIO, run, |n, res| {
            let whole = content("b").as_deref() == Some(b"contents");
            match res {
                Ok(()) => assert!(whole, "step {n}"),
                Err(e) => {
                    let late = ["unlinkat", "fsync"].contains(&e.call());
                    assert!(content("b").is_none() || (whole && late), "step {n}: {e}");
                }
            }
            assert!(names(there.root()).iter().all(|name| name == "b"), "step {n}: what is temporary");
        });
    }
}
