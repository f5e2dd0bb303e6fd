//! Copies of single files.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Statx, StatxFlags};
use rustix::io::Errno;

use crate::api::request::{PathOp, TwoPathOp};
use crate::composite::base::attributes::{Pair, kind, stat};
use crate::composite::base::calls::Calls;
use crate::composite::base::contents::Contents;
use crate::composite::base::progress::Progress;
use crate::composite::base::special::{self, Special};
use crate::composite::base::temp::Target;
use crate::request::control::Control;
use crate::request::op::Op;
use crate::values::error::Error;
use crate::values::path::At;
use crate::{Aio, Request};

/// The copy of one file; see [`Aio::copy`].
pub struct Copy {
    pub(crate) from: At,
    pub(crate) to: At,
    pub(crate) follow: bool,
    pub(crate) special: bool,
    pub(crate) replace: bool,
    pub(crate) durable: bool,
    pub(crate) progress: Progress,
    pub(crate) control: Arc<Control>,
}

impl Copy {
    fn copy(&self) -> Result<u64, Error> {
        let calls = Calls(&self.control);
        // What it is comes first: opening a FIFO, a tape or a modem does something.
        let flags = if self.follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        let (dir, path) = (self.from.dirfd(), self.from.path());
        let stat = || crate::sys::fallback::statx(dir, path, flags, StatxFlags::BASIC_STATS);
        let st = calls.step("statx", &self.from, stat)?;
        let len = match kind(&st) {
            FileType::RegularFile => self.copy_regular(calls)?,
            FileType::Directory => return Err(self.refuse(Errno::ISDIR)),
            FileType::Symlink => self.copy_special(calls)?,
            _ if self.special => self.copy_special(calls)?,
            _ => return Err(self.refuse(Errno::INVAL)),
        };
        self.progress.add_entry();
        Ok(len)
    }
    fn refuse(&self, errno: Errno) -> Error {
        Error::new("statx", self.from.path_buf(), errno)
    }
    fn open(&self, calls: Calls<'_>, flags: OFlags) -> Result<(OwnedFd, Statx), Error> {
        let follow = if self.follow { OFlags::empty() } else { OFlags::NOFOLLOW };
        let flags = flags | follow | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(self.from.dirfd(), self.from.path(), flags, Mode::empty());
        let file = calls.step("openat", &self.from, open)?;
        let st = calls.step("statx", &self.from, || stat(file.as_fd()))?;
        Ok((file, st))
    }
    fn copy_regular(&self, calls: Calls<'_>) -> Result<u64, Error> {
        // Also if it is another file by now, opening does not wait.
        let (file, st) = self.open(calls, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        if kind(&st) != FileType::RegularFile {
            return Err(self.refuse(Errno::BUSY));
        }
        let target = Target::open(calls, &self.to, self.replace, self.durable)?;
        let temp = target.make_file(Mode::RUSR | Mode::WUSR)?;
        let (from, to) = (file.as_fd(), temp.as_fd());
        let pair = Pair { calls, from, from_place: &self.from, to, to_place: &self.to };
        let len = Contents::new().copy(pair, &st, &self.progress)?;
        pair.drop_inherited_acl()?;
        pair.copy_owner_and_mode(&st)?;
        pair.copy_times(&st)?;
        target.place_file(temp)?;
        Ok(len)
    }
    fn copy_special(&self, calls: Calls<'_>) -> Result<u64, Error> {
        let (held, st) = self.open(calls, OFlags::PATH)?;
        if matches!(kind(&st), FileType::RegularFile | FileType::Directory) {
            return Err(self.refuse(Errno::BUSY));
        }
        let new = Special::of(calls, &self.from, held.as_fd(), &st)?;
        let target = Target::open(calls, &self.to, self.replace, self.durable)?;
        let (temp, ()) = target.make(new.call(), |dir, name| new.make(dir, name))?;
        special::finish(calls, &self.to, target.dir(), temp.name(), &st)?;
        target.place(temp)?;
        Ok(0)
    }
}

impl Op for Copy {
    type Val = Result<u64, Error>;
    type Out = Result<u64, Error>;
    const NAME: &'static str = "copy";
    fn check(&self) -> io::Result<()> {
        self.from.check()?;
        self.to.check()
    }
    fn control(&self) -> Option<&Arc<Control>> {
        Some(&self.control)
    }
    fn run(&mut self) -> io::Result<Self::Val> {
        Ok(self.copy())
    }
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out {
        res.unwrap_or_else(|e| Err(Error::new(Self::NAME, self.from.path_buf(), e)))
    }
}

impl PathOp for Copy {
    fn at(&mut self) -> &mut At {
        &mut self.from
    }
}
impl TwoPathOp for Copy {
    fn to(&mut self) -> &mut At {
        &mut self.to
    }
}

impl Request<'_, Copy> {
    /// With false, a source that is a symbolic link is copied as a link (default: true).
    pub fn follow(mut self, follow: bool) -> Self {
        self.op.follow = follow;
        self
    }
    /// With true, FIFOs, sockets and devices are made anew; else they are refused, with EINVAL.
    pub fn special(mut self, special: bool) -> Self {
        self.op.special = special;
        self
    }
    /// With false, a name that exists is left alone, with EEXIST (default: true).
    pub fn replace(mut self, replace: bool) -> Self {
        self.op.replace = replace;
        self
    }
    /// With true, the copy outlasts a crash of the system once this is done: `fsync(2)` of the file
    /// and its directory (default: false).
    pub fn durable(mut self, durable: bool) -> Self {
        self.op.durable = durable;
        self
    }
    /// Counts in `progress` what has been copied.
    pub fn progress(mut self, progress: &Progress) -> Self {
        self.op.progress = progress.clone();
        self
    }
}

impl Aio {
    /// Copies a file, all or nothing, and gives its length in bytes.
    ///
    /// Where the file system can, the copy shares the blocks of the original; else the kernel copies
    /// with `copy_file_range(2)`, or it goes through memory. Holes, owner, mode, extended attributes
    /// with ACLs, and times are kept; what takes a privilege that the caller does not have, or what
    /// the target's file system does not know, is left out, as by `cp -a`. The copy has no name, or
    /// one like `.ioaio-0123456789abcdef`, until it is complete. A cancel takes effect between two
    /// pieces of 16 MiB and leaves the target as it was. The target's name is replaced, not
    /// followed. A FIFO is never opened, so nothing can hang on one.
    ///
    /// # Errors
    /// Those of the calls that it makes, with the path; EISDIR for a directory; EINVAL for a FIFO,
    /// socket or device, unless [`special`](Request::special), or for a NUL in a path; EBUSY if the
    /// source becomes another kind of file meanwhile.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let aio = ioaio::Aio::new()?;
    /// let len = aio.copy("/etc/passwd", dir.path().join("passwd")).wait()?;
    /// assert_eq!(len, std::fs::metadata("/etc/passwd")?.len());
    /// # Ok(()) }
    /// ```
    pub fn copy(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Request<'_, Copy> {
        let (from, to) = (At::new(from.as_ref()), At::new(to.as_ref()));
        let (progress, control) = (Progress::new(), Control::whole(self.faults()));
        Request::new(
            self,
            Copy { from, to, follow: true, special: false, replace: true, durable: false, progress, control },
        )
    }
}
