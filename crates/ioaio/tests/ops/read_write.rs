//! read_at, read, write_at, write, readahead.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use ioaio::{File, OFlags};
use rustix::io::Errno;
use tempfile::{tempdir, tempfile};

use crate::common::{each_route, errno};

/// Where the kernel's signed offsets end.
const END: u64 = i64::MAX as u64;

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 % 251) as u8).collect()
}

/// A file for the engine, and the same one for std.
fn file_of(bytes: &[u8]) -> (File, fs::File) {
    let std = tempfile().unwrap();
    std.write_all_at(bytes, 0).unwrap();
    (std.try_clone().unwrap().into(), std)
}

#[test]
fn read_at_gives_what_is_there() {
    let all = content(10_000);
    each_route(|t| {
        let (file, _) = file_of(&all);
        for offset in [0, 1, 4095, 4096, 9_999, 10_000, 10_001, 1 << 40, END - 8192] {
            for len in [0, 1, 7, 4096, 4097] {
                let (n, buf) = t.get(t.read_at(&file, Vec::with_capacity(len), offset));
                let start = (offset as usize).min(all.len());
                let end = (start + buf.capacity()).min(all.len());
                assert_eq!((n.unwrap(), &buf[..]), (end - start, &all[start..end]), "{len} at {offset}");
            }
        }
    });
}

#[test]
fn large_reads_and_writes_are_whole() {
    let all = content(3 << 20);
    each_route(|t| {
        let (file, std) = file_of(b"");
        let (n, buf) = t.get(t.write_at(&file, all.clone(), 5));
        assert_eq!((n.unwrap(), buf.len()), (all.len(), all.len()));
        let mut back = vec![0; all.len()];
        std.read_exact_at(&mut back, 5).unwrap();
        assert!(back == all);
        let (n, back) = t.get(t.read_at(&file, vec![0; all.len()], 5));
        assert!(n.unwrap() == all.len() && back == all);
    });
}

#[test]
fn absurd_offsets_are_refused() {
    each_route(|t| {
        let (file, std) = file_of(b"hello");
        for offset in [1 << 63, (1 << 63) + 1, u64::MAX - 1, u64::MAX] {
            let (n, buf) = t.get(t.read_at(&file, vec![1; 8], offset));
            assert_eq!((errno(n), &buf[..]), (Errno::INVAL, &[1; 8][..]), "read at {offset}");
            assert_eq!(errno(t.get(t.read_at(&file, vec![0; 0], offset)).0), Errno::INVAL);
            let (n, buf) = t.get(t.write_at(&file, "x", offset));
            assert_eq!((errno(n), buf), (Errno::INVAL, "x"), "write at {offset}");
            assert_eq!(errno(t.get(t.readahead(&file, offset, 1))), Errno::INVAL);
        }
        // The last offset there is, and ranges that end behind it.
        for (offset, len) in [(END, 0), (END, 1), (END, 4096), (END - 4095, 4096), (END - 4096, 4096)] {
            let mut expected = vec![0; len];
            let std_read = std.read_at(&mut expected, offset).map_err(|e| e.raw_os_error());
            let own = t.get(t.read_at(&file, vec![0; len], offset)).0.map_err(|e| e.raw_os_error());
            assert_eq!(own, std_read, "read {len} at {offset}");
            let std_write = std.write_at(&vec![1; len], offset).map_err(|e| e.raw_os_error());
            let own = t.get(t.write_at(&file, vec![1; len], offset)).0.map_err(|e| e.raw_os_error());
            assert_eq!(own, std_write, "write {len} at {offset}");
        }
        assert_eq!(std.metadata().unwrap().len(), 5);
    });
}

#[test]
fn a_vec_is_filled_to_its_capacity_and_gets_the_length_read() {
    each_route(|t| {
        let (file, _) = file_of(b"hello world");
        let mut buf = Vec::with_capacity(100);
        buf.extend_from_slice(b"old contents");
        let (n, buf) = t.get(t.read_at(&file, buf, 6));
        assert_eq!((n.unwrap(), &buf[..]), (5, &b"world"[..]));
        assert!(buf.capacity() >= 100);
        let (n, buf) = t.get(t.read_at(&file, buf, 11));
        assert_eq!((n.unwrap(), buf.len()), (0, 0), "nothing at the end of the file");
        let (n, buf) = t.get(t.read_at(&file, buf, 0).len(4));
        assert_eq!((n.unwrap(), &buf[..]), (4, &b"hell"[..]), "no more than asked for");
        let (n, buf) = t.get(t.read_at(&file, buf, 0).len(0));
        assert_eq!((n.unwrap(), &buf[..]), (0, &b""[..]));
        let (n, buf) = t.get(t.read_at(&file, Vec::<u8>::new(), 0));
        assert_eq!((n.unwrap(), buf.capacity()), (0, 0), "no room");
        let write = File::from(OwnedFd::from(fs::File::options().write(true).open("/dev/null").unwrap()));
        let (n, buf) = t.get(t.read_at(&write, b"kept".to_vec(), 0));
        assert_eq!((errno(n), &buf[..]), (Errno::BADF, &b"kept"[..]), "an error changes nothing");
    });
}

