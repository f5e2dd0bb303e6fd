//! Reading into several buffers and writing from several, with the flags of each call; appending.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;

use rustix::io::ReadWriteFlags;

use crate::request::op::{Op, RingOp};
use crate::request::sqe::Sqe;
use crate::sys::vectored::{self, Iovecs};
use crate::values::buf::{Filled, IoBuf, IoBufMut, space};
use crate::values::file::File;
use crate::values::offset::check_offsets;
use crate::{Aio, Request};

/// What reads and writes have in common.
struct Vectored {
    file: File,
    offset: Option<u64>,
    flags: ReadWriteFlags,
    /// Bytes, of all buffers together.
    len: usize,
    /// What the kernel reads while the request is on the ring.
    iovecs: Iovecs,
}

impl Vectored {
    fn new(file: &File, offset: Option<u64>, flags: ReadWriteFlags) -> Self {
        Vectored { file: file.share(), offset, flags, len: usize::MAX, iovecs: Iovecs::default() }
    }
    fn check(&self) -> io::Result<()> {
        check_offsets(self.offset)
    }
    /// The ring does RWF_HIPRI only if it was made to poll for everything, and it waits in spite of RWF_NOWAIT.
    fn may_go_on_ring(&self) -> bool {
        !self.flags.intersects(ReadWriteFlags::HIPRI | ReadWriteFlags::NOWAIT)
            && self.file.may_go_on_ring(self.offset)
    }
}

fn spaces<B: IoBufMut>(bufs: &mut [B], len: usize) -> impl Iterator<Item = &mut [MaybeUninit<u8>]> {
    bufs.iter_mut().scan(len, |left, buf| {
        let space = space(buf, *left);
        *left -= space.len();
        Some(space)
    })
}

fn bytes<B: IoBuf>(bufs: &[B], len: usize) -> impl Iterator<Item = &[u8]> {
    bufs.iter().scan(len, |left, buf| {
        let bytes = buf.bytes();
        let bytes = &bytes[..bytes.len().min(*left)];
        *left -= bytes.len();
        Some(bytes)
    })
}

/// `preadv2(2)`; see [`Aio::readv_at`].
pub struct Readv<B> {
    common: Vectored,
    bufs: Vec<B>,
}

impl<B: IoBufMut> Op for Readv<B> {
    type Val = Filled;
    type Out = (io::Result<usize>, Vec<B>);
    const NAME: &'static str = "readv";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| {
            if !op.common.may_go_on_ring() {
                return None;
            }
            let Vectored { file, offset, flags, len, iovecs } = &mut op.common;
            let (hangs, spaces) = (file.may_hang(), spaces(&mut op.bufs, *len));
            let sqe = Sqe::readv(File::as_fd(file), iovecs, spaces, *offset, flags.bits());
            sqe.map(|sqe| sqe.force_async(hangs))
        },
        decode: |_, cqe| cqe.filled(),
    });
    fn check(&self) -> io::Result<()> {
        self.common.check()
    }
    fn shorten(&mut self) {
        let len: usize = spaces(&mut self.bufs, self.common.len).map(|space| space.len()).sum();
        self.common.len = len.div_ceil(2);
    }
    fn prefers_ring(&self) -> bool {
        self.common.offset.is_some() && self.common.file.is_known()
    }
    fn run(&mut self) -> io::Result<Filled> {
        let Vectored { file, offset, flags, len, .. } = &self.common;
        file.learn();
        vectored::readv(file.as_fd(), spaces(&mut self.bufs, *len), *offset, flags.bits())
            .map(Filled::by_kernel)
    }
    fn finish(mut self, res: io::Result<Filled>) -> Self::Out {
        (res.map(|filled| filled.give_all(&mut self.bufs)), self.bufs)
    }
}

impl<B: IoBufMut> Request<'_, Readv<B>> {
    /// The flags of `preadv2(2)`; none are set at first.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// let cached = aio.readv_at(&file, vec![vec![0; 16]], 0).flags(ioaio::ReadWriteFlags::NOWAIT);
    /// let (_n, _bufs) = cached.wait(); // an error of the kind WouldBlock, if it has to be read first
    /// # Ok(()) }
    /// ```
    pub fn flags(mut self, flags: ReadWriteFlags) -> Self {
        self.op.common.flags = flags;
        self
    }
}

/// `pwritev2(2)`; see [`Aio::writev_at`].
pub struct Writev<B> {
    common: Vectored,
    bufs: Vec<B>,
}

