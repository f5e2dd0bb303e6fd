//! move_to.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ioaio::{Aio, Error, Faults, Progress};

use crate::common::each_route;
use crate::copy::{decorate, places};
use crate::look::{look, look_tree};
use crate::tree::{dig, fill_in, naive_copy, plant, trap, with_few_files};
use crate::{bytes, each_fault, errno, names};

/// Two directories on different file systems.
struct Two {
    from: tempfile::TempDir,
    to: tempfile::TempDir,
}

impl Two {
    fn new() -> Option<Two> {
        let mut places = places();
        let (from, to) = (places.pop()?, places.pop()?);
        let probe = from.path().join("probe");
        fs::write(&probe, "x").unwrap();
        let across = fs::rename(&probe, to.path().join("probe")).is_err();
        let _ = fs::remove_file(&probe);
        if !across {
            eprintln!("skipped: /dev/shm and the directory for temporary files are one file system");
        }
        across.then_some(Two { from, to })
    }
    fn a(&self) -> PathBuf {
        self.from.path().join("a")
    }
    fn b(&self) -> PathBuf {
        self.to.path().join("b")
    }
    fn clear(&self) {
        for dir in [&self.from, &self.to] {
            for name in names(dir.path()) {
                let path = dir.path().join(name);
                fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)).unwrap();
            }
        }
    }
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

#[test]
fn in_a_file_system_it_is_a_rename() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    let handle = ioaio::Dir::open(dir.path()).unwrap();
    each_route(|t| {
        plant(&path("a"), 2);
        let before = look_tree(&path("a"));
        t.get(t.move_to("a", "b").at(&handle).to_at(&handle)).unwrap();
        assert!(!exists(&path("a")) && look_tree(&path("b")) == before);
        fs::write(path("file"), "new").unwrap();
        fs::write(path("old"), "old").unwrap();
        let kept = t.get(t.move_to(path("file"), path("old")).replace(false));
        assert_eq!(errno(kept), Some(libc::EEXIST));
        t.get(t.move_to(path("file"), path("old"))).unwrap();
        assert_eq!(fs::read(path("old")).unwrap(), b"new");
        assert_eq!(errno(t.get(t.move_to(path("none"), path("x")))), Some(libc::ENOENT));
        fs::remove_dir_all(path("b")).unwrap();
        assert_eq!(names(dir.path()), ["old"]);
    });
}

#[test]
fn across_file_systems_everything_comes_along() {
    let Some(two) = Two::new() else { return };
    each_route(|t| {
        fs::write(two.a(), bytes(70_000)).unwrap();
        decorate(&two.a());
        let before = look(&two.a());
        fs::write(two.b(), "old").unwrap();
        assert_eq!(errno(t.get(t.move_to(two.a(), two.b()).replace(false))), Some(libc::EEXIST));
        assert!(look(&two.a()) == before);
        t.get(t.move_to(two.a(), two.b())).unwrap();
        assert!(!exists(&two.a()) && look(&two.b()) == before);
        two.clear();
        symlink("nowhere", two.a()).unwrap();
        t.get(t.move_to(two.a(), two.b())).unwrap();
        assert!(!exists(&two.a()) && fs::read_link(two.b()).unwrap() == Path::new("nowhere"));
        two.clear();
        plant(&two.a(), 3);
        let before = look_tree(&two.a());
        t.get(t.move_to(two.a(), two.b())).unwrap();
        assert!(!exists(&two.a()) && look_tree(&two.b()) == before);
        plant(&two.a(), 1);
        assert_eq!(errno(t.get(t.move_to(two.a(), two.b()))), Some(libc::EEXIST));
        assert!(look_tree(&two.b()) == before);
        two.clear();
    });
}

/// There is the whole source, or a whole copy, and nothing that is temporary.
fn check<T: PartialEq>(
    two: &Two,
    what: &str,
    before: &T,
    look: impl Fn(&Path) -> T,
    res: &Result<(), Error>,
) {
    let source = exists(&two.a()) && look(&two.a()) == *before;
    let target = exists(&two.b()) && look(&two.b()) == *before;
    assert!(source || target, "{what}: the source is lost: {res:?}");
    assert!(target || !exists(&two.b()), "{what}: a part of a copy: {res:?}");
    if res.is_ok() {
        assert!(target && !exists(&two.a()), "{what}");
    }
    let left = names(two.from.path()).into_iter().chain(names(two.to.path())).filter(|n| n.starts_with('.'));
    assert_eq!(left.count(), 0, "{what}: {res:?}");
}

