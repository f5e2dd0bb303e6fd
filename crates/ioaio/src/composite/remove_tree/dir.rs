//! A directory that is being removed, as a handle.
//!
//! Whatever is done is done by a name in an open directory, never through a symbolic link. A bounded
//! number of directories is open. One that was closed is opened again from the directory above it or
//! from one below it, and has to be the same directory then.

use std::collections::VecDeque;
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use rustix::fs::{AtFlags, Statx};
use rustix::io::Errno;

use crate::Progress;
use crate::composite::attributes::stat;
use crate::composite::calls::{Calls, Place};
use crate::composite::copy_tree::dirs::{Id, id, open_dir};
use crate::composite::temp::is;
use crate::error::Error;
use crate::task::Control;

/// Directories that stay open without being in use.
const OPEN: usize = 16;
/// How often a directory is listed anew because something was put in meanwhile.
const PASSES: u32 = 8;

/// What the requests of one removal share.
pub(crate) struct Tree {
    pub(crate) path: PathBuf,
    pub(crate) one_file_system: bool,
    pub(crate) progress: Progress,
    pub(crate) control: Arc<Control>,
    pub(crate) opened: Opened,
    /// The first.
    pub(crate) error: Mutex<Option<Error>>,
}

impl Tree {
    pub(crate) fn calls(&self) -> Calls<'_> {
        Calls(&self.control)
    }
    /// Keeps the first error; the others follow from it or are like it.
    pub(crate) fn record(&self, error: Error) {
        self.error.lock().expect("error").get_or_insert(error);
    }
    /// An error of one entry does not keep the others from being removed; a cancel does.
    pub(crate) fn tolerate<T>(&self, res: Result<T, Error>) -> Result<Option<T>, Error> {
        match res {
            Ok(value) => Ok(Some(value)),
            Err(e) if is(&e, &[Errno::CANCELED]) => Err(e),
            Err(e) => {
                self.record(e);
                Ok(None)
            }
        }
    }
    pub(crate) fn result(&self) -> Result<(), Error> {
        match self.error.lock().expect("error").take() {
            Some(e) => Err(e),
            None if self.control.cancelled() => Err(Error::new("remove_tree", &self.path, Errno::CANCELED)),
            None => Ok(()),
        }
    }
}

/// Which directories are open, the longest unused first.
#[derive(Default)]
pub(crate) struct Opened(Mutex<VecDeque<Weak<Dir>>>);

/// What a directory is in.
pub(crate) enum Above {
    Dir(Arc<Dir>),
    /// Of the root: it is no part of the tree, and stays open.
    Outside(OwnedFd),
    /// While it is being freed.
    Nothing,
}

pub(crate) struct Dir {
    pub(crate) tree: Arc<Tree>,
    above: Above,
    name: CString,
    id: Id,
    /// Subdirectories that have not gone, and one while it is being listed.
    left: AtomicUsize,
    passes: AtomicU32,
    open: Mutex<Option<Arc<OwnedFd>>>,
}

