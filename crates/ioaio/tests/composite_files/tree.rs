//! copy_tree.

use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ioaio::{Aio, Faults, Progress};
use rustix::fs::{CWD, Mode, OFlags, RenameFlags};

use crate::common::{as_nobody, each_route, in_child};
use crate::copy::{decorate, mknod, places, set_times};
use crate::look::look_tree;
use crate::{bytes, each_fault, errno, names};

/// Some of everything.
pub fn plant(root: &Path, width: usize) {
    fs::create_dir(root).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    for i in 0..width {
        let dir = root.join(format!("dir{i}"));
        fs::create_dir(&dir).unwrap();
        for j in 0..width {
            fs::write(dir.join(format!("file{j}")), bytes(i * 1000 + j)).unwrap();
        }
        symlink("file0", dir.join("link")).unwrap();
        symlink("/nowhere", dir.join("dangling")).unwrap();
        fs::hard_link(dir.join("file0"), root.join(format!("hard{i}"))).unwrap();
        fs::create_dir(dir.join("sub")).unwrap();
        fs::hard_link(dir.join("file0"), dir.join("sub/hard")).unwrap();
        fs::write(dir.join("sub").join("x".repeat(255)), "long name").unwrap();
    }
    let odd = std::ffi::OsStr::from_bytes(b" \n\xff\x01'\\");
    fs::write(root.join(odd), "odd name").unwrap();
    fs::write(root.join("decorated"), "xattrs").unwrap();
    decorate(&root.join("decorated"));
    assert!(mknod(&root.join("fifo"), rustix::fs::FileType::Fifo, 0));
    assert!(mknod(&root.join("socket"), rustix::fs::FileType::Socket, 0));
    if !mknod(&root.join("null"), rustix::fs::FileType::CharacterDevice, rustix::fs::makedev(1, 3)) {
        eprintln!("partly skipped: no privilege to make a device");
    }
    let sparse = File::create(root.join("sparse")).unwrap();
    sparse.set_len(3 << 20).unwrap();
    for dir in ["dir0", "empty"] {
        fs::set_permissions(root.join(dir), fs::Permissions::from_mode(0o750)).unwrap();
        set_times(&root.join(dir));
    }
    set_times(root);
}

#[test]
fn everything_is_kept() {
    for (from, to) in places().iter().zip(places().iter().rev()) {
        let (a, b) = (from.path().join("a"), to.path().join("b"));
        plant(&a, 12);
        let before = look_tree(&a);
        for durable in [false, true] {
            let progress = Progress::new();
            let aio = Aio::new().unwrap();
            let copied = aio
                .copy_tree(&a, &b)
                .durable(durable)
                .keep_going(durable)
                .progress(&progress)
                .wait()
                .unwrap();
            assert_eq!(copied.failed(), 0, "{:?}", copied.errors());
            let after = look_tree(&b);
            for (path, look) in &before.0 {
                assert_eq!(Some(look), after.0.get(path), "{}", path.display());
            }
            assert!(before == after);
            assert_eq!(progress.entries(), before.0.len() as u64);
            assert_eq!(names(to.path()).len(), if from.path() == to.path() { 2 } else { 1 });
            let (st, copy) =
                (fs::metadata(a.join("sparse")).unwrap(), fs::metadata(b.join("sparse")).unwrap());
            assert!(copy.blocks() <= st.blocks() + 16);
            fs::remove_dir_all(&b).unwrap();
        }
        assert!(look_tree(&a) == before);
    }
}

#[test]
fn every_route_copies_a_tree() {
    let dir = tempfile::tempdir().unwrap();
    plant(&dir.path().join("a"), 3);
    let before = look_tree(&dir.path().join("a"));
    let handle = ioaio::Dir::open(dir.path()).unwrap();
    each_route(|t| {
        let copied = t.get(t.copy_tree("a", "b/").at(&handle).to_at(&handle)).unwrap();
        assert_eq!(copied.failed(), 0);
        assert!(look_tree(&dir.path().join("b")) == before);
        let again = t.get(t.copy_tree("a", "b").at(&handle).to_at(&handle));
        assert_eq!(errno(again), Some(libc::EEXIST));
        fs::remove_dir_all(dir.path().join("b")).unwrap();
        assert_eq!(names(dir.path()), ["a"]);
    });
}

