//! copy.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use ioaio::{Aio, Error, Faults, Progress};
use rustix::fs::XattrFlags;

use crate::common::each_route;
use crate::look::{look, look_tree};
use crate::{bytes, each_fault, each_fault_besides, errno, names};

/// Directories on different file systems, as far as there are any.
pub fn places() -> Vec<tempfile::TempDir> {
    let home = tempfile::tempdir().unwrap();
    match tempfile::tempdir_in("/dev/shm") {
        Ok(other) => vec![home, other],
        Err(e) => {
            eprintln!("partly skipped: /dev/shm: {e}");
            vec![home]
        }
    }
}

/// A file with all there is to keep, as far as the caller may make it.
pub fn decorate(path: &Path) {
    if std::os::unix::fs::chown(path, Some(1234), Some(4321)).is_err() {
        eprintln!("partly skipped: no privilege to give a file away");
    }
    for (name, value) in [("user.colour", vec![b'b'; 10]), ("user.large", vec![b'x'; 2000])] {
        if let Err(e) = rustix::fs::setxattr(path, name, &value, XattrFlags::empty()) {
            eprintln!("partly skipped: {name} in {}: {e}", path.display());
        }
    }
    // user::rw- user:1:r-- group::r-- mask::r-- other::---
    let entry = |tag: u16, perm: u16, id: u32| {
        [&tag.to_le_bytes()[..], &perm.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    let none = u32::MAX;
    let acl = [
        2u32.to_le_bytes().to_vec(),
        entry(1, 6, none),
        entry(2, 4, 1),
        entry(4, 4, none),
        entry(16, 4, none),
        entry(32, 0, none),
    ]
    .concat();
    if let Err(e) = rustix::fs::setxattr(path, "system.posix_acl_access", &acl, XattrFlags::empty()) {
        eprintln!("partly skipped: ACLs in {}: {e}", path.display());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o2750)).unwrap();
    set_times(path);
}

/// So far ahead that no reading changes it.
fn accessed() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(4_000_000_000, 123_456_789)
}

pub fn set_times(path: &Path) {
    let modified = accessed() - Duration::new(7_777_777, 7);
    let times = fs::FileTimes::new().set_accessed(accessed()).set_modified(modified);
    File::open(path).unwrap().set_times(times).unwrap();
}

#[test]
fn contents_and_attributes_are_kept() {
    let places = places();
    for (from, to) in places.iter().flat_map(|from| places.iter().map(move |to| (from, to))) {
        for len in [0, 1, 65_536, 65_537, 5 << 20] {
            let (a, b) = (from.path().join("a"), to.path().join("b"));
            fs::write(&a, bytes(len)).unwrap();
            decorate(&a);
            let before = look(&a);
            for durable in [false, true] {
                set_times(&a);
                let aio = Aio::new().unwrap();
                let progress = Progress::new();
                let n = aio.copy(&a, &b).durable(durable).progress(&progress).wait().unwrap();
                assert_eq!((n, progress.bytes(), progress.entries()), (len as u64, len as u64, 1));
                assert_eq!(fs::metadata(&b).unwrap().accessed().unwrap(), accessed());
                assert!(look(&b) == before, "{len} bytes: {} to {}", a.display(), b.display());
                assert_eq!(names(to.path()).iter().filter(|n| n.starts_with('.')).count(), 0);
            }
        }
    }
}

#[test]
fn the_acl_is_the_originals_and_not_the_directorys() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    for dir in [&from, &to] {
        fs::create_dir(dir).unwrap();
    }
    for name in ["plain", "decorated"] {
        fs::write(from.join(name), "x").unwrap();
    }
    decorate(&from.join("decorated"));
    let before = look_tree(&from);
    let mut acl = [0; 256];
    let Ok(n) = rustix::fs::getxattr(from.join("decorated"), "system.posix_acl_access", &mut acl) else {
        return eprintln!("skipped: no ACLs here");
    };
    rustix::fs::setxattr(&to, "system.posix_acl_default", &acl[..n], XattrFlags::empty()).unwrap();
    fs::write(to.join("inherits"), "x").unwrap();
    assert!(rustix::fs::getxattr(to.join("inherits"), "system.posix_acl_access", &mut acl).is_ok());
    let aio = Aio::new().unwrap();
    for name in ["plain", "decorated"] {
        aio.copy(from.join(name), to.join(name)).wait().unwrap();
        assert!(look(&to.join(name)) == look(&from.join(name)), "{name}");
    }
    let _ = aio.copy_tree(&from, to.join("tree")).wait().unwrap();
    assert!(look_tree(&to.join("tree")) == before);
}