#[test]
fn other_buffers_keep_their_length() {
    each_route(|t| {
        let (file, std) = file_of(b"hello");
        let (n, buf) = t.get(t.read_at(&file, vec![9; 8].into_boxed_slice(), 0));
        assert_eq!((n.unwrap(), &buf[..]), (5, &b"hello\x09\x09\x09"[..]));
        let arc: Arc<[u8]> = Arc::from(&b"shared"[..]);
        let (n, back) = t.get(t.write_at(&file, arc.clone(), 0));
        assert_eq!(n.unwrap(), 6);
        assert!(Arc::ptr_eq(&arc, &back));
        assert_eq!(t.get(t.write_at(&file, &b"static"[..], 6)).0.unwrap(), 6);
        assert_eq!(t.get(t.write_at(&file, vec![b'!'; 2].into_boxed_slice(), 12)).0.unwrap(), 2);
        let mut all = [0; 14];
        std.read_exact_at(&mut all, 0).unwrap();
        assert_eq!(&all, b"sharedstatic!!");
    });
}

#[test]
fn writes_leave_holes_and_overwrite() {
    each_route(|t| {
        let (file, std) = file_of(b"");
        assert_eq!(t.get(t.write_at(&file, "end", 5000)).0.unwrap(), 3);
        assert_eq!(t.get(t.write_at(&file, "mid", 4999)).0.unwrap(), 3);
        assert_eq!(t.get(t.write_at(&file, "", 9000)).0.unwrap(), 0);
        let mut all = vec![1; 5004];
        assert_eq!(std.read_at(&mut all, 0).unwrap(), 5003);
        assert!(all[..4999].iter().all(|&b| b == 0));
        assert_eq!(&all[4999..5003], b"midd");
    });
}

#[test]
fn read_and_write_move_the_position() {
    each_route(|t| {
        let (file, std) = file_of(b"");
        for part in ["one ", "two ", "three"] {
            assert_eq!(t.get(t.write(&file, part)).0.unwrap(), part.len());
        }
        assert_eq!(rustix::fs::tell(&std).unwrap(), 13);
        rustix::fs::seek(&std, rustix::fs::SeekFrom::Start(4)).unwrap();
        assert_eq!(t.get(t.read_at(&file, vec![0; 3], 0)).1, b"one", "positional: the position stays");
        assert_eq!(t.get(t.read(&file, vec![0; 4])).1, b"two ");
        assert_eq!(t.get(t.write_at(&file, "X", 8)).0.unwrap(), 1);
        assert_eq!(t.get(t.read(&file, Vec::with_capacity(64))).1, b"Xhree");
        let (n, buf) = t.get(t.read(&file, vec![0; 4]));
        assert_eq!((n.unwrap(), buf.len()), (0, 0));
        assert_eq!(rustix::fs::tell(&std).unwrap(), 13);
    });
}

#[test]
fn files_of_the_wrong_mode_are_refused() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "hello").unwrap();
    each_route(|t| {
        let read = t.get(t.open(&path)).unwrap();
        assert_eq!(errno(t.get(t.write_at(&read, "x", 0)).0), Errno::BADF);
        assert_eq!(errno(t.get(t.write(&read, "x")).0), Errno::BADF);
        let write = t.get(t.open(&path).flags(OFlags::WRONLY)).unwrap();
        assert_eq!(errno(t.get(t.read_at(&write, vec![0; 9], 0)).0), Errno::BADF);
        assert_eq!(errno(t.get(t.read(&write, vec![0; 9])).0), Errno::BADF);
        let dir = t.get(t.open(dir.path())).unwrap();
        assert_eq!(errno(t.get(t.read_at(&dir, vec![0; 9], 0)).0), Errno::ISDIR);
        assert_eq!(errno(t.get(t.read(&dir, vec![0; 9])).0), Errno::ISDIR);
        assert_eq!(errno(t.get(t.write_at(&dir, "x", 0)).0), Errno::BADF);
    });
    assert_eq!(fs::read(&path).unwrap(), b"hello");
}

