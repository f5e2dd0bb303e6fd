//! open_read, write_sync.

use std::fs;

use ioaio::{Aio, File};

use crate::common::{each_route, in_child};

#[test]
fn open_read_is_open_read_and_close() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let data: Vec<u8> = (0..10_000u32).map(|i| i as u8).collect();
    fs::write(&path, &data).unwrap();
    let handle = ioaio::Dir::open(dir.path()).unwrap();
    each_route(|t| {
        for (offset, room) in [(0, 16), (9_990, 100), (10_000, 10), (0, 10_000), (5, 0)] {
            let (n, buf) = t.get(t.open_read(&path, vec![0; room].into_boxed_slice(), offset));
            let expected = &data[offset as usize..data.len().min(offset as usize + room)];
            assert_eq!(&buf[..n.unwrap()], expected);
        }
        let (n, _) = t.get(t.open_read("file", Vec::with_capacity(8), 0).at(&handle));
        assert_eq!(n.unwrap(), 8);
        let errno = |path, offset| {
            let (res, buf) = t.get(t.open_read(dir.path().join(path), vec![7u8; 3], offset));
            assert_eq!(buf, [7, 7, 7], "the buffer comes back as it was");
            res.unwrap_err().raw_os_error()
        };
        assert_eq!(errno("none", 0), Some(libc::ENOENT));
        assert_eq!(errno("", 0), Some(libc::EISDIR));
        assert_eq!(errno("file", 1 << 63), Some(libc::EINVAL));
        assert_eq!(errno("a\0b", 0), Some(libc::EINVAL));
    });
}

#[test]
fn a_read_that_fails_leaves_nothing_open() {
    in_child(|| {
        let limit = rustix::process::Rlimit { current: Some(40), maximum: Some(40) };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
        let aio = Aio::new().unwrap();
        for _ in 0..100 {
            let (res, _) = aio.open_read("/", vec![0; 8], 0).wait();
            assert_eq!(res.unwrap_err().raw_os_error(), Some(libc::EISDIR));
        }
    });
}

#[test]
fn write_sync_writes_all_and_then_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let open = |path: &std::path::Path| {
        File::from(fs::OpenOptions::new().write(true).create(true).truncate(false).open(path).unwrap())
    };
    each_route(|t| {
        let path = dir.path().join("file");
        let _ = fs::remove_file(&path);
        let file = open(&path);
        let (res, back) = t.get(t.write_sync(&file, vec![1u8; 100_000], 0));
        res.unwrap();
        assert_eq!(back.len(), 100_000);
        t.get(t.write_sync(&file, "abc", 99_998).data_only(true)).0.unwrap();
        let mut expected = vec![1u8; 99_998];
        expected.extend(b"abc");
        assert_eq!(fs::read(&path).unwrap(), expected);
        let errno =
            |file: &File, offset| t.get(t.write_sync(file, "x", offset)).0.unwrap_err().raw_os_error();
        assert_eq!(errno(&open("/dev/full".as_ref()), 0), Some(libc::ENOSPC), "of the write");
        assert_eq!(errno(&open("/dev/null".as_ref()), 0), Some(libc::EINVAL), "of the sync");
        assert_eq!(errno(&file, 1 << 63), Some(libc::EINVAL));
    });
}
