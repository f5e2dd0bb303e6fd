//! What is no regular file is not replaced by one: it is written into, or left alone.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use ioaio::Aio;
use rustix::fs::FileType::{CharacterDevice, Fifo};

use crate::common::as_nobody;
use crate::copy::mknod;
use crate::{bytes, errno, names};

struct Here {
    dir: tempfile::TempDir,
    aio: Aio,
}

impl Here {
    fn new() -> Here {
        let here = Here { dir: tempfile::tempdir().unwrap(), aio: Aio::new().unwrap() };
        fs::write(here.path("file"), "new").unwrap();
        here
    }
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
    /// A device of its own that takes everything and gives nothing.
    fn null(&self) -> Option<PathBuf> {
        let null = self.path("null");
        let made = mknod(&null, CharacterDevice, rustix::fs::makedev(1, 3));
        if !made || OpenOptions::new().write(true).open(&null).is_err() {
            eprintln!("partly skipped: no device of our own can be made and opened");
            return None;
        }
        Some(null)
    }
}

/// A FIFO that somebody reads.
fn fifo(path: &Path) -> File {
    assert!(mknod(path, Fifo, 0));
    OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).unwrap()
}

#[test]
fn a_copy_is_written_into_devices_and_fifos() {
    let here = Here::new();
    if let Some(null) = here.null() {
        let before = fs::metadata(&null).unwrap();
        assert_eq!(here.aio.copy(here.path("file"), &null).wait().unwrap(), 3);
        assert_eq!(here.aio.copy(here.path("file"), &null).durable(true).wait().unwrap(), 3);
        symlink("null", here.path("to_null")).unwrap();
        here.aio.copy(here.path("file"), here.path("to_null")).wait().unwrap();
        let after = fs::metadata(&null).unwrap();
        assert!(after.file_type().is_char_device());
        assert_eq!((after.rdev(), after.mode(), after.ino()), (before.rdev(), before.mode(), before.ino()));
    }
    let mut reader = fifo(&here.path("fifo"));
    here.aio.copy(here.path("file"), here.path("fifo")).wait().unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "new");
    assert!(fs::metadata(here.path("fifo")).unwrap().file_type().is_fifo());
    drop(reader);
    let nobody_reads = here.aio.copy(here.path("file"), here.path("fifo")).wait();
    assert_eq!(errno(nobody_reads), Some(libc::ENXIO));
}

#[test]
fn a_fifos_reader_is_waited_for_and_a_cancel_ends_that() {
    let here = Here::new();
    fs::write(here.path("file"), bytes(300_000)).unwrap(); // more than a pipe holds
    let reader = fifo(&here.path("fifo"));
    let (give, take) = std::sync::mpsc::channel();
    let copy = || {
        let give = give.clone();
        let copy = here.aio.copy(here.path("file"), here.path("fifo"));
        copy.then(move |res| give.send(res).unwrap())
    };
    let handle = copy();
    std::thread::sleep(std::time::Duration::from_millis(100));
    handle.cancel();
    here.aio.flush().unwrap();
    assert_eq!(errno(take.recv().unwrap()), Some(libc::ECANCELED));
    drop(reader);

    let mut reader = fifo(&here.path("other"));
    let copy = here.aio.copy(here.path("file"), here.path("other"));
    let give = give.clone();
    copy.then(move |res| give.send(res).unwrap());
    let mut read = Vec::new();
    let mut room = vec![0; 65_536];
    while read.len() < 300_000 {
        match reader.read(&mut room) {
            Ok(n) => read.extend_from_slice(&room[..n]),
            Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::WouldBlock),
        }
    }
    here.aio.flush().unwrap();
    assert_eq!(take.recv().unwrap().unwrap(), 300_000);
    assert!(read == bytes(300_000));
}

