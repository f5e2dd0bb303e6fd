//! Open directories.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::OFlags;

use crate::values::descriptor::Descriptor;

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
pub struct Dir(Arc<Descriptor>);

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
        Dir(Arc::new(Descriptor::Owned(fd)))
    }
}
/// A descriptor that stays open whatever happens to the directory.
impl From<BorrowedFd<'static>> for Dir {
    fn from(fd: BorrowedFd<'static>) -> Self {
        Dir(Arc::new(Descriptor::Lent(fd)))
    }
}
impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
