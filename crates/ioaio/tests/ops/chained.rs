//! open_read, write_sync.

use std::fs;

use ioaio::{Aio, File};

use crate::common::{by_channel, drive, each_route, in_child};

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
        let fifo = dir.path().join("fifo");
        let _ = rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU);
        let writer = fs::File::options().read(true).write(true).open(&fifo).unwrap();
        rustix::io::write(&writer, b"abc").unwrap();
        let (n, buf) = t.get(t.open_read(&fifo, vec![0; 5], 1));
        assert_eq!(&buf[..n.unwrap()], b"abc", "no offset in a pipe");
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

/// An engine with nothing but a ring that has linked entries and direct descriptors; `None` where there is none.
fn ring_alone() -> Option<Aio> {
    let aio = Aio::builder().inline(false).pool(false).build().unwrap();
    if !aio.backend().ring {
        eprintln!("skipped: {}", aio.backend().ring_off.unwrap_or_default());
        return None;
    }
    let _ = aio.open_read("/", vec![0; 8], 0).wait();
    if aio.stats().ring == 0 {
        eprintln!("skipped: this kernel's ring opens no files without a descriptor");
        return None;
    }
    Some(aio)
}

#[test]
fn a_chain_is_the_kernels_and_leaves_nothing_open() {
    let Some(aio) = ring_alone() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "data").unwrap();
    let before = aio.stats();
    let fifo = dir.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    // More than there are slots, of all endings: short, empty, none to open, none to read.
    for _ in 0..2_000 {
        let (n, buf) = aio.open_read(&path, vec![0; 9], 1).wait();
        assert_eq!(&buf[..n.unwrap()], b"ata");
        assert_eq!(aio.open_read(&path, vec![0; 9], 9).wait().0.unwrap(), 0);
        assert!(aio.open_read(dir.path().join("none"), vec![0; 9], 0).wait().0.is_err());
        assert!(aio.open_read(dir.path(), vec![0; 9], 0).wait().0.is_err());
    }
    assert_eq!(aio.stats().ring - before.ring, 8_000);
    assert_eq!(aio.stats().pool, before.pool);
    // A file that is still open in a slot would keep the pipe's end.
    let writer = fs::File::options().read(true).write(true).open(&fifo).unwrap();
    rustix::io::write(&writer, b"12").unwrap();
    assert_eq!(aio.open_read(&fifo, vec![0; 2], 0).wait().0.unwrap(), 2);
    drop(writer);
    let open = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
    let error = rustix::fs::open(&fifo, open, rustix::fs::Mode::empty()).unwrap_err();
    assert_eq!(error, rustix::io::Errno::NXIO, "nobody reads from it");
}

#[test]
fn many_chains_at_once_all_end() {
    let Some(aio) = ring_alone() else { return };
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "data").unwrap();
    let file = File::from(fs::File::create(dir.path().join("synced")).unwrap());
    let name = |i: usize| dir.path().join(["file", "none"][i % 2]);
    let reads: Vec<_> = (0..3_000).map(|i| by_channel(aio.open_read(name(i), vec![0; 9], 0))).collect();
    let writes: Vec<_> = (0..100u64).map(|i| by_channel(aio.write_sync(&file, "four", i * 4))).collect();
    drive(&aio);
    for (i, read) in reads.iter().enumerate() {
        let (res, _) = read.try_recv().unwrap();
        assert_eq!(res.is_ok_and(|n| n == 4), i % 2 == 0);
    }
    assert!(writes.iter().all(|write| write.try_recv().unwrap().0.is_ok()));
    assert_eq!(fs::read(dir.path().join("synced")).unwrap(), b"four".repeat(100));
}

#[test]
fn a_chain_can_be_cancelled_at_any_time() {
    let Some(aio) = ring_alone() else { return };
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    fs::write(dir.path().join("file"), "data").unwrap();
    for i in 0..500 {
        let (give, take) = std::sync::mpsc::channel();
        let request = aio.open_read(dir.path().join("file"), vec![0; 9], 0);
        let handle = request.then(move |(res, _)| give.send(res).unwrap());
        for _ in 0..i % 7 {
            aio.poll().unwrap();
        }
        handle.cancel();
        drive(&aio);
        match take.try_recv().unwrap() {
            Ok(n) => assert_eq!(n, 4),
            Err(e) => assert_eq!(e.raw_os_error(), Some(libc::ECANCELED)),
        }
    }
    // One that waits for somebody to write to the pipe.
    let (give, take) = std::sync::mpsc::channel();
    let handle = aio.open_read(&fifo, vec![0; 9], 0).then(move |(res, _)| give.send(res).unwrap());
    aio.poll().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(20));
    handle.cancel();
    drive(&aio);
    assert_eq!(take.try_recv().unwrap().unwrap_err().raw_os_error(), Some(libc::ECANCELED));
}

#[test]
fn an_engine_ends_with_chains_in_flight() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "data").unwrap();
    for _ in 0..50 {
        let Some(aio) = ring_alone() else { return };
        for _ in 0..20 {
            aio.open_read(dir.path().join("file"), vec![0; 9], 0).then(drop);
        }
    }
}