#[test]
fn a_fault_at_any_step_loses_nothing() {
    let Some(two) = Two::new() else { return };
    let file = |two: &Two| fs::write(two.a(), bytes(10_000)).unwrap();
    file(&two);
    let mtime = fs::metadata(two.a()).unwrap().modified().unwrap();
    let run = |aio: &Aio| {
        two.clear();
        file(&two);
        fs::File::open(two.a()).unwrap().set_modified(mtime).unwrap();
        aio.move_to(two.a(), two.b()).wait()
    };
    let before = look(&two.a());
    each_fault(libc::EIO, run, |n, res| check(&two, &format!("step {n}"), &before, look, &res));

    two.clear();
    let original = tempfile::tempdir().unwrap();
    plant(&original.path().join("a"), 1);
    let before = look_tree(&original.path().join("a"));
    let run = |aio: &Aio| {
        two.clear();
        let plain = Aio::new().unwrap();
        let _ = plain.copy_tree(original.path().join("a"), two.a()).wait().unwrap();
        aio.move_to(two.a(), two.b()).wait()
    };
    each_fault(libc::EDQUOT, run, |n, res| check(&two, &format!("step {n}"), &before, look_tree, &res));
}

#[test]
fn a_cancel_loses_nothing() {
    let Some(two) = Two::new() else { return };
    let aio = Aio::new().unwrap();
    let mut cancelled = 0;
    for round in 0..20u64 {
        plant(&two.a(), 8);
        let before = look_tree(&two.a());
        let result = Arc::new(Mutex::new(None));
        let give = result.clone();
        let handle = aio.move_to(two.a(), two.b()).then(move |res| *give.lock().unwrap() = Some(res));
        std::thread::sleep(Duration::from_micros(round * 700));
        handle.cancel();
        aio.flush().unwrap();
        let res = result.lock().unwrap().take().expect("one result");
        if let Err(e) = &res {
            assert_eq!(e.raw_os_error(), Some(libc::ECANCELED), "{e}");
            assert!(look_tree(&two.a()) == before && !exists(&two.b()));
            cancelled += 1;
        }
        check(&two, &format!("round {round}"), &before, look_tree, &res);
        two.clear();
    }
    assert!(cancelled > 0, "a cancel right after the submission takes effect");
}

/// A change of the source that comes between its copy and its removal.
fn late(two: &Two, change: &(dyn Fn() + Sync)) -> Result<(), Error> {
    // The first look at the source after the copy has appeared has to wait.
    let pause = Duration::from_millis(300);
    let slow = Faults::new(1).delay("fsync", pause, 1000).delay("unlinkat", pause, 1000);
    let slow = Aio::builder().faults(slow).build().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !exists(&two.b()) {
                std::thread::yield_now();
            }
            change();
        });
        slow.move_to(two.a(), two.b()).wait()
    })
}