#[test]
fn every_route_copies() {
    let dir = tempfile::tempdir().unwrap();
    let handle = ioaio::Dir::open(dir.path()).unwrap();
    fs::write(dir.path().join("a"), bytes(100_000)).unwrap();
    each_route(|t| {
        let n = t.get(t.copy("a", "b").at(&handle).to_at(&handle)).unwrap();
        assert_eq!(n, 100_000);
        assert_eq!(fs::read(dir.path().join("b")).unwrap(), bytes(100_000));
        let kept = t.get(t.copy("a", "b").at(&handle).to_at(&handle).replace(false));
        assert_eq!(errno(kept), Some(libc::EEXIST));
        fs::remove_file(dir.path().join("b")).unwrap();
        t.get(t.copy("a", "b").at(&handle).to_at(&handle).replace(false)).unwrap();
        let status = t.get(t.copy("/proc/self/limits", dir.path().join("limits"))).unwrap();
        assert!(status > 0 && fs::metadata(dir.path().join("limits")).unwrap().len() == status);
        assert_eq!(names(dir.path()), ["a", "b", "limits"]);
    });
}

#[test]
fn holes_stay_holes() {
    const BLOCK: u64 = 1 << 20;
    for dir in places() {
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        // Data and holes in turn, starting and ending with either.
        for (data, blocks) in [(0..9, 9), (0..8, 9), (1..9, 9), (1..8, 9), (3..3, 9)] {
            let file = File::create(&a).unwrap();
            file.set_len(blocks * BLOCK + 17).unwrap();
            for block in data.step_by(2) {
                file.write_all_at(&bytes(5000), block * BLOCK).unwrap();
            }
            let progress = Progress::new();
            Aio::new().unwrap().copy(&a, &b).progress(&progress).wait().unwrap();
            assert!(fs::read(&a).unwrap() == fs::read(&b).unwrap());
            assert_eq!(progress.bytes(), blocks * BLOCK + 17);
            let (from, to) = (fs::metadata(&a).unwrap(), fs::metadata(&b).unwrap());
            assert!(to.blocks() <= from.blocks() + 16, "{} blocks became {}", from.blocks(), to.blocks());
        }
    }
}

pub fn mknod(path: &Path, kind: rustix::fs::FileType, dev: u64) -> bool {
    rustix::fs::mknodat(rustix::fs::CWD, path, kind, 0o640.into(), dev).is_ok()
}

#[test]
fn special_files_are_refused_or_made_anew_and_never_opened() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    use rustix::fs::FileType::{CharacterDevice, Fifo, Socket};
    for (kind, dev) in [(Fifo, 0), (Socket, 0), (CharacterDevice, rustix::fs::makedev(1, 3))] {
        if !mknod(&a, kind, dev) {
            eprintln!("skipped: no privilege to make a {kind:?}");
            continue;
        }
        let before = look(&a);
        each_route(|t| {
            assert_eq!(errno(t.get(t.copy(&a, &b))), Some(libc::EINVAL));
            assert!(!b.exists());
            assert_eq!(t.get(t.copy(&a, &b).special(true)).unwrap(), 0);
            assert_eq!(look(&b), before);
            fs::remove_file(&b).unwrap();
        });
        fs::remove_file(&a).unwrap();
    }
    assert_eq!(errno(Aio::new().unwrap().copy(dir.path(), &b).wait()), Some(libc::EISDIR));
}

#[test]
fn links_are_followed_or_copied() {
    let dir = tempfile::tempdir().unwrap();
    let (file, link, to) = (dir.path().join("file"), dir.path().join("link"), dir.path().join("to"));
    fs::write(&file, "contents").unwrap();
    symlink("file", &link).unwrap();
    let aio = Aio::new().unwrap();
    aio.copy(&link, &to).wait().unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"contents");
    assert!(fs::symlink_metadata(&to).unwrap().is_file());
    let before = look(&link);
    aio.copy(&link, &to).follow(false).wait().unwrap();
    assert_eq!(look(&to), before);
}

#[test]
fn a_copy_onto_itself_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, bytes(70_000)).unwrap();
    let before = look(&path);
    Aio::new().unwrap().copy(&path, &path).wait().unwrap();
    assert!(look(&path) == before);
}

struct Fault {
    dir: tempfile::TempDir,
    from: PathBuf,
    to: PathBuf,
    existing: bool,
}

