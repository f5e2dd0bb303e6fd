//! realpath.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use ioaio::Dir;
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{as_nobody, each_route, errno, in_child};

#[test]
fn realpath_does_what_the_c_library_does() {
    let dir = tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir_all(at("a/b/c")).unwrap();
    fs::write(at("a/file"), "").unwrap();
    for (text, link) in
        [("../a/b", "a/link"), ("link", "a/again"), ("/", "root"), ("self", "self"), ("none", "dangling")]
    {
        symlink(text, at(link)).unwrap();
    }
    let handle = Dir::open(dir.path()).unwrap();
    each_route(|t| {
        for path in [
            ".",
            "a",
            "a/",
            "a//b/../b/c",
            "a/link",
            "a/again/c/..",
            "root",
            "root/proc/self/..",
            "a/file",
            "..",
            "self",
            "dangling",
            "a/file/",
            "a/file/..",
            "none",
            "none/..",
            "root/../..",
            "/dev/null",
            "/",
        ] {
            let expected = fs::canonicalize(at(path)).map_err(|e| e.raw_os_error());
            let own = t.get(t.realpath(at(path))).map_err(|e| e.raw_os_error());
            assert_eq!(own, expected, "{path}");
            let own = t.get(t.realpath(path).at(&handle)).map_err(|e| e.raw_os_error());
            assert_eq!(own, expected, "{path}");
        }
    });
}

#[test]
fn errors_of_realpath_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let real = |name: &str| errno(t.get(t.realpath(dir.path().join(name))));
        fs::create_dir(dir.path().join("a")).unwrap();
        assert_eq!(real("a\0"), Errno::INVAL);
        assert_eq!(real(&"x".repeat(256)), Errno::NAMETOOLONG);
        assert_eq!(real(&format!("{}{}", "a/../".repeat(1000), "x".repeat(256))), Errno::NAMETOOLONG);
        assert_eq!(real(&format!("{}none", "a/../".repeat(1000))), Errno::NOENT);
        assert_eq!(errno(t.get(t.realpath(""))), Errno::NOENT);
        // Forty links are followed, by the kernel as by the walk that takes long paths.
        for n in 0..41 {
            let to = if n == 0 { "a".to_owned() } else { (n - 1).to_string() };
            symlink(to, dir.path().join(n.to_string())).unwrap();
        }
        let expected = fs::canonicalize(dir.path().join("a")).unwrap();
        for prefix in ["", &"a/../".repeat(1000)] {
            let real = |name: &str| t.get(t.realpath(dir.path().join(format!("{prefix}{name}"))));
            assert_eq!(real("39").unwrap(), expected);
            assert_eq!(errno(real("40")), Errno::LOOP);
        }
    });
}

/// Paths that no system call takes, and answers that none gives.
#[test]
fn long_paths_have_a_real_path() {
    let dir = tempdir().unwrap();
    let base = fs::canonicalize(dir.path()).unwrap();
    let name = "n".repeat(200);
    let mut handle = Dir::open(dir.path()).unwrap();
    let mut expected = base.clone();
    for _ in 0..30 {
        rustix::fs::mkdirat(&handle, &*name, 0o755.into()).unwrap();
        let next = rustix::fs::openat(&handle, &*name, ioaio::OFlags::PATH, 0.into()).unwrap();
        handle = next.into();
        expected.push(&name);
    }
    rustix::fs::symlinkat(".", &handle, "link").unwrap();
    each_route(|t| {
        let from_top: PathBuf = [base.as_path(), Path::new(&format!("{name}/").repeat(30))].iter().collect();
        assert_eq!(t.get(t.realpath(from_top.join("link"))).unwrap(), expected);
        assert_eq!(t.get(t.realpath("link/./link").at(&handle)).unwrap(), expected);
        let up = "../".repeat(30);
        assert_eq!(t.get(t.realpath(&up).at(&handle)).unwrap(), base);
        assert_eq!(t.get(t.realpath(from_top.join(&up))).unwrap(), base);
        assert_eq!(errno(t.get(t.realpath(from_top.join("none")))), Errno::NOENT);
    });
    // The directory belongs to the whole process.
    in_child(|| {
        rustix::process::fchdir(rustix::fs::openat(&handle, ".", ioaio::OFlags::RDONLY, 0.into()).unwrap())
            .unwrap();
        each_route(|t| assert_eq!(t.get(t.realpath("link")).unwrap(), expected));
    });
}

#[test]
fn what_was_removed_has_no_real_path() {
    let dir = tempdir().unwrap();
    fs::create_dir(dir.path().join("gone")).unwrap();
    let handle = Dir::open(dir.path().join("gone")).unwrap();
    fs::remove_dir(dir.path().join("gone")).unwrap();
    // A name that looks like what procfs says of it.
    fs::create_dir(dir.path().join("gone (deleted)")).unwrap();
    each_route(|t| assert_eq!(errno(t.get(t.realpath(".").at(&handle))), Errno::NOENT));
}

#[test]
fn realpath_needs_permission_to_search_only() {
    let dir = tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::create_dir_all(at("open/x")).unwrap();
    fs::create_dir_all(at("closed/x")).unwrap();
    let permit = |name: &str, mode| fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
    permit(".", 0o711);
    permit("open", 0o711);
    permit("closed", 0o600);
    let expected = fs::canonicalize(at("open/x")).unwrap();
    as_nobody(|| {
        each_route(|t| {
            assert_eq!(t.get(t.realpath(at("open/x"))).unwrap(), expected);
            assert_eq!(errno(t.get(t.realpath(at("closed/x")))), Errno::ACCESS);
            let long = "open/../".repeat(1000);
            assert_eq!(t.get(t.realpath(at(&long).join("open/x"))).unwrap(), expected);
            assert_eq!(errno(t.get(t.realpath(at(&long).join("closed/x")))), Errno::ACCESS);
        });
    });
    permit("closed", 0o700);
}
