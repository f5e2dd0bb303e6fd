//! Files and directories of new names.

use std::ffi::{CStr, CString, OsStr};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::api::request::PathOp;
use crate::request::op::Op;
use crate::values::file::File;
use crate::values::path::At;
use crate::{Aio, Request};

/// What a template ends with.
const PLACE: &[u8] = b"XXXXXX";
/// How many names are tried. There are 62^6 of them, so that each one is taken only where somebody makes them so.
const TRIES: u32 = 1000;

/// A path with something else for its last six characters.
fn name_of(template: &CStr) -> io::Result<CString> {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let start = template.to_bytes().strip_suffix(PLACE).ok_or(Errno::INVAL)?;
    let mut random = RandomState::new().hash_one(std::process::id());
    let letters = std::iter::repeat_with(|| {
        let letter = LETTERS[(random % 62) as usize];
        random /= 62;
        letter
    });
    let name: Vec<u8> = start.iter().copied().chain(letters.take(PLACE.len())).collect();
    Ok(CString::new(name)?)
}

/// Makes something of a new name, by a call that gives EEXIST where that is taken.
fn make<T>(
    at: &At,
    mut make: impl FnMut(BorrowedFd<'_>, &CStr) -> Result<T, Errno>,
) -> io::Result<(T, PathBuf)> {
    for _ in 0..TRIES {
        let name = name_of(at.path())?;
        match make(at.dirfd(), &name) {
            Err(Errno::EXIST) => {}
            made => return Ok((made?, OsStr::from_bytes(name.to_bytes()).into())),
        }
    }
    Err(Errno::EXIST.into())
}

/// `mkdtemp(3)`; see [`Aio::mkdtemp`].
pub struct Mkdtemp(At);

impl Op for Mkdtemp {
    type Val = PathBuf;
    type Out = io::Result<PathBuf>;
    const NAME: &'static str = "mkdtemp";
    fn check(&self) -> io::Result<()> {
        self.0.check()?;
        name_of(self.0.path()).map(drop)
    }
    fn run(&mut self) -> io::Result<PathBuf> {
        make(&self.0, |dir, name| rustix::fs::mkdirat(dir, name, Mode::RWXU)).map(|((), path)| path)
    }
    fn finish(self, res: io::Result<PathBuf>) -> Self::Out {
        res
    }
}
impl PathOp for Mkdtemp {
    fn at(&mut self) -> &mut At {
        &mut self.0
    }
}

/// `mkstemp(3)`; see [`Aio::mkstemp`].
pub struct Mkstemp(At);

impl Op for Mkstemp {
    type Val = (File, PathBuf);
    type Out = io::Result<(File, PathBuf)>;
    const NAME: &'static str = "mkstemp";
    fn check(&self) -> io::Result<()> {
        self.0.check()?;
        name_of(self.0.path()).map(drop)
    }
    fn run(&mut self) -> io::Result<(File, PathBuf)> {
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let open = |dir: BorrowedFd<'_>, name: &CStr| rustix::fs::openat(dir, name, flags, mode);
        let (fd, path): (OwnedFd, _) = make(&self.0, open)?;
        let file = File::from(fd);
        file.learn();
        Ok((file, path))
    }
    fn finish(self, res: io::Result<(File, PathBuf)>) -> Self::Out {
        res
    }
}
impl PathOp for Mkstemp {
    fn at(&mut self) -> &mut At {
        &mut self.0
    }
}

impl Aio {
    /// Makes a directory of a new name, with permissions for its owner only: `mkdtemp(3)`. The path ends with
    /// `XXXXXX`; what comes back has something else there.
    ///
    /// # Errors
    /// Those of `mkdir(2)`; EINVAL for another end of the path, or a NUL in it; EEXIST if a thousand names were
    /// taken.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = tempfile::tempdir()?;
    /// let aio = ioaio::Aio::new()?;
    /// let path = aio.mkdtemp(dir.path().join("work-XXXXXX")).wait()?;
    /// assert!(path.is_dir());
    /// # Ok(()) }
    /// ```
    pub fn mkdtemp(&self, template: impl AsRef<Path>) -> Request<'_, Mkdtemp> {
        Request::new(self, Mkdtemp(At::new(template.as_ref())))
    }
    /// Makes a file of a new name, with permissions for its owner only, and opens it for reading and writing:
    /// `mkstemp(3)`. The path ends with `XXXXXX`; what comes back has something else there.
    ///
    /// # Errors
    /// Those of `open(2)`; EINVAL for another end of the path, or a NUL in it; EEXIST if a thousand names were
    /// taken.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = tempfile::tempdir()?;
    /// let aio = ioaio::Aio::new()?;
    /// let (file, path) = aio.mkstemp(dir.path().join("part-XXXXXX")).wait()?;
    /// aio.write_at(&file, "text", 0).wait().0?;
    /// assert_eq!(std::fs::read(path)?, b"text");
    /// # Ok(()) }
    /// ```
    pub fn mkstemp(&self, template: impl AsRef<Path>) -> Request<'_, Mkstemp> {
        Request::new(self, Mkstemp(At::new(template.as_ref())))
    }
}
