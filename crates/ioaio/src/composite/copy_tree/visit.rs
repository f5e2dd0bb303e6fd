//! One request of a copy: some names of one directory, copied on a worker.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Statx};
use rustix::io::Errno;

use super::dirs::{Dirs, Entry, Fds, Spot};
use crate::composite::base::attributes::{Object, Pair, Which, kind, stat};
use crate::composite::base::calls::Place;
use crate::composite::base::seen;
use crate::composite::base::special::{self, Original, Special};
use crate::composite::base::todo::{Rank, Ranked};
use crate::request::op::Op;
use crate::values::error::Error;
use crate::values::listing::Listing;

const BITS: u32 = 0o777;
/// After so many bytes a request leaves what it has left to others, and so to other processors.
const LARGE: u64 = 8 << 20;

/// What is to be done in a tree.
pub(crate) enum Job {
    /// A subdirectory, by its name.
    Begin(Arc<Dirs>, CString),
    /// More names of a directory.
    GoOn(Arc<Dirs>, Listing),
    /// Files of a directory that another request has left.
    Rest(Arc<Dirs>, Vec<Entry>),
}

impl Ranked for Job {
    fn rank(&self) -> Rank {
        match self {
            Job::Begin(..) => Rank::Directory,
            Job::GoOn(..) => Rank::Names,
            Job::Rest(..) => Rank::Entries,
        }
    }
}

/// Does a job; gives those that come of it.
pub(crate) struct CopyDir(pub(crate) Option<Job>);

impl Op for CopyDir {
    type Val = Result<Vec<Job>, Error>;
    type Out = Result<Vec<Job>, Error>;
    const NAME: &'static str = "copy_dir";
    fn run(&mut self) -> io::Result<Self::Val> {
        Ok(self.0.take().map_or(Ok(Vec::new()), visit))
    }
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out {
        res.unwrap_or_else(|e| Err(Error::new(Self::NAME, "", e)))
    }
}

fn visit(job: Job) -> Result<Vec<Job>, Error> {
    let (dirs, listing) = match job {
        Job::Rest(dirs, files) => return copy_files(dirs, files, Vec::new()),
        Job::GoOn(dirs, listing) => (dirs, listing),
        Job::Begin(parent, name) => {
            let tree = parent.tree.clone();
            let begun = Dirs::begin(&parent, &name).and_then(|dirs| Ok((dirs.listing()?, dirs)));
            tree.tolerate(parent.done())?;
            match tree.tolerate(begun)? {
                Some((listing, dirs)) => (dirs, listing),
                None => return Ok(Vec::new()),
            }
        }
    };
    let tree = &dirs.tree;
    if tree.one_file_system && dirs.is_elsewhere() {
        tree.tolerate(dirs.done())?;
        return Ok(Vec::new());
    }
    let mut jobs = Vec::new();
    let mut files = Vec::new();
    let batch = dirs.next(listing)?;
    if let Some(listing) = batch.left {
        dirs.expect();
        jobs.push(Job::GoOn(dirs.clone(), listing));
    }
    sort_out(&dirs, batch.names, &mut jobs, &mut files)?;
    copy_files(dirs, files, jobs)
}

/// Directories are jobs of their own.
fn sort_out(
    dirs: &Arc<Dirs>,
    names: Vec<Entry>,
    jobs: &mut Vec<Job>,
    files: &mut Vec<Entry>,
) -> Result<(), Error> {
    let tree = &dirs.tree;
    for entry in names {
        let kind = match entry.kind {
            FileType::Unknown => tree.tolerate(dirs.fds().and_then(|fds| dirs.kind_of(&fds, &entry.name)))?,
            kind => Some(kind),
        };
        match kind {
            None => {}
            Some(FileType::Directory) => {
                dirs.expect();
                jobs.push(Job::Begin(dirs.clone(), entry.name));
            }
            Some(kind) => files.push(Entry { kind, ..entry }),
        }
    }
    Ok(())
}

/// Copies files until they have been large; the rest is for two requests more.
fn copy_files(dirs: Arc<Dirs>, mut files: Vec<Entry>, mut jobs: Vec<Job>) -> Result<Vec<Job>, Error> {
    let tree = &dirs.tree;
    let mut bytes = 0_u64;
    if let Some(fds) = tree.tolerate(dirs.fds())? {
        while bytes < LARGE
            && let Some(entry) = files.pop()
        {
            let len = tree.tolerate(copy_entry(&dirs, &fds, &entry))?.unwrap_or(0);
            bytes = bytes.saturating_add(len);
        }
        let half = files.split_off(files.len() / 2);
        for rest in [files, half].into_iter().filter(|rest| !rest.is_empty()) {
            dirs.expect();
            jobs.push(Job::Rest(dirs.clone(), rest));
        }
    }
    tree.tolerate(dirs.done())?;
    Ok(jobs)
}

