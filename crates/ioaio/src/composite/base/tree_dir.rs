//! A directory of a tree, as a handle.
//!
//! Whatever is done is done by a name in an open directory, never through a symbolic link. A bounded
//! number of directories is open. One that was closed is opened again from the directory above it or
//! from one below it, and has to be the same directory then.

use std::collections::VecDeque;
use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};

use rustix::fs::Statx;
use rustix::io::Errno;

use crate::composite::base::attributes::stat;
use crate::composite::base::calls::{Calls, Place};
use crate::composite::copy_tree::dirs::{Id, id, open_dir};
use crate::request::control::Control;
use crate::values::error::Error;

/// Directories that stay open without being in use.
const OPEN: usize = 16;
/// How far below a directory another one is worth being climbed up from.
const CLIMB: usize = 64;

/// What the requests on one tree share. `D` is what is to be known of each directory.
pub(crate) struct Tree<D> {
    pub(crate) path: PathBuf,
    pub(crate) one_file_system: bool,
    pub(crate) control: Arc<Control>,
    /// Which directories are open, the longest unused first.
    opened: Mutex<VecDeque<Weak<Dir<D>>>>,
}

impl<D> Tree<D> {
    pub(crate) fn new(path: PathBuf, one_file_system: bool, control: Arc<Control>) -> Arc<Self> {
        Arc::new(Tree { path, one_file_system, control, opened: Mutex::default() })
    }
    pub(crate) fn calls(&self) -> Calls<'_> {
        Calls(&self.control)
    }
    /// Keeps a directory open, and closes the one that was not used for longest.
    fn keep(&self, dir: &Arc<Dir<D>>) {
        let mut opened = self.opened.lock().expect("opened");
        opened.push_back(Arc::downgrade(dir));
        while opened.len() > OPEN {
            if let Some(oldest) = opened.pop_front().and_then(|dir| dir.upgrade()) {
                oldest.close();
            }
        }
    }
    /// Closes what is not in use.
    pub(crate) fn close_all(&self) {
        let opened = std::mem::take(&mut *self.opened.lock().expect("opened"));
        opened.iter().filter_map(Weak::upgrade).for_each(|dir| dir.close());
    }
}

