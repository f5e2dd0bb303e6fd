//! mkdir, mkdir_all, rmdir.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::mpsc;

use ioaio::{Aio, Dir};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{drive, each_route, errno, in_child};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode()
}

#[test]
fn mkdir_and_rmdir_undo_each_other() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        for bits in [0o777, 0o700, 0o1770, 0o000] {
            let (own, std) = (dir.path().join("own"), dir.path().join("std"));
            t.get(t.mkdir(&own).mode(bits)).unwrap();
            fs::DirBuilder::new().mode(bits).create(&std).unwrap();
            assert_eq!(mode(&own), mode(&std));
            t.get(t.rmdir(&own)).unwrap();
            t.get(t.rmdir("std").at(&handle)).unwrap();
        }
        t.get(t.mkdir("default").at(&handle)).unwrap();
        fs::create_dir(dir.path().join("std")).unwrap();
        assert_eq!(mode(&dir.path().join("default")), mode(&dir.path().join("std")));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
    });
}

#[test]
fn errors_of_mkdir_and_rmdir_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::create_dir_all(at("dir/sub")).unwrap();
        symlink("dir", at("link")).unwrap();
        let mkdir = |name: &str| errno(t.get(t.mkdir(at(name))));
        assert_eq!(mkdir("file"), Errno::EXIST);
        assert_eq!(mkdir("link"), Errno::EXIST);
        assert_eq!(mkdir("none/x"), Errno::NOENT);
        assert_eq!(mkdir("file/x"), Errno::NOTDIR);
        assert_eq!(mkdir(&"x".repeat(256)), Errno::NAMETOOLONG);
        assert_eq!(mkdir("x\0"), Errno::INVAL);
        assert_eq!(errno(t.get(t.mkdir(""))), Errno::NOENT);
        assert_eq!(errno(t.get(t.mkdir(at("x")).mode(0o10000))), Errno::INVAL);
        let rmdir = |name: &str| errno(t.get(t.rmdir(at(name))));
        assert_eq!(rmdir("none"), Errno::NOENT);
        assert_eq!(rmdir("file"), Errno::NOTDIR);
        assert_eq!(rmdir("link"), Errno::NOTDIR);
        assert_eq!(rmdir("dir"), Errno::NOTEMPTY);
        assert_eq!(rmdir("dir/."), Errno::INVAL);
        assert_eq!(rmdir("dir/sub/.."), Errno::NOTEMPTY);
        assert_eq!(rmdir("dir\0"), Errno::INVAL);
        assert_eq!(errno(t.get(t.rmdir("/"))), Errno::BUSY);
    });
}

#[test]
fn mkdir_all_makes_what_is_missing() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        let at = |name: &str| dir.path().join(name);
        t.get(t.mkdir_all(at("a/b/c"))).unwrap();
        t.get(t.mkdir_all(at("a/b/c"))).unwrap();
        t.get(t.mkdir_all(at("a//./b/../d/e/"))).unwrap();
        assert!(at("a/b/c").is_dir() && at("a/d/e").is_dir());
        t.get(t.mkdir_all("x/y").at(&handle)).unwrap();
        t.get(t.mkdir_all(".").at(&handle)).unwrap();
        t.get(t.mkdir_all("..").at(&handle)).unwrap();
        t.get(t.mkdir_all("/")).unwrap();
        assert!(at("x/y").is_dir());
        symlink("a", at("link")).unwrap();
        t.get(t.mkdir_all(at("link/f/g"))).unwrap();
        t.get(t.mkdir_all(at("link"))).unwrap();
        assert!(at("a/f/g").is_dir());
    });
}

#[test]
fn the_mode_of_mkdir_all_is_for_the_last_one() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        t.get(t.mkdir_all(dir.path().join("a/b")).mode(0o500)).unwrap();
        fs::create_dir(dir.path().join("std")).unwrap();
        assert_eq!(mode(&dir.path().join("a/b")) & 0o7777, 0o500);
        assert_eq!(mode(&dir.path().join("a")), mode(&dir.path().join("std")));
    });
}

