//! statvfs, fstatvfs.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ioaio::{Dir, File, OFlags, StatVfsMountFlags, StatvfsInfo};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{as_nobody, each_route, errno};

/// What does not change while other tests run.
fn assert_same(own: &StatvfsInfo, libc: &rustix::fs::StatVfs) {
    assert_eq!((own.bsize(), own.frsize(), own.blocks()), (libc.f_bsize, libc.f_frsize, libc.f_blocks));
    assert_eq!((own.files(), own.fsid(), own.namemax()), (libc.f_files, libc.f_fsid, libc.f_namemax));
    let flags = |flags: StatVfsMountFlags| flags.bits() & !0x20;
    assert_eq!(flags(own.flags()), flags(libc.f_flag));
    assert!(own.bavail() <= own.bfree() && own.bfree() <= own.blocks() && own.ffree() <= own.files());
}

#[test]
fn statvfs_tells_what_the_c_library_tells() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        for path in [dir.path(), "/proc".as_ref(), "/dev".as_ref(), "/dev/null".as_ref()] {
            let libc = rustix::fs::statvfs(path).unwrap();
            let own = t.get(t.statvfs(path)).unwrap();
            assert_same(&own, &libc);
            let file = File::from(rustix::fs::open(path, OFlags::PATH, 0.into()).unwrap());
            assert_same(&t.get(t.fstatvfs(&file)).unwrap(), &libc);
            assert_eq!(own.kind(), rustix::fs::statfs(path).unwrap().f_type as u32 as u64);
        }
        let libc = rustix::fs::statvfs(dir.path()).unwrap();
        assert_same(&t.get(t.statvfs("file").at(&handle)).unwrap(), &libc);
        assert_eq!(t.get(t.statvfs("/proc").at(&handle)).unwrap().kind(), 0x9fa0);
    });
}

#[test]
fn statvfs_needs_no_permission_to_read() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o711)).unwrap();
    as_nobody(|| {
        each_route(|t| {
            let handle = Dir::open(dir.path()).unwrap();
            let (one, two) =
                (t.get(t.statvfs(&path)).unwrap(), t.get(t.statvfs("file").at(&handle)).unwrap());
            assert_eq!(one.fsid(), two.fsid());
        });
    });
}

#[test]
fn errors_of_statvfs_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        for (name, expected) in [
            ("none", Errno::NOENT),
            ("file/x", Errno::NOTDIR),
            ("file\0", Errno::INVAL),
            (&"x".repeat(256), Errno::NAMETOOLONG),
        ] {
            assert_eq!(errno(t.get(t.statvfs(dir.path().join(name)))), expected);
            assert_eq!(errno(t.get(t.statvfs(name).at(&handle))), expected);
        }
        assert_eq!(errno(t.get(t.statvfs("").at(&handle))), Errno::NOENT);
    });
}
