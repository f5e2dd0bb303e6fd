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
use std::time::Duration;

use crate::engine::Engine;
use crate::{Aio, WeakAio};

/// Results that are delivered before the other tasks of the executor get their turn, and how long that may take.
/// tokio gives the future of its `block_on` a turn after every 61 turns of tasks, async-executor after every 200.
const RESULTS: usize = 64;
const TURN: Duration = Duration::from_micros(50);

/// While it lives and polls, the engine needs no reaper thread.
pub(crate) struct Driver {
    aio: WeakAio,
    engine: Arc<Engine>,
}

impl Driver {
    /// Gives the driver, and a duplicate of the poll fd for a reactor to watch: several reactors
    /// may, and the descriptor outlives the engine.
    pub(crate) fn new(aio: &Aio) -> (Self, io::Result<OwnedFd>) {
        let fd = aio.as_fd().try_clone_to_owned();
        let engine = aio.engine().clone();
        engine.driver_began();
        (Driver { aio: aio.downgrade(), engine }, fd)
    }
    /// Polls until nothing is found, a bounded number of results at a time, and lets others run in between; false at
    /// the engine's end.
    pub(crate) async fn drain(&self) -> io::Result<bool> {
        loop {
            // Held for one call: between the calls the engine may end.
            let Some(aio) = self.aio.upgrade() else { return Ok(false) };
            self.engine.driver_polled();
            let (max, time) = self.engine.poll_limits();
            let time = time.map_or(TURN, |time| time.min(TURN));
            if self.engine.poll_within(max.min(RESULTS), Some(time))? == 0 {
                return Ok(true);
            }
            drop(aio);
            yield_now().await;
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.engine.driver_ended();
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
