//! Futures that are answered at once still let others go first, every now and then.
//!
//! A task whose futures are all ready when first polled never gives its executor back. And tasks that run one
//! after the other to their end never show how many they are, so that nothing would go to the workers although
//! there is work for all of them. So one future in 128 passes its turn: it is pending once, woken at once, and
//! all that begin meanwhile do the same if it matters to them how many there are.
//!
//! It matters only in `Aio::block_on`, whose thread works with the workers while it waits. Elsewhere futures are as
//! quick (tokio on one thread) or quicker (on as many as there are processors) if each is answered where it begins.

use std::sync::Arc;

use crate::engine::Inner;
use crate::sys::sync::{AtomicU32, AtomicUsize, Ordering};

/// Futures in a row that may be answered at once.
const EVERY: u32 = 128;

#[derive(Default)]
pub(crate) struct Turns {
    /// Futures begun: about so many, as it is not worth a locked instruction.
    begun: AtomicU32,
    /// Futures that have passed their turn and were not polled since.
    passed: AtomicUsize,
    /// Threads in `Aio::block_on`.
    pub(crate) helpers: AtomicUsize,
}

/// A turn that was passed.
pub(crate) struct Turn(Arc<Inner>);

impl Turn {
    /// Whether a future that begins now passes its turn.
    pub(crate) fn passes(inner: &Inner, inline_depth: Option<usize>) -> bool {
        let turns = &inner.turns;
        let begun = turns.begun.load(Ordering::Relaxed).wrapping_add(1);
        turns.begun.store(begun, Ordering::Relaxed);
        let counted = inline_depth.is_some() && turns.helpers.load(Ordering::Relaxed) > 0;
        let other = counted && turns.passed.load(Ordering::Relaxed) > 0;
        (other || begun.is_multiple_of(EVERY))
            && inner.inline_on
            && inline_depth.is_none_or(|most| inner.nreqs.load(Ordering::Relaxed) <= most)
    }
    pub(crate) fn pass(inner: &Arc<Inner>) -> Turn {
        inner.turns.passed.fetch_add(1, Ordering::Relaxed);
        Turn(inner.clone())
    }
    /// How many others have passed theirs too, where it matters.
    pub(crate) fn others(self) -> usize {
        let turns = &self.0.turns;
        match turns.helpers.load(Ordering::Relaxed) {
            0 => 0,
            _ => turns.passed.load(Ordering::Relaxed) - 1,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.turns.passed.fetch_sub(1, Ordering::Relaxed);
    }
}
