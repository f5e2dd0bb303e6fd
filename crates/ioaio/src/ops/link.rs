//! Names.

use std::io;
use std::path::Path;

use rustix::fs::AtFlags;

use crate::op::{Op, RingOp};
use crate::path::At;
use crate::route::sqe::Sqe;
use crate::submit::PathOp;
use crate::{Aio, Request};

/// `unlink(2)`; see [`Aio::unlink`].
pub struct Unlink(At);

impl Op for Unlink {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "unlink";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| Some(Sqe::unlinkat(op.0.dirfd(), op.0.path(), 0)),
        decode: |_, cqe| cqe.unit(),
    });
    fn check(&self) -> io::Result<()> {
        self.0.check()
    }
    fn prefers_ring(&self) -> bool {
        false // a kernel worker would do it: ours keeps the priority
    }
    fn run(&mut self) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(self.0.dirfd(), self.0.path(), AtFlags::empty())?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for Unlink {
    fn at(&mut self) -> &mut At {
        &mut self.0
    }
}

impl Aio {
    /// Removes a name that is not a directory's: `unlink(2)`.
    ///
    /// # Errors
    /// Those of `unlink(2)`; EINVAL for a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let err = aio.unlink("/no/such/file").wait().unwrap_err();
    /// assert_eq!(err.kind(), std::io::ErrorKind::NotFound);
    /// # Ok(()) }
    /// ```
    pub fn unlink(&self, path: impl AsRef<Path>) -> Request<'_, Unlink> {
        Request::new(self, Unlink(At::new(path.as_ref())))
    }
}
