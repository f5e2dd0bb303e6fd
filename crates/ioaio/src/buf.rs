//! Buffers that a request owns while the kernel uses them.
//!
//! # Safety contract
//! The traits promise a stable address for as long as the buffer is not touched; `Filled` can only
//! be made from what a system call returned, so no uninitialised byte is ever shown.

use std::mem::MaybeUninit;
use std::sync::Arc;

/// Bytes the kernel may read.
///
/// # Safety
/// `bytes` returns the same address on each call until the buffer is next borrowed mutably, also
/// when the buffer itself is moved.
pub unsafe trait IoBuf: Send + 'static {
    /// The initialised bytes.
    fn bytes(&self) -> &[u8];
}

/// Space the kernel may write into.
///
/// # Safety
/// `space` returns the same address on each call, also when the buffer itself is moved, and
/// writing initialised bytes into it is sound.
pub unsafe trait IoBufMut: Send + 'static {
    /// All of the space, initialised or not.
    fn space(&mut self) -> &mut [MaybeUninit<u8>];
    /// Records that the first `n` bytes have been filled.
    ///
    /// # Safety
    /// The first `n` bytes of `space` are initialised.
    unsafe fn set_filled(&mut self, n: usize);
}

// SAFETY: a Vec's heap block does not move with the Vec.
unsafe impl IoBuf for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}
// SAFETY: a Vec's heap block does not move with the Vec; spare capacity may be written.
unsafe impl IoBufMut for Vec<u8> {
    fn space(&mut self) -> &mut [MaybeUninit<u8>] {
        let cap = self.capacity();
        // SAFETY: the block has `cap` bytes; MaybeUninit<u8> needs no initialisation, and callers
        // only write initialised bytes (the trait's contract).
        unsafe { std::slice::from_raw_parts_mut(self.as_mut_ptr().cast(), cap) }
    }
    unsafe fn set_filled(&mut self, n: usize) {
        // SAFETY: the caller promises that n bytes are initialised.
        unsafe { self.set_len(n) }
    }
}
// SAFETY: the box's block does not move with the box.
unsafe impl IoBuf for Box<[u8]> {
    fn bytes(&self) -> &[u8] {
        self
    }
}
// SAFETY: the box's block does not move with the box.
unsafe impl IoBufMut for Box<[u8]> {
    fn space(&mut self) -> &mut [MaybeUninit<u8>] {
        let len = self.len();
        // SAFETY: same block and length; only initialised bytes are written through it.
        unsafe { std::slice::from_raw_parts_mut(self.as_mut_ptr().cast(), len) }
    }
    unsafe fn set_filled(&mut self, _n: usize) {}
}
// SAFETY: the shared block does not move.
unsafe impl IoBuf for Arc<[u8]> {
    fn bytes(&self) -> &[u8] {
        self
    }
}
// SAFETY: static data does not move.
unsafe impl IoBuf for &'static [u8] {
    fn bytes(&self) -> &[u8] {
        self
    }
}
// SAFETY: static data does not move.
unsafe impl IoBuf for &'static str {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// How many bytes at the start of a buffer a system call has filled.
pub struct Filled(usize);

impl Filled {
    /// Only for numbers that a reading system call returned for the whole of `space`.
    pub(crate) fn by_kernel(n: usize) -> Self {
        Filled(n)
    }
    pub(crate) fn give<B: IoBufMut>(self, buf: &mut B) -> usize {
        debug_assert!(self.0 <= buf.space().len());
        // SAFETY: the kernel has filled that many bytes of this buffer's space.
        unsafe { buf.set_filled(self.0) };
        self.0
    }
}

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
    /// If `align` is not a power of two.
    pub fn new(len: usize, align: usize) -> Self {
        assert!(align.is_power_of_two(), "alignment must be a power of two");
        let block = vec![0; len + align];
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
// SAFETY: the block is never reallocated and does not move with the value.
unsafe impl IoBuf for AlignedBuf {
    fn bytes(&self) -> &[u8] {
        self
    }
}
// SAFETY: as above; all bytes are initialised from the start.
unsafe impl IoBufMut for AlignedBuf {
    fn space(&mut self) -> &mut [MaybeUninit<u8>] {
        let bytes: &mut [u8] = self;
        // SAFETY: u8 and MaybeUninit<u8> have one layout; only initialised bytes are written.
        unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len()) }
    }
    unsafe fn set_filled(&mut self, _n: usize) {}
}
