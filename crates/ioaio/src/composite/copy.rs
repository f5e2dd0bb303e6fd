//! Copies of single files.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Statx, StatxFlags};
use rustix::io::Errno;

use crate::api::request::{PathOp, TwoPathOp};
use crate::composite::base::attributes::{Object, Pair, Which, kind, stat};
use crate::composite::base::calls::Calls;
use crate::composite::base::contents::Contents;
use crate::composite::base::existing::{Existing, Links, Manner, Specials, Way};
use crate::composite::base::not_kept::Notes;
use crate::composite::base::progress::Progress;
use crate::composite::base::seen::{Seen, Spot};
use crate::composite::base::special::{self, Special};
use crate::composite::base::temp::Target;
use crate::request::control::Control;
use crate::request::op::Op;
use crate::sys::fallback;
use crate::values::error::Error;
use crate::values::path::At;
use crate::{Aio, Request};

/// The copy of one file; see [`Aio::copy`].
pub struct Copy {
    pub(crate) from: At,
    pub(crate) to: At,
    pub(crate) follow: bool,
    pub(crate) special: bool,
    pub(crate) manner: Manner,
    pub(crate) progress: Progress,
    pub(crate) notes: Notes,
    /// For a move, which removes what it has copied.
    pub(crate) seen: Option<Arc<Seen>>,
    pub(crate) control: Arc<Control>,
}

/// An open file, and what it was like before it is read.
type Original<'a> = (BorrowedFd<'a>, &'a Statx);

