//! All that `statx(2)` can tell of a file.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{AtFlags, Statx as Raw, StatxAttributes, StatxFlags};
use rustix::io::Errno;

use crate::api::request::PathOp;
use crate::request::op::{Op, RingOp};
use crate::request::sqe::Sqe;
use crate::sys::fallback;
use crate::sys::statx::zeroed_statx;
use crate::values::file::File;
use crate::values::metadata::system_time;
use crate::values::path::{At, Subject};
use crate::{Aio, FileType, Metadata, Request};

/// `STATX_MNT_ID_UNIQUE` (Linux 6.8).
const MNT_ID_UNIQUE: StatxFlags = StatxFlags::from_bits_retain(0x4000);
/// `STATX_SUBVOL` (Linux 6.10).
const SUBVOL: StatxFlags = StatxFlags::from_bits_retain(0x8000);
/// `STATX_WRITE_ATOMIC` (Linux 6.11).
const WRITE_ATOMIC: StatxFlags = StatxFlags::from_bits_retain(0x1_0000);
/// `STATX_DIO_READ_ALIGN` (Linux 6.14).
const DIO_READ_ALIGN: StatxFlags = StatxFlags::from_bits_retain(0x2_0000);

/// All that there is to ask for. Kernels leave out what they do not know.
const ALL: StatxFlags = StatxFlags::BASIC_STATS
    .union(StatxFlags::BTIME)
    .union(MNT_ID_UNIQUE)
    .union(StatxFlags::DIOALIGN)
    .union(SUBVOL)
    .union(WRITE_ATOMIC)
    .union(DIO_READ_ALIGN);

/// How hard a network file system tries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StatxSync {
    /// As `stat(2)` does.
    #[default]
    AsStat,
    /// It asks the server.
    Force,
    /// It tells what it knows, even if that may be old.
    Dont,
}

/// What `statx(2)` told of a file. `None` stands for what did not come, asked for or not.
#[derive(Clone, Copy, Debug)]
pub struct StatxInfo {
    raw: Raw,
    asked: StatxFlags,
}

