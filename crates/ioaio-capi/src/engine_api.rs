//! The engine and its limits.

use std::ffi::{c_char, c_int, c_uint};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use engine::Aio;

use crate::memory::fail;

/// An engine; see `ioaio_new`.
#[allow(non_camel_case_types)]
pub struct ioaio(pub(crate) Aio);

/// 0, or -1 with errno.
fn status(res: io::Result<()>) -> c_int {
    number(res.map(|()| 0))
}
fn number(res: io::Result<usize>) -> c_int {
    match res {
        Ok(n) => c_int::try_from(n).unwrap_or(c_int::MAX),
        Err(e) => {
            fail(e.raw_os_error().unwrap_or(libc::EIO));
            -1
        }
    }
}
fn size(n: c_int) -> usize {
    usize::try_from(n).unwrap_or(0)
}
fn small(n: usize) -> c_uint {
    c_uint::try_from(n).unwrap_or(c_uint::MAX)
}

macro_rules! functions {
    ($($(#[doc = $doc:literal])* $name:ident($($arg:ident: $type:ty = $c:literal),*)
        -> $ret:ty = $cret:literal, |$aio:ident| $body:expr;)*) => {
        /// Declarations for the header: return type, name, arguments, description.
        pub(crate) const FUNCTIONS: &[(&str, &str, &[&str], &str)] =
            &[$(($cret, stringify!($name), &[$($c),*], concat!($($doc, "\n"),*)),)*];
        $($(#[doc = $doc])*
        ///
        /// # Safety
        /// The engine is live.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name(aio: *const ioaio, $($arg: $type),*) -> $ret {
            // SAFETY: the caller's promise.
            let $aio = unsafe { &(*aio).0 };
            $body
        })*
    };
}

functions! {
    /// The poll fd: readable while ioaio_poll has something to do.
    ioaio_fd() -> c_int = "int", |aio| aio.as_fd().as_raw_fd();
    /// Runs the callbacks of finished requests; their number, or -1 with errno.
    ioaio_poll() -> c_int = "int", |aio| number(aio.poll());
    /// Waits until ioaio_poll has a result, or for so many milliseconds (-1: without end). 1 if it has, 0 if
    /// there can be none or time is over, -1 with errno.
    ioaio_wait(milliseconds: c_int = "int milliseconds") -> c_int = "int", |aio| {
        let limit = u64::try_from(milliseconds).ok().map(Duration::from_millis);
        number(aio.wait(limit).map(usize::from))
    };
    /// Polls until no request is left.
    ioaio_flush() -> c_int = "int", |aio| status(aio.flush());
    /// Makes the poll fd readable until an ioaio_poll that finds nothing, for work of the caller's own.
    ioaio_wake() -> () = "void", |aio| aio.wake();
    /// Requests submitted and not delivered.
    ioaio_nreqs() -> c_uint = "unsigned", |aio| small(aio.nreqs());
    /// Requests that wait for a route.
    ioaio_nready() -> c_uint = "unsigned", |aio| small(aio.nready());
    /// Results that wait for ioaio_poll.
    ioaio_npending() -> c_uint = "unsigned", |aio| small(aio.npending());
    /// Worker threads now.
    ioaio_nthreads() -> c_uint = "unsigned", |aio| small(aio.nthreads());
    /// Keeps at least so many threads.
    ioaio_min_parallel(n: c_int = "int n") -> () = "void", |aio| aio.min_parallel(size(n));
    /// Allows at most so many threads, and waits until no more are running.
    ioaio_max_parallel(n: c_int = "int n") -> () = "void", |aio| aio.max_parallel(size(n));
    /// Sets how many idle threads stay.
    ioaio_max_idle(n: c_int = "int n") -> () = "void", |aio| aio.max_idle(size(n));
    /// Sets how many seconds a thread stays idle before it may end.
    ioaio_idle_timeout(seconds: c_int = "int seconds") -> () = "void", |aio| {
        aio.idle_timeout(Duration::from_secs(size(seconds) as u64))
    };
    /// Sets how many requests may wait to be executed before a submitter is held.
    ioaio_max_outstanding(n: c_int = "int n") -> c_int = "int", |aio| {
        status(aio.max_outstanding(size(n)).map(drop))
    };
    /// Sets how many results one ioaio_poll delivers at the most; 0 is no limit.
    ioaio_max_poll_reqs(n: c_int = "int n") -> c_int = "int", |aio| {
        status(aio.max_poll_reqs(if n == 0 { usize::MAX } else { size(n) }))
    };
    /// Sets how many seconds one ioaio_poll goes on delivering; 0 is no limit.
    ioaio_max_poll_time(seconds: f64 = "double seconds") -> () = "void", |aio| {
        aio.max_poll_time(Duration::try_from_secs_f64(seconds).ok().filter(|t| !t.is_zero()))
    };
    /// 1 in a child that has to call ioaio_reinit first, else 0.
    ioaio_forked() -> c_int = "int", |aio| aio.forked().into();
    /// After a fork, in the child: forgets every request and starts anew. The poll fd keeps its number.
    ioaio_reinit() -> c_int = "int", |aio| status(aio.reinit());
}

/// Options of `ioaio_new_with`: what is not to be used.
pub(crate) const OPTIONS: &[(&str, c_uint, &str)] = &[
    ("IOAIO_NO_INLINE", 1, "no request is answered at once"),
    ("IOAIO_NO_RING", 2, "io_uring is not used"),
    ("IOAIO_NO_POOL", 4, "no threads: ioaio_poll executes what has no other route"),
];

/// A new engine, or null with errno.
#[unsafe(no_mangle)]
pub extern "C" fn ioaio_new() -> *mut ioaio {
    ioaio_new_with(0)
}
/// A new engine without some routes: IOAIO_NO_... Null with errno.
#[unsafe(no_mangle)]
pub extern "C" fn ioaio_new_with(options: c_uint) -> *mut ioaio {
    let off = |bit| options & bit != 0;
    let known = OPTIONS.iter().fold(0, |all, (_, bit, _)| all | bit);
    let made = if options & !known == 0 {
        Aio::builder().inline(!off(1)).ring(!off(2)).pool(!off(4)).build()
    } else {
        Err(io::Error::from_raw_os_error(libc::EINVAL))
    };
    match made {
        Ok(aio) => Box::into_raw(Box::new(ioaio(aio))),
        Err(e) => {
            fail(e.raw_os_error().unwrap_or(libc::ENOMEM));
            std::ptr::null_mut()
        }
    }
}
/// Ends an engine. Callbacks that have not run never run; ioaio_flush first lets them.
///
/// # Safety
/// The engine came from `ioaio_new` or `ioaio_new_with`, and is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ioaio_free(aio: *mut ioaio) {
    if !aio.is_null() {
        // SAFETY: the caller's promise.
        let aio = unsafe { Box::from_raw(aio) };
        aio.0.end(); // groups may have it too
    }
}
/// The version of the library, as text.
#[unsafe(no_mangle)]
pub extern "C" fn ioaio_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