impl Copy {
    fn copy(&self) -> Result<u64, Error> {
        let calls = Calls(&self.control);
        // What it is comes first: opening a FIFO, a tape or a modem does something.
        let flags = if self.follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        let (dir, path) = (self.from.dirfd(), self.from.path());
        let stat = || fallback::statx(dir, path, flags, StatxFlags::BASIC_STATS);
        let st = calls.step("statx", &self.from, stat)?;
        let len = match kind(&st) {
            FileType::RegularFile => self.copy_regular(calls)?,
            FileType::Directory => return Err(self.refuse(Errno::ISDIR)),
            FileType::Symlink => self.copy_special(calls)?,
            _ if self.special => self.copy_special(calls)?,
            _ => return Err(self.refuse(Errno::INVAL)),
        };
        self.progress.add_entry();
        let (first, count) = self.notes.take();
        self.progress.add_not_kept(&first, count);
        Ok(len)
    }
    /// What is known of the source before it is read.
    fn see(&self, calls: Calls<'_>, object: Object<'_>, st: &Statx) -> Result<(), Error> {
        let Some(seen) = &self.seen else { return Ok(()) };
        seen.add(calls, &self.from, Spot { dir: None, name: c"" }, st, object)
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
        let original = (file.as_fd(), &st);
        self.see(calls, Object::Open(file.as_fd()), &st)?;
        match self.manner.way(calls, &self.to)? {
            Way::Into(existing) => self.copy_into(calls, original, existing),
            Way::Beside(target) => self.copy_beside(&target, original).or_else(|e| {
                let existing = self.manner.instead(e, calls, &self.to)?;
                self.copy_into(calls, original, existing)
            }),
        }
    }
    /// As a new file with all that the original has.
    fn copy_beside(&self, target: &Target<'_>, (from, st): Original<'_>) -> Result<u64, Error> {
        let temp = target.make_file(Mode::RUSR | Mode::WUSR)?;
        let pair = self.pair(target.calls, from, temp.as_fd());
        let len = Contents::new().copy(pair, st, &self.progress)?;
        pair.drop_inherited_acl()?;
        pair.copy_owner_and_mode(st, Which::All)?;
        pair.copy_times(st)?;
        target.place_file(temp)?;
        Ok(len)
    }
    /// The contents alone, into what is there.
    fn copy_into(&self, calls: Calls<'_>, from: Original<'_>, to: Existing<'_>) -> Result<u64, Error> {
        to.is_not(from.1)?;
        to.empty()?;
        let pair = self.pair(calls, from.0, to.fd());
        let len = match to.is_regular() {
            true => Contents::new().copy(pair, from.1, &self.progress)?,
            false => Contents::stream(pair, &self.progress)?,
        };
        to.finish()?;
        Ok(len)
    }
    fn pair<'a>(&'a self, calls: Calls<'a>, from: BorrowedFd<'a>, to: BorrowedFd<'a>) -> Pair<'a> {
        let (from, to) = (Object::Open(from), Object::Open(to));
        Pair { calls, from, from_place: &self.from, to, to_place: &self.to, notes: &self.notes }
    }
    fn copy_special(&self, calls: Calls<'_>) -> Result<u64, Error> {
        let (held, st) = self.open(calls, OFlags::PATH)?;
        if matches!(kind(&st), FileType::RegularFile | FileType::Directory) {
            return Err(self.refuse(Errno::BUSY));
        }
        self.see(calls, Object::Held(held.as_fd()), &st)?;
        let (held, place, notes) = (held.as_fd(), &self.from, &self.notes);
        let original = special::Original { calls, held, place, st: &st, notes };
        let new = Special::of(original)?;
        let specials = if self.special { Specials::Replace } else { Specials::Refuse };
        let manner =
            Manner { links: Links::Replace, specials, write_through: false, in_place: false, ..self.manner };
        let Way::Beside(target) = manner.way(calls, &self.to)? else {
            return Err(Error::new(new.call(), self.to.path_buf(), Errno::EXIST));
        };
        let (temp, ()) = target.make(new.call(), |dir, name| new.make(dir, name))?;
        special::finish(original, &self.to, target.dir(), temp.name())?;
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
        self.op.manner.replace = replace;
        self
    }
    /// With true, the copy outlasts a crash of the system once this is done: `fsync(2)` of the file
    /// and its directory (default: false).
    pub fn durable(mut self, durable: bool) -> Self {
        self.op.manner.durable = durable;
        self
    }
    /// With true, contents go into the file that is there instead of a new one that takes its name: its other
    /// hard links see them, and it keeps its owner, mode and attributes. An error or a cancel leaves a part of
    /// them (default: false). Links are followed, and devices and FIFOs written into, in either case; with
    /// true, what a link leads to is made if it is missing.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let [a, b, c] = ["a", "b", "c"].map(|name| dir.path().join(name));
    /// std::fs::write(&a, "new")?;
    /// std::fs::write(&b, "old")?;
    /// std::fs::hard_link(&b, &c)?;
    /// ioaio::Aio::new()?.copy(&a, &b).write_through(true).wait()?;
    /// assert_eq!(std::fs::read(&c)?, b"new");
    /// # Ok(()) }
    /// ```
    pub fn write_through(mut self, through: bool) -> Self {
        self.op.manner.write_through = through;
        self.op.manner.links = if through { Links::FollowAndMake } else { Links::Follow };
        self
    }
    /// With true, it is as with [`write_through`](Self::write_through) where the existing file can't be
    /// replaced: in a directory that may not be written to, or where something is mounted on the file
    /// (default: false).
    pub fn in_place(mut self, in_place: bool) -> Self {
        self.op.manner.in_place = in_place;
        self
    }
    /// Removes from the target's directory, before anything else, what a kill or a crash has left there: of the
    /// caller's own, with a name like `.ioaio-0123456789abcdef`, not changed for `age`, and not being worked on
    /// by anybody (by default nothing is looked for).
    pub fn remove_leftovers(mut self, age: Duration) -> Self {
        self.op.manner.leftovers = Some(age);
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
    /// the target's file system does not know, is left out, as by `cp -a`, and told by
    /// [`Progress::not_kept`]. An ACL that is left out gives nobody a right that he did not have. Attributes
    /// that are a file system's own notes (`trusted.SGI_*`, `security.evm`, and those of overlays and servers
    /// that name inodes) are not copied. The copy has no name, or
    /// one like `.ioaio-0123456789abcdef`, until it is complete. A cancel takes effect between two
    /// pieces of 16 MiB and leaves the target as it was. A source that is a FIFO is never opened.
    ///
    /// A regular file at the target is replaced; its other hard links keep the old contents, unless
    /// [`write_through`](Request::write_through). As with `cp`, a symbolic link there is followed, and a
    /// device or FIFO is written into, which can't be taken back. A link that is copied as a link, or a
    /// special file, replaces a file or link, but a special file only with [`special`](Request::special).
    ///
    /// # Errors
    /// Those of the calls that it makes, with the path; EISDIR for a directory; EINVAL for a FIFO,
    /// socket or device, unless [`special`](Request::special), for a file that would be written into itself,
    /// or for a NUL in a path; ENOENT for a target that is a link to nothing; ENXIO for one that is a FIFO
    /// without a reader; EBUSY if the source becomes another kind of file meanwhile.
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
        let manner = Manner {
            replace: true,
            durable: false,
            links: Links::Follow,
            specials: Specials::WriteInto,
            write_through: false,
            in_place: false,
            leftovers: None,
        };
        let (notes, seen) = (Notes::default(), None);
        Request::new(
            self,
            Copy { from, to, follow: true, special: false, manner, progress, notes, seen, control },
        )
    }
}
