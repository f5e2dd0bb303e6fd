//! Which routes the engine has, and why one is off. No lock: the routes have their own.

use std::io;
use std::sync::Arc;

use crate::engine::bell::Bell;
use crate::engine::settings::Settings;
use crate::route::pool::Pool;
use crate::route::ring::Ring;

pub(crate) struct Routes {
    pub(crate) inline: bool,
    /// Whether threads are used; without, the ring or `poll` executes what the pool would.
    pub(crate) threads: bool,
    pub(crate) pool: Pool,
    pub(crate) ring: Option<Arc<Ring>>,
    /// Why there is no ring from the start.
    no_ring: Option<String>,
}

impl Routes {
    pub(crate) fn new(b: &Settings, bell: &Bell) -> Self {
        use std::os::fd::AsFd;
        let ring = match b.ring {
            true => Ring::new(b.ring_in_flight, bell.as_fd()).map_err(refused),
            false => Err("switched off".to_owned()),
        };
        let (ring, no_ring) = match ring {
            Ok(ring) => (Some(Arc::new(ring)), None),
            Err(why) => (None, Some(why)),
        };
        let max = if b.pool { b.max_parallel } else { 0 };
        let pool = Pool::new(b.min_parallel.min(max), max, b.max_idle, b.idle_timeout);
        Routes { inline: b.inline, threads: b.pool, pool, ring, no_ring }
    }
    /// Why the ring is not used, and since when if it was.
    pub(crate) fn ring_off(&self) -> Option<(String, Option<std::time::SystemTime>)> {
        let Some(ring) = &self.ring else { return self.no_ring.clone().map(|why| (why, None)) };
        let off = ring.off()?;
        let errno = io::Error::from_raw_os_error(off.errno);
        Some((format!("io_uring_enter: refused by the kernel: {errno}"), Some(off.since)))
    }
    pub(crate) fn ring_needs_poll(&self) -> bool {
        self.ring.as_ref().is_some_and(|ring| ring.needs_poll())
    }
}

fn refused(e: io::Error) -> String {
    format!("io_uring_setup: refused by the kernel: {e}")
}
