//! Groups of requests.

use std::ffi::{c_int, c_void};

use engine::Group;

use crate::engine_api::ioaio;

/// A group; see `ioaio_group_new`.
#[allow(non_camel_case_types)]
pub struct ioaio_group(pub(crate) Group);

/// Called when a group has no members left, or wants more of them.
#[allow(non_camel_case_types)]
pub type ioaio_group_cb = Option<unsafe extern "C-unwind" fn(data: *mut c_void, group: *const ioaio_group)>;

struct Context(ioaio_group_cb, *mut c_void, *const ioaio_group);
// SAFETY: the header says that the pointers are passed on to the thread that calls ioaio_poll, and
// that the group is live until then.
unsafe impl Send for Context {}

impl Context {
    fn call(&self) {
        if let Some(callback) = self.0 {
            // SAFETY: the caller's function with the caller's pointers.
            unsafe { callback(self.1, self.2) }
        }
    }
}

/// A new group, to be freed by `ioaio_group_free`.
///
/// # Safety
/// The engine is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_group_new(aio: *const ioaio) -> *mut ioaio_group {
    // SAFETY: the caller's promise.
    Box::into_raw(Box::new(ioaio_group(unsafe { &*aio }.0.group())))
}
/// Gives up the caller's handle; members go on.
///
/// # Safety
/// The handle came from `ioaio_group_new`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_group_free(group: *mut ioaio_group) {
    if !group.is_null() {
        // SAFETY: the caller's promise.
        drop(unsafe { Box::from_raw(group) });
    }
}
/// Calls `callback` inside `ioaio_poll` when no member is left.
///
/// # Safety
/// The group is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_group_then(
    group: *const ioaio_group,
    callback: ioaio_group_cb,
    data: *mut c_void,
) {
    let context = Context(callback, data, group);
    // SAFETY: the caller's promise.
    unsafe { &*group }.0.then(move || context.call());
}
/// Calls `feeder` now, and whenever members are missing, until a call adds none.
///
/// # Safety
/// The group is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_group_feed(
    group: *const ioaio_group,
    feeder: ioaio_group_cb,
    data: *mut c_void,
) {
    let context = Context(feeder, data, group);
    // SAFETY: the caller's promise.
    unsafe { &*group }.0.feed(move |_| context.call());
}
/// Sets how many members the feeder keeps going; 0 pauses it.
///
/// # Safety
/// The group is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_group_limit(group: *const ioaio_group, limit: c_int) {
    // SAFETY: the caller's promise.
    unsafe { &*group }.0.limit(limit.max(0) as usize);
}
/// Cancels the members and removes the feeder; the group itself still completes.
///
/// # Safety
/// The group is live.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_group_cancel(group: *const ioaio_group) {
    // SAFETY: the caller's promise.
    unsafe { &*group }.0.cancel();
}
