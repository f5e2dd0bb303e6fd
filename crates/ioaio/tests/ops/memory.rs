//! msync, mtouch, mlock, munlock, mlockall, munlockall, madvise.

use std::os::unix::fs::FileExt;

use ioaio::{File, Mapping, MemoryAdvice, MlockAllFlags, MsyncFlags};
use rustix::io::Errno;

use crate::common::{each_route, errno};

const PAGE: usize = 4096;

fn bytes(mapping: &Mapping) -> &[u8] {
    // SAFETY: as long as that, and no request of these tests writes while it is looked at.
    unsafe { std::slice::from_raw_parts(mapping.as_ptr(), mapping.len()) }
}
fn set(mapping: &Mapping, at: usize, byte: u8) {
    assert!(at < mapping.len());
    // SAFETY: inside, and nobody else writes.
    unsafe { mapping.as_ptr().add(at).write(byte) }
}
/// How many pages of a mapping are in memory.
fn resident(mapping: &Mapping) -> usize {
    let mut pages = vec![0_u8; mapping.len().div_ceil(PAGE)];
    // SAFETY: a byte for each page.
    let res = unsafe { libc::mincore(mapping.as_ptr().cast(), mapping.len(), pages.as_mut_ptr()) };
    assert_eq!(res, 0);
    pages.iter().filter(|page| **page & 1 == 1).count()
}

#[test]
fn what_is_written_to_a_mapping_is_in_the_file_after_msync() {
    each_route(|t| {
        let std = tempfile::tempfile().unwrap();
        std.set_len(4 * PAGE as u64).unwrap();
        let file = File::from(std.try_clone().unwrap());
        let mapping = Mapping::of_file(&file, PAGE as u64, 2 * PAGE).unwrap();
        drop(file);
        set(&mapping, 5, 7);
        t.get(t.msync(mapping.clone(), 5..6, MsyncFlags::SYNC)).unwrap();
        t.get(t.msync(mapping.clone(), .., MsyncFlags::ASYNC)).unwrap();
        let mut back = [0];
        std.read_exact_at(&mut back, PAGE as u64 + 5).unwrap();
        assert_eq!(back, [7]);
        let both = MsyncFlags::SYNC | MsyncFlags::ASYNC;
        assert_eq!(errno(t.get(t.msync(mapping, .., both))), Errno::INVAL);
    });
}

#[test]
fn mtouch_brings_pages_in_and_changes_nothing() {
    each_route(|t| {
        for write in [false, true] {
            let mapping = Mapping::anonymous(9 << 20).unwrap();
            assert_eq!(resident(&mapping), 0);
            t.get(t.mtouch(mapping.clone(), PAGE + 1..PAGE + 2, write)).unwrap();
            let touched = resident(&mapping);
            assert!((1..mapping.len() / PAGE).contains(&touched), "{touched} pages"); // huge pages, perhaps
            t.get(t.mtouch(mapping.clone(), .., write)).unwrap();
            if write {
                assert_eq!(resident(&mapping), mapping.len() / PAGE);
            }
            set(&mapping, 1, 3);
            t.get(t.mtouch(mapping.clone(), .., write)).unwrap();
            assert_eq!(bytes(&mapping)[..3], [0, 3, 0]);
        }
    });
}

#[test]
fn mtouch_beyond_the_end_of_the_file_is_an_error() {
    let file = File::from(tempfile::tempfile().unwrap());
    let empty = Mapping::of_file(&file, 0, PAGE).unwrap();
    let probe = Mapping::anonymous(PAGE).unwrap();
    if let Err(e) = ioaio::Aio::new().unwrap().madvise(probe, .., MemoryAdvice::POPULATE_READ).wait() {
        return eprintln!("skipped: before Linux 5.14 this raises SIGBUS: {e}");
    }
    each_route(|t| assert_eq!(errno(t.get(t.mtouch(empty.clone(), .., false))), Errno::FAULT));
}

