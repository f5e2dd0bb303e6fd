//! What an operation is: one block in `ops/`, executed by any route with the same result.

use std::io;
use std::task::{Context, Poll};

use crate::request::control::Control;
use crate::request::sqe::{Completions, Links};
use crate::request::sqe::{Cqe, Sqe};

/// An operation that ioaio can execute.
///
/// The crate implements it for its own operations; see `CONTRIBUTING.md` for how one is added.
/// Everything an implementation does is safe Rust: the ring gets borrows, never raw pointers.
pub trait Op: Sized + Send + 'static {
    /// What the kernel's answer becomes on every route.
    type Val: Send + 'static;
    /// What the caller receives: the answer, with the buffer where there is one.
    type Out: Send + 'static;
    /// The name of the operation, as in the registry.
    const NAME: &'static str;
    /// How the ring executes it, where the kernel has an opcode.
    const RING: Option<RingOp<Self>> = None;

    /// How the ring executes it where it is several calls in a row.
    const CHAIN: Option<ChainOp<Self>> = None;

    /// Refuses bad arguments before anything is submitted.
    ///
    /// # Errors
    /// The errno that the system call would have given.
    fn check(&self) -> io::Result<()> {
        Ok(())
    }
    /// Tries without waiting for a device; `None` means: take another route.
    fn inline(&mut self) -> Option<io::Result<Self::Val>> {
        None
    }
    /// How many requests may be outstanding for `inline` still to be the best route.
    fn inline_depth(&self) -> usize {
        usize::MAX
    }
    /// Whether this request is better on the ring than on a worker.
    fn prefers_ring(&self) -> bool {
        Self::RING.is_some()
    }
    /// A fault on purpose: asks for only a part of the bytes.
    fn shorten(&mut self) {}
    /// For a composite: its children's priority.
    fn set_priority(&mut self, _priority: u8) {}
    /// For a composite: what its children and its canceller share.
    fn control(&self) -> Option<&std::sync::Arc<Control>> {
        None
    }
    /// Goes on as far as possible without waiting for children. Only a composite ever waits.
    fn step(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<Self::Val>> {
        Poll::Ready(self.run())
    }
    /// Executes the system call, blocking, on a worker.
    ///
    /// # Errors
    /// The errno of the system call.
    fn run(&mut self) -> io::Result<Self::Val>;
    /// Makes the caller's result of the kernel's answer.
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out;
}

/// The ring's half of an operation: both directions or neither.
pub struct RingOp<O: Op> {
    /// Describes the request; `None` if this one does not fit the opcode.
    pub encode: for<'a> fn(&'a mut O) -> Option<Sqe<'a>>,
    /// Reads the completion.
    pub decode: fn(&mut O, Cqe) -> io::Result<O::Val>,
}

/// The ring's half of an operation that is several calls: the kernel starts each entry when the one
/// before it has succeeded.
pub struct ChainOp<O: Op> {
    /// Whether the first entry opens a file, into the slot that `encode` is given: no descriptor is needed.
    pub opens: bool,
    /// Describes the entries; `None` if this request does not fit the opcodes.
    pub encode: for<'a> fn(&'a mut O, slot: u32) -> Option<Links<'a>>,
    /// Reads the completions, in the entries' order; `None` if a worker has to go on.
    pub decode: fn(&mut O, Completions) -> Option<io::Result<O::Val>>,
}
