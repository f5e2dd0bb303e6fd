//! The space that a file takes, and what the kernel keeps of it.

use std::io;
use std::num::NonZeroU64;
use std::os::fd::AsFd;

use rustix::fs::{Advice, FallocateFlags};

use crate::request::op::{Op, RingOp};
use crate::request::sqe::Sqe;
use crate::values::file::File;
use crate::values::offset::check_offsets;
use crate::{Aio, Request};

/// `fallocate(2)`; see [`Aio::allocate`].
pub struct Allocate {
    file: File,
    mode: FallocateFlags,
    offset: u64,
    len: u64,
}

impl Op for Allocate {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "allocate";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| Some(Sqe::fallocate(op.file.as_fd(), op.mode.bits() as i32, op.offset, op.len)),
        decode: |_, cqe| cqe.unit(),
    });
    fn check(&self) -> io::Result<()> {
        check_offsets([self.offset, self.len])
    }
    fn run(&mut self) -> io::Result<()> {
        Ok(rustix::fs::fallocate(self.file.as_fd(), self.mode, self.offset, self.len)?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}

/// `posix_fadvise(2)`; see [`Aio::fadvise`].
pub struct Fadvise {
    file: File,
    offset: u64,
    len: u64,
    advice: Advice,
}

impl Op for Fadvise {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "fadvise";
    fn check(&self) -> io::Result<()> {
        check_offsets([self.offset, self.len])
    }
    fn run(&mut self) -> io::Result<()> {
        let len = NonZeroU64::new(self.len);
        Ok(rustix::fs::fadvise(self.file.as_fd(), self.offset, len, self.advice)?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}

impl Aio {
    /// Reserves, frees, zeroes, inserts or takes out a range of bytes of a file: `fallocate(2)`.
    ///
    /// # Errors
    /// Those of `fallocate(2)`, of which EOPNOTSUPP means a file system that cannot do it; EINVAL for an
    /// offset or a length of 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// aio.allocate(&file, ioaio::FallocateFlags::empty(), 0, 4096).wait()?;
    /// assert_eq!(aio.fstat(&file).wait()?.len(), 4096);
    /// # Ok(()) }
    /// ```
    pub fn allocate(
        &self,
        file: &File,
        mode: FallocateFlags,
        offset: u64,
        len: u64,
    ) -> Request<'_, Allocate> {
        Request::new(self, Allocate { file: file.share(), mode, offset, len })
    }
    /// Tells the kernel how a range of bytes is going to be used: `posix_fadvise(2)`. A length of 0 means
    /// up to the end.
    ///
    /// # Errors
    /// Those of `posix_fadvise(2)`; EINVAL for an offset or a length of 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// aio.fadvise(&file, 0, 0, ioaio::Advice::Sequential).wait()
    /// # }
    /// ```
    pub fn fadvise(&self, file: &File, offset: u64, len: u64, advice: Advice) -> Request<'_, Fadvise> {
        Request::new(self, Fadvise { file: file.share(), offset, len, advice })
    }
}
