//! Which directory it is, whatever names lead to it.

use std::ffi::CStr;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, Statx};

/// The device and inode of a file.
pub(crate) type Id = (u32, u32, u64);

pub(crate) fn id(st: &Statx) -> Id {
    (st.stx_dev_major, st.stx_dev_minor, st.stx_ino)
}

/// Opens a directory to read it. A symbolic link is an error.
pub(crate) fn open_dir(dir: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}
