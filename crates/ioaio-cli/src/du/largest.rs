//! The largest directories so far.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::tree::{Id, Tree};

pub struct Largest {
    places: usize,
    offered: u64,
    /// Size, when it was offered, which directory: of equals the later one, which may be the parent.
    heap: BinaryHeap<Reverse<(u64, u64, Id)>>,
}

impl Largest {
    pub fn new(places: usize) -> Self {
        Largest { places, offered: 0, heap: BinaryHeap::new() }
    }
    /// Gives a finished directory a place if it is large enough.
    pub fn offer(&mut self, tree: &mut Tree, size: u64, id: Id) {
        self.offered += 1;
        let place = Reverse((size, self.offered, id));
        if self.heap.len() < self.places {
            tree.keep(id);
            self.heap.push(place);
        } else if let Some(mut least) = self.heap.peek_mut()
            && least.0.0 <= size
        {
            tree.keep(id);
            tree.release(least.0.2);
            *least = place;
        }
    }
    /// From the largest down.
    pub fn into_sorted(self) -> impl Iterator<Item = Id> {
        self.heap.into_sorted_vec().into_iter().map(|Reverse((_, _, id))| id)
    }
}
