//! Driving an engine from tokio's reactor. Feature `tokio`.
//!
//! # Safety contract
//! What is registered with the reactor is an `OwnedFd`: one number, open until it is dropped.

use std::future::Future;
use std::io;

use ::tokio::io::Interest;
use ::tokio::io::unix::AsyncFd;

use crate::Aio;
use crate::api::drive::Driver;

/// Polls an engine whenever its poll fd is readable, so that it needs no thread for its futures.
///
/// From this call until the future is dropped or ends, the engine counts on it: spawn the future at once, on a
/// runtime with I/O enabled. If it does not poll for some ten milliseconds although there is something to do,
/// the reaper thread takes over until it polls again; so it does when the future is dropped, and where
/// [`max_outstanding`](crate::Builder::max_outstanding) holds the submitter of a callback. Callbacks run in it,
/// as in [`Aio::poll`], a bounded number before other tasks get their turn; one that panics ends it. It ends,
/// without error, when all other handles to the engine are gone.
///
/// # Errors
/// EMFILE or ENOMEM where the poll fd cannot be registered, and the errors of [`Aio::poll`].
///
/// # Panics
/// When polled outside a tokio runtime with I/O enabled.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
/// # runtime.block_on(async {
/// let aio = ioaio::Aio::new()?;
/// tokio::spawn(ioaio::tokio::drive(&aio));
/// let file = aio.open("/etc/passwd").await?;
/// let (n, _) = aio.read_at(&file, vec![0; 100], 0).await;
/// assert!(n? > 0);
/// # Ok(()) }) }
/// ```
pub fn drive(aio: &Aio) -> impl Future<Output = io::Result<()>> + Send + use<> {
    let (driver, fd) = Driver::new(aio);
    async move {
        // SAFETY: an OwnedFd (module contract).
        let fd = unsafe { AsyncFd::register_with_interest(fd?, Interest::READABLE)? };
        loop {
            let mut readable = fd.readable().await?;
            if !driver.drain().await? {
                return Ok(());
            }
            // What rang since `readable` is newer than what this clears.
            readable.clear_ready();
        }
    }
}
