//! open and open_dir with rules for the resolution of the path.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use ioaio::{Dir, File, OFlags, ResolveFlags};
use rustix::io::Errno;
use tempfile::{TempDir, tempdir};

use crate::common::{Case, as_nobody, each_route, errno};

/// A directory `in` with links that lead here and there, beside what it must not reach.
fn house() -> (TempDir, Dir) {
    let house = tempdir().unwrap();
    let at = |name: &str| house.path().join(name);
    fs::create_dir_all(at("in/sub")).unwrap();
    fs::write(at("in/file"), "in").unwrap();
    fs::write(at("out"), "out").unwrap();
    symlink("file", at("in/near")).unwrap();
    symlink("../out", at("in/escape")).unwrap();
    symlink("/file", at("in/absolute")).unwrap();
    symlink("sub", at("in/dir")).unwrap();
    let inside = Dir::open(at("in")).unwrap();
    (house, inside)
}

fn text(t: &Case, file: &File) -> Vec<u8> {
    let (n, text) = t.get(t.read_at(file, Vec::with_capacity(10), 0));
    assert_eq!(n.unwrap(), text.len());
    text
}

#[test]
fn beneath_does_not_leave_the_directory() {
    let (house, inside) = house();
    each_route(|t| {
        let open = |path: &str| t.get(t.open(path).at(&inside).resolve(ResolveFlags::BENEATH));
        assert_eq!(text(t, &open("file").unwrap()), b"in");
        assert_eq!(text(t, &open("sub/../near").unwrap()), b"in");
        for path in ["../out", "escape", "absolute", "/etc/passwd", "sub/../../in/file"] {
            assert_eq!(errno(open(path)), Errno::XDEV, "{path}");
        }
        assert_eq!(text(t, &t.get(t.open("escape").at(&inside)).unwrap()), b"out", "it would be there");
        assert!(house.path().join("out").exists());
    });
}

#[test]
fn renames_elsewhere_do_not_matter() {
    let (house, inside) = house();
    let (a, b) = (house.path().join("a"), house.path().join("b"));
    std::fs::write(&a, "").unwrap();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                std::fs::rename(&a, &b).unwrap();
                std::fs::rename(&b, &a).unwrap();
            }
        });
        let aio = ioaio::Aio::new().unwrap();
        let open = || aio.open("sub/../sub/../near").at(&inside).resolve(ResolveFlags::BENEATH);
        let opened: Vec<_> = (0..2000).map(|_| open().wait().map(drop)).collect();
        stop.store(true, Ordering::Relaxed);
        assert!(opened.iter().all(Result::is_ok), "{opened:?}");
    });
}

#[test]
fn in_root_takes_the_directory_for_the_root() {
    let (_house, inside) = house();
    each_route(|t| {
        let open = |path: &str| t.get(t.open(path).at(&inside).resolve(ResolveFlags::IN_ROOT));
        for path in ["file", "/file", "absolute", "../../../file", "dir/../near"] {
            assert_eq!(text(t, &open(path).unwrap()), b"in", "{path}");
        }
        assert_eq!(errno(open("escape")), Errno::NOENT);
        assert_eq!(errno(open("/etc/passwd")), Errno::NOENT);
    });
}

#[test]
fn links_and_mounts_can_be_refused() {
    let (_house, inside) = house();
    each_route(|t| {
        let open = |path: &str, rules| t.get(t.open(path).at(&inside).resolve(rules));
        assert_eq!(errno(open("near", ResolveFlags::NO_SYMLINKS)), Errno::LOOP);
        assert_eq!(errno(open("dir/../file", ResolveFlags::NO_SYMLINKS)), Errno::LOOP);
        open("file", ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_XDEV).unwrap();
        assert_eq!(errno(open("/proc/self/status", ResolveFlags::NO_XDEV)), Errno::XDEV);
        assert_eq!(errno(open("/proc/self/exe", ResolveFlags::NO_MAGICLINKS)), Errno::LOOP);
    });
}

