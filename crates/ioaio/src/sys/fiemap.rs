//! FS_IOC_FIEMAP.
//!
//! # Safety contract
//! The kernel writes as many extents as `fm_extent_count` says; the memory has room for them.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// `struct fiemap` of linux/fiemap.h, without its extents.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Head {
    fm_start: u64,
    fm_length: u64,
    fm_flags: u32,
    fm_mapped_extents: u32,
    fm_extent_count: u32,
    fm_reserved: u32,
}

/// `struct fiemap_extent` of linux/fiemap.h.
#[repr(C)]
#[derive(Clone, Copy, Default)]
#[allow(non_camel_case_types, reason = "the kernel's name")]
pub(crate) struct fiemap_extent {
    pub(crate) fe_logical: u64,
    pub(crate) fe_physical: u64,
    pub(crate) fe_length: u64,
    fe_reserved64: [u64; 2],
    pub(crate) fe_flags: u32,
    fe_reserved: [u32; 3],
}

const FS_IOC_FIEMAP: libc::Ioctl = 0xc020_660b_u32 as libc::Ioctl;

/// The number of extents in a range, or of those given, of which there are at most `head.fm_extent_count`.
fn call(fd: BorrowedFd<'_>, head: Head) -> io::Result<(u32, Vec<fiemap_extent>)> {
    let room = head.fm_extent_count as usize;
    let bytes = size_of::<Head>() + room * size_of::<fiemap_extent>();
    let mut words = vec![0_u64; bytes / size_of::<u64>()];
    let at = words.as_mut_ptr().cast::<Head>();
    // SAFETY: the memory has the size of the head and of all extents, which follow it; both are made of
    // integers, and aligned as u64.
    unsafe {
        at.write(head);
        if libc::ioctl(fd.as_raw_fd(), FS_IOC_FIEMAP, at) < 0 {
            return Err(io::Error::last_os_error());
        }
        let mapped = at.read().fm_mapped_extents;
        let first = at.add(1).cast::<fiemap_extent>();
        Ok((mapped, (0..room.min(mapped as usize)).map(|n| first.add(n).read()).collect()))
    }
}

/// At most `count` extents of a range.
pub(crate) fn extents(
    fd: BorrowedFd<'_>,
    start: u64,
    len: u64,
    flags: u32,
    count: u32,
) -> io::Result<Vec<fiemap_extent>> {
    let (fm_start, fm_length, fm_flags, fm_extent_count) = (start, len, flags, count);
    let head = Head { fm_start, fm_length, fm_flags, fm_extent_count, ..Head::default() };
    Ok(call(fd, head)?.1)
}

/// How many extents there are.
pub(crate) fn count(fd: BorrowedFd<'_>, start: u64, len: u64, flags: u32) -> io::Result<u32> {
    let head = Head { fm_start: start, fm_length: len, fm_flags: flags, ..Head::default() };
    Ok(call(fd, head)?.0)
}
