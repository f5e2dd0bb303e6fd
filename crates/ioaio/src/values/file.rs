//! Open files and directories. A request holds its own reference, so no descriptor is closed, and
//! its number used again, while a request still means it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::Aio;
use crate::route::tables::Slot;
use crate::sys::mounts::{self, Kind};

const UNKNOWN: u8 = 0;
const LOCAL: u8 = 1;
const LOCAL_DIRECT: u8 = 2;
const SLOW: u8 = 3;
const STREAM: u8 = 4;
/// Beside a class: not open for writing.
const READ_ONLY: u8 = 0x80;

struct Shared {
    /// The ring's reference, which goes before the descriptor.
    slot: OnceLock<Slot>,
    fd: Fd,
    class: AtomicU8,
    /// Of what is lent: known not to be `O_DIRECT`.
    plain: AtomicBool,
}

impl Shared {
    fn new(fd: Fd) -> Self {
        let (slot, class, plain) = (OnceLock::new(), AtomicU8::new(UNKNOWN), AtomicBool::new(false));
        Shared { slot, fd, class, plain }
    }
}

/// A descriptor that is closed with its last user, or one that is somebody else's to close.
#[derive(Debug)]
enum Fd {
    Owned(OwnedFd),
    Lent(BorrowedFd<'static>),
}

impl AsFd for Fd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Fd::Owned(fd) => fd.as_fd(),
            Fd::Lent(fd) => *fd,
        }
    }
}

/// An open file.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let file = ioaio::File::from(std::fs::File::open("/etc/passwd")?);
/// let back: std::os::fd::OwnedFd = file.try_into_owned_fd().expect("nothing in flight");
/// # Ok(()) }
/// ```
pub struct File(Arc<Shared>);

impl File {
    /// Whether an engine's ring has it in its table; see [`Aio::register_file`](crate::Aio::register_file).
    pub fn is_registered(&self) -> bool {
        self.0.slot.get().is_some()
    }
    /// Its slot, if that is one of this engine's.
    pub(crate) fn slot_of(&self, aio: &Aio) -> Option<&Slot> {
        self.0.slot.get().filter(|slot| slot.belongs_to(aio))
    }
    /// Its slot, for an entry of the engine to which that belongs.
    pub(crate) fn slot_index(&self) -> Option<u32> {
        self.0.slot.get()?.index()
    }
    pub(crate) fn share(&self) -> File {
        File(self.0.clone())
    }
    /// Takes the descriptor out.
    ///
    /// # Errors
    /// The file itself, if requests on it are still in flight, or if the descriptor is only lent.
    pub fn try_into_owned_fd(self) -> Result<OwnedFd, File> {
        match Arc::try_unwrap(self.0) {
            Ok(Shared { fd: Fd::Owned(fd), .. }) => Ok(fd),
            Ok(lent) => Err(File(Arc::new(lent))),
            Err(shared) => Err(File(shared)),
        }
    }
    /// Learns once how the file may be used; `None` while its file system is not known.
    fn class(&self) -> u8 {
        let seen = self.0.class.load(Ordering::Relaxed);
        if seen != UNKNOWN {
            return seen & !READ_ONLY;
        }
        let class = match mounts::look(self.as_fd()) {
            None => return UNKNOWN,
            Some(Kind::Slow) => SLOW,
            Some(Kind::Stream) => STREAM,
            Some(Kind::Local) => match rustix::fs::fcntl_getfl(self.as_fd()) {
                Ok(flags) => {
                    let class = if flags.contains(OFlags::DIRECT) { LOCAL_DIRECT } else { LOCAL };
                    let writes = flags.intersects(OFlags::WRONLY | OFlags::RDWR);
                    if writes { class } else { class | READ_ONLY }
                }
                Err(_) => SLOW,
            },
        };
        self.0.class.store(class, Ordering::Relaxed);
        class & !READ_ONLY
    }
    /// Closing does not wait: what was written may be flushed then (ext4 after a truncate), and what
    /// has no name any more is freed.
    pub(crate) fn closes_at_once(&self) -> bool {
        let class = self.0.class.load(Ordering::Relaxed);
        [LOCAL | READ_ONLY, LOCAL_DIRECT | READ_ONLY].contains(&class) && mounts::has_name(self.as_fd())
    }
    /// Whether it is known what the file is.
    pub(crate) fn is_known(&self) -> bool {
        self.class() != UNKNOWN
    }
    /// Reads that find the page cache do not wait.
    pub(crate) fn may_go_inline(&self) -> bool {
        match self.0.fd {
            Fd::Owned(_) => self.class() == LOCAL,
            // Mostly for few requests, which are not worth a statx: file systems that could wait refuse
            // RWF_NOWAIT, except for O_DIRECT.
            Fd::Lent(fd) => {
                let plain = || rustix::fs::fcntl_getfl(fd).is_ok_and(|f| !f.contains(OFlags::DIRECT));
                let known = self.0.plain.load(Ordering::Relaxed) || plain();
                self.0.plain.store(known, Ordering::Relaxed);
                known
            }
        }
    }
    /// The ring reads a pipe at any offset where pread says ESPIPE, and waits in spite of O_NONBLOCK. Nor does
    /// it take the lock of a file's position as read(2) does: two requests would get the same bytes.
    pub(crate) fn may_go_on_ring(&self, offset: Option<u64>) -> bool {
        let stream = self.class() == STREAM;
        let blocks = || rustix::fs::fcntl_getfl(self.as_fd()).is_ok_and(|f| !f.contains(OFlags::NONBLOCK));
        stream == offset.is_none() && (!stream || blocks())
    }
    /// Submitting to the ring may wait for the file system. What can be polled never does.
    pub(crate) fn may_hang(&self) -> bool {
        matches!(self.class(), UNKNOWN | SLOW)
    }
    /// `fstat` and `close` do not wait.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.class(), LOCAL | LOCAL_DIRECT)
    }
    /// On a worker, where waiting is allowed: asks the file system what it is.
    pub(crate) fn learn(&self) {
        if self.class() == UNKNOWN {
            mounts::learn(self.as_fd());
            self.class();
        }
    }
}

