//! What the kernel has counted of a thread.
//!
//! # Safety contract
//! The call fills a struct that is this function's own.

use std::mem::MaybeUninit;

/// How often the calling thread has slept for something: its voluntary context switches, `getrusage(2)` with
/// RUSAGE_THREAD (Linux 2.6.26).
pub(crate) fn sleeps_of_thread() -> u64 {
    if cfg!(loom) {
        return 0;
    }
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: a struct of integers that is zeroed before, in case the call is refused.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
        usage.assume_init()
    };
    usage.ru_nvcsw as u64
}
