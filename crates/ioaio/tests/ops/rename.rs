//! rename.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};

use ioaio::{Dir, RenameFlags};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{each_route, errno};

#[test]
fn rename_replaces() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("a"), "a").unwrap();
        fs::write(at("b"), "b").unwrap();
        t.get(t.rename(at("a"), at("b"))).unwrap();
        assert_eq!(fs::read(at("b")).unwrap(), b"a");
        assert!(!at("a").exists());
        fs::create_dir(at("full")).unwrap();
        fs::write(at("full/x"), "").unwrap();
        fs::create_dir(at("empty")).unwrap();
        t.get(t.rename(at("full"), at("empty"))).unwrap();
        assert!(at("empty/x").exists());
        symlink("b", at("link")).unwrap();
        t.get(t.rename(at("link"), at("moved"))).unwrap();
        assert!(at("moved").is_symlink());
    });
}

#[test]
fn rename_has_two_directories() {
    each_route(|t| {
        let (from, to) = (tempdir().unwrap(), tempdir().unwrap());
        let (old, new) = (Dir::open(from.path()).unwrap(), Dir::open(to.path()).unwrap());
        fs::write(from.path().join("a"), "").unwrap();
        t.get(t.rename("a", "b").at(&old).to_at(&new)).unwrap();
        assert!(to.path().join("b").exists());
        // Each path has its own: the other one may be absolute.
        t.get(t.rename("b", from.path().join("c")).at(&new)).unwrap();
        t.get(t.rename(from.path().join("c"), "d").to_at(&new)).unwrap();
        assert!(to.path().join("d").exists());
        assert_eq!(errno(t.get(t.rename("d", "e").at(&old).to_at(&new))), Errno::NOENT);
    });
}

#[test]
fn rename_takes_the_flags_of_renameat2() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let rename = |from: &str, to: &str, flags| t.get(t.rename(at(from), at(to)).flags(flags));
        fs::write(at("a"), "a").unwrap();
        fs::write(at("b"), "b").unwrap();
        assert_eq!(errno(rename("a", "b", RenameFlags::NOREPLACE)), Errno::EXIST);
        rename("a", "b", RenameFlags::EXCHANGE).unwrap();
        assert_eq!((fs::read(at("a")).unwrap(), fs::read(at("b")).unwrap()), (b"b".to_vec(), b"a".to_vec()));
        assert_eq!(errno(rename("a", "none", RenameFlags::EXCHANGE)), Errno::NOENT);
        rename("a", "c", RenameFlags::NOREPLACE).unwrap();
        assert!(!at("a").exists() && at("c").exists());
        let both = RenameFlags::NOREPLACE | RenameFlags::EXCHANGE;
        assert_eq!(errno(rename("b", "c", both)), Errno::INVAL);
        assert_eq!(errno(rename("b", "c", RenameFlags::from_bits_retain(1 << 20))), Errno::INVAL);
        match rename("c", "d", RenameFlags::WHITEOUT) {
            Ok(()) => {
                let whiteout = fs::metadata(at("c")).unwrap();
                assert!(whiteout.file_type().is_char_device() && whiteout.rdev() == 0);
            }
            Err(e) => {
                let errno = errno::<()>(Err(e));
                assert!([Errno::PERM, Errno::INVAL].contains(&errno), "{errno}");
                eprintln!("skipped: RENAME_WHITEOUT: {errno}");
            }
        }
    });
}

#[test]
fn errors_of_rename_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        fs::create_dir_all(at("dir/sub")).unwrap();
        let rename = |from: &str, to: &str| errno(t.get(t.rename(at(from), at(to))));
        assert_eq!(rename("none", "x"), Errno::NOENT);
        assert_eq!(rename("file", "none/x"), Errno::NOENT);
        assert_eq!(rename("file", "file/x"), Errno::NOTDIR);
        assert_eq!(rename("file", "dir"), Errno::ISDIR);
        assert_eq!(rename("dir", "file"), Errno::NOTDIR);
        assert_eq!(rename("dir", "dir/sub/x"), Errno::INVAL);
        assert_eq!(rename("dir/sub", "dir"), Errno::NOTEMPTY);
        assert_eq!(rename("dir/.", "x"), Errno::BUSY);
        assert_eq!(rename("file", &"x".repeat(256)), Errno::NAMETOOLONG);
        assert_eq!(rename("file\0", "x"), Errno::INVAL);
        assert_eq!(rename("file", "x\0"), Errno::INVAL);
        assert_eq!(errno(t.get(t.rename("", at("x")))), Errno::NOENT);
        assert_eq!(errno(t.get(t.rename(at("file"), ""))), Errno::NOENT);
        assert_eq!(errno(t.get(t.rename(at("file"), "/proc/x"))), Errno::XDEV);
    });
}
