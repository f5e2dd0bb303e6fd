//! Errors that come at close, as on NFS, with a quota on a server, and on FUSE: nothing has been stored then.

use std::fs;

use ioaio::Aio;

use crate::memfs::{MemFs, Refusals};
use crate::{errno, names};

fn full() -> Option<MemFs> {
    MemFs::mount(Refusals { close: Some(libc::EDQUOT), ..Refusals::default() })
}

#[test]
fn an_error_at_close_is_an_error_of_a_save() {
    let Some(there) = full() else { return };
    let aio = Aio::new().unwrap();
    for durable in [false, true] {
        for replace in [true, false] {
            let path = there.path("file");
            let (res, _) = aio.save(&path, "data").durable(durable).replace(replace).wait();
            let error = res.unwrap_err();
            assert_eq!((error.call(), error.raw_os_error()), ("close", Some(libc::EDQUOT)));
            assert_eq!(error.path(), path);
            assert!(names(there.root()).is_empty(), "nothing of it appears");
        }
    }
}

#[test]
fn an_error_at_close_is_an_error_of_a_copy() {
    let Some(there) = full() else { return };
    let here = tempfile::tempdir().unwrap();
    let file = here.path().join("file");
    fs::write(&file, "data").unwrap();
    fs::create_dir(here.path().join("dir")).unwrap();
    fs::write(here.path().join("dir/file"), "data").unwrap();
    let aio = Aio::new().unwrap();
    for durable in [false, true] {
        let copied = aio.copy(&file, there.path("copy")).durable(durable).wait();
        assert_eq!(errno(copied), Some(libc::EDQUOT));
        let error = aio.copy_tree(here.path(), there.path("tree")).durable(durable).wait().unwrap_err();
        assert_eq!((error.call(), error.raw_os_error()), ("close", Some(libc::EDQUOT)));
        assert!(error.path().ends_with("file"), "{error}");
        assert!(names(there.root()).is_empty(), "nothing of it appears");
    }
    let copied = aio.copy_tree(here.path(), there.path("tree")).keep_going(true).wait().unwrap();
    assert_eq!(copied.failed(), 2);
}

#[test]
fn an_error_at_close_keeps_a_move_from_removing() {
    let Some(there) = full() else { return };
    let here = tempfile::tempdir().unwrap();
    let (file, dir) = (here.path().join("file"), here.path().join("dir"));
    fs::write(&file, "data").unwrap();
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("file"), "data").unwrap();
    let aio = Aio::new().unwrap();
    for from in [&file, &dir] {
        assert_eq!(errno(aio.move_to(from, there.path("to")).wait()), Some(libc::EDQUOT));
        assert!(names(there.root()).is_empty(), "nothing of it appears");
    }
    assert_eq!(fs::read(&file).unwrap(), b"data");
    assert_eq!(fs::read(dir.join("file")).unwrap(), b"data");
}

#[test]
fn what_can_not_be_synced_is_not_durable() {
    let Some(there) = MemFs::mount(Refusals { fsync: Some(libc::EIO), ..Refusals::default() }) else {
        return;
    };
    let here = tempfile::tempdir().unwrap();
    let (file, dir) = (here.path().join("file"), here.path().join("dir"));
    fs::create_dir_all(dir.join("empty")).unwrap();
    fs::write(dir.join("file"), "data").unwrap();
    fs::write(&file, "data").unwrap();
    let aio = Aio::new().unwrap();
    assert_eq!(errno(aio.save(there.path("saved"), "data").wait().0), Some(libc::EIO));
    assert_eq!(errno(aio.copy(&file, there.path("copy")).durable(true).wait()), Some(libc::EIO));
    for from in [&dir, &dir.join("empty")] {
        let copied = aio.copy_tree(from, there.path("tree")).durable(true).wait().unwrap_err();
        assert_eq!((copied.call(), copied.raw_os_error()), ("fsync", Some(libc::EIO)));
    }
    for from in [&file, &dir] {
        assert_eq!(errno(aio.move_to(from, there.path("moved")).wait()), Some(libc::EIO));
        assert!(from.exists(), "the source stays");
    }
    assert!(names(there.root()).is_empty());
    let _ = aio.copy_tree(&dir, there.path("tree")).wait().unwrap();
    assert_eq!(names(there.root()), ["tree"]);
}
