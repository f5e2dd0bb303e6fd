//! Reading, writing, reading ahead.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::Advice;
use rustix::io::Errno;

use crate::buf::{Filled, IoBuf, IoBufMut, space};
use crate::file::File;
use crate::op::{Op, RingOp};
use crate::route::sqe::Sqe;
use crate::{Aio, Request};

/// A copy of more bytes than this is not "instant": it never happens inline.
const INLINE_BYTES: usize = 64 * 1024;

fn check_offset(offset: Option<u64>) -> io::Result<()> {
    match offset {
        // The ring takes -1 as the current position where pread says EINVAL.
        Some(offset) if i64::try_from(offset).is_err() => Err(Errno::INVAL.into()),
        _ => Ok(()),
    }
}

/// `pread(2)` or `read(2)`; see [`Aio::read_at`].
pub struct Read<B> {
    file: File,
    buf: B,
    offset: Option<u64>,
    len: usize,
}

impl<B: IoBufMut> Op for Read<B> {
    type Val = Filled;
    type Out = (io::Result<usize>, B);
    const NAME: &'static str = "read";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| {
            if !op.file.may_go_on_ring(op.offset) {
                return None;
            }
            let hangs = op.file.may_hang();
            Sqe::read(op.file.as_fd(), space(&mut op.buf, op.len), op.offset).map(|s| s.force_async(hangs))
        },
        decode: |_, cqe| cqe.filled(),
    });
    fn check(&self) -> io::Result<()> {
        check_offset(self.offset)
    }
    fn inline(&mut self) -> Option<io::Result<Filled>> {
        let offset = self.offset?;
        let space = space(&mut self.buf, self.len);
        if space.len() > INLINE_BYTES || !self.file.may_go_inline() {
            return None;
        }
        crate::sys::read_cached(self.file.as_fd(), space, offset)
    }
    fn shorten(&mut self) {
        self.len = space(&mut self.buf, self.len).len().div_ceil(2);
    }
    fn prefers_ring(&self) -> bool {
        // At the file's position the ring does not take the position's lock as read(2) does. And a
        // worker finds out what the file is, so that the next read may go inline.
        self.offset.is_some() && self.file.is_known()
    }
    fn run(&mut self) -> io::Result<Filled> {
        self.file.learn();
        let space = space(&mut self.buf, self.len);
        let (filled, _) = match self.offset {
            Some(offset) => rustix::io::pread(self.file.as_fd(), space, offset)?,
            None => rustix::io::read(self.file.as_fd(), space)?,
        };
        Ok(Filled::by_kernel(filled.len()))
    }
    fn finish(mut self, res: io::Result<Filled>) -> Self::Out {
        (res.map(|filled| filled.give(&mut self.buf)), self.buf)
    }
}

impl<B: IoBufMut> Request<'_, Read<B>> {
    /// Reads this many bytes at the most, where the buffer has room for more.
    pub fn len(mut self, len: usize) -> Self {
        self.op.len = len;
        self
    }
}

/// `pwrite(2)` or `write(2)`; see [`Aio::write_at`].
pub struct Write<B> {
    file: File,
    buf: B,
    offset: Option<u64>,
    len: usize,
}

impl<B: IoBuf> Write<B> {
    fn bytes(&self) -> &[u8] {
        let bytes = self.buf.bytes();
        &bytes[..bytes.len().min(self.len)]
    }
}

impl<B: IoBuf> Op for Write<B> {
    type Val = usize;
    type Out = (io::Result<usize>, B);
    const NAME: &'static str = "write";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| {
            if !op.file.may_go_on_ring(op.offset) {
                return None;
            }
            let hangs = op.file.may_hang();
            Sqe::write(op.file.as_fd(), op.bytes(), op.offset).map(|s| s.force_async(hangs))
        },
        decode: |_, cqe| cqe.count(),
    });
    fn check(&self) -> io::Result<()> {
        check_offset(self.offset)
    }
    fn shorten(&mut self) {
        self.len = self.bytes().len().div_ceil(2);
    }
    fn prefers_ring(&self) -> bool {
        // Buffered writes go to a kernel worker on ext4, one at a time for an inode.
        self.offset.is_some() && self.file.is_local() && !self.file.may_go_inline()
    }
    fn run(&mut self) -> io::Result<usize> {
        self.file.learn();
        Ok(match self.offset {
            Some(offset) => rustix::io::pwrite(self.file.as_fd(), self.bytes(), offset)?,
            None => rustix::io::write(self.file.as_fd(), self.bytes())?,
        })
    }
    fn finish(self, res: io::Result<usize>) -> Self::Out {
        (res, self.buf)
    }
}

