//! chown, lchown, fchown.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use ioaio::{Dir, File};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{as_nobody, each_route, errno};

fn owner(path: &Path) -> (u32, u32) {
    let st = fs::symlink_metadata(path).unwrap();
    (st.uid(), st.gid())
}

#[test]
fn chown_changes_what_is_given() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: only root changes owners");
        return;
    }
    each_route(|t| {
        let dir = tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "").unwrap();
        symlink("file", &link).unwrap();
        let before = owner(&file);
        t.get(t.chown(&file, None, None)).unwrap();
        assert_eq!(owner(&file), before);
        t.get(t.chown(&file, Some(12), None)).unwrap();
        assert_eq!(owner(&file), (12, before.1));
        t.get(t.chown(&link, None, Some(34))).unwrap();
        assert_eq!((owner(&file), owner(&link)), ((12, 34), before));
        t.get(t.lchown("link", Some(56), Some(78)).at(&Dir::open(dir.path()).unwrap())).unwrap();
        assert_eq!((owner(&file), owner(&link)), ((12, 34), (56, 78)));
        let open = File::from(fs::File::open(&file).unwrap());
        t.get(t.fchown(&open, Some(u32::MAX - 1), Some(0))).unwrap();
        assert_eq!(owner(&file), (u32::MAX - 1, 0));
    });
}

#[test]
fn errors_of_chown_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink("none", at("dangling")).unwrap();
        let chown = |name: &str| errno(t.get(t.chown(at(name), None, None)));
        assert_eq!(chown("none"), Errno::NOENT);
        assert_eq!(chown("dangling"), Errno::NOENT);
        t.get(t.lchown(at("dangling"), None, None)).unwrap();
        assert_eq!(chown("file/x"), Errno::NOTDIR);
        assert_eq!(chown("file\0"), Errno::INVAL);
        let file = File::from(fs::File::open(at("file")).unwrap());
        for (uid, gid) in [(Some(u32::MAX), None), (None, Some(u32::MAX))] {
            assert_eq!(errno(t.get(t.chown(at("file"), uid, gid))), Errno::INVAL);
            assert_eq!(errno(t.get(t.fchown(&file, uid, gid))), Errno::INVAL);
        }
        let path = File::from(rustix::fs::open(at("file"), ioaio::OFlags::PATH, 0.into()).unwrap());
        assert_eq!(errno(t.get(t.fchown(&path, None, None))), Errno::BADF);
    });
    as_nobody(|| {
        each_route(|t| {
            let file = tempfile::NamedTempFile::new().unwrap();
            assert_eq!(errno(t.get(t.chown(file.path(), Some(0), None))), Errno::PERM);
        });
    });
}
