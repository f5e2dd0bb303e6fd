//! Making and removing directories.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::api::request::PathOp;
use crate::request::op::{Op, RingOp};
use crate::request::sqe::Sqe;
use crate::values::path::{At, check_mode};
use crate::values::small_cstr::SmallCStr;
use crate::{Aio, Request};

/// `mkdir(2)`; see [`Aio::mkdir`].
pub struct Mkdir {
    at: At,
    mode: u32,
}

impl Op for Mkdir {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "mkdir";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| Some(Sqe::mkdirat(op.at.dirfd(), op.at.path(), op.mode)),
        decode: |_, cqe| cqe.unit(),
    });
    fn check(&self) -> io::Result<()> {
        check_mode(self.mode).and(self.at.check())
    }
    fn run(&mut self) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(self.at.dirfd(), self.at.path(), Mode::from_raw_mode(self.mode))?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for Mkdir {
    fn at(&mut self) -> &mut At {
        &mut self.at
    }
}

impl Request<'_, Mkdir> {
    /// The permissions, less the umask when it is executed (default: 0o777).
    pub fn mode(mut self, mode: u32) -> Self {
        self.op.mode = mode;
        self
    }
}

/// `mkdir -p`; see [`Aio::mkdir_all`].
pub struct MkdirAll {
    at: At,
    mode: u32,
}

/// Permissions of what is made on the way; the umask takes its part.
const ON_THE_WAY: Mode = Mode::from_raw_mode(0o777);

impl MkdirAll {
    /// A directory for each name of the path, from the handle of the one before.
    fn name_by_name(&self) -> Result<(), Errno> {
        let path = self.at.path().to_bytes();
        let mut names = path.split(|&b| b == b'/').filter(|name| !name.is_empty()).peekable();
        let mut dir: Option<OwnedFd> = match path.first() {
            Some(b'/') => Some(open(rustix::fs::CWD, c"/", OFlags::empty())?),
            _ => None,
        };
        while let Some(name) = names.next() {
            let mode = if names.peek().is_some() { ON_THE_WAY } else { Mode::from_raw_mode(self.mode) };
            // It is a part of a C string, so that there is no NUL in it.
            let name = SmallCStr::new(name).ok_or(Errno::INVAL)?;
            let at = dir.as_ref().map_or(self.at.dirfd(), |dir| dir.as_fd());
            dir = Some(enter(at, name.as_c_str(), mode)?);
        }
        Ok(())
    }
}

fn open(dir: BorrowedFd<'_>, path: &std::ffi::CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(dir, path, flags, Mode::empty())
}

/// The directory of that name, made if it is missing. What was made is not followed when somebody
/// puts a symbolic link in its place.
fn enter(dir: BorrowedFd<'_>, name: &std::ffi::CStr, mode: Mode) -> Result<OwnedFd, Errno> {
    match open(dir, name, OFlags::empty()) {
        Err(Errno::NOENT) => {}
        res => return res,
    }
    match rustix::fs::mkdirat(dir, name, mode) {
        Ok(()) => open(dir, name, OFlags::NOFOLLOW),
        // Somebody else made it just now; or a symbolic link that points to nothing.
        Err(Errno::EXIST) => open(dir, name, OFlags::empty()).map_err(|e| match e {
            Errno::NOENT => Errno::EXIST,
            e => e,
        }),
        Err(e) => Err(e),
    }
}

/// What to say of a name that exists, and that could not be opened as a directory: that it exists only if
/// it is something else, and otherwise why it was not opened.
fn instead(opened: Errno) -> Errno {
    match opened {
        Errno::NOTDIR | Errno::NOENT | Errno::LOOP => Errno::EXIST,
        e => e,
    }
}

impl Op for MkdirAll {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "mkdir_all";
    fn check(&self) -> io::Result<()> {
        check_mode(self.mode).and(self.at.check())
    }
    fn run(&mut self) -> io::Result<()> {
        let (dir, path) = (self.at.dirfd(), self.at.path());
        match rustix::fs::mkdirat(dir, path, Mode::from_raw_mode(self.mode)) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => return Ok(open(dir, path, OFlags::empty()).map(drop).map_err(instead)?),
            Err(Errno::NOENT) if path.is_empty() => return Err(Errno::NOENT.into()),
            // Some file systems have another error than EEXIST for a directory that is there.
            Err(_) => {}
        }
        Ok(self.name_by_name()?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for MkdirAll {
    fn at(&mut self) -> &mut At {
        &mut self.at
    }
}

impl Request<'_, MkdirAll> {
    /// The permissions of the last directory, less the umask when it is executed (default: 0o777).
    /// Those on the way get 0o777, less the umask.
    pub fn mode(mut self, mode: u32) -> Self {
        self.op.mode = mode;
        self
    }
}

/// `rmdir(2)`; see [`Aio::rmdir`].
pub struct Rmdir(At);

impl Op for Rmdir {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "rmdir";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| Some(Sqe::unlinkat(op.0.dirfd(), op.0.path(), AtFlags::REMOVEDIR.bits() as i32)),
        decode: |_, cqe| cqe.unit(),
    });
    fn check(&self) -> io::Result<()> {
        self.0.check()
    }
    fn run(&mut self) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(self.0.dirfd(), self.0.path(), AtFlags::REMOVEDIR)?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for Rmdir {
    fn at(&mut self) -> &mut At {
        &mut self.0
    }
}

impl Aio {
    /// Makes a directory: `mkdir(2)`.
    ///
    /// # Errors
    /// Those of `mkdir(2)`; EINVAL for unknown mode bits, or a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = tempfile::tempdir()?;
    /// let aio = ioaio::Aio::new()?;
    /// aio.mkdir(dir.path().join("new")).mode(0o700).wait()
    /// # }
    /// ```
    pub fn mkdir(&self, path: impl AsRef<Path>) -> Request<'_, Mkdir> {
        Request::new(self, Mkdir { at: At::new(path.as_ref()), mode: 0o777 })
    }
    /// Makes a directory and those that lead to it, as far as they are missing, like `mkdir -p`.
    ///
    /// Each is made relative to a handle of the one before, so the path may be longer than a system
    /// call takes. Symbolic links to directories that exist are followed.
    ///
    /// # Errors
    /// Those of `mkdir(2)`; EEXIST if the last name is something else; ENOTDIR if one before is.
    /// What was made until then stays.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = tempfile::tempdir()?;
    /// let aio = ioaio::Aio::new()?;
    /// aio.mkdir_all(dir.path().join("a/b/c")).wait()?;
    /// aio.mkdir_all(dir.path().join("a/b/c")).wait()
    /// # }
    /// ```
    pub fn mkdir_all(&self, path: impl AsRef<Path>) -> Request<'_, MkdirAll> {
        Request::new(self, MkdirAll { at: At::new(path.as_ref()), mode: 0o777 })
    }
    /// Removes an empty directory: `rmdir(2)`.
    ///
    /// # Errors
    /// Those of `rmdir(2)`; EINVAL for a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = tempfile::tempdir()?;
    /// let aio = ioaio::Aio::new()?;
    /// aio.mkdir(dir.path().join("new")).wait()?;
    /// aio.rmdir(dir.path().join("new")).wait()
    /// # }
    /// ```
    pub fn rmdir(&self, path: impl AsRef<Path>) -> Request<'_, Rmdir> {
        Request::new(self, Rmdir(At::new(path.as_ref())))
    }
}
