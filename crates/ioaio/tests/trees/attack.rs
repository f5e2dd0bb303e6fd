//! Somebody who renames inside a tree while it is removed or walked.

use std::ffi::OsString;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ioaio::Aio;
use rustix::fs::{CWD, RenameFlags};

const CANARIES: usize = 50;

struct Scene {
    top: tempfile::TempDir,
}

impl Scene {
    /// A tree of directories, each with some files; and beside it what is not to be touched, with a
    /// directory of the same names that a link in the tree leads to.
    fn new() -> Self {
        let top = tempfile::tempdir().unwrap();
        let path = top.path();
        std::fs::create_dir(path.join("outside")).unwrap();
        for n in 0..CANARIES {
            std::fs::create_dir(path.join(format!("outside/dir{n}"))).unwrap();
            std::fs::write(path.join(format!("outside/dir{n}/file{n}")), "alive").unwrap();
            std::fs::write(path.join(format!("outside/dir{n}/canary")), "").unwrap();
        }
        Scene { top }
    }
    fn tree(&self) -> PathBuf {
        self.top.path().join("tree")
    }
    fn plant(&self) {
        for n in 0..CANARIES {
            let dir = self.tree().join(format!("sub/dir{n}"));
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join(format!("file{n}")), "").unwrap();
        }
        symlink(self.top.path().join("outside"), self.tree().join("link")).unwrap();
    }
    fn alive(&self) -> usize {
        let file = |n| self.top.path().join(format!("outside/dir{n}/file{n}"));
        (0..CANARIES).filter(|&n| file(n).exists()).count()
    }
    /// Swaps the directory `sub` and the link to the outside, as fast as can be, while `work` runs.
    fn attack(&self, work: impl FnOnce()) -> u64 {
        let (stop, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
        let (sub, link) = (self.tree().join("sub"), self.tree().join("link"));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    if rustix::fs::renameat_with(CWD, &sub, CWD, &link, RenameFlags::EXCHANGE).is_ok() {
                        swaps.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
            work();
            stop.store(true, Ordering::Relaxed);
        });
        swaps.load(Ordering::Relaxed)
    }
}

/// A million swaps with IOAIO_LONG=1.
fn enough() -> u64 {
    if std::env::var_os("IOAIO_LONG").is_some_and(|v| v == "1") { 1_000_000 } else { 20_000 }
}

/// What a program does that looks first, and then removes by path.
fn naive(dir: &Path) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if std::fs::symlink_metadata(&path).is_ok_and(|st| st.is_dir()) {
            std::thread::yield_now();
            naive(&path);
        } else {
            let _ = std::fs::remove_file(&path);
        }
    }
    let _ = std::fs::remove_dir(dir);
}

#[test]
fn nobody_leads_a_removal_out_of_the_tree() {
    let scene = Scene::new();
    let aio = Aio::new().unwrap();
    let (mut swaps, end) = (0, Instant::now() + Duration::from_secs(600));
    while swaps < enough() {
        scene.plant();
        swaps += scene.attack(|| drop(aio.remove_tree(scene.tree()).wait()));
        assert_eq!(scene.alive(), CANARIES);
        let _ = aio.remove_tree(scene.tree()).wait();
        assert!(!scene.tree().exists(), "nobody interferes any more");
        assert!(Instant::now() < end, "only {swaps} swaps");
    }
}

/// The test's power: a removal by path does lose what is outside.
#[test]
fn a_naive_removal_is_led_astray() {
    let scene = Scene::new();
    for _ in 0..2000 {
        let _ = std::fs::remove_dir_all(scene.tree());
        scene.plant();
        scene.attack(|| naive(&scene.tree()));
        if scene.alive() < CANARIES {
            return;
        }
    }
    panic!("the attack does no harm: the test can't fail");
}

/// Every file below `dir` by a program that looks first, and then goes into directories by path.
fn naive_walk(dir: &Path, names: &mut Vec<OsString>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if std::fs::symlink_metadata(&path).is_ok_and(|st| st.is_dir()) {
            std::thread::yield_now();
            naive_walk(&path, names);
        } else {
            names.push(entry.file_name());
        }
    }
}

#[test]
fn nobody_leads_a_walk_out_of_the_tree() {
    let scene = Scene::new();
    scene.plant();
    let aio = Aio::new().unwrap();
    let (mut swaps, mut files, end) = (0, 0, Instant::now() + Duration::from_secs(600));
    while swaps < enough() {
        for (sorted, metadata) in [(false, true), (true, true), (false, false)] {
            swaps += scene.attack(|| {
                for entry in aio.walk(scene.tree()).sorted(sorted).metadata(metadata) {
                    // Something else may be in a directory's place by now.
                    let Ok(entry) = entry else { continue };
                    assert_ne!(entry.file_name(), "canary", "{entry:?}");
                    files += usize::from(entry.file_name() == "file7");
                }
            });
        }
        assert!(Instant::now() < end, "only {swaps} swaps");
    }
    assert!(files > 0, "the directory was never gone into");
}

/// The test's power: a walk by path does tell what is outside.
#[test]
fn a_naive_walk_is_led_astray() {
    let scene = Scene::new();
    scene.plant();
    let mut names = Vec::new();
    for _ in 0..20_000 {
        scene.attack(|| naive_walk(&scene.tree(), &mut names));
        if names.iter().any(|name| name == "canary") {
            return;
        }
        names.clear();
    }
    panic!("the attack does no harm: the test can't fail");
}
