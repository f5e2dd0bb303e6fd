//! Opening and closing.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::api::request::PathOp;
use crate::request::op::{Op, RingOp};
use crate::request::sqe::{OpenHow, Sqe};
use crate::values::dir::Dir;
use crate::values::file::File;
use crate::values::path::{At, check_mode};
use crate::{Aio, Request};

/// What `open(2)` knows; it ignores other bits without a word.
const FLAGS: OFlags = OFlags::ACCMODE
    .union(OFlags::CREATE.union(OFlags::EXCL).union(OFlags::TRUNC).union(OFlags::TMPFILE))
    .union(OFlags::APPEND.union(OFlags::DIRECT).union(OFlags::DSYNC).union(OFlags::SYNC))
    .union(OFlags::RSYNC.union(OFlags::NONBLOCK).union(OFlags::NOATIME).union(OFlags::NOCTTY))
    .union(OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::PATH).union(OFlags::LARGEFILE))
    .union(OFlags::CLOEXEC.union(OFlags::ASYNC));

/// How often `openat2(2)` is tried while renames are in its way.
const TRIES: u32 = 1000;

/// The arguments of `openat(2)` and `openat2(2)`.
struct Opening {
    at: At,
    flags: OFlags,
    mode: u32,
    resolve: ResolveFlags,
    /// What the kernel reads while the request is on the ring.
    how: OpenHow,
}

impl Opening {
    fn new(path: &Path, flags: OFlags) -> Self {
        let (resolve, how) = (ResolveFlags::empty(), OpenHow::default());
        Opening { at: At::new(path), flags, mode: 0o666, resolve, how }
    }
    /// `openat2(2)` refuses permissions that have no meaning.
    fn strict_mode(&self) -> u32 {
        // O_TMPFILE has the bit of O_DIRECTORY, so that all of its bits have to be set.
        let makes = self.flags.contains(OFlags::CREATE) || self.flags.contains(OFlags::TMPFILE);
        if makes { self.mode } else { 0 }
    }
    /// Whether `openat2(2)` may fail with EAGAIN for nothing that the path does: with these rules it gives up at a
    /// "..", if anything is renamed anywhere meanwhile.
    fn gives_up(&self) -> bool {
        self.resolve.intersects(ResolveFlags::BENEATH | ResolveFlags::IN_ROOT)
            && !self.resolve.contains(ResolveFlags::CACHED)
    }
    fn encode(&mut self) -> Option<Sqe<'_>> {
        if self.gives_up() {
            return None; // a worker tries again
        }
        let flags = self.flags | OFlags::CLOEXEC;
        let sqe = if self.resolve.is_empty() {
            Sqe::openat(self.at.dirfd(), self.at.path(), flags.bits() as i32, self.mode)
        } else {
            self.how = OpenHow::new(flags.bits().into(), self.strict_mode().into(), self.resolve.bits());
            Sqe::openat2(self.at.dirfd(), self.at.path(), &self.how)
        };
        // The file system is not known before it is open, and opening can hang on some.
        Some(sqe.force_async(true))
    }
    fn run(&self) -> io::Result<OwnedFd> {
        let (dir, path, flags) = (self.at.dirfd(), self.at.path(), self.flags | OFlags::CLOEXEC);
        Ok(if self.resolve.is_empty() {
            rustix::fs::openat(dir, path, flags, Mode::from_raw_mode(self.mode))?
        } else {
            let mode = Mode::from_raw_mode(self.strict_mode());
            let mut tries = if self.gives_up() { TRIES } else { 1 };
            loop {
                tries -= 1;
                match rustix::fs::openat2(dir, path, flags, mode, self.resolve) {
                    Err(Errno::AGAIN) if tries > 0 => {}
                    opened => break opened?,
                }
            }
        })
    }
}

/// `open(2)`; see [`Aio::open`].
pub struct Open(Opening);

impl Op for Open {
    type Val = File;
    type Out = io::Result<File>;
    const NAME: &'static str = "open";
    const RING: Option<RingOp<Self>> =
        Some(RingOp { encode: |op| op.0.encode(), decode: |_, cqe| cqe.fd().map(File::from) });
    fn check(&self) -> io::Result<()> {
        if self.0.flags.intersects(FLAGS.complement()) {
            return Err(Errno::INVAL.into());
        }
        check_mode(self.0.mode).and(self.0.at.check())
    }
    fn run(&mut self) -> io::Result<File> {
        let file = File::from(self.0.run()?);
        file.learn(); // here, where it may wait, so that the first read can go inline
        Ok(file)
    }
    fn finish(self, res: io::Result<File>) -> Self::Out {
        res
    }
}
impl PathOp for Open {
    fn at(&mut self) -> &mut At {
        &mut self.0.at
    }
}

/// A directory handle; see [`Aio::open_dir`].
pub struct OpenDir(Opening);

