//! Opening and closing.

use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::file::File;
use crate::op::{Op, RingOp};
use crate::path::At;
use crate::route::sqe::Sqe;
use crate::submit::PathOp;
use crate::{Aio, Request};

/// What `open(2)` knows; it ignores other bits without a word.
const FLAGS: OFlags = OFlags::ACCMODE
    .union(OFlags::CREATE.union(OFlags::EXCL).union(OFlags::TRUNC).union(OFlags::TMPFILE))
    .union(OFlags::APPEND.union(OFlags::DIRECT).union(OFlags::DSYNC).union(OFlags::SYNC))
    .union(OFlags::RSYNC.union(OFlags::NONBLOCK).union(OFlags::NOATIME).union(OFlags::NOCTTY))
    .union(OFlags::DIRECTORY.union(OFlags::NOFOLLOW).union(OFlags::PATH).union(OFlags::LARGEFILE))
    .union(OFlags::CLOEXEC);

/// `open(2)`; see [`Aio::open`].
pub struct Open {
    at: At,
    flags: OFlags,
    mode: u32,
}

impl Op for Open {
    type Val = File;
    type Out = io::Result<File>;
    const NAME: &'static str = "open";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| {
            let flags = (op.flags | OFlags::CLOEXEC).bits() as i32;
            // The file system is not known before it is open, and opening can hang on some.
            Some(Sqe::openat(op.at.dirfd(), op.at.path(), flags, op.mode).force_async(true))
        },
        decode: |_, cqe| cqe.fd().map(File::from),
    });
    fn check(&self) -> io::Result<()> {
        if self.flags.intersects(FLAGS.complement()) || self.mode > 0o7777 {
            return Err(Errno::INVAL.into());
        }
        self.at.check()
    }
    fn prefers_ring(&self) -> bool {
        false
    }
    fn run(&mut self) -> io::Result<File> {
        let (flags, mode) = (self.flags | OFlags::CLOEXEC, Mode::from_raw_mode(self.mode));
        let file = File::from(rustix::fs::openat(self.at.dirfd(), self.at.path(), flags, mode)?);
        file.learn(); // here, where it may wait, so that the first read can go inline
        Ok(file)
    }
    fn finish(self, res: io::Result<File>) -> Self::Out {
        res
    }
}
impl PathOp for Open {
    fn at(&mut self) -> &mut At {
        &mut self.at
    }
}

impl Request<'_, Open> {
    /// The flags of `open(2)`, `O_RDONLY` where none are given. `O_CLOEXEC` is always set.
    pub fn flags(mut self, flags: OFlags) -> Self {
        self.op.flags = flags;
        self
    }
    /// The permissions of a file that is created, less the umask when it is executed.
    pub fn mode(mut self, mode: u32) -> Self {
        self.op.mode = mode;
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
            Some(Ok(fd)) => crate::sys::close(fd),
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
        Request::new(self, Open { at: At::new(path.as_ref()), flags: OFlags::RDONLY, mode: 0o666 })
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
