//! Registered buffers and files.

use std::cell::RefCell;
use std::os::unix::fs::FileExt;

use ioaio::{Aio, File, OFlags, RegisteredBuf, Slice};
use rustix::io::Errno;
use tempfile::{NamedTempFile, tempfile};

use crate::common::{Case, each_route, errno, in_child};

/// A registered buffer; says so where the kernel does not allow any.
fn buf(aio: &Aio, len: usize) -> Option<RegisteredBuf> {
    match aio.registered_buf(len) {
        Err(e) if matches!(Errno::from_io_error(&e), Some(Errno::NOMEM | Errno::INVAL)) => {
            eprintln!("skipped: registered buffers: {e}");
            None
        }
        made => {
            let made = made.unwrap();
            assert_eq!(made.is_registered(), aio.backend().ring);
            Some(made)
        }
    }
}
fn file(t: &Case, std: &std::fs::File, registered: bool) -> File {
    let file = File::from(std.try_clone().unwrap());
    if registered {
        t.register_file(&file).unwrap();
        assert_eq!(file.is_registered(), t.backend().ring);
    }
    file
}

#[test]
fn reads_and_writes_are_as_with_any_other() {
    each_route(|t| {
        let std = tempfile().unwrap();
        for (known_file, known_buf) in [(false, true), (true, false), (true, true)] {
            let file = file(t, &std, known_file);
            let Some(mut one) = buf(t, 5000) else { return };
            assert_eq!((one.len(), one[0]), (8192, 0), "whole pages of zeros");
            one.fill(7);
            std.set_len(0).unwrap();
            if known_buf {
                let (n, part) = t.get(t.write_at(&file, Slice::of(one, 10..30).unwrap(), 100));
                assert_eq!(n.unwrap(), 20);
                one = part.into_inner();
                let (n, back) = t.get(t.read_at(&file, one, 90));
                assert_eq!(n.unwrap(), 30);
                assert!(back[..10] == [0; 10] && back[10..8192].iter().all(|byte| *byte == 7));
                t.get(t.seek(&file, std::io::SeekFrom::Start(100))).unwrap();
                let (n, part) = t.get(t.read(&file, Slice::fill(back, 8..12).unwrap()));
                assert_eq!(
                    (n.unwrap(), &part.into_inner()[..13]),
                    (4, &[0, 0, 0, 0, 0, 0, 0, 0, 7, 7, 7, 7, 7][..])
                );
            } else {
                assert_eq!(t.get(t.write_at(&file, "hello", 3)).0.unwrap(), 5);
                assert_eq!(t.get(t.read_at(&file, vec![0; 9], 0)).1, b"\0\0\0hello");
            }
        }
        let (reader, writer) = t.get(t.pipe(ioaio::PipeFlags::empty())).unwrap();
        t.register_file(&writer).unwrap();
        assert_eq!(t.get(t.write(&writer, "pipe")).0.unwrap(), 4);
        assert_eq!(errno(t.get(t.read(&writer, vec![0; 1])).0), Errno::BADF);
        assert_eq!(t.get(t.read(&reader, vec![0; 9])).1, b"pipe");
    });
}

#[test]
fn direct_reads_take_the_ring() {
    let named = NamedTempFile::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    named.as_file().write_all_at(&[3; 8192], 0).unwrap();
    each_route(|t| {
        let file = match t.get(t.open(named.path()).flags(OFlags::RDONLY | OFlags::DIRECT)) {
            Err(e) => return eprintln!("skipped: O_DIRECT: {e}"),
            file => file.unwrap(),
        };
        t.register_file(&file).unwrap();
        let Some(buf) = buf(t, 4096) else { return };
        let (n, buf) = t.get(t.read_at(&file, buf, 4096));
        assert_eq!(n.unwrap(), 4096);
        assert!(buf.iter().all(|byte| *byte == 3));
    });
}

#[test]
fn slots_end_and_come_back() {
    let aio = Aio::new().unwrap();
    if !aio.backend().ring {
        return eprintln!("skipped: no ring: {}", aio.backend().ring_off.unwrap_or_default());
    }
    let Some(first) = buf(&aio, 1) else { return };
    let mut all = vec![first];
    let error = loop {
        match aio.registered_buf(1) {
            Ok(buf) => all.push(buf),
            Err(e) => break e,
        }
        assert!(all.len() <= 1024);
    };
    // Either limit may come first: that of locked memory or that of open files.
    assert!(matches!(Errno::from_io_error(&error), Some(Errno::MFILE | Errno::NOMEM)), "{error}");
    let count = all.len();
    for _ in 0..3 {
        all.pop();
        all.remove(0);
        all.push(aio.registered_buf(1).unwrap());
        all.push(aio.registered_buf(1).unwrap());
    }
    assert_eq!(all.len(), count);
    let std = tempfile().unwrap();
    std.write_all_at(b"x", 0).unwrap();
    for _ in 0..2000 {
        let file = File::from(std.try_clone().unwrap());
        aio.register_file(&file).unwrap();
        assert_eq!(errno(aio.register_file(&file)), Errno::BUSY);
    }
    let fd: std::os::fd::OwnedFd = std.try_clone().unwrap().into();
    let file = File::from(fd);
    aio.register_file(&file).unwrap();
    aio.close(file).wait().unwrap();
    for (file, buf) in all.into_iter().map(|buf| (File::from(std.try_clone().unwrap()), buf)).take(20) {
        assert_eq!(aio.read_at(&file, buf, 0).wait().0.unwrap(), 1);
    }
}

#[test]
fn another_engine_takes_them_for_ordinary_ones() {
    let (one, two) = (Aio::new().unwrap(), Aio::builder().inline(false).pool(false).build());
    let (Ok(two), Some(mut known)) = (two, buf(&one, 4096)) else { return };
    if !two.backend().ring {
        return eprintln!("skipped: no ring");
    }
    let std = tempfile().unwrap();
    std.write_all_at(b"data", 0).unwrap();
    let file = File::from(std);
    one.register_file(&file).unwrap();
    for _ in 0..2 {
        let (n, back) = two.read_at(&file, known, 0).wait();
        assert_eq!((n.unwrap(), &back[..4]), (4, &b"data"[..]));
        known = back;
    }
    drop(one);
    let (n, _) = two.read_at(&file, known, 0).wait();
    assert_eq!(n.unwrap(), 4);
}

#[test]
fn a_child_of_fork_leaves_the_parents_tables_alone() {
    let aio = Aio::builder().inline(false).build().unwrap();
    let std = tempfile().unwrap();
    std.write_all_at(b"data", 0).unwrap();
    let file = File::from(std);
    aio.register_file(&file).unwrap();
    let Some(known) = buf(&aio, 4096) else { return };
    let known = RefCell::new(Some(known));
    in_child(|| {
        assert_eq!(errno(aio.registered_buf(1).map(drop)), Errno::OWNERDEAD);
        drop(known.take());
        aio.reinit().unwrap();
        drop(buf(&aio, 4096));
    });
    let (n, known) = aio.read_at(&file, known.take().unwrap(), 0).wait();
    assert_eq!((n.unwrap(), &known[..4]), (4, &b"data"[..]));
}

#[test]
fn absurd_lengths() {
    let aio = Aio::new().unwrap();
    for len in [0, (1 << 30) + 1, usize::MAX] {
        assert_eq!(errno(aio.registered_buf(len).map(drop)), Errno::INVAL);
    }
    let path = aio.open("/").flags(OFlags::PATH).wait().unwrap();
    if aio.backend().ring {
        assert_eq!(errno(aio.register_file(&path)), Errno::BADF);
    }
}