impl Dir {
    /// Opens the root `name` of a tree, in a directory that is no part of it.
    pub(crate) fn root(tree: &Arc<Tree>, outside: OwnedFd, name: &CStr) -> Result<Arc<Self>, Error> {
        let (fd, st) = enter(tree, &Root(tree), outside.as_fd(), name)?;
        Ok(Self::new(tree, Above::Outside(outside), name, fd, id(&st)))
    }
    /// Opens the directory `name` in this one.
    pub(crate) fn begin(self: &Arc<Self>, name: &CStr) -> Result<Arc<Self>, Error> {
        let (tree, place) = (&self.tree, self.spot(name));
        let above = self.fd()?;
        let (fd, st) = enter(tree, &place, above.as_fd(), name)?;
        if tree.one_file_system && (self.id.0, self.id.1) != (st.stx_dev_major, st.stx_dev_minor) {
            return Err(Error::new("openat", place.place(), Errno::XDEV));
        }
        Ok(Self::new(tree, Above::Dir(self.clone()), name, fd, id(&st)))
    }
    fn new(tree: &Arc<Tree>, above: Above, name: &CStr, fd: OwnedFd, id: Id) -> Arc<Self> {
        let dir = Arc::new(Dir {
            tree: tree.clone(),
            above,
            name: name.into(),
            id,
            left: AtomicUsize::new(1),
            passes: AtomicU32::new(0),
            open: Mutex::new(Some(Arc::new(fd))),
        });
        tree.opened.add(&dir);
        dir
    }
    pub(crate) fn spot<'a>(&'a self, name: &'a CStr) -> Spot<'a> {
        Spot { dir: self, name }
    }
    /// The open handle. Who holds it keeps it open.
    pub(crate) fn fd(self: &Arc<Self>) -> Result<Arc<OwnedFd>, Error> {
        if let Some(fd) = self.opened() {
            return Ok(fd);
        }
        // Down from the first that is open.
        let mut closed = vec![self];
        let mut fd = loop {
            let dir = closed[closed.len() - 1];
            match &dir.above {
                Above::Nothing => unreachable!("it is in use"),
                Above::Outside(fd) => break dir.again(fd.as_fd(), &dir.name)?,
                Above::Dir(above) => match above.opened() {
                    Some(fd) => break dir.again(fd.as_fd(), &dir.name)?,
                    None => closed.push(above),
                },
            }
        };
        closed.pop();
        while let Some(dir) = closed.pop() {
            fd = dir.again(fd.as_fd(), &dir.name)?;
        }
        Ok(self.keep(fd))
    }
    fn opened(&self) -> Option<Arc<OwnedFd>> {
        self.open.lock().expect("open").clone()
    }
    fn keep(self: &Arc<Self>, fd: OwnedFd) -> Arc<OwnedFd> {
        let fd = Arc::new(fd);
        *self.open.lock().expect("open") = Some(fd.clone());
        self.tree.opened.add(self);
        fd
    }
    /// Opens it by `name` in `dir`; it has to be the same.
    fn again(&self, dir: BorrowedFd<'_>, name: &CStr) -> Result<OwnedFd, Error> {
        let (calls, place) = (self.tree.calls(), self.spot(c""));
        let fd = calls.step("openat", &place, || open_dir(dir, name))?;
        let st = calls.step("statx", &place, || stat(fd.as_fd()))?;
        match id(&st) == self.id {
            true => Ok(fd),
            false => Err(Error::new("openat", place.place(), Errno::BUSY)),
        }
    }
    fn fd_above(&self) -> Result<Up<'_>, Error> {
        match &self.above {
            Above::Nothing => unreachable!("it is in use"),
            Above::Outside(fd) => Ok(Up::Outside(fd)),
            Above::Dir(above) => above.fd().map(Up::Dir),
        }
    }
    /// The directory above, by way of this one if that is shorter: a deep tree is not walked from the
    /// top for each of its levels.
    fn up(&self) -> Result<Up<'_>, Error> {
        if let (Above::Dir(above), Some(fd)) = (&self.above, self.opened())
            && above.opened().is_none()
            && let Ok(fd) = above.again(fd.as_fd(), c"..")
        {
            return Ok(Up::Dir(above.keep(fd)));
        }
        self.fd_above()
    }
    /// One subdirectory more that has to go first.
    pub(crate) fn add(&self) {
        self.left.fetch_add(1, Ordering::Relaxed);
    }
    /// One thing less to do in it. After the last it is removed, and so on upwards; gives a directory
    /// that has to be listed once more.
    pub(crate) fn done(self: &Arc<Self>) -> Result<Option<Arc<Dir>>, Error> {
        let mut dir = self;
        while dir.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let removed = dir.remove();
            if let Err(e) = &removed
                && is(e, &[Errno::NOTEMPTY, Errno::EXIST])
                && dir.passes.fetch_add(1, Ordering::Relaxed) < PASSES
                && dir.tree.error.lock().expect("error").is_none()
            {
                dir.left.store(1, Ordering::Relaxed);
                return Ok(Some(dir.clone()));
            }
            dir.tree.tolerate(removed)?;
            match &dir.above {
                Above::Dir(above) => dir = above,
                _ => break,
            }
        }
        Ok(None)
    }
    fn remove(self: &Arc<Self>) -> Result<(), Error> {
        let up = self.up()?;
        let rmdir = || rustix::fs::unlinkat(up.as_fd(), &self.name, AtFlags::REMOVEDIR);
        match self.tree.calls().step("unlinkat", &self.spot(c""), rmdir) {
            Err(e) if is(&e, &[Errno::NOENT]) => {}
            res => res?,
        }
        self.tree.progress.add_entry();
        Ok(())
    }
}

/// Opens a directory, and says which it is.
fn enter(
    tree: &Tree,
    place: &dyn Place,
    dir: BorrowedFd<'_>,
    name: &CStr,
) -> Result<(OwnedFd, Statx), Error> {
    let fd = tree.calls().step("openat", place, || open_dir(dir, name))?;
    let st = tree.calls().step("statx", place, || stat(fd.as_fd()))?;
    Ok((fd, st))
}

struct Root<'a>(&'a Tree);

impl Place for Root<'_> {
    fn place(&self) -> PathBuf {
        self.0.path.clone()
    }
}

enum Up<'a> {
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

impl Opened {
    fn add(&self, dir: &Arc<Dir>) {
        let mut opened = self.0.lock().expect("opened");
        opened.push_back(Arc::downgrade(dir));
        while opened.len() > OPEN {
            if let Some(oldest) = opened.pop_front().and_then(|dir| dir.upgrade()) {
                let fd = oldest.open.lock().expect("open").take();
                drop(fd);
            }
        }
    }
}

impl Drop for Dir {
    /// A deep tree would take a deep stack, if each freed the one above it.
    fn drop(&mut self) {
        let take = |above: &mut Above| match std::mem::replace(above, Above::Nothing) {
            Above::Dir(dir) => Arc::into_inner(dir),
            _ => None,
        };
        let mut above = take(&mut self.above);
        while let Some(mut dir) = above {
            above = take(&mut dir.above);
        }
    }
}

/// A place in the tree, as errors name it.
pub(crate) struct Spot<'a> {
    dir: &'a Dir,
    name: &'a CStr,
}

impl Place for Spot<'_> {
    fn place(&self) -> PathBuf {
        let mut names = vec![self.name];
        let mut dir = self.dir;
        while let Above::Dir(above) = &dir.above {
            names.push(&dir.name);
            dir = above;
        }
        let mut path = self.dir.tree.path.clone();
        let names = names.into_iter().rev().filter(|name| !name.is_empty());
        path.extend(names.map(|name| OsStr::from_bytes(name.to_bytes())));
        path
    }
}
