//! Queues a composite again when something that it waits for is done.

use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use crate::engine::Inner;
use crate::request::cell::Req;

struct Resume {
    inner: Weak<Inner>,
    req: Req,
}

impl Wake for Resume {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(inner) = self.inner.upgrade() {
            inner.pool.unpark(&inner, &self.req);
        }
    }
}

/// Queues the composite again.
pub(crate) fn waker(inner: &Arc<Inner>, req: &Req) -> Waker {
    Waker::from(Arc::new(Resume { inner: Arc::downgrade(inner), req: req.clone() }))
}
