//! FIFOs, sockets and devices.

use std::io;
use std::path::Path;

use rustix::fs::Mode;

use crate::api::request::PathOp;
use crate::request::op::Op;
use crate::values::path::{At, check_mode};
use crate::{Aio, FileType, Request};

/// `mknod(2)`; see [`Aio::mknod`].
pub struct Mknod {
    at: At,
    kind: FileType,
    mode: u32,
    device: (u32, u32),
}

impl Op for Mknod {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "mknod";
    fn check(&self) -> io::Result<()> {
        check_mode(self.mode).and(self.at.check())
    }
    fn run(&mut self) -> io::Result<()> {
        use rustix::fs::FileType as T;
        let kind = match self.kind {
            FileType::File => T::RegularFile,
            FileType::Directory => T::Directory,
            FileType::Symlink => T::Symlink,
            FileType::Fifo => T::Fifo,
            FileType::Socket => T::Socket,
            FileType::CharDevice => T::CharacterDevice,
            FileType::BlockDevice => T::BlockDevice,
            FileType::Unknown => return Err(rustix::io::Errno::INVAL.into()),
        };
        let device = rustix::fs::makedev(self.device.0, self.device.1);
        let mode = Mode::from_raw_mode(self.mode);
        Ok(rustix::fs::mknodat(self.at.dirfd(), self.at.path(), kind, mode, device)?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for Mknod {
    fn at(&mut self) -> &mut At {
        &mut self.at
    }
}

impl Request<'_, Mknod> {
    /// The permissions, less the umask when it is executed (default: 0o666).
    pub fn mode(mut self, mode: u32) -> Self {
        self.op.mode = mode;
        self
    }
    /// The numbers of the device that a device file stands for, major and minor.
    pub fn device(mut self, major: u32, minor: u32) -> Self {
        self.op.device = (major, minor);
        self
    }
}

impl Aio {
    /// Makes a FIFO, a socket, a device file or an empty file: `mknod(2)`.
    ///
    /// # Errors
    /// Those of `mknod(2)`: EPERM for a directory, and for a device file without the privilege;
    /// EINVAL for other kinds, for unknown mode bits, or a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = tempfile::tempdir()?;
    /// # let path = dir.path().join("fifo");
    /// use ioaio::FileType;
    /// let aio = ioaio::Aio::new()?;
    /// aio.mknod(&path, FileType::Fifo).mode(0o600).wait()?;
    /// assert_eq!(aio.stat(&path).wait()?.file_type(), FileType::Fifo);
    /// # Ok(()) }
    /// ```
    pub fn mknod(&self, path: impl AsRef<Path>, kind: FileType) -> Request<'_, Mknod> {
        Request::new(self, Mknod { at: At::new(path.as_ref()), kind, mode: 0o666, device: (0, 0) })
    }
}
