//! Directories in which names come and go: those that nobody touches are met once, however the file
//! system numbers its entries. Overlayfs numbers them anew whenever a directory is opened.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ioaio::{Aio, Progress, WalkEntry};
use rustix::fs::{Mode, OFlags};

use crate::common::in_child;
use crate::mounts;

/// Files that nobody touches, each longer than all directories together.
const STAY: usize = 9000;
const LEN: u64 = 4 << 20;
/// Directories with others in them: to go into all of these, others have to be closed.
const DIRS: usize = 150;
const CHURN: &str = "churn";

fn plant(sub: &Path) {
    fs::create_dir_all(sub).unwrap();
    for n in 0..STAY {
        File::create(sub.join(format!("s{n:05}"))).unwrap().set_len(LEN).unwrap();
        if n % (STAY / DIRS) == 0 {
            fs::create_dir_all(sub.join(format!("d{n}/a/b/c"))).unwrap();
        }
    }
}

/// Makes and removes names in `dir` while `work` runs.
fn churned(dir: &Path, work: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    let mut random = crate::common::random();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut names: Vec<PathBuf> = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let path = dir.join(format!("{CHURN}{}", random.u64(..)));
                if File::create(&path).is_ok() {
                    names.push(path);
                }
                if names.len() > 200 || (!names.is_empty() && random.bool()) {
                    let path = names.swap_remove(random.usize(..names.len()));
                    let _ = fs::remove_file(path);
                }
            }
        });
        // A panic must not leave the thread running, which the scope waits for.
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = done {
            std::panic::resume_unwind(panic);
        }
    });
}

/// A directory on an overlayfs, merged of two layers.
fn merged(top: &Path) -> std::io::Result<PathBuf> {
    mounts::leave()?;
    mounts::mount("tmpfs", top, "")?;
    let layer = |name: &str| top.join(name);
    ["lower/t/sub", "upper", "work", "merged"].iter().for_each(|dir| fs::create_dir_all(layer(dir)).unwrap());
    fs::write(layer("lower/t/sub/low"), "x").unwrap();
    let [lower, upper, work] = ["lower", "upper", "work"].map(|name| layer(name).display().to_string());
    let layers = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    mounts::mount("overlay", &layer("merged"), &layers)?;
    Ok(layer("merged"))
}

/// Runs `body` with a tree in whose directory `sub` names come and go, and a place for copies: where
/// temporary files are, and on an overlayfs where this user may mount one.
fn each_file_system(body: impl Fn(&Path, &Path)) {
    let run = |top: &Path| {
        let tree = top.join("t");
        plant(&tree.join("sub"));
        churned(&tree.join("sub"), || body(&tree, top));
    };
    let top = tempfile::tempdir().unwrap();
    run(top.path());
    let top = tempfile::tempdir().unwrap();
    in_child(|| match merged(top.path()) {
        Ok(merged) => run(&merged),
        Err(e) => eprintln!("skipped: no overlayfs can be mounted: {e}"),
    });
}

/// All that stays is there, each once.
fn complete<'a>(what: &str, names: impl Iterator<Item = &'a OsStr>) {
    let mut met: HashMap<&OsStr, u32> = HashMap::new();
    names.filter(|name| name.as_bytes()[0] == b's').for_each(|name| *met.entry(name).or_default() += 1);
    met.remove(OsStr::new("sub"));
    let often = met.values().filter(|&&times| times != 1).count();
    assert_eq!((met.len(), often), (STAY, 0), "{what}");
}

#[test]
fn a_copy_has_all_that_stays() {
    each_file_system(|tree, top| {
        for round in 0..5 {
            let to = top.join(format!("copy{round}"));
            let copied = Aio::new().unwrap().copy_tree(tree, &to).keep_going(true).wait().unwrap();
            let churn = |path: &Path| path.to_str().is_some_and(|path| path.contains(CHURN));
            let other = copied.errors().iter().find(|e| !churn(e.path()));
            assert!(other.is_none(), "{other:?}");
            let names: Vec<_> =
                fs::read_dir(to.join("sub")).unwrap().map(|e| e.unwrap().file_name()).collect();
            complete("copy_tree", names.iter().map(|name| &**name));
            assert_eq!(names.iter().filter(|name| name.as_bytes()[0] == b'd').count(), DIRS);
            fs::remove_dir_all(to).unwrap();
        }
    });
}

#[test]
fn a_walk_meets_all_that_stays_once() {
    each_file_system(|tree, _| {
        let aio = Aio::new().unwrap();
        for round in 0..12 {
            let walk = aio.walk(tree).metadata(round % 3 == 1).sorted(round % 3 == 2);
            let entries: Vec<WalkEntry> = walk.into_iter().map(Result::unwrap).collect();
            complete("walk", entries.iter().map(WalkEntry::file_name));
            assert_eq!(entries.iter().filter(|entry| entry.file_name() == "c").count(), DIRS);
        }
    });
}

