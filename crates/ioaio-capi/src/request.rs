//! Submitting, and the handle that C holds meanwhile.

use std::ffi::{c_int, c_void};
use std::io;

use engine::{Aio, Op, Request};

use crate::args::request_is_over;
use crate::engine_api::ioaio;
use crate::group::ioaio_group;
use crate::memory::{fail, room_for};
use crate::refused::Refused;
use crate::result::{Show, ioaio_result};

/// The caller's function; it runs inside `ioaio_poll`. Nothing may be thrown out of it: that ends the process.
#[allow(non_camel_case_types)]
pub type ioaio_cb = Option<unsafe extern "C-unwind" fn(data: *mut c_void, result: *const ioaio_result)>;

/// A request; valid until its callback returns.
#[allow(non_camel_case_types)]
pub struct ioaio_req {
    _opaque: [u8; 0],
}

/// How a request completes.
#[derive(Clone, Copy)]
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

/// The arguments of any request, in bytes.
const ARGUMENTS: usize = 512;

/// Whether a request can be made; else errno tells why not. It is asked before anything is taken from the
/// caller, such as the descriptor that he wants closed.
pub(crate) fn may_submit(aio: &Aio) -> bool {
    if aio.forked() {
        fail(libc::EOWNERDEAD);
        return false;
    }
    room_for(ARGUMENTS)
}

/// A request, or why there is none.
pub(crate) trait Made {
    /// Submits it; the handle.
    ///
    /// # Safety
    /// The group is live or null.
    unsafe fn start(self, aio: &Aio, reply: Reply) -> *const ioaio_req;
}

impl<O: Op> Made for Request<'_, O>
where
    O::Out: Show,
{
    unsafe fn start(self, _aio: &Aio, reply: Reply) -> *const ioaio_req {
        const { assert!(size_of::<O>() <= ARGUMENTS) }
        let mut request = self.priority(reply.priority.clamp(-4, 4) as i8);
        // SAFETY: the caller's promise.
        if let Some(group) = unsafe { reply.group.as_ref() } {
            request = request.group(&group.0);
        }
        let (data, callback) = (Data(reply.data), reply.callback);
        let address = request.then_at(move |out| {
            request_is_over();
            let data = data;
            // Without a callback nobody could close what a request has opened: it goes with `out`.
            if let Some(callback) = callback {
                // SAFETY: the caller's function with the caller's pointer.
                out.show(|result| unsafe { callback(data.0, result) });
            }
        });
        address.cast()
    }
}

impl<M: Made> Made for Result<M, Refused> {
    unsafe fn start(self, aio: &Aio, reply: Reply) -> *const ioaio_req {
        match self {
            // SAFETY: the caller's promise.
            Ok(request) => unsafe { request.start(aio, reply) },
            // SAFETY: the caller's promise.
            Err(why) => unsafe { refuse(aio, why, reply) },
        }
    }
}

/// A request that does nothing but fail.
///
/// # Safety
/// The group is live or null.
pub(crate) unsafe fn refuse(aio: &Aio, why: Refused, reply: Reply) -> *const ioaio_req {
    let errno = why.0;
    let failing = aio.call(move || Err::<i64, _>(io::Error::from_raw_os_error(errno)));
    // SAFETY: the caller's promise.
    unsafe { failing.start(aio, reply) }
}

/// Cancels a request as far as that is possible; its callback runs in any case, once. 1 if it will be with
/// ECANCELED, 0 if it is being executed, or is done: it ends as it does.
///
/// # Safety
/// The engine is live, the request is one of its, and its callback has not returned yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_cancel(aio: *const ioaio, req: *const ioaio_req) -> c_int {
    if req.is_null() {
        return 0;
    }
    // SAFETY: the caller's promise.
    unsafe { (*aio).0.cancel_at(req.cast()) }.into()
}