#[test]
fn a_copy_follows_the_targets_link() {
    let here = Here::new();
    fs::create_dir(here.path("sub")).unwrap();
    fs::write(here.path("sub/old"), "old").unwrap();
    symlink("sub/old", here.path("link")).unwrap();
    symlink(here.path("link"), here.path("link2")).unwrap();
    for link in ["link", "link2"] {
        fs::write(here.path("sub/old"), "old").unwrap();
        here.aio.copy(here.path("file"), here.path(link)).wait().unwrap();
        assert!(fs::symlink_metadata(here.path(link)).unwrap().is_symlink());
        assert_eq!(fs::read(here.path("sub/old")).unwrap(), b"new");
    }
    assert_eq!(names(&here.path("sub")), ["old"]);
    let new = here.aio.copy(here.path("file"), here.path("link")).replace(false).wait();
    assert_eq!(errno(new), Some(libc::EEXIST));
    // As by cp, nothing is made where a link leads to nothing.
    symlink("nowhere", here.path("dangling")).unwrap();
    let dangling = here.aio.copy(here.path("file"), here.path("dangling")).wait();
    assert_eq!(errno(dangling), Some(libc::ENOENT));
    assert!(!here.path("nowhere").exists());
    here.aio.copy(here.path("file"), here.path("dangling")).write_through(true).wait().unwrap();
    assert_eq!(fs::read(here.path("nowhere")).unwrap(), b"new");
    symlink("loop", here.path("loop")).unwrap();
    assert_eq!(errno(here.aio.copy(here.path("file"), here.path("loop")).wait()), Some(libc::ELOOP));
    symlink(".", here.path("dir")).unwrap();
    assert_eq!(errno(here.aio.copy(here.path("file"), here.path("dir")).wait()), Some(libc::EISDIR));
}

#[test]
fn a_copy_to_an_open_file_goes_into_that_file() {
    let here = Here::new();
    let open = File::create(here.path("open")).unwrap();
    let to = format!("/proc/self/fd/{}", open.as_raw_fd());
    here.aio.copy(here.path("file"), &to).wait().unwrap();
    assert_eq!(fs::read(here.path("open")).unwrap(), b"new");
    assert_eq!(open.metadata().unwrap().len(), 3, "who has it open sees it");
    // As /dev/stdout.
    symlink(&to, here.path("stdout")).unwrap();
    here.aio.save(here.path("stdout"), "saved").follow(true).wait().0.unwrap();
    assert_eq!(open.metadata().unwrap().len(), 5);
    fs::remove_file(here.path("stdout")).unwrap();
    fs::remove_file(here.path("open")).unwrap();
    fs::write(here.path("file"), "newest").unwrap();
    here.aio.copy(here.path("file"), &to).wait().unwrap();
    assert_eq!(open.metadata().unwrap().len(), 6);
    assert_eq!(names(here.dir.path()), ["file"]);
}

#[test]
fn somebody_elses_link_in_a_shared_directory_is_not_followed() {
    let here = Here::new();
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: it takes a second user");
    }
    let shared = here.path("shared");
    fs::create_dir(&shared).unwrap();
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).unwrap();
    fs::write(here.path("secret"), "secret").unwrap();
    symlink(here.path("secret"), shared.join("link")).unwrap();
    std::os::unix::fs::lchown(shared.join("link"), Some(1234), Some(1234)).unwrap();
    let copied = here.aio.copy(here.path("file"), shared.join("link")).wait();
    assert_eq!(errno(copied), Some(libc::EACCES));
    let saved = here.aio.save(shared.join("link"), "new").follow(true).wait().0;
    assert_eq!(errno(saved), Some(libc::EACCES));
    assert_eq!(fs::read(here.path("secret")).unwrap(), b"secret");
}

#[test]
fn links_and_special_files_replace_only_what_may_be() {
    let here = Here::new();
    symlink("file", here.path("link")).unwrap();
    let _reader = fifo(&here.path("fifo"));
    let copy = |from: &str, to: &str| here.aio.copy(here.path(from), here.path(to)).follow(false);
    assert_eq!(errno(copy("link", "fifo").wait()), Some(libc::EINVAL));
    assert!(fs::symlink_metadata(here.path("fifo")).unwrap().file_type().is_fifo());
    copy("link", "fifo").special(true).wait().unwrap();
    assert!(fs::symlink_metadata(here.path("fifo")).unwrap().is_symlink());
    symlink("elsewhere", here.path("link2")).unwrap();
    copy("link", "link2").wait().unwrap();
    assert_eq!(fs::read_link(here.path("link2")).unwrap(), Path::new("file"));
}

#[test]
fn a_save_leaves_alone_what_is_no_regular_file() {
    let here = Here::new();
    let _reader = fifo(&here.path("fifo"));
    symlink("file", here.path("link")).unwrap();
    let save = |name: &str| errno(here.aio.save(here.path(name), "saved").wait().0);
    assert_eq!(save("fifo"), Some(libc::EINVAL));
    assert_eq!(save("link"), Some(libc::ELOOP));
    if here.null().is_some() {
        assert_eq!(save("null"), Some(libc::EINVAL));
        symlink("null", here.path("to_null")).unwrap();
        let followed = here.aio.save(here.path("to_null"), "saved").follow(true).wait().0;
        assert_eq!(errno(followed), Some(libc::EINVAL));
        assert!(fs::metadata(here.path("null")).unwrap().file_type().is_char_device());
    }
    let error = here.aio.save(here.path("fifo"), "saved").wait().0.unwrap_err();
    assert!(error.to_string().contains("no regular file"), "{error}");
    assert!(fs::metadata(here.path("fifo")).unwrap().file_type().is_fifo());
    assert_eq!(fs::read(here.path("file")).unwrap(), b"new");
}