#[test]
fn a_position_in_a_file_that_has_none_is_refused() {
    each_route(|t| {
        let (reader, writer) = std::io::pipe().unwrap();
        let (reader, writer) = (File::from(OwnedFd::from(reader)), File::from(OwnedFd::from(writer)));
        assert_eq!(errno(t.get(t.write_at(&writer, "lost", 0)).0), Errno::SPIPE);
        assert_eq!(t.get(t.write(&writer, "kept")).0.unwrap(), 4);
        assert_eq!(errno(t.get(t.read_at(&reader, vec![0; 9], 0)).0), Errno::SPIPE);
        assert_eq!(errno(t.get(t.readahead(&reader, 0, 1))), Errno::INVAL);
        assert_eq!(errno(t.get(t.readahead(&writer, 0, 1))), Errno::BADF);
        assert_eq!(t.get(t.read(&reader, vec![0; 9])).1, b"kept");
    });
}

#[test]
fn devices_are_read_at_an_offset() {
    each_route(|t| {
        let zero = t.get(t.open("/dev/zero")).unwrap();
        assert_eq!(t.get(t.read_at(&zero, vec![1; 70_000], 12345)).1, vec![0; 70_000]);
        let null = t.get(t.open("/dev/null").flags(OFlags::RDWR)).unwrap();
        assert_eq!(t.get(t.write_at(&null, vec![1; 70_000], 0)).0.unwrap(), 70_000);
        assert_eq!(t.get(t.read_at(&null, vec![1; 10], 0)).0.unwrap(), 0);
        let full = t.get(t.open("/dev/full").flags(OFlags::WRONLY)).unwrap();
        assert_eq!(errno(t.get(t.write_at(&full, "x", 0)).0), Errno::NOSPC);
    });
}

#[test]
fn readahead_takes_any_range() {
    each_route(|t| {
        let (file, std) = file_of(&content(10_000));
        for (offset, len) in [(0, 0), (0, 1), (1, 9_999), (4096, 4096), (20_000, 1), (END, 0), (END, 1)] {
            t.get(t.readahead(&file, offset, len)).unwrap();
        }
        assert_eq!(errno(t.get(t.readahead(&file, 0, usize::MAX))), Errno::INVAL);
        assert_eq!(rustix::fs::tell(&std).unwrap(), 0);
        let path = t.get(t.open("/").flags(OFlags::PATH)).unwrap();
        assert_eq!(errno(t.get(t.readahead(&path, 0, 1))), Errno::BADF);
    });
}

/// The ring would not take the position's lock: requests would get the same bytes.
#[test]
fn requests_at_the_position_share_it() {
    const BLOCK: usize = 4096;
    const COUNT: u8 = 16;
    each_route(|t| {
        let dir = tempdir().unwrap();
        for flags in [OFlags::RDWR, OFlags::RDWR | OFlags::DIRECT] {
            let path = dir.path().join("file");
            let opened = t.get(t.open(&path).flags(flags | OFlags::CREATE | OFlags::TRUNC));
            let Ok(file) = opened else { continue }; // no O_DIRECT here
            let block = |i: u8| {
                let mut block = ioaio::AlignedBuf::new(BLOCK, BLOCK);
                block.fill(i);
                block
            };
            for i in 0..COUNT {
                t.write(&file, block(i)).then(|(n, _)| assert_eq!(n.unwrap(), BLOCK));
            }
            t.flush().unwrap();
            assert_eq!(fs::metadata(&path).unwrap().len(), u64::from(COUNT) * BLOCK as u64);
            t.get(t.seek(&file, std::io::SeekFrom::Start(0))).unwrap();
            let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
            for _ in 0..COUNT {
                let seen = seen.clone();
                t.read(&file, block(0)).then(move |(n, block)| {
                    assert_eq!(n.unwrap(), BLOCK);
                    seen.lock().unwrap().push(block[0]);
                });
            }
            t.flush().unwrap();
            let mut seen = seen.lock().unwrap().clone();
            seen.sort_unstable();
            assert_eq!(seen, (0..COUNT).collect::<Vec<_>>());
        }
    });
}
