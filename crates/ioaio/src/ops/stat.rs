//! Asking what a file is.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, Statx, StatxFlags};

use crate::api::request::PathOp;
use crate::request::op::{INLINE_DEPTH, Op, RingOp};
use crate::request::sqe::Sqe;
use crate::sys::statx::zeroed_statx;
use crate::sys::{fallback, mounts};
use crate::values::file::File;
use crate::values::metadata::Metadata;
use crate::values::path::{At, Subject};
use crate::{Aio, Request};

/// `statx(2)`; see [`Aio::stat`], [`Aio::lstat`] and [`Aio::fstat`].
pub struct Stat<S = At> {
    subject: S,
    flags: AtFlags,
    /// For the ring to write its 256 bytes into. It is made when the ring gets the request, which it does only where
    /// the pool is off: on a worker and inline the result needs no memory of its own, and a queued request stays small.
    out: Option<Box<Statx>>,
}

fn mask() -> StatxFlags {
    StatxFlags::BASIC_STATS | StatxFlags::BTIME | mounts::mask()
}

impl<S: Subject> Stat<S> {
    fn now(&self) -> io::Result<Statx> {
        let (dir, path) = self.subject.target().dir_and_path();
        Ok(fallback::statx(dir, path, self.flags, mask())?)
    }
    /// After a result from a mount that is not known yet: ask it, so that the next one goes inline.
    fn learn(&self, st: &Statx) {
        if mounts::is_local(st).is_some() {
            return;
        }
        match (self.subject.file(), self.subject.target()) {
            (Some(file), _) => file.learn(),
            (None, target) => {
                let (dir, path) = target.dir_and_path();
                if let Ok(fd) = rustix::fs::openat(dir, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
                    mounts::learn(fd.as_fd());
                }
            }
        }
    }
}

/// Looks a path up in the kernel's cache only, and asks only a local file system.
fn stat_cached(dir: BorrowedFd<'_>, path: &CStr, flags: AtFlags) -> Option<io::Result<Metadata>> {
    let mut oflags = OFlags::PATH | OFlags::CLOEXEC;
    if flags.contains(AtFlags::SYMLINK_NOFOLLOW) {
        oflags |= OFlags::NOFOLLOW;
    }
    // It may have failed only because the path is not in the cache: the full call finds out.
    let fd = rustix::fs::openat2(dir, path, oflags, Mode::empty(), ResolveFlags::CACHED).ok()?;
    let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let st = rustix::fs::statx(&fd, c"", flags, mask()).ok()?;
    (mounts::is_local(&st) == Some(true)).then(|| Ok(Metadata::new(&st)))
}

impl<S: Subject> Op for Stat<S> {
    type Val = Metadata;
    type Out = io::Result<Metadata>;
    const NAME: &'static str = "stat";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| {
            let out = op.out.get_or_insert_with(|| Box::new(zeroed_statx()));
            let (dir, path) = op.subject.target().dir_and_path();
            Some(Sqe::statx(dir, path, op.flags.bits() as i32, mask().bits(), out))
        },
        decode: |op, cqe| {
            cqe.unit()?;
            let st = op.out.take().ok_or(rustix::io::Errno::INVAL)?;
            Ok(Metadata::new(&st))
        },
    });
    fn check(&self) -> io::Result<()> {
        self.subject.check()
    }
    fn inline(&mut self) -> Option<io::Result<Metadata>> {
        match (self.subject.file(), self.subject.target()) {
            (Some(file), _) => file.is_local().then(|| self.now().map(|st| Metadata::new(&st))),
            (None, target) => {
                let (dir, path) = target.dir_and_path();
                stat_cached(dir, path, self.flags)
            }
        }
    }
    fn inline_depth(&self) -> Option<usize> {
        // An open file takes one call, a path three.
        self.subject.file().is_none().then_some(INLINE_DEPTH)
    }
    fn run(&mut self) -> io::Result<Metadata> {
        let st = self.now()?;
        self.learn(&st);
        Ok(Metadata::new(&st))
    }
    fn finish(self, res: io::Result<Metadata>) -> Self::Out {
        res
    }
}
impl PathOp for Stat<At> {
    fn at(&mut self) -> &mut At {
        &mut self.subject
    }
}

impl Aio {
    fn stat_path(&self, path: &Path, flags: AtFlags) -> Request<'_, Stat> {
        Request::new(self, Stat { subject: At::new(path), flags, out: None })
    }
    /// What is known of a file, following a last symbolic link: `stat(2)`, by `statx(2)`.
    ///
    /// # Errors
    /// Those of `stat(2)`; EINVAL for a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// println!("size is {}", aio.stat("/etc/passwd").wait()?.len());
    /// # Ok(()) }
    /// ```
    pub fn stat(&self, path: impl AsRef<Path>) -> Request<'_, Stat> {
        self.stat_path(path.as_ref(), AtFlags::empty())
    }
    /// The same without following a last symbolic link: `lstat(2)`.
    ///
    /// # Errors
    /// Those of `lstat(2)`; EINVAL for a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// assert!(ioaio::Aio::new()?.lstat("/").wait()?.is_dir());
    /// # Ok(()) }
    /// ```
    pub fn lstat(&self, path: impl AsRef<Path>) -> Request<'_, Stat> {
        self.stat_path(path.as_ref(), AtFlags::SYMLINK_NOFOLLOW)
    }
    /// What is known of an open file: `fstat(2)`.
    ///
    /// # Errors
    /// Those of `fstat(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// assert!(aio.fstat(&file).wait()?.len() > 0);
    /// # Ok(()) }
    /// ```
    ///
    /// There is no path that a directory could be given for:
    ///
    /// ```compile_fail,E0277
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let (file, dir) = (aio.open("/etc/passwd").wait()?, ioaio::Dir::open("/etc")?);
    /// aio.fstat(&file).at(&dir).wait()?;
    /// # Ok(()) }
    /// ```
    pub fn fstat(&self, file: &File) -> Request<'_, Stat<File>> {
        Request::new(self, Stat { subject: file.share(), flags: AtFlags::EMPTY_PATH, out: None })
    }
}
