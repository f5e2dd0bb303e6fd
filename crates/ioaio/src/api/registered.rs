//! Files and buffers in the tables of an engine's ring.
//!
//! # Safety contract
//! Memory is registered together with the slot that a [`RegisteredBuf`] keeps, and goes after it.

use std::io;
use std::os::fd::AsFd;

use rustix::io::Errno;

use crate::{Aio, AlignedBuf, File, RegisteredBuf};

impl Aio {
    /// Puts a file into the table of the ring, where there is one, so that reads and writes on the ring
    /// need not look it up: `io_uring_register(2)` (Linux 5.19). It leaves the table when it is closed.
    ///
    /// Without a ring nothing is done: see [`File::is_registered`]. An engine has at most 1024 such files.
    ///
    /// # Errors
    /// EMFILE for more than 1024, or than RLIMIT_NOFILE; EBUSY for a file that is registered; EBADF for one
    /// of `O_PATH`; EINVAL on Linux before 5.19.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// aio.register_file(&file)?;
    /// assert_eq!(file.is_registered(), aio.backend().ring);
    /// assert_eq!(aio.read_at(&file, vec![0; 4], 0).wait().1, b"root");
    /// # Ok(()) }
    /// ```
    pub fn register_file(&self, file: &File) -> io::Result<()> {
        if file.is_registered() {
            return Err(Errno::BUSY.into());
        }
        let engine = self.engine();
        engine.identity.check()?;
        let Some(ring) = &engine.routes.ring else { return Ok(()) };
        let slot = ring.register_file(engine.identity.fork(), file.as_fd())?;
        if file.set_slot(slot) { Ok(()) } else { Err(Errno::BUSY.into()) }
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
        const MAX: usize = 1 << 30; // the kernel's
        if !(1..=MAX).contains(&len) {
            return Err(Errno::INVAL.into());
        }
        let page = crate::sys::memory::page_size();
        let mut buf = AlignedBuf::new(len.next_multiple_of(page), page);
        let engine = self.engine();
        engine.identity.check()?;
        let slot = match &engine.routes.ring {
            // SAFETY: the value that comes back owns both (module contract).
            Some(ring) => Some(unsafe { ring.register_buffer(engine.identity.fork(), &mut buf) }?),
            None => None,
        };
        Ok(RegisteredBuf::new(buf, slot))
    }
}
