//! Several children at once, bounded.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::composite::base::task::Child;
use crate::request::op::Op;

/// Children under way.
pub(crate) struct Flight<O: Op>(Vec<Child<O>>);

impl<O: Op> Flight<O> {
    pub(crate) fn new() -> Self {
        Flight(Vec::new())
    }
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
    pub(crate) fn add(&mut self, child: Child<O>) {
        self.0.push(child);
    }
    /// The next result, in any order; `None` when nothing is under way.
    pub(crate) async fn next(&mut self) -> Option<O::Out> {
        poll_fn(|cx| self.poll_next(cx)).await
    }
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<O::Out>> {
        for i in 0..self.0.len() {
            if let Poll::Ready(out) = Pin::new(&mut self.0[i]).poll(cx) {
                self.0.swap_remove(i);
                return Poll::Ready(Some(out));
            }
        }
        if self.0.is_empty() { Poll::Ready(None) } else { Poll::Pending }
    }
}

/// How many children keep all processors busy, and few enough that their open files do not matter.
pub(crate) fn width() -> usize {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    (2 * cpus).clamp(2, 6)
}