#[test]
fn a_wide_directory_is_copied_in_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let a = dir.path().join("a");
    fs::create_dir(&a).unwrap();
    for i in 0..1200 {
        fs::write(a.join(format!("file{i}")), i.to_string()).unwrap();
        if i % 3 == 0 {
            fs::create_dir(a.join(format!("dir{i}"))).unwrap();
        }
    }
    set_times(&a);
    let _ = Aio::new().unwrap().copy_tree(&a, dir.path().join("b")).wait().unwrap();
    assert!(look_tree(&a) == look_tree(&dir.path().join("b")));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    plant(&path("a"), 2);
    symlink("a", path("link")).unwrap();
    let before = look_tree(dir.path()).0.len();
    let aio = Aio::new().unwrap();
    let copy = |from: &str, to: &str| errno(aio.copy_tree(path(from), path(to)).wait());
    assert_eq!(copy("a", "a/b"), Some(libc::EINVAL), "into itself");
    assert_eq!(copy("a", "a/dir0/sub/b"), Some(libc::EINVAL), "into itself");
    assert_eq!(copy("a", "link/b"), Some(libc::EINVAL), "into itself, by another way");
    assert_eq!(copy("a", "a"), Some(libc::EEXIST));
    assert_eq!(copy("a", "link"), Some(libc::EEXIST));
    assert_eq!(copy("a/dir0", "a/hard0"), Some(libc::EEXIST));
    assert_eq!(copy("a/hard0", "b"), Some(libc::ENOTDIR));
    assert_eq!(copy("link", "b"), Some(libc::ENOTDIR));
    assert_eq!(copy("none", "b"), Some(libc::ENOENT));
    assert_eq!(copy("a", "none/b"), Some(libc::ENOENT));
    assert_eq!(copy("a", ".."), Some(libc::EISDIR));
    assert_eq!(errno(aio.copy_tree("", path("b")).wait()), Some(libc::ENOENT));
    assert_eq!(errno(aio.copy_tree(path("a"), "x\0").wait()), Some(libc::EINVAL));
    assert_eq!(look_tree(dir.path()).0.len(), before, "nothing is left");
}

#[test]
fn errors_stop_it_or_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    plant(&a, 5);
    let engine = || Aio::builder().faults(Faults::new(7).fail("pwrite", libc::EIO, 300)).build().unwrap();
    let error = engine().copy_tree(&a, &b).wait().unwrap_err();
    assert_eq!((error.call(), error.raw_os_error()), ("pwrite", Some(libc::EIO)));
    assert!(error.path().starts_with(&b), "{}", error.path().display());
    assert_eq!(names(dir.path()), ["a"]);
    let copied = engine().copy_tree(&a, &b).keep_going(true).wait().unwrap();
    assert!(copied.failed() > 0 && copied.errors().len() as u64 == copied.failed());
    let (before, after) = (look_tree(&a).0, look_tree(&b).0);
    for (path, look) in &after {
        assert_eq!(Some(look), before.get(path), "{}", path.display());
    }
    let missing = before.keys().filter(|path| !after.contains_key(*path));
    for path in missing {
        assert!(before.len() > after.len());
        assert!(
            copied.errors().iter().any(|e| e.path() == b.join(path)),
            "{} is not told of",
            path.display()
        );
    }
}

/// Where names may be made and not be listed.
#[test]
fn a_copy_goes_into_a_directory_that_may_not_be_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o777)).unwrap();
    as_nobody(|| {
        let (a, drop_box) = (dir.path().join("a"), dir.path().join("box"));
        plant(&a, 2);
        fs::create_dir(&drop_box).unwrap();
        fs::set_permissions(&drop_box, PermissionsExt::from_mode(0o300)).unwrap();
        for durable in [false, true] {
            let b = drop_box.join(format!("b {durable}"));
            let copied = Aio::new().unwrap().copy_tree(&a, &b).durable(durable).wait().unwrap();
            assert_eq!(copied.failed(), 0);
            assert!(look_tree(&a) == look_tree(&b));
        }
        fs::set_permissions(&drop_box, PermissionsExt::from_mode(0o700)).unwrap();
        assert_eq!(names(&drop_box), ["b false", "b true"]);
    });
}

