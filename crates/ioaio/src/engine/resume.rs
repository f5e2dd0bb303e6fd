//! Queues a composite again when something that it waits for is done.

use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};

use crate::engine::Engine;
use crate::request::cell::Req;

struct Resume {
    engine: Weak<Engine>,
    req: Req,
}

impl Wake for Resume {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }
    fn wake_by_ref(self: &Arc<Self>) {
        if let Some(engine) = self.engine.upgrade() {
            let needs = engine.routes.pool.unpark(&self.req);
            engine.meet(needs, self.req.is_callback());
        }
    }
}

/// Queues the composite again.
pub(crate) fn waker(engine: &Arc<Engine>, req: &Req) -> Waker {
    Waker::from(Arc::new(Resume { engine: Arc::downgrade(engine), req: req.clone() }))
}
