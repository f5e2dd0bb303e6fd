//! Mapped memory that requests can hold on to.
//!
//! # Safety contract
//! A value that is [`Mapped`] keeps its region mapped, at the same place, for as long as it lives, so a
//! system call on the region cannot reach what somebody else has mapped there since. Nothing safe reads
//! the memory: what a request does to its contents is the business of whoever uses [`Mapping::as_ptr`].

use std::io;
use std::marker::PhantomData;
use std::ops::RangeBounds;
use std::os::fd::AsFd;
use std::sync::Arc;

use memmap2::{MmapMut, MmapOptions, MmapRaw};
use rustix::io::Errno;

use crate::values::file::File;
use crate::values::offset::bounds;

/// A region of mapped memory.
///
/// # Safety
/// The region is mapped, at the same place, as long as the value lives, also when it is moved. Nothing
/// in it is taken for unchanging: requests drop and reload its pages.
pub unsafe trait Mapped: Send + 'static {
    /// Where it starts, and how many bytes it has.
    fn region(&self) -> (*mut u8, usize);
}

/// A mapping of memory or of a file, shared by whoever has a clone: `mmap(2)`.
///
/// Made by memmap2, from whose mappings it can also be had.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let aio = ioaio::Aio::new()?;
/// let file = ioaio::File::from(tempfile::tempfile()?);
/// aio.ftruncate(&file, 8192).wait()?;
/// let mapping = ioaio::Mapping::of_file(&file, 0, 8192)?;
/// aio.mtouch(mapping.clone(), .., true).wait()?; // no page has to be fetched from now on
/// # // SAFETY: it has that many bytes, and nobody else uses them.
/// unsafe { mapping.as_ptr().write(b'x') };
/// aio.msync(mapping.clone(), .., ioaio::MsyncFlags::SYNC).wait()?;
/// assert_eq!(aio.read_at(&file, vec![0; 1], 0).wait().1, b"x");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Mapping(Arc<MmapRaw>);

impl Mapping {
    /// Private memory, filled with zeros.
    ///
    /// # Errors
    /// Those of `mmap(2)`; EINVAL for a length of 0.
    ///
    /// ```
    /// let mapping = ioaio::Mapping::anonymous(1 << 20)?;
    /// assert_eq!(mapping.len(), 1 << 20);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn anonymous(len: usize) -> io::Result<Self> {
        if len == 0 {
            return Err(Errno::INVAL.into());
        }
        MmapMut::map_anon(len).map(Self::from)
    }
    /// A part of a file, to read and to write, shared with everybody who has it mapped. Both numbers are
    /// in bytes. The file may be closed then.
    ///
    /// # Errors
    /// Those of `mmap(2)`, of which EACCES means a file that is not open for reading and writing; EINVAL
    /// for a length of 0.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// assert!(ioaio::Mapping::of_file(&file, 0, 0).is_err());
    /// # Ok(()) }
    /// ```
    pub fn of_file(file: &File, offset: u64, len: usize) -> io::Result<Self> {
        if len == 0 {
            return Err(Errno::INVAL.into());
        }
        MmapOptions::new().offset(offset).len(len).map_raw(&file.as_fd()).map(Self::from)
    }
    /// Where it starts.
    ///
    /// Reading and writing there is as with any memory that others have too: up to its length, and for a
    /// file not beyond the file's end (SIGBUS).
    pub fn as_ptr(&self) -> *mut u8 {
        self.0.as_mut_ptr()
    }
    /// How many bytes it has; never 0.
    #[allow(clippy::len_without_is_empty, reason = "it never is")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

// SAFETY: the mapping lives as long as any clone, and never moves.
unsafe impl Mapped for Mapping {
    fn region(&self) -> (*mut u8, usize) {
        (self.0.as_mut_ptr(), self.0.len())
    }
}
impl From<MmapRaw> for Mapping {
    fn from(mapping: MmapRaw) -> Self {
        Mapping(Arc::new(mapping))
    }
}
impl From<MmapMut> for Mapping {
    fn from(mapping: MmapMut) -> Self {
        MmapRaw::from(mapping).into()
    }
}

/// A part of a mapping.
pub(crate) struct Part<M> {
    memory: M,
    /// Start and length; none for what is not inside.
    inside: Option<(usize, usize)>,
}

/// The addresses of a part, mapped as long as this borrow.
pub(crate) struct Region<'a> {
    pub(crate) start: *mut u8,
    pub(crate) len: usize,
    mapped: PhantomData<&'a ()>,
}

impl<M: Mapped> Part<M> {
    pub(crate) fn new(memory: M, range: impl RangeBounds<usize>) -> Self {
        let inside = bounds(range, memory.region().1);
        Part { memory, inside: inside.map(|(start, end)| (start, end - start)) }
    }
    /// EINVAL for a range that is not inside.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.inside.map(drop).ok_or(Errno::INVAL.into())
    }
    /// The bytes themselves.
    pub(crate) fn region(&self) -> Region<'_> {
        let (start, len) = self.inside.unwrap_or_default();
        Region { start: self.memory.region().0.wrapping_add(start), len, mapped: PhantomData }
    }
    /// The same from the start of a page on, for calls that want that and do no harm to neighbours.
    pub(crate) fn pages(&self) -> Region<'_> {
        let bytes = self.region();
        let before = bytes.start.addr() % crate::sys::memory::page_size();
        Region { start: bytes.start.wrapping_sub(before), len: bytes.len + before, ..bytes }
    }
}

impl Region<'_> {
    /// Pieces of at most so many bytes, one after the other.
    pub(crate) fn pieces(&self, len: usize) -> impl Iterator<Item = Region<'_>> {
        (0..self.len).step_by(len).map(move |at| Region {
            start: self.start.wrapping_add(at),
            len: len.min(self.len - at),
            mapped: PhantomData,
        })
    }
}
