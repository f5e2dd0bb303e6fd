//! What the kernel may still write to is never freed, whatever is dropped and when.
//!
//! One test, since what it looks at belongs to the whole process.

mod allocator;

use std::future::IntoFuture;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use ioaio::{Aio, AlignedBuf, File};

#[global_allocator]
static ALLOCATOR: allocator::Quarantine = allocator::Quarantine;

const SIZE: usize = 32 << 20;
const READS: usize = 3;

/// What is dropped while reads are in flight.
#[derive(Clone, Copy, Debug)]
enum Drop {
    Futures,
    /// The futures too, but in the engine's place: nobody cancels them one by one.
    Engine,
    GroupCancelled,
}

#[test]
fn nothing_is_freed_that_the_kernel_writes_to() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = dir.path().join("file");
    let mut file = std::fs::File::create(&path).unwrap();
    for _ in 0..SIZE >> 20 {
        file.write_all(&[0x55; 1 << 20]).unwrap();
    }
    file.sync_all().unwrap();
    allocator::arm();
    the_quarantine_sees_a_late_write(&path);
    let (mut made, mut freed) = (0, 0);
    for name in ["ring", "pool"] {
        for direct in [false, true] {
            for what in [Drop::Futures, Drop::Engine, Drop::GroupCancelled] {
                for micros in [0, 500, 3000, 10_000] {
                    let Some(file) = open(&path, direct) else { continue };
                    let builder = Aio::builder().inline(false);
                    let builder = if name == "ring" { builder.pool(false) } else { builder.ring(false) };
                    let aio = builder.build().unwrap();
                    if name == "ring" && !aio.backend().ring {
                        eprintln!("skipped: ring: {:?}", aio.backend().ring_off);
                        continue;
                    }
                    drop_in_flight(aio, &file, what, Duration::from_micros(micros));
                    made += READS;
                    let (now, spoilt) = allocator::look();
                    freed += now;
                    assert_eq!(spoilt, 0, "{name}, direct {direct}, {what:?} after {micros} us");
                }
            }
        }
    }
    // Reads that a worker had begun end in their own time; then all is freed, once.
    for _ in 0..100 {
        let (now, spoilt) = allocator::look();
        freed += now;
        assert_eq!(spoilt, 0);
        if freed == made {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("{made} buffers were made and {freed} freed");
}

/// The file, none of it in the page cache; `None` where the file system has no O_DIRECT.
fn open(path: &Path, direct: bool) -> Option<File> {
    let flags = if direct { libc::O_DIRECT } else { 0 };
    match std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => {
            let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
            Some(file.into())
        }
        Err(e) => {
            eprintln!("skipped: O_DIRECT: {e}");
            None
        }
    }
}

fn drop_in_flight(aio: Aio, file: &File, what: Drop, after: Duration) {
    let group = aio.group();
    let mut futures: Vec<_> = (0..READS)
        .map(|_| aio.read_at(file, AlignedBuf::new(SIZE, 4096), 0).group(&group).into_future())
        .collect();
    let mut cx = Context::from_waker(Waker::noop());
    for future in &mut futures {
        let _ = Pin::new(future).poll(&mut cx);
    }
    std::thread::sleep(after);
    match what {
        Drop::Futures => {
            drop(futures);
            aio.flush().unwrap();
            drop((group, aio));
        }
        Drop::Engine => drop((futures, group, aio)),
        Drop::GroupCancelled => {
            group.cancel();
            drop((group, futures, aio));
        }
    }
    // Workers that are still reading, of the kernel or ours, end now if they are to end at all.
    std::thread::sleep(Duration::from_millis(30));
}

/// The test's power: the rule broken on purpose. A ring is closed and its buffer freed with a read
/// in flight; closing is no barrier, so a kernel worker goes on writing.
fn the_quarantine_sees_a_late_write(path: &Path) {
    let file = std::fs::File::open(path).unwrap();
    for round in 0..200 {
        let Ok(mut ring) = io_uring::IoUring::new(8) else {
            return eprintln!("skipped: the test of the test needs io_uring");
        };
        let mut buffer = Vec::<u8>::with_capacity(SIZE);
        let fd = io_uring::types::Fd(file.as_raw_fd());
        let read = io_uring::opcode::Read::new(fd, buffer.as_mut_ptr(), SIZE as u32).offset(0).build();
        let read = read.flags(io_uring::squeue::Flags::ASYNC);
        // SAFETY: none: this is the mistake. The block stays mapped in the quarantine.
        unsafe { ring.submission().push(&read).unwrap() };
        ring.submit().unwrap();
        std::thread::sleep(Duration::from_micros(200 * (round % 8)));
        drop(ring);
        drop(buffer);
        std::thread::sleep(Duration::from_millis(30));
        if allocator::look() == (1, 1) {
            return eprintln!("a late write was seen in round {round}");
        }
    }
    panic!("no late write was seen: the test can't fail");
}
