//! Whole files, all or nothing.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{FileType, Mode, OFlags, Statx};
use rustix::io::Errno;

use crate::api::request::PathOp;
use crate::composite::base::attributes::{Object, PERMISSIONS, Pair, Which, kind, stat};
use crate::composite::base::calls::Calls;
use crate::composite::base::existing::{Existing, Links, Manner, Specials, Way, write_all};
use crate::composite::base::not_kept::Notes;
use crate::composite::base::temp::{Target, is};
use crate::request::control::Control;
use crate::request::op::Op;
use crate::values::buf::IoBuf;
use crate::values::error::Error;
use crate::values::path::At;
use crate::{Aio, Request};

const PRIVATE: u32 = 0o600;

/// A file that is replaced as a whole; see [`Aio::save`].
pub struct Save<B> {
    at: At,
    data: B,
    mode: u32,
    /// The mode is that of the file, whatever was there.
    mode_rules: bool,
    keep: bool,
    manner: Manner,
    control: Arc<Control>,
}

/// What a new file has of the one that it replaces.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    Nothing,
    /// Mode, owner and ACL.
    Usual,
    /// The extended attributes as well.
    All,
}

/// The file that is to be replaced.
enum Old {
    Open(OwnedFd),
    /// It may not be read, but its attributes may be.
    Held(OwnedFd),
}

impl Old {
    fn object(&self) -> Object<'_> {
        match self {
            Old::Open(file) => Object::Open(file.as_fd()),
            Old::Held(file) => Object::Held(file.as_fd()),
        }
    }
}

impl<B: IoBuf> Save<B> {
    fn save(&self) -> Result<(), Error> {
        let calls = Calls(&self.control);
        match self.manner.way(calls, &self.at)? {
            Way::Into(existing) => self.write_into(existing),
            Way::Beside(target) => self.write_beside(&target).or_else(|e| {
                let existing = self.manner.instead(e, calls, &self.at)?;
                self.write_into(existing)
            }),
        }
    }
    fn keep(&self) -> Keep {
        match (self.keep, self.mode_rules) {
            (true, _) => Keep::All,
            (false, true) => Keep::Nothing,
            (false, false) => Keep::Usual,
        }
    }
    fn write_into(&self, existing: Existing<'_>) -> Result<(), Error> {
        existing.empty()?;
        existing.write(self.data.bytes())?;
        existing.finish()
    }
    fn write_beside(&self, target: &Target<'_>) -> Result<(), Error> {
        let calls = target.calls;
        let keep = self.keep();
        let old = match keep {
            Keep::Nothing => None,
            _ => self.old(calls, target.dir(), target.name())?,
        };
        let mode = Mode::from_raw_mode(if old.is_some() { PRIVATE } else { self.mode });
        let temp = target.make_file(mode)?;
        write_all(calls, &self.at, temp.as_fd(), self.data.bytes())?;
        if let Some((old, st)) = &old {
            let (from, to, place, notes) =
                (old.object(), Object::Open(temp.as_fd()), &self.at, Notes::default());
            let pair = Pair { calls, from, from_place: place, to, to_place: place, notes: &notes };
            pair.drop_inherited_acl()?;
            let which = if keep == Keep::All { Which::All } else { Which::Acls };
            pair.copy_owner_and_mode(st, which)?;
        }
        target.place_file(temp)
    }
    /// The regular file that is to be replaced, if there is one.
    fn old(&self, calls: Calls<'_>, dir: BorrowedFd<'_>, name: &CStr) -> Result<Option<(Old, Statx)>, Error> {
        let place = &self.at;
        let open = |access| {
            let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
            calls.step("openat", place, || rustix::fs::openat(dir, name, flags, Mode::empty()))
        };
        let old = match open(OFlags::RDONLY) {
            Err(e) if is(&e, &[Errno::NOENT]) => return Ok(None),
            Err(e) if is(&e, &[Errno::ACCESS, Errno::PERM]) => Old::Held(open(OFlags::PATH)?),
            old => Old::Open(old?),
        };
        let st = calls.step("statx", place, || stat(old.object().fd()))?;
        Ok((kind(&st) == FileType::RegularFile).then_some((old, st)))
    }
}

impl<B: IoBuf> Op for Save<B> {
    type Val = Result<(), Error>;
    type Out = (Result<(), Error>, B);
    const NAME: &'static str = "save";
    fn check(&self) -> io::Result<()> {
        if self.mode > PERMISSIONS {
            return Err(Errno::INVAL.into());
        }
        self.at.check()
    }
    fn control(&self) -> Option<&Arc<Control>> {
        Some(&self.control)
    }
    fn run(&mut self) -> io::Result<Self::Val> {
        Ok(self.save())
    }
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out {
        let res = res.unwrap_or_else(|e| Err(Error::new(Self::NAME, self.at.path_buf(), e)));
        (res, self.data)
    }
}
impl<B: IoBuf> PathOp for Save<B> {
    fn at(&mut self) -> &mut At {
        &mut self.at
    }
}

