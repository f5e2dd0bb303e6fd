//! One request without its types: the allocation, the queues it is in, what an operation is.

pub(crate) mod cell;
pub(crate) mod control;
pub(crate) mod members;
pub(crate) mod op;
pub(crate) mod queue;
pub mod sqe;
