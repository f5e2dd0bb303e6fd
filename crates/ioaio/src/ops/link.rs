//! Names.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::AtFlags;

use crate::api::request::{PathOp, TwoPathOp};
use crate::request::op::{Op, RingOp};
use crate::request::sqe::Sqe;
use crate::values::file::File;
use crate::values::path::At;
use crate::{Aio, Request};

/// `unlink(2)`; see [`Aio::unlink`].
pub struct Unlink(At);

impl Op for Unlink {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "unlink";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| Some(Sqe::unlinkat(op.0.dirfd(), op.0.path(), 0)),
        decode: |_, cqe| cqe.unit(),
    });
    fn check(&self) -> io::Result<()> {
        self.0.check()
    }
    fn run(&mut self) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(self.0.dirfd(), self.0.path(), AtFlags::empty())?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for Unlink {
    fn at(&mut self) -> &mut At {
        &mut self.0
    }
}

/// `link(2)`; see [`Aio::link`].
pub struct Link {
    from: At,
    to: At,
    flags: AtFlags,
}

impl Op for Link {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "link";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| {
            let (from, to) = (&op.from, &op.to);
            let flags = op.flags.bits() as i32;
            Some(Sqe::linkat((from.dirfd(), from.path()), (to.dirfd(), to.path()), flags))
        },
        decode: |_, cqe| cqe.unit(),
    });
    fn check(&self) -> io::Result<()> {
        self.from.check().and(self.to.check())
    }
    fn run(&mut self) -> io::Result<()> {
        let (from, to) = (&self.from, &self.to);
        Ok(rustix::fs::linkat(from.dirfd(), from.path(), to.dirfd(), to.path(), self.flags)?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for Link {
    fn at(&mut self) -> &mut At {
        &mut self.from
    }
}
impl TwoPathOp for Link {
    fn to(&mut self) -> &mut At {
        &mut self.to
    }
}

impl Request<'_, Link> {
    /// Whether to link what a last symbolic link points to, instead of the link itself (default: no).
    pub fn follow(mut self, yes: bool) -> Self {
        self.op.flags.set(AtFlags::SYMLINK_FOLLOW, yes);
        self
    }
}

/// A name for an open file; see [`Aio::link_file`].
pub struct LinkFile {
    file: File,
    to: At,
}

impl Op for LinkFile {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "link_file";
    fn check(&self) -> io::Result<()> {
        self.to.check()
    }
    fn run(&mut self) -> io::Result<()> {
        let file = self.file.as_fd();
        let (dir, path) = (self.to.dirfd(), self.to.path());
        // An empty path takes CAP_DAC_READ_SEARCH; since Linux 6.10 it is enough to be who opened the file.
        match rustix::fs::linkat(file, c"", dir, path, AtFlags::EMPTY_PATH) {
            Err(rustix::io::Errno::NOENT) => {
                let proc = format!("/proc/self/fd/{}", file.as_raw_fd());
                Ok(rustix::fs::linkat(rustix::fs::CWD, proc, dir, path, AtFlags::SYMLINK_FOLLOW)?)
            }
            res => Ok(res?),
        }
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for LinkFile {
    fn at(&mut self) -> &mut At {
        &mut self.to
    }
}

/// `symlink(2)`; see [`Aio::symlink`].
pub struct Symlink {
    target: At,
    link: At,
}

impl Op for Symlink {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "symlink";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| Some(Sqe::symlinkat(op.target.path(), op.link.dirfd(), op.link.path())),
        decode: |_, cqe| cqe.unit(),
    });
    fn check(&self) -> io::Result<()> {
        self.target.check().and(self.link.check())
    }
    fn run(&mut self) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(self.target.path(), self.link.dirfd(), self.link.path())?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
/// What a link says is text: only the link's own path is resolved.
impl PathOp for Symlink {
    fn at(&mut self) -> &mut At {
        &mut self.link
    }
}

/// `readlink(2)`; see [`Aio::readlink`].
pub struct Readlink(At);

impl Op for Readlink {
    type Val = PathBuf;
    type Out = io::Result<PathBuf>;
    const NAME: &'static str = "readlink";
    fn check(&self) -> io::Result<()> {
        self.0.check()
    }
    fn run(&mut self) -> io::Result<PathBuf> {
        let target = rustix::fs::readlinkat(self.0.dirfd(), self.0.path(), Vec::new())?;
        Ok(OsString::from_vec(target.into_bytes()).into())
    }
    fn finish(self, res: io::Result<PathBuf>) -> Self::Out {
        res
    }
}
impl PathOp for Readlink {
    fn at(&mut self) -> &mut At {
        &mut self.0
    }
}

impl Aio {
    /// Removes a name that is not a directory's: `unlink(2)`.
    ///
    /// # Errors
    /// Those of `unlink(2)`; EINVAL for a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let err = aio.unlink("/no/such/file").wait().unwrap_err();
    /// assert_eq!(err.kind(), std::io::ErrorKind::NotFound);
    /// # Ok(()) }
    /// ```
    pub fn unlink(&self, path: impl AsRef<Path>) -> Request<'_, Unlink> {
        Request::new(self, Unlink(At::new(path.as_ref())))
    }
    /// Gives a file another name: `link(2)`. A last symbolic link is not followed unless
    /// [`follow`](Request::follow) says so.
    ///
    /// # Errors
    /// Those of `link(2)`; EINVAL for a NUL in a path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = tempfile::tempdir()?;
    /// # let (old, new) = (dir.path().join("old"), dir.path().join("new"));
    /// # std::fs::write(&old, "")?;
    /// let aio = ioaio::Aio::new()?;
    /// aio.link(&old, &new).wait()?;
    /// assert_eq!(aio.stat(&new).wait()?.nlink(), 2);
    /// # Ok(()) }
    /// ```
    pub fn link(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Request<'_, Link> {
        let (from, to) = (At::new(from.as_ref()), At::new(to.as_ref()));
        Request::new(self, Link { from, to, flags: AtFlags::empty() })
    }
    /// Gives an open file a name, also one that was opened with `O_TMPFILE`: `linkat(2)`.
    ///
    /// [`at`](Request::at) is the directory of the new name. Before Linux 6.10, and for other users'
    /// files, this takes a privilege or a mounted `/proc`.
    ///
    /// # Errors
    /// Those of `linkat(2)`; ENOENT also for a file without a name that was opened with `O_EXCL`, and
    /// for one whose last name was removed.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = tempfile::tempdir()?;
    /// use ioaio::OFlags;
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open(&dir).flags(OFlags::TMPFILE | OFlags::WRONLY).wait()?;
    /// aio.write_at(&file, "complete", 0).wait().0?;
    /// aio.link_file(&file, dir.path().join("name")).wait()
    /// # }
    /// ```
    pub fn link_file(&self, file: &File, to: impl AsRef<Path>) -> Request<'_, LinkFile> {
        Request::new(self, LinkFile { file: file.share(), to: At::new(to.as_ref()) })
    }
    /// Makes a symbolic link that says `target`: `symlink(2)`.
    ///
    /// [`at`](Request::at) is the directory of the link; `target` is kept as it is.
    ///
    /// # Errors
    /// Those of `symlink(2)`; EINVAL for a NUL in a path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = tempfile::tempdir()?;
    /// # let link = dir.path().join("link");
    /// let aio = ioaio::Aio::new()?;
    /// aio.symlink("anything", &link).wait()?;
    /// assert_eq!(aio.readlink(&link).wait()?, std::path::Path::new("anything"));
    /// # Ok(()) }
    /// ```
    pub fn symlink(&self, target: impl AsRef<Path>, link: impl AsRef<Path>) -> Request<'_, Symlink> {
        let (target, link) = (At::new(target.as_ref()), At::new(link.as_ref()));
        Request::new(self, Symlink { target, link })
    }
    /// What a symbolic link says: `readlink(2)`.
    ///
    /// # Errors
    /// Those of `readlink(2)`: EINVAL for what is no symbolic link, or a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// println!("{:?}", ioaio::Aio::new()?.readlink("/proc/self/exe").wait()?);
    /// # Ok(()) }
    /// ```
    pub fn readlink(&self, path: impl AsRef<Path>) -> Request<'_, Readlink> {
        Request::new(self, Readlink(At::new(path.as_ref())))
    }
}
