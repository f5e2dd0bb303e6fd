//! A buffer for `O_DIRECT`.
//!
//! # Safety contract
//! The block is never reallocated, and all of it is initialised from the start.

use std::mem::MaybeUninit;

use super::{IoBuf, IoBufMut};

/// A zeroed buffer whose address and length are multiples of an alignment, for `O_DIRECT`.
///
/// ```
/// let buf = ioaio::AlignedBuf::new(4096, 4096);
/// assert_eq!(buf.as_ptr() as usize % 4096, 0);
/// ```
pub struct AlignedBuf {
    block: Vec<u8>,
    start: usize,
    len: usize,
}

impl AlignedBuf {
    /// A buffer of `len` bytes at an address that is a multiple of `align`.
    ///
    /// # Panics
    /// If `align` is not a power of two, or `len` more than memory can be.
    pub fn new(len: usize, align: usize) -> Self {
        assert!(align.is_power_of_two(), "alignment must be a power of two");
        let size = len.checked_add(align).expect("a buffer fits the address space");
        let block = vec![0; size];
        let start = block.as_ptr().align_offset(align);
        AlignedBuf { block, start, len }
    }
}

impl std::ops::Deref for AlignedBuf {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.block[self.start..self.start + self.len]
    }
}
impl std::ops::DerefMut for AlignedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.block[self.start..self.start + self.len]
    }
}
// SAFETY: the block does not move with the value.
unsafe impl IoBuf for AlignedBuf {
    fn bytes(&self) -> &[u8] {
        self
    }
}
// SAFETY: as above.
unsafe impl IoBufMut for AlignedBuf {
    unsafe fn space(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: the caller writes only initialised bytes.
        unsafe { super::std::uninit(self) }
    }
    unsafe fn set_filled(&mut self, _n: usize) {}
}

#[cfg(test)]
mod tests {
    use super::super::tests::{fill, stays};
    use super::*;

    #[test]
    fn keeps_alignment_and_length() {
        for align in [1, 512, 4096, 65536] {
            let mut buf = AlignedBuf::new(8192, align);
            fill(&mut buf, b"abc");
            assert_eq!((buf.as_ptr() as usize % align, buf.len(), &buf[..4]), (0, 8192, &b"abc\0"[..]));
            stays(buf);
        }
    }
}
