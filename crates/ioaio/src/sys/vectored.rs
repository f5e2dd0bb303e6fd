//! Reading into, and writing from, several buffers at once.
//!
//! # Safety contract
//! An [`Iovecs`] keeps no borrow: whoever makes one keeps the buffers, untouched, until the call that
//! uses it has ended. Here that is within one function; on the ring an `Sqe` keeps their borrow.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Addresses and lengths of buffers.
#[derive(Default)]
pub(crate) struct Iovecs(Vec<libc::iovec>);

// SAFETY: addresses only, which nothing safe can follow.
unsafe impl Send for Iovecs {}

impl Iovecs {
    /// Of space to read into.
    pub(crate) fn filling<'a>(spaces: impl Iterator<Item = &'a mut [MaybeUninit<u8>]>) -> Self {
        let iovec =
            |s: &'a mut [MaybeUninit<u8>]| libc::iovec { iov_len: s.len(), iov_base: s.as_mut_ptr().cast() };
        Iovecs(spaces.map(iovec).collect())
    }
    /// Of bytes to write.
    pub(crate) fn of<'a>(bytes: impl Iterator<Item = &'a [u8]>) -> Self {
        let iovec = |b: &'a [u8]| libc::iovec { iov_len: b.len(), iov_base: b.as_ptr().cast_mut().cast() };
        Iovecs(bytes.map(iovec).collect())
    }
    pub(crate) fn as_slice(&self) -> &[libc::iovec] {
        &self.0
    }
}

/// At the file's own position, as `preadv2(2)` takes it.
const HERE: u64 = u64::MAX;

/// The calls of one direction: at the file's own position, at an offset, and either with flags. Newer ones are used
/// only for what they alone can do, since filters (seccomp) refuse what they do not know.
struct Calls {
    here: libc::c_long,
    at: libc::c_long,
    with_flags: libc::c_long,
}
const READ: Calls = Calls { here: libc::SYS_readv, at: libc::SYS_preadv, with_flags: libc::SYS_preadv2 };
const WRITE: Calls = Calls { here: libc::SYS_writev, at: libc::SYS_pwritev, with_flags: libc::SYS_pwritev2 };

impl Calls {
    /// # Safety
    /// The buffers may be used as the call does.
    unsafe fn call(
        &self,
        fd: BorrowedFd<'_>,
        iovecs: &[libc::iovec],
        offset: Option<u64>,
        flags: u32,
    ) -> io::Result<usize> {
        let number = match (offset, flags) {
            (None, 0) => self.here,
            (Some(_), 0) => self.at,
            _ => self.with_flags,
        };
        let (at, flags) = (offset.unwrap_or(HERE), libc::c_long::from(flags));
        let (low, high) =
            (at as libc::c_long, at.checked_shr(libc::c_long::BITS).unwrap_or(0) as libc::c_long);
        // SAFETY: the caller's promise. The offset goes in two halves, of which a 64-bit kernel ignores the
        // second. No call looks at more arguments than it has.
        let n =
            unsafe { libc::syscall(number, fd.as_raw_fd(), iovecs.as_ptr(), iovecs.len(), low, high, flags) };
        usize::try_from(n).map_err(|_| io::Error::last_os_error())
    }
}

/// `readv(2)`, with an offset `preadv(2)`, with flags `preadv2(2)`.
pub(crate) fn readv<'a>(
    fd: BorrowedFd<'_>,
    spaces: impl Iterator<Item = &'a mut [MaybeUninit<u8>]>,
    offset: Option<u64>,
    flags: u32,
) -> io::Result<usize> {
    let iovecs = Iovecs::filling(spaces);
    // SAFETY: exclusive borrows, which outlive this call.
    unsafe { READ.call(fd, iovecs.as_slice(), offset, flags) }
}

/// `writev(2)`, with an offset `pwritev(2)`, with flags `pwritev2(2)`.
pub(crate) fn writev<'a>(
    fd: BorrowedFd<'_>,
    bytes: impl Iterator<Item = &'a [u8]>,
    offset: Option<u64>,
    flags: u32,
) -> io::Result<usize> {
    let iovecs = Iovecs::of(bytes);
    // SAFETY: shared borrows, which outlive this call and are only read.
    unsafe { WRITE.call(fd, iovecs.as_slice(), offset, flags) }
}
