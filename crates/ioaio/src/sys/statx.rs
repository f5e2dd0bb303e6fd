//! Room for what `statx(2)` tells.
//!
//! # Safety contract
//! The kernel's struct has only integers, for which zero is a value.

/// For the kernel to write a result of `statx(2)` into.
pub(crate) fn zeroed_statx() -> rustix::fs::Statx {
    // SAFETY: the module's contract.
    unsafe { std::mem::zeroed() }
}
