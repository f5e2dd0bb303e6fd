//! Calls on paths that rustix does not have.
//!
//! # Safety contract
//! Each function takes borrows of everything the kernel reads or writes, so it is safe to call.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::{Access, AtFlags};

/// `faccessat2(2)` (Linux 5.8), with any flags.
pub(crate) fn access(dir: BorrowedFd<'_>, path: &CStr, access: Access, flags: AtFlags) -> io::Result<()> {
    let (mode, flags) = (access.bits() as libc::c_int, flags.bits() as libc::c_int);
    // SAFETY: the path is a live C string.
    match unsafe { libc::syscall(libc::SYS_faccessat2, dir.as_raw_fd(), path.as_ptr(), mode, flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `truncate(2)`.
pub(crate) fn truncate(path: &CStr, len: i64) -> io::Result<()> {
    // SAFETY: the path is a live C string.
    match unsafe { libc::truncate64(path.as_ptr(), len) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// What `statfs(2)` tells, in types of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatFs {
    pub(crate) kind: u64,
    pub(crate) bsize: u64,
    pub(crate) frsize: u64,
    pub(crate) blocks: [u64; 3],
    pub(crate) files: [u64; 2],
    pub(crate) fsid: u64,
    pub(crate) flags: u64,
    pub(crate) namemax: u64,
}

fn statfs_by(call: impl FnOnce(*mut libc::statfs64) -> libc::c_int) -> io::Result<StatFs> {
    let mut room = MaybeUninit::<libc::statfs64>::zeroed();
    if call(room.as_mut_ptr()) != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the struct has only integers, for which zero is a value.
    let st = unsafe { room.assume_init() };
    // SAFETY: two 32-bit integers, which the libc crate does not show.
    let [low, high]: [u32; 2] = unsafe { std::mem::transmute_copy(&st.f_fsid) };
    #[allow(clippy::unnecessary_cast, reason = "the types differ from machine to machine")]
    Ok(StatFs {
        kind: st.f_type as u32 as u64,
        bsize: st.f_bsize as u64,
        frsize: if st.f_frsize == 0 { st.f_bsize as u64 } else { st.f_frsize as u64 },
        blocks: [st.f_blocks as u64, st.f_bfree as u64, st.f_bavail as u64],
        files: [st.f_files as u64, st.f_ffree as u64],
        fsid: u64::from(high) << 32 | u64::from(low),
        flags: st.f_flags as u64,
        namemax: st.f_namelen as u64,
    })
}

/// `statfs(2)`.
pub(crate) fn statfs(path: &CStr) -> io::Result<StatFs> {
    // SAFETY: the path is a live C string, and `out` has room for the result.
    statfs_by(|out| unsafe { libc::statfs64(path.as_ptr(), out) })
}

/// `fstatfs(2)`.
pub(crate) fn fstatfs(fd: BorrowedFd<'_>) -> io::Result<StatFs> {
    // SAFETY: `out` has room for the result.
    statfs_by(|out| unsafe { libc::fstatfs64(fd.as_raw_fd(), out) })
}