/// `readahead(2)`; see [`Aio::readahead`].
pub struct Readahead {
    file: File,
    offset: u64,
    len: usize,
}

impl Op for Readahead {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "readahead";
    fn check(&self) -> io::Result<()> {
        check_offset(Some(self.offset))
    }
    fn run(&mut self) -> io::Result<()> {
        let len = std::num::NonZeroU64::new(self.len as u64);
        match len {
            // posix_fadvise takes a length of 0 for "to the end".
            None => Ok(()),
            Some(_) => Ok(rustix::fs::fadvise(self.file.as_fd(), self.offset, len, Advice::WillNeed)?),
        }
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}

impl Aio {
    /// Reads at an offset in bytes, up to the capacity of the buffer: `pread(2)`.
    ///
    /// Gives the number of bytes, 0 at the end of the file, and the buffer. A `Vec` then has that
    /// length. At most 64 KiB are copied inline; more takes another route.
    ///
    /// # Errors
    /// Those of `pread(2)`; EINVAL for an offset of 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// let (n, buf) = aio.read_at(&file, Vec::with_capacity(1024), 0).wait();
    /// assert_eq!(n?, buf.len());
    /// # Ok(()) }
    /// ```
    pub fn read_at<B: IoBufMut>(&self, file: &File, buf: B, offset: u64) -> Request<'_, Read<B>> {
        Request::new(self, Read { file: file.share(), buf, offset: Some(offset), len: usize::MAX })
    }
    /// Reads at the file's own position, which moves: `read(2)`.
    ///
    /// # Errors
    /// Those of `read(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// let (n, _buf) = aio.read(&file, vec![0; 16]).wait();
    /// assert_eq!(n?, 16);
    /// # Ok(()) }
    /// ```
    pub fn read<B: IoBufMut>(&self, file: &File, buf: B) -> Request<'_, Read<B>> {
        Request::new(self, Read { file: file.share(), buf, offset: None, len: usize::MAX })
    }
    /// Writes at an offset in bytes: `pwrite(2)`. Gives the number of bytes, which may be short.
    ///
    /// # Errors
    /// Those of `pwrite(2)`; EINVAL for an offset of 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// let (n, _) = aio.write_at(&file, "hello", 7).wait();
    /// assert_eq!(n?, 5);
    /// # Ok(()) }
    /// ```
    pub fn write_at<B: IoBuf>(&self, file: &File, buf: B, offset: u64) -> Request<'_, Write<B>> {
        Request::new(self, Write { file: file.share(), buf, offset: Some(offset), len: usize::MAX })
    }
    /// Writes at the file's own position, which moves: `write(2)`.
    ///
    /// # Errors
    /// Those of `write(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// let (n, _) = aio.write(&file, vec![1, 2, 3]).wait();
    /// assert_eq!(n?, 3);
    /// # Ok(()) }
    /// ```
    pub fn write<B: IoBuf>(&self, file: &File, buf: B) -> Request<'_, Write<B>> {
        Request::new(self, Write { file: file.share(), buf, offset: None, len: usize::MAX })
    }
    /// Starts reading a range of bytes into the page cache: `readahead(2)`.
    ///
    /// # Errors
    /// Those of `posix_fadvise(2)` with `POSIX_FADV_WILLNEED`; EINVAL for an offset of 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// aio.readahead(&file, 0, 4096).wait()
    /// # }
    /// ```
    pub fn readahead(&self, file: &File, offset: u64, len: usize) -> Request<'_, Readahead> {
        Request::new(self, Readahead { file: file.share(), offset, len })
    }
}
