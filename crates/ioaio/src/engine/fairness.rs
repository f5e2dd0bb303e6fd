//! Futures that are answered at once still let others go first, every now and then.
//!
//! A task whose futures are all ready when first polled never gives its executor back. And tasks that run one
//! after the other to their end never show how many they are, so that nothing would go to the workers although
//! there is work for all of them. So one future in 128 lets others go first: it is pending once, woken at once, and
//! all that begin meanwhile do the same if it matters to them how many there are.
//!
//! It matters only in `Aio::block_on`, whose thread works with the workers while it waits. Elsewhere futures are as
//! quick (tokio on one thread) or quicker (on as many as there are processors) if each is answered where it begins.
//! No lock: the counts are atomics.

use std::sync::Arc;

use crate::sys::sync::{AtomicU32, AtomicUsize, Ordering};

/// Futures in a row that may be answered at once.
const EVERY: u32 = 128;

#[derive(Default)]
pub(crate) struct Fairness {
    /// How many futures have begun. Two threads may count one of them as one: it need not be exact, and so it is
    /// counted without an atomic addition, which would cost each future some nanoseconds.
    begun: AtomicU32,
    /// Futures that have let others go first and were not polled since.
    deferred: AtomicUsize,
    /// Threads in `Aio::block_on`.
    helpers: AtomicUsize,
}

/// A future that lets others go first.
pub(crate) struct Deferred(Arc<Fairness>);

impl Fairness {
    pub(crate) fn helper_began(&self) {
        self.helpers.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn helper_ended(&self) {
        self.helpers.fetch_sub(1, Ordering::Relaxed);
    }
    /// Whether a future that begins now lets others go first. `counts`: it matters to it how many there are.
    pub(crate) fn defers(&self, counts: bool) -> bool {
        let begun = self.begun.load(Ordering::Relaxed).wrapping_add(1);
        self.begun.store(begun, Ordering::Relaxed);
        let counted = counts && self.helpers.load(Ordering::Relaxed) > 0;
        let another = counted && self.deferred.load(Ordering::Relaxed) > 0;
        another || begun.is_multiple_of(EVERY)
    }
    pub(crate) fn defer(self: &Arc<Self>) -> Deferred {
        self.deferred.fetch_add(1, Ordering::Relaxed);
        Deferred(self.clone())
    }
}

impl Deferred {
    /// How many others do so too, where it matters.
    pub(crate) fn others(self) -> usize {
        match self.0.helpers.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.0.deferred.load(Ordering::Relaxed) - 1,
        }
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        self.0.deferred.fetch_sub(1, Ordering::Relaxed);
    }
}
