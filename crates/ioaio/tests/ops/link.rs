//! unlink, link, link_file, symlink, readlink.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use ioaio::{Dir, File, OFlags};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{as_nobody, each_route, errno};

#[test]
fn unlink_removes_one_name() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "kept").unwrap();
        fs::hard_link(at("file"), at("other")).unwrap();
        symlink("other", at("link")).unwrap();
        t.get(t.unlink(at("file"))).unwrap();
        t.get(t.unlink(at("link"))).unwrap();
        assert_eq!(fs::read(at("other")).unwrap(), b"kept");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    });
}

#[test]
fn errors_of_unlink_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        symlink("self", dir.path().join("self")).unwrap();
        let unlink = |name: &str| errno(t.get(t.unlink(dir.path().join(name))));
        assert_eq!(unlink("none"), Errno::NOENT);
        assert_eq!(unlink("file/x"), Errno::NOTDIR);
        assert_eq!(unlink("file/"), Errno::NOTDIR);
        assert_eq!(unlink("self/x"), Errno::LOOP);
        assert_eq!(unlink(&"x".repeat(256)), Errno::NAMETOOLONG);
        assert_eq!(errno(t.get(t.unlink(dir.path()))), Errno::ISDIR);
        assert_eq!(errno(t.get(t.unlink(""))), Errno::NOENT);
        let before = (t.stats().ring, t.stats().pool);
        assert_eq!(unlink("file\0"), Errno::INVAL);
        assert_eq!(before, (t.stats().ring, t.stats().pool), "refused before it was submitted");
        assert!(dir.path().join("file").exists());
    });
}

#[test]
fn unlink_is_relative_to_a_directory() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        t.get(t.unlink("file").at(&handle)).unwrap();
        assert_eq!(errno(t.get(t.unlink("file").at(&handle))), Errno::NOENT);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    });
}

#[test]
fn link_gives_another_name() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "text").unwrap();
        symlink("file", at("link")).unwrap();
        t.get(t.link(at("file"), at("other"))).unwrap();
        assert_eq!(fs::read(at("other")).unwrap(), b"text");
        t.get(t.link(at("link"), at("second link"))).unwrap();
        assert_eq!(fs::read_link(at("second link")).unwrap(), Path::new("file"));
        t.get(t.link(at("link"), at("third")).follow(true)).unwrap();
        assert_eq!(fs::symlink_metadata(at("third")).unwrap().nlink(), 3);
    });
}

#[test]
fn links_have_two_directories() {
    each_route(|t| {
        let (from, to) = (tempdir().unwrap(), tempdir().unwrap());
        fs::write(from.path().join("file"), "text").unwrap();
        let (old, new) = (Dir::open(from.path()).unwrap(), Dir::open(to.path()).unwrap());
        t.get(t.link("file", "name").at(&old).to_at(&new)).unwrap();
        assert_eq!(fs::read(to.path().join("name")).unwrap(), b"text");
        assert_eq!(errno(t.get(t.link("file", "name").to_at(&old).at(&new))), Errno::NOENT);
        t.get(t.symlink("name", "link").at(&new)).unwrap();
        assert_eq!(fs::read(to.path().join("link")).unwrap(), b"text");
        assert_eq!(t.get(t.readlink("link").at(&new)).unwrap(), Path::new("name"));
    });
}

#[test]
fn errors_of_link_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink("none", at("dangling")).unwrap();
        let link = |from: &str, to: &str| errno(t.get(t.link(at(from), at(to))));
        assert_eq!(link("none", "new"), Errno::NOENT);
        assert_eq!(link("file", "file"), Errno::EXIST);
        assert_eq!(link("file", "dangling"), Errno::EXIST);
        assert_eq!(link(".", "new"), Errno::PERM);
        assert_eq!(link("file", "none/new"), Errno::NOENT);
        assert_eq!(link("file", "file/new"), Errno::NOTDIR);
        assert_eq!(link("file", &"x".repeat(256)), Errno::NAMETOOLONG);
        assert_eq!(link("file\0", "new"), Errno::INVAL);
        assert_eq!(link("file", "new\0"), Errno::INVAL);
        assert_eq!(errno(t.get(t.link(at("dangling"), at("new")).follow(true))), Errno::NOENT);
        assert_eq!(errno(t.get(t.link("", at("new")))), Errno::NOENT);
    });
}