impl StatxInfo {
    fn came_with<T>(&self, flags: StatxFlags, value: T) -> Option<T> {
        self.came().intersects(flags).then_some(value)
    }
    /// The kernel's own `struct statx`.
    pub fn as_raw(&self) -> &Raw {
        &self.raw
    }
    /// What was asked for.
    pub fn asked(&self) -> StatxFlags {
        self.asked
    }
    /// What came: less than was asked for where the kernel or the file system does not know it, and
    /// more where that costs nothing.
    pub fn came(&self) -> StatxFlags {
        StatxFlags::from_bits_retain(self.raw.stx_mask)
    }
    /// The kind of file.
    pub fn file_type(&self) -> Option<FileType> {
        self.came_with(StatxFlags::TYPE, FileType::from_mode(self.raw.stx_mode.into()))
    }
    /// The permission bits.
    pub fn permissions(&self) -> Option<u32> {
        self.came_with(StatxFlags::MODE, u32::from(self.raw.stx_mode) & 0o7777)
    }
    /// The number of hard links.
    pub fn nlink(&self) -> Option<u32> {
        self.came_with(StatxFlags::NLINK, self.raw.stx_nlink)
    }
    /// The owner.
    pub fn uid(&self) -> Option<u32> {
        self.came_with(StatxFlags::UID, self.raw.stx_uid)
    }
    /// The group.
    pub fn gid(&self) -> Option<u32> {
        self.came_with(StatxFlags::GID, self.raw.stx_gid)
    }
    /// The inode number.
    pub fn ino(&self) -> Option<u64> {
        self.came_with(StatxFlags::INO, self.raw.stx_ino)
    }
    /// The size in bytes.
    pub fn size(&self) -> Option<u64> {
        self.came_with(StatxFlags::SIZE, self.raw.stx_size)
    }
    /// The blocks of 512 bytes that are allocated.
    pub fn blocks(&self) -> Option<u64> {
        self.came_with(StatxFlags::BLOCKS, self.raw.stx_blocks)
    }
    /// When it was last read.
    pub fn accessed(&self) -> Option<SystemTime> {
        self.came_with(
            StatxFlags::ATIME,
            system_time((self.raw.stx_atime.tv_sec, self.raw.stx_atime.tv_nsec)),
        )
    }
    /// When its data last changed.
    pub fn modified(&self) -> Option<SystemTime> {
        self.came_with(
            StatxFlags::MTIME,
            system_time((self.raw.stx_mtime.tv_sec, self.raw.stx_mtime.tv_nsec)),
        )
    }
    /// When its metadata last changed.
    pub fn changed(&self) -> Option<SystemTime> {
        self.came_with(
            StatxFlags::CTIME,
            system_time((self.raw.stx_ctime.tv_sec, self.raw.stx_ctime.tv_nsec)),
        )
    }
    /// When it was made.
    pub fn born(&self) -> Option<SystemTime> {
        self.came_with(
            StatxFlags::BTIME,
            system_time((self.raw.stx_btime.tv_sec, self.raw.stx_btime.tv_nsec)),
        )
    }
    /// The number of the mount; since Linux 6.8 and with the mask `MNT_ID_UNIQUE`, which is in the
    /// default, it is never used again for another.
    pub fn mount_id(&self) -> Option<u64> {
        self.came_with(StatxFlags::MNT_ID | MNT_ID_UNIQUE, self.raw.stx_mnt_id)
    }
    /// What an address in memory and an offset in the file must be multiples of for `O_DIRECT`,
    /// in bytes; 0 where there is no such I/O.
    pub fn dio_align(&self) -> Option<(u32, u32)> {
        let align = (self.raw.stx_dio_mem_align, self.raw.stx_dio_offset_align);
        self.came_with(StatxFlags::DIOALIGN, align)
    }
    /// The same for the offset of a read, which may be less.
    pub fn dio_read_align(&self) -> Option<u32> {
        self.came_with(DIO_READ_ALIGN, self.raw.stx_dio_read_offset_align)
    }
    /// The number of the subvolume.
    pub fn subvolume(&self) -> Option<u64> {
        self.came_with(SUBVOL, self.raw.stx_subvol)
    }
    /// The least and the greatest number of bytes that one write with `RWF_ATOMIC` may have.
    pub fn atomic_write(&self) -> Option<(u32, u32)> {
        let sizes = (self.raw.stx_atomic_write_unit_min, self.raw.stx_atomic_write_unit_max);
        self.came_with(WRITE_ATOMIC, sizes)
    }
    /// Whether the file has an attribute; `None` if the file system does not tell.
    pub fn has(&self, attribute: StatxAttributes) -> Option<bool> {
        let told = self.raw.stx_attributes_mask.contains(attribute);
        told.then(|| self.raw.stx_attributes.contains(attribute))
    }
    /// The preferred size of a transfer, in bytes.
    pub fn blksize(&self) -> u32 {
        self.raw.stx_blksize
    }
    /// The device's number, major and minor.
    pub fn dev(&self) -> (u32, u32) {
        (self.raw.stx_dev_major, self.raw.stx_dev_minor)
    }
    /// The number of the device that a device file stands for, major and minor.
    pub fn rdev(&self) -> (u32, u32) {
        (self.raw.stx_rdev_major, self.raw.stx_rdev_minor)
    }
    /// The same as [`Aio::stat`] tells, if all of that came.
    pub fn metadata(&self) -> Option<Metadata> {
        self.came().contains(StatxFlags::BASIC_STATS).then(|| Metadata::new(&self.raw))
    }
}

/// `statx(2)`; see [`Aio::statx`] and [`Aio::fstatx`].
pub struct Statx<S> {
    subject: S,
    flags: AtFlags,
    mask: StatxFlags,
    /// For the ring to write its 256 bytes into. It is made when the ring gets the request, which it does only where
    /// the pool is off: on a worker and inline the result needs no memory of its own, and a queued request stays small.
    out: Option<Box<Raw>>,
}

