//! A directory of a tree, as a handle.
//!
//! Whatever is done is done by a name in an open directory, never through a symbolic link, so nobody
//! who renames inside the tree can lead it elsewhere. A bounded number of directories is open. One that
//! was closed is opened again from the directory above it or from one below it (`opened.rs`), and has
//! to be the same directory then.

mod identity;
mod opened;
mod place;

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

pub(crate) use identity::{Id, id, open_dir};
pub(crate) use opened::Tree;
pub(crate) use place::Spot;

use rustix::fs::{Mode, Statx};
use rustix::io::Errno;

use crate::composite::base::attributes::stat;
use crate::composite::base::calls::{Calls, Place};
use crate::values::error::Error;
use crate::values::listing::{self, Listing};

/// What a directory is in.
enum Above<D> {
    Dir(Arc<Dir<D>>),
    /// Of a root that is to be removed: it is no part of the tree, and stays open.
    Outside(Arc<OwnedFd>),
    /// Of a root that stays open, and need not be reached from above.
    NotNeeded,
    /// While it is being freed.
    Nothing,
}

/// A directory. `D` is what is to be known of each in its kind of tree.
pub(crate) struct Dir<D> {
    pub(crate) tree: Arc<Tree<D>>,
    above: Above<D>,
    name: CString,
    /// Directories above it in the tree.
    pub(crate) depth: usize,
    id: Id,
    open: Mutex<Option<Arc<OwnedFd>>>,
    pub(crate) data: D,
}

impl<D> Dir<D> {
    /// Opens the root `name` of a tree, in a directory that is no part of it.
    pub(crate) fn root(
        tree: &Arc<Tree<D>>,
        outside: Arc<OwnedFd>,
        name: &CStr,
        data: D,
    ) -> Result<Arc<Self>, Error> {
        let (calls, place) = (tree.calls(), tree.place());
        let fd = calls.step("openat", &place, || open_dir(outside.as_fd(), name))?;
        let st = calls.step("statx", &place, || stat(fd.as_fd()))?;
        Ok(Self::new(tree, Above::Outside(outside), name, (fd, id(&st)), data))
    }
    /// A root that the caller has opened. It stays open as long as there is one who uses it.
    pub(crate) fn opened_root(tree: &Arc<Tree<D>>, fd: OwnedFd, st: &Statx, data: D) -> Arc<Self> {
        Self::new(tree, Above::NotNeeded, c"", (fd, id(st)), data)
    }
    /// Opens the directory `name` in this one. EXDEV if it is on another file system, and not to be.
    pub(crate) fn begin(
        self: &Arc<Self>,
        name: &CStr,
        data: impl FnOnce(&Statx) -> D,
    ) -> Result<Arc<Self>, Error> {
        let above = self.fd()?;
        let (fd, st) = enter(self.tree.calls(), &self.spot(name), above.as_fd(), name)?;
        if self.tree.one_file_system && (self.id.0, self.id.1) != (st.stx_dev_major, st.stx_dev_minor) {
            return Err(Error::new("openat", self.spot(name).place(), Errno::XDEV));
        }
        let data = data(&st);
        Ok(Self::new(&self.tree, Above::Dir(self.clone()), name, (fd, id(&st)), data))
    }
    /// Makes the directory `name` in this one, for its owner only, and opens it.
    pub(crate) fn make(self: &Arc<Self>, name: &CStr, data: D) -> Result<Arc<Self>, Error> {
        let (calls, place, above) = (self.tree.calls(), self.spot(name), self.fd()?);
        calls.step("mkdirat", &place, || rustix::fs::mkdirat(&above, name, Mode::RWXU))?;
        let (fd, st) = enter(calls, &place, above.as_fd(), name)?;
        // Somebody may have put another directory in its place, to have it written into.
        let is_full = || listing::find(&fd, |_| Some(())).map(|name| name.is_some());
        if calls.step("getdents64", &place, is_full)? {
            return Err(Error::new("getdents64", place.place(), Errno::BUSY));
        }
        Ok(Self::new(&self.tree, Above::Dir(self.clone()), name, (fd, id(&st)), data))
    }
    fn new(tree: &Arc<Tree<D>>, above: Above<D>, name: &CStr, open: (OwnedFd, Id), data: D) -> Arc<Self> {
        let (tree, name, (fd, id)) = (tree.clone(), name.into(), open);
        let depth = match &above {
            Above::Dir(dir) => dir.depth + 1,
            _ => 0,
        };
        Arc::new(Dir { tree, above, name, depth, id, open: Mutex::new(Some(Arc::new(fd))), data })
    }
    pub(crate) fn above(&self) -> Option<&Arc<Self>> {
        match &self.above {
            Above::Dir(dir) => Some(dir),
            _ => None,
        }
    }
    /// What the directory has its name in.
    pub(crate) fn fd_above(&self) -> Result<Up<'_>, Error> {
        match &self.above {
            Above::NotNeeded | Above::Nothing => unreachable!("such a root is not removed"),
            Above::Outside(fd) => Ok(Up::Outside(fd)),
            Above::Dir(above) => above.fd().map(Up::Dir),
        }
    }
    pub(crate) fn name(&self) -> &CStr {
        &self.name
    }
    pub(crate) fn id(&self) -> Id {
        self.id
    }
    /// The names in it, of a directory that was begun and of which nobody has read any.
    pub(crate) fn listing(self: &Arc<Self>) -> Result<Listing, Error> {
        Ok(Listing::of_opened(self.fd()?))
    }
    /// The same of a directory that may have been read.
    pub(crate) fn listing_again(self: &Arc<Self>) -> Result<Listing, Error> {
        let fd = self.fd()?;
        self.tree.calls().step("lseek", &self.spot(c""), || Listing::from_start(fd.clone()))
    }
    pub(crate) fn spot<'a>(&'a self, name: &'a CStr) -> Spot<'a, D> {
        Spot { dir: self, name }
    }
    /// The path from the root on.
    pub(crate) fn path(&self) -> PathBuf {
        let mut names = Vec::new();
        let mut dir = self;
        while let Above::Dir(above) = &dir.above {
            names.push(dir.name.to_bytes());
            dir = above;
        }
        names.into_iter().rev().map(OsStr::from_bytes).collect()
    }
}

/// Opens a directory, and says which it is.
fn enter(
    calls: Calls<'_>,
    place: &dyn Place,
    dir: BorrowedFd<'_>,
    name: &CStr,
) -> Result<(OwnedFd, Statx), Error> {
    let fd = calls.step("openat", place, || open_dir(dir, name))?;
    let st = calls.step("statx", place, || stat(fd.as_fd()))?;
    Ok((fd, st))
}

/// What a directory has its name in.
pub(crate) enum Up<'a> {
    Dir(Arc<OwnedFd>),
    Outside(&'a OwnedFd),
}

impl AsFd for Up<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Up::Dir(fd) => fd.as_fd(),
            Up::Outside(fd) => fd.as_fd(),
        }
    }
}

impl<D> Drop for Dir<D> {
    /// A deep tree would take a deep stack, if each freed the one above it.
    fn drop(&mut self) {
        let take = |above: &mut Above<D>| match std::mem::replace(above, Above::Nothing) {
            Above::Dir(dir) => Arc::into_inner(dir),
            _ => None,
        };
        let mut above = take(&mut self.above);
        while let Some(mut dir) = above {
            above = take(&mut dir.above);
        }
    }
}
