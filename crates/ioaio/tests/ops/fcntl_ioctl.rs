//! fcntl, ioctl; fiemap.

use ioaio::{File, FileExtent, PipeFlags};
use rustix::io::Errno;

use crate::common::{each_route, errno};

#[test]
fn fcntl_takes_numbers_and_structs() {
    each_route(|t| {
        let (reader, writer) = t.get(t.pipe(PipeFlags::empty())).unwrap();
        // SAFETY: this command takes a number.
        let (flags, ()) = t.get(unsafe { t.fcntl(&reader, libc::F_GETFL, ()) });
        assert_eq!(flags.unwrap() & libc::O_ACCMODE, libc::O_RDONLY);
        // SAFETY: as above.
        let (size, _) = t.get(unsafe { t.fcntl(&writer, libc::F_SETPIPE_SZ, 8192) });
        assert_eq!(size.unwrap(), 8192);
        let named = tempfile::NamedTempFile::new().unwrap();
        let (one, two) = (t.get(t.open(named.path())).unwrap(), t.get(t.open(named.path())).unwrap());
        t.get(t.lock_range(&one, ioaio::LockKind::Shared, 3, 4)).unwrap();
        // SAFETY: a struct of integers.
        let mut lock: libc::flock64 = unsafe { std::mem::zeroed() };
        lock.l_type = libc::F_WRLCK as _;
        // SAFETY: this command takes such a struct.
        let (done, lock) = t.get(unsafe { t.fcntl(&two, libc::F_OFD_GETLK, Box::new(lock)) });
        assert_eq!((done.unwrap(), lock.l_type, lock.l_start, lock.l_len), (0, libc::F_RDLCK as _, 3, 4));
        // SAFETY: no such command.
        let (none, arg) = t.get(unsafe { t.fcntl(&reader, 99_999, 5_usize) });
        assert_eq!((errno(none), arg), (Errno::INVAL, 5));
    });
}

#[test]
fn ioctl_fills_what_it_is_given() {
    each_route(|t| {
        let (reader, writer) = t.get(t.pipe(PipeFlags::empty())).unwrap();
        t.get(t.write(&writer, "hello")).0.unwrap();
        // SAFETY: FIONREAD writes an int.
        let (done, n) = t.get(unsafe { t.ioctl(&reader, libc::FIONREAD as u32, vec![0_u8; 4]) });
        assert_eq!((done.unwrap(), n), (0, 5_i32.to_ne_bytes().to_vec()));
        // SAFETY: a pipe knows no such request.
        let (none, ()) = t.get(unsafe { t.ioctl(&reader, 0xdead, ()) });
        assert_eq!(errno(none), Errno::NOTTY);
    });
}

#[test]
fn fiemap_finds_what_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sparse");
    each_route(|t| {
        let std = std::fs::File::create(&path).unwrap();
        // More pieces than one system call is asked for.
        let pieces = 1500;
        for n in 0..pieces {
            std::os::unix::fs::FileExt::write_all_at(&std, b"data", n * 8192).unwrap();
        }
        std.sync_all().unwrap();
        let file = File::from(std);
        let all = match t.get(t.fiemap(&file, 0, u64::MAX).flags(1)) {
            Err(e) if e.raw_os_error() == Some(libc::EOPNOTSUPP) => return eprintln!("skipped: fiemap: {e}"),
            all => all.unwrap(),
        };
        assert!(all.windows(2).all(|two| two[0].logical + two[0].len <= two[1].logical));
        let holds =
            |at: u64| all.iter().any(|extent| (extent.logical..extent.logical + extent.len).contains(&at));
        assert!((0..pieces).all(|n| holds(n * 8192)));
        assert_eq!(all.last().unwrap().flags & FileExtent::LAST, FileExtent::LAST);
        let count = t.get(t.fiemap_count(&file, 0, u64::MAX)).unwrap();
        assert_eq!(count as usize, all.len());
        assert_eq!(t.get(t.fiemap(&file, 0, u64::MAX).max(3)).unwrap(), all[..3]);
        let inner = t.get(t.fiemap(&file, 8192 * 10, 1)).unwrap();
        assert!(inner.len() == 1 && inner[0].logical <= 8192 * 10);
        assert_eq!(t.get(t.fiemap(&file, 0, u64::MAX).max(0)).unwrap(), []);
        assert_eq!(errno(t.get(t.fiemap(&file, 0, u64::MAX).max(0).flags(1 << 30))), Errno::BADR);
        assert_eq!(errno(t.get(t.fiemap_count(&file, 0, u64::MAX).flags(1 << 30))), Errno::BADR);
        assert_eq!(errno(t.get(t.fiemap(&file, 0, 0))), Errno::INVAL, "no bytes");
        assert_eq!(errno(t.get(t.fiemap(&file, 1 << 63, 1))), Errno::INVAL);
        assert_eq!(errno(t.get(t.fiemap_count(&file, u64::MAX, 1))), Errno::INVAL);
        assert_eq!(errno(t.get(t.fiemap(&file, 0, 1).flags(1 << 30))), Errno::BADR);
    });
}

#[test]
fn fiemap_of_what_has_no_extents() {
    each_route(|t| {
        let (reader, _writer) = t.get(t.pipe(PipeFlags::empty())).unwrap();
        let error = errno(t.get(t.fiemap(&reader, 0, 1)));
        assert!(matches!(error, Errno::NOTTY | Errno::OPNOTSUPP | Errno::BADF), "{error}");
    });
}
