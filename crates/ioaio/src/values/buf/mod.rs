//! Buffers that a request owns while the kernel uses them.
//!
//! # Safety contract
//! The traits promise a stable address for as long as the buffer is not touched. Only this crate
//! asks for space, and lets nothing but the kernel write into it. `Filled` can only be made from
//! what a system call returned, so no uninitialised byte is ever shown.

mod aligned;
#[cfg(feature = "bytes")]
mod bytes;
mod registered;
mod slice;
mod std;

use ::std::mem::MaybeUninit;

pub use aligned::AlignedBuf;
pub use registered::RegisteredBuf;
pub use slice::Slice;

/// Bytes the kernel may read: `Vec<u8>`, `Box<[u8]>`, `Box<[u8; N]>`, `Arc<[u8]>`, `String`,
/// `&'static str`, `&'static [u8]`, `&'static [u8; N]`, [`AlignedBuf`], and with the feature
/// `bytes` also `Bytes` and `BytesMut`.
///
/// # Safety
/// `bytes` returns the same address on each call until the buffer is next borrowed mutably, also
/// when the buffer itself is moved.
pub unsafe trait IoBuf: Send + 'static {
    /// The initialised bytes.
    fn bytes(&self) -> &[u8];
    /// The registered buffer of which these are bytes.
    #[doc(hidden)]
    fn registered(&self) -> Option<&RegisteredBuf> {
        None
    }
}

/// Space the kernel may write into: `Vec<u8>`, `Box<[u8]>`, `Box<[u8; N]>`, [`AlignedBuf`], and
/// with the feature `bytes` also `BytesMut`.
///
/// A read fills a buffer from its start over all of its capacity, whatever it held before. Then a
/// buffer that can grow has the length that was read; one of a fixed length keeps it, and how much
/// of it was read is in the result. A read that fails leaves the length as it was.
///
/// # Safety
/// `space` returns the same address on each call, also when the buffer itself is moved.
pub unsafe trait IoBufMut: Send + 'static {
    /// All of the space, initialised or not.
    ///
    /// # Safety
    /// Only initialised bytes are written into it: it may have been initialised before.
    unsafe fn space(&mut self) -> &mut [MaybeUninit<u8>];
    /// Records that the first `n` bytes have been filled.
    ///
    /// # Safety
    /// The first `n` bytes of `space` are initialised, and it has that many.
    unsafe fn set_filled(&mut self, n: usize);
    /// The registered buffer of which this is space.
    #[doc(hidden)]
    fn registered(&self) -> Option<&RegisteredBuf> {
        None
    }
}

/// The first `len` bytes of a buffer's space, or all if it has fewer; for the kernel to fill.
pub(crate) fn space<B: IoBufMut>(buf: &mut B, len: usize) -> &mut [MaybeUninit<u8>] {
    // SAFETY: only the kernel writes into it (module contract), and only initialised bytes.
    let space = unsafe { buf.space() };
    let len = space.len().min(len);
    &mut space[..len]
}

/// How many bytes at the start of a buffer a system call has filled.
pub struct Filled(usize);

impl Filled {
    /// Only for numbers that a reading system call returned for the whole of `space`.
    pub(crate) fn by_kernel(n: usize) -> Self {
        Filled(n)
    }
    pub(crate) fn give<B: IoBufMut>(self, buf: &mut B) -> usize {
        debug_assert!(self.0 <= space(buf, usize::MAX).len());
        // SAFETY: the kernel has filled that many bytes of this buffer's space.
        unsafe { buf.set_filled(self.0) };
        self.0
    }
    /// The same for the spaces of several buffers, filled one after the other.
    pub(crate) fn give_all<B: IoBufMut>(self, bufs: &mut [B]) -> usize {
        let mut left = self.0;
        for buf in bufs {
            left -= Filled(left.min(space(buf, usize::MAX).len())).give(buf);
        }
        debug_assert_eq!(left, 0);
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a read that got `data` makes of a buffer.
    pub(super) fn fill<B: IoBufMut>(buf: &mut B, data: &[u8]) {
        let room = space(buf, usize::MAX);
        for (to, from) in room.iter_mut().zip(data) {
            to.write(*from);
        }
        Filled::by_kernel(data.len()).give(buf);
    }
    /// Moving a buffer moves neither what is read nor what is filled.
    pub(super) fn stays<B: IoBufMut + IoBuf>(mut buf: B) {
        let (from, to) = (buf.bytes().as_ptr(), space(&mut buf, usize::MAX).as_ptr());
        assert_eq!(from, to.cast(), "what is filled is what is shown");
        let mut moved = Box::new(buf);
        assert_eq!((moved.bytes().as_ptr(), space(&mut *moved, usize::MAX).as_ptr()), (from, to));
    }
    #[test]
    fn space_is_limited_by_both() {
        let mut buf = vec![0u8; 10].into_boxed_slice();
        assert_eq!(space(&mut buf, 4).len(), 4);
        assert_eq!(space(&mut buf, 40).len(), 10);
    }
}
