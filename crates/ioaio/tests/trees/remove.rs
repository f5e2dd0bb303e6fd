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

#[test]
fn an_empty_directory_that_may_not_be_read_goes() {
    let top = tempfile::tempdir().unwrap();
    std::fs::set_permissions(top.path(), PermissionsExt::from_mode(0o777)).unwrap();
    as_nobody(|| {
        let tree = top.path().join("tree");
        let aio = Aio::new().unwrap();
        let close = |dir: &Path| std::fs::set_permissions(dir, PermissionsExt::from_mode(0o300)).unwrap();
        for dir in ["tree/a", "tree", "tree/b/c"] {
            let dir = top.path().join(dir);
            std::fs::create_dir_all(&dir).unwrap();
            close(&dir);
            let progress = Progress::new();
            aio.remove_tree(&tree).progress(&progress).wait().unwrap();
            assert!(!tree.exists(), "{dir:?}");
            assert_eq!(progress.entries(), dir.strip_prefix(top.path()).unwrap().iter().count() as u64);
        }
        // What is in one that may not be read is not known, so it stays.
        for dir in ["tree", "tree/full"] {
            let dir = top.path().join(dir);
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join("file"), "").unwrap();
            close(&dir);
            let error = aio.remove_tree(&tree).wait().unwrap_err();
            let told = (error.call(), error.path(), error.raw_os_error(), error.failed());
            assert_eq!(told, ("openat", &*dir, Some(libc::EACCES), 1));
            std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o700)).unwrap();
            assert_eq!(remaining(&dir), 2);
            std::fs::remove_dir_all(&tree).unwrap();
        }
    });
}

/// Without the right to search it, an empty root goes, and a full one stays with an error for each name.
#[test]
fn a_root_that_may_not_be_searched() {
    let top = tempfile::tempdir().unwrap();
    std::fs::set_permissions(top.path(), PermissionsExt::from_mode(0o777)).unwrap();
    as_nobody(|| {
        let tree = top.path().join("tree");
        let aio = Aio::new().unwrap();
        let plant = |mode| {
            std::fs::create_dir(&tree).unwrap();
            if mode == 0o600 {
                std::fs::create_dir(tree.join("dir")).unwrap();
                std::fs::write(tree.join("file"), "").unwrap();
            }
            std::fs::set_permissions(&tree, PermissionsExt::from_mode(mode)).unwrap();
        };
        for mode in [0o400, 0o200, 0] {
            plant(mode);
            aio.remove_tree(&tree).wait().unwrap();
            assert!(!tree.exists(), "{mode:o}");
        }
        plant(0o600);
        let error = aio.remove_tree(&tree).wait().unwrap_err();
        std::fs::set_permissions(&tree, PermissionsExt::from_mode(0o700)).unwrap();
        let mut paths = vec![error.path(), error.others()[0].path()];
        paths.sort();
        assert_eq!(paths, [tree.join("dir"), tree.join("file")]);
        assert_eq!((error.raw_os_error(), error.failed()), (Some(libc::EACCES), 2));
        assert_eq!(remaining(&tree), 3);
    });
}

