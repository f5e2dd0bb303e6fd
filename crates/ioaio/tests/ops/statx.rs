//! statx, fstatx.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use ioaio::{Dir, File, FileType, OFlags, StatxAttributes, StatxFlags, StatxInfo, StatxSync};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{each_route, errno};

fn assert_same(st: &StatxInfo, std: &fs::Metadata) {
    assert_eq!(st.came() & StatxFlags::BASIC_STATS, StatxFlags::BASIC_STATS);
    assert_eq!((st.size(), st.ino(), st.blocks()), (Some(std.size()), Some(std.ino()), Some(std.blocks())));
    assert_eq!((st.uid(), st.gid()), (Some(std.uid()), Some(std.gid())));
    assert_eq!((st.nlink(), st.permissions()), (Some(std.nlink() as u32), Some(std.mode() & 0o7777)));
    assert_eq!((st.accessed(), st.modified()), (std.accessed().ok(), std.modified().ok()));
    assert_eq!((st.born(), u64::from(st.blksize())), (std.created().ok(), std.blksize()));
    assert_eq!(rustix::fs::makedev(st.dev().0, st.dev().1), std.dev());
    assert_eq!(rustix::fs::makedev(st.rdev().0, st.rdev().1), std.rdev());
    assert_eq!(st.metadata().expect("all of it").len(), std.len());
}

#[test]
fn statx_tells_what_stat_tells() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let (path, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&path, "text").unwrap();
        symlink("file", &link).unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        let file_std = fs::metadata(&path).unwrap();
        assert_same(&t.get(t.statx(&path)).unwrap(), &file_std);
        assert_same(&t.get(t.statx("link").at(&handle)).unwrap(), &file_std);
        let file = File::from(fs::File::open(&path).unwrap());
        assert_same(&t.get(t.fstatx(&file)).unwrap(), &file_std);
        // Not before: following it is a read of it.
        let link_std = fs::symlink_metadata(&link).unwrap();
        let st = t.get(t.statx(&link).follow(false).automount(false)).unwrap();
        assert_same(&st, &link_std);
        assert_eq!(st.file_type(), Some(FileType::Symlink));
        assert_same(&t.get(t.statx("/dev/null")).unwrap(), &fs::metadata("/dev/null").unwrap());
        let path = File::from(rustix::fs::open(&path, OFlags::PATH, 0.into()).unwrap());
        assert_same(&t.get(t.fstatx(&path)).unwrap(), &file_std);
    });
}

#[test]
fn what_was_asked_and_what_came() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let st = t.get(t.statx(dir.path()).mask(StatxFlags::MNT_ID)).unwrap();
        assert_eq!(st.asked(), StatxFlags::MNT_ID);
        if st.came().contains(StatxFlags::MNT_ID) {
            assert_eq!(st.mount_id(), Some(mount_id(dir.path())));
        } else {
            assert_eq!(st.mount_id(), None);
            eprintln!("skipped: mount ids: this kernel has none");
        }
        let all = t.get(t.statx(dir.path())).unwrap();
        assert!(all.asked().contains(StatxFlags::BASIC_STATS | StatxFlags::BTIME));
        // What no file system knows: not there, and no error.
        let unknown = StatxFlags::from_bits_retain(0x4000_0000);
        let st = t.get(t.statx(dir.path()).mask(unknown | StatxFlags::INO)).unwrap();
        assert_eq!((st.came() & unknown, st.ino()), (StatxFlags::empty(), all.ino()));
        // procfs knows no time of birth, and this says so.
        let st = t.get(t.statx("/proc/self/status")).unwrap();
        assert_eq!((st.born(), st.came() & StatxFlags::BTIME), (None, StatxFlags::empty()));
    });
}

/// As `/proc` tells it.
fn mount_id(path: &std::path::Path) -> u64 {
    use std::os::fd::AsRawFd;
    let file = fs::File::open(path).unwrap();
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_raw_fd())).unwrap();
    let line = info.lines().find_map(|line| line.strip_prefix("mnt_id:")).expect("a mount id");
    line.trim().parse().expect("a number")
}

#[test]
fn attributes_are_told() {
    each_route(|t| {
        let root = t.get(t.statx("/")).unwrap();
        let dir = tempdir().unwrap();
        let st = t.get(t.statx(dir.path())).unwrap();
        if root.has(StatxAttributes::MOUNT_ROOT).is_none() {
            eprintln!("skipped: STATX_ATTR_MOUNT_ROOT: this kernel has none");
            return;
        }
        assert_eq!(root.has(StatxAttributes::MOUNT_ROOT), Some(true));
        assert_eq!(st.has(StatxAttributes::MOUNT_ROOT), Some(false));
        assert_eq!(st.has(StatxAttributes::from_bits_retain(1 << 60)), None);
    });
}

#[test]
fn a_local_file_system_needs_no_server() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let ino = fs::metadata(dir.path()).unwrap().ino();
        for how in [StatxSync::AsStat, StatxSync::Force, StatxSync::Dont] {
            assert_eq!(t.get(t.statx(dir.path()).sync(how)).unwrap().ino(), Some(ino));
            // The last one counts.
            let twice = t.statx(dir.path()).sync(StatxSync::Force).sync(how);
            assert_eq!(t.get(twice).unwrap().ino(), Some(ino));
        }
    });
}

#[test]
fn errors_of_statx_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        symlink("self", at("self")).unwrap();
        let statx = |name: &str| errno(t.get(t.statx(at(name))));
        assert_eq!(statx("none"), Errno::NOENT);
        assert_eq!(statx("file/x"), Errno::NOTDIR);
        assert_eq!(statx("self"), Errno::LOOP);
        assert_eq!(statx(&"x".repeat(256)), Errno::NAMETOOLONG);
        assert_eq!(statx("file\0"), Errno::INVAL);
        assert_eq!(errno(t.get(t.statx(""))), Errno::NOENT);
        let reserved = StatxFlags::from_bits_retain(1 << 31);
        assert_eq!(errno(t.get(t.statx(at("file")).mask(reserved))), Errno::INVAL);
    });
}

#[test]
fn an_empty_path_means_the_file_it_starts_at() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        fs::write(dir.path().join("file"), "text").unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        let ino = fs::metadata(dir.path()).unwrap().ino();
        assert_eq!(errno(t.get(t.statx("").at(&handle))), Errno::NOENT);
        assert_eq!(t.get(t.statx("").at(&handle).empty_path(true)).unwrap().ino(), Some(ino));
        assert_eq!(t.get(t.statx("file").at(&handle).empty_path(true)).unwrap().size(), Some(4));
        let file = Dir::from(std::os::fd::OwnedFd::from(fs::File::open(dir.path().join("file")).unwrap()));
        assert_eq!(t.get(t.statx("").at(&file).empty_path(true)).unwrap().size(), Some(4));
    });
}
