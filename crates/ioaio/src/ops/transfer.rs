//! Moving data from one file to another, inside the kernel.

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::pipe::SpliceFlags;

use crate::request::op::{Op, RingOp};
use crate::request::sqe::Sqe;
use crate::values::file::File;
use crate::values::offset::check_offsets;
use crate::{Aio, Request};

/// The ring has a flag of its own beside those of the system calls: a descriptor would be an index of its table.
fn check_flags(flags: SpliceFlags) -> io::Result<()> {
    const KNOWN: SpliceFlags =
        SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK).union(SpliceFlags::MORE).union(SpliceFlags::GIFT);
    if KNOWN.contains(flags) { Ok(()) } else { Err(Errno::INVAL.into()) }
}

/// `sendfile(2)`; see [`Aio::sendfile`].
pub struct Sendfile {
    out: File,
    from: File,
    offset: Option<u64>,
    len: usize,
}

/// What `sendfile(2)` says of files that it can't do, although they can be read and written: one that is opened
/// for appending, a pipe to read from, file systems without the page cache.
const REFUSALS: [Errno; 7] = [
    Errno::INVAL,
    Errno::NOSYS,
    Errno::OPNOTSUPP,
    Errno::AFNOSUPPORT,
    Errno::PROTOTYPE,
    Errno::NOTSOCK,
    Errno::XDEV,
];

impl Sendfile {
    const BLOCK: usize = 65536;

    /// Reads and writes instead.
    fn by_hand(&self) -> rustix::io::Result<usize> {
        let mut block = vec![0; self.len.min(Self::BLOCK)];
        let mut done = 0;
        while done < self.len {
            let want = block.len().min(self.len - done);
            let read = retry_on_intr(|| match self.offset {
                Some(offset) => {
                    rustix::io::pread(self.from.as_fd(), &mut block[..want], offset + done as u64)
                }
                None => rustix::io::read(self.from.as_fd(), &mut block[..want]),
            });
            let sent = read.and_then(|n| Ok((n, self.put(&block[..n])?)));
            match sent {
                Ok((read, written)) => {
                    done += if read == want && written == read {
                        read
                    } else {
                        return Ok(done + written);
                    }
                }
                Err(_) if done > 0 => return Ok(done),
                Err(e) => return Err(e),
            }
        }
        Ok(done)
    }
    /// Writes what was read, or some of it if the rest can be read again.
    fn put(&self, bytes: &[u8]) -> rustix::io::Result<usize> {
        let mut written = 0;
        while written < bytes.len() {
            let put = retry_on_intr(|| rustix::io::write(self.out.as_fd(), &bytes[written..]));
            written += put.unwrap_or(0);
            let left = bytes.len() - written;
            if left == 0 || self.offset.is_some() || self.step_back(left).is_ok() {
                return if written > 0 || left == 0 { Ok(written) } else { put };
            }
            // A pipe does not take anything back.
            match put {
                Err(Errno::AGAIN) => {
                    let mut out = [PollFd::new(&self.out, PollFlags::OUT)];
                    retry_on_intr(|| poll(&mut out, None))?;
                }
                Err(e) => return Err(e),
                Ok(_) => {}
            }
        }
        Ok(written)
    }
    fn step_back(&self, bytes: usize) -> rustix::io::Result<u64> {
        rustix::fs::seek(self.from.as_fd(), rustix::fs::SeekFrom::Current(-(bytes as i64)))
    }
}

impl Op for Sendfile {
    type Val = usize;
    type Out = io::Result<usize>;
    const NAME: &'static str = "sendfile";
    fn check(&self) -> io::Result<()> {
        check_offsets(self.offset)
    }
    fn shorten(&mut self) {
        self.len = self.len.div_ceil(2);
    }
    fn run(&mut self) -> io::Result<usize> {
        let mut offset = self.offset;
        Ok(match rustix::fs::sendfile(self.out.as_fd(), self.from.as_fd(), offset.as_mut(), self.len) {
            Err(e) if REFUSALS.contains(&e) => self.by_hand()?,
            sent => sent?,
        })
    }
    fn finish(self, res: io::Result<usize>) -> Self::Out {
        res
    }
}

