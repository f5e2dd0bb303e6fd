//! Making a path durable.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::api::request::PathOp;
use crate::composite::base::attributes::{kind, stat};
use crate::composite::base::calls::Calls;
use crate::composite::base::parent_and_name::Name;
use crate::composite::base::temp::is;
use crate::request::control::Control;
use crate::request::op::Op;
use crate::values::error::Error;
use crate::values::path::At;
use crate::{Aio, Request};

/// `fsync(2)` on a path and on its directory; see [`Aio::pathsync`].
pub struct PathSync {
    at: At,
    control: Arc<Control>,
}

impl PathSync {
    fn sync(&self) -> Result<(), Error> {
        let calls = Calls(&self.control);
        let open = |access| {
            let flags = access | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            calls.step("openat", &self.at, || {
                rustix::fs::openat(self.at.dirfd(), self.at.path(), flags, Mode::empty())
            })
        };
        let file = match open(OFlags::RDONLY) {
            // What may only be written can be synced as well.
            Err(e) if is(&e, &[Errno::ACCESS]) => open(OFlags::WRONLY)?,
            file => file?,
        };
        calls.step("fsync", &self.at, || rustix::fs::fsync(&file))?;
        match self.directory(calls, &file) {
            // A directory that may not be read can't be opened for that: all of the file system is synced.
            Err(e) if is(&e, &[Errno::ACCESS]) => {
                calls.step("syncfs", &self.at, || rustix::fs::syncfs(&file))
            }
            dir => {
                let dir = dir?;
                calls.step("fsync", &self.at, || rustix::fs::fsync(&dir))
            }
        }
    }
    /// The directory that the path is a name in.
    fn directory(&self, calls: Calls<'_>, file: &OwnedFd) -> Result<OwnedFd, Error> {
        let st = calls.step("statx", &self.at, || stat(file.as_fd()))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        if kind(&st) == FileType::Directory {
            return calls.step("openat", &self.at, || rustix::fs::openat(file, c"..", flags, Mode::empty()));
        }
        let name = Name::of(&self.at).map_err(|e| Error::new("openat", self.at.path_buf(), e))?;
        calls.step("openat", &self.at, || name.open_dir(flags))
    }
}

impl Op for PathSync {
    type Val = Result<(), Error>;
    type Out = Result<(), Error>;
    const NAME: &'static str = "pathsync";
    fn check(&self) -> io::Result<()> {
        self.at.check()
    }
    fn control(&self) -> Option<&Arc<Control>> {
        Some(&self.control)
    }
    fn run(&mut self) -> io::Result<Self::Val> {
        Ok(self.sync())
    }
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out {
        res.unwrap_or_else(|e| Err(Error::new(Self::NAME, self.at.path_buf(), e)))
    }
}
impl PathOp for PathSync {
    fn at(&mut self) -> &mut At {
        &mut self.at
    }
}

impl Aio {
    /// Writes a file or directory, and the directory that it is in, to the device: `fsync(2)` on both.
    ///
    /// After this, what was written to the file and its name outlast a crash. A last symbolic link
    /// is followed for the file; the directory is that of the link.
    ///
    /// # Errors
    /// Those of `open(2)` and `fsync(2)`; EINVAL for a NUL in the path.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let aio = ioaio::Aio::new()?;
    /// let path = dir.path().join("file");
    /// std::fs::write(&path, "hello")?;
    /// aio.pathsync(&path).wait()?;
    /// # Ok(()) }
    /// ```
    pub fn pathsync(&self, path: impl AsRef<Path>) -> Request<'_, PathSync> {
        Request::new(self, PathSync { at: At::new(path.as_ref()), control: Control::whole(self.faults()) })
    }
}