impl Op for OpenDir {
    type Val = Dir;
    type Out = io::Result<Dir>;
    const NAME: &'static str = "open_dir";
    const RING: Option<RingOp<Self>> =
        Some(RingOp { encode: |op| op.0.encode(), decode: |_, cqe| cqe.fd().map(Dir::from) });
    fn check(&self) -> io::Result<()> {
        self.0.at.check()
    }
    fn run(&mut self) -> io::Result<Dir> {
        self.0.run().map(Dir::from)
    }
    fn finish(self, res: io::Result<Dir>) -> Self::Out {
        res
    }
}
impl PathOp for OpenDir {
    fn at(&mut self) -> &mut At {
        &mut self.0.at
    }
}

impl Request<'_, OpenDir> {
    /// Rules for the resolution of the path, as for a file.
    pub fn resolve(mut self, rules: ResolveFlags) -> Self {
        self.op.0.resolve = rules;
        self
    }
    /// Whether a last symbolic link is followed (default: yes); ENOTDIR where not.
    pub fn follow(mut self, yes: bool) -> Self {
        self.op.0.flags.set(OFlags::NOFOLLOW, !yes);
        self
    }
}

impl Request<'_, Open> {
    /// The flags of `open(2)`, `O_RDONLY` where none are given. `O_CLOEXEC` is always set.
    pub fn flags(mut self, flags: OFlags) -> Self {
        self.op.0.flags = flags;
        self
    }
    /// The permissions of a file that is created, less the umask when it is executed.
    pub fn mode(mut self, mode: u32) -> Self {
        self.op.0.mode = mode;
        self
    }
    /// Rules for the resolution of the path: `openat2(2)`.
    ///
    /// `BENEATH` refuses what is not below the directory, `IN_ROOT` takes the directory for the root,
    /// `NO_SYMLINKS` and `NO_XDEV` refuse symbolic links and other mounts on the way, and `CACHED`
    /// (Linux 5.12) what is not in the kernel's cache.
    ///
    /// # Errors
    /// The request then also gives EXDEV, ELOOP or, with `CACHED`, EAGAIN, as `openat2(2)` says. Where a
    /// rename was in the way of a "..", it is tried again on a worker. `openat2(2)` refuses combinations of flags that
    /// `open(2)` ignores; ENOSYS before Linux 5.6.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use ioaio::ResolveFlags;
    /// let aio = ioaio::Aio::new()?;
    /// let etc = aio.open_dir("/etc").wait()?;
    /// let below = |name| aio.open(name).at(&etc).resolve(ResolveFlags::BENEATH);
    /// assert!(below("passwd").wait().is_ok());
    /// assert!(below("../etc/passwd").wait().is_err());
    /// # Ok(()) }
    /// ```
    pub fn resolve(mut self, rules: ResolveFlags) -> Self {
        self.op.0.resolve = rules;
        self
    }
}

/// `close(2)`; see [`Aio::close`].
pub struct Close(Option<File>);

impl Op for Close {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "close";
    fn inline(&mut self) -> Option<io::Result<()>> {
        self.0.as_ref()?.closes_at_once().then(|| self.run())
    }
    fn run(&mut self) -> io::Result<()> {
        match self.0.take().map(File::try_into_owned_fd) {
            None => Err(Errno::BADF.into()),
            Some(Err(_in_flight)) => Err(Errno::BUSY.into()),
            Some(Ok(fd)) => crate::sys::close::close(fd),
        }
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}

impl Aio {
    /// Opens or creates a file: `open(2)`.
    ///
    /// # Errors
    /// Those of `open(2)`; EINVAL for unknown flags or mode bits, or a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// # let _ = file; Ok(()) }
    /// ```
    pub fn open(&self, path: impl AsRef<Path>) -> Request<'_, Open> {
        Request::new(self, Open(Opening::new(path.as_ref(), OFlags::RDONLY)))
    }
    /// Opens a directory for paths to be relative to: `open(2)` with `O_PATH|O_DIRECTORY`.
    ///
    /// Permission to search it is enough.
    ///
    /// # Errors
    /// Those of `open(2)`, with [`resolve`](Request::resolve) of `openat2(2)`; EINVAL for a NUL in the
    /// path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let etc = aio.open_dir("/etc").wait()?;
    /// assert!(aio.stat("passwd").at(&etc).wait()?.len() > 0);
    /// # Ok(()) }
    /// ```
    pub fn open_dir(&self, path: impl AsRef<Path>) -> Request<'_, OpenDir> {
        Request::new(self, OpenDir(Opening::new(path.as_ref(), OFlags::PATH | OFlags::DIRECTORY)))
    }
    /// Closes a file and tells how that went: `close(2)`. Dropping a [`File`] closes it as well.
    ///
    /// # Errors
    /// Those of `close(2)`; EBUSY while requests on the file are in flight: it is then closed when
    /// the last of them ends.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// aio.close(file).wait()
    /// # }
    /// ```
    pub fn close(&self, file: File) -> Request<'_, Close> {
        Request::new(self, Close(Some(file)))
    }
}
