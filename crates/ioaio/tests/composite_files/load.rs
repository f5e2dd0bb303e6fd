//! load.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use ioaio::{Aio, Faults};

use crate::common::each_route;
use crate::{bytes, errno};

#[test]
fn any_length_is_loaded() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    for len in [0, 1, 4095, 4096, 65536, 65537, 9 << 20] {
        let data = bytes(len);
        fs::write(&path, &data).unwrap();
        each_route(|t| {
            assert!(t.get(t.load(&path)).unwrap() == data, "{len}");
            assert!(t.get(t.load(&path)).unwrap() == data, "{len}, perhaps inline");
        });
    }
}

#[test]
fn warm_small_files_are_loaded_inline() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "hello").unwrap();
    let aio = Aio::new().unwrap();
    let file = aio.open(&path).wait().unwrap();
    let _ = aio.read_at(&file, Vec::with_capacity(5), 0).wait(); // learns the mount
    let before = aio.stats().inline;
    let _ = aio.fstat(&file).wait();
    if aio.stats().inline == before {
        return eprintln!("skipped: {} is not on a file system known to be local", dir.path().display());
    }
    let before = aio.stats();
    assert_eq!(aio.load(&path).wait().unwrap(), b"hello");
    assert_eq!((aio.stats().inline, aio.stats().pool), (before.inline + 1, before.pool));
}

#[test]
fn offset_and_limit_cut_exactly() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let data = bytes(10_000);
    fs::write(&path, &data).unwrap();
    each_route(|t| {
        for offset in [0, 1, 4096, 9_999, 10_000, 10_001, i64::MAX as u64] {
            let from = data.len().min(usize::try_from(offset).unwrap());
            assert_eq!(t.get(t.load(&path).offset(offset)).unwrap(), data[from..]);
        }
        assert_eq!(errno(t.get(t.load(&path).offset(1 << 63))), Some(libc::EINVAL));
        assert_eq!(t.get(t.load(&path).limit(10_000)).unwrap(), data);
        assert_eq!(errno(t.get(t.load(&path).limit(9_999))), Some(libc::EFBIG));
        assert_eq!(t.get(t.load(&path).limit(9_999).offset(1)).unwrap(), data[1..]);
        assert_eq!(t.get(t.load(&path).limit(77).truncate(true)).unwrap(), data[..77]);
        assert_eq!(t.get(t.load(&path).limit(0).truncate(true)).unwrap(), b"");
        assert_eq!(errno(t.get(t.load(&path).limit(0))), Some(libc::EFBIG));
    });
}

#[test]
fn files_that_tell_no_size_are_loaded_to_their_end() {
    each_route(|t| {
        for path in ["/proc/cpuinfo", "/proc/version", "/proc/self/limits", "/proc/filesystems"] {
            let data = t.get(t.load(path)).unwrap();
            assert!(!data.is_empty(), "{path}");
            // The speed of a CPU may change meanwhile.
            let text = |data: Vec<u8>| String::from_utf8_lossy(&data).lines().count();
            assert_eq!(text(data), text(fs::read(path).unwrap()), "{path}");
        }
        // Tells 4096.
        let path = "/sys/kernel/mm/transparent_hugepage/enabled";
        if let Ok(data) = fs::read(path) {
            assert_eq!(t.get(t.load(path)).unwrap(), data);
        }
        let whole = fs::read("/proc/version").unwrap();
        assert_eq!(t.get(t.load("/proc/version").limit(5).truncate(true)).unwrap(), whole[..5]);
        assert_eq!(errno(t.get(t.load("/proc/version").limit(5))), Some(libc::EFBIG));
        assert_eq!(errno(t.get(t.load("/dev/zero").limit(1 << 20))), Some(libc::EFBIG));
        assert_eq!(t.get(t.load("/dev/zero").limit(70_000).truncate(true)).unwrap(), vec![0; 70_000]);
    });
}

#[test]
fn a_size_that_no_memory_holds_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    // ext4 has 16 TiB at the most; more than any address space is on tmpfs.
    for dir in [dir.path(), "/dev/shm".as_ref()] {
        let Ok(file) = tempfile::NamedTempFile::new_in(dir) else { continue };
        if file.as_file().set_len(i64::MAX as u64).is_err() {
            eprintln!("skipped: no sparse file of 2^63-1 bytes in {}", dir.display());
            continue;
        }
        let aio = Aio::new().unwrap();
        assert_eq!(errno(aio.load(file.path()).wait()), Some(libc::ENOMEM));
        assert_eq!(errno(aio.load(file.path()).limit(1 << 20).wait()), Some(libc::EFBIG));
        assert_eq!(aio.load(file.path()).limit(10).truncate(true).wait().unwrap(), [0; 10]);
    }
}

#[test]
fn errors_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
    let secret = dir.path().join("secret");
    fs::write(&secret, "x").unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o0)).unwrap();
    each_route(|t| {
        let error = t.get(t.load(dir.path().join("none"))).unwrap_err();
        assert_eq!((error.call(), error.raw_os_error()), ("openat", Some(libc::ENOENT)));
        assert_eq!(error.path(), dir.path().join("none"));
        assert_eq!(errno(t.get(t.load(dir.path()))), Some(libc::EISDIR));
        assert_eq!(errno(t.get(t.load(&fifo))), Some(libc::ESPIPE), "and no wait for a writer");
        assert_eq!(errno(t.get(t.load(""))), Some(libc::ENOENT));
        assert_eq!(errno(t.get(t.load("a\0b"))), Some(libc::EINVAL));
        match fs::read(&secret) {
            Ok(data) => assert_eq!(t.get(t.load(&secret)).unwrap(), data),
            Err(e) => assert_eq!(errno(t.get(t.load(&secret))), e.raw_os_error()),
        }
        let etc = ioaio::Dir::open("/etc").unwrap();
        assert_eq!(t.get(t.load("passwd").at(&etc)).unwrap(), fs::read("/etc/passwd").unwrap());
    });
}

#[test]
fn every_fault_comes_through() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, bytes(5 << 20)).unwrap();
    let run = |plan: &Faults| {
        let aio = Aio::builder().faults(plan.clone()).build().unwrap();
        aio.load(&path).wait()
    };
    let plan = Faults::new(1);
    assert_eq!(run(&plan).unwrap(), bytes(5 << 20));
    assert!(plan.asked() >= 4, "load, openat, statx, pread");
    for n in 0..plan.asked() {
        assert_eq!(errno(run(&Faults::new(1).fail_nth(n, libc::EIO))), Some(libc::EIO), "step {n}");
    }
}
