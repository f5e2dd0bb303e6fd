//! truncate, ftruncate.

use std::fs;
use std::os::unix::fs::symlink;

use ioaio::{Dir, File, OFlags};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{as_nobody, each_route, errno};

#[test]
fn truncate_cuts_and_extends() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let (path, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&path, "0123456789").unwrap();
        symlink("file", &link).unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        let file = File::from(fs::File::options().write(true).open(&path).unwrap());
        t.get(t.truncate(&path, 5)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"01234");
        t.get(t.truncate(&link, 3)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"012");
        t.get(t.truncate("link", 4).at(&handle)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"012\0");
        t.get(t.ftruncate(&file, 1)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"0");
        t.get(t.ftruncate(&file, 1 << 33)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 1 << 33);
        t.get(t.truncate(&path, 0).at(&handle)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 0);
    });
}

#[test]
fn errors_of_truncate_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), 0o600.into()).unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        let truncate = |name: &str, len| {
            let found = errno(t.get(t.truncate(at(name), len)));
            assert_eq!(found, errno(t.get(t.truncate(name, len).at(&handle))), "relative to a handle");
            found
        };
        assert_eq!(truncate("none", 0), Errno::NOENT);
        assert_eq!(truncate("file/x", 0), Errno::NOTDIR);
        assert_eq!(truncate(".", 0), Errno::ISDIR);
        assert_eq!(truncate("fifo", 0), Errno::INVAL);
        assert_eq!(truncate("file\0", 0), Errno::INVAL);
        assert_eq!(truncate("file", 1 << 63), Errno::INVAL);
        assert_eq!(truncate("file", u64::MAX), Errno::INVAL);
        assert_eq!(errno(t.get(t.truncate("/dev/null", 0))), Errno::INVAL);
        assert_eq!(errno(t.get(t.truncate("null", 0).at(&Dir::open("/dev").unwrap()))), Errno::INVAL);
        let open = |flags| File::from(rustix::fs::open(at("file"), flags, 0.into()).unwrap());
        assert_eq!(errno(t.get(t.ftruncate(&open(OFlags::RDONLY), 0))), Errno::INVAL);
        assert_eq!(errno(t.get(t.ftruncate(&open(OFlags::PATH), 0))), Errno::BADF);
        assert_eq!(errno(t.get(t.ftruncate(&open(OFlags::WRONLY), 1 << 63))), Errno::INVAL);
    });
    as_nobody(|| {
        each_route(|t| {
            assert_eq!(errno(t.get(t.truncate("/etc/passwd", 0))), Errno::ACCESS);
            let etc = Dir::open("/etc").unwrap();
            assert_eq!(errno(t.get(t.truncate("passwd", 0).at(&etc))), Errno::ACCESS);
        });
    });
}