/// `copy_file_range(2)`; see [`Aio::copy_range`].
pub struct CopyRange {
    from: (File, Option<u64>),
    to: (File, Option<u64>),
    len: usize,
}

impl Op for CopyRange {
    type Val = usize;
    type Out = io::Result<usize>;
    const NAME: &'static str = "copy_range";
    fn check(&self) -> io::Result<()> {
        check_offsets(self.from.1.into_iter().chain(self.to.1))
    }
    fn shorten(&mut self) {
        self.len = self.len.div_ceil(2);
    }
    fn run(&mut self) -> io::Result<usize> {
        let (mut from, mut to) = (self.from.1, self.to.1);
        let (input, output) = (self.from.0.as_fd(), self.to.0.as_fd());
        Ok(rustix::fs::copy_file_range(input, from.as_mut(), output, to.as_mut(), self.len)?)
    }
    fn finish(self, res: io::Result<usize>) -> Self::Out {
        res
    }
}

/// `splice(2)`; see [`Aio::splice`].
pub struct Splice {
    from: (File, Option<u64>),
    to: (File, Option<u64>),
    len: usize,
    flags: SpliceFlags,
}

impl Op for Splice {
    type Val = usize;
    type Out = io::Result<usize>;
    const NAME: &'static str = "splice";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| {
            let (from, to) = ((op.from.0.as_fd(), op.from.1), (op.to.0.as_fd(), op.to.1));
            Sqe::splice(from, to, op.len, op.flags.bits())
        },
        decode: |_, cqe| cqe.count(),
    });
    fn check(&self) -> io::Result<()> {
        check_flags(self.flags)?;
        check_offsets(self.from.1.into_iter().chain(self.to.1))
    }
    fn shorten(&mut self) {
        self.len = self.len.div_ceil(2);
    }
    fn run(&mut self) -> io::Result<usize> {
        let (mut from, mut to) = (self.from.1, self.to.1);
        let (input, output) = (self.from.0.as_fd(), self.to.0.as_fd());
        Ok(rustix::pipe::splice(input, from.as_mut(), output, to.as_mut(), self.len, self.flags)?)
    }
    fn finish(self, res: io::Result<usize>) -> Self::Out {
        res
    }
}

impl Request<'_, Splice> {
    /// The flags of `splice(2)`; none are set at first.
    pub fn flags(mut self, flags: SpliceFlags) -> Self {
        self.op.flags = flags;
        self
    }
    /// Where to read in a file that is not a pipe, in bytes, instead of at its position.
    pub fn from_offset(mut self, offset: u64) -> Self {
        self.op.from.1 = Some(offset);
        self
    }
    /// Where to write in a file that is not a pipe, in bytes, instead of at its position.
    pub fn to_offset(mut self, offset: u64) -> Self {
        self.op.to.1 = Some(offset);
        self
    }
}

/// `tee(2)`; see [`Aio::tee`].
pub struct Tee {
    from: File,
    to: File,
    len: usize,
    flags: SpliceFlags,
}

impl Op for Tee {
    type Val = usize;
    type Out = io::Result<usize>;
    const NAME: &'static str = "tee";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| Sqe::tee(op.from.as_fd(), op.to.as_fd(), op.len, op.flags.bits()),
        decode: |_, cqe| cqe.count(),
    });
    fn check(&self) -> io::Result<()> {
        check_flags(self.flags)
    }
    fn shorten(&mut self) {
        self.len = self.len.div_ceil(2);
    }
    fn run(&mut self) -> io::Result<usize> {
        Ok(rustix::pipe::tee(self.from.as_fd(), self.to.as_fd(), self.len, self.flags)?)
    }
    fn finish(self, res: io::Result<usize>) -> Self::Out {
        res
    }
}

