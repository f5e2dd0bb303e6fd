//! System calls that a seccomp filter refuses, as sandboxes do: the plain call is made instead. Its answer is the
//! file's, a refusal that is meant included.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use ioaio::{Aio, Dir, File, OFlags, ReadWriteFlags, RenameFlags, ResolveFlags, StatxFlags, StatxSync};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::refused::refuse;
use crate::common::{Case, as_nobody, each_route, errno, in_child};

/// Runs `body` on each route in a process to which these calls are refused, in both ways that filters do it.
fn each_refusal(calls: &[i64], body: impl Fn(&Case, Errno)) {
    for refusal in [Errno::PERM, Errno::NOSYS] {
        in_child(|| {
            refuse(calls, refusal.raw_os_error());
            each_route(|t| body(t, refusal));
        });
    }
}

#[test]
fn reads_where_preadv2_is_refused() {
    each_refusal(&[libc::SYS_preadv2, libc::SYS_pwritev2], |t, _| {
        let dir = tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "contents").unwrap();
        let file = t.get(t.open(&path)).unwrap();
        // The first one learns that the file system is local, so that the others try inline.
        for _ in 0..3 {
            let (n, buf) = t.get(t.read_at(&file, Vec::with_capacity(100), 0));
            assert_eq!((n.unwrap(), &buf[..]), (8, &b"contents"[..]));
        }
        assert_eq!(t.get(t.load(&path)).unwrap(), b"contents");
        // SAFETY: the file is open as long as the one that lends it.
        let lent = File::from(unsafe { BorrowedFd::borrow_raw(file.as_fd().as_raw_fd()) });
        assert_eq!(t.get(t.read_at(&lent, vec![0; 4], 4)).1, b"ents");
    });
}

#[test]
fn vectored_reads_and_writes_where_preadv2_and_pwritev2_are_refused() {
    each_refusal(&[libc::SYS_preadv2, libc::SYS_pwritev2], |t, refusal| {
        let file = File::from(tempfile::tempfile().unwrap());
        assert_eq!(t.get(t.writev_at(&file, vec!["one ", "two"], 5)).0.unwrap(), 7);
        let (n, bufs) = t.get(t.readv_at(&file, vec![vec![0; 4], vec![0; 9]], 5));
        assert_eq!((n.unwrap(), bufs), (7, vec![b"one ".to_vec(), b"two".to_vec()]));
        assert_eq!(t.get(t.writev(&file, vec!["12345"])).0.unwrap(), 5);
        assert_eq!(t.get(t.readv(&file, vec![vec![0; 3]])).1, [b"one"]);
        // What only the refused call can do stays refused; the ring asks no filter.
        let flagged = t.get(t.writev_at(&file, vec!["x"], 0).flags(ReadWriteFlags::DSYNC)).0;
        match flagged {
            Ok(n) => assert_eq!((n, t.route), (1, "ring only")),
            Err(e) => assert_eq!(Errno::from_io_error(&e), Some(refusal)),
        }
    });
}

#[test]
#[allow(clippy::unnecessary_cast, reason = "the types differ from machine to machine")]
fn stat_where_statx_is_refused() {
    each_refusal(&[libc::SYS_statx], |t, _| {
        let dir = tempdir().unwrap();
        let (path, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&path, "contents").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        let plain = rustix::fs::stat(&path).unwrap(); // that of std asks statx too
        let file = t.get(t.open(&path)).unwrap();
        let handle = Dir::open(&dir).unwrap();
        for _ in 0..2 {
            let all = [
                t.get(t.stat(&path)),
                t.get(t.stat(&link)),
                t.get(t.stat("link").at(&handle)),
                t.get(t.fstat(&file)),
            ];
            for st in all.map(Result::unwrap) {
                assert_eq!(
                    (st.mode(), u64::from(st.nlink()), st.len()),
                    (plain.st_mode, plain.st_nlink as u64, 8)
                );
                assert_eq!((st.uid(), st.gid(), st.ino()), (plain.st_uid, plain.st_gid, plain.st_ino));
                assert_eq!(st.blocks(), plain.st_blocks as u64);
                assert_eq!(u64::from(st.blksize()), plain.st_blksize as u64);
                let times = [
                    (plain.st_atime, plain.st_atime_nsec as i64),
                    (plain.st_mtime, plain.st_mtime_nsec as i64),
                    (plain.st_ctime, plain.st_ctime_nsec as i64),
                ];
                assert_eq!(st.times(), times);
                let (major, minor) = st.dev();
                assert_eq!(rustix::fs::makedev(major, minor), plain.st_dev);
            }
        }
        assert_eq!(t.get(t.lstat(&link)).unwrap().file_type(), ioaio::FileType::Symlink);
        assert_eq!(errno(t.get(t.stat(dir.path().join("none")))), Errno::NOENT);
        let list = t.get(t.read_dir(&dir).stat(true)).unwrap();
        assert!(list.iter().all(|entry| entry.metadata().is_some_and(|st| st.is_ok())));
        assert_eq!(t.get(t.load(&path)).unwrap(), b"contents");
        t.get(t.close(file)).unwrap();
    });
}

