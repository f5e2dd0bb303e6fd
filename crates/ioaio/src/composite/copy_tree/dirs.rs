//! A directory of the source and the one of the copy that it becomes, as a pair of handles.
//!
//! Whatever is done in them is done by a name in an open directory, and never through a symbolic
//! link, so nobody who renames inside the tree can make a copy read or write outside of it. Only a
//! bounded number is open; one that was closed is opened again from its parents, and has to be the
//! same directory then.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::ffi::{CStr, CString, OsStr};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use rustix::fs::{FileType, Mode, OFlags, RawDir, SeekFrom, Statx};
use rustix::io::Errno;

use super::tree::Tree;
use crate::composite::base::attributes::{Object, Pair, Which, stat};
use crate::composite::base::calls::Place;
use crate::composite::base::seen;
use crate::values::error::Error;

/// Pairs that stay open without being in use.
const OPEN: usize = 8;
/// Names that one request takes on, about.
const NAMES: usize = 256;
const BUFFER: usize = 16 * 1024;

/// The device and inode of a directory.
pub(crate) type Id = (u32, u32, u64);

pub(crate) fn id(st: &Statx) -> Id {
    (st.stx_dev_major, st.stx_dev_minor, st.stx_ino)
}

pub(crate) struct Fds {
    pub(crate) from: OwnedFd,
    pub(crate) to: OwnedFd,
}

/// A directory and its copy.
pub(crate) struct Dirs {
    pub(crate) tree: Arc<Tree>,
    parent: Option<Arc<Dirs>>,
    name: CString,
    ids: (Id, Id),
    /// Of the original, from before its names were read.
    st: Statx,
    stream: Mutex<Stream>,
    /// Subdirectories to begin with, requests under way, and one while names are left. At zero the
    /// directory has all of its entries.
    left: AtomicUsize,
    open: Mutex<Option<Arc<Fds>>>,
}

#[derive(Default)]
struct Stream {
    /// Where the next names are.
    cookie: u64,
    ended: bool,
}

/// Which pairs are open, the longest unused first.
#[derive(Default)]
pub(crate) struct Opened(Mutex<VecDeque<Weak<Dirs>>>);

pub(crate) fn open_dir(dir: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(dir, name, flags, Mode::empty())
}

