//! Calls on mapped memory.
//!
//! # Safety contract
//! A `Region` is mapped as long as its borrow. What these calls do to its contents concerns only those
//! who read it, which nothing safe does (see `values/mapping.rs`).

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};

use rustix::mm::{MlockAllFlags, MsyncFlags};

use crate::values::mapping::Region;

pub(crate) fn msync(region: &Region<'_>, flags: MsyncFlags) -> io::Result<()> {
    // SAFETY: mapped (module contract).
    Ok(unsafe { rustix::mm::msync(region.start.cast(), region.len, flags) }?)
}
pub(crate) fn mlock(region: &Region<'_>) -> io::Result<()> {
    // SAFETY: mapped (module contract).
    Ok(unsafe { rustix::mm::mlock(region.start.cast(), region.len) }?)
}
pub(crate) fn munlock(region: &Region<'_>) -> io::Result<()> {
    // SAFETY: mapped (module contract).
    Ok(unsafe { rustix::mm::munlock(region.start.cast(), region.len) }?)
}
pub(crate) fn madvise(region: &Region<'_>, advice: i32) -> io::Result<()> {
    // SAFETY: mapped (module contract).
    match unsafe { libc::madvise(region.start.cast(), region.len, advice) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
pub(crate) fn mlockall(flags: MlockAllFlags) -> io::Result<()> {
    Ok(rustix::mm::mlockall(flags)?)
}
pub(crate) fn munlockall() -> io::Result<()> {
    Ok(rustix::mm::munlockall()?)
}

/// Touches each page, for kernels before 5.14; what is beyond the end of a file raises SIGBUS.
pub(crate) fn touch(region: &Region<'_>, write: bool) {
    for at in (0..region.len).step_by(page_size()) {
        // SAFETY: mapped (module contract), and an atomic access does no harm to others of theirs.
        let byte = unsafe { AtomicU8::from_ptr(region.start.add(at)) };
        match write {
            true => byte.fetch_or(0, Ordering::Relaxed),
            false => byte.load(Ordering::Relaxed),
        };
    }
}

/// The size of a page. Not rustix's: that reads what valgrind hides from it.
pub(crate) fn page_size() -> usize {
    // SAFETY: takes a number.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}
