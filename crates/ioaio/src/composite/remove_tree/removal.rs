//! What is left to do in each directory of a removal, and when a directory goes.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustix::fs::AtFlags;
use rustix::io::Errno;

use crate::Progress;
use crate::composite::base::calls::Place;
use crate::composite::base::errors::Errors;
use crate::composite::base::temp::is;
use crate::composite::base::tree_dir::{self, Tree};
use crate::values::error::Error;
use crate::values::listing;

/// How often a directory is listed anew because something was put in meanwhile.
const PASSES: u32 = 8;

pub(crate) type Dir = tree_dir::Dir<Left>;

/// What the requests of one removal share.
pub(crate) struct Removal {
    pub(crate) tree: Arc<Tree<Left>>,
    pub(crate) progress: Progress,
    /// Only what is in the root goes.
    pub(crate) contents_only: bool,
    errors: Mutex<Errors>,
}

/// What keeps a directory from being removed.
pub(crate) struct Left {
    /// Subdirectories that have not gone, and one while it is being listed.
    things: AtomicUsize,
    passes: AtomicU32,
    /// Something in it stays, and the error has been recorded.
    kept: AtomicBool,
}

impl Left {
    pub(crate) fn new() -> Self {
        Left { things: AtomicUsize::new(1), passes: AtomicU32::new(0), kept: AtomicBool::new(false) }
    }
    /// One thing more that has to be done first.
    pub(crate) fn add(&self) {
        self.things.fetch_add(1, Ordering::Relaxed);
    }
    fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }
    fn is_kept(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }
}

/// What became of a directory after all in it had been done.
enum End {
    Gone,
    /// It stays, and so do those above it.
    Stays,
    /// It has to be listed once more.
    Again,
}

impl Removal {
    pub(crate) fn new(tree: Arc<Tree<Left>>, progress: Progress, contents_only: bool) -> Arc<Self> {
        Arc::new(Removal { tree, progress, contents_only, errors: Mutex::default() })
    }
    pub(crate) fn record(&self, error: Error) {
        self.errors.lock().expect("errors").add(error);
    }
    /// An error of one entry of `dir` does not keep the others from being removed; a cancel does.
    pub(crate) fn tolerate<T>(&self, dir: &Dir, res: Result<T, Error>) -> Result<Option<T>, Error> {
        match res {
            Ok(value) => Ok(Some(value)),
            Err(e) if is(&e, &[Errno::CANCELED]) => Err(e),
            Err(e) => {
                dir.data.keep();
                self.record(e);
                Ok(None)
            }
        }
    }
    pub(crate) fn result(&self) -> Result<(), Error> {
        let errors = std::mem::take(&mut *self.errors.lock().expect("errors"));
        match errors.into_error() {
            Some(e) => Err(e),
            None if self.tree.control.cancelled() => {
                Err(Error::new("remove_tree", &self.tree.path, Errno::CANCELED))
            }
            None => Ok(()),
        }
    }
    /// One thing less to do in a directory. After the last it is removed, and so on upwards; gives a
    /// directory that has to be listed once more.
    pub(crate) fn done(&self, dir: &Arc<Dir>) -> Result<Option<Arc<Dir>>, Error> {
        let mut dir = dir;
        while dir.data.things.fetch_sub(1, Ordering::AcqRel) == 1 {
            let end = self.end(dir)?;
            if matches!(end, End::Again) {
                dir.data.things.store(1, Ordering::Relaxed);
                return Ok(Some(dir.clone()));
            }
            let Some(above) = dir.above() else { break };
            if matches!(end, End::Stays) {
                above.data.keep();
            }
            dir = above;
        }
        Ok(None)
    }
    fn end(&self, dir: &Arc<Dir>) -> Result<End, Error> {
        let stays = self.contents_only && dir.above().is_none();
        let removed = if stays { self.check_empty(dir) } else { self.remove(dir) };
        match removed {
            Err(e) if is(&e, &[Errno::NOTEMPTY, Errno::EXIST]) => {
                // That it is not empty follows from an error that has been told.
                if dir.data.is_kept() {
                    return Ok(End::Stays);
                }
                if dir.data.passes.fetch_add(1, Ordering::Relaxed) < PASSES {
                    return Ok(End::Again);
                }
                self.tolerate(dir, Err(e)).map(|_: Option<()>| End::Stays)
            }
            removed => self.tolerate(dir, removed).map(|removed| removed.map_or(End::Stays, |()| End::Gone)),
        }
    }
    fn remove(&self, dir: &Arc<Dir>) -> Result<(), Error> {
        let above = dir.fd_above()?;
        let rmdir = || rustix::fs::unlinkat(above.as_fd(), dir.name(), AtFlags::REMOVEDIR);
        match self.tree.calls().step("unlinkat", &dir.spot(c""), rmdir) {
            // Somebody else was quicker.
            Err(e) if is(&e, &[Errno::NOENT]) => Ok(()),
            res => res.map(|()| self.progress.add_entry()),
        }
    }
    /// ENOTEMPTY, as for a directory that is removed, if there are names in it.
    fn check_empty(&self, dir: &Arc<Dir>) -> Result<(), Error> {
        let (listing, place) = (dir.listing_again()?, dir.spot(c""));
        let any = || listing::find(listing.dir(), |_| Some(()));
        match self.tree.calls().step("getdents64", &place, any)? {
            Some(()) => Err(Error::new("getdents64", place.place(), Errno::NOTEMPTY)),
            None => Ok(()),
        }
    }
}
