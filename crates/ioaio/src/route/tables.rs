//! Buffers and files that the ring keeps ready, so that no request has to look them up: tables in the
//! kernel (Linux 5.19), whose slots are handed out here.
//!
//! # Safety contract
//! Memory is registered only by [`RegisteredBuf`](crate::RegisteredBuf), which owns it and the slot. The
//! kernel holds its pages by itself, so memory that goes first is never written to by it.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::{Arc, Weak};

use rustix::io::Errno;

use crate::route::ring::Ring;
use crate::sys::fork::ForkMark;
use crate::sys::sync::{Mutex, MutexGuard};
use crate::values::slot::{Kind, Slot, Table};

/// How many buffers, and how many files, an engine can have registered.
const SLOTS: u32 = 1024;

/// Which slots of a table are free; `None` before the table is made.
#[derive(Default)]
pub(crate) struct Slots(Mutex<Option<Vec<u32>>>);

impl Slots {
    fn lock(&self) -> MutexGuard<'_, Option<Vec<u32>>> {
        self.0.lock().expect("no code panics under this lock")
    }
}

impl Ring {
    fn slots(&self, kind: Kind) -> &Slots {
        match kind {
            Kind::Buffers => &self.buffers,
            Kind::Files => &self.files,
        }
    }
    /// Fills a free slot; EMFILE where there is none.
    pub(super) fn fill(&self, kind: Kind, fill: impl FnOnce(u32) -> io::Result<()>) -> io::Result<u32> {
        let mut free = self.slots(kind).lock();
        let free = match &mut *free {
            Some(free) => free,
            none => {
                // No table of files may be larger than the limit of open files.
                let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
                let count = u32::try_from(files.unwrap_or(u64::MAX)).unwrap_or(SLOTS).min(SLOTS);
                match kind {
                    Kind::Buffers => self.uring.submitter().register_buffers_sparse(count)?,
                    Kind::Files => self.uring.submitter().register_files_sparse(count)?,
                }
                none.insert((0..count).rev().collect())
            }
        };
        let index = *free.last().ok_or(Errno::MFILE)?;
        fill(index)?;
        free.pop();
        Ok(index)
    }
    /// # Safety
    /// The module's contract.
    unsafe fn set_buffer(&self, index: u32, memory: &mut [u8]) -> io::Result<()> {
        let iovec = libc::iovec { iov_base: memory.as_mut_ptr().cast(), iov_len: memory.len() };
        // SAFETY: the caller's promise.
        unsafe { self.uring.submitter().register_buffers_update(index, &[iovec], None) }
    }
    fn set_file(&self, index: u32, fd: i32) -> io::Result<()> {
        self.uring.submitter().register_files_update(index, &[fd]).map(drop)
    }
    fn slot(self: &Arc<Self>, fork: &Arc<ForkMark>, kind: Kind, index: u32) -> Slot {
        let table: Weak<Ring> = Arc::downgrade(self);
        Slot::new(table, fork.clone(), kind, index)
    }
    /// A slot for memory that the caller keeps as long as it.
    ///
    /// # Safety
    /// The module's contract.
    pub(crate) unsafe fn register_buffer(
        self: &Arc<Self>,
        fork: &Arc<ForkMark>,
        memory: &mut [u8],
    ) -> io::Result<Slot> {
        // SAFETY: the caller's promise.
        let index = self.fill(Kind::Buffers, |index| unsafe { self.set_buffer(index, memory) })?;
        Ok(self.slot(fork, Kind::Buffers, index))
    }
    /// A slot for a file.
    pub(crate) fn register_file(
        self: &Arc<Self>,
        fork: &Arc<ForkMark>,
        fd: BorrowedFd<'_>,
    ) -> io::Result<Slot> {
        let index = self.fill(Kind::Files, |index| self.set_file(index, fd.as_raw_fd()))?;
        Ok(self.slot(fork, Kind::Files, index))
    }
}

impl Table for Ring {
    fn release(&self, kind: Kind, index: u32) {
        let emptied = match kind {
            // SAFETY: no memory.
            Kind::Buffers => unsafe {
                let none = libc::iovec { iov_base: std::ptr::null_mut(), iov_len: 0 };
                self.uring.submitter().register_buffers_update(index, &[none], None)
            },
            Kind::Files => self.set_file(index, -1),
        };
        // A slot that cannot be emptied is not used again.
        if let (Ok(()), Some(free)) = (emptied, &mut *self.slots(kind).lock()) {
            free.push(index);
        }
    }
}
