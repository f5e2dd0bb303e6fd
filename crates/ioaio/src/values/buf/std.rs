//! The standard library's buffers.
//!
//! # Safety contract
//! Each of these types points to a block of its own, or of the program, that does not move when the
//! value does.

use std::mem::MaybeUninit;
use std::sync::Arc;

use super::{IoBuf, IoBufMut};

/// Initialised bytes as space to write into.
///
/// # Safety
/// Only initialised bytes are written.
pub(super) unsafe fn uninit(bytes: &mut [u8]) -> &mut [MaybeUninit<u8>] {
    // SAFETY: one layout, the same borrow; the caller keeps the bytes initialised.
    unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len()) }
}

// SAFETY: module contract.
unsafe impl IoBuf for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}
// SAFETY: module contract; nothing here reallocates.
unsafe impl IoBufMut for Vec<u8> {
    unsafe fn space(&mut self) -> &mut [MaybeUninit<u8>] {
        let cap = self.capacity();
        // SAFETY: the block has `cap` bytes; the caller writes only initialised ones.
        unsafe { std::slice::from_raw_parts_mut(self.as_mut_ptr().cast(), cap) }
    }
    unsafe fn set_filled(&mut self, n: usize) {
        // SAFETY: the caller promises that there are n bytes, initialised.
        unsafe { self.set_len(n) }
    }
}
// SAFETY: module contract.
unsafe impl IoBuf for Box<[u8]> {
    fn bytes(&self) -> &[u8] {
        self
    }
}
// SAFETY: module contract.
unsafe impl IoBufMut for Box<[u8]> {
    unsafe fn space(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: the caller's promise.
        unsafe { uninit(self) }
    }
    unsafe fn set_filled(&mut self, _n: usize) {}
}
// SAFETY: module contract.
unsafe impl<const N: usize> IoBuf for Box<[u8; N]> {
    fn bytes(&self) -> &[u8] {
        &self[..]
    }
}
// SAFETY: module contract.
unsafe impl<const N: usize> IoBufMut for Box<[u8; N]> {
    unsafe fn space(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: the caller's promise.
        unsafe { uninit(&mut self[..]) }
    }
    unsafe fn set_filled(&mut self, _n: usize) {}
}
// SAFETY: module contract.
unsafe impl IoBuf for Arc<[u8]> {
    fn bytes(&self) -> &[u8] {
        self
    }
}
// SAFETY: module contract.
unsafe impl IoBuf for String {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}
// SAFETY: module contract.
unsafe impl IoBuf for &'static [u8] {
    fn bytes(&self) -> &[u8] {
        self
    }
}
// SAFETY: module contract.
unsafe impl<const N: usize> IoBuf for &'static [u8; N] {
    fn bytes(&self) -> &[u8] {
        &self[..]
    }
}
// SAFETY: module contract.
unsafe impl IoBuf for &'static str {
    fn bytes(&self) -> &[u8] {
        self.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::super::space;
    use super::super::tests::{fill, stays};
    use super::*;

    #[test]
    fn a_vec_is_filled_from_its_start_and_gets_that_length() {
        let mut buf = Vec::with_capacity(10);
        buf.extend_from_slice(b"before");
        fill(&mut buf, b"new");
        assert_eq!(buf, b"new");
        let room = buf.capacity();
        fill(&mut buf, &vec![7; room]);
        assert_eq!(buf, vec![7; room]);
        stays(buf);
    }
    #[test]
    fn boxes_keep_their_length() {
        let mut slice: Box<[u8]> = Box::new([9; 5]);
        fill(&mut slice, b"abc");
        assert_eq!(*slice, *b"abc\x09\x09");
        stays(slice);
        let mut array = Box::new([9; 5]);
        fill(&mut array, b"abc");
        assert_eq!(*array, *b"abc\x09\x09");
        stays(array);
        stays(Box::new([0u8; 0]));
    }
    #[test]
    fn what_is_only_read_shows_all_of_it() {
        let shared: Arc<[u8]> = Arc::from(&b"abc"[..]);
        assert_eq!(shared.clone().bytes().as_ptr(), shared.bytes().as_ptr());
        assert_eq!(String::from("abc").bytes(), shared.bytes());
        assert_eq!(IoBuf::bytes(&"abc"), shared.bytes());
        assert_eq!(IoBuf::bytes(&b"abc"), shared.bytes());
        assert_eq!(IoBuf::bytes(&&b"abc"[..]), shared.bytes());
    }
    #[test]
    fn no_room_is_no_space() {
        assert_eq!(space(&mut Vec::new(), 10).len(), 0);
    }
}
