//! Room for what `statx(2)` tells.
//!
//! # Safety contract
//! The kernel's struct has only integers, for which zero is a value.

/// Space for the kernel to write a `statx(2)` result into.
pub(crate) fn zeroed_statx() -> Box<rustix::fs::Statx> {
    // SAFETY: the module's contract.
    Box::new(unsafe { std::mem::zeroed() })
}
