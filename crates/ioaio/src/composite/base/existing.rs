//! What is there already where something is to go: whether it is replaced, written into, or left alone.
//!
//! What is no regular file is never replaced by one: a device that became a plain file would break the machine.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Statx, StatxFlags};
use rustix::io::Errno;

use crate::composite::base::attributes::{kind, stat, stat_name};
use crate::composite::base::calls::{Calls, Place};
use crate::composite::base::leftovers;
use crate::composite::base::temp::{Target, is};
use crate::composite::base::tree_dir::{Id, id};
use crate::sys::fallback;
use crate::values::error::Error;
use crate::values::path::At;

/// What is written between two looks for a cancel.
const CHUNK: usize = 4 << 20;
/// How long a reader is waited for between two looks for a cancel.
const PATIENCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
/// The step that fails where a device, FIFO or socket would have to give way.
const REPLACE: &str = "replacing what is no regular file";

/// What a symbolic link at the target's name means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Links {
    /// The target is what it leads to, which has to exist.
    Follow,
    /// The same, but what is missing is made.
    FollowAndMake,
    /// ELOOP.
    Refuse,
    Replace,
}

/// What a device, FIFO or socket at the target's name means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Specials {
    Refuse,
    WriteInto,
    /// Only for something of that kind.
    Replace,
}

/// How a file takes its place.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) replace: bool,
    pub(crate) durable: bool,
    pub(crate) links: Links,
    pub(crate) specials: Specials,
    /// What is there is written into, whatever it is.
    pub(crate) write_through: bool,
    /// The same, but only where it can't be replaced.
    pub(crate) in_place: bool,
    /// What was left in the directory by a kill is removed first, if it is older.
    pub(crate) leftovers: Option<Duration>,
}

/// Where the new contents go.
pub(crate) enum Way<'a> {
    /// Into a new file, which then takes the name.
    Beside(Target<'a>),
    Into(Existing<'a>),
}

impl Manner {
    /// As a move does it: what is there is replaced, but no special file.
    pub(crate) fn of_a_move(replace: bool, leftovers: Option<Duration>) -> Self {
        let (links, specials) = (Links::Replace, Specials::Refuse);
        Manner { replace, durable: true, links, specials, write_through: false, in_place: false, leftovers }
    }
    pub(crate) fn way<'a>(self, calls: Calls<'a>, at: &'a At) -> Result<Way<'a>, Error> {
        let way = self.find(calls, at)?;
        if let (Way::Beside(target), Some(age)) = (&way, self.leftovers) {
            leftovers::remove(calls, at, target.dir(), age)?;
        }
        Ok(way)
    }
    fn find<'a>(self, calls: Calls<'a>, at: &'a At) -> Result<Way<'a>, Error> {
        let beside = || Target::open(calls, at, self.replace, self.durable);
        if !self.replace {
            return beside().map(Way::Beside);
        }
        let look = |flags| calls.step("statx", at, || look(at, flags));
        let mut st = match look(AtFlags::SYMLINK_NOFOLLOW) {
            Err(e) if is(&e, &[Errno::NOENT]) => {
                return Target::open_free(calls, at, self.replace, self.durable).map(Way::Beside);
            }
            st => st?,
        };
        let link = kind(&st) == FileType::Symlink;
        if link {
            st = match self.links {
                Links::Replace => return beside().map(Way::Beside),
                Links::Refuse => return Err(Error::new("openat", at.path_buf(), Errno::LOOP)),
                Links::Follow => look(AtFlags::empty())?,
                Links::FollowAndMake => match look(AtFlags::empty()) {
                    Err(e) if is(&e, &[Errno::NOENT]) => {
                        let missing = || Error::new("openat", at.path_buf(), Errno::NOENT);
                        return beside()?.follow()?.map(Way::Beside).ok_or_else(missing);
                    }
                    st => st?,
                },
            };
        }
        match (kind(&st), self.specials) {
            (FileType::Directory, _) => Err(Error::new("openat", at.path_buf(), Errno::ISDIR)),
            _ if self.write_through => self.open(calls, at).map(Way::Into),
            (FileType::RegularFile, _) if link => self.beside_what_it_leads_to(beside()?, &st),
            (FileType::RegularFile, _) | (_, Specials::Replace) => beside().map(Way::Beside),
            (_, Specials::WriteInto) => self.open(calls, at).map(Way::Into),
            (_, Specials::Refuse) => Err(Error::new(REPLACE, at.path_buf(), Errno::INVAL)),
        }
    }
    /// What a link of /proc leads to is written into: it may have no name, and whoever has it open is to see it.
    fn beside_what_it_leads_to<'a>(self, target: Target<'a>, st: &Statx) -> Result<Way<'a>, Error> {
        let (calls, at) = (target.calls, target.at);
        let is_it = |target: &Target<'_>| {
            let found = calls.step("statx", at, || stat_name(target.dir(), target.name()));
            found.map(|found| id(&found) == id(st))
        };
        let gone = |e: &Error| is(e, &[Errno::NOENT, Errno::NOTDIR]);
        let followed = target.follow().and_then(|target| match target {
            Some(target) => Ok(is_it(&target)?.then_some(target)),
            None => Ok(None),
        });
        match followed {
            Ok(Some(target)) => Ok(Way::Beside(target)),
            Ok(None) => self.open(calls, at).map(Way::Into),
            Err(e) if gone(&e) => self.open(calls, at).map(Way::Into),
            Err(e) => Err(e),
        }
    }
    /// What to do after a new file could not be made or could not take the name.
    pub(crate) fn instead<'a>(
        self,
        error: Error,
        calls: Calls<'a>,
        at: &'a At,
    ) -> Result<Existing<'a>, Error> {
        let refused = [Errno::ACCESS, Errno::PERM, Errno::ROFS, Errno::BUSY];
        if !self.in_place || !self.replace || !is(&error, &refused) {
            return Err(error);
        }
        match self.open(calls, at) {
            // There is nothing to write into.
            Err(e) if is(&e, &[Errno::NOENT]) => Err(error),
            existing => existing,
        }
    }
    /// Opening waits for nobody: a FIFO that nobody reads gives ENXIO.
    fn open<'a>(self, calls: Calls<'a>, at: &'a At) -> Result<Existing<'a>, Error> {
        let mut flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        if !matches!(self.links, Links::Follow | Links::FollowAndMake) {
            flags |= OFlags::NOFOLLOW;
        }
        let open = || rustix::fs::openat(at.dirfd(), at.path(), flags, Mode::empty());
        let file = calls.step("openat", at, open)?;
        let st = calls.step("statx", at, || stat(file.as_fd()))?;
        if self.specials == Specials::Refuse && !self.write_through && kind(&st) != FileType::RegularFile {
            return Err(Error::new(REPLACE, at.path_buf(), Errno::INVAL));
        }
        Ok(Existing { calls, at, file, kind: kind(&st), id: id(&st), durable: self.durable })
    }
}