#[test]
fn what_is_known_of_a_file_where_statx_is_refused() {
    each_refusal(&[libc::SYS_statx], |t, _| {
        let st = t.get(t.statx("/etc/passwd")).unwrap();
        let plain = rustix::fs::stat("/etc/passwd").unwrap();
        assert!(st.came().contains(StatxFlags::BASIC_STATS));
        assert_eq!((st.size(), st.ino()), (Some(plain.st_size as u64), Some(plain.st_ino)));
        if t.route != "ring only" {
            assert_eq!(st.born(), None, "no other call tells");
            // Nor does another one ask the server.
            let forced = errno(t.get(t.statx("/etc/passwd").sync(StatxSync::Force)));
            assert!([Errno::PERM, Errno::NOSYS].contains(&forced), "{forced:?}");
        }
    });
}

#[test]
fn streams_are_streams_where_statx_is_refused() {
    each_refusal(&[libc::SYS_statx], |t, _| {
        let (reader, writer) = std::io::pipe().unwrap();
        let (reader, writer) = (File::from(OwnedFd::from(reader)), OwnedFd::from(writer));
        assert_eq!(rustix::io::write(&writer, b"data").unwrap(), 4);
        assert_eq!(errno(t.get(t.read_at(&reader, vec![0; 4], 0)).0), Errno::SPIPE);
        assert_eq!(t.get(t.read(&reader, vec![0; 4])).1, b"data");
    });
}

#[test]
fn trees_where_statx_is_refused() {
    each_refusal(&[libc::SYS_statx], |t, _| {
        let dir = tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("a/b")).unwrap();
        fs::write(from.join("a/file"), "contents").unwrap();
        assert_eq!(t.get(t.copy_tree(&from, &to)).unwrap().failed(), 0);
        assert_eq!(fs::read(to.join("a/file")).unwrap(), b"contents");
        t.get(t.remove_tree(&from)).unwrap();
        assert_eq!(rustix::fs::stat(&from).unwrap_err(), Errno::NOENT);
        assert!(rustix::fs::stat(to.join("a/b")).is_ok());
    });
}

#[test]
fn opening_where_openat2_is_refused() {
    each_refusal(&[libc::SYS_openat2], |t, refusal| {
        assert!(t.get(t.open("/etc/passwd")).is_ok());
        let etc = t.get(t.open_dir("/etc")).unwrap();
        assert!(t.get(t.stat("passwd").at(&etc)).unwrap().len() > 0);
        assert!(!t.get(t.load("/etc/passwd")).unwrap().is_empty());
        // A rule for the resolution is not dropped where nobody keeps it.
        let rules = ResolveFlags::NO_SYMLINKS | ResolveFlags::BENEATH;
        assert_eq!(errno(t.get(t.open("passwd").at(&etc).resolve(rules))), refusal);
    });
}

#[test]
fn renaming_where_renameat2_is_refused() {
    each_refusal(&[libc::SYS_renameat2], |t, _| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("a"), "a").unwrap();
        t.get(t.rename(at("a"), at("b"))).unwrap();
        t.get(t.move_to(at("b"), at("c")).replace(true)).unwrap();
        assert_eq!(fs::read(at("c")).unwrap(), b"a");
        match t.get(t.rename(at("c"), at("d")).flags(RenameFlags::NOREPLACE)) {
            Ok(()) => assert_eq!(t.route, "ring only", "the ring asks no filter"),
            Err(e) => assert_eq!(Errno::from_io_error(&e), Some(Errno::NOSYS)),
        }
        fs::create_dir_all(at("tree/a")).unwrap();
        assert_eq!(t.get(t.copy_tree(at("tree"), at("copy"))).unwrap().failed(), 0);
        assert!(at("copy/a").is_dir());
        t.get(t.save(at("new"), "saved").replace(false)).0.unwrap();
        assert_eq!(fs::read(at("new")).unwrap(), b"saved");
    });
}

/// A directory where only the owner of a file may rename it, with a file of root's.
fn sticky() -> tempfile::TempDir {
    let dir = tempdir().unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o1777)).unwrap();
    fs::write(dir.path().join("file"), "contents").unwrap();
    dir
}

#[test]
fn a_refusal_that_is_meant_stays_one() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: needs a file of somebody else's");
    }
    let (dir, all) = (sticky(), [libc::SYS_preadv2, libc::SYS_statx, libc::SYS_openat2, libc::SYS_renameat2]);
    let body = |t: &Case, refused: bool| {
        let at = |name: &str| dir.path().join(name);
        assert_eq!(errno(t.get(t.rename(at("file"), at("other")))), Errno::PERM);
        if !refused {
            let rename = t.rename(at("file"), at("other")).flags(RenameFlags::NOREPLACE);
            assert_eq!(errno(t.get(rename)), Errno::PERM);
        }
        // Others than the owner may not read without changing the time of it.
        assert_eq!(errno(t.get(t.open(at("file")).flags(OFlags::NOATIME))), Errno::PERM);
    };
    as_nobody(|| each_route(|t| body(t, false)));
    as_nobody(|| {
        refuse(&all, libc::ENOSYS);
        each_route(|t| body(t, true));
    });
    // The plain calls refused as well: nothing is left to try.
    #[cfg(target_pointer_width = "64")]
    in_child(|| {
        refuse(&[libc::SYS_statx, libc::SYS_newfstatat, libc::SYS_fstat], libc::EPERM);
        let aio = Aio::builder().ring(false).build().unwrap();
        assert_eq!(errno(aio.stat(Path::new("/")).wait()), Errno::PERM);
    });
}