#[test]
fn a_cancelled_mtouch_stops() {
    let aio = ioaio::Aio::builder().inline(false).ring(false).max_parallel(1).build().unwrap();
    let busy = crate::common::by_channel(aio.busy(std::time::Duration::from_millis(50)));
    let mapping = Mapping::anonymous(64 << 20).unwrap();
    let (handle, result) = crate::common::by_channel_handle(aio.mtouch(mapping.clone(), .., true));
    handle.cancel();
    aio.flush().unwrap();
    busy.recv().unwrap().unwrap();
    assert_eq!(errno(result.recv().unwrap()), Errno::CANCELED);
    assert_eq!(resident(&mapping), 0);
}

#[test]
fn locked_pages_stay() {
    each_route(|t| {
        let mapping = Mapping::anonymous(4 * PAGE).unwrap();
        if let Err(e) = t.get(t.mlock(mapping.clone(), PAGE..2 * PAGE)) {
            assert!(matches!(Errno::from_io_error(&e), Some(Errno::NOMEM | Errno::PERM | Errno::AGAIN)));
            return eprintln!("skipped: mlock: {e}");
        }
        assert!(resident(&mapping) >= 1);
        let drop_it = |t: &crate::common::Case| {
            t.get(t.madvise(mapping.clone(), PAGE..2 * PAGE, MemoryAdvice::DONT_NEED))
        };
        assert_eq!(errno(drop_it(t)), Errno::INVAL, "locked pages cannot be dropped");
        t.get(t.munlock(mapping.clone(), PAGE + 10..PAGE + 20)).unwrap();
        drop_it(t).unwrap();
        t.get(t.munlockall()).unwrap();
        // Only what will be mapped is locked, in pieces as it is touched, so that this costs nothing.
        let flags = MlockAllFlags::CURRENT | MlockAllFlags::ONFAULT;
        match t.get(t.mlockall(flags)) {
            Ok(()) => t.get(t.munlockall()).unwrap(),
            Err(e) => eprintln!("skipped: mlockall: {e}"),
        }
        assert_eq!(errno(t.get(t.mlockall(MlockAllFlags::empty()))), Errno::INVAL);
    });
}

#[test]
fn advice_reaches_the_kernel() {
    each_route(|t| {
        let mapping = Mapping::anonymous(4 * PAGE).unwrap();
        set(&mapping, 0, 1);
        set(&mapping, PAGE, 2);
        t.get(t.madvise(mapping.clone(), ..PAGE, MemoryAdvice::DONT_NEED)).unwrap();
        assert_eq!((bytes(&mapping)[0], bytes(&mapping)[PAGE]), (0, 2));
        let nonsense = MemoryAdvice::from_raw(12345);
        assert_eq!(errno(t.get(t.madvise(mapping.clone(), .., nonsense))), Errno::INVAL);
        assert_eq!(errno(t.get(t.madvise(mapping.clone(), 1.., MemoryAdvice::NORMAL))), Errno::INVAL);
    });
}

#[test]
fn ranges_that_are_not_inside() {
    each_route(|t| {
        let mapping = Mapping::anonymous(2 * PAGE).unwrap();
        let len = mapping.len();
        for range in [len..len + 1, len + 1..len + 1, 0..usize::MAX, usize::MAX..usize::MAX] {
            let m = || mapping.clone();
            assert_eq!(errno(t.get(t.msync(m(), range.clone(), MsyncFlags::SYNC))), Errno::INVAL);
            assert_eq!(errno(t.get(t.mtouch(m(), range.clone(), false))), Errno::INVAL);
            assert_eq!(errno(t.get(t.mlock(m(), range.clone()))), Errno::INVAL);
            assert_eq!(errno(t.get(t.munlock(m(), range.clone()))), Errno::INVAL);
            assert_eq!(errno(t.get(t.madvise(m(), range, MemoryAdvice::NORMAL))), Errno::INVAL);
        }
        let all = ..=usize::MAX;
        assert_eq!(errno(t.get(t.mtouch(mapping.clone(), all, false))), Errno::INVAL);
        t.get(t.mtouch(mapping.clone(), len..len, false)).unwrap();
    });
    assert!(Mapping::anonymous(0).is_err());
    let pipe = std::io::pipe().unwrap().0;
    assert!(Mapping::of_file(&File::from(std::os::fd::OwnedFd::from(pipe)), 0, 1).is_err());
}