#[test]
fn what_was_changed_meanwhile_stays() {
    let Some(two) = Two::new() else { return };
    let a = |name: &str| two.a().join(name);
    let chmod = |path: PathBuf| fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    let xattr = |path: PathBuf| {
        let set = rustix::fs::setxattr(&path, "user.late", b"x", rustix::fs::XattrFlags::empty());
        if set.is_err() {
            eprintln!("partly skipped: no extended attributes here");
            chmod(path);
        }
    };
    type Change<'a> = (&'a str, Box<dyn Fn() + Sync + 'a>);
    let changes: [Change<'_>; 9] = [
        ("", Box::new(|| fs::write(a("added"), "late").unwrap())),
        ("empty", Box::new(|| fs::write(a("empty/added"), "late").unwrap())),
        ("empty", Box::new(|| fs::set_permissions(a("empty"), fs::Permissions::from_mode(0o700)).unwrap())),
        ("dir0/file1", Box::new(|| chmod(a("dir0/file1")))),
        ("dir0/file1", Box::new(|| xattr(a("dir0/file1")))),
        // Of several names.
        ("", Box::new(|| xattr(a("hard1")))),
        ("", Box::new(|| fs::write(a("hard1"), "changed").unwrap())),
        (
            "dir1/link",
            Box::new(|| {
                symlink("changed", a("new")).unwrap();
                fs::rename(a("new"), a("dir1/link")).unwrap();
            }),
        ),
        (
            "dir1/file1",
            Box::new(|| {
                // As long as before, and with the old time.
                let path = a("dir1/file1");
                let before = fs::metadata(&path).unwrap();
                fs::write(&path, vec![b'x'; before.len() as usize]).unwrap();
                fs::File::open(&path).unwrap().set_modified(before.modified().unwrap()).unwrap();
            }),
        ),
    ];
    for (i, (name, change)) in changes.iter().enumerate() {
        plant(&two.a(), 2);
        let before = look_tree(&two.a());
        let changed = Mutex::new(None);
        let error = late(&two, &|| {
            change();
            *changed.lock().unwrap() = Some(look_tree(&two.a()));
        })
        .expect_err("what was changed is lost");
        assert_eq!(error.raw_os_error(), Some(libc::EBUSY), "change {i}: {error}");
        assert!(error.path().starts_with(a(name)), "change {i}: {error}");
        assert!(look_tree(&two.b()) == before, "change {i}");
        assert!(
            Some(look_tree(&two.a())) == changed.into_inner().unwrap(),
            "change {i}: all of the source stays"
        );
        two.clear();
    }
}

#[test]
fn a_file_that_was_changed_meanwhile_stays() {
    let Some(two) = Two::new() else { return };
    let file = || fs::write(two.a(), "contents").unwrap();
    let relink = || {
        fs::remove_file(two.a()).unwrap();
        symlink("changed", two.a()).unwrap();
    };
    let make: [&dyn Fn(); 3] = [&file, &file, &|| symlink("target", two.a()).unwrap()];
    let change: [&(dyn Fn() + Sync); 3] = [
        &|| fs::set_permissions(two.a(), fs::Permissions::from_mode(0o600)).unwrap(),
        &|| fs::write(two.a(), "CONTENTS").unwrap(),
        &relink,
    ];
    for (make, change) in make.iter().zip(change) {
        make();
        let error = late(&two, change).expect_err("what was changed is lost");
        assert_eq!(error.raw_os_error(), Some(libc::EBUSY), "{error}");
        assert_eq!(error.path(), two.a());
        assert!(exists(&two.a()) && exists(&two.b()));
        two.clear();
    }
}

#[test]
fn a_move_replaces_links_but_no_special_files_of_another_file_system() {
    let Some(two) = Two::new() else { return };
    let aio = Aio::new().unwrap();
    fs::write(two.a(), "moved").unwrap();
    assert!(crate::copy::mknod(&two.b(), rustix::fs::FileType::Fifo, 0));
    assert_eq!(errno(aio.move_to(two.a(), two.b()).wait()), Some(libc::EINVAL));
    assert!(exists(&two.a()));
    fs::remove_file(two.b()).unwrap();
    fs::write(two.to.path().join("target"), "target").unwrap();
    symlink("target", two.b()).unwrap();
    aio.move_to(two.a(), two.b()).wait().unwrap();
    assert!(fs::symlink_metadata(two.b()).unwrap().is_file());
    assert_eq!(fs::read(two.b()).unwrap(), b"moved");
    assert_eq!(fs::read(two.to.path().join("target")).unwrap(), b"target");
}

#[test]
fn what_can_not_be_removed_is_named() {
    let Some(two) = Two::new() else { return };
    plant(&two.a(), 1);
    let fixed = two.a().join("dir0/file0");
    let chattr = |flag: &str| {
        let done = std::process::Command::new("chattr").arg(flag).arg(&fixed).output();
        done.is_ok_and(|done| done.status.success())
    };
    if !chattr("+i") {
        return eprintln!("skipped: no file can be made immutable here");
    }
    let error = Aio::new().unwrap().move_to(two.a(), two.b()).wait();
    assert!(chattr("-i"));
    let error = error.expect_err("it is immutable");
    assert_eq!((error.call(), error.raw_os_error()), ("unlinkat", Some(libc::EPERM)));
    // It is one of two names of one file.
    assert!(error.path() == fixed || error.path() == two.a().join("hard0"), "{error}");
}

