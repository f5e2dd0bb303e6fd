//! open, close.

use std::fs;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::time::{Duration, Instant};

use ioaio::{Dir, File, OFlags};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{Case, HANG, each_route, errno};

#[test]
fn open_creates_truncates_and_appends() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let path = dir.path().join("file");
        assert_eq!(errno(t.get(t.open(&path))), Errno::NOENT);
        let create = OFlags::CREATE | OFlags::WRONLY;
        let file = t.get(t.open(&path).flags(create)).unwrap();
        t.get(t.write_at(&file, "hello", 0)).0.unwrap();
        let file = t.get(t.open(&path).flags(OFlags::WRONLY | OFlags::APPEND)).unwrap();
        t.get(t.write(&file, " world")).0.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"hello world");
        t.get(t.open(&path).flags(OFlags::WRONLY | OFlags::TRUNC)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        assert_eq!(errno(t.get(t.open(&path).flags(create | OFlags::EXCL))), Errno::EXIST);
    });
}

#[test]
fn mode_is_less_the_umask() {
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode();
    each_route(|t| {
        let dir = tempdir().unwrap();
        for bits in [0o000, 0o600, 0o777, 0o4755] {
            let (own, std) = (dir.path().join(format!("own{bits}")), dir.path().join(format!("std{bits}")));
            t.get(t.open(&own).flags(OFlags::CREATE | OFlags::WRONLY).mode(bits)).unwrap();
            fs::File::options().write(true).create(true).mode(bits).open(&std).unwrap();
            assert_eq!(mode(&own), mode(&std));
        }
        let (own, std) = (dir.path().join("own"), dir.path().join("std"));
        t.get(t.open(&own).flags(OFlags::CREATE | OFlags::WRONLY)).unwrap();
        fs::File::create(&std).unwrap();
        assert_eq!(mode(&own), mode(&std));
    });
}

#[test]
fn errors_of_open_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink("self", at("self")).unwrap();
        symlink("file", at("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), 0o600.into()).unwrap();
        let open = |name: &str, flags| errno(t.get(t.open(at(name)).flags(flags)));
        assert_eq!(open("none", OFlags::RDONLY), Errno::NOENT);
        assert_eq!(open("none/none", OFlags::RDONLY), Errno::NOENT);
        assert_eq!(open("file/none", OFlags::RDONLY), Errno::NOTDIR);
        assert_eq!(open("file", OFlags::DIRECTORY), Errno::NOTDIR);
        assert_eq!(open(".", OFlags::WRONLY), Errno::ISDIR);
        assert_eq!(open("self", OFlags::RDONLY), Errno::LOOP);
        assert_eq!(open("link", OFlags::NOFOLLOW), Errno::LOOP);
        assert_eq!(open("fifo", OFlags::WRONLY | OFlags::NONBLOCK), Errno::NXIO);
        assert_eq!(open(&"x".repeat(256), OFlags::RDONLY), Errno::NAMETOOLONG);
        assert_eq!(open(&"x/".repeat(4096), OFlags::RDONLY), Errno::NAMETOOLONG);
        assert_eq!(errno(t.get(t.open(""))), Errno::NOENT);
    });
}

#[test]
fn bad_arguments_are_refused_before_anything_is_submitted() {
    each_route(|t| {
        let executed = |t: &Case| (t.stats().ring, t.stats().pool);
        let before = executed(t);
        assert_eq!(errno(t.get(t.open("/etc\0/passwd"))), Errno::INVAL);
        assert_eq!(errno(t.get(t.open("\0"))), Errno::INVAL);
        assert_eq!(errno(t.get(t.open("/").flags(OFlags::from_bits_retain(1 << 30)))), Errno::INVAL);
        for mode in [0o10000, u32::MAX] {
            assert_eq!(errno(t.get(t.open("/").mode(mode))), Errno::INVAL);
        }
        assert_eq!(executed(t), before);
    });
}

#[test]
fn no_program_inherits_a_file() {
    each_route(|t| {
        let file = t.get(t.open("/").flags(OFlags::DIRECTORY)).unwrap();
        assert!(rustix::io::fcntl_getfd(&file).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    });
}

#[test]
fn open_takes_flags_that_std_does_not_know() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        match t.get(t.open(dir.path()).flags(OFlags::TMPFILE | OFlags::RDWR).mode(0o600)) {
            Err(e) => {
                assert_eq!(errno::<()>(Err(e)), Errno::OPNOTSUPP);
                eprintln!("skipped: O_TMPFILE: this file system has none");
            }
            Ok(file) => {
                assert_eq!(t.get(t.write_at(&file, "x", 0)).0.unwrap(), 1);
                assert!(t.get(t.read_dir(dir.path())).unwrap().is_empty());
            }
        }
        t.get(t.open(dir.path()).flags(OFlags::ASYNC)).unwrap();
        let path = t.get(t.open(dir.path()).flags(OFlags::PATH)).unwrap();
        assert!(t.get(t.fstat(&path)).unwrap().is_dir());
        assert_eq!(errno(t.get(t.read_at(&path, vec![0; 1], 0)).0), Errno::BADF);
    });
}

#[test]
fn open_is_relative_to_a_directory() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        fs::create_dir(&old).unwrap();
        let handle = Dir::open(&old).unwrap();
        fs::rename(&old, &new).unwrap();
        let create = OFlags::CREATE | OFlags::WRONLY;
        let request = t.open("file").flags(create).at(&handle);
        drop(handle);
        t.get(request).unwrap();
        assert!(new.join("file").is_file());
        let file = Dir::from(OwnedFd::from(fs::File::open(new.join("file")).unwrap()));
        assert_eq!(errno(t.get(t.open("x").at(&file))), Errno::NOTDIR);
        t.get(t.open(new.join("file")).at(&file)).expect("an absolute path needs no directory");
    });
}

/// A pipe tells when its reading end is closed: writing gives EPIPE.
fn closed(writer: &impl AsFd) -> bool {
    rustix::io::write(writer, b"x") == Err(Errno::PIPE)
}
/// The same, soon: a child that another test has forked holds copies until it ends.
fn closes(writer: &impl AsFd) -> bool {
    let start = Instant::now();
    while !closed(writer) {
        if start.elapsed() > HANG {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    true
}

#[test]
fn close_closes() {
    each_route(|t| {
        let (reader, writer) = std::io::pipe().unwrap();
        let file = File::from(OwnedFd::from(reader));
        assert!(!closed(&writer));
        t.get(t.close(file)).unwrap();
        assert!(closes(&writer));
    });
}

#[test]
fn close_refuses_while_a_request_holds_the_file() {
    each_route(|t| {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let file = File::from(OwnedFd::from(reader));
        let read = t.read(&file, vec![0; 3]);
        assert_eq!(errno(t.get(t.close(file))), Errno::BUSY);
        writer.write_all(b"abc").unwrap();
        let (n, buf) = t.get(read);
        assert_eq!((n.unwrap(), &buf[..]), (3, &b"abc"[..]));
        assert!(closes(&writer), "the last request closes it");
    });
}

#[test]
fn a_file_gives_its_descriptor_back_unless_in_use() {
    each_route(|t| {
        let file = t.get(t.open("/").flags(OFlags::DIRECTORY)).unwrap();
        let request = t.fstat(&file);
        let file = file.try_into_owned_fd().expect_err("a request holds it");
        assert!(t.get(request).unwrap().is_dir());
        let fd = file.try_into_owned_fd().expect("nothing holds it");
        assert!(fs::File::from(fd).metadata().unwrap().is_dir());
    });
}
