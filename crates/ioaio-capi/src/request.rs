//! Submitting, and the handle that C holds meanwhile.

use std::ffi::c_void;

use engine::{Aio, Op, Request};

use crate::args::callback_returned;
use crate::engine_api::ioaio;
use crate::group::ioaio_group;
use crate::memory::{fail, room_for};
use crate::result::{Show, ioaio_result};

/// The caller's function; it runs inside `ioaio_poll`.
#[allow(non_camel_case_types)]
pub type ioaio_cb = Option<unsafe extern "C" fn(data: *mut c_void, result: *const ioaio_result)>;

/// A request; valid until its callback returns.
#[allow(non_camel_case_types)]
pub struct ioaio_req {
    _opaque: [u8; 0],
}

/// How a request completes.
pub(crate) struct Reply {
    pub(crate) priority: i32,
    pub(crate) group: *const ioaio_group,
    pub(crate) callback: ioaio_cb,
    pub(crate) data: *mut c_void,
}

/// The caller's pointer.
struct Data(*mut c_void);
// SAFETY: the header says that it is passed on to the thread that calls ioaio_poll.
unsafe impl Send for Data {}

/// Submits; the handle, or null with errno.
///
/// # Safety
/// The group is live or null.
pub(crate) unsafe fn start<O: Op>(aio: &Aio, request: Request<'_, O>, reply: Reply) -> *const ioaio_req
where
    O::Out: Show,
{
    if aio.forked() {
        fail(libc::EOWNERDEAD);
        return std::ptr::null();
    }
    if !room_for(size_of::<O>()) {
        return std::ptr::null();
    }
    let mut request = request.priority(reply.priority.clamp(-4, 4) as i8);
    // SAFETY: the caller's promise.
    if let Some(group) = unsafe { reply.group.as_ref() } {
        request = request.group(&group.0);
    }
    let (data, callback) = (Data(reply.data), reply.callback);
    let address = request.then_at(move |out| {
        let data = data;
        out.show(|result| {
            if let Some(callback) = callback {
                // SAFETY: the caller's function with the caller's pointer.
                unsafe { callback(data.0, result) }
            }
            callback_returned();
        });
    });
    address.cast()
}

/// Cancels a request as far as that is possible; its callback runs in any case, once.
///
/// # Safety
/// The engine is live, the request is one of its, and its callback has not returned yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_cancel(aio: *const ioaio, req: *const ioaio_req) {
    if !req.is_null() {
        // SAFETY: the caller's promise.
        unsafe { (*aio).0.cancel_at(req.cast()) };
    }
}
