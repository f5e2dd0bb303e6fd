//! stat, lstat, fstat.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, SystemTime};

use ioaio::{Dir, File, FileType, Metadata};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{each_route, errno};

pub fn kind(t: fs::FileType) -> FileType {
    match t {
        t if t.is_dir() => FileType::Directory,
        t if t.is_symlink() => FileType::Symlink,
        t if t.is_fifo() => FileType::Fifo,
        t if t.is_socket() => FileType::Socket,
        t if t.is_char_device() => FileType::CharDevice,
        t if t.is_block_device() => FileType::BlockDevice,
        _ => FileType::File,
    }
}

fn time(sec: i64, nsec: i64) -> SystemTime {
    let sub = Duration::from_nanos(nsec as u64);
    match u64::try_from(sec) {
        Ok(sec) => SystemTime::UNIX_EPOCH + Duration::from_secs(sec) + sub,
        Err(_) => SystemTime::UNIX_EPOCH - Duration::from_secs(sec.unsigned_abs()) + sub,
    }
}

#[track_caller]
pub fn same(own: &Metadata, std: &fs::Metadata) {
    assert_eq!(own.len(), std.len());
    assert_eq!(own.blocks(), std.blocks());
    assert_eq!(u64::from(own.blksize()), std.blksize());
    assert_eq!(own.ino(), std.ino());
    let dev = |dev: u64| (rustix::fs::major(dev), rustix::fs::minor(dev));
    assert_eq!(own.dev(), dev(std.dev()));
    assert_eq!(own.rdev(), dev(std.rdev()));
    assert_eq!(u64::from(own.nlink()), std.nlink());
    assert_eq!((own.uid(), own.gid(), own.mode()), (std.uid(), std.gid(), std.mode()));
    assert_eq!(own.file_type(), kind(std.file_type()));
    assert_eq!(own.is_dir(), std.is_dir());
    assert_eq!(own.accessed(), time(std.atime(), std.atime_nsec()));
    assert_eq!(own.modified(), time(std.mtime(), std.mtime_nsec()));
    assert_eq!(own.changed(), time(std.ctime(), std.ctime_nsec()));
    assert_eq!(own.born(), std.created().ok());
}

/// A file of each kind that anybody can make.
pub fn zoo(dir: &Path) -> io::Result<UnixListener> {
    fs::write(dir.join("file"), vec![7; 5000])?;
    fs::hard_link(dir.join("file"), dir.join("hard"))?;
    fs::create_dir(dir.join("dir"))?;
    symlink("file", dir.join("link"))?;
    symlink("dir", dir.join("dirlink"))?;
    symlink("nowhere", dir.join("dangling"))?;
    symlink("self", dir.join("self"))?;
    rustix::fs::mkfifoat(rustix::fs::CWD, dir.join("fifo"), 0o640.into())?;
    UnixListener::bind(dir.join("socket"))
}

#[test]
fn stat_tells_what_std_tells() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let _socket = zoo(dir.path()).unwrap();
        for name in ["file", "hard", "dir", "link", "dirlink", "dangling", "self", "fifo", "socket", "."] {
            let path = dir.path().join(name);
            same(&t.get(t.lstat(&path)).unwrap(), &fs::symlink_metadata(&path).unwrap());
            match fs::metadata(&path) {
                Ok(std) => same(&t.get(t.stat(&path)).unwrap(), &std),
                Err(std) => assert_eq!(errno(t.get(t.stat(&path))), errno::<()>(Err(std))),
            }
        }
        same(&t.get(t.stat("/dev/null")).unwrap(), &fs::metadata("/dev/null").unwrap());
        let (own, std) = (t.get(t.stat("/proc/self/status")), fs::metadata("/proc/self/status"));
        assert_eq!(own.unwrap().ino(), std.unwrap().ino());
    });
}

#[test]
fn fstat_tells_what_std_tells() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let _socket = zoo(dir.path()).unwrap();
        for path in [dir.path().join("file"), dir.path().join("dir"), "/dev/null".into()] {
            let std = fs::File::open(&path).unwrap();
            let file = File::from(std.try_clone().unwrap());
            same(&t.get(t.fstat(&file)).unwrap(), &std.metadata().unwrap());
        }
        let (reader, _writer) = io::pipe().unwrap();
        let pipe = File::from(OwnedFd::from(reader));
        assert_eq!(t.get(t.fstat(&pipe)).unwrap().file_type(), FileType::Fifo);
    });
}