fn look(at: &At, flags: AtFlags) -> rustix::io::Result<Statx> {
    fallback::statx(at.dirfd(), at.path(), flags, StatxFlags::BASIC_STATS)
}

/// Something that is written into. It keeps what it has but the contents, also after an error.
pub(crate) struct Existing<'a> {
    calls: Calls<'a>,
    at: &'a At,
    file: OwnedFd,
    kind: FileType,
    id: Id,
    durable: bool,
}

impl Existing<'_> {
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
    pub(crate) fn is_regular(&self) -> bool {
        self.kind == FileType::RegularFile
    }
    /// EINVAL if it is the file to be read: emptied, it would have nothing to give.
    pub(crate) fn is_not(&self, source: &Statx) -> Result<(), Error> {
        match id(source) == self.id {
            true => Err(Error::new("copying a file into itself", self.at.path_buf(), Errno::INVAL)),
            false => Ok(()),
        }
    }
    /// Takes the contents of a regular file away.
    pub(crate) fn empty(&self) -> Result<(), Error> {
        match self.is_regular() {
            true => self.calls.step("ftruncate", self.at, || rustix::fs::ftruncate(&self.file, 0)),
            false => Ok(()),
        }
    }
    pub(crate) fn write(&self, data: &[u8]) -> Result<(), Error> {
        write_all(self.calls, self.at, self.fd(), data)
    }
    pub(crate) fn finish(self) -> Result<(), Error> {
        // Devices that are no disks, and FIFOs, have nothing to sync.
        if self.durable && matches!(self.kind, FileType::RegularFile | FileType::BlockDevice) {
            self.calls.step("fsync", self.at, || rustix::fs::fsync(&self.file))?;
        }
        self.calls.close(self.at, self.file)
    }
}

/// Writes at the position. Of a FIFO that is full, the reader is waited for.
pub(crate) fn write_all(
    calls: Calls<'_>,
    place: &dyn Place,
    file: BorrowedFd<'_>,
    mut data: &[u8],
) -> Result<(), Error> {
    while !data.is_empty() {
        let chunk = &data[..data.len().min(CHUNK)];
        match calls.step("write", place, || rustix::io::write(file, chunk)) {
            Ok(0) => return Err(Error::new("write", place.place(), std::io::ErrorKind::WriteZero)),
            Ok(n) => data = &data[n..],
            Err(e) if is(&e, &[Errno::AGAIN]) => {
                let wait = || rustix::event::poll(&mut [PollFd::new(&file, PollFlags::OUT)], Some(&PATIENCE));
                calls.step("poll", place, wait).map(drop)?;
            }
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