/// Where names may be made and not be changed.
#[test]
fn a_copy_goes_into_a_directory_that_keeps_its_names() {
    let dir = tempfile::tempdir().unwrap();
    let (a, keeper) = (dir.path().join("a"), dir.path().join("keeper"));
    plant(&a, 2);
    fs::create_dir(&keeper).unwrap();
    let handle = File::open(&keeper).unwrap();
    let set = |flags| rustix::fs::ioctl_setflags(&handle, flags);
    if let Err(e) = set(rustix::fs::IFlags::APPEND) {
        return eprintln!("skipped: chattr +a: {e}");
    }
    let copied = std::panic::catch_unwind(|| {
        let _ = Aio::new().unwrap().copy_tree(&a, keeper.join("b")).wait().unwrap();
        let fails = Aio::builder().faults(Faults::new(1).fail("pwrite", libc::EIO, 1000)).build().unwrap();
        assert_eq!(errno(fails.copy_tree(&a, keeper.join("c")).wait()), Some(libc::EIO));
        let fails = Aio::builder().faults(Faults::new(1).fail("fsync", libc::EIO, 1000)).build().unwrap();
        assert_eq!(errno(fails.copy_tree(&a, keeper.join("d")).durable(true).wait()), Some(libc::EIO));
    });
    set(rustix::fs::IFlags::empty()).unwrap();
    copied.unwrap();
    assert_eq!(names(&keeper), ["b", "c", "d"]);
    assert!(look_tree(&a) == look_tree(&keeper.join("b")));
    assert!(names(&keeper.join("c")).is_empty(), "what can be removed after an error is removed");
    assert!(look_tree(&a) == look_tree(&keeper.join("d")), "it has appeared before it could not be synced");
}

#[test]
fn a_fault_at_any_step_leaves_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    plant(&a, 2);
    let before = look_tree(&a);
    for (code, durable) in [(libc::EDQUOT, false), (libc::EIO, true)] {
        let run = |aio: &Aio| aio.copy_tree(&a, &b).durable(durable).wait();
        each_fault(code, run, |n, res| {
            match res {
                Ok(_) => assert!(look_tree(&b) == before, "step {n}"),
                Err(e) if e.call() == "fsync" => assert!(look_tree(&b) == before, "step {n}"),
                Err(e) => assert!(!b.exists(), "step {n}: {e}"),
            }
            let _ = fs::remove_dir_all(&b);
            assert_eq!(names(dir.path()), ["a"], "step {n}");
            assert!(look_tree(&a) == before);
        });
    }
}

#[test]
fn a_cancel_leaves_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    plant(&a, 15);
    let before = look_tree(&a);
    let aio = Aio::new().unwrap();
    let mut cancelled = 0;
    for round in 0..25u64 {
        let result = Arc::new(Mutex::new(None));
        let give = result.clone();
        let handle = aio.copy_tree(&a, &b).then(move |res| *give.lock().unwrap() = Some(res));
        std::thread::sleep(Duration::from_micros(round * 800));
        handle.cancel();
        aio.flush().unwrap();
        match result.lock().unwrap().take().expect("one result") {
            Ok(_) => assert!(look_tree(&b) == before),
            Err(e) => {
                assert_eq!(e.raw_os_error(), Some(libc::ECANCELED), "{e}");
                assert!(!b.exists());
                cancelled += 1;
            }
        }
        let _ = fs::remove_dir_all(&b);
        assert_eq!(names(dir.path()), ["a"]);
    }
    assert!(cancelled > 0, "a cancel right after the submission takes effect");
}

fn open_dir(dir: &impl AsFd, name: &CStr) -> OwnedFd {
    rustix::fs::openat(dir, name, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).unwrap()
}

/// A chain of directories with a file in each, and beside the chain more directories.
pub fn dig(root: &Path, levels: usize, beside: usize) {
    fs::create_dir(root).unwrap();
    let mut dir: OwnedFd = File::open(root).unwrap().into();
    for level in 0..levels {
        let flags = OFlags::CREATE | OFlags::WRONLY;
        let file = rustix::fs::openat(&dir, c"file", flags, 0o644.into()).unwrap();
        rustix::io::write(&file, level.to_string().as_bytes()).unwrap();
        for i in 0..beside {
            rustix::fs::mkdirat(&dir, CString::new(format!("beside{i}")).unwrap(), 0o755.into()).unwrap();
        }
        rustix::fs::mkdirat(&dir, c"down", 0o755.into()).unwrap();
        dir = open_dir(&dir, c"down");
    }
}

/// Counts the levels, checks each file, and takes all of it away.
pub fn fill_in(root: &Path, beside: usize) -> usize {
    let mut dirs: Vec<(u64, u64)> = Vec::new();
    let mut dir: OwnedFd = File::open(root).unwrap().into();
    let id = |dir: &OwnedFd| rustix::fs::fstat(dir).map(|st| (st.st_dev, st.st_ino)).unwrap();
    while let Ok(file) = rustix::fs::openat(&dir, c"file", OFlags::RDONLY, Mode::empty()) {
        let mut text = [0; 16];
        let n = rustix::io::read(&file, &mut text).unwrap();
        assert_eq!(text[..n], *dirs.len().to_string().as_bytes());
        for i in 0..beside {
            let name = CString::new(format!("beside{i}")).unwrap();
            rustix::fs::unlinkat(&dir, name, rustix::fs::AtFlags::REMOVEDIR).unwrap();
        }
        rustix::fs::unlinkat(&dir, c"file", rustix::fs::AtFlags::empty()).unwrap();
        dirs.push(id(&dir));
        dir = open_dir(&dir, c"down");
    }
    let levels = dirs.len();
    while let Some(up) = dirs.pop() {
        dir = open_dir(&dir, c"..");
        assert_eq!(id(&dir), up);
        rustix::fs::unlinkat(&dir, c"down", rustix::fs::AtFlags::REMOVEDIR).unwrap();
    }
    fs::remove_dir(root).unwrap();
    levels
}

