//! What is known of a file.

use std::time::{Duration, SystemTime};

use rustix::fs::{Statx, StatxFlags, StatxTimestamp};

use crate::FileType;

/// What `statx(2)` tells of a file.
#[derive(Clone, Copy, Debug)]
pub struct Metadata {
    mode: u32,
    nlink: u32,
    uid: u32,
    gid: u32,
    dev: (u32, u32),
    rdev: (u32, u32),
    ino: u64,
    size: u64,
    blocks: u64,
    blksize: u32,
    times: [(i64, u32); 4],
    has_birth: bool,
}

impl Metadata {
    pub(crate) fn new(st: &Statx) -> Self {
        let time = |t: StatxTimestamp| (t.tv_sec, t.tv_nsec);
        Metadata {
            mode: st.stx_mode.into(),
            nlink: st.stx_nlink,
            uid: st.stx_uid,
            gid: st.stx_gid,
            dev: (st.stx_dev_major, st.stx_dev_minor),
            rdev: (st.stx_rdev_major, st.stx_rdev_minor),
            ino: st.stx_ino,
            size: st.stx_size,
            blocks: st.stx_blocks,
            blksize: st.stx_blksize,
            times: [time(st.stx_atime), time(st.stx_mtime), time(st.stx_ctime), time(st.stx_btime)],
            has_birth: st.stx_mask & StatxFlags::BTIME.bits() != 0,
        }
    }
    pub(crate) fn without_birth(st: &rustix::fs::Stat) -> Self {
        let dev = |dev| (rustix::fs::major(dev), rustix::fs::minor(dev));
        let time = |sec: i64, nsec: u64| (sec, nsec as u32);
        Metadata {
            mode: st.st_mode,
            nlink: st.st_nlink as u32,
            uid: st.st_uid,
            gid: st.st_gid,
            dev: dev(st.st_dev),
            rdev: dev(st.st_rdev),
            ino: st.st_ino,
            size: st.st_size as u64,
            blocks: st.st_blocks as u64,
            blksize: st.st_blksize as u32,
            times: [
                time(st.st_atime, st.st_atime_nsec),
                time(st.st_mtime, st.st_mtime_nsec),
                time(st.st_ctime, st.st_ctime_nsec),
                (0, 0),
            ],
            has_birth: false,
        }
    }
    /// The size in bytes.
    #[allow(clippy::len_without_is_empty, reason = "a file's length, as in std")]
    pub fn len(&self) -> u64 {
        self.size
    }
    /// The blocks of 512 bytes that are allocated.
    pub fn blocks(&self) -> u64 {
        self.blocks
    }
    /// The preferred size of a transfer, in bytes.
    pub fn blksize(&self) -> u32 {
        self.blksize
    }
    /// The inode number.
    pub fn ino(&self) -> u64 {
        self.ino
    }
    /// The device's number, major and minor.
    pub fn dev(&self) -> (u32, u32) {
        self.dev
    }
    /// The number of the device that a device file stands for, major and minor.
    pub fn rdev(&self) -> (u32, u32) {
        self.rdev
    }
    /// The number of hard links.
    pub fn nlink(&self) -> u32 {
        self.nlink
    }
    /// The owner.
    pub fn uid(&self) -> u32 {
        self.uid
    }
    /// The group.
    pub fn gid(&self) -> u32 {
        self.gid
    }
    /// The type and permission bits.
    pub fn mode(&self) -> u32 {
        self.mode
    }
    /// The kind of file.
    pub fn file_type(&self) -> FileType {
        FileType::from_mode(self.mode)
    }
    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.file_type() == FileType::Directory
    }
    /// When it was last read.
    pub fn accessed(&self) -> SystemTime {
        system_time(self.times[0])
    }
    /// When its data last changed.
    pub fn modified(&self) -> SystemTime {
        system_time(self.times[1])
    }
    /// When its metadata last changed.
    pub fn changed(&self) -> SystemTime {
        system_time(self.times[2])
    }
    /// Seconds and nanoseconds of the last read, change of data, and change of metadata.
    pub fn times(&self) -> [(i64, i64); 3] {
        [0, 1, 2].map(|n| (self.times[n].0, self.times[n].1.into()))
    }
    /// When it was made, where the file system knows.
    pub fn born(&self) -> Option<SystemTime> {
        self.has_birth.then(|| system_time(self.times[3]))
    }
}

pub(crate) fn system_time((sec, nsec): (i64, u32)) -> SystemTime {
    let secs = Duration::from_secs(sec.unsigned_abs());
    let epoch = if sec < 0 { SystemTime::UNIX_EPOCH - secs } else { SystemTime::UNIX_EPOCH + secs };
    epoch + Duration::from_nanos(nsec.into())
}
