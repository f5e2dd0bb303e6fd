//! Submission and completion entries with types.
//!
//! # Safety contract
//! An [`Sqe`] keeps the borrow of everything the kernel is told to read or write. The engine
//! encodes from an op inside a heap-pinned request and frees that request only after its
//! completion, so the pointers stay valid although the borrow ends earlier.

use std::ffi::CStr;
use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use io_uring::{opcode, squeue, types};

use crate::sys::vectored::Iovecs;
use crate::values::buf::Filled;
use crate::values::mapping::Region;

/// A submission that borrows what the kernel will use.
pub struct Sqe<'a> {
    pub(crate) entry: squeue::Entry,
    _borrows: PhantomData<&'a mut ()>,
}

impl<'a> Sqe<'a> {
    fn new(entry: squeue::Entry) -> Self {
        Sqe { entry, _borrows: PhantomData }
    }
    /// A request that does nothing.
    pub fn nop() -> Self {
        Self::new(opcode::Nop::new().build())
    }
    /// `pread(2)`, or `read(2)` where `offset` is `None`.
    pub fn read(
        fd: BorrowedFd<'a>,
        buf: &'a mut [MaybeUninit<u8>],
        offset: Option<u64>,
        known: Known,
    ) -> Option<Self> {
        let (fd, flags) = known.file(fd);
        let (start, len, off) =
            (buf.as_mut_ptr().cast(), u32::try_from(buf.len()).ok()?, offset.unwrap_or(u64::MAX));
        let entry = match known.buffer {
            Some(index) => opcode::ReadFixed::new(fd, start, len, index).offset(off).build(),
            None => opcode::Read::new(fd, start, len).offset(off).build(),
        };
        Some(Self::new(entry.flags(flags)))
    }
    /// `pwrite(2)`, or `write(2)` where `offset` is `None`.
    pub fn write(fd: BorrowedFd<'a>, buf: &'a [u8], offset: Option<u64>, known: Known) -> Option<Self> {
        let (fd, flags) = known.file(fd);
        let (start, len, off) = (buf.as_ptr(), u32::try_from(buf.len()).ok()?, offset.unwrap_or(u64::MAX));
        let entry = match known.buffer {
            Some(index) => opcode::WriteFixed::new(fd, start, len, index).offset(off).build(),
            None => opcode::Write::new(fd, start, len).offset(off).build(),
        };
        Some(Self::new(entry.flags(flags)))
    }
    /// `openat(2)`.
    pub fn openat(dir: BorrowedFd<'a>, path: &'a CStr, flags: i32, mode: u32) -> Self {
        let dir = types::Fd(dir.as_raw_fd());
        Self::new(opcode::OpenAt::new(dir, path.as_ptr()).flags(flags).mode(mode).build())
    }
    /// `openat2(2)`.
    pub fn openat2(dir: BorrowedFd<'a>, path: &'a CStr, how: &'a OpenHow) -> Self {
        let dir = types::Fd(dir.as_raw_fd());
        Self::new(opcode::OpenAt2::new(dir, path.as_ptr(), &how.0).build())
    }
    /// `statx(2)`.
    pub fn statx(
        dir: BorrowedFd<'a>,
        path: &'a CStr,
        flags: i32,
        mask: u32,
        out: &'a mut rustix::fs::Statx,
    ) -> Self {
        let dir = types::Fd(dir.as_raw_fd());
        let out: *mut rustix::fs::Statx = out;
        Self::new(opcode::Statx::new(dir, path.as_ptr(), out.cast()).flags(flags).mask(mask).build())
    }
    /// `openat(2)` into a slot of the ring's table of files.
    pub fn openat_direct(dir: BorrowedFd<'a>, path: &'a CStr, flags: i32, slot: u32) -> Option<Self> {
        let slot = types::DestinationSlot::try_from_slot_target(slot).ok()?;
        let open = opcode::OpenAt::new(types::Fd(dir.as_raw_fd()), path.as_ptr()).flags(flags);
        Some(Self::new(open.file_index(Some(slot)).build()))
    }
    /// `pread(2)` of the file in a slot.
    pub fn read_direct(slot: u32, buf: &'a mut [MaybeUninit<u8>], offset: u64) -> Option<Self> {
        let (start, len) = (buf.as_mut_ptr().cast(), u32::try_from(buf.len()).ok()?);
        Some(Self::new(opcode::Read::new(types::Fixed(slot), start, len).offset(offset).build()))
    }
    /// `close(2)` of the file in a slot.
    pub fn close_direct(slot: u32) -> Self {
        Self::new(opcode::Close::new(types::Fixed(slot)).build())
    }
    /// `unlinkat(2)`.
    pub fn unlinkat(dir: BorrowedFd<'a>, path: &'a CStr, flags: i32) -> Self {
        let dir = types::Fd(dir.as_raw_fd());
        Self::new(opcode::UnlinkAt::new(dir, path.as_ptr()).flags(flags).build())
    }
    /// `mkdirat(2)`.
    pub fn mkdirat(dir: BorrowedFd<'a>, path: &'a CStr, mode: u32) -> Self {
        let dir = types::Fd(dir.as_raw_fd());
        Self::new(opcode::MkDirAt::new(dir, path.as_ptr()).mode(mode).build())
    }
    /// `symlinkat(2)`.
    pub fn symlinkat(target: &'a CStr, dir: BorrowedFd<'a>, path: &'a CStr) -> Self {
        let dir = types::Fd(dir.as_raw_fd());
        Self::new(opcode::SymlinkAt::new(dir, target.as_ptr(), path.as_ptr()).build())
    }
    /// `linkat(2)`.
    pub fn linkat(from: (BorrowedFd<'a>, &'a CStr), to: (BorrowedFd<'a>, &'a CStr), flags: i32) -> Self {
        let [(from, old), (to, new)] =
            [from, to].map(|(dir, path)| (types::Fd(dir.as_raw_fd()), path.as_ptr()));
        Self::new(opcode::LinkAt::new(from, old, to, new).flags(flags).build())
    }
    /// `renameat2(2)`.
    pub fn renameat(from: (BorrowedFd<'a>, &'a CStr), to: (BorrowedFd<'a>, &'a CStr), flags: u32) -> Self {
        let [(from, old), (to, new)] =
            [from, to].map(|(dir, path)| (types::Fd(dir.as_raw_fd()), path.as_ptr()));
        Self::new(opcode::RenameAt::new(from, old, to, new).flags(flags).build())
    }
    /// `ftruncate(2)`.
    pub fn ftruncate(fd: BorrowedFd<'a>, len: u64) -> Self {
        Self::new(opcode::Ftruncate::new(types::Fd(fd.as_raw_fd()), len).build())
    }
    /// `getxattr(2)`.
    pub fn getxattr(path: &'a CStr, name: &'a CStr, value: &'a mut [u8]) -> Option<Self> {
        let len = u32::try_from(value.len()).ok()?;
        let value = value.as_mut_ptr().cast();
        Some(Self::new(opcode::GetXattr::new(name.as_ptr(), value, path.as_ptr(), len).build()))
    }
    /// `fgetxattr(2)`.
    pub fn fgetxattr(fd: BorrowedFd<'a>, name: &'a CStr, value: &'a mut [u8]) -> Option<Self> {
        let len = u32::try_from(value.len()).ok()?;
        let (fd, value) = (types::Fd(fd.as_raw_fd()), value.as_mut_ptr().cast());
        Some(Self::new(opcode::FGetXattr::new(fd, name.as_ptr(), value, len).build()))
    }
    /// `setxattr(2)`.
    pub fn setxattr(path: &'a CStr, name: &'a CStr, value: &'a [u8], flags: u32) -> Option<Self> {
        let len = u32::try_from(value.len()).ok()?;
        let entry = opcode::SetXattr::new(name.as_ptr(), value.as_ptr().cast(), path.as_ptr(), len);
        Some(Self::new(entry.flags(flags as i32).build()))
    }
    /// `fsetxattr(2)`.
    pub fn fsetxattr(fd: BorrowedFd<'a>, name: &'a CStr, value: &'a [u8], flags: u32) -> Option<Self> {
        let len = u32::try_from(value.len()).ok()?;
        let fd = types::Fd(fd.as_raw_fd());
        let entry = opcode::FSetXattr::new(fd, name.as_ptr(), value.as_ptr().cast(), len);
        Some(Self::new(entry.flags(flags as i32).build()))
    }
    /// `preadv2(2)`, or with `None` for the offset at the file's own position.
    pub(crate) fn readv(
        fd: BorrowedFd<'a>,
        iovecs: &'a mut Iovecs,
        spaces: impl Iterator<Item = &'a mut [MaybeUninit<u8>]>,
        offset: Option<u64>,
        flags: u32,
    ) -> Option<Self> {
        *iovecs = Iovecs::filling(spaces);
        let (fd, iovecs) = (types::Fd(fd.as_raw_fd()), iovecs.as_slice());
        let readv = opcode::Readv::new(fd, iovecs.as_ptr(), u32::try_from(iovecs.len()).ok()?);
        Some(Self::new(readv.offset(offset.unwrap_or(u64::MAX)).rw_flags(flags as i32).build()))
    }
    /// `pwritev2(2)`, or with `None` for the offset at the file's own position.
    pub(crate) fn writev(
        fd: BorrowedFd<'a>,
        iovecs: &'a mut Iovecs,
        bytes: impl Iterator<Item = &'a [u8]>,
        offset: Option<u64>,
        flags: u32,
    ) -> Option<Self> {
        *iovecs = Iovecs::of(bytes);
        let (fd, iovecs) = (types::Fd(fd.as_raw_fd()), iovecs.as_slice());
        let writev = opcode::Writev::new(fd, iovecs.as_ptr(), u32::try_from(iovecs.len()).ok()?);
        Some(Self::new(writev.offset(offset.unwrap_or(u64::MAX)).rw_flags(flags as i32).build()))
    }
    /// `madvise(2)`; `None` for lengths of more than 32 bits.
    pub(crate) fn madvise(region: Region<'a>, advice: i32) -> Option<Self> {
        let len = u32::try_from(region.len).ok()?;
        Some(Self::new(opcode::Madvise::new(region.start.cast(), i64::from(len), advice).build()))
    }
    /// `splice(2)`; `None` for lengths of more than 32 bits.
    pub fn splice(
        from: (BorrowedFd<'a>, Option<u64>),
        to: (BorrowedFd<'a>, Option<u64>),
        len: usize,
        flags: u32,
    ) -> Option<Self> {
        // -1 stands for the file's own position, which is what `None` means.
        let offset = |offset: Option<u64>| offset.map_or(-1, |n| n as i64);
        let (input, output) = (types::Fd(from.0.as_raw_fd()), types::Fd(to.0.as_raw_fd()));
        let len = u32::try_from(len).ok()?;
        let splice = opcode::Splice::new(input, offset(from.1), output, offset(to.1), len);
        Some(Self::new(splice.flags(flags).build()))
    }
    /// `tee(2)`; `None` for lengths of more than 32 bits.
    pub fn tee(from: BorrowedFd<'a>, to: BorrowedFd<'a>, len: usize, flags: u32) -> Option<Self> {
        let (input, output) = (types::Fd(from.as_raw_fd()), types::Fd(to.as_raw_fd()));
        let tee = opcode::Tee::new(input, output, u32::try_from(len).ok()?);
        Some(Self::new(tee.flags(flags).build()))
    }
    /// `fallocate(2)`.
    pub fn fallocate(fd: BorrowedFd<'a>, mode: i32, offset: u64, len: u64) -> Self {
        Self::new(opcode::Fallocate::new(types::Fd(fd.as_raw_fd()), len).offset(offset).mode(mode).build())
    }
    /// `fsync(2)` or `fdatasync(2)`.
    pub fn fsync(fd: BorrowedFd<'a>, data_only: bool) -> Self {
        let flags = if data_only { types::FsyncFlags::DATASYNC } else { types::FsyncFlags::empty() };
        Self::new(opcode::Fsync::new(types::Fd(fd.as_raw_fd())).flags(flags).build())
    }
    /// Starts the next entry when this one has succeeded in full, or in any case, but not before.
    pub(crate) fn linked(mut self, link: Link) -> Self {
        self.entry = self.entry.flags(match link {
            Link::Success => squeue::Flags::IO_LINK,
            Link::End => squeue::Flags::IO_HARDLINK,
        });
        self
    }
    /// Hands the request to a kernel worker at once: submitting never waits for the file system.
    pub fn force_async(mut self, yes: bool) -> Self {
        if yes {
            self.entry = self.entry.flags(squeue::Flags::ASYNC);
        }
        self
    }
}

/// When the entry after another one is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// When it has succeeded; a short result is none. The rest ends with ECANCELED where not.
    Success,
    /// When it has ended (Linux 5.5).
    End,
}

/// What of a request the ring has in its tables.
#[derive(Clone, Copy, Default)]
pub struct Known {
    /// The slot of the file.
    pub file: Option<u32>,
    /// The slot of the buffer.
    pub buffer: Option<u16>,
}

impl Known {
    fn file(self, fd: BorrowedFd<'_>) -> (types::Fd, squeue::Flags) {
        match self.file {
            Some(index) => (types::Fd(index as i32), squeue::Flags::FIXED_FILE),
            None => (types::Fd(fd.as_raw_fd()), squeue::Flags::empty()),
        }
    }
}

/// What `openat2(2)` is told.
#[derive(Default)]
pub struct OpenHow(types::OpenHow);

impl OpenHow {
    /// Flags, mode and rules of the resolution.
    pub fn new(flags: u64, mode: u64, resolve: u64) -> Self {
        OpenHow(types::OpenHow::new().flags(flags).mode(mode).resolve(resolve))
    }
}

/// EINTR, or one of the numbers that the kernel keeps to itself: opening a FIFO gives ERESTARTSYS when it
/// is cancelled (Linux 6.18).
pub(crate) fn was_interrupted(res: i32) -> bool {
    res == -libc::EINTR || (512..=516).contains(&-res)
}

/// A completion: the kernel's number, which only typed readers can see.
#[derive(Clone, Copy)]
pub struct Cqe(pub(crate) i32);

impl Cqe {
    /// The kernel has cancelled or interrupted it.
    pub(crate) fn is_undone(&self) -> bool {
        self.0 == -libc::ECANCELED || was_interrupted(self.0)
    }
    fn raw(self) -> io::Result<u32> {
        u32::try_from(self.0).map_err(|_| io::Error::from_raw_os_error(-self.0))
    }
    /// The call succeeded or failed.
    ///
    /// # Errors
    /// The kernel's errno.
    pub fn unit(self) -> io::Result<()> {
        self.raw().map(|_| ())
    }
    /// A number of bytes written.
    ///
    /// # Errors
    /// The kernel's errno.
    pub fn count(self) -> io::Result<usize> {
        self.raw().map(|n| n as usize)
    }
    /// A number of bytes the kernel has put at the start of the buffer.
    ///
    /// # Errors
    /// The kernel's errno.
    pub(crate) fn filled(self) -> io::Result<Filled> {
        self.count().map(Filled::by_kernel)
    }
    /// A new file descriptor.
    ///
    /// # Errors
    /// The kernel's errno.
    pub fn fd(self) -> io::Result<OwnedFd> {
        let fd = self.raw()?;
        // SAFETY: an OPENAT completion with a non-negative result is a descriptor that the kernel
        // just installed for us and nobody else owns.
        Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
    }
}

/// What came of the entries, in their order.
pub type Completions = [Cqe; Links::MAX];

/// The entries of one request.
pub struct Links<'a>(Vec<Sqe<'a>>);

impl<'a> Links<'a> {
    /// The most entries that a request can have.
    pub const MAX: usize = 3;

    /// The first entry.
    pub fn new(first: Sqe<'a>) -> Self {
        Links(vec![first])
    }
    /// Another entry, and when it is started.
    pub fn then(mut self, link: Link, next: Sqe<'a>) -> Self {
        assert!(self.0.len() < Self::MAX, "a longer chain than there is room for");
        let last = self.0.pop().expect("a chain has a first entry");
        self.0.extend([last.linked(link), next]);
        self
    }
    pub(crate) fn into_entries(self) -> Vec<squeue::Entry> {
        self.0.into_iter().map(|sqe| sqe.entry).collect()
    }
}
