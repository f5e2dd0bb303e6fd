//! Renaming.

use std::io;
use std::path::Path;

use rustix::fs::RenameFlags;

use crate::api::request::{PathOp, TwoPathOp};
use crate::request::op::{Op, RingOp};
use crate::request::sqe::Sqe;
use crate::sys::fallback;
use crate::values::path::At;
use crate::{Aio, Request};

/// `renameat2(2)`; see [`Aio::rename`].
pub struct Rename {
    from: At,
    to: At,
    flags: RenameFlags,
}

impl Op for Rename {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "rename";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| {
            let (from, to) = (&op.from, &op.to);
            Some(Sqe::renameat((from.dirfd(), from.path()), (to.dirfd(), to.path()), op.flags.bits()))
        },
        decode: |_, cqe| cqe.unit(),
    });
    fn check(&self) -> io::Result<()> {
        self.from.check().and(self.to.check())
    }
    fn run(&mut self) -> io::Result<()> {
        let (from, to) = (&self.from, &self.to);
        Ok(fallback::rename((from.dirfd(), from.path()), (to.dirfd(), to.path()), self.flags)?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for Rename {
    fn at(&mut self) -> &mut At {
        &mut self.from
    }
}
impl TwoPathOp for Rename {
    fn to(&mut self) -> &mut At {
        &mut self.to
    }
}

impl Request<'_, Rename> {
    /// The flags of `renameat2(2)`: `NOREPLACE`, `EXCHANGE`, `WHITEOUT`.
    ///
    /// # Errors
    /// The request then also gives EINVAL where the file system has no such rename, and ENOSYS where a filter
    /// (seccomp) refuses the call.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = tempfile::tempdir()?;
    /// # let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    /// # std::fs::write(&a, "1")?;
    /// # std::fs::write(&b, "2")?;
    /// let aio = ioaio::Aio::new()?;
    /// aio.rename(&a, &b).flags(ioaio::RenameFlags::EXCHANGE).wait()?;
    /// assert_eq!(std::fs::read(&a)?, b"2");
    /// # Ok(()) }
    /// ```
    pub fn flags(mut self, flags: RenameFlags) -> Self {
        self.op.flags = flags;
        self
    }
}

impl Aio {
    /// Renames, in place of what the new name stood for: `rename(2)`; with
    /// [`flags`](Request::flags) `renameat2(2)`.
    ///
    /// [`at`](Request::at) is the directory of the old path and [`to_at`](Request::to_at) that of the
    /// new one.
    ///
    /// # Errors
    /// Those of `renameat2(2)`; EINVAL for a NUL in a path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let err = aio.rename("/no/such/file", "/tmp/x").wait().unwrap_err();
    /// assert_eq!(err.kind(), std::io::ErrorKind::NotFound);
    /// # Ok(()) }
    /// ```
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Request<'_, Rename> {
        let (from, to) = (At::new(from.as_ref()), At::new(to.as_ref()));
        Request::new(self, Rename { from, to, flags: RenameFlags::empty() })
    }
}
