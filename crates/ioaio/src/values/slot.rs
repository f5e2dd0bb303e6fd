//! A place in one of a ring's tables, as a file or a buffer holds it: it knows its table, and no engine.

use std::sync::{Arc, Weak};

use crate::sys::fork::ForkMark;

/// What a table is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Buffers,
    Files,
}

/// Where slots come from, and go back to.
pub(crate) trait Table: Send + Sync {
    fn release(&self, kind: Kind, index: u32);
}

/// A place in a table, given back when it is dropped.
pub(crate) struct Slot {
    table: Weak<dyn Table>,
    /// The tables of a parent are the parent's.
    fork: Arc<ForkMark>,
    kind: Kind,
    index: u32,
}

impl Slot {
    pub(crate) fn new(table: Weak<dyn Table>, fork: Arc<ForkMark>, kind: Kind, index: u32) -> Self {
        Slot { table, fork, kind, index }
    }
    /// Whether it is one of this table's, given by its address.
    pub(crate) fn is_of(&self, table: *const ()) -> bool {
        std::ptr::eq(self.table.as_ptr().cast::<()>(), table)
    }
    /// For an entry; `None` in a child of fork, whose ring is another one, and when the ring has gone.
    pub(crate) fn index(&self) -> Option<u32> {
        (self.table.strong_count() > 0 && !self.fork.forked()).then_some(self.index)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if self.fork.forked() {
            return;
        }
        if let Some(table) = self.table.upgrade() {
            table.release(self.kind, self.index);
        }
    }
}