impl<B: IoBuf> Request<'_, Save<B>> {
    /// The permissions of the file, less the umask, also where another one is replaced: it then has nothing of
    /// that, unless [`keep`](Self::keep) says so.
    pub fn mode(mut self, mode: u32) -> Self {
        self.op.mode = mode;
        self.op.mode_rules = true;
        self
    }
    /// The permissions of a file where there was none, less the umask (default 0o666). One that is replaced
    /// hands on its own.
    pub fn new_mode(mut self, mode: u32) -> Self {
        self.op.mode = mode;
        self
    }
    /// With true, a file that is replaced hands on its owner, mode, ACLs and extended attributes, as far as the
    /// caller may set them. With false it is all but the extended attributes, which may have been about the
    /// contents; or nothing, if there is a [`mode`](Self::mode) (default: false).
    pub fn keep(mut self, keep: bool) -> Self {
        self.op.keep = keep;
        self
    }
    /// Removes from the target's directory, before anything else, what a kill or a crash has left there: of the
    /// caller's own, with a name like `.ioaio-0123456789abcdef`, not changed for `age`, and not being worked on
    /// by anybody (by default nothing is looked for).
    pub fn remove_leftovers(mut self, age: Duration) -> Self {
        self.op.manner.leftovers = Some(age);
        self
    }
    /// With false, a name that exists is left alone, with EEXIST (default: true).
    pub fn replace(mut self, replace: bool) -> Self {
        self.op.manner.replace = replace;
        self
    }
    /// With false, nothing waits for the device: faster, but after a crash of the system the file
    /// may be the old one, or empty on some file systems (default: true).
    pub fn durable(mut self, durable: bool) -> Self {
        self.op.manner.durable = durable;
        self
    }
    /// With true, a symbolic link is followed, and what it leads to is saved; what is missing there is made.
    /// With false it is left alone, with ELOOP (default: false). What a link of /proc leads to is written into.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let (file, link) = (dir.path().join("file"), dir.path().join("link"));
    /// std::os::unix::fs::symlink("file", &link)?;
    /// let aio = ioaio::Aio::new()?;
    /// assert!(aio.save(&link, "x").wait().0.is_err());
    /// aio.save(&link, "x").follow(true).wait().0?;
    /// assert_eq!(std::fs::read(&file)?, b"x");
    /// assert!(link.is_symlink());
    /// # Ok(()) }
    /// ```
    pub fn follow(mut self, follow: bool) -> Self {
        self.op.manner.links = if follow { Links::FollowAndMake } else { Links::Refuse };
        self
    }
    /// With true, the contents go into what is there, whatever it is, instead of a new file that takes its
    /// name: into a device or FIFO, and into a regular file with its other hard links, which keeps its owner,
    /// mode and attributes. That is not all or nothing: an error or a cancel leaves a part (default: false).
    pub fn write_through(mut self, through: bool) -> Self {
        self.op.manner.write_through = through;
        self
    }
    /// With true, a regular file is written into, as with [`write_through`](Self::write_through), where it
    /// can't be replaced: in a directory that may not be written to, or where something is mounted on the
    /// file (default: false).
    pub fn in_place(mut self, in_place: bool) -> Self {
        self.op.manner.in_place = in_place;
        self
    }
}

impl Aio {
    /// Saves a whole file, all or nothing: write to a new file, `fsync(2)`, `rename(2)`, and
    /// `fsync(2)` of the directory. Gives the buffer back.
    ///
    /// Whatever happens, an error, a cancel, a kill or a crash, the path then has the old contents or the new
    /// ones, never a part. The new file has no name until it is complete, or where the file system has no such
    /// files, one like `.ioaio-0123456789abcdef` that only a kill leaves behind; see
    /// [`remove_leftovers`](Request::remove_leftovers). A cancel after the rename comes too late.
    ///
    /// The new file has the mode of the one that it replaces, and its owner and ACLs where the caller may set
    /// them; see [`keep`](Request::keep). Other hard links of a file keep the old contents, unless
    /// [`write_through`](Request::write_through). What is no regular file is left alone, unless told otherwise
    /// by [`follow`](Request::follow) or that.
    ///
    /// # Errors
    /// Those of `open(2)`, `write(2)`, `fsync(2)` and `rename(2)`; EISDIR for a directory; ELOOP for a
    /// symbolic link; EINVAL for a device, FIFO or socket, for a NUL in the path or unknown mode bits; ENXIO
    /// for a FIFO that is to be written into and has no reader. After an error of the
    /// last `fsync`, on the directory, the new contents are there, perhaps not for good.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let aio = ioaio::Aio::new()?;
    /// let path = dir.path().join("settings");
    /// let (res, _buf) = aio.save(&path, "colour = blue").wait();
    /// res?;
    /// assert_eq!(aio.load(&path).wait()?, b"colour = blue");
    /// # Ok(()) }
    /// ```
    pub fn save<B: IoBuf>(&self, path: impl AsRef<Path>, data: B) -> Request<'_, Save<B>> {
        let (at, control) = (At::new(path.as_ref()), Control::whole(self.faults()));
        let manner = Manner {
            replace: true,
            durable: true,
            links: Links::Refuse,
            specials: Specials::Refuse,
            write_through: false,
            in_place: false,
            leftovers: None,
        };
        Request::new(self, Save { at, data, mode: 0o666, mode_rules: false, keep: false, manner, control })
    }
}
