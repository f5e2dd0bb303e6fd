//! Every request: a line of a table is a typed function, a number for `ioaio_submit`, and a
//! declaration in the header.

use std::ffi::{c_int, c_void};

use crate::args::{Engine, ioaio_args};
use crate::engine_api::ioaio;
use crate::group::ioaio_group;
use crate::memory::fail;
use crate::request::{Reply, ioaio_cb, ioaio_req};

/// A line of a table, for the header.
pub(crate) struct Line {
    pub(crate) code: c_int,
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [&'static str],
    pub(crate) doc: &'static str,
}

macro_rules! ops {
    ($($(#[doc = $doc:literal])* $code:literal $name:ident($($field:ident),*)
        |$aio:ident, $args:ident| $make:expr;)*) => {
        #[allow(unused_imports)]
        use crate::args::types::*;

        pub(crate) const TABLE: &[crate::ops::Line] = &[$(crate::ops::Line {
            code: $code,
            name: stringify!($name),
            fields: &[$(stringify!($field)),*],
            doc: concat!($($doc, "\n"),*),
        }),*];

        /// Submits the request that `args` describes: the handle, or null with errno. `None` if it is none
        /// of this table.
        ///
        /// # Safety
        /// See the header.
        pub(crate) unsafe fn submit(
            aio: crate::args::Engine<'_>,
            args: &crate::args::ioaio_args,
            reply: crate::request::Reply,
        ) -> Option<*const crate::request::ioaio_req> {
            use crate::refused::Pointers;
            use crate::request::{Made, may_submit, refuse};
            Some(match args.op {
                $($code => {
                    const POINTERS: Pointers = Pointers::of(&[$(stringify!($field)),*]);
                    if !may_submit(aio) {
                        return Some(std::ptr::null());
                    }
                    match POINTERS.check(args) {
                        // SAFETY: the caller's promise.
                        Err(why) => unsafe { refuse(aio, why, reply) },
                        Ok(()) => {
                            let ($aio, $args) = (aio, args);
                            let request = $make;
                            // SAFETY: the caller's promise.
                            unsafe { request.start(aio, reply) }
                        }
                    }
                })*
                _ => return None,
            })
        }

        $($(#[doc = $doc])*
        ///
        /// # Safety
        /// The engine and the group are live, and pointers are valid as the header says.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(
            aio: *const crate::engine_api::ioaio,
            $($field: field_type!($field),)*
            priority: std::ffi::c_int,
            group: *const crate::group::ioaio_group,
            callback: crate::request::ioaio_cb,
            data: *mut std::ffi::c_void,
        ) -> *const crate::request::ioaio_req {
            use crate::args::ioaio_args;
            let args = ioaio_args { op: $code, $($field,)* ..ioaio_args::NONE };
            let reply = crate::request::Reply { priority, group, callback, data };
            // SAFETY: the caller's promise.
            unsafe { submit(&(*aio).0, &args, reply) }.unwrap_or(std::ptr::null())
        })*
    };
}

mod attributes;
mod composites;
mod descriptors;
mod files;
mod memory;
mod names;

pub use attributes::*;
pub use composites::*;
pub use descriptors::*;
pub use files::*;
pub use memory::*;
pub use names::*;

/// All lines, by families.
pub(crate) fn table() -> impl Iterator<Item = &'static Line> {
    let families =
        [files::TABLE, descriptors::TABLE, names::TABLE, attributes::TABLE, memory::TABLE, composites::TABLE];
    families.into_iter().flatten()
}

/// # Safety
/// See the header.
unsafe fn submit_any(aio: Engine<'_>, args: &ioaio_args, reply: Reply) -> Option<*const ioaio_req> {
    let families = [
        files::submit,
        descriptors::submit,
        names::submit,
        attributes::submit,
        memory::submit,
        composites::submit,
    ];
    // SAFETY: the caller's promise.
    families.into_iter().find_map(|family| unsafe { family(aio, args, reply) })
}

/// Any request, by `args->op`: for languages that bind C at run time.
///
/// # Safety
/// The engine and the group are live, `args` has as many bytes as its size says, and pointers are valid as the
/// header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_submit(
    aio: *const ioaio,
    args: *const ioaio_args,
    priority: c_int,
    group: *const ioaio_group,
    callback: ioaio_cb,
    data: *mut c_void,
) -> *const ioaio_req {
    let reply = Reply { priority, group, callback, data };
    // SAFETY: the caller's promise.
    let args = match unsafe { ioaio_args::of_any_size(args) } {
        Ok(args) => args,
        Err(why) => {
            fail(why.0);
            return std::ptr::null();
        }
    };
    // SAFETY: the caller's promise.
    unsafe { submit_any(&(*aio).0, &args, reply) }.unwrap_or_else(|| {
        fail(libc::EINVAL);
        std::ptr::null()
    })
}