impl<B: IoBuf> Op for Writev<B> {
    type Val = usize;
    type Out = (io::Result<usize>, Vec<B>);
    const NAME: &'static str = "writev";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| {
            if !op.common.may_go_on_ring() {
                return None;
            }
            let Vectored { file, offset, flags, len, iovecs } = &mut op.common;
            let (hangs, bytes) = (file.may_hang(), bytes(&op.bufs, *len));
            let sqe = Sqe::writev(File::as_fd(file), iovecs, bytes, *offset, flags.bits());
            sqe.map(|sqe| sqe.force_async(hangs))
        },
        decode: |_, cqe| cqe.count(),
    });
    fn check(&self) -> io::Result<()> {
        self.common.check()
    }
    fn shorten(&mut self) {
        let len: usize = bytes(&self.bufs, self.common.len).map(<[u8]>::len).sum();
        self.common.len = len.div_ceil(2);
    }
    fn prefers_ring(&self) -> bool {
        // The kernel gives buffered writes on ext4 to a worker of its own, which does one at a time for a file.
        let Vectored { file, offset, .. } = &self.common;
        offset.is_some() && file.is_local() && !file.may_go_inline()
    }
    fn run(&mut self) -> io::Result<usize> {
        let Vectored { file, offset, flags, len, .. } = &self.common;
        file.learn();
        vectored::writev(file.as_fd(), bytes(&self.bufs, *len), *offset, flags.bits())
    }
    fn finish(self, res: io::Result<usize>) -> Self::Out {
        (res, self.bufs)
    }
}

impl<B: IoBuf> Request<'_, Writev<B>> {
    /// The flags of `pwritev2(2)`, beside those of the method; none are set at first.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// let durable = aio.writev_at(&file, vec!["data"], 0).flags(ioaio::ReadWriteFlags::DSYNC);
    /// assert_eq!(durable.wait().0?, 4);
    /// # Ok(()) }
    /// ```
    pub fn flags(mut self, flags: ReadWriteFlags) -> Self {
        self.op.common.flags |= flags;
        self
    }
}

impl Aio {
    /// Reads at an offset in bytes into several buffers, one after the other: `preadv2(2)`.
    ///
    /// Gives the number of bytes in all, 0 at the end of the file, and the buffers, each filled as by
    /// [`read_at`](Self::read_at).
    ///
    /// # Errors
    /// Those of `preadv2(2)`, of which EINVAL may mean more than 1024 buffers; EINVAL for an offset of
    /// 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// let (n, bufs) = aio.readv_at(&file, vec![vec![0; 4], vec![0; 8]], 0).wait();
    /// assert_eq!(n?, bufs[0].len() + bufs[1].len());
    /// # Ok(()) }
    /// ```
    pub fn readv_at<B: IoBufMut>(&self, file: &File, bufs: Vec<B>, offset: u64) -> Request<'_, Readv<B>> {
        let common = Vectored::new(file, Some(offset), ReadWriteFlags::empty());
        Request::new(self, Readv { common, bufs })
    }
    /// The same at the file's own position, which moves.
    ///
    /// # Errors
    /// Those of `preadv2(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// assert_eq!(aio.readv(&file, vec![vec![0; 4], vec![0; 4]]).wait().0?, 8);
    /// # Ok(()) }
    /// ```
    pub fn readv<B: IoBufMut>(&self, file: &File, bufs: Vec<B>) -> Request<'_, Readv<B>> {
        Request::new(self, Readv { common: Vectored::new(file, None, ReadWriteFlags::empty()), bufs })
    }
    /// Writes several buffers at an offset in bytes, one after the other: `pwritev2(2)`. Gives the number
    /// of bytes in all, which may be short.
    ///
    /// # Errors
    /// Those of `pwritev2(2)`, of which EINVAL may mean more than 1024 buffers; EINVAL for an offset of
    /// 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// assert_eq!(aio.writev_at(&file, vec!["head", "body"], 0).wait().0?, 8);
    /// # Ok(()) }
    /// ```
    pub fn writev_at<B: IoBuf>(&self, file: &File, bufs: Vec<B>, offset: u64) -> Request<'_, Writev<B>> {
        let common = Vectored::new(file, Some(offset), ReadWriteFlags::empty());
        Request::new(self, Writev { common, bufs })
    }
    /// The same at the file's own position, which moves.
    ///
    /// # Errors
    /// Those of `pwritev2(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// assert_eq!(aio.writev(&file, vec!["head", "body"]).wait().0?, 8);
    /// # Ok(()) }
    /// ```
    pub fn writev<B: IoBuf>(&self, file: &File, bufs: Vec<B>) -> Request<'_, Writev<B>> {
        Request::new(self, Writev { common: Vectored::new(file, None, ReadWriteFlags::empty()), bufs })
    }
    /// Writes at the end of a file, wherever that is by then: `pwritev2(2)` with RWF_APPEND (Linux 4.16).
    /// The file's own position stays where it is. Gives the number of bytes, which may be short.
    ///
    /// # Errors
    /// Those of `pwritev2(2)`, of which ESPIPE means that the file is a pipe or a socket.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// aio.append(&file, vec!["one\n"]).wait().0?;
    /// aio.append(&file, vec!["two\n"]).wait().0?;
    /// assert_eq!(aio.fstat(&file).wait()?.len(), 8);
    /// # Ok(()) }
    /// ```
    pub fn append<B: IoBuf>(&self, file: &File, bufs: Vec<B>) -> Request<'_, Writev<B>> {
        Request::new(self, Writev { common: Vectored::new(file, Some(0), ReadWriteFlags::APPEND), bufs })
    }
}
