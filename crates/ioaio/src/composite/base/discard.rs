//! Takes a tree away that nobody is to miss: what a composite has made and not finished.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Statx};
use rustix::io::Errno;

use crate::composite::base::attributes::{kind, stat, stat_name};
use crate::composite::base::calls::{Calls, Place};
use crate::composite::base::temp::is;
use crate::composite::base::tree_dir::{Id, id, open_dir};
use crate::values::error::Error;
use crate::values::listing;

/// How to remove a tree.
#[derive(Clone, Copy)]
pub(crate) struct Remover<'a> {
    pub(crate) calls: Calls<'a>,
    pub(crate) place: &'a dyn Place,
}

impl Remover<'_> {
    /// Removes `name` in `top`, whatever it is. One directory is open at a time, and the way back up
    /// has to lead to the directory that the way down came from.
    pub(crate) fn discard(self, top: BorrowedFd<'_>, name: &CStr) -> Result<(), Error> {
        match self.unlink(top, name, AtFlags::empty()) {
            Err(e) if is(&e, &[Errno::ISDIR, Errno::PERM]) => {
                let st = self.calls.finally("statx", self.place, || stat_name(top, name))?;
                match kind(&st) {
                    FileType::Directory => self.remove(top, name),
                    _ => Err(e),
                }
            }
            res => res,
        }
    }
    fn remove(self, top: BorrowedFd<'_>, name: &CStr) -> Result<(), Error> {
        let (mut dir, mut dir_id) = self.enter(top, name)?;
        // The ids of the directories above, and the names that lead down from them.
        let mut above: Vec<(Id, CString)> = Vec::new();
        loop {
            // From the start again: what was there is gone.
            let sub = self.calls.finally("getdents64", self.place, || empty(dir.as_fd()))?;
            if let Some(name) = sub {
                let next = self.enter(dir.as_fd(), &name)?;
                above.push((dir_id, name));
                (dir, dir_id) = next;
                continue;
            }
            let Some((id_above, sub)) = above.pop() else {
                return self.unlink(top, name, AtFlags::REMOVEDIR);
            };
            (dir, dir_id) = (self.up(&dir, id_above)?, id_above);
            self.unlink(dir.as_fd(), &sub, AtFlags::REMOVEDIR)?;
        }
    }
    fn unlink(self, dir: BorrowedFd<'_>, name: &CStr, flags: AtFlags) -> Result<(), Error> {
        self.calls.finally("unlinkat", self.place, || rustix::fs::unlinkat(dir, name, flags))
    }
    fn open(self, dir: BorrowedFd<'_>, name: &CStr) -> Result<(OwnedFd, Statx), Error> {
        let dir = self.calls.finally("openat", self.place, || open_dir(dir, name))?;
        let st = self.calls.finally("statx", self.place, || stat(dir.as_fd()))?;
        Ok((dir, st))
    }
    fn enter(self, dir: BorrowedFd<'_>, name: &CStr) -> Result<(OwnedFd, Id), Error> {
        let (dir, st) = self.open(dir, name)?;
        // What we have made ourselves may have got a mode that keeps us out.
        if u32::from(st.stx_mode) & Mode::RWXU.bits() != Mode::RWXU.bits() {
            self.calls.finally("fchmod", self.place, || rustix::fs::fchmod(&dir, Mode::RWXU))?;
        }
        Ok((dir, id(&st)))
    }
    fn up(self, dir: &OwnedFd, to: Id) -> Result<OwnedFd, Error> {
        let (up, st) = self.open(dir.as_fd(), c"..")?;
        match id(&st) == to {
            true => Ok(up),
            false => Err(Error::new("openat", self.place.place(), Errno::BUSY)),
        }
    }
}

/// Removes everything up to the first directory, and gives its name.
fn empty(dir: BorrowedFd<'_>) -> rustix::io::Result<Option<CString>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let again = rustix::fs::openat(dir, c".", flags, Mode::empty())?;
    let remove = |entry: listing::Name<'_>| match remove_entry(dir, &entry) {
        Ok(true) => Some(Ok(entry.name.to_owned())),
        Ok(false) => None,
        Err(e) => Some(Err(e)),
    };
    listing::find(&again, remove)?.transpose()
}

/// True for a directory, which stays.
fn remove_entry(dir: BorrowedFd<'_>, entry: &listing::Name<'_>) -> rustix::io::Result<bool> {
    let name = entry.name;
    if entry.kind == FileType::Directory {
        return Ok(true);
    }
    match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
        Err(e @ (Errno::ISDIR | Errno::PERM)) => match kind(&stat_name(dir, name)?) {
            FileType::Directory => Ok(true),
            _ => Err(e),
        },
        Err(Errno::NOENT) => Ok(false),
        res => res.map(|()| false),
    }
}
