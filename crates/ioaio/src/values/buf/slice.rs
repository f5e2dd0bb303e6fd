//! A part of a buffer.
//!
//! # Safety contract
//! The range lies in the buffer's space and starts within its initialised bytes, so what is filled
//! and what was there before make one initialised stretch.

use std::io;
use std::mem::MaybeUninit;
use std::ops::RangeBounds;

use rustix::io::Errno;

use super::{IoBuf, IoBufMut, RegisteredBuf};
use crate::values::offset::bounds;

/// A part of a buffer, to read into or write from.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let aio = ioaio::Aio::new()?;
/// let file = aio.open("/etc/passwd").wait()?;
/// let mut buf = Vec::with_capacity(100);
/// buf.extend_from_slice(b"begins: ");
/// let (n, part) = aio.read_at(&file, ioaio::Slice::fill(buf, 8..18)?, 0).wait();
/// let buf = part.into_inner();
/// assert_eq!(buf.len(), 8 + n?);
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Slice<B> {
    buf: B,
    start: usize,
    end: usize,
}

impl<B> Slice<B> {
    /// The whole buffer.
    pub fn into_inner(self) -> B {
        self.buf
    }
    fn checked(buf: B, range: impl RangeBounds<usize>, init: usize, space: usize) -> io::Result<Self> {
        match bounds(range, space) {
            Some((start, end)) if start <= init => Ok(Slice { buf, start, end }),
            _ => Err(Errno::INVAL.into()),
        }
    }
}

impl<B: IoBuf> Slice<B> {
    /// Bytes to write from: a range of what is initialised.
    ///
    /// # Errors
    /// EINVAL for a range that the bytes do not have.
    pub fn of(buf: B, range: impl RangeBounds<usize>) -> io::Result<Self> {
        let init = buf.bytes().len();
        Self::checked(buf, range, init, init)
    }
}

impl<B: IoBuf + IoBufMut> Slice<B> {
    /// Space to read into, up to the capacity. What comes before the range stays as it is; a buffer
    /// that can grow ends after what was read.
    ///
    /// # Errors
    /// EINVAL for a range that begins after the initialised bytes, or that the space does not have.
    pub fn fill(mut buf: B, range: impl RangeBounds<usize>) -> io::Result<Self> {
        let (init, space) = (buf.bytes().len(), super::space(&mut buf, usize::MAX).len());
        Self::checked(buf, range, init, space)
    }
}

// SAFETY: a part of the buffer's bytes stays where they stay. After a read that came back short the
// bytes may end before the range does.
unsafe impl<B: IoBuf> IoBuf for Slice<B> {
    fn bytes(&self) -> &[u8] {
        let bytes = self.buf.bytes();
        let end = self.end.min(bytes.len());
        &bytes[self.start.min(end)..end]
    }
    fn registered(&self) -> Option<&RegisteredBuf> {
        self.buf.registered()
    }
}

// SAFETY: a part of the buffer's space stays where it stays.
unsafe impl<B: IoBuf + IoBufMut> IoBufMut for Slice<B> {
    unsafe fn space(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: the caller's promise.
        let space = unsafe { self.buf.space() };
        &mut space[self.start..self.end]
    }
    unsafe fn set_filled(&mut self, n: usize) {
        // SAFETY: what comes before the range is initialised (module contract), and then n bytes.
        unsafe { self.buf.set_filled(self.start + n) }
    }
    fn registered(&self) -> Option<&RegisteredBuf> {
        IoBuf::registered(&self.buf)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::fill;
    use super::*;

    #[test]
    fn a_vec_keeps_its_head_and_ends_after_what_was_read() {
        let mut buf = Vec::with_capacity(16);
        buf.extend_from_slice(b"head and tail");
        let mut part = Slice::fill(buf, 5..).unwrap();
        fill(&mut part, b"new");
        assert_eq!(part.bytes(), b"new");
        assert_eq!(part.into_inner(), b"head new");
    }

    #[test]
    fn a_range_must_fit() {
        let buf = || {
            let mut buf = Vec::with_capacity(16);
            buf.extend_from_slice(b"four");
            buf
        };
        assert!(Slice::fill(buf(), 5..6).is_err(), "a gap would not be initialised");
        assert!(Slice::fill(buf(), 4..17).is_err());
        assert!(Slice::fill(buf(), ..=usize::MAX).is_err());
        #[allow(clippy::reversed_empty_ranges)]
        let reversed = Slice::fill(buf(), 3..2);
        assert!(reversed.is_err());
        assert_eq!(Slice::of(buf(), 1..3).unwrap().bytes(), b"ou");
        assert!(Slice::of(buf(), 1..5).is_err());
    }
}
