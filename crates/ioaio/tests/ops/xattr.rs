//! getxattr, setxattr, listxattr, removexattr, on path, link and file.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use ioaio::{Dir, File, OFlags, XattrFlags};
use rustix::io::Errno;
use tempfile::{TempDir, tempdir};

use crate::common::{as_nobody, each_route, errno};

/// A file, and a link to it; `None` on a file system without attributes.
fn file_and_link() -> Option<(TempDir, PathBuf, PathBuf)> {
    let dir = tempdir().unwrap();
    let (file, link) = (dir.path().join("file"), dir.path().join("link"));
    fs::write(&file, "").unwrap();
    symlink("file", &link).unwrap();
    match rustix::fs::setxattr(&file, "user.test", b"", XattrFlags::empty()) {
        Ok(()) => rustix::fs::removexattr(&file, "user.test").unwrap(),
        Err(e) => {
            assert_eq!(e, Errno::OPNOTSUPP);
            eprintln!("skipped: extended attributes: this file system has none");
            return None;
        }
    }
    Some((dir, file, link))
}

/// Only attributes of some other class can be on a link, and only root sets those.
fn may_be_on_links(link: &Path) -> bool {
    let res = rustix::fs::lsetxattr(link, "trusted.probe", b"", XattrFlags::empty());
    match res {
        Ok(()) => rustix::fs::lremovexattr(link, "trusted.probe").unwrap(),
        Err(e) => eprintln!("skipped: attributes of links: {e}"),
    }
    res.is_ok()
}

#[test]
fn attributes_are_set_read_listed_and_removed() {
    each_route(|t| {
        let Some((dir, path, link)) = file_and_link() else { return };
        let handle = Dir::open(dir.path()).unwrap();
        let file = File::from(fs::File::open(&path).unwrap());
        t.get(t.setxattr(&path, "user.a", "1")).unwrap();
        t.get(t.setxattr(&link, "user.b", b"2\0\xff")).unwrap();
        t.get(t.setxattr("link", "user.c", "").at(&handle)).unwrap();
        t.get(t.fsetxattr(&file, "user.d", vec![4; 3000])).unwrap();
        assert_eq!(t.get(t.getxattr(&link, "user.a")).unwrap(), b"1");
        assert_eq!(t.get(t.getxattr("link", "user.b").at(&handle)).unwrap(), b"2\0\xff");
        assert_eq!(t.get(t.fgetxattr(&file, "user.c")).unwrap(), b"");
        assert_eq!(t.get(t.getxattr(&path, "user.d")).unwrap(), vec![4; 3000]);
        let user = |mut names: Vec<OsString>| {
            names.retain(|name| name.to_string_lossy().starts_with("user."));
            names.sort();
            names
        };
        let expected = ["user.a", "user.b", "user.c", "user.d"].map(OsString::from).to_vec();
        assert_eq!(user(t.get(t.listxattr(&path)).unwrap()), expected);
        assert_eq!(user(t.get(t.listxattr("link").at(&handle)).unwrap()), expected);
        assert_eq!(user(t.get(t.flistxattr(&file)).unwrap()), expected);
        t.get(t.removexattr(&path, "user.a")).unwrap();
        t.get(t.removexattr("link", "user.b").at(&handle)).unwrap();
        t.get(t.fremovexattr(&file, "user.c")).unwrap();
        t.get(t.removexattr(&link, "user.d")).unwrap();
        assert!(user(t.get(t.listxattr(&path)).unwrap()).is_empty());
    });
}

