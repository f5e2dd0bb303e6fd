//! The end of a move to another file system: what was copied is removed, if it still is what was copied.
//!
//! All of it is looked at before anything goes, so that who changes something meanwhile finds the source as
//! it was; and each entry once more right before it goes.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Statx};
use rustix::io::Errno;

use crate::composite::base::attributes::{kind, stat, stat_name};
use crate::composite::base::calls::{Calls, Place};
use crate::composite::base::seen::{Seen, Spot};
use crate::composite::base::tree_dir::{Id, id, open_dir};
use crate::values::error::Error;
use crate::values::listing::{Listing, Read};

/// Names that are held at once, about.
const NAMES: usize = 4096;

/// A source, after it was copied.
pub(crate) struct Moved<'a> {
    pub(crate) calls: Calls<'a>,
    pub(crate) seen: &'a Seen,
    /// As the caller has named it.
    pub(crate) path: PathBuf,
}

/// A directory on the way down.
struct Level {
    name: CString,
    id: Id,
    /// The directory itself is as it was. If not, something in it may be what was changed, and is told rather.
    unchanged: bool,
    /// Subdirectories that are still to be looked at.
    subs: Vec<CString>,
}

/// Where an entry is, for an error to name.
struct Entry<'a> {
    moved: &'a Moved<'a>,
    /// The first one is the source itself.
    levels: &'a [Level],
    name: &'a CStr,
}

impl Place for Entry<'_> {
    fn place(&self) -> PathBuf {
        let mut path = self.moved.path.clone();
        let names = self.levels.iter().skip(1).map(|level| &*level.name).chain([self.name]);
        path.extend(names.filter(|name| !name.is_empty()).map(|name| OsStr::from_bytes(name.to_bytes())));
        path
    }
}

/// Whether something is only looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Look,
    Remove,
}

