//! unlink.

use std::fs;
use std::os::unix::fs::symlink;

use ioaio::Dir;
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{each_route, errno};

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
