//! What is not opened to be copied: symbolic links, FIFOs, sockets and devices.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, Statx};
use rustix::io::Errno;

use crate::composite::base::attributes::{Object, Pair, Which, kind, stat};
use crate::composite::base::calls::{Calls, Place};
use crate::composite::base::not_kept::Notes;
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
    /// It is neither a regular file nor a directory.
    pub(crate) fn of(original: Original<'_>) -> Result<Self, Error> {
        let Original { calls, held, place, st, .. } = original;
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

/// Gives what was just made the owner, attributes, mode and times of the original. By a handle: in a
/// directory that others may write to, the name can have become another file's.
pub(crate) fn finish(
    original: Original<'_>,
    place: &dyn Place,
    dir: BorrowedFd<'_>,
    name: &CStr,
) -> Result<(), Error> {
    let Original { calls, held, place: from_place, st: from, notes } = original;
    let made = calls.step("openat", place, || hold(dir, name))?;
    let st = calls.step("statx", place, || stat(made.as_fd()))?;
    if kind(&st) != kind(from) || st.stx_nlink != 1 {
        return Err(Error::new("statx", place.place(), Errno::BUSY));
    }
    let (from_object, to) = (Object::Held(held), Object::Held(made.as_fd()));
    let pair = Pair { calls, from: from_object, from_place, to, to_place: place, notes };
    if kind(from) != FileType::Symlink {
        pair.drop_inherited_acl()?;
    }
    pair.copy_owner_and_mode(from, Which::All)?;
    pair.copy_times(from)
}

/// What is copied without being opened, held by [`hold`].
#[derive(Clone, Copy)]
pub(crate) struct Original<'a> {
    pub(crate) calls: Calls<'a>,
    pub(crate) held: BorrowedFd<'a>,
    pub(crate) place: &'a dyn Place,
    pub(crate) st: &'a Statx,
    pub(crate) notes: &'a Notes,
}