#[test]
fn of_two_names_of_one_file_the_new_one_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::create_dir(path("sub")).unwrap();
    symlink("sub", path("link")).unwrap();
    let aio = Aio::new().unwrap();
    let fresh = || {
        let _ = fs::remove_file(path("a"));
        fs::write(path("a"), "contents").unwrap();
        for name in ["b", "sub/a"] {
            let _ = fs::remove_file(path(name));
            fs::hard_link(path("a"), path(name)).unwrap();
        }
    };
    for to in ["b", "sub/a"] {
        fresh();
        aio.move_to(path("a"), path(to)).wait().unwrap();
        assert!(!exists(&path("a")));
        assert_eq!(fs::read(path(to)).unwrap(), b"contents");
        fresh();
        let kept = aio.move_to(path("a"), path(to)).replace(false).wait();
        assert_eq!(errno(kept), Some(libc::EEXIST));
        assert!(exists(&path("a")));
    }
    // One name by two ways.
    fresh();
    for (from, to) in [("a", "a"), ("a", "./a"), ("sub/a", "link/a"), ("sub/a", "sub/../sub/a")] {
        aio.move_to(path(from), path(to)).wait().unwrap();
        assert_eq!(fs::read(path(from)).unwrap(), b"contents", "{from} to {to}");
    }
    aio.move_to(path("sub"), path("sub")).wait().unwrap();
    assert_eq!(names(&path("sub")), ["a"]);
}

#[test]
fn ten_thousand_levels_are_moved() {
    const LEVELS: usize = 10_000;
    let Some(two) = Two::new() else { return };
    dig(&two.a(), LEVELS, 0);
    with_few_files(|| {
        let progress = Progress::new();
        Aio::new().unwrap().move_to(two.a(), two.b()).progress(&progress).wait().unwrap();
        assert_eq!(progress.entries(), 2 * LEVELS as u64 + 1);
    });
    assert!(!exists(&two.a()));
    assert_eq!(fill_in(&two.b(), 0), LEVELS);
}

/// What everybody would write.
fn naive_move(from: &Path, to: &Path) -> std::io::Result<()> {
    fn remove(path: &Path) -> std::io::Result<()> {
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => remove(&entry.path())?,
                false => fs::remove_file(entry.path())?,
            }
        }
        fs::remove_dir(path)
    }
    naive_copy(from, to)?;
    remove(from)
}

#[test]
fn who_swaps_names_in_the_source_has_nothing_removed_outside() {
    let Some(two) = Two::new() else { return };
    // Gives whether all that is outside is still there, and nowhere else.
    let round = |naive: bool| {
        let swapper = trap(two.from.path());
        let moved = match naive {
            true => naive_move(&two.a(), &two.b()).is_ok(),
            false => Aio::new().unwrap().move_to(two.a(), two.b()).wait().is_ok(),
        };
        drop(swapper);
        let outside = two.from.path().join("outside");
        let whole = (0..5).all(|i| fs::read(outside.join(format!("file{i}"))).is_ok_and(|d| d == b"secret"));
        let stolen = (0..5).any(|i| {
            let path = two.b().join("dir").join(format!("file{i}"));
            fs::read(path).is_ok_and(|data| data == b"secret")
        });
        two.clear();
        (whole && !stolen, moved)
    };
    let long = std::env::var_os("IOAIO_LONG").is_some_and(|v| v == "1");
    let mut moved = 0;
    for _ in 0..if long { 5_000 } else { 200 } {
        let (unharmed, done) = round(false);
        assert!(unharmed, "something outside was moved");
        moved += u32::from(done);
    }
    eprintln!("{moved} moved");
    assert!((0..20_000).any(|_| !round(true).0), "the attack has no power");
}
