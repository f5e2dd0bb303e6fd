//! Permissions.

use std::io;
use std::path::Path;

use rustix::fs::{Access, AtFlags, Mode};

use crate::api::request::PathOp;
use crate::request::op::Op;
use crate::values::file::File;
use crate::values::path::{At, Subject, Target, check_mode};
use crate::{Aio, Request};

/// `chmod(2)`; see [`Aio::chmod`] and [`Aio::fchmod`].
pub struct Chmod<S> {
    subject: S,
    mode: u32,
}

impl<S: Subject> Op for Chmod<S> {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "chmod";
    fn check(&self) -> io::Result<()> {
        check_mode(self.mode).and(self.subject.check())
    }
    fn run(&mut self) -> io::Result<()> {
        let mode = Mode::from_raw_mode(self.mode);
        match self.subject.target() {
            Target::Path(dir, path) => rustix::fs::chmodat(dir, path, mode, AtFlags::empty())?,
            Target::File(file) => rustix::fs::fchmod(file, mode)?,
        }
        Ok(())
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for Chmod<At> {
    fn at(&mut self) -> &mut At {
        &mut self.subject
    }
}

/// `faccessat2(2)`; see [`Aio::access`].
pub struct AccessOf {
    at: At,
    access: Access,
    flags: AtFlags,
}

impl Op for AccessOf {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "access";
    fn check(&self) -> io::Result<()> {
        self.at.check()
    }
    fn run(&mut self) -> io::Result<()> {
        let (dir, path) = (self.at.dirfd(), self.at.path());
        if self.flags.contains(AtFlags::EMPTY_PATH) {
            return crate::sys::paths::access(dir, path, self.access, self.flags); // rustix does not know it
        }
        Ok(rustix::fs::accessat(dir, path, self.access, self.flags)?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for AccessOf {
    fn at(&mut self) -> &mut At {
        &mut self.at
    }
}

impl Request<'_, AccessOf> {
    /// Whether an empty path means the directory, or other file, that it would start at (default: no):
    /// `AT_EMPTY_PATH` (Linux 5.8).
    pub fn empty_path(mut self, yes: bool) -> Self {
        self.op.flags.set(AtFlags::EMPTY_PATH, yes);
        self
    }
    /// Whether to ask for the effective user and group instead of the real ones (default: no).
    pub fn effective(mut self, yes: bool) -> Self {
        self.op.flags.set(AtFlags::EACCESS, yes);
        self
    }
    /// Whether a last symbolic link is followed (default: yes).
    pub fn follow(mut self, yes: bool) -> Self {
        self.op.flags.set(AtFlags::SYMLINK_NOFOLLOW, !yes);
        self
    }
}

impl Aio {
    /// Changes the permissions, following a last symbolic link: `chmod(2)`.
    ///
    /// # Errors
    /// Those of `chmod(2)`; EINVAL for unknown mode bits, or a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::NamedTempFile::new()?;
    /// ioaio::Aio::new()?.chmod(file.path(), 0o640).wait()
    /// # }
    /// ```
    pub fn chmod(&self, path: impl AsRef<Path>, mode: u32) -> Request<'_, Chmod<At>> {
        Request::new(self, Chmod { subject: At::new(path.as_ref()), mode })
    }
    /// The same for an open file: `fchmod(2)`.
    ///
    /// # Errors
    /// Those of `fchmod(2)`; EINVAL for unknown mode bits.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// ioaio::Aio::new()?.fchmod(&file, 0o640).wait()
    /// # }
    /// ```
    pub fn fchmod(&self, file: &File, mode: u32) -> Request<'_, Chmod<File>> {
        Request::new(self, Chmod { subject: file.share(), mode })
    }
    /// Asks whether the process may do something with a file: `faccessat2(2)`.
    ///
    /// The answer is for the real user and group, as with `access(2)`, unless
    /// [`effective`](Request::effective) says otherwise.
    ///
    /// # Errors
    /// Those of `faccessat2(2)`: EACCES where it may not; EINVAL for a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// aio.access("/etc/passwd", ioaio::Access::READ_OK).effective(true).wait()
    /// # }
    /// ```
    pub fn access(&self, path: impl AsRef<Path>, access: Access) -> Request<'_, AccessOf> {
        Request::new(self, AccessOf { at: At::new(path.as_ref()), access, flags: AtFlags::empty() })
    }
}
