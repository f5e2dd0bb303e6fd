//! Several calls in a row as one request, with one result.
//!
//! A worker makes them one after the other, or the kernel by linked entries: between two of them nobody
//! has to be woken, and what an earlier one has opened is closed whatever becomes of a later one.

use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::api::request::PathOp;
use crate::request::op::{ChainOp, Op};
use crate::request::sqe::{Completions, Links};
use crate::request::sqe::{Known, Link, Sqe};
use crate::values::buf::{Filled, IoBuf, IoBufMut, space};
use crate::values::file::File;
use crate::values::offset::check_offsets;
use crate::values::path::At;
use crate::{Aio, Request};

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
    const CHAIN: Option<ChainOp<Self>> = Some(ChainOp {
        opens: true,
        encode: |op, slot| {
            let open = Sqe::openat_direct(op.at.dirfd(), op.at.path(), OFlags::RDONLY.bits() as i32, slot)?;
            let read = Sqe::read_direct(slot, space(&mut op.buf, op.len), op.offset)?;
            // Whether the file system may hang is not known before the file is open. A short read ends no chain.
            let links = Links::new(open.force_async(true)).then(Link::Success, read.force_async(true));
            Some(links.then(Link::End, Sqe::close_direct(slot)))
        },
        decode: |_, [open, read, close]| {
            Some(open.unit().and_then(|()| read.filled()).and_then(|filled| {
                close.unit()?;
                Ok(filled)
            }))
        },
    });
    fn check(&self) -> io::Result<()> {
        check_offsets([self.offset]).and(self.at.check())
    }
    fn shorten(&mut self) {
        self.len = space(&mut self.buf, self.len).len().div_ceil(2);
    }
    fn run(&mut self) -> io::Result<Filled> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(self.at.dirfd(), self.at.path(), flags, Mode::empty())?;
        let room = space(&mut self.buf, self.len);
        let read = rustix::io::retry_on_intr(|| {
            match rustix::io::pread(&file, &mut *room, self.offset) {
                // It has no positions, as a FIFO. The ring reads it all the same, so this does too.
                Err(Errno::SPIPE) => rustix::io::read(&file, &mut *room),
                read => read,
            }
            .map(|(read, _)| read.len())
        })?;
        crate::sys::close::close(file)?;
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
    /// How much of it is written.
    written: usize,
    offset: u64,
    data_only: bool,
}

impl<B: IoBuf> WriteSync<B> {
    fn write(&mut self) -> io::Result<()> {
        while !self.rest().is_empty() {
            let (rest, offset) = (self.rest(), self.offset + self.written as u64);
            match rustix::io::retry_on_intr(|| rustix::io::pwrite(self.file.as_fd(), rest, offset))? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                n => self.written += n,
            }
        }
        Ok(())
    }
    fn rest(&self) -> &[u8] {
        &self.buf.bytes()[self.written..]
    }
    /// After a short write the sync was not started, or it was interrupted: a worker goes on.
    fn decode(&mut self, [write, sync, _]: Completions) -> Option<io::Result<()>> {
        match write.count() {
            Err(e) => Some(Err(e)),
            Ok(n) => {
                self.written += n;
                (self.rest().is_empty() && !sync.is_undone()).then(|| sync.unit())
            }
        }
    }
}

impl<B: IoBuf> Op for WriteSync<B> {
    type Val = ();
    type Out = (io::Result<()>, B);
    const NAME: &'static str = "write_sync";
    const CHAIN: Option<ChainOp<Self>> = Some(ChainOp {
        opens: false,
        encode: |op, _slot| {
            let hangs = op.file.may_hang();
            let offset = op.offset + op.written as u64;
            let write = Sqe::write(op.file.as_fd(), op.rest(), Some(offset), Known::default())?;
            let sync = Sqe::fsync(op.file.as_fd(), op.data_only);
            Some(Links::new(write.force_async(hangs)).then(Link::Success, sync))
        },
        decode: Self::decode,
    });
    fn check(&self) -> io::Result<()> {
        check_offsets([self.offset])
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
    /// fails. The offset does not matter where a file has none, as a FIFO.
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
        Request::new(self, WriteSync { file: file.share(), buf, written: 0, offset, data_only: false })
    }
}
