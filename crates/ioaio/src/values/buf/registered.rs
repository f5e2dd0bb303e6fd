//! Buffers that the ring knows.
//!
//! # Safety contract
//! The memory is allocated once, owned together with its slot, and outlives it: fields are dropped in
//! their order.

use std::io;
use std::mem::MaybeUninit;

use super::{AlignedBuf, IoBuf, IoBufMut};
use crate::Aio;
use crate::route::tables::Slot;

/// A buffer whose pages the kernel holds ready for one engine: reads and writes on the ring need not pin
/// them each time, which counts for `O_DIRECT`. Made by [`Aio::registered_buf`].
pub struct RegisteredBuf {
    slot: Option<Slot>,
    buf: AlignedBuf,
}

impl RegisteredBuf {
    /// Whether the kernel knows it. Where the engine has no ring, it is a buffer like any other.
    pub fn is_registered(&self) -> bool {
        self.slot.is_some()
    }
    pub(crate) fn slot(&self) -> Option<&Slot> {
        self.slot.as_ref()
    }
}

impl Aio {
    /// A zeroed buffer of whole pages, registered with the ring, where there is one, for
    /// [`read_at`](Self::read_at), [`read`](Self::read), [`write_at`](Self::write_at) and
    /// [`write`](Self::write): `io_uring_register(2)` (Linux 5.19).
    ///
    /// Its memory counts against RLIMIT_MEMLOCK of who has no CAP_IPC_LOCK. An engine has at most 1024.
    ///
    /// # Errors
    /// EMFILE for more than 1024; ENOMEM over RLIMIT_MEMLOCK; EINVAL for a length of 0, of more than 1 GiB,
    /// or on Linux before 5.19.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let buf = match aio.registered_buf(4096) {
    ///     Ok(buf) => buf,
    ///     Err(e) => return Ok(eprintln!("not allowed: {e}")),
    /// };
    /// let file = aio.open("/etc/passwd").wait()?;
    /// let (n, buf) = aio.read_at(&file, buf, 0).wait();
    /// assert!(buf[..n?].starts_with(b"root"));
    /// # Ok(()) }
    /// ```
    pub fn registered_buf(&self, len: usize) -> io::Result<RegisteredBuf> {
        const MAX: usize = 1 << 30; // the kernel takes no larger buffers
        if !(1..=MAX).contains(&len) {
            return Err(rustix::io::Errno::INVAL.into());
        }
        let page = crate::sys::memory::page_size();
        let mut buf = AlignedBuf::new(len.next_multiple_of(page), page);
        // SAFETY: the value owns both (module contract).
        let slot = unsafe { Slot::of_buffer(self, &mut buf) }?;
        Ok(RegisteredBuf { slot, buf })
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
