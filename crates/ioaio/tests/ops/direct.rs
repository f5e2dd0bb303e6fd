//! Reads and writes past the page cache.

use ioaio::{AlignedBuf, OFlags};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{each_route, errno};

/// Enough for every device.
const BLOCK: usize = 4096;

#[test]
fn direct_io_wants_aligned_buffers_lengths_and_offsets() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("file");
    each_route(|t| {
        std::fs::write(&path, vec![1; 3 * BLOCK + 10]).unwrap();
        let file = match t.get(t.open(&path).flags(OFlags::RDWR | OFlags::DIRECT)) {
            Err(e) if Errno::from_io_error(&e) == Some(Errno::INVAL) => {
                return eprintln!(
                    "skipped: O_DIRECT: refused by the file system of {}",
                    dir.path().display()
                );
            }
            file => file.unwrap(),
        };
        let mut buf = AlignedBuf::new(2 * BLOCK, BLOCK);
        assert_eq!(buf.as_ptr() as usize % BLOCK, 0);
        buf.fill(7);
        let (n, buf) = t.get(t.write_at(&file, buf, BLOCK as u64));
        assert_eq!(n.unwrap(), 2 * BLOCK);
        let (n, buf) = t.get(t.read_at(&file, buf, 0));
        assert_eq!(n.unwrap(), 2 * BLOCK);
        assert!(buf[..BLOCK].iter().all(|&b| b == 1) && buf[BLOCK..].iter().all(|&b| b == 7));
        let (n, buf) = t.get(t.read_at(&file, buf, 3 * BLOCK as u64));
        assert_eq!(n.unwrap(), 10, "short at the end of the file");
        let (n, buf) = t.get(t.read_at(&file, buf, 0).len(BLOCK));
        assert_eq!(n.unwrap(), BLOCK);
        let (n, buf) = t.get(t.read_at(&file, buf, 1));
        assert_eq!(errno(n), Errno::INVAL, "offset");
        let (n, buf) = t.get(t.read_at(&file, buf, 0).len(BLOCK - 1));
        assert_eq!(errno(n), Errno::INVAL, "length");
        assert_eq!(buf.len(), 2 * BLOCK);
        assert_eq!(errno(t.get(t.write_at(&file, vec![0; 100], 0)).0), Errno::INVAL, "length");
    });
}
