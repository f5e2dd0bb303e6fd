//! allocate, fadvise; sync_file_range, syncfs, sync.

use ioaio::{Advice, FallocateFlags, File};
use rustix::io::Errno;

use crate::common::{each_route, errno};

const PAGE: u64 = 4096;

#[test]
fn allocate_grows_keeps_and_punches() {
    each_route(|t| {
        let file = File::from(tempfile::tempfile().unwrap());
        let allocate = |mode, offset, len| t.get(t.allocate(&file, mode, offset, len));
        let found = || t.get(t.fstat(&file)).unwrap();
        if let Err(e) = allocate(FallocateFlags::empty(), 0, 4 * PAGE) {
            assert_eq!(e.raw_os_error(), Some(libc::EOPNOTSUPP), "{e}");
            return eprintln!("skipped: allocate: {e}");
        }
        assert_eq!(found().len(), 4 * PAGE);
        allocate(FallocateFlags::KEEP_SIZE, 4 * PAGE, 4 * PAGE).unwrap();
        assert_eq!(found().len(), 4 * PAGE);
        t.get(t.write_at(&file, vec![1; 4 * PAGE as usize], 0)).0.unwrap();
        let before = found().blocks();
        allocate(FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, PAGE, PAGE).unwrap();
        assert!(found().blocks() < before, "the hole takes no space");
        let (n, data) = t.get(t.read_at(&file, vec![9; 3 * PAGE as usize], 0));
        assert_eq!(n.unwrap(), 3 * PAGE as usize);
        assert!(data.iter().zip(0..).all(|(&byte, at)| byte == u8::from(at / PAGE != 1)));
        assert_eq!(errno(allocate(FallocateFlags::empty(), 0, 0)), Errno::INVAL);
        assert_eq!(errno(allocate(FallocateFlags::empty(), u64::MAX, 1)), Errno::INVAL);
        assert_eq!(errno(allocate(FallocateFlags::empty(), 0, 1 << 63)), Errno::INVAL);
        assert_eq!(
            errno(allocate(FallocateFlags::PUNCH_HOLE, 0, PAGE)),
            Errno::OPNOTSUPP,
            "must keep the size"
        );
    });
}

#[test]
fn allocate_needs_a_file_open_for_writing() {
    let path = tempfile::NamedTempFile::new().unwrap();
    each_route(|t| {
        let file = t.get(t.open(path.path())).unwrap();
        assert_eq!(errno(t.get(t.allocate(&file, FallocateFlags::empty(), 0, 1))), Errno::BADF);
    });
}

#[test]
fn fadvise_takes_every_advice() {
    use Advice::*;
    each_route(|t| {
        let file = File::from(tempfile::tempfile().unwrap());
        for advice in [Normal, Sequential, Random, NoReuse, WillNeed, DontNeed] {
            t.get(t.fadvise(&file, 0, 0, advice)).unwrap();
            t.get(t.fadvise(&file, 5, 7, advice)).unwrap();
        }
        assert_eq!(errno(t.get(t.fadvise(&file, 1 << 63, 0, Normal))), Errno::INVAL);
        let (reader, _writer) = t.get(t.pipe(ioaio::PipeFlags::empty())).unwrap();
        assert_eq!(errno(t.get(t.fadvise(&reader, 0, 0, Normal))), Errno::SPIPE);
    });
}

#[test]
fn ranges_and_file_systems_are_written() {
    each_route(|t| {
        let file = File::from(tempfile::tempfile().unwrap());
        t.get(t.write_at(&file, "data", 0)).0.unwrap();
        t.get(t.sync_file_range(&file, 0, 4, 7)).unwrap();
        t.get(t.sync_file_range(&file, 0, 0, 0)).unwrap();
        assert_eq!(errno(t.get(t.sync_file_range(&file, 0, 0, 8))), Errno::INVAL);
        assert_eq!(errno(t.get(t.sync_file_range(&file, 1 << 63, 0, 2))), Errno::INVAL);
        let path = t.get(t.open("/").flags(ioaio::OFlags::PATH)).unwrap();
        assert_eq!(errno(t.get(t.syncfs(&path))), Errno::BADF);
    });
    // A memory file system is synced at once; the disk's may take its time.
    let shm = std::fs::File::open("/dev/shm").or_else(|_| std::fs::File::open("/proc")).unwrap();
    let aio = ioaio::Aio::new().unwrap();
    aio.syncfs(&File::from(shm)).wait().unwrap();
}