pub fn with_few_files(body: impl FnOnce()) {
    in_child(|| {
        let limit = rustix::process::Rlimit { current: Some(64), maximum: Some(64) };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
        body();
    });
}

#[test]
fn ten_thousand_levels_with_few_files_and_small_stacks() {
    const LEVELS: usize = 10_000;
    let places = places();
    let dir = &places[places.len() - 1];
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    dig(&a, LEVELS, 0);
    with_few_files(|| {
        let aio = Aio::new().unwrap();
        let progress = Progress::new();
        let copied = aio.copy_tree(&a, &b).progress(&progress).wait().unwrap();
        assert_eq!(copied.failed(), 0);
        assert_eq!(progress.entries(), 2 * LEVELS as u64 + 1);
    });
    assert_eq!(fill_in(&b, 0), LEVELS);
    with_few_files(|| {
        let late = Aio::builder().faults(Faults::new(1).fail("renameat2", libc::EIO, 1000)).build().unwrap();
        assert_eq!(errno(late.copy_tree(&a, &b).wait()), Some(libc::EIO));
    });
    assert_eq!(names(dir.path()), ["a"], "a deep copy that failed is removed");
    assert_eq!(fill_in(&a, 0), LEVELS);
}

#[test]
fn directories_are_closed_and_opened_again() {
    const LEVELS: usize = 300;
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    dig(&a, LEVELS, 3);
    with_few_files(|| {
        let copied = Aio::new().unwrap().copy_tree(&a, &b).wait().unwrap();
        assert_eq!(copied.failed(), 0);
    });
    assert_eq!(fill_in(&b, 3), LEVELS);
    assert_eq!(fill_in(&a, 3), LEVELS);
}

/// Swaps two names all the time, until dropped.
pub struct Swapper(Arc<AtomicBool>, Option<std::thread::JoinHandle<()>>, Arc<AtomicU64>);

impl Swapper {
    fn new(dir: &Path, pairs: Vec<(CString, CString)>) -> Self {
        let dir = File::open(dir).unwrap();
        let (stop, swaps) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (own_stop, own_swaps) = (stop.clone(), swaps.clone());
        let thread = std::thread::spawn(move || {
            while !own_stop.load(Ordering::Relaxed) {
                for (a, b) in &pairs {
                    let swap = || rustix::fs::renameat_with(&dir, a, &dir, b, RenameFlags::EXCHANGE);
                    if swap().is_ok() {
                        std::thread::yield_now();
                        let _ = swap(); // unless a move has taken them away
                        own_swaps.fetch_add(2, Ordering::Relaxed);
                    }
                }
            }
        });
        Swapper(stop, Some(thread), swaps)
    }
    fn swaps(&self) -> u64 {
        self.2.load(Ordering::Relaxed)
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        let _ = self.1.take().unwrap().join();
    }
}

/// What everybody would write.
pub fn naive_copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            naive_copy(&entry.path(), &to)?;
        } else if kind.is_file() || kind.is_symlink() {
            let _ = fs::copy(entry.path(), to);
        }
    }
    Ok(())
}

fn contains_secret(root: &Path) -> bool {
    let mut todo = vec![root.to_path_buf()];
    while let Some(path) = todo.pop() {
        let Ok(st) = fs::symlink_metadata(&path) else { continue };
        if st.is_dir() {
            todo.extend(fs::read_dir(&path).into_iter().flatten().flatten().map(|e| e.path()));
        } else if st.is_file() && fs::read(&path).is_ok_and(|data| data == b"secret") {
            return true;
        }
    }
    false
}

