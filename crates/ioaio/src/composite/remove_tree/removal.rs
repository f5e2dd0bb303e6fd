//! What is left to do in each directory of a removal, and when a directory goes.

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rustix::fs::AtFlags;
use rustix::io::Errno;

use crate::Progress;
use crate::composite::base::temp::is;
use crate::composite::base::tree_dir::{self, Tree};
use crate::values::error::Error;

/// How often a directory is listed anew because something was put in meanwhile.
const PASSES: u32 = 8;

pub(crate) type Dir = tree_dir::Dir<Left>;

/// What the requests of one removal share.
pub(crate) struct Removal {
    pub(crate) tree: Arc<Tree<Left>>,
    pub(crate) progress: Progress,
    /// The first.
    error: Mutex<Option<Error>>,
}

/// What keeps a directory from being removed.
pub(crate) struct Left {
    /// Subdirectories that have not gone, and one while it is being listed.
    things: AtomicUsize,
    passes: AtomicU32,
}

impl Left {
    pub(crate) fn new() -> Self {
        Left { things: AtomicUsize::new(1), passes: AtomicU32::new(0) }
    }
    /// One thing more that has to be done first.
    pub(crate) fn add(&self) {
        self.things.fetch_add(1, Ordering::Relaxed);
    }
}

impl Removal {
    pub(crate) fn new(tree: Arc<Tree<Left>>, progress: Progress) -> Arc<Self> {
        Arc::new(Removal { tree, progress, error: Mutex::new(None) })
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
            let removed = self.remove(dir);
            if let Err(e) = &removed
                && is(e, &[Errno::NOTEMPTY, Errno::EXIST])
                && dir.data.passes.fetch_add(1, Ordering::Relaxed) < PASSES
                && self.error.lock().expect("error").is_none()
            {
                dir.data.things.store(1, Ordering::Relaxed);
                return Ok(Some(dir.clone()));
            }
            self.tolerate(removed)?;
            match dir.above() {
                Some(above) => dir = above,
                None => break,
            }
        }
        Ok(None)
    }
    fn remove(&self, dir: &Arc<Dir>) -> Result<(), Error> {
        let above = dir.fd_above()?;
        let rmdir = || rustix::fs::unlinkat(above.as_fd(), dir.name(), AtFlags::REMOVEDIR);
        match self.tree.calls().step("unlinkat", &dir.spot(c""), rmdir) {
            Err(e) if is(&e, &[Errno::NOENT]) => {}
            res => res?,
        }
        self.progress.add_entry();
        Ok(())
    }
}
