//! Which directories of a tree are open, and how one that was closed is opened again.

use std::collections::VecDeque;
use std::ffi::CStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};

use rustix::io::Errno;

use super::place::Root;
use super::{Above, Dir, enter, id};
use crate::composite::base::calls::{Calls, Place};
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
    /// How many directories may be open without being in use.
    limit: usize,
    /// Which ones are, the longest unused first.
    opened: Mutex<VecDeque<Weak<Dir<D>>>>,
}

impl<D> Tree<D> {
    pub(crate) fn new(path: PathBuf, one_file_system: bool, control: Arc<Control>) -> Arc<Self> {
        Arc::new(Tree { path, one_file_system, control, limit: OPEN, opened: Mutex::default() })
    }
    /// One of two trees that are gone through together. Each has half of the descriptors.
    pub(crate) fn one_of_two(path: PathBuf, control: Arc<Control>) -> Arc<Self> {
        let one_file_system = false;
        Arc::new(Tree { path, one_file_system, control, limit: OPEN / 2, opened: Mutex::default() })
    }
    pub(crate) fn calls(&self) -> Calls<'_> {
        Calls(&self.control)
    }
    pub(crate) fn place(&self) -> Root<'_, D> {
        Root(self)
    }
    /// Keeps a directory open, and closes the one that was not used for longest.
    fn keep(&self, dir: &Arc<Dir<D>>) {
        let mut oldest = Vec::new();
        {
            let mut opened = self.opened.lock().expect("opened");
            opened.push_back(Arc::downgrade(dir));
            while opened.len() > self.limit {
                oldest.extend(opened.pop_front().and_then(|dir| dir.upgrade()));
            }
        }
        // Not under the lock, since a file system may take its time.
        oldest.iter().for_each(|dir| dir.close());
    }
    /// Closes what is not in use.
    pub(crate) fn close_all(&self) {
        let opened = std::mem::take(&mut *self.opened.lock().expect("opened"));
        opened.iter().filter_map(Weak::upgrade).for_each(|dir| dir.close());
    }
}

impl<D> Dir<D> {
    /// Lets a directory that was begun stay open as long as there is no need for others.
    pub(crate) fn stay_open(self: &Arc<Self>) {
        self.tree.keep(self);
    }
    /// Closes it when nobody uses it any more.
    pub(crate) fn close(&self) {
        if !matches!(self.above, Above::NotNeeded) {
            let fd = self.open.lock().expect("open").take();
            drop(fd);
        }
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
                Above::NotNeeded => unreachable!("it stays open"),
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
        let place = self.spot(c"");
        let (fd, st) = enter(self.tree.calls(), &place, dir, name)?;
        match id(&st) == self.id {
            true => Ok(fd),
            false => Err(Error::new("openat", place.place(), Errno::BUSY)),
        }
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
