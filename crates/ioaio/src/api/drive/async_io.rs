//! Driving an engine from async-io's reactor, which smol uses. Feature `async-io`.

use std::future::Future;
use std::io;

use ::async_io::Async;

use crate::Aio;
use crate::api::drive::Driver;

/// Polls an engine whenever its poll fd is readable, so that it needs no thread for its futures.
///
/// From this call until the future is dropped or ends, the engine counts on it: spawn the future at once. If it
/// does not poll for some ten milliseconds although there is something to do, the reaper thread takes over
/// until it polls again; so it does when the future is dropped, and where
/// [`max_outstanding`](crate::Builder::max_outstanding) holds the submitter of a callback. Callbacks run in it,
/// as in [`Aio::poll`], a bounded number before other tasks get their turn; one that panics ends it. It ends,
/// without error, when all other handles to the engine are gone.
///
/// # Errors
/// EMFILE or ENOMEM where the poll fd cannot be registered, and the errors of [`Aio::poll`].
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// smol::block_on(async {
///     let aio = ioaio::Aio::new()?;
///     smol::spawn(ioaio::async_io::drive(&aio)).detach();
///     let file = aio.open("/etc/passwd").await?;
///     let (n, _) = aio.read_at(&file, vec![0; 100], 0).await;
///     assert!(n? > 0);
///     Ok(())
/// })
/// # }
/// ```
pub fn drive(aio: &Aio) -> impl Future<Output = io::Result<()>> + Send + use<> {
    let (driver, fd) = Driver::new(aio);
    async move {
        let fd = Async::new_nonblocking(fd?)?;
        while driver.drain().await? {
            fd.readable().await?;
        }
        Ok(())
    }
}
