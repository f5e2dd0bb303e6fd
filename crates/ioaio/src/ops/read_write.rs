//! Reading, writing, reading ahead.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;

use crate::request::op::{INLINE_BYTES, Op, RingOp};
use crate::request::sqe::{Known, Sqe};
use crate::values::buf::{Filled, IoBuf, IoBufMut, RegisteredBuf, space};
use crate::values::file::File;
use crate::values::offset::check_offsets;
use crate::values::slot::Slot;
use crate::{Aio, Request};

/// Which of file and buffer are in the tables of the engine's ring.
#[derive(Clone, Copy)]
struct Registered {
    file: bool,
    buffer: bool,
}

impl Registered {
    fn with(aio: &Aio, file: &File, buf: Option<&RegisteredBuf>) -> Self {
        let table = aio.engine().routes.ring.as_ref().map(|ring| Arc::as_ptr(ring).cast::<()>());
        let of_ours = |slot: &Slot| table.is_some_and(|table| slot.is_of(table));
        let buffer = buf.and_then(RegisteredBuf::slot).is_some_and(of_ours);
        Registered { file: file.slot().is_some_and(of_ours), buffer }
    }
    fn known(self, file: &File, buf: Option<&RegisteredBuf>) -> Known {
        let slot = buf.filter(|_| self.buffer).and_then(RegisteredBuf::slot);
        let buffer = slot.and_then(Slot::index).and_then(|index| u16::try_from(index).ok());
        Known { file: self.file.then(|| file.slot_index()).flatten(), buffer }
    }
}

/// `pread(2)` or `read(2)`; see [`Aio::read_at`].
pub struct Read<B> {
    file: File,
    buf: B,
    offset: Option<u64>,
    len: usize,
    registered: Registered,
}

impl<B: IoBufMut> Read<B> {
    fn new(aio: &Aio, file: &File, buf: B, offset: Option<u64>) -> Self {
        let registered = Registered::with(aio, file, buf.registered());
        Read { file: file.share(), buf, offset, len: usize::MAX, registered }
    }
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
            let (hangs, known) = (op.file.may_hang(), op.registered.known(&op.file, op.buf.registered()));
            let space = space(&mut op.buf, op.len);
            Sqe::read(op.file.as_fd(), space, op.offset, known).map(|sqe| sqe.force_async(hangs))
        },
        decode: |_, cqe| cqe.filled(),
    });
    fn check(&self) -> io::Result<()> {
        check_offsets(self.offset)
    }
    fn inline(&mut self) -> Option<io::Result<Filled>> {
        let offset = self.offset?;
        let space = space(&mut self.buf, self.len);
        if space.len() > INLINE_BYTES || !self.file.may_go_inline() {
            return None;
        }
        crate::sys::read::read_cached(self.file.as_fd(), space, offset)
    }
    fn shorten(&mut self) {
        self.len = space(&mut self.buf, self.len).len().div_ceil(2);
    }
    fn prefers_ring(&self) -> bool {
        // At the file's own position the ring does not take the lock that read(2) takes. A file that is not
        // known yet goes to a worker, which finds out what it is, so that the next read may go inline.
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
    registered: Registered,
}

impl<B: IoBuf> Write<B> {
    fn new(aio: &Aio, file: &File, buf: B, offset: Option<u64>) -> Self {
        let registered = Registered::with(aio, file, buf.registered());
        Write { file: file.share(), buf, offset, len: usize::MAX, registered }
    }
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
            let (hangs, known) = (op.file.may_hang(), op.registered.known(&op.file, op.buf.registered()));
            Sqe::write(op.file.as_fd(), op.bytes(), op.offset, known).map(|sqe| sqe.force_async(hangs))
        },
        decode: |_, cqe| cqe.count(),
    });
    fn check(&self) -> io::Result<()> {
        check_offsets(self.offset)
    }
    fn shorten(&mut self) {
        self.len = self.bytes().len().div_ceil(2);
    }
    fn prefers_ring(&self) -> bool {
        // The kernel gives buffered writes on ext4 to a worker of its own, which does one at a time for a file.
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
        check_offsets([self.offset])
    }
    fn run(&mut self) -> io::Result<()> {
        crate::sys::read::readahead(self.file.as_fd(), self.offset as i64, self.len)
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
        Request::new(self, Read::new(self, file, buf, Some(offset)))
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
        Request::new(self, Read::new(self, file, buf, None))
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
        Request::new(self, Write::new(self, file, buf, Some(offset)))
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
        Request::new(self, Write::new(self, file, buf, None))
    }
    /// Starts reading a range of bytes into the page cache: `readahead(2)`.
    ///
    /// # Errors
    /// Those of `readahead(2)`: EBADF for a file that is not open for reading, EINVAL for what has no pages, such as
    /// a pipe; EINVAL for an offset of 2^63 or more.
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    /// What the kernel is asked to do for a read.
    fn opcode<B: IoBufMut>(mut request: Request<'_, Read<B>>) -> u32 {
        let ring = Read::<B>::RING.unwrap();
        (ring.encode)(&mut request.op).unwrap().entry.get_opcode()
    }

    #[test]
    fn what_is_registered_is_used_by_its_own_engine_only() {
        let aio = Aio::new().unwrap();
        let (file, other) = (aio.open("/etc/passwd").wait().unwrap(), Aio::new().unwrap());
        let (Ok(one), Ok(two)) = (aio.registered_buf(1), aio.registered_buf(1)) else {
            return eprintln!("skipped: no registered buffers");
        };
        if !aio.backend().ring {
            return eprintln!("skipped: no ring");
        }
        let [plain, fixed] = [io_uring::opcode::Read::CODE, io_uring::opcode::ReadFixed::CODE].map(u32::from);
        assert_eq!(opcode(aio.read_at(&file, one, 0)), fixed);
        assert_eq!(opcode(other.read_at(&file, two, 0)), plain);
        assert_eq!(opcode(aio.read_at(&file, vec![0; 1], 0)), plain);
        aio.register_file(&file).unwrap();
        let known = |aio: &Aio| Registered::with(aio, &file, None).known(&file, None).file;
        assert_eq!((known(&aio).is_some(), known(&other)), (true, None));
    }
}
