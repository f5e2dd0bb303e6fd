//! Takes a tree away that nobody is to miss: what a composite has made and not finished, or what it
//! has moved elsewhere.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, Statx, StatxTimestamp};
use rustix::io::Errno;

use crate::composite::base::attributes::{kind, stat, stat_name};
use crate::composite::base::calls::{Calls, Place};
use crate::composite::base::temp::is;
use crate::composite::copy_tree::dirs::{Id, id, open_dir};
use crate::values::error::Error;

const BUFFER: usize = 16 * 1024;

/// A directory on the way down, and the copy that has to have what is removed from it.
struct Level {
    dir: OwnedFd,
    id: Id,
    copy: Option<(OwnedFd, Id)>,
}

/// The ids of the directories above, and the name that leads down from them.
struct Above {
    ids: (Id, Option<Id>),
    name: CString,
}

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
            Err(e) if is(&e, &[Errno::ISDIR, Errno::PERM]) => self.remove(top, name, None),
            res => res,
        }
    }
    /// Removes the directory `name` in `top`, as long as everything in it is in `copy` as well.
    pub(crate) fn remove_copied(
        self,
        top: BorrowedFd<'_>,
        name: &CStr,
        copy: (BorrowedFd<'_>, &CStr),
    ) -> Result<(), Error> {
        self.remove(top, name, Some(copy))
    }
    fn remove(
        self,
        top: BorrowedFd<'_>,
        name: &CStr,
        copy: Option<(BorrowedFd<'_>, &CStr)>,
    ) -> Result<(), Error> {
        let mut level = self.enter(top, name, copy)?;
        let mut above: Vec<Above> = Vec::new();
        loop {
            // From the start again: what was there is gone.
            let copy = level.copy.as_ref().map(|(fd, _)| fd.as_fd());
            let sub = self.calls.finally("getdents64", self.place, || empty(level.dir.as_fd(), copy))?;
            if let Some(name) = sub {
                let next = self.enter(level.dir.as_fd(), &name, copy.map(|copy| (copy, &*name)))?;
                let ids = (level.id, level.copy.map(|(_, id)| id));
                above.push(Above { ids, name });
                level = next;
                continue;
            }
            let Some(Above { ids, name: sub }) = above.pop() else {
                return self.unlink(top, name, AtFlags::REMOVEDIR);
            };
            let dir = self.up(&level.dir, ids.0)?;
            self.unlink(dir.as_fd(), &sub, AtFlags::REMOVEDIR)?;
            let copy = match (&level.copy, ids.1) {
                (Some((fd, _)), Some(id)) => Some((self.up(fd, id)?, id)),
                _ => None,
            };
            level = Level { dir, id: ids.0, copy };
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
    fn enter(
        self,
        dir: BorrowedFd<'_>,
        name: &CStr,
        copy: Option<(BorrowedFd<'_>, &CStr)>,
    ) -> Result<Level, Error> {
        let (dir, st) = self.open(dir, name)?;
        let id_of = |(fd, st): (OwnedFd, Statx)| (fd, id(&st));
        let copy = match copy.map(|(dir, name)| self.open(dir, name).map(id_of)).transpose() {
            Err(e) if is(&e, &[Errno::NOENT]) => {
                return Err(Error::new("openat", self.place.place(), Errno::BUSY));
            }
            copy => copy?,
        };
        // What we have made ourselves may have got a mode that keeps us out.
        if copy.is_none() && u32::from(st.stx_mode) & Mode::RWXU.bits() != Mode::RWXU.bits() {
            self.calls.finally("fchmod", self.place, || rustix::fs::fchmod(&dir, Mode::RWXU))?;
        }
        Ok(Level { id: id(&st), dir, copy })
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
fn empty(dir: BorrowedFd<'_>, copy: Option<BorrowedFd<'_>>) -> rustix::io::Result<Option<CString>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let again = rustix::fs::openat(dir, c".", flags, Mode::empty())?;
    let mut buffer = [const { MaybeUninit::uninit() }; BUFFER];
    let mut entries = RawDir::new(&again, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if entry.file_type() == FileType::Directory {
            return Ok(Some(name.into()));
        }
        if let Some(copy) = copy
            && !has(copy, name, &stat_name(dir, name)?)?
        {
            return Err(Errno::BUSY);
        }
        match rustix::fs::unlinkat(dir, name, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => return Ok(Some(name.into())),
            Err(Errno::NOENT) => {}
            res => res?,
        }
    }
    Ok(None)
}

/// Whether the copy has this as it is now, and not as it was before somebody changed it.
fn has(copy: BorrowedFd<'_>, name: &CStr, st: &Statx) -> rustix::io::Result<bool> {
    let copied = match stat_name(copy, name) {
        Err(Errno::NOENT) => return Ok(false),
        copied => copied?,
    };
    let same_file = kind(&copied) == kind(st) && copied.stx_size == st.stx_size;
    Ok(same_file && (kind(st) != FileType::RegularFile || same_time(copied.stx_mtime, st.stx_mtime)))
}

/// Some file systems keep times in seconds, or in twos of them.
pub(crate) fn same_time(copy: StatxTimestamp, original: StatxTimestamp) -> bool {
    let coarse = copy.tv_nsec == 0 && (copy.tv_sec - original.tv_sec).abs() < 2;
    coarse || (copy.tv_sec, copy.tv_nsec) == (original.tv_sec, original.tv_nsec)
}