impl Dirs {
    pub(crate) fn root(tree: Arc<Tree>, fds: Fds, ids: (Id, Id), st: Statx) -> Arc<Self> {
        Arc::new(Dirs {
            tree,
            parent: None,
            name: CString::default(),
            ids,
            st,
            stream: Mutex::default(),
            left: AtomicUsize::new(1),
            open: Mutex::new(Some(Arc::new(fds))),
        })
    }
    /// Opens the subdirectory `name`, and makes its copy.
    pub(crate) fn begin(parent: &Arc<Dirs>, name: &CStr) -> Result<Arc<Self>, Error> {
        let tree = &parent.tree;
        let calls = tree.calls();
        let (from_place, to_place) = (parent.from(name), parent.to(name));
        let fds = parent.fds()?;
        let from = calls.step("openat", &from_place, || open_dir(fds.from.as_fd(), name))?;
        let st = calls.step("statx", &from_place, || stat(from.as_fd()))?;
        if id(&st) == tree.temp {
            return Err(Error::new("openat", from_place.place(), Errno::INVAL));
        }
        if let Some(seen) = &tree.seen {
            let spot = seen::Spot { dir: Some(parent.original()), name };
            seen.add(calls, &from_place, spot, &st, Object::Open(from.as_fd()))?;
        }
        calls.step("mkdirat", &to_place, || rustix::fs::mkdirat(&fds.to, name, Mode::RWXU))?;
        let to = calls.step("openat", &to_place, || open_dir(fds.to.as_fd(), name))?;
        let copy = calls.step("statx", &to_place, || stat(to.as_fd()))?;
        // Somebody may have put another directory in its place, to have it written into.
        if !calls.step("getdents64", &to_place, || is_empty(to.as_fd()))? {
            return Err(Error::new("getdents64", to_place.place(), Errno::BUSY));
        }
        let ended =
            tree.one_file_system && (st.stx_dev_major, st.stx_dev_minor) != (tree.from.0, tree.from.1);
        let dirs = Arc::new(Dirs {
            tree: tree.clone(),
            parent: Some(parent.clone()),
            name: name.into(),
            ids: (id(&st), id(&copy)),
            st,
            stream: Mutex::new(Stream { cookie: 0, ended }),
            left: AtomicUsize::new(usize::from(!ended)),
            open: Mutex::new(Some(Arc::new(Fds { from, to }))),
        });
        tree.opened.add(&dirs);
        Ok(dirs)
    }
    /// The directory that is copied.
    pub(crate) fn original(&self) -> Id {
        self.ids.0
    }
    pub(crate) fn from<'a>(&'a self, name: &'a CStr) -> Spot<'a> {
        Spot { dirs: self, name, root: &self.tree.from_path }
    }
    pub(crate) fn to<'a>(&'a self, name: &'a CStr) -> Spot<'a> {
        Spot { dirs: self, name, root: &self.tree.to_path }
    }
    /// The open handles. Who holds them keeps them open.
    pub(crate) fn fds(self: &Arc<Self>) -> Result<Arc<Fds>, Error> {
        if let Some(fds) = self.opened() {
            return Ok(fds);
        }
        // Down from the first that is open; the root always is.
        let mut closed = vec![self];
        let mut fds = loop {
            let dirs = closed[closed.len() - 1];
            let parent = dirs.parent.as_ref().expect("the root stays open");
            match parent.opened() {
                Some(fds) => break fds,
                None => closed.push(parent),
            }
        };
        while let Some(dirs) = closed.pop() {
            fds = Arc::new(dirs.reopen(&fds)?);
        }
        *self.open.lock().expect("open") = Some(fds.clone());
        self.tree.opened.add(self);
        Ok(fds)
    }
    fn opened(&self) -> Option<Arc<Fds>> {
        self.open.lock().expect("open").clone()
    }
    fn reopen(&self, parent: &Fds) -> Result<Fds, Error> {
        let again = |dir: BorrowedFd<'_>, place: Spot<'_>, ours: Id| {
            let calls = self.tree.calls();
            let fd = calls.step("openat", &place, || open_dir(dir, &self.name))?;
            let st = calls.step("statx", &place, || stat(fd.as_fd()))?;
            match id(&st) == ours {
                true => Ok(fd),
                false => Err(Error::new("openat", place.place(), Errno::BUSY)),
            }
        };
        let from = again(parent.from.as_fd(), self.from(c""), self.ids.0)?;
        let to = again(parent.to.as_fd(), self.to(c""), self.ids.1)?;
        Ok(Fds { from, to })
    }
    /// Some of the names that are left, with the lowest inode last, which is where they are taken
    /// from: near one another on a disk. The caller counts as under way.
    pub(crate) fn next(self: &Arc<Self>, fds: &Fds) -> Result<Batch, Error> {
        let mut stream = self.stream.lock().expect("stream");
        self.left.fetch_add(1, Ordering::Relaxed);
        let mut batch = Batch { names: Vec::new(), ended: true };
        if stream.ended {
            return Ok(batch);
        }
        let (calls, place) = (self.tree.calls(), self.from(c""));
        let Stream { cookie, ended } = &mut *stream;
        let read = calls.step("getdents64", &place, || {
            if *cookie != 0 {
                rustix::fs::seek(&fds.from, SeekFrom::Start(*cookie))?;
            }
            batch.read(fds.from.as_fd(), cookie)
        });
        // After an error there are no more names to be had.
        batch.ended = *read.as_ref().unwrap_or(&true);
        *ended = batch.ended;
        let dirs = batch.names.iter().filter(|entry| entry.kind == FileType::Directory).count();
        self.left.fetch_add(dirs, Ordering::Relaxed);
        if batch.ended {
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
        batch.names.sort_unstable_by_key(|entry| Reverse(entry.ino));
        read.map(|_| batch)
    }
    /// One thing more to do in it.
    pub(crate) fn expect(&self) {
        self.left.fetch_add(1, Ordering::Relaxed);
    }
    /// One thing less to do in it; after the last one it gets its attributes and times.
    pub(crate) fn done(self: &Arc<Self>) -> Result<(), Error> {
        // The root is finished when all of the tree is.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 && self.parent.is_some() {
            self.finish()?;
            self.tree.progress.add_entry();
        }
        Ok(())
    }
    pub(crate) fn finish(self: &Arc<Self>) -> Result<(), Error> {
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

impl Opened {
    fn add(&self, dirs: &Arc<Dirs>) {
        let mut opened = self.0.lock().expect("opened");
        opened.push_back(Arc::downgrade(dirs));
        while opened.len() > OPEN {
            if let Some(oldest) = opened.pop_front().and_then(|dirs| dirs.upgrade()) {
                let fds = oldest.open.lock().expect("open").take();
                drop(fds);
            }
        }
    }
}

pub(crate) struct Batch {
    pub(crate) names: Vec<Entry>,
    pub(crate) ended: bool,
}

pub(crate) struct Entry {
    pub(crate) name: CString,
    pub(crate) kind: FileType,
    ino: u64,
}

impl Batch {
    /// True at the end of the directory.
    fn read(&mut self, dir: BorrowedFd<'_>, cookie: &mut u64) -> rustix::io::Result<bool> {
        let mut buffer = [const { MaybeUninit::uninit() }; BUFFER];
        let mut entries = RawDir::new(dir, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            *cookie = entry.next_entry_cookie();
            let name = entry.file_name();
            if name != c"." && name != c".." {
                let kind = match entry.file_type() {
                    FileType::Unknown => kind_of(dir, name)?,
                    kind => kind,
                };
                self.names.push(Entry { name: name.into(), kind, ino: entry.ino() });
            }
            if self.names.len() >= NAMES && entries.is_buffer_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn kind_of(dir: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<FileType> {
    use crate::composite::base::attributes::{kind, stat_name};
    stat_name(dir, name).map(|st| kind(&st))
}

fn is_empty(dir: BorrowedFd<'_>) -> rustix::io::Result<bool> {
    let mut batch = Batch { names: Vec::new(), ended: false };
    Ok(batch.read(dir, &mut 0)? && batch.names.is_empty())
}

/// A place in the tree, as errors name it.
pub(crate) struct Spot<'a> {
    dirs: &'a Dirs,
    name: &'a CStr,
    root: &'a PathBuf,
}

impl Place for Spot<'_> {
    fn place(&self) -> PathBuf {
        let mut names = vec![self.name];
        let mut dirs = self.dirs;
        while let Some(parent) = &dirs.parent {
            names.push(&dirs.name);
            dirs = parent;
        }
        let mut path = self.root.clone();
        let names = names.into_iter().rev().filter(|name| !name.is_empty());
        path.extend(names.map(|name| OsStr::from_bytes(name.to_bytes())));
        path
    }
}
