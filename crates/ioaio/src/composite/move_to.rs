//! Moves, also across file systems.

use std::ffi::{CStr, CString};
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, OFlags};
use rustix::io::Errno;

use super::copy::Copy;
use crate::api::request::{PathOp, TwoPathOp};
use crate::composite::base::attributes::{kind, stat, stat_name};
use crate::composite::base::calls::Calls;
use crate::composite::base::existing::Manner;
use crate::composite::base::moved::Moved;
use crate::composite::base::not_kept::Notes;
use crate::composite::base::parent_and_name::Name;
use crate::composite::base::seen::Seen;
use crate::composite::base::task::{Composite, Steps, Task};
use crate::composite::base::temp::{is, rename_new};
use crate::composite::base::tree_dir::id;
use crate::composite::copy_tree::{CopyTree, copy_tree, without_slashes};
use crate::request::control::Control;
use crate::request::op::Op;
use crate::values::error::Error;
use crate::values::path::At;
use crate::{Aio, Progress, Request};

/// A move; see [`Aio::move_to`].
pub struct Move {
    paths: Paths,
    leftovers: Option<Duration>,
    progress: Progress,
}

#[derive(Clone)]
struct Paths {
    from: At,
    to: At,
    replace: bool,
}

impl Composite for Move {
    type Out = ();
    const NAME: &'static str = "move";
    fn check(&self) -> io::Result<()> {
        self.paths.from.check()?;
        self.paths.to.check()
    }
    fn run(self, steps: Steps) -> impl Future<Output = Result<(), Error>> + Send {
        move_to(self, steps)
    }
}

async fn move_to(args: Move, steps: Steps) -> Result<(), Error> {
    let Move { paths, leftovers, progress } = args;
    let part = |what| MovePart { paths: paths.clone(), what, control: steps.control().clone() };
    let rename = part(Part::Rename);
    let Some(Source { directory, seen }) = steps.go(|aio| Request::new(aio, rename)).await? else {
        progress.add_entry();
        return Ok(());
    };
    let (from, to) = (paths.from.clone(), paths.to.clone());
    let remove = if directory {
        let (one_file_system, keep_going, durable) = (false, false, true);
        let (tree_seen, seen) = (seen.clone(), Some(seen));
        let tree = CopyTree { from, to, one_file_system, keep_going, durable, leftovers, progress, seen };
        let _ = copy_tree(tree, steps.clone()).await?;
        part(Part::RemoveTree(tree_seen))
    } else {
        let control = steps.control().clone();
        let manner = Manner::of_a_move(paths.replace, leftovers);
        let (notes, copy_seen) = (Notes::default(), Some(seen.clone()));
        let (follow, special) = (false, true);
        let copy = Copy { from, to, follow, special, manner, progress, notes, seen: copy_seen, control };
        let _ = steps.go(|aio| Request::new(aio, copy)).await?;
        part(Part::RemoveFile(seen))
    };
    steps.finally(|aio| Request::new(aio, remove)).await.map(drop)
}

/// A part of a move that is a request of its own.
struct MovePart {
    paths: Paths,
    what: Part,
    control: Arc<Control>,
}

enum Part {
    /// Gives what the source is if that takes a copy.
    Rename,
    RemoveFile(Arc<Seen>),
    RemoveTree(Arc<Seen>),
}

/// What is to be copied and removed.
struct Source {
    directory: bool,
    /// Where it is noted what has been copied.
    seen: Arc<Seen>,
}

impl Op for MovePart {
    type Val = Result<Option<Source>, Error>;
    type Out = Result<Option<Source>, Error>;
    const NAME: &'static str = "move_part";
    fn run(&mut self) -> io::Result<Self::Val> {
        let (calls, paths) = (Calls(&self.control), &self.paths);
        Ok(match &self.what {
            Part::Rename => paths.rename(calls),
            Part::RemoveFile(seen) => {
                paths.remove(calls, seen, |moved, dir, name| moved.remove_file(dir, name))
            }
            Part::RemoveTree(seen) => {
                paths.remove(calls, seen, |moved, dir, name| moved.remove_tree(dir, name))
            }
        })
    }
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out {
        res.unwrap_or_else(|e| Err(Error::new(Self::NAME, self.paths.from.path_buf(), e)))
    }
}

