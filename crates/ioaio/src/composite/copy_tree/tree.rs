//! What the requests of one copy of a tree share.

use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};

use rustix::fs::{AtFlags, Statx};
use rustix::io::Errno;

use super::dirs::{Dirs, Fds};
use crate::Progress;
use crate::composite::base::calls::Calls;
use crate::composite::base::contents::Contents;
use crate::composite::base::errors::Errors;
use crate::composite::base::not_kept::Notes;
use crate::composite::base::seen::Seen;
use crate::composite::base::temp::{NO_LINKS, is};
use crate::composite::base::tree_dir::{Id, id};
use crate::request::control::Control;
use crate::values::error::Error;

const SHARDS: usize = 64;

pub(crate) struct Tree {
    /// The roots, of the original and of the copy under its temporary name.
    pub(crate) from: Id,
    pub(crate) temp: Id,
    pub(crate) one_file_system: bool,
    pub(crate) keep_going: bool,
    pub(crate) contents: Contents,
    pub(crate) progress: Progress,
    pub(crate) control: Arc<Control>,
    pub(crate) links: Links,
    /// What could not be copied; see [`CopyTree`](super::CopyTree).
    pub(crate) errors: Mutex<Errors>,
    /// `syncfs(2)` does not reach the server: each file and directory is synced.
    pub(crate) sync_each: bool,
    pub(crate) notes: Notes,
    /// For a move, which removes what it has copied.
    pub(crate) seen: Option<Arc<Seen>>,
}

impl Tree {
    pub(crate) fn calls(&self) -> Calls<'_> {
        Calls(&self.control)
    }
    /// An error of one entry: recorded, or the end of it all.
    pub(crate) fn tolerate<T>(&self, res: Result<T, Error>) -> Result<Option<T>, Error> {
        let error = match res {
            Ok(value) => return Ok(Some(value)),
            Err(e) if !self.keep_going || is(&e, &[Errno::CANCELED]) => return Err(e),
            Err(e) => e,
        };
        self.errors.lock().expect("errors").add(error);
        Ok(None)
    }
}

/// Files with several names become one file with several names: the first copy goes into a
/// directory of its own, named after the original's inode, and every name is linked from there. So
/// nothing has to be remembered, however many there are.
pub(crate) struct Links {
    pub(crate) dir: OwnedFd,
    pub(crate) name: CString,
    /// Held while a file is copied, for nobody to link to a part of it.
    busy: [Mutex<()>; SHARDS],
}

impl Links {
    pub(crate) fn new(dir: OwnedFd, name: CString) -> Self {
        Links { dir, name, busy: [const { Mutex::new(()) }; SHARDS] }
    }
    /// Links `to` to the copy of the file `st`, after `copy` has made that if there is none yet.
    pub(crate) fn link(
        &self,
        dirs: &Dirs,
        to: &Fds,
        name: &std::ffi::CStr,
        st: &Statx,
        copy: impl FnOnce(&OwnedFd, &std::ffi::CStr) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (major, minor, ino) = id(st);
        let kept = CString::new(format!("{major}-{minor}-{ino}")).expect("digits");
        let (calls, place) = (dirs.tree.calls(), dirs.to(name));
        let (from, to) = (self.dir.as_fd(), to.to.as_fd());
        let link =
            || calls.step("linkat", &place, || rustix::fs::linkat(from, &kept, to, name, AtFlags::empty()));
        let _busy = self.busy[ino as usize % SHARDS].lock().expect("no code panics here");
        match link() {
            Err(e) if is(&e, &[Errno::NOENT]) => {}
            // As many names as a file can have: here begins another one.
            Err(e) if is(&e, &NO_LINKS) => {
                dirs.tree.notes.add(&place, "hard link", &e);
                calls.step("unlinkat", &place, || rustix::fs::unlinkat(from, &kept, AtFlags::empty()))?;
            }
            res => return res,
        }
        copy(&self.dir, &kept)?;
        match link() {
            // There are none here, or not for us: each name gets a copy.
            Err(e) if is(&e, &NO_LINKS) => {
                dirs.tree.notes.add(&place, "hard link", &e);
                calls.step("renameat", &place, || rustix::fs::renameat(from, &kept, to, name))
            }
            res => res,
        }
    }
}