#[test]
fn links_have_attributes_of_their_own() {
    each_route(|t| {
        let Some((dir, path, link)) = file_and_link() else { return };
        let handle = Dir::open(dir.path()).unwrap();
        assert_eq!(errno(t.get(t.lsetxattr(&link, "user.a", "x"))), Errno::PERM);
        assert_eq!(errno(t.get(t.lsetxattr("link", "user.a", "x").at(&handle))), Errno::PERM);
        t.get(t.lsetxattr(&path, "user.a", "x")).unwrap();
        assert_eq!(t.get(t.lgetxattr(&path, "user.a")).unwrap(), b"x");
        if !may_be_on_links(&link) {
            return;
        }
        t.get(t.lsetxattr(&link, "trusted.a", "link")).unwrap();
        t.get(t.lsetxattr("link", "trusted.b", "too").at(&handle)).unwrap();
        assert_eq!(t.get(t.lgetxattr("link", "trusted.a").at(&handle)).unwrap(), b"link");
        assert_eq!(t.get(t.lgetxattr(&link, "trusted.b")).unwrap(), b"too");
        assert_eq!(errno(t.get(t.getxattr(&link, "trusted.a"))), Errno::NODATA);
        let names = t.get(t.llistxattr("link").at(&handle)).unwrap();
        assert!(names.contains(&"trusted.a".into()) && names.contains(&"trusted.b".into()), "{names:?}");
        t.get(t.lremovexattr("link", "trusted.a").at(&handle)).unwrap();
        t.get(t.lremovexattr(&link, "trusted.b")).unwrap();
        assert!(
            !t.get(t.llistxattr(&link)).unwrap().iter().any(|n| n.to_string_lossy().starts_with("trusted."))
        );
    });
}

#[test]
fn an_attribute_can_be_only_made_or_only_replaced() {
    each_route(|t| {
        let Some((_dir, path, _)) = file_and_link() else { return };
        let file = File::from(fs::File::open(&path).unwrap());
        let set = |value: &str, flags| t.get(t.setxattr(&path, "user.a", value).flags(flags));
        assert_eq!(errno(set("1", XattrFlags::REPLACE)), Errno::NODATA);
        set("1", XattrFlags::CREATE).unwrap();
        assert_eq!(errno(set("2", XattrFlags::CREATE)), Errno::EXIST);
        let again = t.fsetxattr(&file, "user.a", "2").flags(XattrFlags::CREATE);
        assert_eq!(errno(t.get(again)), Errno::EXIST);
        set("3", XattrFlags::REPLACE).unwrap();
        assert_eq!(errno(set("4", XattrFlags::from_bits_retain(1 << 9))), Errno::INVAL);
        assert_eq!(t.get(t.getxattr(&path, "user.a")).unwrap(), b"3");
    });
}

#[test]
fn values_may_be_as_long_as_the_kernel_allows() {
    // tmpfs and xfs have room for the longest; ext4 for no more than a block.
    each_route(|t| {
        let Some((_dir, path, _)) = file_and_link() else { return };
        let file = File::from(fs::File::open(&path).unwrap());
        for len in [0, 1, 1023, 1024, 1025, 4000, 65535, 65536] {
            let value = vec![7; len];
            match t.get(t.setxattr(&path, "user.a", value.clone())) {
                Ok(()) => {}
                Err(e) => {
                    assert_eq!(errno::<()>(Err(e)), Errno::NOSPC);
                    eprintln!("skipped: values of {len} bytes: no room for them here");
                    continue;
                }
            }
            assert_eq!(t.get(t.getxattr(&path, "user.a")).unwrap(), value);
            assert_eq!(t.get(t.fgetxattr(&file, "user.a")).unwrap(), value);
        }
        assert_eq!(errno(t.get(t.setxattr(&path, "user.a", vec![0; 65537]))), Errno::TOOBIG);
        assert_eq!(errno(t.get(t.fsetxattr(&file, "user.a", vec![0; 65537]))), Errno::TOOBIG);
    });
}

#[test]
fn a_list_of_names_may_be_long() {
    each_route(|t| {
        let Some((_dir, path, _)) = file_and_link() else { return };
        let mut made = Vec::new();
        for n in 0..20 {
            let name = format!("user.{n:0200}");
            match rustix::fs::setxattr(&path, &*name, b"", XattrFlags::empty()) {
                Ok(()) => made.push(OsString::from(name)),
                Err(e) => {
                    assert_eq!(e, Errno::NOSPC);
                    break;
                }
            }
        }
        assert!(made.len() > 10, "a list longer than the first buffer");
        let mut names = t.get(t.listxattr(&path)).unwrap();
        names.retain(|name| name.to_string_lossy().starts_with("user."));
        names.sort();
        assert_eq!(names, made);
    });
}

