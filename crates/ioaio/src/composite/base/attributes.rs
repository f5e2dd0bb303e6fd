//! What a copy takes over beside the contents: owner, extended attributes, mode, times.
//!
//! In this order: a change of the owner takes away set-user-id bits and capabilities, an ACL changes
//! the mode, and everything but the last changes times.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, Statx, StatxFlags, StatxTimestamp, Timespec, Timestamps, Uid, XattrFlags,
};
use rustix::io::Errno;

use crate::composite::base::calls::{Calls, Place};
use crate::composite::base::temp::is;
use crate::sys::fallback;
use crate::sys::xattr::fetch;
use crate::values::error::Error;

pub(crate) const PERMISSIONS: u32 = 0o7777;
const SET_ID: u32 = 0o6000;

/// Two open files, for calls that read from the one and change the other.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub(crate) calls: Calls<'a>,
    pub(crate) from: BorrowedFd<'a>,
    pub(crate) from_place: &'a dyn Place,
    pub(crate) to: BorrowedFd<'a>,
    pub(crate) to_place: &'a dyn Place,
}

impl Pair<'_> {
    /// Takes away the ACL that a new file has got from its directory. The copy gets the original's.
    pub(crate) fn drop_inherited_acl(self) -> Result<(), Error> {
        let remove = || rustix::fs::fremovexattr(self.to, c"system.posix_acl_access");
        match self.calls.step("fremovexattr", self.to_place, remove) {
            Err(e) if is(&e, &[Errno::NODATA, Errno::OPNOTSUPP]) => Ok(()),
            res => res,
        }
    }
    /// Owner, extended attributes with the ACLs among them, and mode.
    pub(crate) fn copy_owner_and_mode(self, from: &Statx) -> Result<(), Error> {
        let to = self.calls.step("statx", self.to_place, || stat(self.to))?;
        let same_owner = (from.stx_uid, from.stx_gid) == (to.stx_uid, to.stx_gid);
        let owned = same_owner || self.copy_owner(from)?;
        let changed = self.copy_xattrs()? || !same_owner;
        // Who runs a program is not to become somebody that the original would not have made him.
        let mode = u32::from(from.stx_mode) & if owned { PERMISSIONS } else { PERMISSIONS & !SET_ID };
        if changed || mode != u32::from(to.stx_mode) & PERMISSIONS {
            let mode = Mode::from_raw_mode(mode);
            self.calls.step("fchmod", self.to_place, || rustix::fs::fchmod(self.to, mode))?;
        }
        Ok(())
    }
    /// False where the privilege is missing: then it stays with the caller, as with `cp -a`.
    fn copy_owner(self, from: &Statx) -> Result<bool, Error> {
        let (uid, gid) = (Uid::from_raw(from.stx_uid), Gid::from_raw(from.stx_gid));
        let chown = |uid, gid| {
            let res = self.calls.step("fchown", self.to_place, || rustix::fs::fchown(self.to, uid, gid));
            match res {
                Err(e) if is(&e, &[Errno::PERM, Errno::INVAL]) => Ok(false),
                res => res.map(|()| true),
            }
        };
        if chown(Some(uid), Some(gid))? {
            return Ok(true);
        }
        chown(None, Some(gid))?;
        Ok(false)
    }
    /// True if there were any. What the target or the caller's privileges do not allow is left out.
    fn copy_xattrs(self) -> Result<bool, Error> {
        let list = |buf: &mut [u8]| {
            let list = || rustix::fs::flistxattr(self.from, &mut *buf);
            match self.calls.step("flistxattr", self.from_place, list) {
                Err(e) if is(&e, &[Errno::OPNOTSUPP]) => Ok(0),
                n => n,
            }
        };
        let list = fetch(list, is_too_small)?;
        for name in list.split_inclusive(|&b| b == 0) {
            let get = |buf: &mut [u8]| {
                self.calls.step("fgetxattr", self.from_place, || {
                    rustix::fs::fgetxattr(self.from, name_of(name), &mut *buf)
                })
            };
            let value = match fetch(get, is_too_small) {
                // Removed meanwhile, or not for us to see.
                Err(e) if is(&e, &[Errno::NODATA, Errno::OPNOTSUPP, Errno::PERM, Errno::ACCESS]) => continue,
                value => value?,
            };
            let set = || rustix::fs::fsetxattr(self.to, name_of(name), &value, XattrFlags::empty());
            match self.calls.step("fsetxattr", self.to_place, set) {
                Err(e) if is(&e, &[Errno::OPNOTSUPP, Errno::PERM, Errno::ACCESS]) => {}
                res => res?,
            }
        }
        Ok(!list.is_empty())
    }
    /// When it was last read and changed, as `from` has it. To be called last.
    pub(crate) fn copy_times(self, from: &Statx) -> Result<(), Error> {
        let times = times_of(from);
        self.calls.step("utimensat", self.to_place, || rustix::fs::futimens(self.to, &times))
    }
}

pub(crate) fn times_of(st: &Statx) -> Timestamps {
    let time = |t: StatxTimestamp| Timespec { tv_sec: t.tv_sec, tv_nsec: t.tv_nsec.into() };
    Timestamps { last_access: time(st.stx_atime), last_modification: time(st.stx_mtime) }
}

/// `fstat(2)`, with the same fields on every machine.
pub(crate) fn stat(fd: BorrowedFd<'_>) -> rustix::io::Result<Statx> {
    fallback::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)
}

/// The same for a name, without following it.
pub(crate) fn stat_name(dir: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<Statx> {
    fallback::statx(dir, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS)
}

pub(crate) fn kind(st: &Statx) -> FileType {
    FileType::from_raw_mode(st.stx_mode.into())
}

/// The kernel's list ends each name with a NUL.
fn name_of(name: &[u8]) -> &CStr {
    CStr::from_bytes_with_nul(name).unwrap_or_default()
}

fn is_too_small(e: &Error) -> bool {
    is(e, &[Errno::RANGE])
}