fn nameless(dir: &Path, flags: OFlags) -> Option<File> {
    let flags = flags | OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    match rustix::fs::open(dir, flags, 0o600.into()) {
        Ok(fd) => Some(fd.into()),
        Err(e) => {
            assert_eq!(e, Errno::OPNOTSUPP);
            eprintln!("skipped: O_TMPFILE: this file system has none");
            None
        }
    }
}

#[test]
fn a_file_without_a_name_gets_one() {
    let link = || {
        each_route(|t| {
            let dir = tempdir().unwrap();
            let Some(file) = nameless(dir.path(), OFlags::empty()) else { return };
            assert_eq!(t.get(t.write_at(&file, "text", 0)).0.unwrap(), 4);
            assert_eq!(errno(t.get(t.link_file(&file, dir.path()))), Errno::EXIST);
            t.get(t.link_file(&file, dir.path().join("one"))).unwrap();
            let handle = Dir::open(dir.path()).unwrap();
            t.get(t.link_file(&file, "two").at(&handle)).unwrap();
            assert_eq!(fs::read(dir.path().join("two")).unwrap(), b"text");
            assert_eq!(fs::metadata(dir.path().join("one")).unwrap().nlink(), 2);
            assert_eq!(errno(t.get(t.link_file(&file, "none/x").at(&handle))), Errno::NOENT);
            assert_eq!(errno(t.get(t.link_file(&file, "x\0"))), Errno::INVAL);
            let Some(file) = nameless(dir.path(), OFlags::EXCL) else { return };
            assert_eq!(errno(t.get(t.link_file(&file, "three").at(&handle))), Errno::NOENT);
        });
    };
    link();
    as_nobody(link);
}

#[test]
fn symlink_keeps_every_byte() {
    let bytes: Vec<u8> = (1..=255).collect();
    let every = Path::new(OsStr::from_bytes(&bytes));
    let long = "x/".repeat(2000);
    each_route(|t| {
        let dir = tempdir().unwrap();
        for (n, target) in [every, Path::new(&long), Path::new("."), Path::new("/no/such")].iter().enumerate()
        {
            let link = dir.path().join(n.to_string());
            t.get(t.symlink(target, &link)).unwrap();
            assert_eq!(fs::read_link(&link).unwrap(), *target);
            assert_eq!(t.get(t.readlink(&link)).unwrap(), *target);
        }
    });
}

#[test]
fn errors_of_symbolic_links_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        let symlink = |target: &str, link: &str| errno(t.get(t.symlink(target, at(link))));
        assert_eq!(symlink("x", "file"), Errno::EXIST);
        assert_eq!(symlink("", "new"), Errno::NOENT);
        assert_eq!(symlink(&"x".repeat(4096), "new"), Errno::NAMETOOLONG);
        assert_eq!(symlink("x\0", "new"), Errno::INVAL);
        assert_eq!(symlink("x", "new\0"), Errno::INVAL);
        assert_eq!(symlink("x", "file/new"), Errno::NOTDIR);
        let readlink = |name: &str| errno(t.get(t.readlink(at(name))));
        assert_eq!(readlink("file"), Errno::INVAL);
        assert_eq!(readlink("."), Errno::INVAL);
        assert_eq!(readlink("none"), Errno::NOENT);
        assert_eq!(readlink("file/x"), Errno::NOTDIR);
        assert_eq!(readlink("file\0"), Errno::INVAL);
        assert_eq!(errno(t.get(t.readlink(""))), Errno::NOENT);
    });
}
