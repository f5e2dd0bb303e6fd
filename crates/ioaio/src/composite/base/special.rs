//! What is not opened to be copied: symbolic links, FIFOs, sockets and devices.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Statx, Uid};
use rustix::io::Errno;

use crate::composite::base::attributes::{PERMISSIONS, kind, stat, times_of};
use crate::composite::base::calls::{Calls, Place};
use crate::composite::base::temp::is;
use crate::values::error::Error;

/// A file of any kind, held without opening it.
pub(crate) fn hold(dir: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

/// What makes a new one like it.
pub(crate) enum Special {
    Link(CString),
    Node { kind: FileType, dev: u64 },
}

impl Special {
    /// `held` comes from [`hold`] and is neither a regular file nor a directory.
    pub(crate) fn of(
        calls: Calls<'_>,
        place: &dyn Place,
        held: BorrowedFd<'_>,
        st: &Statx,
    ) -> Result<Self, Error> {
        if kind(st) != FileType::Symlink {
            let dev = rustix::fs::makedev(st.stx_rdev_major, st.stx_rdev_minor);
            return Ok(Special::Node { kind: kind(st), dev });
        }
        let target = calls.step("readlinkat", place, || rustix::fs::readlinkat(held, c"", Vec::new()))?;
        Ok(Special::Link(target))
    }
    pub(crate) fn make(&self, dir: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<()> {
        match self {
            Special::Link(target) => rustix::fs::symlinkat(target.as_c_str(), dir, name),
            Special::Node { kind, dev } => {
                rustix::fs::mknodat(dir, name, *kind, Mode::RUSR | Mode::WUSR, *dev)
            }
        }
    }
    pub(crate) fn call(&self) -> &'static str {
        match self {
            Special::Link(_) => "symlinkat",
            Special::Node { .. } => "mknodat",
        }
    }
}

/// Gives what was just made the owner, mode and times of the original. By a handle: in a directory
/// that others may write to, the name can have become another file's.
pub(crate) fn finish(
    calls: Calls<'_>,
    place: &dyn Place,
    dir: BorrowedFd<'_>,
    name: &CStr,
    from: &Statx,
) -> Result<(), Error> {
    let made = calls.step("openat", place, || hold(dir, name))?;
    let st = calls.step("statx", place, || stat(made.as_fd()))?;
    if kind(&st) != kind(from) || st.stx_nlink != 1 {
        return Err(Error::new("statx", place.place(), Errno::BUSY));
    }
    let path = format!("/proc/self/fd/{}", made.as_raw_fd());
    let (uid, gid) = (Uid::from_raw(from.stx_uid), Gid::from_raw(from.stx_gid));
    if (st.stx_uid, st.stx_gid) != (from.stx_uid, from.stx_gid) {
        let chown = || rustix::fs::chownat(CWD, &path, Some(uid), Some(gid), AtFlags::empty());
        match calls.step("fchownat", place, chown) {
            Err(e) if is(&e, &[Errno::PERM, Errno::INVAL]) => {}
            res => res?,
        }
    }
    if kind(from) != FileType::Symlink {
        let mode = Mode::from_raw_mode(u32::from(from.stx_mode) & PERMISSIONS);
        calls.step("fchmodat", place, || rustix::fs::chmodat(CWD, &path, mode, AtFlags::empty()))?;
    }
    let times = times_of(from);
    calls.step("utimensat", place, || rustix::fs::utimensat(CWD, &path, &times, AtFlags::empty()))
}
