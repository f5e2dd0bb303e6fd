//! The buffers of the crate `bytes`. Feature `bytes`.
//!
//! # Safety contract
//! `Bytes` and `BytesMut` point to a block that does not move when the value does. A `BytesMut`
//! alone may write its capacity, also where it shares the block with others.

use std::mem::MaybeUninit;

use ::bytes::{Bytes, BytesMut};

use super::{IoBuf, IoBufMut};

// SAFETY: module contract.
unsafe impl IoBuf for Bytes {
    fn bytes(&self) -> &[u8] {
        self
    }
}
// SAFETY: module contract.
unsafe impl IoBuf for BytesMut {
    fn bytes(&self) -> &[u8] {
        self
    }
}
// SAFETY: module contract; nothing here reallocates.
unsafe impl IoBufMut for BytesMut {
    unsafe fn space(&mut self) -> &mut [MaybeUninit<u8>] {
        let len = self.len();
        // SAFETY: shorter for a moment, so that the spare capacity is all of it. The bytes before
        // `len` stay initialised: the caller writes only initialised ones.
        unsafe {
            self.set_len(0);
            let spare = self.spare_capacity_mut();
            let (start, room) = (spare.as_mut_ptr(), spare.len());
            self.set_len(len);
            std::slice::from_raw_parts_mut(start, room)
        }
    }
    unsafe fn set_filled(&mut self, n: usize) {
        // SAFETY: the caller promises that there are n bytes, initialised.
        unsafe { self.set_len(n) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::space;
    use super::super::tests::{fill, stays};
    use super::*;

    #[test]
    fn a_bytes_mut_is_filled_from_its_start_and_gets_that_length() {
        let mut buf = BytesMut::with_capacity(10);
        buf.extend_from_slice(b"before");
        let room = buf.capacity();
        assert_eq!(space(&mut buf, usize::MAX).len(), room);
        assert_eq!(buf, b"before"[..], "asking for the space changes nothing");
        fill(&mut buf, b"new");
        assert_eq!(buf, b"new"[..]);
        stays(buf);
    }
    #[test]
    fn a_part_of_a_block_leaves_the_others_alone() {
        let mut first = BytesMut::from(&b"first second third"[..]);
        let mut second = first.split_off(6);
        let third = second.split_off(7);
        let room = second.capacity();
        fill(&mut second, &vec![b'x'; room]);
        assert_eq!((&first[..], &second[..], &third[..]), (&b"first "[..], &b"xxxxxxx"[..], &b"third"[..]));
        stays(first);
        stays(second);
    }
    #[test]
    fn bytes_show_their_part() {
        let all = Bytes::from_static(b"all of it");
        let part = all.slice(4..6);
        assert_eq!(IoBuf::bytes(&part), b"of");
        let moved = Box::new(part.clone());
        assert_eq!(IoBuf::bytes(&*moved).as_ptr(), part.as_ptr());
    }
}
