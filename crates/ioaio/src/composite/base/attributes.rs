//! What a copy takes over beside the contents: owner, extended attributes, mode, times.
//!
//! In this order: a change of the owner takes away set-user-id bits and capabilities, an ACL changes
//! the mode, and everything but the last changes times.
//!
//! One policy for all of them: what the target's file system does not know, or what takes a privilege that the
//! caller does not have, is left out and noted; any other error ends the copy. And nobody gets a right by it:
//! see [`without_acl`].

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, Statx, StatxFlags, StatxTimestamp, Timespec, Timestamps, Uid,
    XattrFlags,
};
use rustix::io::{Errno, Result as Sys};

use crate::composite::base::calls::{Calls, Place};
use crate::composite::base::not_kept::Notes;
use crate::composite::base::temp::is;
use crate::composite::base::xattrs::{ACCESS_ACL, DEFAULT_ACL, is_of_another_kind, without_acl};
use crate::sys::fallback;
use crate::sys::xattr::fetch;
use crate::values::error::Error;

pub(crate) const PERMISSIONS: u32 = 0o7777;
const SET_ID: u32 = 0o6000;
const OWNER_WRITES: u32 = 0o200;

/// With these an attribute is left out: there is none such here, or it takes a privilege. ENOENT stands for
/// a /proc that is not mounted.
const LEFT_OUT: [Errno; 6] =
    [Errno::PERM, Errno::ACCESS, Errno::OPNOTSUPP, Errno::NOSYS, Errno::INVAL, Errno::NOENT];
/// With these an extended attribute is as well, which has more limits: that of a value (one block of 1 KiB in
/// some ext4), or that of all of them.
const TOO_MUCH: [Errno; 3] = [Errno::NOSPC, Errno::TOOBIG, Errno::RANGE];

/// A file that has attributes.
#[derive(Clone, Copy)]
pub(crate) enum Object<'a> {
    Open(BorrowedFd<'a>),
    /// With `O_PATH`: it is reached by its name in /proc, which leads to it and not further, if it is a link.
    Held(BorrowedFd<'a>),
}

impl Object<'_> {
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Object::Open(fd) | Object::Held(fd) => *fd,
        }
    }
    fn path(&self) -> String {
        format!("/proc/self/fd/{}", self.fd().as_raw_fd())
    }
    pub(crate) fn list(&self, buf: &mut [u8]) -> Sys<usize> {
        match self {
            Object::Open(fd) => rustix::fs::flistxattr(fd, buf),
            Object::Held(_) => rustix::fs::listxattr(self.path(), buf),
        }
    }
    pub(crate) fn get(&self, name: &CStr, buf: &mut [u8]) -> Sys<usize> {
        match self {
            Object::Open(fd) => rustix::fs::fgetxattr(fd, name, buf),
            Object::Held(_) => rustix::fs::getxattr(self.path(), name, buf),
        }
    }
    fn set(&self, name: &CStr, value: &[u8]) -> Sys<()> {
        match self {
            Object::Open(fd) => rustix::fs::fsetxattr(fd, name, value, XattrFlags::empty()),
            Object::Held(_) => rustix::fs::setxattr(self.path(), name, value, XattrFlags::empty()),
        }
    }
    fn remove(&self, name: &CStr) -> Sys<()> {
        match self {
            Object::Open(fd) => rustix::fs::fremovexattr(fd, name),
            Object::Held(_) => rustix::fs::removexattr(self.path(), name),
        }
    }
    fn chown(&self, uid: Option<Uid>, gid: Option<Gid>) -> Sys<()> {
        match self {
            Object::Open(fd) => rustix::fs::fchown(fd, uid, gid),
            Object::Held(_) => rustix::fs::chownat(CWD, self.path(), uid, gid, AtFlags::empty()),
        }
    }
    fn chmod(&self, mode: u32) -> Sys<()> {
        let mode = Mode::from_raw_mode(mode);
        match self {
            Object::Open(fd) => rustix::fs::fchmod(fd, mode),
            Object::Held(_) => rustix::fs::chmodat(CWD, self.path(), mode, AtFlags::empty()),
        }
    }
    fn set_times(&self, times: &Timestamps) -> Sys<()> {
        match self {
            Object::Open(fd) => rustix::fs::futimens(fd, times),
            Object::Held(_) => rustix::fs::utimensat(CWD, self.path(), times, AtFlags::empty()),
        }
    }
}

