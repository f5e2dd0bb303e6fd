//! System calls that rustix does not have in the shape we need.
//!
//! # Safety contract
//! Each function takes borrows of everything the kernel reads or writes, so it is safe to call.

pub(crate) mod eventfd;
pub(crate) mod fiemap;
pub(crate) mod lock;
pub(crate) mod memory;
pub(crate) mod mounts;
pub(crate) mod park;
pub(crate) mod paths;
pub(crate) mod sync;
#[cfg(not(loom))]
pub(crate) mod thread;
pub(crate) mod vectored;

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::values::buf::Filled;

/// `preadv2(2)` with RWF_NOWAIT: what the page cache has, or EAGAIN. `None` stands for "would wait".
pub(crate) fn read_cached(
    fd: BorrowedFd<'_>,
    buf: &mut [MaybeUninit<u8>],
    offset: u64,
) -> Option<io::Result<Filled>> {
    let mut done = 0;
    loop {
        let rest = &mut buf[done..];
        let iov = libc::iovec { iov_base: rest.as_mut_ptr().cast(), iov_len: rest.len() };
        let at = (offset + done as u64) as i64;
        // Not libc's function: that is a point of thread cancellation, which costs 3% of a read.
        // SAFETY: the iovec describes a live exclusive borrow. The offset goes in two halves, of
        // which a 64-bit kernel ignores the second.
        let n = unsafe {
            let (low, high) = (at as libc::c_long, (at as u64).checked_shr(libc::c_long::BITS).unwrap_or(0));
            libc::syscall(
                libc::SYS_preadv2,
                fd.as_raw_fd(),
                &raw const iov,
                1,
                low,
                high as libc::c_long,
                libc::RWF_NOWAIT,
            )
        };
        match usize::try_from(n) {
            // The end of the file, or all that was asked for.
            Ok(0) => return Some(Ok(Filled::by_kernel(done))),
            Ok(n) if done + n == buf.len() => return Some(Ok(Filled::by_kernel(buf.len()))),
            // Short: the end of the file or of what is cached. The next round tells.
            Ok(n) => done += n,
            Err(_) => {
                let err = io::Error::last_os_error();
                return match err.raw_os_error() {
                    Some(libc::EAGAIN | libc::EOPNOTSUPP | libc::EINTR) => None,
                    _ if done > 0 => None,
                    _ => Some(Err(err)),
                };
            }
        }
    }
}

/// `pread(2)` of at most `max` bytes onto the end of `vec`, into the capacity that it has.
pub(crate) fn read_onto(
    fd: BorrowedFd<'_>,
    vec: &mut Vec<u8>,
    max: usize,
    offset: u64,
) -> rustix::io::Result<usize> {
    let spare = vec.spare_capacity_mut();
    let max = spare.len().min(max);
    let (read, _) = rustix::io::pread(fd, &mut spare[..max], offset)?;
    let n = read.len();
    // SAFETY: the kernel has filled that many bytes after the length.
    unsafe { vec.set_len(vec.len() + n) };
    Ok(n)
}

/// Runs `f` with all signals blocked, so that threads it starts never handle one.
#[cfg(not(loom))]
pub(crate) fn with_signals_blocked<T>(f: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut old = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both sets are live; sigfillset initialises the first, pthread_sigmask the second.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), old.as_mut_ptr());
    }
    let out = f();
    // SAFETY: `old` was initialised above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, old.as_ptr(), std::ptr::null_mut()) };
    out
}

/// The size of a page. Not rustix's: that reads what valgrind hides from it.
pub(crate) fn page_size() -> usize {
    // SAFETY: takes a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// A word that reads 0 in a process forked after it was set.
pub(crate) struct ForkMark(*mut std::sync::atomic::AtomicU32);

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
        mark.word().store(1, std::sync::atomic::Ordering::Relaxed);
        Ok(mark)
    }
    fn word(&self) -> &std::sync::atomic::AtomicU32 {
        // SAFETY: page-aligned, mapped until drop, zero-initialised by the kernel.
        unsafe { &*self.0 }
    }
    pub(crate) fn forked(&self) -> bool {
        self.word().load(std::sync::atomic::Ordering::Relaxed) == 0
    }
}

impl Drop for ForkMark {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and nothing refers to it any more.
        let _ = unsafe { rustix::mm::munmap(self.0.cast(), PAGE) };
    }
}

/// `close(2)` with its result; the number is free also after an error (Linux).
pub(crate) fn close(fd: std::os::fd::OwnedFd) -> io::Result<()> {
    use std::os::fd::IntoRawFd;
    // SAFETY: the descriptor was owned and is given up here.
    match unsafe { libc::close(fd.into_raw_fd()) } {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            // It is closed (Linux), and must not be closed again: the number may be somebody else's by now.
            e if e.kind() == io::ErrorKind::Interrupted => Ok(()),
            e => Err(e),
        },
    }
}

/// Puts `new` in the place of the descriptor number `old`, closing what was there.
pub(crate) fn replace_fd(new: BorrowedFd<'_>, old: BorrowedFd<'_>) -> io::Result<std::os::fd::OwnedFd> {
    use std::os::fd::FromRawFd;
    let number = old.as_raw_fd();
    // SAFETY: plain system call on two open descriptors.
    if unsafe { libc::dup3(new.as_raw_fd(), number, libc::O_CLOEXEC) } < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the caller (reinit) never closes the old owner of the number: it is leaked.
    Ok(unsafe { std::os::fd::OwnedFd::from_raw_fd(number) })
}

/// Space for the kernel to write a `statx(2)` result into.
pub(crate) fn zeroed_statx() -> Box<rustix::fs::Statx> {
    // SAFETY: the struct has only integers, for which zero is a value.
    Box::new(unsafe { std::mem::zeroed() })
}

/// `sync_file_range(2)`.
pub(crate) fn sync_file_range(fd: BorrowedFd<'_>, offset: i64, len: i64, flags: u32) -> io::Result<()> {
    // SAFETY: plain system call on an open descriptor.
    match unsafe { libc::sync_file_range(fd.as_raw_fd(), offset, len, flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