#[test]
fn a_save_goes_through_when_told_to() {
    let here = Here::new();
    let mut reader = fifo(&here.path("fifo"));
    here.aio.save(here.path("fifo"), "saved").write_through(true).wait().0.unwrap();
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "saved");
    if let Some(null) = here.null() {
        here.aio.save(&null, "saved").write_through(true).wait().0.unwrap();
        assert!(fs::metadata(&null).unwrap().file_type().is_char_device());
    }
    symlink("file", here.path("link")).unwrap();
    let refused = here.aio.save(here.path("link"), "x").write_through(true).wait().0;
    assert_eq!(errno(refused), Some(libc::ELOOP));
    for through in [false, true] {
        fs::write(here.path("file"), "something longer").unwrap();
        here.aio.save(here.path("link"), "saved").follow(true).write_through(through).wait().0.unwrap();
        assert!(fs::symlink_metadata(here.path("link")).unwrap().is_symlink());
        assert_eq!(fs::read(here.path("file")).unwrap(), b"saved");
    }
    symlink("missing", here.path("dangling")).unwrap();
    here.aio.save(here.path("dangling"), "made").follow(true).wait().0.unwrap();
    assert_eq!(fs::read(here.path("missing")).unwrap(), b"made");
}

#[test]
fn other_hard_links_see_what_is_written_through() {
    let here = Here::new();
    for name in ["a", "b"] {
        fs::write(here.path(name), "old and longer").unwrap();
        fs::hard_link(here.path(name), here.path(&format!("{name}2"))).unwrap();
        fs::set_permissions(here.path(name), fs::Permissions::from_mode(0o640)).unwrap();
    }
    here.aio.copy(here.path("file"), here.path("a")).wait().unwrap();
    assert_eq!(fs::read(here.path("a2")).unwrap(), b"old and longer");
    let before = fs::metadata(here.path("b")).unwrap();
    here.aio.copy(here.path("file"), here.path("b")).write_through(true).durable(true).wait().unwrap();
    here.aio.save(here.path("a2"), "saved").write_through(true).wait().0.unwrap();
    let after = fs::metadata(here.path("b")).unwrap();
    assert_eq!((before.ino(), before.mode(), before.uid()), (after.ino(), after.mode(), after.uid()));
    assert_eq!(fs::read(here.path("b2")).unwrap(), b"new");
    assert_eq!(fs::read(here.path("a2")).unwrap(), b"saved");
    // Emptied first, it would have nothing to give.
    let itself = here.aio.copy(here.path("b"), here.path("b2")).write_through(true).wait();
    assert_eq!(errno(itself), Some(libc::EINVAL));
    assert_eq!(fs::read(here.path("b")).unwrap(), b"new");
}

#[test]
fn a_file_that_can_not_be_replaced_is_written_in_place() {
    let here = Here::new();
    let dir = here.path("closed");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(here.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(dir.join("file"), "old and longer").unwrap();
    fs::set_permissions(dir.join("file"), fs::Permissions::from_mode(0o666)).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o555)).unwrap();
    let (from, to) = (here.path("file"), dir.join("file"));
    as_nobody(|| {
        let aio = Aio::new().unwrap();
        assert_eq!(errno(aio.save(&to, "x").wait().0), Some(libc::EACCES));
        assert_eq!(errno(aio.save(dir.join("none"), "x").in_place(true).wait().0), Some(libc::EACCES));
        assert_eq!(errno(aio.copy(&from, &to).wait()), Some(libc::EACCES));
        aio.save(&to, "saved").in_place(true).wait().0.unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"saved");
        aio.copy(&from, &to).in_place(true).wait().unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"new");
    });
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(names(&dir), ["file"]);
}

