//! Making data durable.

use std::io;
use std::os::fd::AsFd;

use crate::file::File;
use crate::op::{Op, RingOp};
use crate::route::sqe::Sqe;
use crate::{Aio, Request};

/// `fsync(2)` or `fdatasync(2)`; see [`Aio::fsync`].
pub struct Fsync {
    file: File,
    data_only: bool,
}

impl Op for Fsync {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "fsync";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| Some(Sqe::fsync(op.file.as_fd(), op.data_only)),
        decode: |_, cqe| cqe.unit(),
    });
    fn prefers_ring(&self) -> bool {
        false // a kernel worker would do it: ours keeps the priority
    }
    fn run(&mut self) -> io::Result<()> {
        let sync = if self.data_only { rustix::fs::fdatasync } else { rustix::fs::fsync };
        Ok(sync(self.file.as_fd())?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}

impl Aio {
    /// Writes a file's data and metadata to the device: `fsync(2)`.
    ///
    /// # Errors
    /// Those of `fsync(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// ioaio::Aio::new()?.fsync(&file).wait()
    /// # }
    /// ```
    pub fn fsync(&self, file: &File) -> Request<'_, Fsync> {
        Request::new(self, Fsync { file: file.share(), data_only: false })
    }
    /// Writes a file's data to the device: `fdatasync(2)`.
    ///
    /// # Errors
    /// Those of `fdatasync(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// ioaio::Aio::new()?.fdatasync(&file).wait()
    /// # }
    /// ```
    pub fn fdatasync(&self, file: &File) -> Request<'_, Fsync> {
        Request::new(self, Fsync { file: file.share(), data_only: true })
    }
}
