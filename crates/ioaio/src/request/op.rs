//! What an operation is: one block in `ops/`, executed by any route with the same result.

use std::io;
use std::task::{Context, Poll};

use crate::request::control::Control;
use crate::request::sqe::{Completions, Links};
use crate::request::sqe::{Cqe, Sqe};

/// Inline, at most this many bytes are copied; a caller that only submits is held no longer than that takes.
pub(crate) const INLINE_BYTES: usize = 64 * 1024;
/// With more requests outstanding than this, workers are awake, and quicker than an inline answer that takes three
/// system calls or more.
pub(crate) const INLINE_DEPTH: usize = 2;

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
    /// With more requests outstanding than this, another route is quicker than `inline`. `None`: however many
    /// there are, nothing is quicker.
    fn inline_depth(&self) -> Option<usize> {
        None
    }
    /// Whether this request is better on the ring than on a worker. Most are not: the kernel gives all calls but
    /// reads and direct writes to threads of its own, which cost more to wake than ours and know no priorities.
    fn prefers_ring(&self) -> bool {
        false
    }
    /// A fault on purpose: asks for only a part of the bytes.
    fn shorten(&mut self) {}
    /// For a composite: its children's priority.
    fn set_priority(&mut self, _priority: u8) {}
    /// For a composite: what its children and its canceller share.
    fn control(&self) -> Option<&std::sync::Arc<Control>> {
        None
    }
    /// Goes on as far as possible without holding the thread. Only an operation whose `control` says that it
    /// goes by steps is ever pending; every other one is executed by its first step.
    fn step(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<Self::Val>> {
        Poll::Ready(self.run())
    }
    /// Executes the operation to its end, blocking, on a worker or on a thread that waits for it anyway. The
    /// engine never does that to one that goes by steps, as it would hold a worker while it waits.
    ///
    /// # Errors
    /// The errno of the system call.
    fn run(&mut self) -> io::Result<Self::Val>;
    /// Makes the caller's result of the kernel's answer.
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out;
}

/// Executes an operation that goes by steps to its end, on a thread that waits for it.
pub(crate) fn run_by_steps<O: Op>(op: &mut O) -> io::Result<O::Val> {
    let waker = crate::sys::park::waker();
    let mut cx = Context::from_waker(&waker);
    loop {
        match op.step(&mut cx) {
            Poll::Ready(res) => return res,
            Poll::Pending => std::thread::park(),
        }
    }
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

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{Aio, File, LockKind};

    #[test]
    fn a_composite_runs_to_its_end_on_the_thread_that_waits() {
        let (aio, dir) = (Aio::new().unwrap(), tempfile::tempdir().unwrap());
        let tree = dir.path().join("tree");
        std::fs::create_dir_all(tree.join("a/b")).unwrap();
        aio.remove_tree(&tree).op.run().unwrap().unwrap();
        assert!(!tree.exists());
    }

    #[test]
    fn a_lock_is_waited_for_on_the_thread_that_waits() {
        let (aio, path) = (Aio::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
        let [holder, waiter] = [(); 2].map(|()| File::from(path.reopen().unwrap()));
        aio.flock(&holder, LockKind::Exclusive).wait().unwrap();
        std::thread::scope(|scope| {
            let lock = scope.spawn(|| aio.flock(&waiter, LockKind::Exclusive).op.run());
            std::thread::sleep(std::time::Duration::from_millis(5));
            assert!(!lock.is_finished(), "somebody else has it");
            aio.flock(&holder, LockKind::Unlock).wait().unwrap();
            lock.join().unwrap().unwrap();
        });
    }
}