/// Which extended attributes are taken over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    Acls,
}

/// Two files, for calls that read from the one and change the other.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub(crate) calls: Calls<'a>,
    pub(crate) from: Object<'a>,
    pub(crate) from_place: &'a dyn Place,
    pub(crate) to: Object<'a>,
    pub(crate) to_place: &'a dyn Place,
    pub(crate) notes: &'a Notes,
}

/// What has become of the extended attributes.
#[derive(Default)]
struct Taken {
    /// The mode has to be set once more.
    changed: bool,
    /// An ACL that could not be taken over, as far as it could be read.
    lost_acl: Option<Vec<u8>>,
}

impl Pair<'_> {
    /// Takes away the ACLs that a new file has got from its directory. The copy gets the original's.
    pub(crate) fn drop_inherited_acl(self) -> Result<(), Error> {
        drop_acls(self.calls, self.to_place, self.to, &[ACCESS_ACL])
    }
    /// Owner, extended attributes with the ACLs among them, and mode.
    pub(crate) fn copy_owner_and_mode(self, from: &Statx, which: Which) -> Result<(), Error> {
        let to = self.calls.step("statx", self.to_place, || stat(self.to.fd()))?;
        let same_owner = (from.stx_uid, from.stx_gid) == (to.stx_uid, to.stx_gid);
        let owned = same_owner || self.copy_owner(from)?;
        let taken = self.copy_xattrs(from, which)?;
        if kind(from) == FileType::Symlink {
            return Ok(());
        }
        // Who runs a program is not to become somebody that the original would not have made him.
        let mut mode = u32::from(from.stx_mode) & if owned { PERMISSIONS } else { PERMISSIONS & !SET_ID };
        if let Some(acl) = &taken.lost_acl {
            mode = without_acl(mode, acl);
        }
        if taken.changed || !same_owner || mode != u32::from(to.stx_mode) & PERMISSIONS {
            let chmod = self.calls.step("fchmod", self.to_place, || self.to.chmod(mode));
            self.leave_out("mode", chmod)?;
        }
        Ok(())
    }
    /// False where the privilege is missing: then it stays with the caller, as with `cp -a`.
    fn copy_owner(self, from: &Statx) -> Result<bool, Error> {
        let (uid, gid) = (Uid::from_raw(from.stx_uid), Gid::from_raw(from.stx_gid));
        let chown = |uid, gid| self.calls.step("fchown", self.to_place, || self.to.chown(uid, gid));
        let both = chown(Some(uid), Some(gid));
        match self.leave_out("owner", both)? {
            Some(()) => Ok(true),
            // The group may be one of the caller's; that it is not has been noted.
            None => match chown(None, Some(gid)) {
                Err(e) if !is(&e, &LEFT_OUT) => Err(e),
                _ => Ok(false),
            },
        }
    }
    fn copy_xattrs(self, from: &Statx, which: Which) -> Result<Taken, Error> {
        let list = sized(|buf| self.calls.step("flistxattr", self.from_place, || self.from.list(buf)));
        let list = match list {
            Err(e) if is(&e, &[Errno::OPNOTSUPP, Errno::NOSYS]) => Vec::new(),
            list => match self.leave_out("extended attributes", list)? {
                Some(list) => list,
                // What they are is not to be known; whether there is an ACL has to be.
                None => [ACCESS_ACL.to_bytes_with_nul(), DEFAULT_ACL.to_bytes_with_nul()].concat(),
            },
        };
        let mut taken = Taken::default();
        for name in list.split_inclusive(|&b| b == 0).map(name_of) {
            let is_acl = [ACCESS_ACL, DEFAULT_ACL].contains(&name);
            if is_of_another_kind(name) || (which == Which::Acls && !is_acl) {
                continue;
            }
            let get =
                || sized(|buf| self.calls.step("fgetxattr", self.from_place, || self.from.get(name, buf)));
            let value = match get() {
                // It was removed meanwhile, or there is none.
                Err(e) if is(&e, &[Errno::NODATA, Errno::OPNOTSUPP]) => continue,
                value => self.leave_out_xattr(name, value)?,
            };
            taken.changed = true;
            let kept = match &value {
                Some(value) => self.set_xattr(from, name, value)?,
                None => false,
            };
            if !kept && name == ACCESS_ACL {
                taken.lost_acl = Some(value.unwrap_or_default());
            }
        }
        Ok(taken)
    }
    /// False if it was left out.
    fn set_xattr(self, from: &Statx, name: &CStr, value: &[u8]) -> Result<bool, Error> {
        let set = || self.calls.step("fsetxattr", self.to_place, || self.to.set(name, value));
        let mut res = set();
        let mode = u32::from(from.stx_mode) & PERMISSIONS & !SET_ID;
        if matches!(&res, Err(e) if is(e, &[Errno::ACCESS])) && mode & OWNER_WRITES == 0 {
            // The kernel asks for the right to write, by the mode; that gets its own value after this.
            let writable = || self.to.chmod(mode & 0o700 | OWNER_WRITES);
            if self.calls.step("fchmod", self.to_place, writable).is_ok() {
                res = set();
            }
        }
        self.leave_out_xattr(name, res).map(|kept| kept.is_some())
    }
    fn leave_out_xattr<T>(self, name: &CStr, res: Result<T, Error>) -> Result<Option<T>, Error> {
        match res {
            Err(e) if is(&e, &TOO_MUCH) && !self.is_full(&e) => {
                self.notes.add(self.to_place, &name.to_string_lossy(), &e);
                Ok(None)
            }
            res => self.leave_out(&name.to_string_lossy(), res),
        }
    }
    /// ENOSPC also tells that nothing at all has room any more, and that is no limit of attributes.
    fn is_full(self, e: &Error) -> bool {
        let free = || rustix::fs::fstatvfs(self.to.fd()).map_or(0, |fs| fs.f_bavail);
        is(e, &[Errno::NOSPC]) && free() == 0
    }
    /// The policy: see the top of this file.
    fn leave_out<T>(self, attribute: &str, res: Result<T, Error>) -> Result<Option<T>, Error> {
        match res {
            Ok(value) => Ok(Some(value)),
            Err(e) if is(&e, &LEFT_OUT) => {
                self.notes.add(self.to_place, attribute, &e);
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }
    /// When it was last read and changed, as `from` has it. To be called last.
    pub(crate) fn copy_times(self, from: &Statx) -> Result<(), Error> {
        let times = times_of(from);
        let set = self.calls.step("utimensat", self.to_place, || self.to.set_times(&times));
        self.leave_out("times", set).map(drop)
    }
}

/// Takes ACLs away that something new has got from its directory.
pub(crate) fn drop_acls(
    calls: Calls<'_>,
    place: &dyn Place,
    object: Object<'_>,
    acls: &[&CStr],
) -> Result<(), Error> {
    for name in acls {
        match calls.step("fremovexattr", place, || object.remove(name)) {
            Err(e) if is(&e, &[Errno::NODATA, Errno::OPNOTSUPP, Errno::NOSYS, Errno::NOENT]) => {}
            // Some file systems refuse what they do not know with these. If there is one, it has to go.
            Err(e) if is(&e, &LEFT_OUT) => {
                if sized(|buf| calls.step("fgetxattr", place, || object.get(name, buf))).is_ok() {
                    return Err(e);
                }
            }
            res => res?,
        }
    }
    Ok(())
}

fn times_of(st: &Statx) -> Timestamps {
    let time = |t: StatxTimestamp| Timespec { tv_sec: t.tv_sec, tv_nsec: t.tv_nsec.into() };
    Timestamps { last_access: time(st.stx_atime), last_modification: time(st.stx_mtime) }
}

/// `fstat(2)`, with the same fields on every machine.
pub(crate) fn stat(fd: BorrowedFd<'_>) -> Sys<Statx> {
    fallback::statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)
}

/// The same for a name, without following it.
pub(crate) fn stat_name(dir: BorrowedFd<'_>, name: &CStr) -> Sys<Statx> {
    fallback::statx(dir, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS)
}

pub(crate) fn kind(st: &Statx) -> FileType {
    FileType::from_raw_mode(st.stx_mode.into())
}

/// The kernel's list ends each name with a NUL.
pub(crate) fn name_of(name: &[u8]) -> &CStr {
    CStr::from_bytes_with_nul(name).unwrap_or_default()
}

/// What a call puts into a buffer, in a greater one after ERANGE.
pub(crate) fn sized(call: impl FnMut(&mut [u8]) -> Result<usize, Error>) -> Result<Vec<u8>, Error> {
    fetch(call, |e| is(e, &[Errno::RANGE]))
}
