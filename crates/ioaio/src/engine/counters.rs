//! How many requests each route has executed. No lock; each count has a cache line of its own, since different
//! threads write them.

use crate::sys::sync::{AtomicU64, Ordering};

#[derive(Default)]
#[repr(align(64))]
struct Counter(AtomicU64);

#[derive(Default)]
pub(crate) struct Counters {
    inline: Counter,
    ring: Counter,
    pool: Counter,
}

impl Counters {
    pub(crate) fn add_inline(&self) {
        self.inline.0.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn add_ring(&self, n: usize) {
        self.ring.0.fetch_add(n as u64, Ordering::Relaxed);
    }
    pub(crate) fn add_pool(&self, n: usize) {
        self.pool.0.fetch_add(n as u64, Ordering::Relaxed);
    }
    /// Requests executed inline, by the ring, by threads.
    pub(crate) fn all(&self) -> [u64; 3] {
        [&self.inline, &self.ring, &self.pool].map(|counter| counter.0.load(Ordering::Relaxed))
    }
}
