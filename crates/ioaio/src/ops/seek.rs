//! The file's own position.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::SeekFrom;

use crate::request::op::Op;
use crate::values::file::File;
use crate::values::offset::check_offsets;
use crate::{Aio, Request};

/// `lseek(2)`; see [`Aio::seek`].
pub struct Seek {
    file: File,
    to: SeekFrom,
}

impl Op for Seek {
    type Val = u64;
    type Out = io::Result<u64>;
    const NAME: &'static str = "seek";
    fn check(&self) -> io::Result<()> {
        match self.to {
            SeekFrom::Start(n) | SeekFrom::Data(n) | SeekFrom::Hole(n) => check_offsets([n]),
            SeekFrom::Current(_) | SeekFrom::End(_) => Ok(()),
        }
    }
    fn run(&mut self) -> io::Result<u64> {
        Ok(rustix::fs::seek(self.file.as_fd(), self.to)?)
    }
    fn finish(self, res: io::Result<u64>) -> Self::Out {
        res
    }
}

impl Aio {
    /// Moves the file's own position: `lseek(2)`. Gives the new position in bytes.
    ///
    /// # Errors
    /// Those of `lseek(2)`; EINVAL for a position of 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// let end = aio.seek(&file, std::io::SeekFrom::End(0)).wait()?;
    /// assert_eq!(end, aio.fstat(&file).wait()?.len());
    /// # Ok(()) }
    /// ```
    pub fn seek(&self, file: &File, to: io::SeekFrom) -> Request<'_, Seek> {
        let to = match to {
            io::SeekFrom::Start(n) => SeekFrom::Start(n),
            io::SeekFrom::Current(n) => SeekFrom::Current(n),
            io::SeekFrom::End(n) => SeekFrom::End(n),
        };
        Request::new(self, Seek { file: file.share(), to })
    }
    /// Moves the file's position to the first data at `from` or after: `lseek(2)` with SEEK_DATA.
    ///
    /// # Errors
    /// Those of `lseek(2)`, of which ENXIO means that there are none.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// assert_eq!(aio.seek_data(&file, 0).wait()?, 0);
    /// # Ok(()) }
    /// ```
    pub fn seek_data(&self, file: &File, from: u64) -> Request<'_, Seek> {
        Request::new(self, Seek { file: file.share(), to: SeekFrom::Data(from) })
    }
    /// Moves the file's position to the first hole at `from` or after, the last being the end of the
    /// file: `lseek(2)` with SEEK_HOLE.
    ///
    /// # Errors
    /// Those of `lseek(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// assert!(aio.seek_hole(&file, 0).wait()? > 0);
    /// # Ok(()) }
    /// ```
    pub fn seek_hole(&self, file: &File, from: u64) -> Request<'_, Seek> {
        Request::new(self, Seek { file: file.share(), to: SeekFrom::Hole(from) })
    }
}