/// A tree in which directories and files swap places with links to what is outside.
pub fn trap(root: &Path) -> Swapper {
    let (tree, outside) = (root.join("a"), root.join("outside"));
    fs::create_dir(&outside).unwrap();
    for dir in [&tree, &tree.join("dir")] {
        fs::create_dir(dir).unwrap();
    }
    for i in 0..5 {
        fs::write(tree.join("dir").join(format!("file{i}")), "public").unwrap();
        fs::write(outside.join(format!("file{i}")), "secret").unwrap();
    }
    fs::write(tree.join("file"), "public").unwrap();
    symlink("../outside", tree.join("to_dir")).unwrap();
    symlink("../outside/file0", tree.join("to_file")).unwrap();
    let pair = |a: &str, b: &str| (CString::new(a).unwrap(), CString::new(b).unwrap());
    Swapper::new(&tree, vec![pair("dir", "to_dir"), pair("file", "to_file")])
}

#[test]
fn who_swaps_names_in_the_source_has_nothing_read_outside() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    let swapper = trap(dir.path());
    let aio = Aio::new().unwrap();
    let rounds = if std::env::var_os("IOAIO_LONG").is_some_and(|v| v == "1") { 30_000 } else { 400 };
    let (mut copied, mut refused) = (0, 0);
    for _ in 0..rounds {
        match aio.copy_tree(&a, &b).wait() {
            Ok(_) => copied += 1,
            Err(e) => {
                let known =
                    [libc::ELOOP, libc::ENOTDIR, libc::EBUSY, libc::EINVAL, libc::EISDIR, libc::ENOENT];
                assert!(known.contains(&e.raw_os_error().unwrap()), "{e}");
                refused += 1;
            }
        }
        assert!(!contains_secret(&b), "something from outside was copied");
        let _ = fs::remove_dir_all(&b);
    }
    let mut naive_falls = false;
    for _ in 0..100_000 {
        let _ = naive_copy(&a, &b);
        naive_falls = contains_secret(&b);
        let _ = fs::remove_dir_all(&b);
        if naive_falls {
            break;
        }
    }
    eprintln!("{copied} copied, {refused} refused, {} swaps", swapper.swaps());
    assert!(naive_falls, "the attack has no power");
}

struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Lets directories of whatever appears in `target` swap places with a link to `outside`, and back.
fn swap_in_copy(root: &Path, target: &Path, outside: &Path, stop: &AtomicBool, swaps: &AtomicU64) {
    let link = root.join("link");
    while !stop.load(Ordering::Relaxed) {
        for inside in names(target).iter().flat_map(|name| (0..6).map(move |i| format!("{name}/dir{i}"))) {
            let _ = symlink(outside, &link);
            let inside = target.join(inside);
            let swap = || rustix::fs::renameat_with(CWD, &inside, CWD, &link, RenameFlags::EXCHANGE);
            if swap().is_ok() {
                swaps.fetch_add(1, Ordering::Relaxed);
                std::thread::yield_now();
                // If the copy has gone meanwhile, so has its directory, into what we hold.
                if swap().is_err() {
                    let _ = fs::remove_dir_all(&link).or_else(|_| fs::remove_file(&link));
                }
            }
        }
    }
}

#[test]
fn who_swaps_names_in_the_copy_has_nothing_written_outside() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let (a, outside, target) = (path("a"), path("outside"), path("target"));
    plant(&a, 6);
    for dir in [&outside, &target] {
        fs::create_dir(dir).unwrap();
    }
    for i in 0..6 {
        fs::write(outside.join(format!("file{i}")), "canary").unwrap();
    }
    let before = look_tree(&outside);
    let (stop, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
    let aio = Aio::new().unwrap();
    let long = std::env::var_os("IOAIO_LONG").is_some_and(|v| v == "1");
    let clear = || {
        for name in names(&target) {
            // Out of the attacker's reach first.
            let away = tempfile::tempdir_in(dir.path()).unwrap();
            let _ = fs::rename(target.join(&name), away.path().join("old"));
        }
    };
    let (mut copied, mut naive_falls) = (0, false);
    std::thread::scope(|scope| {
        let _stops = Stop(&stop);
        scope.spawn(|| swap_in_copy(dir.path(), &target, &outside, &stop, &swaps));
        for _ in 0..if long { 5_000 } else { 150 } {
            copied += u32::from(aio.copy_tree(&a, target.join("b")).wait().is_ok());
            clear();
        }
        let unharmed = look_tree(&outside) == before;
        for _ in 0..100_000 {
            let _ = naive_copy(&a, &target.join("b"));
            clear();
            naive_falls = look_tree(&outside) != before;
            if naive_falls {
                break;
            }
        }
        assert!(unharmed, "something outside was changed");
    });
    eprintln!("{copied} copied, {} swaps", swaps.load(Ordering::Relaxed));
    assert!(naive_falls, "the attack has no power");
}