#[test]
fn a_removed_file_still_has_fstat() {
    each_route(|t| {
        let file = File::from(tempfile::tempfile().unwrap());
        t.get(t.write_at(&file, "12345", 0)).0.unwrap();
        let st = t.get(t.fstat(&file)).unwrap();
        assert_eq!((st.len(), st.nlink()), (5, 0));
    });
}

#[test]
fn errors_of_stat_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let _socket = zoo(dir.path()).unwrap();
        let stat = |name: &str| errno(t.get(t.stat(dir.path().join(name))));
        assert_eq!(stat("none"), Errno::NOENT);
        assert_eq!(stat("dangling"), Errno::NOENT);
        assert_eq!(stat("self"), Errno::LOOP);
        assert_eq!(stat("file/"), Errno::NOTDIR);
        assert_eq!(stat("file/x"), Errno::NOTDIR);
        assert_eq!(stat(&"x".repeat(256)), Errno::NAMETOOLONG);
        assert_eq!(stat(&"./".repeat(3000)), Errno::NAMETOOLONG);
        let before = (t.stats().ring, t.stats().pool);
        assert_eq!(stat("a\0b"), Errno::INVAL);
        assert_eq!(errno(t.get(t.lstat("\0"))), Errno::INVAL);
        assert_eq!(before, (t.stats().ring, t.stats().pool), "refused before it was submitted");
        assert_eq!(errno(t.get(t.stat(""))), Errno::NOENT);
        assert_eq!(errno(t.get(t.lstat(""))), Errno::NOENT);
    });
}

#[test]
fn a_name_may_have_any_byte_but_nul_and_slash() {
    use std::os::unix::ffi::OsStrExt;
    each_route(|t| {
        let dir = tempdir().unwrap();
        let all: Vec<u8> = (1..=255).filter(|&b| b != b'/').collect();
        for name in [&all[..], b"\xff", b"\n", b" ", b"-", b"...", &[b'x'; 255]] {
            let path = dir.path().join(std::ffi::OsStr::from_bytes(name));
            let flags = ioaio::OFlags::CREATE | ioaio::OFlags::EXCL | ioaio::OFlags::WRONLY;
            t.get(t.open(&path).flags(flags)).unwrap();
            same(&t.get(t.stat(&path)).unwrap(), &fs::metadata(&path).unwrap());
            let list = t.get(t.read_dir(dir.path())).unwrap();
            assert_eq!(list.iter().map(|e| e.name().as_bytes().to_vec()).collect::<Vec<_>>(), [name]);
            t.get(t.unlink(&path)).unwrap();
            assert_eq!(errno(t.get(t.lstat(&path))), Errno::NOENT);
        }
    });
}

#[test]
fn times_before_1970_and_after_2038_are_right() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let path = dir.path().join("file");
        let file = fs::File::create(&path).unwrap();
        let epoch = SystemTime::UNIX_EPOCH;
        for time in [epoch - Duration::from_millis(1500), epoch, epoch + Duration::new(5_000_000_000, 1)] {
            file.set_modified(time).unwrap();
            same(&t.get(t.stat(&path)).unwrap(), &fs::metadata(&path).unwrap());
        }
    });
}

#[test]
fn stat_is_relative_to_a_directory() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let _socket = zoo(dir.path()).unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        same(&t.get(t.stat("link").at(&handle)).unwrap(), &fs::metadata(dir.path().join("link")).unwrap());
        let std = fs::symlink_metadata(dir.path().join("link")).unwrap();
        same(&t.get(t.lstat("link").at(&handle)).unwrap(), &std);
        assert!(t.get(t.stat("..").at(&handle)).unwrap().is_dir());
        assert_eq!(errno(t.get(t.stat("none").at(&handle))), Errno::NOENT);
        assert_eq!(errno(t.get(t.stat("").at(&handle))), Errno::NOENT);
    });
}
