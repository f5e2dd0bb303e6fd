//! One request of a removal: some names of one directory, on a worker.

use std::ffi::{CStr, CString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, OFlags, RawDir, SeekFrom};
use rustix::io::Errno;

use super::removal::{Dir, Left, Removal};
use crate::composite::base::parent_and_name::Name;
use crate::composite::base::temp::is;
use crate::request::op::Op;
use crate::values::error::Error;
use crate::values::path::At;

/// Names that one request takes on, about.
const NAMES: usize = 4096;
const BUFFER: usize = 32 * 1024;

/// Opens the directory that the tree is in, and its root.
pub(crate) struct Begin {
    pub(crate) removal: Arc<Removal>,
    pub(crate) at: Option<At>,
}

impl Op for Begin {
    type Val = Result<Arc<Dir>, Error>;
    type Out = Result<Arc<Dir>, Error>;
    const NAME: &'static str = "remove_tree_begin";
    fn run(&mut self) -> io::Result<Self::Val> {
        let at = self.at.take().ok_or(Errno::INVAL)?;
        Ok(begin(&self.removal, &at))
    }
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out {
        res.unwrap_or_else(|e| Err(Error::new(Self::NAME, "", e)))
    }
}

fn begin(removal: &Removal, at: &At) -> Result<Arc<Dir>, Error> {
    let mut path = at.path().to_bytes();
    while path.len() > 1 && path.ends_with(b"/") {
        path = &path[..path.len() - 1];
    }
    let name = match Name::split(at, path) {
        Err(Errno::ISDIR) => Err(Errno::INVAL),
        name => name,
    };
    let name = name.map_err(|e| Error::new("openat", at.path_buf(), e))?;
    let tree = &removal.tree;
    let outside = tree.calls().step("openat", at, || name.open_dir(OFlags::PATH))?;
    let root = Dir::root(tree, outside, name.name(), Left::new())?;
    root.stay_open();
    Ok(root)
}

/// What is to be done in a tree.
pub(crate) enum Job {
    /// A subdirectory, by its name.
    Begin(Arc<Dir>, CString),
    /// The names of a directory from a place in its order on.
    GoOn(Arc<Dir>),
    /// The rest of them.
    Rest(Arc<Dir>, u64),
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
    let (dir, cookie) = match job {
        Job::GoOn(dir) => (dir, 0),
        Job::Rest(dir, cookie) => (dir, cookie),
        Job::Begin(above, name) => {
            let begun = above.begin(&name, Left::new());
            // What is not a directory any more is removed as what it is; what has gone has gone.
            let begun = match begun {
                Err(e) if is(&e, &[Errno::NOTDIR, Errno::LOOP]) => {
                    unlink(removal, &above, &name).map(|_| None)
                }
                Err(e) if is(&e, &[Errno::NOENT]) => Ok(None),
                begun => begun.map(Some),
            };
            match removal.tolerate(begun)?.flatten() {
                Some(dir) => {
                    dir.stay_open();
                    (dir, 0)
                }
                None => {
                    jobs.extend(removal.done(&above)?.map(Job::GoOn));
                    return Ok(jobs);
                }
            }
        }
    };
    let emptied = empty(removal, &dir, cookie, &mut jobs);
    removal.tolerate(emptied)?;
    jobs.extend(removal.done(&dir)?.map(Job::GoOn));
    Ok(jobs)
}

/// Unlinks what can be; adds jobs for subdirectories, and for the rest of a large directory.
fn empty(removal: &Removal, dir: &Arc<Dir>, cookie: u64, jobs: &mut Vec<Job>) -> Result<(), Error> {
    let (fd, place) = (dir.fd()?, dir.spot(c""));
    let mut batch = Batch { names: Vec::new(), cookie };
    let ended = removal.tree.calls().step("getdents64", &place, || batch.read(fd.as_fd()))?;
    batch.names.sort_unstable_by_key(|entry| entry.ino);
    if !ended {
        dir.data.add();
        jobs.push(Job::Rest(dir.clone(), batch.cookie));
    }
    for entry in batch.names {
        let directory = match entry.kind {
            FileType::Directory => true,
            _ => removal.tolerate(unlink(removal, dir, &entry.name))?.unwrap_or(false),
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

struct Batch {
    names: Vec<Entry>,
    cookie: u64,
}

struct Entry {
    name: CString,
    kind: FileType,
    ino: u64,
}

impl Batch {
    /// Names from the cookie on; true at the end of the directory.
    fn read(&mut self, dir: BorrowedFd<'_>) -> rustix::io::Result<bool> {
        self.names.clear();
        rustix::fs::seek(dir, SeekFrom::Start(self.cookie))?;
        let mut buffer = [const { MaybeUninit::uninit() }; BUFFER];
        let mut entries = RawDir::new(dir, &mut buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            self.cookie = entry.next_entry_cookie();
            let name = entry.file_name();
            if name != c"." && name != c".." {
                self.names.push(Entry { name: name.into(), kind: entry.file_type(), ino: entry.ino() });
            }
            if self.names.len() >= NAMES && entries.is_buffer_empty() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
