//! io_uring with nothing above it, by the `io-uring` crate: what a library on a ring could reach at most.
//!
//! Submissions are batched: all that has completed is replaced in one go, and one system call both submits and waits.

use std::cell::UnsafeCell;
use std::io;
use std::os::fd::AsRawFd;
use std::path::PathBuf;

use io_uring::types::{DestinationSlot, Fd, Fixed};
use io_uring::{IoUring, opcode, squeue};

use super::Subject;
use crate::run::{Cursor, Run, Sample};
use crate::work::{BLOCK, Files, Nops, Page, Reads, wrong};

/// Most operations in flight.
const SLOTS: usize = 128;

/// Room in the submission queue, enough for the three entries of each load.
const ENTRIES: u32 = 4 * SLOTS as u32;

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Plain,
    /// SINGLE_ISSUER and DEFER_TASKRUN: completions are worked off when the thread enters the kernel.
    Defer,
    /// The same, and for reads a registered file and registered buffers.
    Registered,
}

pub struct Ring {
    ring: IoUring,
    kind: Kind,
    /// A buffer and a statx for each operation in flight; the kernel writes to them behind Rust's back.
    pages: Box<[UnsafeCell<Page>]>,
    stats: Box<[UnsafeCell<libc::statx>]>,
    registered: Option<PathBuf>,
    has_file_slots: bool,
}

impl Ring {
    pub fn new(kind: Kind) -> io::Result<Ring> {
        let mut builder = IoUring::builder();
        if kind != Kind::Plain {
            builder.setup_single_issuer().setup_defer_taskrun();
        }
        let ring = builder.build(ENTRIES)?;
        let pages = (0..SLOTS).map(|_| UnsafeCell::new(Page([0; BLOCK]))).collect();
        // SAFETY: statx is plain data, of which all zeroes is a value.
        let stats = (0..SLOTS).map(|_| UnsafeCell::new(unsafe { std::mem::zeroed() })).collect();
        Ok(Ring { ring, kind, pages, stats, registered: None, has_file_slots: false })
    }

    /// Registers the file in slot 0, and the buffers, unless that has been done.
    fn register(&mut self, work: &Reads) -> io::Result<()> {
        if self.registered.as_ref() == Some(&work.file.path) {
            return Ok(());
        }
        let submitter = self.ring.submitter();
        if self.registered.take().is_some() {
            submitter.unregister_files()?;
            submitter.unregister_buffers()?;
        }
        submitter.register_files(&[work.file.file.as_raw_fd()])?;
        let iovec = |page: &UnsafeCell<Page>| libc::iovec { iov_base: page.get().cast(), iov_len: BLOCK };
        let buffers: Vec<_> = self.pages.iter().map(iovec).collect();
        // SAFETY: the pages stay where they are and are dropped after the ring, and `drive` leaves nothing in flight.
        unsafe { submitter.register_buffers(&buffers)? };
        self.registered = Some(work.file.path.clone());
        Ok(())
    }
}

/// Keeps `depth` operations of `N` linked entries each in flight until the cursor has no more.
///
/// It waits for one operation at a time and then replaces all that have completed: waiting for half of them costs
/// the stats a third of their rate, and gains nothing elsewhere.
///
/// `encode` makes the entries of an operation in a slot, `check` judges the result of each entry. Returns only
/// when nothing is in flight, also after an error, so that what the entries point to is free again.
fn drive<const N: usize>(
    ring: &mut IoUring,
    cursor: &Cursor,
    depth: usize,
    encode: impl Fn(usize, usize) -> [squeue::Entry; N],
    check: impl Fn(usize, usize, usize, i32) -> io::Result<()>,
) -> io::Result<()> {
    assert!(depth <= SLOTS, "at most {SLOTS} operations in flight");
    let mut free: Vec<usize> = (0..depth).rev().collect();
    let (mut indexes, mut left) = ([0; SLOTS], [0; SLOTS]);
    let (mut entries, mut more, mut outcome) = (0, true, Ok(()));
    while more || entries > 0 {
        let mut queue = ring.submission();
        while more && let Some(slot) = free.pop() {
            let Some(index) = cursor.next() else {
                free.push(slot);
                more = false;
                break;
            };
            (indexes[slot], left[slot]) = (index, N);
            entries += N;
            for (part, entry) in encode(slot, index).into_iter().enumerate() {
                let entry = entry.user_data((slot * N + part) as u64);
                // SAFETY: what the entry points to belongs to its slot or to the work, and outlives this function.
                unsafe { queue.push(&entry) }.expect("the queue has room for all slots");
            }
        }
        drop(queue);
        let wanted = N.min(entries); // of the last operation some entries may have completed already
        submit_and_wait(ring, wanted);
        for done in ring.completion() {
            let (slot, part) = (done.user_data() as usize / N, done.user_data() as usize % N);
            if let Err(error) = check(slot, indexes[slot], part, done.result()) {
                (more, outcome) = (false, outcome.and(Err(error)));
            }
            left[slot] -= 1;
            entries -= 1;
            if left[slot] == 0 {
                free.push(slot);
            }
        }
    }
    outcome
}

