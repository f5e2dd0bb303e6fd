//! A directory of the source and the one of the copy that it becomes, as a pair of handles.

use std::cmp::Reverse;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::fs::{FileType, Statx};
use rustix::io::Errno;

use super::tree::Tree;
use crate::composite::base::attributes::{Object, Pair, Which, kind, stat_name};
use crate::composite::base::calls::Place;
use crate::composite::base::seen;
use crate::composite::base::tree_dir::{self, Dir, Id};
use crate::values::error::Error;
use crate::values::listing::{Listing, Name, Read};

/// Names that one request takes on, at least, where there are more.
const NAMES: usize = 256;

pub(crate) type Spot<'a> = tree_dir::Spot<'a, ()>;

pub(crate) struct Fds {
    pub(crate) from: Arc<OwnedFd>,
    pub(crate) to: Arc<OwnedFd>,
}

/// A directory and its copy.
pub(crate) struct Dirs {
    pub(crate) tree: Arc<Tree>,
    parent: Option<Arc<Dirs>>,
    from: Arc<Dir<()>>,
    to: Arc<Dir<()>>,
    /// Of the original, from before its names were read.
    st: Statx,
    /// Subdirectories to begin with, requests under way, and one while names are left. At zero the
    /// directory has all of its entries.
    left: AtomicUsize,
}

impl Dirs {
    pub(crate) fn root(tree: Arc<Tree>, from: Arc<Dir<()>>, to: Arc<Dir<()>>, st: Statx) -> Arc<Self> {
        Arc::new(Dirs { tree, parent: None, from, to, st, left: AtomicUsize::new(1) })
    }
    /// Opens the subdirectory `name`, and makes its copy.
    pub(crate) fn begin(parent: &Arc<Dirs>, name: &CStr) -> Result<Arc<Self>, Error> {
        let tree = &parent.tree;
        let mut original = None;
        let from = parent.from.begin(name, |st| original = Some(*st))?;
        let st = original.expect("it was asked for");
        if from.id() == tree.temp {
            return Err(Error::new("openat", parent.from(name).place(), Errno::INVAL));
        }
        if let Some(seen) = &tree.seen {
            let (fd, place) = (from.fd()?, parent.from(name));
            let spot = seen::Spot { dir: Some(parent.original()), name };
            seen.add(tree.calls(), &place, spot, &st, Object::Open(fd.as_fd()))?;
        }
        let to = parent.to.make(name, ())?;
        [&from, &to].into_iter().for_each(Dir::stay_open);
        let (tree, parent) = (tree.clone(), Some(parent.clone()));
        Ok(Arc::new(Dirs { tree, parent, from, to, st, left: AtomicUsize::new(1) }))
    }
    /// What is on another file system may stay there.
    pub(crate) fn is_elsewhere(&self) -> bool {
        (self.st.stx_dev_major, self.st.stx_dev_minor) != (self.tree.from.0, self.tree.from.1)
    }
    /// The directory that is copied.
    pub(crate) fn original(&self) -> Id {
        self.from.id()
    }
    pub(crate) fn from<'a>(&'a self, name: &'a CStr) -> Spot<'a> {
        self.from.spot(name)
    }
    pub(crate) fn to<'a>(&'a self, name: &'a CStr) -> Spot<'a> {
        self.to.spot(name)
    }
    /// The open handles. Who holds them keeps them open.
    pub(crate) fn fds(&self) -> Result<Fds, Error> {
        Ok(Fds { from: self.from.fd()?, to: self.to.fd()? })
    }
    /// The names of the original. The caller counts as under way.
    pub(crate) fn listing(&self) -> Result<Listing, Error> {
        self.from.listing()
    }
    /// Some of the names that are left, with the lowest inode last, which is where they are taken
    /// from: near one another on a disk. After the last ones, or an error, nothing
    /// is left.
    pub(crate) fn next(&self, listing: Listing) -> Result<Batch, Error> {
        let (calls, place) = (self.tree.calls(), self.from(c""));
        let mut names = Vec::new();
        let read = calls.step("getdents64", &place, || {
            listing.read_some(NAMES, |Name { name, kind, ino }| {
                names.push(Entry { name: name.into(), kind, ino });
                Ok(())
            })
        });
        let read = self.tree.tolerate(read)?;
        names.sort_unstable_by_key(|entry| Reverse(entry.ino));
        Ok(Batch { names, left: (read == Some(Read::Part)).then_some(listing) })
    }
    /// What a name stands for, where the directory does not tell.
    pub(crate) fn kind_of(&self, fds: &Fds, name: &CStr) -> Result<FileType, Error> {
        let (calls, place) = (self.tree.calls(), self.from(name));
        calls.step("statx", &place, || stat_name(fds.from.as_fd(), name)).map(|st| kind(&st))
    }
    /// One thing more to do in it.
    pub(crate) fn expect(&self) {
        self.left.fetch_add(1, Ordering::Relaxed);
    }
    /// One thing less to do in it; after the last one it gets its attributes and times.
    pub(crate) fn done(&self) -> Result<(), Error> {
        // The root is finished when all of the tree is.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 && self.parent.is_some() {
            self.finish()?;
            self.tree.progress.add_entry();
        }
        Ok(())
    }
    pub(crate) fn finish(&self) -> Result<(), Error> {
        let fds = self.fds()?;
        let (from_place, to_place) = (self.from(c""), self.to(c""));
        let pair = Pair {
            calls: self.tree.calls(),
            from: Object::Open(fds.from.as_fd()),
            from_place: &from_place,
            to: Object::Open(fds.to.as_fd()),
            to_place: &to_place,
            notes: &self.tree.notes,
        };
        pair.copy_owner_and_mode(&self.st, Which::All)?;
        pair.copy_times(&self.st)?;
        match self.tree.sync_each {
            true => self.tree.calls().step("fsync", &to_place, || rustix::fs::fsync(&fds.to)),
            false => Ok(()),
        }
    }
}

impl Drop for Dirs {
    /// A deep tree would take a deep stack, if each freed its parent.
    fn drop(&mut self) {
        let mut parent = self.parent.take();
        while let Some(mut dirs) = parent.and_then(Arc::into_inner) {
            parent = dirs.parent.take();
        }
    }
}

pub(crate) struct Batch {
    pub(crate) names: Vec<Entry>,
    /// There are more.
    pub(crate) left: Option<Listing>,
}

pub(crate) struct Entry {
    pub(crate) name: CString,
    pub(crate) kind: FileType,
    pub(crate) ino: u64,
}
