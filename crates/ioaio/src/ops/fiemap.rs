//! Where a file is on its device.

use std::io;
use std::os::fd::AsFd;

use crate::request::op::Op;
use crate::sys::fiemap::{self, fiemap_extent};
use crate::values::file::File;
use crate::values::offset::check_offsets;
use crate::{Aio, Request};

/// How many extents one system call is asked for: 56 bytes each.
const BATCH: u32 = 1024;

/// A run of bytes of a file that are in one piece on its device; see [`Aio::fiemap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileExtent {
    /// Where it starts in the file, in bytes.
    pub logical: u64,
    /// Where it starts on the device, in bytes.
    pub physical: u64,
    /// How many bytes it has.
    pub len: u64,
    /// FIEMAP_EXTENT_ flags, such as [`LAST`](Self::LAST).
    pub flags: u32,
}

impl FileExtent {
    /// The last extent of the file.
    pub const LAST: u32 = 1;
    /// Where it is on the device is not known yet.
    pub const UNKNOWN: u32 = 2;
    /// It has no space yet (delayed allocation).
    pub const DELALLOC: u32 = 4;
    /// Its bytes are encoded: the device cannot be read instead.
    pub const ENCODED: u32 = 8;
    /// It has space, and reads as zeros.
    pub const UNWRITTEN: u32 = 0x800;
    /// Other files share it (reflinks).
    pub const SHARED: u32 = 0x2000;
}

impl From<&fiemap_extent> for FileExtent {
    fn from(extent: &fiemap_extent) -> Self {
        FileExtent {
            logical: extent.fe_logical,
            physical: extent.fe_physical,
            len: extent.fe_length,
            flags: extent.fe_flags,
        }
    }
}

/// `ioctl(2)` with FS_IOC_FIEMAP; see [`Aio::fiemap`].
pub struct Fiemap {
    file: File,
    offset: u64,
    len: u64,
    flags: u32,
    max: usize,
}

impl Op for Fiemap {
    type Val = Vec<FileExtent>;
    type Out = io::Result<Vec<FileExtent>>;
    const NAME: &'static str = "fiemap";
    fn check(&self) -> io::Result<()> {
        check_offsets([self.offset])
    }
    fn run(&mut self) -> io::Result<Vec<FileExtent>> {
        let mut found = Vec::new();
        let end = self.offset.saturating_add(self.len);
        let mut at = self.offset;
        // Once in any case: what is wrong with the arguments is told also where no extents are asked for.
        loop {
            let count = BATCH.min(u32::try_from(self.max - found.len()).unwrap_or(u32::MAX));
            let batch = fiemap::extents(self.file.as_fd(), at, end - at, self.flags, count)?;
            found.extend(batch.iter().map(FileExtent::from));
            match batch.last() {
                // The kernel promises neither progress nor a last flag while the file changes.
                Some(last) if last.fe_flags & FileExtent::LAST == 0 && last.fe_length > 0 => {
                    at = last.fe_logical.saturating_add(last.fe_length);
                }
                _ => return Ok(found),
            }
            if at >= end || found.len() >= self.max {
                return Ok(found);
            }
        }
    }
    fn finish(self, res: io::Result<Vec<FileExtent>>) -> Self::Out {
        res
    }
}

impl Request<'_, Fiemap> {
    /// FIEMAP_FLAG_ flags: 1 to write what is delayed first (FIEMAP_FLAG_SYNC), 2 for the extents of the
    /// extended attributes. None are set at first.
    pub fn flags(mut self, flags: u32) -> Self {
        self.op.flags = flags;
        self
    }
    /// At most so many extents; 56 bytes of memory each. There is no limit at first.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// if let Ok(extents) = aio.fiemap(&file, 0, u64::MAX).max(1).wait() {
    ///     assert!(extents.len() <= 1);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn max(mut self, extents: usize) -> Self {
        self.op.max = extents;
        self
    }
}

/// How many extents a range of a file has; see [`Aio::fiemap_count`].
pub struct FiemapCount {
    file: File,
    offset: u64,
    len: u64,
    flags: u32,
}

impl Op for FiemapCount {
    type Val = u32;
    type Out = io::Result<u32>;
    const NAME: &'static str = "fiemap_count";
    fn check(&self) -> io::Result<()> {
        check_offsets([self.offset])
    }
    fn run(&mut self) -> io::Result<u32> {
        fiemap::count(self.file.as_fd(), self.offset, self.len, self.flags)
    }
    fn finish(self, res: io::Result<u32>) -> Self::Out {
        res
    }
}

impl Request<'_, FiemapCount> {
    /// FIEMAP_FLAG_ flags, as for the extents themselves. None are set at first.
    pub fn flags(mut self, flags: u32) -> Self {
        self.op.flags = flags;
        self
    }
}

impl Aio {
    /// Where a range of a file is on its device: `ioctl(2)` with FS_IOC_FIEMAP. Both numbers are in
    /// bytes; a length of `u64::MAX` means up to the end.
    ///
    /// The first extent may start before the range, the last may end after it. Holes have none.
    ///
    /// # Errors
    /// Those of the file system, of which EOPNOTSUPP means one that does not tell; EINVAL for an offset
    /// of 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// match aio.fiemap(&file, 0, u64::MAX).wait() {
    ///     Ok(extents) => println!("in {} pieces", extents.len()),
    ///     Err(e) => println!("the file system does not tell: {e}"),
    /// }
    /// # Ok(()) }
    /// ```
    pub fn fiemap(&self, file: &File, offset: u64, len: u64) -> Request<'_, Fiemap> {
        Request::new(self, Fiemap { file: file.share(), offset, len, flags: 0, max: usize::MAX })
    }
    /// How many extents a range of a file has, as [`fiemap`](Self::fiemap) would find.
    ///
    /// # Errors
    /// Those of the file system, of which EOPNOTSUPP means one that does not tell; EINVAL for an offset
    /// of 2^63 or more.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// let pieces = aio.fiemap_count(&file, 0, u64::MAX).wait().unwrap_or(0);
    /// # let _ = pieces; Ok(()) }
    /// ```
    pub fn fiemap_count(&self, file: &File, offset: u64, len: u64) -> Request<'_, FiemapCount> {
        Request::new(self, FiemapCount { file: file.share(), offset, len, flags: 0 })
    }
}