impl Moved<'_> {
    /// Removes a file, or whatever else is no directory.
    pub(crate) fn remove_file(&self, dir: BorrowedFd<'_>, name: &CStr) -> Result<(), Error> {
        let place = Entry { moved: self, levels: &[], name: c"" };
        let st = self.calls.finally("statx", &place, || stat_name(dir, name))?;
        self.check(&place, Spot { dir: None, name: c"" }, &st, (dir, name))?;
        self.calls.finally("unlinkat", &place, || rustix::fs::unlinkat(dir, name, AtFlags::empty()))
    }
    /// Removes the directory `name` in `top`, with all that is in it.
    pub(crate) fn remove_tree(&self, top: BorrowedFd<'_>, name: &CStr) -> Result<(), Error> {
        self.pass(Pass::Look, top, name)?;
        self.pass(Pass::Remove, top, name)
    }
    /// One directory is open at a time, and the way back up has to lead to where the way down came from.
    fn pass(&self, pass: Pass, top: BorrowedFd<'_>, name: &CStr) -> Result<(), Error> {
        let mut levels = Vec::new();
        let mut dir = self.enter(pass, &mut levels, top, name)?;
        loop {
            let depth = levels.len() - 1;
            if let Some(sub) = levels[depth].subs.pop() {
                dir = self.enter(pass, &mut levels, dir.as_fd(), &sub)?;
                continue;
            }
            let done = levels.remove(depth);
            let Some(above) = levels.last() else {
                return self.leave(pass, &levels, top, &done);
            };
            dir = self.up(&levels, &dir, above.id)?;
            self.leave(pass, &levels, dir.as_fd(), &done)?;
        }
    }
    /// After all that is in a directory.
    fn leave(&self, pass: Pass, levels: &[Level], dir: BorrowedFd<'_>, done: &Level) -> Result<(), Error> {
        let name = &*done.name;
        let place = Entry { moved: self, levels, name: if levels.is_empty() { c"" } else { name } };
        if pass == Pass::Look {
            return if done.unchanged { Ok(()) } else { Err(changed(&place)) };
        }
        let rmdir = || match rustix::fs::unlinkat(dir, name, AtFlags::REMOVEDIR) {
            // Something was put in after all had been removed.
            Err(Errno::NOTEMPTY | Errno::EXIST) => Err(Errno::BUSY),
            res => res,
        };
        self.calls.finally("unlinkat", &place, rmdir)
    }
    /// Opens a directory, and does with what is in it what is to be done, but for its subdirectories.
    fn enter(
        &self,
        pass: Pass,
        levels: &mut Vec<Level>,
        dir: BorrowedFd<'_>,
        name: &CStr,
    ) -> Result<OwnedFd, Error> {
        let shown = if levels.is_empty() { c"" } else { name };
        let place = Entry { moved: self, levels, name: shown };
        let fd = self.calls.finally("openat", &place, || open_dir(dir, name))?;
        let st = self.calls.finally("statx", &place, || stat(fd.as_fd()))?;
        let spot = Spot { dir: levels.last().map(|level| level.id), name: shown };
        let unchanged = self.is_unchanged(&place, spot, &st, (dir, name))?;
        if pass == Pass::Remove && !unchanged {
            return Err(changed(&place));
        }
        levels.push(Level { name: name.into(), id: id(&st), unchanged, subs: Vec::new() });
        let subs = self.entries(pass, levels, fd.as_fd())?;
        let last = levels.len() - 1;
        levels[last].subs = subs;
        Ok(fd)
    }
    /// Gives the subdirectories.
    fn entries(&self, pass: Pass, levels: &[Level], dir: BorrowedFd<'_>) -> Result<Vec<CString>, Error> {
        let here = Entry { moved: self, levels, name: c"" };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(dir, c".", flags, Mode::empty());
        let again = self.calls.finally("openat", &here, open)?;
        let listing = Listing::of_opened(Arc::new(again));
        let mut subs = Vec::new();
        let mut read = Read::Part;
        while read == Read::Part {
            let mut names = Vec::new();
            read = self.calls.finally("getdents64", &here, || {
                listing.read_some(NAMES, |entry| {
                    names.push(entry.name.to_owned());
                    Ok(())
                })
            })?;
            for name in names {
                let place = Entry { moved: self, levels, name: &name };
                if self.is_dir_or_done(pass, &place, dir)? {
                    subs.push(name);
                }
            }
        }
        Ok(subs)
    }
    /// True for a subdirectory; with anything else is done what is to be done.
    fn is_dir_or_done(&self, pass: Pass, place: &Entry<'_>, dir: BorrowedFd<'_>) -> Result<bool, Error> {
        let name = place.name;
        let st = self.calls.finally("statx", place, || stat_name(dir, name))?;
        if kind(&st) == FileType::Directory {
            return Ok(true);
        }
        let above = place.levels.last().map(|level| level.id);
        self.check(place, Spot { dir: above, name }, &st, (dir, name))?;
        if pass == Pass::Remove {
            let unlink = || rustix::fs::unlinkat(dir, name, AtFlags::empty());
            self.calls.finally("unlinkat", place, unlink)?;
        }
        Ok(false)
    }
    /// EBUSY for what was not copied, or was changed since then.
    fn check(
        &self,
        place: &Entry<'_>,
        spot: Spot<'_>,
        st: &Statx,
        found: (BorrowedFd<'_>, &CStr),
    ) -> Result<(), Error> {
        match self.is_unchanged(place, spot, st, found)? {
            true => Ok(()),
            false => Err(changed(place)),
        }
    }
    fn is_unchanged(
        &self,
        place: &Entry<'_>,
        spot: Spot<'_>,
        st: &Statx,
        found: (BorrowedFd<'_>, &CStr),
    ) -> Result<bool, Error> {
        self.seen.has(self.calls, place, spot, st, found)
    }
    fn up(&self, levels: &[Level], dir: &OwnedFd, to: Id) -> Result<OwnedFd, Error> {
        let place = Entry { moved: self, levels, name: c"" };
        let up = self.calls.finally("openat", &place, || open_dir(dir.as_fd(), c".."))?;
        let st = self.calls.finally("statx", &place, || stat(up.as_fd()))?;
        match id(&st) == to {
            true => Ok(up),
            false => Err(Error::new("openat", place.place(), Errno::BUSY)),
        }
    }
}

fn changed(place: &Entry<'_>) -> Error {
    Error::new("unlinkat", place.place(), Errno::BUSY)
}
