//! remove_tree.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use ioaio::{Aio, Error, Faults, Progress};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::process::{Resource, Rlimit};

use crate::common::{as_nobody, each_route, in_child};

/// A tree with a bit of everything in it, and a canary outside that a link points to.
fn plant(top: &Path) -> u64 {
    let tree = top.join("tree");
    std::fs::create_dir(top.join("outside")).unwrap();
    std::fs::write(top.join("outside/canary"), "alive").unwrap();
    for dir in ["", "a", "a/b", "a/b/c", "empty", "d"] {
        std::fs::create_dir(tree.join(dir)).unwrap();
    }
    for n in 0..20 {
        std::fs::write(tree.join(format!("a/b/file{n}")), "data").unwrap();
    }
    std::fs::write(tree.join("d/with\nodd\\name\u{7f}"), "").unwrap();
    symlink(top.join("outside"), tree.join("a/link")).unwrap();
    symlink("nowhere", tree.join("d/broken")).unwrap();
    rustix::fs::mknodat(CWD, tree.join("d/fifo"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    6 + 20 + 4
}

fn canary(top: &Path) {
    assert_eq!(std::fs::read(top.join("outside/canary")).unwrap(), b"alive");
}

fn remaining(tree: &Path) -> usize {
    fn count(dir: &Path) -> usize {
        let Ok(list) = std::fs::read_dir(dir) else { return 0 };
        list.flatten().map(|e| 1 + if e.file_type().unwrap().is_dir() { count(&e.path()) } else { 0 }).sum()
    }
    count(tree) + usize::from(tree.exists())
}

#[test]
fn a_tree_is_removed_and_nothing_outside_of_it() {
    each_route(|t| {
        let top = tempfile::tempdir().unwrap();
        let entries = plant(top.path());
        let progress = Progress::new();
        t.get(t.remove_tree(top.path().join("tree")).progress(&progress)).unwrap();
        assert!(!top.path().join("tree").exists());
        assert_eq!(progress.entries(), entries);
        canary(top.path());
    });
}

#[test]
fn paths_are_relative_to_a_directory_and_may_end_in_slashes() {
    each_route(|t| {
        let top = tempfile::tempdir().unwrap();
        plant(top.path());
        let dir = ioaio::Dir::open(top.path()).unwrap();
        t.get(t.remove_tree("tree//").at(&dir)).unwrap();
        assert!(!top.path().join("tree").exists());
    });
}

#[test]
fn what_is_no_tree_is_an_error_with_its_path() {
    each_route(|t| {
        let top = tempfile::tempdir().unwrap();
        plant(top.path());
        symlink("tree", top.path().join("link")).unwrap();
        let errno = |name: &str, expected: &[i32]| {
            let path = top.path().join(name);
            let error = t.get(t.remove_tree(&path)).unwrap_err();
            assert!(expected.contains(&error.raw_os_error().unwrap()), "{error}");
            assert_eq!(error.path(), path);
        };
        errno("link", &[libc::ENOTDIR, libc::ELOOP]);
        errno("outside/canary", &[libc::ENOTDIR]);
        errno("nothing", &[libc::ENOENT]);
        errno(".", &[libc::EINVAL]);
        errno("tree/..", &[libc::EINVAL]);
        assert_eq!(t.get(t.remove_tree("a\0b")).unwrap_err().raw_os_error(), Some(libc::EINVAL));
        assert_eq!(t.get(t.remove_tree("")).unwrap_err().raw_os_error(), Some(libc::ENOENT));
        assert_eq!(remaining(&top.path().join("tree")), 30);
    });
}

#[test]
fn a_large_directory_goes_in_parts() {
    let top = tempfile::tempdir().unwrap();
    let tree = top.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    for n in 0..10_000 {
        std::fs::File::create(tree.join(format!("file {n} {:060}", n))).unwrap();
    }
    for n in 0..500 {
        std::fs::create_dir(tree.join(format!("dir {n}"))).unwrap();
    }
    Aio::new().unwrap().remove_tree(&tree).wait().unwrap();
    assert!(!tree.exists());
}

/// 10,000 levels, each with a file, and 64 descriptors.
#[test]
fn no_tree_is_too_deep() {
    let top = tempfile::tempdir().unwrap();
    std::fs::create_dir(top.path().join("tree")).unwrap();
    let open = |dir: &std::os::fd::OwnedFd, name: &str| {
        rustix::fs::openat(dir, name, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap()
    };
    let mut dir = rustix::fs::open(top.path().join("tree"), OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..10_000 {
        rustix::fs::mkdirat(&dir, "level", Mode::RWXU).unwrap();
        rustix::fs::openat(&dir, "file", OFlags::CREATE | OFlags::WRONLY, Mode::RWXU).unwrap();
        dir = open(&dir, "level");
    }
    drop(dir);
    in_child(|| {
        let limit = Rlimit { current: Some(64), maximum: Some(64) };
        rustix::process::setrlimit(Resource::Nofile, limit).unwrap();
        Aio::new().unwrap().remove_tree(top.path().join("tree")).wait().unwrap();
    });
    assert!(!top.path().join("tree").exists());
}

#[test]
fn what_may_not_be_removed_stays_and_the_rest_goes() {
    let top = tempfile::tempdir().unwrap();
    std::fs::set_permissions(top.path(), PermissionsExt::from_mode(0o777)).unwrap();
    as_nobody(|| {
        plant(top.path());
        let tree = top.path().join("tree");
        std::fs::set_permissions(tree.join("d"), PermissionsExt::from_mode(0o555)).unwrap();
        let error = Aio::new().unwrap().remove_tree(&tree).wait().unwrap_err();
        assert_eq!((error.call(), error.raw_os_error()), ("unlinkat", Some(libc::EACCES)));
        assert!(error.path().starts_with(tree.join("d")), "{error}");
        assert_eq!(remaining(&tree), 5, "the directory, what is in it, and the root");
        canary(top.path());
        std::fs::set_permissions(tree.join("d"), PermissionsExt::from_mode(0o755)).unwrap();
    });
}

/// Every system call fails once: the error says which and where, and nothing else is touched.
#[test]
fn a_fault_at_every_step() {
    for pool in [1, 4] {
        let mut n = 0;
        loop {
            let top = tempfile::tempdir().unwrap();
            plant(top.path());
            let tree = top.path().join("tree");
            let plan = Faults::new(1).fail_nth(n, libc::EIO);
            let aio = Aio::builder().max_parallel(pool).faults(plan.clone()).build().unwrap();
            let removed: Result<(), Error> = aio.remove_tree(&tree).wait();
            canary(top.path());
            if n >= plan.asked() {
                removed.unwrap();
                assert!(!tree.exists());
                break;
            }
            let error = removed.expect_err("a fault is not lost");
            assert_eq!(error.raw_os_error(), Some(libc::EIO), "step {n}: {error}");
            assert!(error.path().starts_with(&tree) || error.path() == Path::new(""), "step {n}: {error}");
            // An empty directory goes also if it could not be listed.
            assert!(tree.exists() || error.call() != "unlinkat", "step {n}: {error}, and yet it has gone");
            n += 1;
        }
        assert!(n > 40, "{n} steps");
    }
}

#[test]
fn a_cancel_at_any_moment_stops_it() {
    let (mut stopped, mut random) = (0, crate::common::random());
    for _ in 0..60 {
        let top = tempfile::tempdir().unwrap();
        plant(top.path());
        let tree = top.path().join("tree");
        let aio = Aio::new().unwrap();
        let result = crate::common::by_channel_handle(aio.remove_tree(&tree));
        for _ in 0..random.u32(..20_000) {
            std::hint::spin_loop();
        }
        result.0.cancel();
        aio.flush().unwrap();
        match result.1.try_recv().expect("the callback has run") {
            Ok(()) => assert!(!tree.exists()),
            Err(e) => {
                assert_eq!(e.raw_os_error(), Some(libc::ECANCELED), "{e}");
                stopped += 1;
            }
        }
        canary(top.path());
    }
    assert!(stopped > 0, "never stopped in time");
}

#[test]
fn dropping_the_engine_stops_it() {
    let top = tempfile::tempdir().unwrap();
    plant(top.path());
    for _ in 0..10 {
        let aio = Aio::new().unwrap();
        aio.remove_tree(top.path().join("tree")).then(drop);
        drop(aio);
    }
    canary(top.path());
}
