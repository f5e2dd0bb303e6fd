//! What a forked child needs: to know that it is one, and its own files under its parent's numbers.
//!
//! # Safety contract
//! The page of a [`ForkMark`] is mapped until that is dropped, and holds one atomic word. The owner of a number that
//! is replaced never closes it: it is leaked.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};

/// A word that reads 0 in a process forked after it was set.
pub(crate) struct ForkMark(*mut AtomicU32);

// SAFETY: the page holds one atomic word and lives until drop.
unsafe impl Send for ForkMark {}
// SAFETY: as above.
unsafe impl Sync for ForkMark {}

const PAGE: usize = 65536; // a multiple of every Linux page size in use

impl ForkMark {
    pub(crate) fn new() -> io::Result<Self> {
        use rustix::mm::{Advice, MapFlags, ProtFlags};
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: a new private mapping at an address of the kernel's choice; MADV_WIPEONFORK
        // (Linux 4.14) changes only what a child sees.
        let page = unsafe {
            let page = rustix::mm::mmap_anonymous(std::ptr::null_mut(), PAGE, prot, MapFlags::PRIVATE)?;
            rustix::mm::madvise(page, PAGE, Advice::LinuxWipeOnFork)?;
            page
        };
        let mark = ForkMark(page.cast());
        mark.word().store(1, Ordering::Relaxed);
        Ok(mark)
    }
    fn word(&self) -> &AtomicU32 {
        // SAFETY: page-aligned, mapped until drop, zero-initialised by the kernel.
        unsafe { &*self.0 }
    }
    pub(crate) fn forked(&self) -> bool {
        self.word().load(Ordering::Relaxed) == 0
    }
}

impl Drop for ForkMark {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and nothing refers to it any more.
        let _ = unsafe { rustix::mm::munmap(self.0.cast(), PAGE) };
    }
}

/// Puts `new` in the place of the descriptor number `old`, closing what was there.
pub(crate) fn replace_fd(new: BorrowedFd<'_>, old: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let number = old.as_raw_fd();
    // SAFETY: plain system call on two open descriptors.
    if unsafe { libc::dup3(new.as_raw_fd(), number, libc::O_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the caller (reinit) never closes the old owner of the number: it is leaked.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}
