//! Buffers that the ring knows.
//!
//! # Safety contract
//! The memory is allocated once, owned together with its slot, and outlives it: fields are dropped in
//! their order.

use std::mem::MaybeUninit;

use super::{AlignedBuf, IoBuf, IoBufMut};
use crate::values::slot::Slot;

/// A buffer whose pages the kernel holds ready for one engine: reads and writes on the ring need not pin
/// them each time, which counts for `O_DIRECT`. Made by
/// [`Aio::registered_buf`](crate::Aio::registered_buf).
pub struct RegisteredBuf {
    slot: Option<Slot>,
    buf: AlignedBuf,
}

impl RegisteredBuf {
    /// Whether the kernel knows it. Where the engine has no ring, it is a buffer like any other.
    pub fn is_registered(&self) -> bool {
        self.slot.is_some()
    }
    /// A buffer and the slot in which it is registered, if it is.
    pub(crate) fn new(buf: AlignedBuf, slot: Option<Slot>) -> Self {
        RegisteredBuf { slot, buf }
    }
    pub(crate) fn slot(&self) -> Option<&Slot> {
        self.slot.as_ref()
    }
}

impl std::ops::Deref for RegisteredBuf {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.buf
    }
}
impl std::ops::DerefMut for RegisteredBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.buf
    }
}
// SAFETY: as for the buffer that it has.
unsafe impl IoBuf for RegisteredBuf {
    fn bytes(&self) -> &[u8] {
        &self.buf
    }
    fn registered(&self) -> Option<&RegisteredBuf> {
        Some(self)
    }
}
// SAFETY: as for the buffer that it has.
unsafe impl IoBufMut for RegisteredBuf {
    unsafe fn space(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: the caller's promise.
        unsafe { self.buf.space() }
    }
    unsafe fn set_filled(&mut self, _n: usize) {}
    fn registered(&self) -> Option<&RegisteredBuf> {
        Some(self)
    }
}
