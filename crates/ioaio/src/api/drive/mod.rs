//! Driving an engine from an event loop that runs futures: what `tokio` and `async_io` share.

#[cfg(feature = "async-io")]
pub mod async_io;
#[cfg(feature = "tokio")]
pub mod tokio;

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::task::Poll;

use crate::engine::Inner;
use crate::{Aio, WeakAio};

/// While it lives, the engine starts no reaper thread: whoever holds this polls.
pub(crate) struct Driver {
    aio: WeakAio,
    inner: Arc<Inner>,
}

impl Driver {
    /// Gives the driver, and a duplicate of the poll fd for a reactor to watch: several reactors
    /// may, and the descriptor outlives the engine.
    pub(crate) fn new(aio: &Aio) -> (Self, io::Result<OwnedFd>) {
        let fd = aio.as_fd().try_clone_to_owned();
        let inner = aio.inner().clone();
        inner.driver_began();
        (Driver { aio: aio.downgrade(), inner }, fd)
    }
    /// Polls until nothing is found, and lets others run in between; false at the engine's end.
    pub(crate) async fn drain(&self) -> io::Result<bool> {
        loop {
            // Held for one call: between the calls the engine may end.
            let Some(aio) = self.aio.upgrade() else { return Ok(false) };
            if aio.poll()? == 0 {
                return Ok(true);
            }
            drop(aio);
            yield_now().await;
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.inner.driver_ended();
    }
}

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