#[test]
fn a_directory_that_may_not_be_read_takes_durable_files() {
    let here = Here::new();
    fs::set_permissions(here.dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(here.path("file"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::create_dir(here.path("tree")).unwrap();
    let dir = here.path("box");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o333)).unwrap();
    as_nobody(|| {
        let aio = Aio::new().unwrap();
        aio.save(dir.join("saved"), "saved").wait().0.unwrap();
        aio.save(dir.join("saved"), "again").wait().0.unwrap();
        aio.pathsync(dir.join("saved")).wait().unwrap();
        aio.copy(here.path("file"), dir.join("copied")).durable(true).wait().unwrap();
        aio.copy("/proc/self/exe", dir.join("link")).follow(false).durable(true).wait().unwrap();
        for durable in [false, true] {
            let tree = dir.join(if durable { "durable" } else { "tree" });
            let _ = aio.copy_tree(here.path("tree"), tree).durable(durable).wait().unwrap();
        }
    });
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(names(&dir), ["copied", "durable", "link", "saved", "tree"]);
    assert_eq!(fs::read(dir.join("saved")).unwrap(), b"again");
}

#[test]
fn in_a_directory_that_only_takes_names_none_is_left_behind() {
    let here = Here::new();
    let dir = here.path("append");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("old"), "old").unwrap();
    fs::create_dir(here.path("tree")).unwrap();
    let chattr = |flag: &str| {
        let done = std::process::Command::new("chattr").arg(flag).arg(&dir).output();
        done.is_ok_and(|done| done.status.success())
    };
    if !chattr("+a") {
        return eprintln!("skipped: no directory can be made append-only here");
    }
    let saved = here.aio.save(dir.join("saved"), "saved").wait().0;
    let copied = here.aio.copy(here.path("file"), dir.join("copied")).wait();
    let over = here.aio.save(dir.join("old"), "new").wait().0;
    let tree = here.aio.copy_tree(here.path("tree"), dir.join("tree")).wait();
    let left = names(&dir);
    assert!(chattr("-a"));
    saved.unwrap();
    copied.unwrap();
    assert_eq!(errno(over), Some(libc::EPERM));
    assert_eq!(tree.unwrap().failed(), 0);
    assert_eq!(left, ["copied", "old", "saved", "tree"]);
}

/// After each step of a run has failed once, the link is one, and what it leads to is old or new.
#[test]
fn after_a_fault_what_a_link_leads_to_is_old_or_new() {
    for (exists, copy) in [(true, true), (true, false), (false, false)] {
        let here = Here::new();
        let (link, sub) = (here.path("link"), here.path("sub"));
        fs::create_dir(&sub).unwrap();
        symlink("sub/target", &link).unwrap();
        let run = |aio: &Aio| {
            let _ = fs::remove_file(sub.join("target"));
            if exists {
                fs::write(sub.join("target"), "old").unwrap();
            }
            match copy {
                true => aio.copy(here.path("file"), &link).durable(true).wait().map(drop),
                false => aio.save(&link, "new").follow(true).wait().0,
            }
        };
        for code in [libc::EIO, libc::EACCES] {
            crate::each_fault(code, run, |n, res| {
                let found = fs::read(sub.join("target")).ok();
                let is_new = found.as_deref() == Some(b"new");
                let is_old = found.as_deref() == exists.then_some(&b"old"[..]);
                match res {
                    Ok(()) => assert!(is_new, "step {n}"),
                    Err(e) => assert!(is_old || (is_new && e.call() == "fsync"), "step {n}: {e}"),
                }
                assert_eq!(fs::read_link(&link).unwrap(), Path::new("sub/target"), "step {n}");
                assert_eq!(names(&sub).len(), usize::from(found.is_some()), "step {n}");
                assert_eq!(names(here.dir.path()), ["file", "link", "sub"], "step {n}");
            });
        }
    }
}

#[test]
fn after_a_fault_what_is_written_through_stays_what_it_is() {
    let here = Here::new();
    let (one, two) = (here.path("one"), here.path("two"));
    for (copy, in_place) in [(true, false), (false, false), (false, true)] {
        let run = |aio: &Aio| {
            let _ = fs::remove_file(&two);
            fs::write(&one, "old").unwrap();
            fs::hard_link(&one, &two).unwrap();
            match copy {
                true => aio.copy(here.path("file"), &one).write_through(true).durable(true).wait().map(drop),
                false => aio.save(&one, "new").write_through(!in_place).in_place(in_place).wait().0,
            }
        };
        crate::each_fault(libc::EIO, run, |n, res| {
            if res.is_ok() {
                assert_eq!(fs::read(&one).unwrap(), b"new", "step {n}");
            }
            if !in_place {
                assert_eq!(fs::metadata(&one).unwrap().ino(), fs::metadata(&two).unwrap().ino(), "step {n}");
            }
            assert_eq!(names(here.dir.path()), ["file", "one", "two"], "step {n}");
        });
    }
}