impl Fault {
    fn new(existing: bool, make: impl Fn(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        make(&from);
        Fault { dir, from, to, existing }
    }
    fn reset(&self) {
        let _ = fs::remove_file(&self.to);
        if self.existing {
            fs::write(&self.to, "old").unwrap();
        }
    }
    /// The target is as it was or a whole copy, the source is as it was, nothing else is left.
    fn check(&self, n: u64, res: &Result<u64, Error>, source: &crate::look::Look) {
        let exists = fs::symlink_metadata(&self.to).is_ok();
        let new = exists && look(&self.to) == look(&self.from);
        let old = if self.existing { fs::read(&self.to).is_ok_and(|d| d == b"old") } else { !exists };
        match res {
            Ok(_) => assert!(new, "step {n}"),
            Err(e) => assert!(old || (new && e.call() == "fsync"), "step {n}: {e}"),
        }
        assert!(look(&self.from) == *source);
        assert_eq!(names(self.dir.path()).len(), 1 + usize::from(exists), "step {n}: {res:?}");
    }
}

#[test]
fn after_a_fault_the_target_is_old_or_complete() {
    for existing in [false, true] {
        let fault = Fault::new(existing, |from| {
            let file = File::create(from).unwrap();
            file.write_all_at(&bytes(200_000), 1 << 20).unwrap(); // with a hole
            decorate(from);
        });
        let source = look(&fault.from);
        let run = |aio: &Aio| {
            fault.reset();
            aio.copy(&fault.from, &fault.to).durable(true).wait()
        };
        // Nothing is planned; or there are no files without names; or nothing copies in the kernel.
        let plans: [fn() -> Faults; 3] = [
            || Faults::new(1),
            || Faults::new(1).fail_nth(6, libc::EOPNOTSUPP),
            || Faults::new(1).fail("copy_file_range", libc::EXDEV, 1000),
        ];
        for always in plans {
            for code in [libc::EDQUOT, libc::EIO, libc::ECANCELED] {
                each_fault_besides(always, code, run, |n, res| fault.check(n, &res, &source));
            }
        }
    }
}

#[test]
fn after_a_fault_a_link_is_old_or_complete() {
    let fault = Fault::new(true, |from| symlink("somewhere", from).unwrap());
    let run = |aio: &Aio| {
        fault.reset();
        aio.copy(&fault.from, &fault.to).follow(false).wait()
    };
    let source = look(&fault.from);
    each_fault(libc::ENOSPC, run, |n, res| fault.check(n, &res, &source));
}

#[test]
fn a_cancel_leaves_the_target_as_it_was() {
    let fault = Fault::new(true, |from| fs::write(from, bytes(40 << 20)).unwrap());
    let source = look(&fault.from);
    let aio = Aio::new().unwrap();
    let mut cancelled = 0;
    for round in 0..20u64 {
        fault.reset();
        let result = Arc::new(Mutex::new(None));
        let give = result.clone();
        let handle = aio.copy(&fault.from, &fault.to).then(move |res| *give.lock().unwrap() = Some(res));
        std::thread::sleep(Duration::from_micros(round * 1000));
        handle.cancel();
        aio.flush().unwrap();
        let res = result.lock().unwrap().take().expect("one result");
        if let Err(e) = &res {
            assert_eq!(e.raw_os_error(), Some(libc::ECANCELED));
            cancelled += 1;
        }
        fault.check(round, &res, &source);
    }
    assert!(cancelled > 0, "a cancel right after the submission takes effect");
}

#[test]
fn a_fifo_that_takes_the_place_of_the_source_hangs_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (file, fifo) = (dir.path().join("file"), dir.path().join("fifo"));
    fs::write(&file, "contents").unwrap();
    assert!(mknod(&fifo, rustix::fs::FileType::Fifo, 0));
    let handle = File::open(dir.path()).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let dir = handle.as_fd();
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                let _ = rustix::fs::renameat_with(dir, "file", dir, "fifo", flags);
            }
        });
        let aio = Aio::new().unwrap();
        let (mut copied, mut refused) = (0, 0);
        for _ in 0..500 {
            match aio.copy(&file, dir.path().join("to")).wait() {
                Ok(8) => copied += 1,
                Ok(n) => panic!("{n} bytes"),
                Err(e) => {
                    assert!([libc::EINVAL, libc::EBUSY].contains(&e.raw_os_error().unwrap()), "{e}");
                    refused += 1;
                }
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        eprintln!("{copied} copied, {refused} refused");
    });
    assert!(!fs::symlink_metadata(dir.path().join("to")).is_ok_and(|st| st.file_type().is_fifo()));
}
