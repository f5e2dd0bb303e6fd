//! Plain calls in the place of newer ones that a filter refuses.
//!
//! A sandbox (seccomp: Docker, systemd, browsers) refuses calls that it does not know, with EPERM or ENOSYS. That is
//! an answer of the filter and not of the file. So the older call that does the same is made next, and its answer
//! counts: a refusal that is the file's own comes back from it. What only the newer call can do stays refused.

use std::ffi::CStr;
use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, CWD, RenameFlags, Stat, Statx, StatxFlags, StatxTimestamp};
use rustix::io::{Errno, Result};

use super::statx::zeroed_statx;

/// Whether an errno may be a filter's.
pub(crate) fn may_be_a_filters(errno: Errno) -> bool {
    matches!(errno, Errno::PERM | Errno::NOSYS)
}

/// `statx(2)`, or `fstatat(2)`, which may wait for a server even where it was not to be asked.
pub(crate) fn statx(dir: BorrowedFd<'_>, path: &CStr, flags: AtFlags, mask: StatxFlags) -> Result<Statx> {
    match rustix::fs::statx(dir, path, flags, mask) {
        // No other call makes a network file system ask its server.
        Err(e) if may_be_a_filters(e) && !flags.contains(AtFlags::STATX_FORCE_SYNC) => {
            let known = AtFlags::EMPTY_PATH | AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
            rustix::fs::statat(dir, path, flags & known).map(|st| as_statx(&st))
        }
        res => res,
    }
}

/// `renameat2(2)`, or `renameat(2)` where there are no flags. ENOSYS where there are and a filter refuses it.
pub(crate) fn rename(
    from: (BorrowedFd<'_>, &CStr),
    to: (BorrowedFd<'_>, &CStr),
    flags: RenameFlags,
) -> Result<()> {
    let with_flags = |from: (BorrowedFd<'_>, &CStr), to: (BorrowedFd<'_>, &CStr)| {
        rustix::fs::renameat_with(from.0, from.1, to.0, to.1, flags)
    };
    if flags.is_empty() {
        return rustix::fs::renameat(from.0, from.1, to.0, to.1);
    }
    match with_flags(from, to) {
        // The kernel says ENOENT to an empty path. Callers try something else after ENOSYS, which they must not
        // after a refusal by the directory.
        Err(Errno::PERM) if with_flags((CWD, c""), (CWD, c"")) == Err(Errno::PERM) => Err(Errno::NOSYS),
        res => res,
    }
}

/// What `stat(2)` told, as far as that goes: neither when the file was made nor the mount.
#[allow(clippy::unnecessary_cast, reason = "the types differ from machine to machine")]
fn as_statx(st: &Stat) -> Statx {
    let set =
        |time: &mut StatxTimestamp, sec: i64, nsec: u64| (time.tv_sec, time.tv_nsec) = (sec, nsec as u32);
    let mut all = zeroed_statx();
    all.stx_mask = StatxFlags::BASIC_STATS.bits();
    all.stx_mode = st.st_mode as u16;
    all.stx_nlink = st.st_nlink as u32;
    (all.stx_uid, all.stx_gid) = (st.st_uid, st.st_gid);
    (all.stx_ino, all.stx_size) = (st.st_ino as u64, st.st_size as u64);
    (all.stx_blocks, all.stx_blksize) = (st.st_blocks as u64, st.st_blksize as u32);
    (all.stx_dev_major, all.stx_dev_minor) = (rustix::fs::major(st.st_dev), rustix::fs::minor(st.st_dev));
    (all.stx_rdev_major, all.stx_rdev_minor) = (rustix::fs::major(st.st_rdev), rustix::fs::minor(st.st_rdev));
    set(&mut all.stx_atime, st.st_atime as i64, st.st_atime_nsec as u64);
    set(&mut all.stx_mtime, st.st_mtime as i64, st.st_mtime_nsec as u64);
    set(&mut all.stx_ctime, st.st_ctime as i64, st.st_ctime_nsec as u64);
    all
}
