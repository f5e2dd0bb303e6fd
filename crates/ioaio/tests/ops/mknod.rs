//! mknod.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};

use ioaio::{Dir, FileType};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{as_nobody, each_route, errno};

#[test]
fn mknod_makes_each_kind() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        let at = |name: &str| dir.path().join(name);
        t.get(t.mknod(at("fifo"), FileType::Fifo).mode(0o600)).unwrap();
        t.get(t.mknod(at("socket"), FileType::Socket)).unwrap();
        t.get(t.mknod("file", FileType::File).mode(0o4000).at(&handle)).unwrap();
        let meta = |name: &str| fs::metadata(at(name)).unwrap();
        assert!(meta("fifo").file_type().is_fifo());
        assert_eq!(meta("fifo").permissions().mode() & 0o7777, 0o600);
        assert!(meta("socket").file_type().is_socket());
        assert!(meta("file").is_file());
        assert_eq!(meta("file").permissions().mode() & 0o7777, 0o4000);
    });
}

#[test]
fn devices_have_numbers() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let path = dir.path().join("null");
        match t.get(t.mknod(&path, FileType::CharDevice).device(1, 3)) {
            Ok(()) => {
                assert_eq!(fs::metadata(&path).unwrap().rdev(), fs::metadata("/dev/null").unwrap().rdev());
                t.get(t.mknod(dir.path().join("block"), FileType::BlockDevice).device(7, 300)).unwrap();
                let block = t.get(t.stat(dir.path().join("block"))).unwrap();
                assert_eq!((block.file_type(), block.rdev()), (FileType::BlockDevice, (7, 300)));
            }
            Err(e) => {
                assert_eq!(errno::<()>(Err(e)), Errno::PERM);
                eprintln!("skipped: device files: not permitted");
            }
        }
    });
}

#[test]
fn errors_of_mknod_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        let mknod = |name: &str, kind| errno(t.get(t.mknod(at(name), kind)));
        assert_eq!(mknod("file", FileType::Fifo), Errno::EXIST);
        assert_eq!(mknod("none/x", FileType::Fifo), Errno::NOENT);
        assert_eq!(mknod("file/x", FileType::Fifo), Errno::NOTDIR);
        assert_eq!(mknod("x", FileType::Directory), Errno::PERM);
        assert_eq!(mknod("x", FileType::Symlink), Errno::INVAL);
        assert_eq!(mknod("x", FileType::Unknown), Errno::INVAL);
        assert_eq!(mknod("x\0", FileType::Fifo), Errno::INVAL);
        assert_eq!(errno(t.get(t.mknod(at("x"), FileType::Fifo).mode(0o10000))), Errno::INVAL);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    });
    as_nobody(|| {
        each_route(|t| {
            let dir = tempdir().unwrap();
            let device = t.mknod(dir.path().join("null"), FileType::CharDevice).device(1, 3);
            assert_eq!(errno(t.get(device)), Errno::PERM);
        });
    });
}