/// Gives the length of a file that has been copied.
fn copy_entry(dirs: &Dirs, fds: &Fds, entry: &Entry) -> Result<u64, Error> {
    let len = match entry.kind {
        FileType::RegularFile => copy_file(dirs, fds, &entry.name)?,
        _ => copy_special(dirs, fds, &entry.name)?,
    };
    dirs.tree.progress.add_entry();
    Ok(len)
}

/// It is not what the directory said it was.
fn changed(place: &Spot<'_>) -> Error {
    Error::new("statx", place.place(), Errno::BUSY)
}

fn copy_file(dirs: &Dirs, fds: &Fds, name: &CStr) -> Result<u64, Error> {
    let (calls, from_place) = (dirs.tree.calls(), dirs.from(name));
    // Also if it is a FIFO by now, opening does not wait.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(&fds.from, name, flags, Mode::empty());
    let from = calls.step("openat", &from_place, open)?;
    let st = calls.step("statx", &from_place, || stat(from.as_fd()))?;
    if kind(&st) != FileType::RegularFile {
        return Err(changed(&from_place));
    }
    see(dirs, name, &st, Object::Open(from.as_fd()))?;
    let copy = |dir: &OwnedFd, to: &CStr| copy_opened(dirs, name, &from, &st, dir, to);
    match st.stx_nlink {
        0 | 1 => copy(&fds.to, name)?,
        _ => dirs.tree.links.link(dirs, fds, name, &st, copy)?,
    }
    Ok(st.stx_size)
}

/// Into a new file `to`, which goes again if that fails.
fn copy_opened(
    dirs: &Dirs,
    name: &CStr,
    from: &OwnedFd,
    st: &Statx,
    dir: &OwnedFd,
    to: &CStr,
) -> Result<(), Error> {
    let tree = &dirs.tree;
    let (calls, from_place, to_place) = (tree.calls(), dirs.from(name), dirs.to(name));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    // Nobody else gets into the tree yet, so it may have its mode from the start.
    let mode = Mode::from_raw_mode(u32::from(st.stx_mode) & BITS);
    let file = calls.step("openat", &to_place, || rustix::fs::openat(dir, to, flags, mode))?;
    let (from, to_file) = (Object::Open(from.as_fd()), Object::Open(file.as_fd()));
    let (from_place, to_place, notes) = (&from_place, &to_place, &tree.notes);
    let pair = Pair { calls, from, from_place, to: to_file, to_place, notes };
    let copied = tree
        .contents
        .copy(pair, st, &tree.progress)
        .and_then(|_| pair.copy_owner_and_mode(st, Which::All))
        .and_then(|()| pair.copy_times(st))
        .and_then(|()| match tree.sync_each {
            true => calls.step("fsync", to_place, || rustix::fs::fsync(&file)),
            false => Ok(()),
        })
        .and_then(|()| calls.close(to_place, file));
    if copied.is_err() {
        let _ = calls.finally("unlinkat", to_place, || rustix::fs::unlinkat(dir, to, AtFlags::empty()));
    }
    copied
}

fn copy_special(dirs: &Dirs, fds: &Fds, name: &CStr) -> Result<u64, Error> {
    let (calls, from_place, to_place) = (dirs.tree.calls(), dirs.from(name), dirs.to(name));
    let held = calls.step("openat", &from_place, || special::hold(fds.from.as_fd(), name))?;
    let st = calls.step("statx", &from_place, || stat(held.as_fd()))?;
    if matches!(kind(&st), FileType::RegularFile | FileType::Directory) {
        return Err(changed(&from_place));
    }
    see(dirs, name, &st, Object::Held(held.as_fd()))?;
    let (held, place, notes) = (held.as_fd(), &from_place, &dirs.tree.notes);
    let original = Original { calls, held, place, st: &st, notes };
    let new = Special::of(original)?;
    let make = |dir: &OwnedFd, to: &CStr| {
        let dir = dir.as_fd();
        calls.step(new.call(), &to_place, || new.make(dir, to))?;
        let finished = special::finish(original, &to_place, dir, to);
        if finished.is_err() {
            let unlink = || rustix::fs::unlinkat(dir, to, AtFlags::empty());
            let _ = calls.finally("unlinkat", &to_place, unlink);
        }
        finished
    };
    match st.stx_nlink {
        0 | 1 => make(&fds.to, name)?,
        _ => dirs.tree.links.link(dirs, fds, name, &st, make)?,
    }
    Ok(0)
}

/// Notes for a move what is copied, before anything of it is read.
fn see(dirs: &Dirs, name: &CStr, st: &Statx, object: Object<'_>) -> Result<(), Error> {
    let Some(seen) = &dirs.tree.seen else { return Ok(()) };
    let spot = seen::Spot { dir: Some(dirs.original()), name };
    seen.add(dirs.tree.calls(), &dirs.from(name), spot, st, object)
}