impl<S: Subject> Op for Statx<S> {
    type Val = StatxInfo;
    type Out = io::Result<StatxInfo>;
    const NAME: &'static str = "statx";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| {
            let out = op.out.get_or_insert_with(|| Box::new(zeroed_statx()));
            let (flags, mask) = (op.flags.bits() as i32, op.mask.bits());
            let (dir, path) = op.subject.target().dir_and_path();
            Some(Sqe::statx(dir, path, flags, mask, out))
        },
        decode: |op, cqe| {
            cqe.unit()?;
            let raw = *op.out.take().ok_or(Errno::INVAL)?;
            Ok(StatxInfo { raw, asked: op.mask })
        },
    });
    fn check(&self) -> io::Result<()> {
        self.subject.check()
    }
    fn run(&mut self) -> io::Result<StatxInfo> {
        let (dir, path) = self.subject.target().dir_and_path();
        let raw = fallback::statx(dir, path, self.flags, self.mask)?;
        Ok(StatxInfo { raw, asked: self.mask })
    }
    fn finish(self, res: io::Result<StatxInfo>) -> Self::Out {
        res
    }
}
impl PathOp for Statx<At> {
    fn at(&mut self) -> &mut At {
        &mut self.subject
    }
}

impl<S: Subject> Request<'_, Statx<S>> {
    /// What to ask for; the default is everything.
    pub fn mask(mut self, mask: StatxFlags) -> Self {
        self.op.mask = mask;
        self
    }
    /// How hard a network file system tries; the default is as for `stat(2)`.
    pub fn sync(mut self, how: StatxSync) -> Self {
        self.op.flags.set(AtFlags::STATX_FORCE_SYNC, how == StatxSync::Force);
        self.op.flags.set(AtFlags::STATX_DONT_SYNC, how == StatxSync::Dont);
        self
    }
}

impl Request<'_, Statx<At>> {
    /// Whether an empty path means the directory, or other file, that it would start at (default: no):
    /// `AT_EMPTY_PATH`.
    pub fn empty_path(mut self, yes: bool) -> Self {
        self.op.flags.set(AtFlags::EMPTY_PATH, yes);
        self
    }
    /// Whether a last symbolic link is followed (default: yes).
    pub fn follow(mut self, yes: bool) -> Self {
        self.op.flags.set(AtFlags::SYMLINK_NOFOLLOW, !yes);
        self
    }
    /// Whether what is mounted on demand is mounted for this (default: yes).
    pub fn automount(mut self, yes: bool) -> Self {
        self.op.flags.set(AtFlags::NO_AUTOMOUNT, !yes);
        self
    }
}

impl Aio {
    /// All that is known of a file, or what [`mask`](Request::mask) asks for: `statx(2)`.
    ///
    /// # Errors
    /// Those of `statx(2)`; EINVAL for a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use ioaio::StatxFlags;
    /// let aio = ioaio::Aio::new()?;
    /// let st = aio.statx("/etc/passwd").mask(StatxFlags::SIZE | StatxFlags::BTIME).wait()?;
    /// println!("{:?} bytes since {:?}", st.size(), st.born());
    /// # Ok(()) }
    /// ```
    pub fn statx(&self, path: impl AsRef<Path>) -> Request<'_, Statx<At>> {
        let subject = At::new(path.as_ref());
        Request::new(self, Statx { subject, flags: AtFlags::empty(), mask: ALL, out: None })
    }
    /// The same for an open file.
    ///
    /// # Errors
    /// Those of `statx(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let file = ioaio::File::from(std::fs::File::open("/etc/passwd")?);
    /// assert!(ioaio::Aio::new()?.fstatx(&file).wait()?.ino().is_some());
    /// # Ok(()) }
    /// ```
    pub fn fstatx(&self, file: &File) -> Request<'_, Statx<File>> {
        let subject = file.share();
        Request::new(self, Statx { subject, flags: AtFlags::EMPTY_PATH, mask: ALL, out: None })
    }
}