impl Aio {
    /// Puts a file into the table of the ring, where there is one, so that reads and writes on the ring
    /// need not look it up: `io_uring_register(2)` (Linux 5.19). It leaves the table when it is closed.
    ///
    /// Without a ring nothing is done: see [`File::is_registered`]. An engine has at most 1024 such files.
    ///
    /// # Errors
    /// EMFILE for more than 1024, or than RLIMIT_NOFILE; EBUSY for a file that is registered; EBADF for one
    /// of `O_PATH`; EINVAL on Linux before 5.19.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// aio.register_file(&file)?;
    /// assert_eq!(file.is_registered(), aio.backend().ring);
    /// assert_eq!(aio.read_at(&file, vec![0; 4], 0).wait().1, b"root");
    /// # Ok(()) }
    /// ```
    pub fn register_file(&self, file: &File) -> io::Result<()> {
        if file.is_registered() {
            return Err(Errno::BUSY.into());
        }
        match Slot::of_file(self, file.as_fd())? {
            Some(slot) => file.0.slot.set(slot).map_err(|_| Errno::BUSY.into()),
            None => Ok(()),
        }
    }
}

impl From<OwnedFd> for File {
    fn from(fd: OwnedFd) -> Self {
        File(Arc::new(Shared::new(Fd::Owned(fd))))
    }
}
/// A descriptor that stays open whatever happens to the file, such as standard input.
impl From<BorrowedFd<'static>> for File {
    fn from(fd: BorrowedFd<'static>) -> Self {
        File(Arc::new(Shared::new(Fd::Lent(fd))))
    }
}
impl From<std::fs::File> for File {
    fn from(f: std::fs::File) -> Self {
        OwnedFd::from(f).into()
    }
}
impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("File").field(&self.0.fd).finish()
    }
}
impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

/// An open directory that paths can be relative to.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let aio = ioaio::Aio::new()?;
/// let etc = ioaio::Dir::open("/etc")?;
/// assert!(aio.stat("passwd").at(&etc).wait()?.len() > 0);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Dir(Arc<Fd>);

impl Dir {
    /// Opens a directory, blocking; search permission is enough.
    ///
    /// # Errors
    /// Those of `open(2)`.
    pub fn open(path: impl AsRef<std::path::Path>) -> io::Result<Dir> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(path.as_ref(), flags, rustix::fs::Mode::empty())?;
        Ok(fd.into())
    }
}
impl From<OwnedFd> for Dir {
    fn from(fd: OwnedFd) -> Self {
        Dir(Arc::new(Fd::Owned(fd)))
    }
}
/// A descriptor that stays open whatever happens to the directory.
impl From<BorrowedFd<'static>> for Dir {
    fn from(fd: BorrowedFd<'static>) -> Self {
        Dir(Arc::new(Fd::Lent(fd)))
    }
}
impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
