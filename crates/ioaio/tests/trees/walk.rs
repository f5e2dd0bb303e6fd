//! walk.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::task::{Context, Waker};

use futures::{Stream, StreamExt};
use ioaio::{Aio, Dir, Error, Faults, FileType, Walk, WalkEntry};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::process::{Resource, Rlimit};
use tempfile::tempdir;

use crate::common::{Case, Way, as_nobody, each_route, in_child};

type Item = Result<WalkEntry, Error>;

/// A tree with a bit of everything in it, and a link to something outside.
fn plant(top: &Path) -> PathBuf {
    let tree = top.join("tree");
    std::fs::create_dir(top.join("outside")).unwrap();
    std::fs::write(top.join("outside/canary"), "").unwrap();
    for dir in ["", "a", "a/b", "a/b/c", "a/b/c/e", "empty", "d", "d.d"] {
        std::fs::create_dir(tree.join(dir)).unwrap();
    }
    for n in 0..20 {
        std::fs::write(tree.join(format!("a/b/file{n}")), "x".repeat(n)).unwrap();
    }
    std::fs::write(tree.join("d/with\nodd\\name\u{7f}"), "").unwrap();
    symlink("../../outside", tree.join("a/link")).unwrap();
    symlink("nowhere", tree.join("d/broken")).unwrap();
    rustix::fs::mknodat(CWD, tree.join("d/fifo"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    tree
}

/// Completes a walk in the case's way.
fn all(t: &Case, walk: Walk) -> Vec<Item> {
    match t.way {
        Way::Wait => walk.into_iter().collect(),
        Way::Future => crate::common::block_on(walk.stream().collect()),
        Way::Loop | Way::Flush => t.block_on(walk.stream().collect()),
    }
}

fn entries(items: Vec<Item>) -> Vec<WalkEntry> {
    items.into_iter().map(|item| item.unwrap()).collect()
}

fn below(entries: &[WalkEntry]) -> Vec<PathBuf> {
    entries.iter().map(WalkEntry::relative_path).collect()
}

/// Every path from the root on, sorted, what is in a directory right after it.
fn expected(root: &Path) -> Vec<PathBuf> {
    fn add(root: &Path, dir: &Path, list: &mut Vec<PathBuf>) {
        let mut names: Vec<_> =
            std::fs::read_dir(root.join(dir)).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        for name in names {
            let path = dir.join(name);
            list.push(path.clone());
            if std::fs::symlink_metadata(root.join(&path)).unwrap().is_dir() {
                add(root, &path, list);
            }
        }
    }
    let mut list = vec![PathBuf::new()];
    add(root, Path::new(""), &mut list);
    list
}

fn sorted(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort();
    paths
}

fn errno(item: &Item) -> i32 {
    item.as_ref().unwrap_err().raw_os_error().unwrap()
}

#[test]
fn everything_is_given_once_with_what_is_known_of_it() {
    let top = tempdir().unwrap();
    let tree = plant(top.path());
    let paths = sorted(expected(&tree));
    each_route(|t| {
        for metadata in [false, true] {
            let found = entries(all(t, t.walk(&tree).metadata(metadata).born(metadata)));
            assert_eq!(sorted(below(&found)), paths);
            for entry in found {
                let (path, depth) = (entry.path(), entry.relative_path().components().count());
                assert_eq!(path, tree.join(entry.relative_path()));
                assert_eq!((entry.depth(), entry.file_name()), (depth, path.file_name().unwrap()));
                let std = std::fs::symlink_metadata(&path).unwrap();
                let kind = (entry.is_dir(), entry.file_type() == FileType::Symlink);
                assert_eq!(kind, (std.is_dir(), std.is_symlink()), "{entry:?}");
                assert_eq!(entry.metadata().is_some(), metadata);
                if let Some(m) = entry.metadata() {
                    assert_eq!((m.ino(), m.len(), m.nlink().into()), (std.ino(), std.size(), std.nlink()));
                    assert_eq!(m.born().is_some(), std.created().is_ok());
                }
            }
        }
    });
}

#[test]
fn sorted_is_the_same_order_every_time() {
    let top = tempdir().unwrap();
    let tree = plant(top.path());
    let paths = expected(&tree);
    each_route(|t| {
        for metadata in [false, true] {
            assert_eq!(below(&entries(all(t, t.walk(&tree).sorted(true).metadata(metadata)))), paths);
        }
    });
}

/// Parts of large directories are read and asked for by different requests.
#[test]
fn large_directories_come_in_parts_and_complete() {
    let top = tempdir().unwrap();
    let tree = top.path();
    for n in 0..12_000 {
        match n % 20 {
            0 => std::fs::create_dir_all(tree.join(format!("{:050}/in", n * 7919 % 12_007))).unwrap(),
            _ => drop(std::fs::File::create(tree.join(format!("{:050}", n * 7919 % 12_007))).unwrap()),
        }
    }
    let paths = expected(tree);
    let aio = Aio::new().unwrap();
    for metadata in [false, true] {
        let found = entries(aio.walk(tree).metadata(metadata).sorted(true).into_iter().collect());
        assert!(below(&found) == paths, "sorted, metadata: {metadata}");
        let found = entries(aio.walk(tree).metadata(metadata).into_iter().collect());
        assert!(sorted(below(&found)) == paths, "metadata: {metadata}");
        assert!(found.iter().all(|entry| entry.metadata().is_some() == metadata));
    }
}

#[test]
fn depths_and_filters_leave_out_what_they_say() {
    let top = tempdir().unwrap();
    let tree = plant(top.path());
    let paths = expected(&tree);
    let depth = |path: &PathBuf| path.components().count();
    each_route(|t| {
        for (min, max) in [(0, 0), (0, 1), (1, 1), (2, 3), (1, usize::MAX), (4, 3), (9, usize::MAX)] {
            let walk = t.walk(&tree).min_depth(min).max_depth(max).sorted(true);
            let within = |path: &&PathBuf| (min..=max).contains(&depth(path));
            let expected: Vec<_> = paths.iter().filter(within).cloned().collect();
            assert_eq!(below(&entries(all(t, walk))), expected, "{min} to {max}");
        }
        for sorted_by_name in [false, true] {
            let (give, asked) = std::sync::mpsc::channel();
            let walk = t.walk(&tree).sorted(sorted_by_name).descend(move |dir| {
                give.send(dir.relative_path()).unwrap();
                dir.file_name() != "b" && dir.file_name() != "empty"
            });
            let found = below(&entries(all(t, walk)));
            let expected = paths.iter().filter(|path| !path.starts_with("a/b/") || path.ends_with("a/b"));
            assert_eq!(sorted(found), sorted(expected.cloned().collect()));
            let asked = sorted(asked.iter().collect());
            assert_eq!(asked, ["a", "a/b", "d", "d.d", "empty"].map(PathBuf::from));
        }
    });
}

#[test]
fn the_root_may_be_anything() {
    let top = tempdir().unwrap();
    let tree = plant(top.path());
    symlink("tree", top.path().join("link")).unwrap();
    each_route(|t| {
        let one = |path: &Path, kind| {
            let found = entries(all(t, t.walk(path).metadata(true)));
            assert_eq!((found.len(), found[0].path(), found[0].depth()), (1, path.to_owned(), 0));
            assert_eq!((found[0].file_type(), found[0].relative_path()), (kind, PathBuf::new()));
            assert_eq!(Some(found[0].file_name()), path.file_name());
        };
        one(&tree.join("a/b/file3"), FileType::File);
        one(&tree.join("empty"), FileType::Directory);
        one(&tree.join("d/fifo"), FileType::Fifo);
        one(&top.path().join("link"), FileType::Symlink);
        // A slash after it means what the link leads to.
        assert_eq!(all(t, t.walk(top.path().join("link/"))).len(), 32);
        let dir = Dir::open(&tree).unwrap();
        let found = entries(all(t, t.walk("a").at(&dir).max_depth(1).sorted(true)));
        let paths: Vec<PathBuf> = found.iter().map(WalkEntry::path).collect();
        assert_eq!(paths, ["a", "a/b", "a/link"].map(PathBuf::from));
        let found = entries(all(t, t.walk(".").at(&dir).max_depth(1).min_depth(1)));
        assert_eq!(found.len(), 4);
        assert_eq!(all(t, t.walk("/").max_depth(0)).remove(0).unwrap().file_name(), "/");
    });
}

#[test]
fn errors_of_the_root_are_items() {
    each_route(|t| {
        for (path, expected) in [("/nowhere", libc::ENOENT), ("", libc::ENOENT), ("a\0b", libc::EINVAL)] {
            let items = all(t, t.walk(path));
            assert_eq!((items.len(), errno(&items[0])), (1, expected));
            let error = items[0].as_ref().unwrap_err();
            assert!(path.contains('\0') || error.path() == Path::new(path), "{error}");
        }
    });
}

#[test]
fn an_error_says_where_and_the_walk_goes_on() {
    let top = tempdir().unwrap();
    std::fs::set_permissions(top.path(), PermissionsExt::from_mode(0o777)).unwrap();
    as_nobody(|| {
        let tree = plant(top.path());
        // Nobody reads the one, and nobody asks for what is in the other.
        let change = |dir: &str, mode| {
            std::fs::set_permissions(tree.join(dir), PermissionsExt::from_mode(mode)).unwrap();
        };
        change("a/b/c", 0o300);
        change("d", 0o400);
        let aio = Aio::new().unwrap();
        for sorted in [false, true] {
            let items = aio.walk(&tree).metadata(true).sorted(sorted);
            let (found, failed): (Vec<_>, Vec<_>) = items.into_iter().partition(Result::is_ok);
            assert_eq!(found.len(), 32 - 1 - 3);
            let mut errors: Vec<_> = failed.into_iter().map(|item| item.unwrap_err()).collect();
            errors.sort_by_key(|e| e.path().to_owned());
            let told: Vec<_> = errors.iter().map(|e| (e.call(), e.path(), e.raw_os_error())).collect();
            let denied = Some(libc::EACCES);
            let path = |name: &str| tree.join(name);
            let expected = [
                ("openat", path("a/b/c"), denied),
                ("lstat", path("d/broken"), denied),
                ("lstat", path("d/fifo"), denied),
                ("lstat", path("d/with\nodd\\name\u{7f}"), denied),
            ];
            assert_eq!(told, expected.each_ref().map(|(call, path, e)| (*call, path.as_path(), *e)));
        }
        change("a/b/c", 0o700);
        change("d", 0o700);
    });
}

/// Who may read a directory and not search it learns the names, as by find(1).
#[test]
fn a_root_that_may_only_be_read() {
    let top = tempdir().unwrap();
    std::fs::set_permissions(top.path(), PermissionsExt::from_mode(0o777)).unwrap();
    as_nobody(|| {
        let root = top.path().join("root");
        std::fs::create_dir_all(root.join("dir")).unwrap();
        std::fs::write(root.join("file"), "").unwrap();
        std::fs::set_permissions(&root, PermissionsExt::from_mode(0o400)).unwrap();
        let aio = Aio::new().unwrap();
        let (found, failed): (Vec<_>, Vec<_>) = aio.walk(&root).into_iter().partition(Result::is_ok);
        let usage = aio.du(&root).wait().unwrap();
        std::fs::set_permissions(&root, PermissionsExt::from_mode(0o700)).unwrap();
        assert_eq!(sorted(below(&entries(found))), ["", "dir", "file"].map(PathBuf::from));
        assert_eq!(failed.iter().map(errno).collect::<Vec<_>>(), [libc::EACCES]);
        assert_eq!((usage.dirs(), usage.failed()), (1, 2));
    });
}

#[test]
fn other_file_systems_are_gone_into_only_if_that_is_wanted() {
    let dev = |path: &str| std::fs::metadata(path).map(|m| m.dev()).ok();
    if dev("/dev/shm").is_none() || dev("/dev/shm") == dev("/dev") {
        return eprintln!("skipped: nothing is mounted on /dev/shm");
    }
    let Ok(file) = tempfile::NamedTempFile::new_in("/dev/shm") else {
        return eprintln!("skipped: /dev/shm is not writable");
    };
    each_route(|t| {
        for stay in [false, true] {
            let items = all(t, t.walk("/dev").one_file_system(stay));
            let paths: Vec<PathBuf> = items.into_iter().filter_map(|item| Some(item.ok()?.path())).collect();
            assert!(paths.iter().any(|path| path == "/dev/shm"));
            assert_eq!(paths.iter().any(|path| path == file.path()), !stay);
        }
    });
}

/// Levels of directories below `dir`, each with a file, and with more directories beside the next one.
fn dig(dir: &Path, levels: usize, beside: &[&str]) {
    let open = |dir: &std::os::fd::OwnedFd, name: &str| {
        rustix::fs::openat(dir, name, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap()
    };
    let mut dir = rustix::fs::open(dir, OFlags::DIRECTORY, Mode::empty()).unwrap();
    for _ in 0..levels {
        rustix::fs::openat(&dir, "file", OFlags::CREATE | OFlags::WRONLY, Mode::RWXU).unwrap();
        for name in ["level"].iter().chain(beside) {
            rustix::fs::mkdirat(&dir, *name, Mode::RWXU).unwrap();
        }
        dir = open(&dir, "level");
    }
}

/// 10,000 levels and 64 descriptors; on the way back up there is something left to do on each level.
#[test]
fn no_tree_is_too_deep() {
    const LEVELS: usize = 10_000;
    // In memory, if there is such a place: making the tree is what takes long.
    let top = tempfile::tempdir_in("/dev/shm").or_else(|_| tempdir()).unwrap();
    dig(top.path(), LEVELS, &["rest"]);
    in_child(|| {
        let limit = Rlimit { current: Some(64), maximum: Some(64) };
        rustix::process::setrlimit(Resource::Nofile, limit).unwrap();
        let aio = Aio::new().unwrap();
        for (sorted, metadata) in [(false, true), (true, false)] {
            let mut kinds = BTreeMap::new();
            for entry in aio.walk(top.path()).sorted(sorted).metadata(metadata) {
                let entry = entry.unwrap();
                *kinds.entry((entry.file_name().to_owned(), entry.is_dir())).or_insert(0) += 1;
                assert!(entry.depth() <= LEVELS);
            }
            let count = |name: &str, dir| kinds.get(&(name.into(), dir)).copied();
            assert_eq!(count("file", false), Some(LEVELS));
            for name in ["level", "rest"] {
                assert_eq!(count(name, true), Some(LEVELS), "{name}");
            }
        }
    });
    Aio::new().unwrap().remove_tree(top.path().join("level")).wait().unwrap();
}

/// The names of one directory, in less than 64 MiB; with IOAIO_LONG=1, a million of them.
#[test]
fn a_directory_of_many_names_takes_little_memory() {
    let long = std::env::var_os("IOAIO_LONG").is_some_and(|v| v == "1");
    let (number, limit) = if long { (1_000_000, 64 << 10) } else { (50_000, 24 << 10) };
    let top = tempfile::tempdir_in("/dev/shm").or_else(|_| tempdir()).unwrap();
    for n in 0..number {
        rustix::fs::mknodat(CWD, top.path().join(n.to_string()), rustix::fs::FileType::Fifo, Mode::RUSR, 0)
            .unwrap();
    }
    for sorted in [false, true] {
        in_child(|| {
            // What this process has used before does not count.
            std::fs::write("/proc/self/clear_refs", "5").unwrap();
            let before = peak();
            let walk = Aio::new().unwrap().walk(top.path()).metadata(true).sorted(sorted).into_iter();
            assert_eq!(walk.filter(|entry| entry.as_ref().unwrap().metadata().is_some()).count(), number + 1);
            let used = peak() - before;
            assert!(used < limit, "{used} KiB, sorted: {sorted}");
        });
    }
}

/// The most memory that was in use, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("procfs tells it");
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Whoever has hardly any descriptors left gets everything, only not so quickly.
#[test]
fn few_descriptors() {
    let top = tempdir().unwrap();
    let tree = plant(top.path());
    for n in 0..200 {
        std::fs::create_dir_all(tree.join(format!("wide{n}/a/b"))).unwrap();
    }
    let number = expected(&tree).len();
    in_child(|| {
        let limit = Rlimit { current: Some(64), maximum: Some(64) };
        rustix::process::setrlimit(Resource::Nofile, limit).unwrap();
        let aio = Aio::new().unwrap();
        let mut fillers = Vec::new();
        while let Ok(file) = std::fs::File::open("/dev/null") {
            fillers.push(file);
        }
        let items: Vec<_> = aio.walk(&tree).into_iter().collect();
        assert_eq!((errno(items.last().unwrap()), items.len()), (libc::EMFILE, 2), "nothing is left");
        // What the root is in, the root, a directory and one in it.
        fillers.truncate(fillers.len() - 4);
        for sorted in [false, true] {
            let found = entries(aio.walk(&tree).sorted(sorted).metadata(true).into_iter().collect());
            assert_eq!(found.len(), number);
        }
    });
}

/// Every system call fails once: that is one item, and what does not depend on it is still given.
#[test]
fn a_fault_at_every_step() {
    let top = tempdir().unwrap();
    let tree = plant(top.path());
    let paths = sorted(expected(&tree));
    for (pool, sorted_by_name) in [(1, false), (4, false), (4, true)] {
        let mut n = 0;
        loop {
            let plan = Faults::new(1).fail_nth(n, libc::EIO);
            let aio = Aio::builder().max_parallel(pool).faults(plan.clone()).build().unwrap();
            let walk = aio.walk(&tree).metadata(true).sorted(sorted_by_name);
            let (found, failed): (Vec<_>, Vec<_>) = walk.into_iter().partition(Result::is_ok);
            let found = sorted(below(&entries(found)));
            if n >= plan.asked() {
                assert_eq!((&found, failed.len()), (&paths, 0));
                break;
            }
            let errors: Vec<_> = failed.into_iter().map(|item| item.unwrap_err()).collect();
            assert!(!errors.is_empty(), "step {n}: a fault is lost");
            for error in &errors {
                assert_eq!(error.raw_os_error(), Some(libc::EIO), "step {n}: {error}");
            }
            // What is missing is at the places of the errors, or below them.
            let missing = paths.iter().filter(|path| !found.contains(path));
            for path in missing {
                let path = tree.join(path);
                assert!(errors.iter().any(|e| path.starts_with(e.path())), "step {n}: {path:?}, {errors:?}");
            }
            n += 1;
        }
        assert!(n > 50, "{n} steps");
    }
}

#[test]
fn a_walk_that_is_dropped_ends() {
    let top = tempdir().unwrap();
    let tree = plant(top.path());
    for n in 0..300 {
        std::fs::create_dir_all(tree.join(format!("wide{n}/a/b"))).unwrap();
    }
    let mut random = crate::common::random();
    for _ in 0..100 {
        let aio = Aio::new().unwrap();
        let mut iter = aio.walk(&tree).metadata(true).sorted(random.bool()).into_iter();
        for _ in 0..random.usize(0..900) {
            iter.next().unwrap().unwrap();
        }
        drop(iter);
        crate::common::eventually("no request is left", || aio.nreqs() == 0);
        let mut stream = Box::pin(aio.walk(&tree).stream());
        let _ = stream.as_mut().poll_next(&mut Context::from_waker(Waker::noop()));
        drop(stream);
        crate::common::eventually("no request is left", || aio.nreqs() == 0);
    }
}

/// Who does not take what was found is not overrun: nothing goes on.
#[test]
fn a_caller_who_waits_is_waited_for() {
    let top = tempdir().unwrap();
    for n in 0..50 {
        let dir = top.path().join(format!("dir{n}"));
        std::fs::create_dir(&dir).unwrap();
        for n in 0..300 {
            std::fs::File::create(dir.join(format!("file{n}"))).unwrap();
        }
    }
    for sorted in [false, true] {
        let plan = Faults::new(1);
        let aio = Aio::builder().faults(plan.clone()).build().unwrap();
        let mut iter = aio.walk(top.path()).metadata(true).sorted(sorted).into_iter();
        assert!(iter.by_ref().take(60).all(|entry| entry.is_ok()));
        crate::common::eventually("requests end", || aio.nreqs() == 0);
        let asked = plan.asked();
        assert!(asked < 15_000, "{asked} questions of 50 * 300");
        assert_eq!(iter.count(), 1 + 50 + 50 * 300 - 60);
        assert!(plan.asked() > 15_000);
    }
}
