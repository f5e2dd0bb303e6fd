//! The length of files.

use std::ffi::CStr;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::api::request::PathOp;
use crate::request::op::{Op, RingOp};
use crate::request::sqe::Sqe;
use crate::values::file::File;
use crate::values::offset::check_offsets;
use crate::values::path::{At, Subject, Target, stands_alone};
use crate::{Aio, Request};

/// `truncate(2)`; see [`Aio::truncate`] and [`Aio::ftruncate`].
pub struct Truncate<S> {
    subject: S,
    len: u64,
}

/// `truncate(2)` relative to a directory handle, which the kernel does not have. To open a FIFO or a device may already
/// do something, so nothing but a regular file is opened.
fn truncate_at(dir: BorrowedFd<'_>, path: &CStr, len: u64) -> Result<(), Errno> {
    let open = |flags| rustix::fs::openat(dir, path, flags | OFlags::CLOEXEC, Mode::empty());
    let kind = FileType::from_raw_mode(rustix::fs::fstat(open(OFlags::PATH)?)?.st_mode);
    match kind {
        FileType::RegularFile => {}
        FileType::Directory => return Err(Errno::ISDIR),
        _ => return Err(Errno::INVAL),
    }
    rustix::fs::ftruncate(open(OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?, len)
}

impl<S: Subject> Op for Truncate<S> {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "truncate";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| match op.subject.target() {
            Target::Path(..) => None,
            Target::File(file) => Some(Sqe::ftruncate(file, op.len)),
        },
        decode: |_, cqe| cqe.unit(),
    });
    fn check(&self) -> io::Result<()> {
        check_offsets([self.len]).and(self.subject.check())
    }
    fn run(&mut self) -> io::Result<()> {
        match self.subject.target() {
            Target::Path(dir, path) if stands_alone(dir, path) => {
                crate::sys::paths::truncate(path, self.len as i64)
            }
            Target::Path(dir, path) => Ok(truncate_at(dir, path, self.len)?),
            Target::File(file) => Ok(rustix::fs::ftruncate(file, self.len)?),
        }
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for Truncate<At> {
    fn at(&mut self) -> &mut At {
        &mut self.subject
    }
}

impl Aio {
    /// Makes a file that many bytes long, by cutting it off or by a hole at its end: `truncate(2)`.
    ///
    /// # Errors
    /// Those of `truncate(2)`; EINVAL for 2^63 or more, or a NUL in the path. Relative to a directory
    /// handle EAGAIN while another process holds a lease on the file.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::NamedTempFile::new()?;
    /// let aio = ioaio::Aio::new()?;
    /// aio.truncate(file.path(), 1 << 20).wait()?;
    /// assert_eq!(aio.stat(file.path()).wait()?.len(), 1 << 20);
    /// # Ok(()) }
    /// ```
    pub fn truncate(&self, path: impl AsRef<Path>, len: u64) -> Request<'_, Truncate<At>> {
        Request::new(self, Truncate { subject: At::new(path.as_ref()), len })
    }
    /// The same for a file that is open for writing: `ftruncate(2)`.
    ///
    /// # Errors
    /// Those of `ftruncate(2)`; EINVAL for 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// ioaio::Aio::new()?.ftruncate(&file, 1 << 20).wait()
    /// # }
    /// ```
    pub fn ftruncate(&self, file: &File, len: u64) -> Request<'_, Truncate<File>> {
        Request::new(self, Truncate { subject: file.share(), len })
    }
}
