//! Counters of the requests that do much.

use std::ffi::c_void;

use engine::Progress;

use crate::result::{ioaio_not_kept, show_not_kept};

/// Counters; see `ioaio_progress_new`.
#[allow(non_camel_case_types)]
pub struct ioaio_progress(pub(crate) Progress);

/// Counters at zero, to be freed by `ioaio_progress_free`.
#[unsafe(no_mangle)]
pub extern "C" fn ioaio_progress_new() -> *mut ioaio_progress {
    Box::into_raw(Box::new(ioaio_progress(Progress::new())))
}
/// Gives up the caller's counters; a request that still uses them goes on.
///
/// # Safety
/// They came from `ioaio_progress_new`, and are not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_progress_free(progress: *mut ioaio_progress) {
    if !progress.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(progress) });
    }
}
/// The files, directories and others that are done.
///
/// # Safety
/// The counters are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_progress_entries(progress: *const ioaio_progress) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { &*progress }.0.entries()
}
/// The bytes of contents that are done, holes included.
///
/// # Safety
/// The counters are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_progress_bytes(progress: *const ioaio_progress) -> u64 {
    // SAFETY: the caller's promise.
    unsafe { &*progress }.0.bytes()
}
/// The caller's function, for each of what was not kept.
#[allow(non_camel_case_types)]
pub type ioaio_not_kept_cb =
    Option<unsafe extern "C-unwind" fn(data: *mut c_void, lost: *const ioaio_not_kept)>;

/// Calls `callback` for each of what copies could not keep, and gives how many these are.
///
/// # Safety
/// The counters are live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_progress_not_kept(
    progress: *const ioaio_progress,
    callback: ioaio_not_kept_cb,
    data: *mut c_void,
) -> usize {
    // SAFETY: the caller's promise.
    let all = unsafe { &*progress }.0.not_kept();
    if let Some(callback) = callback {
        // SAFETY: the caller's function with the caller's pointer.
        show_not_kept(&all, |list| list.iter().for_each(|lost| unsafe { callback(data, lost) }));
    }
    all.len()
}