#[test]
fn a_listing_has_all_that_stays_once() {
    each_file_system(|tree, _| {
        let (aio, sub) = (Aio::new().unwrap(), tree.join("sub"));
        for _ in 0..12 {
            let list = aio.read_dir(&sub).wait().unwrap();
            complete("read_dir", list.iter().map(|entry| entry.name()));
            let list = aio.scan(&sub).wait().unwrap();
            complete("scan", list.others().map(|entry| entry.name()));
            assert_eq!(list.dirs().len(), DIRS);
        }
    });
}

#[test]
fn du_counts_all_that_stays_once() {
    each_file_system(|tree, _| {
        let aio = Aio::new().unwrap();
        for _ in 0..6 {
            let usage = aio.du(tree).wait().unwrap();
            assert_eq!(usage.apparent() / LEN, STAY as u64);
            assert_eq!(usage.dirs(), 2 + 4 * DIRS as u64);
            assert_eq!(usage.failed(), 0, "{:?}", usage.errors());
        }
    });
}

/// Somebody goes on to put things in, so the directory may stay; what was there from the start does not.
#[test]
fn a_removal_takes_all_that_stays() {
    each_file_system(|tree, _| {
        let removed = Aio::new().unwrap().remove_tree(tree).wait();
        if let Err(e) = removed {
            assert_eq!(e.raw_os_error(), Some(libc::ENOTEMPTY), "{e}");
        }
        let left = fs::read_dir(tree.join("sub")).into_iter().flatten();
        let left: Vec<_> = left.map(|e| e.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name.as_bytes().starts_with(CHURN.as_bytes())), "{left:?}");
    });
}

/// A chain of directories, each with more names than are read at a time.
fn chain(top: &Path, levels: usize) -> usize {
    let mut dir = rustix::fs::open(top, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    for _ in 0..levels {
        for n in 0..5000 {
            let kind = rustix::fs::FileType::Fifo;
            rustix::fs::mknodat(&dir, format!("fifo {n}"), kind, Mode::RUSR, 0).unwrap();
        }
        rustix::fs::mkdirat(&dir, "down", Mode::RWXU).unwrap();
        dir = rustix::fs::openat(&dir, "down", OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap();
    }
    levels * 5001 + 1
}

/// Directories of which names are left stay open: they are few, however many and large directories are.
#[test]
fn large_directories_need_no_more_descriptors_than_others() {
    const LEVELS: usize = 24;
    let top = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let (from, to) = (top.path().join("from"), top.path().join("to"));
    fs::create_dir(&from).unwrap();
    let count = chain(&from, LEVELS);
    in_child(|| {
        let limit = rustix::process::Rlimit { current: Some(64), maximum: Some(64) };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
        let aio = Aio::new().unwrap();
        for metadata in [false, true] {
            let mut walk = aio.walk(&from).metadata(metadata).into_iter();
            assert_eq!(walk.by_ref().map(Result::unwrap).count(), count);
        }
        assert_eq!(aio.copy_tree(&from, &to).wait().unwrap().failed(), 0);
        for tree in [&from, &to] {
            let progress = Progress::new();
            aio.remove_tree(tree).progress(&progress).wait().unwrap();
            assert_eq!(progress.entries(), count as u64);
        }
    });
}

/// What has gone when it is asked for is no error, and is counted.
#[test]
fn what_vanishes_under_a_walk_is_counted() {
    let top = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let tree = top.path().join("tree");
    fs::create_dir_all(tree.join("stays")).unwrap();
    // So many that the walk is waited for before it has met all of them.
    for n in 0..120 {
        fs::create_dir_all(tree.join(format!("goes/{n}/sub"))).unwrap();
        for file in 0..1000 {
            rustix::fs::mknodat(
                rustix::fs::CWD,
                tree.join(format!("goes/{n}/{file}")),
                rustix::fs::FileType::Fifo,
                Mode::RUSR,
                0,
            )
            .unwrap();
        }
    }
    let aio = Aio::new().unwrap();
    let mut walk = aio.walk(&tree).metadata(true).into_iter();
    let met = walk.by_ref().take(1000).map(Result::unwrap).count();
    fs::remove_dir_all(tree.join("goes")).unwrap();
    let met = met + walk.by_ref().map(Result::unwrap).count();
    assert!(met < 100_000, "{met} met: the walk was not waited for");
    assert!(walk.vanished() > 0);
}

#[test]
fn du_does_not_count_what_vanishes() {
    let top = tempfile::tempdir().unwrap();
    fs::create_dir(top.path().join("sub")).unwrap();
    let mut dirs = HashSet::new();
    for n in 0.. {
        let plan = ioaio::Faults::new(1).fail_nth(n, libc::ENOENT);
        let usage = Aio::builder().faults(plan.clone()).build().unwrap().du(top.path()).wait();
        if n >= plan.asked() {
            break;
        }
        // What is asked of the root is an error.
        if let Ok(usage) = usage
            && usage.vanished() == 1
        {
            assert_eq!(usage.failed(), 0, "{:?}", usage.errors());
            dirs.insert(usage.dirs());
        }
    }
    assert_eq!(dirs, HashSet::from([1, 2]), "it has gone when it is asked for, and when it is gone into");
}
