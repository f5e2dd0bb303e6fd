//! One request of a removal: some names of one directory, on a worker.

use std::ffi::{CStr, CString};
use std::io;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType};
use rustix::io::Errno;

use super::removal::{Dir, Left, Removal};
use crate::composite::base::temp::is;
use crate::composite::base::todo::{Rank, Ranked};
use crate::request::op::Op;
use crate::values::error::Error;
use crate::values::listing::{Listing, Name, Read, removed_is_read};

/// Names that one request takes on, about.
const NAMES: usize = 4096;

/// What is to be done in a tree.
pub(crate) enum Job {
    /// A subdirectory, by its name.
    Begin(Arc<Dir>, CString),
    /// The names of a directory, from the first one on.
    List(Arc<Dir>),
    /// Further names of it.
    GoOn(Arc<Dir>, Listing),
}

impl Ranked for Job {
    fn rank(&self) -> Rank {
        match self {
            Job::Begin(..) | Job::List(_) => Rank::Directory,
            Job::GoOn(..) => Rank::Names,
        }
    }
}

/// Does a job; gives those that come of it.
pub(crate) struct RemoveDir {
    pub(crate) removal: Arc<Removal>,
    pub(crate) job: Option<Job>,
}

impl Op for RemoveDir {
    type Val = Result<Vec<Job>, Error>;
    type Out = Result<Vec<Job>, Error>;
    const NAME: &'static str = "remove_dir";
    fn run(&mut self) -> io::Result<Self::Val> {
        Ok(self.job.take().map_or(Ok(Vec::new()), |job| visit(&self.removal, job)))
    }
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out {
        res.unwrap_or_else(|e| Err(Error::new(Self::NAME, "", e)))
    }
}

fn visit(removal: &Removal, job: Job) -> Result<Vec<Job>, Error> {
    let mut jobs = Vec::new();
    let (dir, listing) = match job {
        Job::List(dir) => (dir.clone(), dir.listing_again()),
        Job::GoOn(dir, listing) => (dir, Ok(listing)),
        Job::Begin(above, name) => {
            let begun = begin(removal, &above, &name);
            match removal.tolerate(&above, begun)?.flatten() {
                Some(dir) => {
                    dir.stay_open();
                    (dir.clone(), dir.listing())
                }
                None => {
                    jobs.extend(removal.done(&above)?.map(Job::List));
                    return Ok(jobs);
                }
            }
        }
    };
    let emptied = listing.and_then(|listing| empty(removal, &dir, listing, &mut jobs));
    removal.tolerate(&dir, emptied)?;
    jobs.extend(removal.done(&dir)?.map(Job::List));
    Ok(jobs)
}

/// Opens a directory; gives nothing if it has gone.
fn begin(removal: &Removal, above: &Arc<Dir>, name: &CStr) -> Result<Option<Arc<Dir>>, Error> {
    match above.begin(name, |_| Left::new()) {
        Err(e) if is(&e, &[Errno::NOENT]) => Ok(None),
        // What is not a directory any more is removed as what it is.
        Err(e) if is(&e, &[Errno::NOTDIR, Errno::LOOP]) => unlink(removal, above, name).map(|_| None),
        // Who may not read it can't know that it is empty: the kernel does.
        Err(e) if is(&e, &[Errno::ACCESS]) => {
            let (fd, place) = (above.fd()?, above.spot(name));
            let rmdir = || rustix::fs::unlinkat(&fd, name, AtFlags::REMOVEDIR);
            match removal.tree.calls().step("unlinkat", &place, rmdir) {
                Ok(()) => {
                    removal.progress.add_entry();
                    Ok(None)
                }
                Err(_) => Err(e),
            }
        }
        begun => begun.map(Some),
    }
}

/// Unlinks what can be; adds jobs for subdirectories, and for the rest of a large directory.
fn empty(removal: &Removal, dir: &Arc<Dir>, listing: Listing, jobs: &mut Vec<Job>) -> Result<(), Error> {
    let place = dir.spot(c"");
    let mut names = Vec::new();
    let read = removal.tree.calls().step("getdents64", &place, || {
        removed_is_read(listing.read_some(NAMES, |Name { name, kind, ino }| {
            names.push(Entry { name: name.into(), kind, ino });
            Ok(())
        }))
    });
    // After an error there are no more names to be had; those before it go.
    let read = removal.tolerate(dir, read)?;
    // Removed in the order of inodes, which takes a disk the fewest seeks.
    names.sort_unstable_by_key(|entry| entry.ino);
    if read == Some(Read::Part) {
        dir.data.add();
        jobs.push(Job::GoOn(dir.clone(), listing));
    }
    for entry in names {
        let directory = match entry.kind {
            FileType::Directory => true,
            _ => removal.tolerate(dir, unlink(removal, dir, &entry.name))?.unwrap_or(false),
        };
        if directory {
            dir.data.add();
            jobs.push(Job::Begin(dir.clone(), entry.name));
        }
    }
    Ok(())
}

/// Unlinks what is no directory; true if it is one.
fn unlink(removal: &Removal, dir: &Arc<Dir>, name: &CStr) -> Result<bool, Error> {
    let (fd, place) = (dir.fd()?, dir.spot(name));
    match removal.tree.calls().step("unlinkat", &place, || rustix::fs::unlinkat(&fd, name, AtFlags::empty()))
    {
        Err(e) if is(&e, &[Errno::NOENT]) => Ok(false),
        Err(e) if is(&e, &[Errno::ISDIR]) => Ok(true),
        Err(e) => Err(e),
        Ok(()) => {
            removal.progress.add_entry();
            Ok(false)
        }
    }
}

struct Entry {
    name: CString,
    kind: FileType,
    ino: u64,
}