#[test]
fn cached_does_not_ask_the_device() {
    let (_house, inside) = house();
    each_route(|t| {
        let open = |path: &str| t.get(t.open(path).at(&inside).resolve(ResolveFlags::CACHED));
        t.get(t.open("file").at(&inside)).unwrap();
        match open("file") {
            Ok(file) => assert_eq!(text(t, &file), b"in"),
            Err(e) => {
                assert_eq!(errno::<()>(Err(e)), Errno::AGAIN);
                eprintln!("skipped: RESOLVE_CACHED: not in the cache of this file system");
            }
        }
        // Nobody has asked for this one, and each engine asks for another.
        let new = format!("{}-{:?}", t.route, t.way);
        assert!([Errno::AGAIN, Errno::NOENT].contains(&errno(open(&new))));
        // Creating can't be without waiting.
        let create = t.open("new").at(&inside).flags(OFlags::CREATE | OFlags::WRONLY);
        assert_eq!(errno(t.get(create.resolve(ResolveFlags::CACHED))), Errno::AGAIN);
    });
}

#[test]
fn rules_go_with_every_flag() {
    each_route(|t| {
        let (house, inside) = house();
        let rules = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let open = |path: &str, flags| t.open(path).at(&inside).flags(flags).resolve(rules);
        let file = t.get(open("new", OFlags::CREATE | OFlags::RDWR).mode(0o600)).unwrap();
        assert_eq!(t.get(t.fstat(&file)).unwrap().mode() & 0o7777, 0o600);
        assert!(rustix::io::fcntl_getfd(&file).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        // Permissions without a file to be made are no error, as with open.
        t.get(open("new", OFlags::RDONLY).mode(0o600)).unwrap();
        t.get(open("sub", OFlags::PATH | OFlags::DIRECTORY)).unwrap();
        assert_eq!(errno(t.get(open("new", OFlags::CREATE | OFlags::EXCL))), Errno::EXIST);
        match t.get(open("sub", OFlags::TMPFILE | OFlags::RDWR).mode(0o600)) {
            Ok(file) => t.get(t.link_file(&file, "sub/named").at(&inside)).unwrap(),
            Err(e) => {
                assert_eq!(errno::<()>(Err(e)), Errno::OPNOTSUPP);
                eprintln!("skipped: O_TMPFILE: this file system has none");
            }
        }
        let unknown = t.open("new").at(&inside).resolve(ResolveFlags::from_bits_retain(1 << 40));
        assert_eq!(errno(t.get(unknown)), Errno::INVAL);
        assert_eq!(errno(t.get(open("new\0", OFlags::RDONLY))), Errno::INVAL);
        assert!(house.path().join("in/new").exists());
    });
}

#[test]
fn open_dir_opens_a_directory() {
    let (house, inside) = house();
    let at = |name: &str| house.path().join(name);
    each_route(|t| {
        let dir = t.get(t.open_dir(at("in"))).unwrap();
        let file = t.get(t.open("file").at(&dir)).unwrap();
        assert_eq!(text(t, &file), b"in");
        assert!(rustix::io::fcntl_getfd(&dir).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        let sub = t.get(t.open_dir("dir").at(&dir)).unwrap();
        assert!(t.get(t.read_dir(".").at(&sub)).unwrap().is_empty());
        assert_eq!(errno(t.get(t.open_dir("dir").at(&dir).follow(false))), Errno::NOTDIR);
        assert_eq!(errno(t.get(t.open_dir("file").at(&dir))), Errno::NOTDIR);
        assert_eq!(errno(t.get(t.open_dir("none").at(&dir))), Errno::NOENT);
        assert_eq!(errno(t.get(t.open_dir("sub\0").at(&dir))), Errno::INVAL);
        let no_links = t.open_dir("dir").at(&dir).resolve(ResolveFlags::NO_SYMLINKS);
        assert_eq!(errno(t.get(no_links)), Errno::LOOP);
        let below = t.open_dir("..").at(&inside).resolve(ResolveFlags::BENEATH);
        assert_eq!(errno(t.get(below)), Errno::XDEV);
    });
}

#[test]
fn permission_to_search_is_enough_for_open_dir() {
    let (house, _) = house();
    let permit = |name: &str, mode| {
        fs::set_permissions(house.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    permit(".", 0o755);
    permit("in", 0o711);
    as_nobody(|| {
        each_route(|t| {
            let dir = t.get(t.open_dir(house.path().join("in"))).unwrap();
            assert_eq!(text(t, &t.get(t.open("file").at(&dir)).unwrap()), b"in");
        });
    });
    permit("in", 0o755);
}
