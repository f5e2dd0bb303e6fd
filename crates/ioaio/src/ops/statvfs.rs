//! What is known of a file system.

use std::io;
use std::path::Path;

use rustix::fs::{Mode, OFlags, StatVfsMountFlags};

use crate::api::request::PathOp;
use crate::request::op::Op;
use crate::sys::paths::{StatFs, fstatfs, statfs};
use crate::values::file::File;
use crate::values::path::{At, Subject, Target, stands_alone};
use crate::{Aio, Request};

/// What `statfs(2)` tells of a file system.
#[derive(Clone, Copy, Debug)]
pub struct StatvfsInfo(StatFs);

impl StatvfsInfo {
    /// The number that stands for the type of the file system, such as 0xEF53 for ext4.
    pub fn kind(&self) -> u64 {
        self.0.kind
    }
    /// The preferred size of a transfer, in bytes.
    pub fn bsize(&self) -> u64 {
        self.0.bsize
    }
    /// The size of a block, in bytes: the unit of the numbers of blocks.
    pub fn frsize(&self) -> u64 {
        self.0.frsize
    }
    /// All blocks.
    pub fn blocks(&self) -> u64 {
        self.0.blocks[0]
    }
    /// Free blocks.
    pub fn bfree(&self) -> u64 {
        self.0.blocks[1]
    }
    /// Free blocks that need no privilege.
    pub fn bavail(&self) -> u64 {
        self.0.blocks[2]
    }
    /// All inodes.
    pub fn files(&self) -> u64 {
        self.0.files[0]
    }
    /// Free inodes.
    pub fn ffree(&self) -> u64 {
        self.0.files[1]
    }
    /// The number of the file system.
    pub fn fsid(&self) -> u64 {
        self.0.fsid
    }
    /// How it is mounted.
    pub fn flags(&self) -> StatVfsMountFlags {
        // ST_VALID, by which the kernel says that the other bits mean something.
        const VALID: u64 = 0x20;
        StatVfsMountFlags::from_bits_retain(self.0.flags & !VALID)
    }
    /// The greatest length of a name, in bytes.
    pub fn namemax(&self) -> u64 {
        self.0.namemax
    }
}

/// `statfs(2)`; see [`Aio::statvfs`] and [`Aio::fstatvfs`].
pub struct Statvfs<S>(S);

impl<S: Subject> Op for Statvfs<S> {
    type Val = StatvfsInfo;
    type Out = io::Result<StatvfsInfo>;
    const NAME: &'static str = "statvfs";
    fn check(&self) -> io::Result<()> {
        self.0.check()
    }
    fn run(&mut self) -> io::Result<StatvfsInfo> {
        let st = match self.0.target() {
            Target::File(file) => fstatfs(file),
            Target::Path(dir, path) if stands_alone(dir, path) => statfs(path),
            Target::Path(dir, path) => {
                let flags = OFlags::PATH | OFlags::CLOEXEC;
                fstatfs(std::os::fd::AsFd::as_fd(&rustix::fs::openat(dir, path, flags, Mode::empty())?))
            }
        };
        st.map(StatvfsInfo)
    }
    fn finish(self, res: io::Result<StatvfsInfo>) -> Self::Out {
        res
    }
}
impl PathOp for Statvfs<At> {
    fn at(&mut self) -> &mut At {
        &mut self.0
    }
}

impl Aio {
    /// What is known of the file system that a file is on: `statvfs(3)`, by `statfs(2)`.
    ///
    /// # Errors
    /// Those of `statfs(2)`; EINVAL for a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let fs = ioaio::Aio::new()?.statvfs("/").wait()?;
    /// println!("{} of {} MB free", fs.bavail() * fs.frsize() >> 20, fs.blocks() * fs.frsize() >> 20);
    /// # Ok(()) }
    /// ```
    pub fn statvfs(&self, path: impl AsRef<Path>) -> Request<'_, Statvfs<At>> {
        Request::new(self, Statvfs(At::new(path.as_ref())))
    }
    /// The same for an open file: `fstatvfs(3)`, by `fstatfs(2)`.
    ///
    /// # Errors
    /// Those of `fstatfs(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let file = ioaio::File::from(std::fs::File::open("/etc/passwd")?);
    /// assert!(ioaio::Aio::new()?.fstatvfs(&file).wait()?.blocks() > 0);
    /// # Ok(()) }
    /// ```
    pub fn fstatvfs(&self, file: &File) -> Request<'_, Statvfs<File>> {
        Request::new(self, Statvfs(file.share()))
    }
}
