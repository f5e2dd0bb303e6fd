//! Cancelling requests, and the end of the engine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Engine;
use crate::request::cell::{Req, State};
use crate::request::queue::Batch;
use crate::route::ring::{Ring, Waiter};
use crate::sys::sync::{Ordering, fence};

/// How long the end of the engine waits for the kernel before it leaks what the kernel still uses.
const STOP_LIMIT: Duration = Duration::from_secs(2);
/// How often the kernel is asked again meanwhile.
const STOP_LOOK: Duration = Duration::from_millis(20);

impl Engine {
    pub(crate) fn cancel(self: &Arc<Self>, req: &Req) {
        self.try_cancel(req);
    }
    /// Gives whether it ends with ECANCELED for certain.
    pub(crate) fn try_cancel(self: &Arc<Self>, req: &Req) -> bool {
        let own = !self.identity.forked() && self.identity.owns(req);
        if !own || req.cancel_flag().swap(true, Ordering::SeqCst) {
            return false;
        }
        if let Some(control) = &req.control {
            control.cancel().iter().for_each(|child| self.cancel(child));
        }
        fence(Ordering::SeqCst); // see `Header::is_cancelled`
        self.take_out(req)
    }
    /// Takes a cancelled request out of wherever it waits, or asks the kernel to let go of it. Gives whether it was
    /// taken out.
    pub(super) fn take_out(self: &Arc<Self>, req: &Req) -> bool {
        let taken = match req.state() {
            State::Submitted | State::Queued | State::Taken => self.routes.pool.cancel(req),
            State::HeldBack | State::OnRing => self.routes.ring.as_ref().and_then(|ring| {
                let (req, retry) = ring.cancel(req);
                if retry {
                    self.retry_ring_later();
                }
                req
            }),
            _ => None,
        };
        let Some(req) = taken else { return false };
        self.fail_cancelled(Batch::of(req));
        true
    }
    /// The end: nothing that the kernel may still write to is freed.
    pub(crate) fn stop(self: &Arc<Self>) {
        self.identity.end();
        let (queued, done) = self.routes.pool.stop();
        done.into_iter().for_each(|batch| self.executed(batch));
        self.fail_cancelled(queued);
        self.timer.stop();
        self.lookout.stop();
        if let Some(ring) = &self.routes.ring {
            ring.wake(Waiter::Reaper);
            self.fail_cancelled(ring.stop());
            if !self.wait_for_kernel(ring) {
                std::mem::forget(self.clone());
            }
        }
        let left = self.results.close();
        self.drop_undelivered(left);
        self.watchers.call_all();
        self.bell.ring(); // a driver watches a duplicate of the poll fd, and ends
    }
    /// Cancels and reaps; false if the kernel still has something of ours after the limit.
    fn wait_for_kernel(self: &Arc<Self>, ring: &Ring) -> bool {
        let end = Instant::now() + STOP_LIMIT;
        loop {
            self.reap();
            if ring.in_flight() == 0 {
                return true;
            }
            ring.cancel_all();
            let now = Instant::now();
            if now >= end {
                return false;
            }
            ring.wait(Waiter::Other, true, Some(STOP_LOOK.min(end - now)));
        }
    }
}