#[test]
fn errors_of_mkdir_all_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink("none", at("dangling")).unwrap();
        symlink("self", at("self")).unwrap();
        let mkdir = |name: &str| errno(t.get(t.mkdir_all(at(name))));
        assert_eq!(mkdir("file"), Errno::EXIST);
        assert_eq!(mkdir("file/x"), Errno::NOTDIR);
        assert_eq!(mkdir("dangling"), Errno::EXIST);
        assert_eq!(mkdir("dangling/x"), Errno::EXIST);
        assert_eq!(mkdir("self/x"), Errno::LOOP);
        assert_eq!(mkdir(&format!("a/{}/b", "x".repeat(256))), Errno::NAMETOOLONG);
        assert!(at("a").is_dir(), "what was made stays");
        assert_eq!(mkdir("x\0"), Errno::INVAL);
        assert_eq!(errno(t.get(t.mkdir_all(""))), Errno::NOENT);
        assert_eq!(errno(t.get(t.mkdir_all(at("x")).mode(0o10000))), Errno::INVAL);
        assert!(!at("none").exists());
    });
}

#[test]
fn mkdir_all_takes_paths_that_no_system_call_takes() {
    let names = ["x".repeat(255), "y".repeat(255)];
    let long: String = (0..40).map(|n| names[n % 2].clone() + "/").collect();
    each_route(|t| {
        let dir = tempdir().unwrap();
        t.get(t.mkdir_all(dir.path().join(&long))).unwrap();
        let mut depth = 0;
        let mut handle = Dir::open(dir.path()).unwrap();
        while let Ok(list) = t.get(t.read_dir(&names[depth % 2]).at(&handle).keep_open(true)) {
            handle = list.dir().unwrap().clone();
            depth += 1;
        }
        assert_eq!(depth, 40);
        t.get(t.mkdir_all(dir.path().join(&long))).unwrap();
    });
}

/// A path from a thousand requests at once is made once, and nobody hears of the race.
#[test]
fn mkdir_all_may_race_with_itself() {
    let dir = tempdir().unwrap();
    let aio = Aio::builder().max_parallel(8).build().unwrap();
    let (give, take) = mpsc::channel();
    for n in 0..1000 {
        let give = give.clone();
        let path = dir.path().join(format!("a/b/c/d/e/f/{}", n % 10));
        aio.mkdir_all(path).then(move |res| give.send(res).unwrap());
    }
    drive(&aio);
    take.try_iter().for_each(|res| res.unwrap());
    assert_eq!(fs::read_dir(dir.path().join("a/b/c/d/e/f")).unwrap().count(), 10);
}

#[test]
fn the_umask_is_that_of_the_execution() {
    let dir = tempdir().unwrap();
    // The umask belongs to the whole process.
    in_child(|| {
        rustix::process::umask(0o027.into());
        each_route(|t| {
            let dir = tempfile::tempdir_in(dir.path()).unwrap();
            t.get(t.mkdir(dir.path().join("one"))).unwrap();
            t.get(t.mkdir_all(dir.path().join("two/three"))).unwrap();
            for name in ["one", "two", "two/three"] {
                assert_eq!(mode(&dir.path().join(name)) & 0o7777, 0o750, "{name}");
            }
        });
    });
}

/// That it exists is no error, so not to know it is another one.
#[test]
fn mkdir_all_says_why_it_could_not_look() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b");
    std::fs::create_dir_all(&path).unwrap();
    std::fs::write(dir.path().join("file"), "").unwrap();
    crate::common::in_child(|| {
        let aio = ioaio::Aio::new().unwrap();
        let limit = rustix::process::Rlimit { current: Some(64), maximum: Some(64) };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
        let mut fillers = Vec::new();
        while let Ok(file) = std::fs::File::open("/") {
            fillers.push(file);
        }
        for path in [path.clone(), path.join("c/d"), dir.path().join("file")] {
            let error = aio.mkdir_all(&path).wait().unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EMFILE), "{path:?}");
        }
        fillers.truncate(fillers.len() - 2);
        aio.mkdir_all(&path).wait().unwrap();
        let error = aio.mkdir_all(dir.path().join("file")).wait().unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EEXIST));
    });
}
