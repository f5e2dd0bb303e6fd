//! Making data durable.

use std::io;
use std::os::fd::AsFd;

use crate::request::op::{Op, RingOp};
use crate::request::sqe::Sqe;
use crate::values::file::File;
use crate::values::offset::check_offsets;
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
    fn run(&mut self) -> io::Result<()> {
        let sync = if self.data_only { rustix::fs::fdatasync } else { rustix::fs::fsync };
        Ok(sync(self.file.as_fd())?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}

/// `syncfs(2)` or `sync(2)`; see [`Aio::syncfs`].
pub struct Sync(Option<File>);

impl Op for Sync {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "sync";
    fn run(&mut self) -> io::Result<()> {
        match &self.0 {
            Some(file) => Ok(rustix::fs::syncfs(file.as_fd())?),
            None => {
                rustix::fs::sync();
                Ok(())
            }
        }
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}

/// `sync_file_range(2)`; see [`Aio::sync_file_range`].
pub struct SyncFileRange {
    file: File,
    offset: u64,
    len: u64,
    flags: u32,
}

impl Op for SyncFileRange {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "sync_file_range";
    fn check(&self) -> io::Result<()> {
        check_offsets([self.offset, self.len])
    }
    fn run(&mut self) -> io::Result<()> {
        crate::sys::sync_range::sync_file_range(
            self.file.as_fd(),
            self.offset as i64,
            self.len as i64,
            self.flags,
        )
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
    /// Writes all of a file's file system to its device: `syncfs(2)`.
    ///
    /// # Errors
    /// Those of `syncfs(2)`.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// ioaio::Aio::new()?.syncfs(&file).wait()
    /// # }
    /// ```
    pub fn syncfs(&self, file: &File) -> Request<'_, Sync> {
        Request::new(self, Sync(Some(file.share())))
    }
    /// Writes every file system to its device: `sync(2)`.
    ///
    /// # Errors
    /// None but ECANCELED.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// ioaio::Aio::new()?.sync().wait()
    /// # }
    /// ```
    pub fn sync(&self) -> Request<'_, Sync> {
        Request::new(self, Sync(None))
    }
    /// Starts or awaits the writing of a range of bytes: `sync_file_range(2)`, which says nothing about
    /// metadata. `flags` are `SYNC_FILE_RANGE_WAIT_BEFORE` (1), `_WRITE` (2) and `_WAIT_AFTER` (4); a length
    /// of 0 means up to the end.
    ///
    /// # Errors
    /// Those of `sync_file_range(2)`; EINVAL for an offset or a length of 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// ioaio::Aio::new()?.sync_file_range(&file, 0, 0, 2).wait()
    /// # }
    /// ```
    pub fn sync_file_range(
        &self,
        file: &File,
        offset: u64,
        len: u64,
        flags: u32,
    ) -> Request<'_, SyncFileRange> {
        Request::new(self, SyncFileRange { file: file.share(), offset, len, flags })
    }
}
