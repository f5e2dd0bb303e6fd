//! chmod, fchmod, access.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use ioaio::{Access, Dir, File};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{as_nobody, each_route, errno};

#[test]
fn chmod_sets_all_bits() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let (path, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&path, "").unwrap();
        symlink("file", &link).unwrap();
        let file = File::from(fs::File::open(&path).unwrap());
        let handle = Dir::open(dir.path()).unwrap();
        let is = |mode| assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode);
        // Not the set-group-id bit: the group may not be ours.
        for mode in [0o5777, 0o000, 0o640] {
            t.get(t.chmod(&path, mode)).unwrap();
            is(mode);
        }
        t.get(t.chmod(&link, 0o600)).unwrap();
        is(0o600);
        t.get(t.chmod("file", 0o444).at(&handle)).unwrap();
        is(0o444);
        t.get(t.fchmod(&file, 0o4711)).unwrap();
        is(0o4711);
    });
}

#[test]
fn errors_of_chmod_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        let chmod = |name: &str, mode| errno(t.get(t.chmod(at(name), mode)));
        assert_eq!(chmod("none", 0o600), Errno::NOENT);
        assert_eq!(chmod("file/x", 0o600), Errno::NOTDIR);
        assert_eq!(chmod("file", 0o10000), Errno::INVAL);
        assert_eq!(chmod("file\0", 0o600), Errno::INVAL);
        let path = File::from(rustix::fs::open(at("file"), ioaio::OFlags::PATH, 0.into()).unwrap());
        assert_eq!(errno(t.get(t.fchmod(&path, 0o600))), Errno::BADF);
        assert_eq!(errno(t.get(t.fchmod(&path, u32::MAX))), Errno::INVAL);
    });
    as_nobody(|| {
        each_route(|t| assert_eq!(errno(t.get(t.chmod("/etc/passwd", 0o666))), Errno::PERM));
    });
}

#[test]
fn access_asks() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink("none", at("dangling")).unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        t.get(t.access(at("file"), Access::EXISTS)).unwrap();
        t.get(t.access("file", Access::READ_OK | Access::WRITE_OK).at(&handle)).unwrap();
        t.get(t.access("file", Access::READ_OK).at(&handle).effective(true)).unwrap();
        assert_eq!(errno(t.get(t.access(at("file"), Access::EXEC_OK))), Errno::ACCESS);
        assert_eq!(errno(t.get(t.access(at("none"), Access::EXISTS))), Errno::NOENT);
        assert_eq!(errno(t.get(t.access(at("file/x"), Access::EXISTS))), Errno::NOTDIR);
        assert_eq!(errno(t.get(t.access(at("file\0"), Access::EXISTS))), Errno::INVAL);
        assert_eq!(errno(t.get(t.access(at("dangling"), Access::EXISTS))), Errno::NOENT);
        match t.get(t.access(at("dangling"), Access::EXISTS).follow(false)) {
            Ok(()) => {}
            Err(e) => {
                assert_eq!(errno::<()>(Err(e)), Errno::NOSYS);
                eprintln!("skipped: faccessat2: this kernel has none");
            }
        }
    });
}

#[test]
fn access_takes_an_empty_path_for_the_file_it_starts_at() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        assert_eq!(errno(t.get(t.access("", Access::EXISTS).at(&handle))), Errno::NOENT);
        match t.get(t.access("", Access::EXISTS).at(&handle).empty_path(true)) {
            Ok(()) => {}
            Err(e) => {
                assert_eq!(errno::<()>(Err(e)), Errno::NOSYS);
                eprintln!("skipped: faccessat2: this kernel has none");
            }
        }
    });
}

#[test]
fn access_tells_the_real_user_from_the_effective_one() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root has two users");
        return;
    }
    as_nobody(|| {
        each_route(|t| assert_eq!(errno(t.get(t.access(&path, Access::READ_OK))), Errno::ACCESS));
    });
    crate::common::in_child(|| {
        // SAFETY: system call without pointers. The C library tells each thread.
        assert_eq!(unsafe { libc::setresuid(65534, 0, 0) }, 0);
        each_route(|t| {
            assert_eq!(errno(t.get(t.access(&path, Access::READ_OK))), Errno::ACCESS);
            match t.get(t.access(&path, Access::READ_OK).effective(true)) {
                Ok(()) => {}
                Err(e) => {
                    assert_eq!(errno::<()>(Err(e)), Errno::NOSYS);
                    eprintln!("skipped: faccessat2: this kernel has none");
                }
            }
        });
    });
}