/// What a directory is in.
enum Above<D> {
    Dir(Arc<Dir<D>>),
    /// Of the root: it is no part of the tree, and stays open.
    Outside(OwnedFd),
    /// While it is being freed.
    Nothing,
}

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
        outside: OwnedFd,
        name: &CStr,
        data: D,
    ) -> Result<Arc<Self>, Error> {
        let (fd, st) = enter(tree, &Root(tree), outside.as_fd(), name)?;
        Ok(Self::new(tree, Above::Outside(outside), name, (fd, id(&st)), data))
    }
    /// Opens the directory `name` in this one. EXDEV if it is on another file system, and not to be.
    pub(crate) fn begin(self: &Arc<Self>, name: &CStr, data: D) -> Result<Arc<Self>, Error> {
        let (tree, place) = (&self.tree, self.spot(name));
        let above = self.fd()?;
        let (fd, st) = enter(tree, &place, above.as_fd(), name)?;
        if tree.one_file_system && (self.id.0, self.id.1) != (st.stx_dev_major, st.stx_dev_minor) {
            return Err(Error::new("openat", place.place(), Errno::XDEV));
        }
        Ok(Self::new(tree, Above::Dir(self.clone()), name, (fd, id(&st)), data))
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
    pub(crate) fn spot<'a>(&'a self, name: &'a CStr) -> Spot<'a, D> {
        Spot { dir: self, name }
    }
    /// Lets a directory that was begun stay open as long as there is no need for others.
    pub(crate) fn stay_open(self: &Arc<Self>) {
        self.tree.keep(self);
    }
    /// Closes it when nobody uses it any more.
    pub(crate) fn close(&self) {
        let fd = self.open.lock().expect("open").take();
        drop(fd);
    }
    /// The open handle. Who holds it keeps it open.
    pub(crate) fn fd(self: &Arc<Self>) -> Result<Arc<OwnedFd>, Error> {
        if let Some(fd) = self.opened() {
            return Ok(fd);
        }
        // The closed ones, from this up to the first that is open.
        let mut closed = vec![self];
        let from = loop {
            let dir = closed[closed.len() - 1];
            match &dir.above {
                Above::Nothing => unreachable!("it is in use"),
                Above::Outside(_) => break None,
                Above::Dir(above) => match above.opened() {
                    Some(fd) => break Some(fd),
                    None => closed.push(above),
                },
            }
        };
        let fd = match self.from_below(closed.len()) {
            Some(fd) => fd,
            None => down(from, closed)?,
        };
        let fd = Arc::new(fd);
        *self.open.lock().expect("open") = Some(fd.clone());
        self.tree.keep(self);
        Ok(fd)
    }
    fn opened(&self) -> Option<Arc<OwnedFd>> {
        self.open.lock().expect("open").clone()
    }
    /// By way of a directory below that is open and nearer than any above: a deep tree is not walked
    /// from the top for each of its levels.
    fn from_below(self: &Arc<Self>, nearer: usize) -> Option<OwnedFd> {
        let (fd, mut dir) = self.open_below(nearer.min(CLIMB))?;
        let mut fd = dir.above()?.again(fd.as_fd(), c"..").ok()?;
        dir = dir.above()?.clone();
        while !Arc::ptr_eq(&dir, self) {
            fd = dir.above()?.again(fd.as_fd(), c"..").ok()?;
            dir = dir.above()?.clone();
        }
        Some(fd)
    }
    fn open_below(self: &Arc<Self>, limit: usize) -> Option<(Arc<OwnedFd>, Arc<Self>)> {
        let opened = self.tree.opened.lock().expect("opened");
        let is_below = |dir: &Arc<Self>| {
            let Some(up) = dir.depth.checked_sub(self.depth).filter(|&up| up > 0 && up < limit) else {
                return false;
            };
            let mut above = dir;
            (0..up).all(|_| above.above().inspect(|next| above = next).is_some()) && Arc::ptr_eq(above, self)
        };
        opened
            .iter()
            .rev()
            .filter_map(Weak::upgrade)
            .find(is_below)
            .and_then(|dir| Some((dir.opened()?, dir)))
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
    /// What the directory has its name in.
    pub(crate) fn fd_above(&self) -> Result<Up<'_>, Error> {
        match &self.above {
            Above::Nothing => unreachable!("it is in use"),
            Above::Outside(fd) => Ok(Up::Outside(fd)),
            Above::Dir(above) => above.fd().map(Up::Dir),
        }
    }
    pub(crate) fn name(&self) -> &CStr {
        &self.name
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

/// Opens the closed ones again, the last of them from `fd`, or from what the root is in.
fn down<D>(from: Option<Arc<OwnedFd>>, mut closed: Vec<&Arc<Dir<D>>>) -> Result<OwnedFd, Error> {
    let first = closed.pop().expect("at least the one that is asked for");
    let mut fd = match (&from, &first.above) {
        (Some(fd), _) => first.again(fd.as_fd(), &first.name)?,
        (None, Above::Outside(fd)) => first.again(fd.as_fd(), &first.name)?,
        _ => unreachable!("the search ended there"),
    };
    while let Some(dir) = closed.pop() {
        fd = dir.again(fd.as_fd(), &dir.name)?;
    }
    Ok(fd)
}

/// Opens a directory, and says which it is.
fn enter<D>(
    tree: &Tree<D>,
    place: &dyn Place,
    dir: BorrowedFd<'_>,
    name: &CStr,
) -> Result<(OwnedFd, Statx), Error> {
    let fd = tree.calls().step("openat", place, || open_dir(dir, name))?;
    let st = tree.calls().step("statx", place, || stat(fd.as_fd()))?;
    Ok((fd, st))
}

struct Root<'a, D>(&'a Tree<D>);

impl<D> Place for Root<'_, D> {
    fn place(&self) -> PathBuf {
        self.0.path.clone()
    }
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

/// A place in the tree, as errors name it.
pub(crate) struct Spot<'a, D> {
    dir: &'a Dir<D>,
    name: &'a CStr,
}

impl<D> Place for Spot<'_, D> {
    fn place(&self) -> PathBuf {
        let mut path = self.dir.tree.path.clone();
        for part in [self.dir.path(), OsStr::from_bytes(self.name.to_bytes()).into()] {
            // Joined with nothing, a path would get a slash at its end.
            if !part.as_os_str().is_empty() {
                path.push(part);
            }
        }
        path
    }
}