impl Request<'_, Tee> {
    /// The flags of `tee(2)`; none are set at first.
    pub fn flags(mut self, flags: SpliceFlags) -> Self {
        self.op.flags = flags;
        self
    }
}

impl Aio {
    /// Sends bytes of a file to another, often a socket: `sendfile(2)`. With an offset the position of
    /// `from` stays where it is; `out` is written at its own. Gives the number of bytes, which may be short.
    ///
    /// Files that `sendfile(2)` refuses, such as one that is opened for appending, or a pipe to read from, are read
    /// and written instead. Bytes of a pipe are read only to be written: the request then waits for room.
    ///
    /// # Errors
    /// Those of `sendfile(2)`, `read(2)` and `write(2)`; EINVAL for an offset of 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let (from, out) = (aio.open("/etc/passwd").wait()?, ioaio::File::from(tempfile::tempfile()?));
    /// assert_eq!(aio.sendfile(&out, &from, Some(0), 10).wait()?, 10);
    /// # Ok(()) }
    /// ```
    pub fn sendfile(
        &self,
        out: &File,
        from: &File,
        offset: Option<u64>,
        len: usize,
    ) -> Request<'_, Sendfile> {
        Request::new(self, Sendfile { out: out.share(), from: from.share(), offset, len })
    }
    /// Copies bytes from one offset to another, of one file or two: `copy_file_range(2)`, which shares
    /// the blocks where the file system can. Gives the number of bytes, which may be short.
    ///
    /// # Errors
    /// Those of `copy_file_range(2)`, of which EXDEV means file systems that cannot do it; EINVAL for an
    /// offset of 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let (from, to) = (ioaio::File::from(tempfile::tempfile()?), ioaio::File::from(tempfile::tempfile()?));
    /// aio.write_at(&from, "0123456789", 0).wait().0?;
    /// assert_eq!(aio.copy_range((&from, 5), (&to, 0), 10).wait()?, 5);
    /// # Ok(()) }
    /// ```
    pub fn copy_range(&self, from: (&File, u64), to: (&File, u64), len: usize) -> Request<'_, CopyRange> {
        let (from, to) = ((from.0.share(), Some(from.1)), (to.0.share(), Some(to.1)));
        Request::new(self, CopyRange { from, to, len })
    }
    /// Moves bytes between a pipe and another file without copying them: `splice(2)`. Gives the number of
    /// bytes, 0 at the end.
    ///
    /// # Errors
    /// Those of `splice(2)`, of which EINVAL means that neither is a pipe.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let (_reader, writer) = aio.pipe(ioaio::PipeFlags::empty()).wait()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// assert_eq!(aio.splice(&file, &writer, 10).from_offset(5).wait()?, 10);
    /// # Ok(()) }
    /// ```
    pub fn splice(&self, from: &File, to: &File, len: usize) -> Request<'_, Splice> {
        let (from, to) = ((from.share(), None), (to.share(), None));
        Request::new(self, Splice { from, to, len, flags: SpliceFlags::empty() })
    }
    /// Copies bytes from one pipe to another, and leaves them in the first: `tee(2)`. Gives the number of
    /// bytes.
    ///
    /// # Errors
    /// Those of `tee(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let (reader, writer) = aio.pipe(ioaio::PipeFlags::empty()).wait()?;
    /// let (_copy, to) = aio.pipe(ioaio::PipeFlags::empty()).wait()?;
    /// aio.write(&writer, "data").wait().0?;
    /// assert_eq!(aio.tee(&reader, &to, 100).wait()?, 4);
    /// # Ok(()) }
    /// ```
    pub fn tee(&self, from: &File, to: &File, len: usize) -> Request<'_, Tee> {
        Request::new(self, Tee { from: from.share(), to: to.share(), len, flags: SpliceFlags::empty() })
    }
}