impl Paths {
    fn rename(&self, calls: Calls<'_>) -> Result<Option<Source>, Error> {
        let Paths { from, to, replace } = self;
        let renamed = match replace {
            true => calls.step("renameat", from, || {
                rustix::fs::renameat(from.dirfd(), from.path(), to.dirfd(), to.path())
            }),
            false => rename_new(calls, from, (from.dirfd(), from.path()), (to.dirfd(), to.path())),
        };
        match renamed {
            Err(e) if is(&e, &[Errno::XDEV]) => {}
            Err(e) => return Err(e),
            Ok(()) if *replace => return self.remove_other_name(calls).map(|()| None),
            Ok(()) => return Ok(None),
        }
        let (dir, name) = self.source(calls)?;
        let st = calls.step("statx", from, || stat_name(dir.as_fd(), &name))?;
        let directory = kind(&st) == FileType::Directory;
        Ok(Some(Source { directory, seen: Arc::new(Seen::new(dir.as_fd())) }))
    }
    /// `rename(2)` leaves both of two names of one file; a move leaves the new one, as with `mv`.
    fn remove_other_name(&self, calls: Calls<'_>) -> Result<(), Error> {
        let look = |at: &At| {
            let (dir, path) = (at.dirfd(), at.path());
            calls.finally("statx", at, || stat_name(dir, path))
        };
        let old = match look(&self.from) {
            // As after nearly every rename.
            Err(e) if is(&e, &[Errno::NOENT, Errno::NOTDIR]) => return Ok(()),
            old => old?,
        };
        let new = look(&self.to)?;
        if id(&old) != id(&new) || old.stx_nlink < 2 || kind(&old) == FileType::Directory {
            return Ok(()); // somebody has taken the name, or it is one name by two ways
        }
        let (from_dir, from) = self.source(calls)?;
        let to = Name::of(&self.to).map_err(|e| Error::new("openat", self.to.path_buf(), e))?;
        let to_dir = calls.finally("openat", &self.to, || to.open_dir(OFlags::PATH))?;
        let dir_id =
            |dir: &OwnedFd, at: &At| calls.finally("statx", at, || stat(dir.as_fd())).map(|st| id(&st));
        // In some directories names differ that are one: in the case of letters.
        let one_name = from.to_bytes().eq_ignore_ascii_case(to.name().to_bytes());
        if one_name && dir_id(&from_dir, &self.from)? == dir_id(&to_dir, &self.to)? {
            return Ok(());
        }
        let unlink = || rustix::fs::unlinkat(&from_dir, &from, AtFlags::empty());
        calls.finally("unlinkat", &self.from, unlink)
    }
    /// The copy is on its device; the source goes if it still is what was copied.
    fn remove(
        &self,
        calls: Calls<'_>,
        seen: &Seen,
        remove: impl FnOnce(&Moved<'_>, BorrowedFd<'_>, &CStr) -> Result<(), Error>,
    ) -> Result<Option<Source>, Error> {
        let (dir, name) = self.source(calls)?;
        let moved = Moved { calls, seen, path: self.from.path_buf() };
        remove(&moved, dir.as_fd(), &name).map(|()| None)
    }
    /// The directory that the source is in, and its name there.
    fn source(&self, calls: Calls<'_>) -> Result<(OwnedFd, CString), Error> {
        let from = &self.from;
        let path = without_slashes(from.path().to_bytes());
        let name = Name::split(from, path).map_err(|e| Error::new("openat", from.path_buf(), e))?;
        let dir = calls.finally("openat", from, || name.open_dir(OFlags::PATH))?;
        Ok((dir, name.name().into()))
    }
}

impl PathOp for Task<Move> {
    fn at(&mut self) -> &mut At {
        &mut self.arguments().paths.from
    }
}
impl TwoPathOp for Task<Move> {
    fn to(&mut self) -> &mut At {
        &mut self.arguments().paths.to
    }
}

impl Request<'_, Task<Move>> {
    /// With false, a name that exists is left alone, with EEXIST (default: true).
    pub fn replace(mut self, replace: bool) -> Self {
        self.op.arguments().paths.replace = replace;
        self
    }
    /// Removes from the target's directory, before anything else, what a kill or a crash has left there: of the
    /// caller's own, with a name like `.ioaio-0123456789abcdef`, not changed for `age`, and not being worked on
    /// by anybody (by default nothing is looked for).
    pub fn remove_leftovers(mut self, age: Duration) -> Self {
        self.op.arguments().leftovers = Some(age);
        self
    }
    /// Counts in `progress` what has been moved; a rename is one entry.
    pub fn progress(mut self, progress: &Progress) -> Self {
        self.op.arguments().progress = progress.clone();
        self
    }
}

impl Aio {
    /// Moves a file or directory: `rename(2)`, or across file systems a copy, after which the source
    /// is removed.
    ///
    /// The copy is one of [`copy`](Self::copy) or [`copy_tree`](Self::copy_tree), complete and on its
    /// device before the source is touched, so at no moment is there neither. Then all of the source is
    /// looked at, and removed only if it still is what was copied: after a change of contents, mode, owner,
    /// link, attribute or time, or where something was added, it ends with EBUSY and the path of what was
    /// changed, with the copy in place and the source where it was. (What is changed while the source is being
    /// removed stays, with what comes after it.) For this about 16 bytes are remembered of each entry. What
    /// the copy could not keep is told by [`Progress::not_kept`]. Of two names of one file the
    /// first is removed. A cancel before the
    /// copy is complete leaves the target as it was, and later comes too late. A symbolic link at the target
    /// is replaced, as by `rename(2)`.
    ///
    /// # Errors
    /// Those of `rename(2)`, and across file systems those of the copy and of `unlink(2)`; EEXIST for
    /// a directory that is moved across file systems onto something; EINVAL for a file that is moved across
    /// file systems onto a device, FIFO or socket, or for a NUL in a path.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let aio = ioaio::Aio::new()?;
    /// let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    /// std::fs::write(&from, "hello")?;
    /// aio.move_to(&from, &to).wait()?;
    /// assert_eq!(std::fs::read(&to)?, b"hello");
    /// assert!(!from.exists());
    /// # Ok(()) }
    /// ```
    pub fn move_to(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Request<'_, Task<Move>> {
        let (from, to) = (At::new(from.as_ref()), At::new(to.as_ref()));
        Task::request(
            self,
            Move { paths: Paths { from, to, replace: true }, leftovers: None, progress: Progress::new() },
        )
    }
}