/// There is no way to give up here: the kernel may still write to what is in flight.
fn submit_and_wait(ring: &IoUring, wanted: usize) {
    while let Err(error) = ring.submit_and_wait(wanted) {
        if error.kind() != io::ErrorKind::Interrupted {
            eprintln!("io_uring_enter: {error}");
            std::process::exit(1);
        }
    }
}

/// The result of an entry as a length, or the error that it stands for.
fn length(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}

impl Subject for Ring {
    fn read(&mut self, run: &Run<Reads>) -> io::Result<Sample> {
        let registered = self.kind == Kind::Registered;
        if registered {
            self.register(&run.work)?;
        }
        let (work, pages) = (&run.work, &self.pages);
        let fd = Fd(work.file.file.as_raw_fd());
        let encode = |slot: usize, index: usize| {
            let (buffer, offset) = (pages[slot].get().cast(), work.offsets[index]);
            let entry = if registered {
                opcode::ReadFixed::new(Fixed(0), buffer, BLOCK as u32, slot as u16).offset(offset).build()
            } else {
                opcode::Read::new(fd, buffer, BLOCK as u32).offset(offset).build()
            };
            [entry]
        };
        let check = |slot: usize, index, _, result| {
            // SAFETY: the read of this slot has completed, and the next is not yet submitted.
            let page = unsafe { &*pages[slot].get() };
            work.check(index, length(result)?, &page.0)
        };
        let ring = &mut self.ring;
        run.measure(|cursor| drive(ring, &cursor, run.depth, encode, check))
    }

    fn stat(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        let (work, stats) = (&run.work, &self.stats);
        let encode = |slot: usize, index: usize| {
            let (path, stat) = (work.c_path(index).as_ptr(), stats[slot].get());
            let entry = opcode::Statx::new(Fd(libc::AT_FDCWD), path, stat.cast());
            [entry.mask(libc::STATX_BASIC_STATS).build()]
        };
        let check = |slot: usize, index, _, result| {
            length(result)?;
            // SAFETY: the statx of this slot has completed, and the next is not yet submitted.
            let stat = unsafe { &*stats[slot].get() };
            work.check_stat(index, stat.stx_mode.into(), stat.stx_size)
        };
        let ring = &mut self.ring;
        run.measure(|cursor| drive(ring, &cursor, run.depth, encode, check))
    }

    /// Linked open, read and close, with a direct descriptor for each slot: one submission per file.
    fn load(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        if !self.has_file_slots {
            self.ring.submitter().register_files_sparse(SLOTS as u32)?;
            self.has_file_slots = true;
        }
        let (work, pages) = (&run.work, &self.pages);
        let encode = |slot: usize, index: usize| {
            let target = DestinationSlot::try_from_slot_target(slot as u32).expect("a small number");
            let open = opcode::OpenAt::new(Fd(libc::AT_FDCWD), work.c_path(index).as_ptr());
            let file = Fixed(slot as u32);
            let read = opcode::Read::new(file, pages[slot].get().cast(), BLOCK as u32);
            [
                open.flags(libc::O_RDONLY).file_index(Some(target)).build().flags(squeue::Flags::IO_LINK),
                read.build().flags(squeue::Flags::IO_LINK),
                opcode::Close::new(file).build(),
            ]
        };
        let check = |slot: usize, index, part, result| match (part, length(result)?) {
            (1, len) => {
                // SAFETY: the read of this slot has completed, and the next is not yet submitted.
                let page = unsafe { &*pages[slot].get() };
                work.check_content(index, len, &page.0)
            }
            (_, 0) => Ok(()),
            (_, other) => Err(wrong(format!("open or close returned {other}"))),
        };
        let ring = &mut self.ring;
        run.measure(|cursor| drive(ring, &cursor, run.depth, encode, check))
    }

    fn nop(&mut self, run: &Run<Nops>) -> io::Result<Sample> {
        let ring = &mut self.ring;
        let encode = |_, _| [opcode::Nop::new().build()];
        let check = |_, _, _, result| length(result).map(drop);
        run.measure(|cursor| drive(ring, &cursor, run.depth, encode, check))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::cpu_time;

    /// What kernel workers do for a ring must be in the process's CPU time, or rings would look cheap.
    #[test]
    fn kernel_workers_count_as_our_threads() {
        let Ok(mut ring) = Ring::new(Kind::Plain) else { return };
        let before = [libc::RUSAGE_SELF, libc::RUSAGE_THREAD].map(|who| cpu_time(who).unwrap());
        let cursor = Cursor::new(50_000, false);
        let stats = &ring.stats;
        let encode = |slot: usize, _| {
            let entry = opcode::Statx::new(
                Fd(libc::AT_FDCWD),
                c"/proc/self/status".as_ptr(),
                stats[slot].get().cast(),
            );
            [entry.mask(libc::STATX_BASIC_STATS).build()]
        };
        drive(&mut ring.ring, &cursor, 64, encode, |_, _, _, result| length(result).map(drop)).unwrap();
        let after = [libc::RUSAGE_SELF, libc::RUSAGE_THREAD].map(|who| cpu_time(who).unwrap());
        let (all, own) = (after[0] - before[0], after[1] - before[1]);
        assert!(all > own + own / 2, "process {all:?}, this thread {own:?}");
    }
}
