//! Several calls in a row as one request, with one result.
//!
//! A worker makes them one after the other: between two of them nobody has to be woken, and what an
//! earlier one has opened is closed whatever becomes of a later one.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::buf::{Filled, IoBuf, IoBufMut, space};
use crate::file::File;
use crate::op::Op;
use crate::path::At;
use crate::submit::PathOp;
use crate::{Aio, Request};

fn check_offset(offset: u64) -> io::Result<()> {
    i64::try_from(offset).map(|_| ()).map_err(|_| Errno::INVAL.into())
}

/// `open(2)`, `pread(2)`, `close(2)`; see [`Aio::open_read`].
pub struct OpenRead<B> {
    at: At,
    buf: B,
    offset: u64,
    len: usize,
}

impl<B: IoBufMut> Op for OpenRead<B> {
    type Val = Filled;
    type Out = (io::Result<usize>, B);
    const NAME: &'static str = "open_read";
    fn check(&self) -> io::Result<()> {
        check_offset(self.offset)?;
        self.at.check()
    }
    fn shorten(&mut self) {
        self.len = space(&mut self.buf, self.len).len().div_ceil(2);
    }
    fn run(&mut self) -> io::Result<Filled> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(self.at.dirfd(), self.at.path(), flags, Mode::empty())?;
        let room = space(&mut self.buf, self.len);
        let read = rustix::io::retry_on_intr(|| {
            rustix::io::pread(&file, &mut *room, self.offset).map(|(read, _)| read.len())
        })?;
        crate::sys::close(file)?;
        Ok(Filled::by_kernel(read))
    }
    fn finish(mut self, res: io::Result<Filled>) -> Self::Out {
        (res.map(|filled| filled.give(&mut self.buf)), self.buf)
    }
}
impl<B: IoBufMut> PathOp for OpenRead<B> {
    fn at(&mut self) -> &mut At {
        &mut self.at
    }
}

/// `pwrite(2)` and then `fsync(2)`; see [`Aio::write_sync`].
pub struct WriteSync<B> {
    file: File,
    buf: B,
    offset: u64,
    data_only: bool,
}

impl<B: IoBuf> WriteSync<B> {
    fn write(&self) -> io::Result<()> {
        let mut rest = self.buf.bytes();
        let mut offset = self.offset;
        while !rest.is_empty() {
            let n = rustix::io::retry_on_intr(|| rustix::io::pwrite(self.file.as_fd(), rest, offset))?;
            if n == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            rest = &rest[n..];
            offset += n as u64;
        }
        Ok(())
    }
}

impl<B: IoBuf> Op for WriteSync<B> {
    type Val = ();
    type Out = (io::Result<()>, B);
    const NAME: &'static str = "write_sync";
    fn check(&self) -> io::Result<()> {
        check_offset(self.offset)
    }
    fn run(&mut self) -> io::Result<()> {
        self.write()?;
        let sync = if self.data_only { rustix::fs::fdatasync } else { rustix::fs::fsync };
        Ok(rustix::io::retry_on_intr(|| sync(self.file.as_fd()))?)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        (res, self.buf)
    }
}

impl<B: IoBuf> Request<'_, WriteSync<B>> {
    /// With true, metadata that reading the data does not need may wait: `fdatasync(2)` (default:
    /// false).
    pub fn data_only(mut self, data_only: bool) -> Self {
        self.op.data_only = data_only;
        self
    }
}

impl Aio {
    /// Opens a file, reads at an offset in bytes up to the capacity of the buffer, and closes it:
    /// `open(2)`, `pread(2)` and `close(2)` as one request.
    ///
    /// Gives the number of bytes, which may be short, and the buffer. Nothing stays open if the read
    /// fails.
    ///
    /// # Errors
    /// Those of the call that failed; EINVAL for a NUL in the path or an offset of 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let (n, buf) = aio.open_read("/etc/passwd", Vec::with_capacity(64), 0).wait();
    /// assert_eq!(n?, buf.len());
    /// # Ok(()) }
    /// ```
    pub fn open_read<B: IoBufMut>(
        &self,
        path: impl AsRef<Path>,
        buf: B,
        offset: u64,
    ) -> Request<'_, OpenRead<B>> {
        Request::new(self, OpenRead { at: At::new(path.as_ref()), buf, offset, len: usize::MAX })
    }
    /// Writes all of a buffer at an offset in bytes, and then to the device: `pwrite(2)` until nothing
    /// is left, and `fsync(2)`, as one request. Gives the buffer back.
    ///
    /// # Errors
    /// Those of the call that failed. After an error of `pwrite(2)` nothing is synced; a part may have
    /// been written. EINVAL for an offset of 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// let (res, _buf) = aio.write_sync(&file, "committed", 0).wait();
    /// res
    /// # }
    /// ```
    pub fn write_sync<B: IoBuf>(&self, file: &File, buf: B, offset: u64) -> Request<'_, WriteSync<B>> {
        Request::new(self, WriteSync { file: file.share(), buf, offset, data_only: false })
    }
}
