//! Moves, also across file systems.

use std::future::Future;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, OFlags, Statx, StatxTimestamp};
use rustix::io::Errno;

use super::copy::Copy;
use crate::api::request::{PathOp, TwoPathOp};
use crate::composite::base::attributes::{kind, stat_name};
use crate::composite::base::calls::Calls;
use crate::composite::base::discard::Remover;
use crate::composite::base::existing::{Links, Manner, Specials};
use crate::composite::base::parent_and_name::Name;
use crate::composite::base::task::{Composite, Steps, Task};
use crate::composite::base::temp::{is, rename_new};
use crate::composite::copy_tree::dirs::id;
use crate::composite::copy_tree::{CopyTree, copy_tree, without_slashes};
use crate::request::control::Control;
use crate::request::op::Op;
use crate::values::error::Error;
use crate::values::path::At;
use crate::{Aio, Progress, Request};

/// A move; see [`Aio::move_to`].
pub struct Move {
    paths: Paths,
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
    let Move { paths, progress } = args;
    let part = |what| MovePart { paths: paths.clone(), what, control: steps.control().clone() };
    let rename = part(Part::Rename);
    let Some(st) = steps.go(|aio| Request::new(aio, rename)).await? else {
        progress.add_entry();
        return Ok(());
    };
    let (from, to) = (paths.from.clone(), paths.to.clone());
    let remove = if kind(&st) == FileType::Directory {
        let tree = CopyTree { from, to, one_file_system: false, keep_going: false, durable: true, progress };
        let _ = copy_tree(tree, steps.clone()).await?;
        part(Part::RemoveTree)
    } else {
        let control = steps.control().clone();
        let manner = Manner {
            replace: paths.replace,
            durable: true,
            links: Links::Replace,
            specials: Specials::Refuse,
            write_through: false,
            in_place: false,
        };
        let copy = Copy { from, to, follow: false, special: true, manner, progress, control };
        let _ = steps.go(|aio| Request::new(aio, copy)).await?;
        part(Part::RemoveFile(Box::new(st)))
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
    /// The file that was copied, as it was before.
    RemoveFile(Box<Statx>),
    RemoveTree,
}

impl Op for MovePart {
    type Val = Result<Option<Statx>, Error>;
    type Out = Result<Option<Statx>, Error>;
    const NAME: &'static str = "move_part";
    fn run(&mut self) -> io::Result<Self::Val> {
        let (calls, paths) = (Calls(&self.control), &self.paths);
        Ok(match &self.what {
            Part::Rename => paths.rename(calls),
            Part::RemoveFile(st) => paths.remove_file(calls, st).map(|()| None),
            Part::RemoveTree => paths.remove_tree(calls).map(|()| None),
        })
    }
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out {
        res.unwrap_or_else(|e| Err(Error::new(Self::NAME, self.paths.from.path_buf(), e)))
    }
}

impl Paths {
    fn rename(&self, calls: Calls<'_>) -> Result<Option<Statx>, Error> {
        let Paths { from, to, replace } = self;
        let renamed = match replace {
            true => calls.step("renameat", from, || {
                rustix::fs::renameat(from.dirfd(), from.path(), to.dirfd(), to.path())
            }),
            false => rename_new(calls, from, (from.dirfd(), from.path()), (to.dirfd(), to.path())),
        };
        match renamed {
            Err(e) if is(&e, &[Errno::XDEV]) => {}
            res => return res.map(|()| None),
        }
        let path = without_slashes(from.path().to_bytes());
        let name = Name::split(from, path).map_err(|e| Error::new("renameat2", from.path_buf(), e))?;
        let dir = calls.step("openat", from, || name.open_dir(OFlags::PATH))?;
        calls.step("statx", from, || stat_name(dir.as_fd(), name.name())).map(Some)
    }
    /// The copy is on its device; the source goes if it still is what was copied.
    fn remove_file(&self, calls: Calls<'_>, copied: &Statx) -> Result<(), Error> {
        let from = &self.from;
        let name = Name::of(from).map_err(|e| Error::new("unlinkat", from.path_buf(), e))?;
        let dir = calls.finally("openat", from, || name.open_dir(OFlags::PATH))?;
        let st = calls.finally("statx", from, || stat_name(dir.as_fd(), name.name()))?;
        let changed = |st: &Statx| {
            let time = |t: StatxTimestamp| (t.tv_sec, t.tv_nsec);
            (id(st), st.stx_size, time(st.stx_mtime), st.stx_mode)
        };
        if changed(&st) != changed(copied) {
            return Err(Error::new("unlinkat", from.path_buf(), Errno::BUSY));
        }
        calls.finally("unlinkat", from, || rustix::fs::unlinkat(&dir, name.name(), AtFlags::empty()))
    }
    fn remove_tree(&self, calls: Calls<'_>) -> Result<(), Error> {
        let split = |at| {
            let at: &At = at;
            Name::split(at, without_slashes(at.path().to_bytes()))
                .map_err(|e| Error::new("openat", at.path_buf(), e))
        };
        let (from, to) = (split(&self.from)?, split(&self.to)?);
        let from_dir = calls.finally("openat", &self.from, || from.open_dir(OFlags::PATH))?;
        let to_dir = calls.finally("openat", &self.to, || to.open_dir(OFlags::PATH))?;
        let remover = Remover { calls, place: &self.from };
        remover.remove_copied(from_dir.as_fd(), from.name(), (to_dir.as_fd(), to.name()))
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
    /// device before the source is touched, so at no moment is there neither. Then only what the copy
    /// has as well is removed: where somebody has changed the source or added to it meanwhile, it ends
    /// with EBUSY, with the copy in place and the rest of the source where it was. A cancel before the
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
        Task::request(self, Move { paths: Paths { from, to, replace: true }, progress: Progress::new() })
    }
}