#[test]
fn errors_of_attributes_keep_their_errno() {
    each_route(|t| {
        let Some((dir, path, link)) = file_and_link() else { return };
        let handle = Dir::open(dir.path()).unwrap();
        let at = |name: &str| dir.path().join(name);
        symlink("none", at("dangling")).unwrap();
        for (name, expected) in [
            ("none", Errno::NOENT),
            ("dangling", Errno::NOENT),
            ("file/x", Errno::NOTDIR),
            ("file\0", Errno::INVAL),
            (&"x".repeat(256), Errno::NAMETOOLONG),
        ] {
            assert_eq!(errno(t.get(t.getxattr(at(name), "user.a"))), expected);
            assert_eq!(errno(t.get(t.setxattr(at(name), "user.a", ""))), expected);
            assert_eq!(errno(t.get(t.listxattr(at(name)))), expected);
            assert_eq!(errno(t.get(t.removexattr(at(name), "user.a"))), expected);
            assert_eq!(errno(t.get(t.getxattr(name, "user.a").at(&handle))), expected);
            assert_eq!(errno(t.get(t.listxattr(name).at(&handle))), expected);
        }
        for (name, expected) in [
            ("user.none", Errno::NODATA),
            ("user.a\0", Errno::INVAL),
            ("user.", Errno::INVAL),
            ("", Errno::RANGE),
            ("nonsense.a", Errno::OPNOTSUPP),
            (&format!("user.{}", "x".repeat(256)), Errno::RANGE),
        ] {
            let file = File::from(fs::File::open(&path).unwrap());
            assert_eq!(errno(t.get(t.getxattr(&path, name))), expected, "{name}");
            assert_eq!(errno(t.get(t.lgetxattr(&path, name))), expected, "{name}");
            assert_eq!(errno(t.get(t.fgetxattr(&file, name))), expected, "{name}");
            assert_eq!(errno(t.get(t.getxattr("file", name).at(&handle))), expected, "{name}");
            assert_eq!(errno(t.get(t.removexattr(&path, name))), expected, "{name}");
            assert_eq!(errno(t.get(t.fremovexattr(&file, name))), expected, "{name}");
            if expected != Errno::NODATA {
                assert_eq!(errno(t.get(t.setxattr(&path, name, "x"))), expected, "{name}");
                assert_eq!(errno(t.get(t.fsetxattr(&file, name, "x"))), expected, "{name}");
            }
        }
        assert_eq!(errno(t.get(t.lremovexattr(&link, "user.a"))), Errno::PERM);
        let bare = File::from(rustix::fs::open(&path, OFlags::PATH, 0.into()).unwrap());
        assert_eq!(errno(t.get(t.fgetxattr(&bare, "user.a"))), Errno::BADF);
        assert_eq!(errno(t.get(t.fsetxattr(&bare, "user.a", ""))), Errno::BADF);
        assert_eq!(errno(t.get(t.flistxattr(&bare))), Errno::BADF);
    });
}

#[test]
fn attributes_have_permissions() {
    let Some((dir, path, _)) = file_and_link() else { return };
    rustix::fs::setxattr(&path, "user.a", b"x", XattrFlags::empty()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    as_nobody(|| {
        each_route(|t| {
            let handle = Dir::open(dir.path()).unwrap();
            assert_eq!(errno(t.get(t.getxattr(&path, "user.a"))), Errno::ACCESS);
            assert_eq!(errno(t.get(t.getxattr("file", "user.a").at(&handle))), Errno::ACCESS);
            assert_eq!(errno(t.get(t.setxattr(&path, "user.a", "y"))), Errno::ACCESS);
            assert_eq!(errno(t.get(t.removexattr("file", "user.a").at(&handle))), Errno::ACCESS);
            assert_eq!(errno(t.get(t.setxattr(&path, "trusted.a", "y"))), Errno::PERM);
        });
    });
}
