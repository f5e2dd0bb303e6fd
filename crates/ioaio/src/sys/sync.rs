//! Locks, atomics, cells and threads: the standard library's, or loom's where `--cfg loom` has it
//! try every order of events (see `engine/model.rs`).

#[cfg(loom)]
pub(crate) use loom::future::AtomicWaker;
#[cfg(loom)]
pub(crate) use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    sync::{Condvar, Mutex, MutexGuard},
};

#[cfg(not(loom))]
pub(crate) use atomic_waker::AtomicWaker;
#[cfg(not(loom))]
pub(crate) use std::{
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    sync::{Condvar, Mutex, MutexGuard},
};

/// The standard cell with the interface of loom's.
#[cfg(not(loom))]
pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(crate) const fn new(value: T) -> Self {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }
    pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.0.get())
    }
}

/// Starts a thread that never handles a signal of the program.
pub(crate) fn spawn(
    name: &'static std::ffi::CStr,
    stack: usize,
    body: impl FnOnce() + Send + 'static,
) -> std::io::Result<()> {
    #[cfg(loom)]
    {
        let _ = (name, stack);
        loom::thread::spawn(body);
        Ok(())
    }
    #[cfg(not(loom))]
    crate::sys::thread::spawn(name, stack, Box::new(body))
}

/// Between two accesses that are sequentially consistent: loom takes those for acquire and release, and only a fence
/// gives it the total order that they have in fact.
#[inline]
pub(crate) fn model_fence() {
    #[cfg(loom)]
    fence(Ordering::SeqCst);
}