#[test]
fn every_error_is_told_and_no_more() {
    let top = tempfile::tempdir().unwrap();
    std::fs::set_permissions(top.path(), PermissionsExt::from_mode(0o777)).unwrap();
    as_nobody(|| {
        plant(top.path());
        let tree = top.path().join("tree");
        let change = |dir: &str, mode| {
            std::fs::set_permissions(tree.join(dir), PermissionsExt::from_mode(mode)).unwrap();
        };
        change("d", 0o555);
        change("a/b/c", 0o300);
        std::fs::write(tree.join("a/b/c/file"), "").unwrap();
        let error = Aio::new().unwrap().remove_tree(&tree).wait().unwrap_err();
        assert_eq!((error.failed(), error.others().len()), (4, 3));
        assert!(error.to_string().ends_with("(os error 13), and 3 more"), "{error}");
        let all = std::iter::once(&error).chain(error.others());
        let mut told: Vec<_> = all.map(|e| (e.call(), e.path(), e.raw_os_error())).collect();
        told.sort();
        let denied = Some(libc::EACCES);
        let [c, broken, fifo, odd] =
            ["a/b/c", "d/broken", "d/fifo", "d/with\nodd\\name\u{7f}"].map(|name| tree.join(name));
        let unlink = |path| ("unlinkat", path, denied);
        // Not that the directories above are not empty: that follows.
        assert_eq!(told, [("openat", &*c, denied), unlink(&*broken), unlink(&*fifo), unlink(&*odd)]);
        change("d", 0o755);
        change("a/b/c", 0o755);
        assert_eq!(remaining(&tree), 9);
    });
    // As many as are kept, and the number of all.
    let top = tempfile::tempdir().unwrap();
    let tree = top.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    (0..1500).for_each(|n| std::fs::write(tree.join(n.to_string()), "").unwrap());
    let plan = Faults::new(1).fail("unlinkat", libc::EIO, 1000);
    let error = Aio::builder().faults(plan).build().unwrap().remove_tree(&tree).wait().unwrap_err();
    assert_eq!(
        (error.others().len(), error.failed()),
        (999, 1501),
        "with the root, which is not tried in vain"
    );
}

#[test]
fn contents_go_and_the_directory_stays() {
    each_route(|t| {
        let top = tempfile::tempdir().unwrap();
        let entries = plant(top.path());
        let tree = top.path().join("tree");
        let progress = Progress::new();
        t.get(t.remove_tree(&tree).contents_only(true).progress(&progress)).unwrap();
        assert_eq!((remaining(&tree), progress.entries()), (1, entries - 1));
        canary(top.path());
        t.get(t.remove_tree(&tree).contents_only(true)).unwrap();
        assert_eq!(remaining(&tree), 1);
        // Its path may end in no name.
        std::fs::write(tree.join("file"), "").unwrap();
        let dir = ioaio::Dir::open(&tree).unwrap();
        t.get(t.remove_tree(".").at(&dir).contents_only(true)).unwrap();
        assert_eq!(remaining(&tree), 1);
        let file = top.path().join("outside/canary");
        let error = t.get(t.remove_tree(&file).contents_only(true).any_kind(true)).unwrap_err();
        assert_eq!((error.path(), error.raw_os_error()), (&*file, Some(libc::ENOTDIR)));
        canary(top.path());
    });
}

#[test]
fn what_is_no_directory_goes_where_that_is_allowed() {
    each_route(|t| {
        let top = tempfile::tempdir().unwrap();
        plant(top.path());
        let path = |name: &str| top.path().join(name);
        symlink("outside", path("link")).unwrap();
        symlink("nowhere", path("dangling")).unwrap();
        let slash = t.get(t.remove_tree(path("link/")).any_kind(true)).unwrap_err();
        assert!([libc::ENOTDIR, libc::ELOOP].contains(&slash.raw_os_error().unwrap()), "{slash}");
        for name in ["link", "dangling", "tree/d/fifo", "tree/a/b/file1", "tree"] {
            let progress = Progress::new();
            t.get(t.remove_tree(path(name)).any_kind(true).progress(&progress)).unwrap();
            assert!(path(name).symlink_metadata().is_err(), "{name}");
            assert!(progress.entries() >= 1);
        }
        canary(top.path());
        let nothing = t.get(t.remove_tree(path("link")).any_kind(true)).unwrap_err();
        assert_eq!(nothing.raw_os_error(), Some(libc::ENOENT));
    });
}

/// Somebody who goes on to put things in is not fought for ever.
#[test]
fn a_directory_that_is_filled_all_the_time_is_given_up() {
    let top = tempfile::tempdir().unwrap();
    let tree = top.path().join("tree");
    std::fs::create_dir(&tree).unwrap();
    let plan = Faults::new(1).fail("unlinkat", libc::ENOTEMPTY, 1000);
    let aio = Aio::builder().faults(plan.clone()).build().unwrap();
    let error = aio.remove_tree(&tree).wait().unwrap_err();
    assert_eq!((error.path(), error.raw_os_error()), (&*tree, Some(libc::ENOTEMPTY)));
    assert!(plan.asked() < 50, "{} calls", plan.asked());
}
