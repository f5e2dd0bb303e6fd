//! The engine and its limits.

use std::ffi::{c_char, c_int, c_uint};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use engine::{Aio, Backend};
use libc::size_t;

use crate::args::request_is_over;
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
    /// Errors: EOWNERDEAD in a child that has to call ioaio_reinit first.
    ioaio_poll() -> c_int = "int", |aio| number(aio.poll());
    /// Waits until ioaio_poll has a result, or for so many milliseconds (-1: without end). 1 if it has, 0 if
    /// there can be none or time is over, -1 with errno.
    ioaio_wait(milliseconds: c_int = "int milliseconds") -> c_int = "int", |aio| {
        let limit = u64::try_from(milliseconds).ok().map(Duration::from_millis);
        number(aio.wait(limit).map(usize::from))
    };
    /// Polls until no request is left; 0, or -1 with errno.
    /// Errors: EOWNERDEAD in a child that has to call ioaio_reinit first.
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
    /// Keeps at least so many threads, up to IOAIO_MAX_THREADS.
    ioaio_min_parallel(n: c_int = "int n") -> () = "void", |aio| aio.min_parallel(threads(n));
    /// Allows at most so many threads, up to IOAIO_MAX_THREADS, and waits until no more are running.
    ioaio_max_parallel(n: c_int = "int n") -> () = "void", |aio| aio.max_parallel(threads(n));
    /// Sets how many idle threads stay.
    ioaio_max_idle(n: c_int = "int n") -> () = "void", |aio| aio.max_idle(size(n));
    /// Sets how many seconds a thread stays idle before it may end.
    ioaio_idle_timeout(seconds: c_int = "int seconds") -> () = "void", |aio| {
        aio.idle_timeout(Duration::from_secs(size(seconds) as u64))
    };
    /// Sets how many requests may wait to be executed before a submitter is held; 0, or -1 with errno.
    /// Errors: EINVAL for 0 and less.
    ioaio_max_outstanding(n: c_int = "int n") -> c_int = "int", |aio| {
        status(aio.max_outstanding(size(n)).map(drop))
    };
    /// Sets how many results one ioaio_poll delivers at the most; 0 is no limit. 0, or -1 with errno.
    /// Errors: EINVAL for less than 0.
    ioaio_max_poll_reqs(n: c_int = "int n") -> c_int = "int", |aio| {
        status(aio.max_poll_reqs(if n == 0 { usize::MAX } else { size(n) }))
    };
    /// Sets how many seconds one ioaio_poll goes on delivering; 0 is no limit.
    ioaio_max_poll_time(seconds: f64 = "double seconds") -> () = "void", |aio| {
        aio.max_poll_time(Duration::try_from_secs_f64(seconds).ok().filter(|t| !t.is_zero()))
    };
    /// 1 in a child that has to call ioaio_reinit first, else 0.
    ioaio_forked() -> c_int = "int", |aio| aio.forked().into();
    /// After a fork, in the child: forgets every request and starts anew. The poll fd keeps its number. 0, or -1
    /// with errno.
    /// Errors: EBUSY where there was no fork; EMFILE, ENFILE or ENOMEM, after which it can be called again.
    ioaio_reinit() -> c_int = "int", |aio| {
        request_is_over(); // descriptors that were requests' are the child's
        status(aio.reinit())
    };
    /// The routes that requests can take: IOAIO_INLINE, IOAIO_RING, IOAIO_POOL.
    ioaio_routes() -> c_uint = "unsigned", |aio| {
        let Backend { inline, ring, pool, .. } = aio.backend();
        let bit = |on, bit| if on { bit } else { 0 };
        bit(inline, INLINE << USED) | bit(ring, RING << USED) | bit(pool, POOL << USED)
    };
    /// Why io_uring is not used, as text with a NUL in room bytes; how many bytes it has, without the NUL, which may
    /// be more; 0 where it is used.
    ioaio_ring_off(text: *mut c_char = "char *text", room: size_t = "size_t room") -> size_t = "size_t", |aio| {
        let why = aio.backend().ring_off.unwrap_or_default();
        let given = why.len().min(room.saturating_sub(1));
        if room > 0 {
            // SAFETY: the caller's promise: there is so much room.
            unsafe {
                text.cast::<u8>().copy_from_nonoverlapping(why.as_ptr(), given);
                text.add(given).write(0);
            }
        }
        why.len()
    };
    /// Fills in size bytes of stats, which is sizeof *stats.
    ioaio_get_stats(stats: *mut ioaio_stats = "ioaio_stats *stats", size: size_t = "size_t size")
        -> () = "void", |aio| {
        let now = ioaio_stats::of(aio);
        let known = size.min(size_of::<ioaio_stats>());
        // SAFETY: the caller's promise: there are so many bytes; those of later versions become 0.
        unsafe {
            let bytes = stats.cast::<u8>();
            bytes.copy_from_nonoverlapping((&raw const now).cast(), known);
            bytes.add(known).write_bytes(0, size - known);
        }
    };
}

/// What an engine has done; see `ioaio_get_stats`.
#[allow(non_camel_case_types)]
#[repr(C)]
pub struct ioaio_stats {
    /// Requests that were answered at once.
    pub by_inline: u64,
    /// Requests that io_uring has executed.
    pub by_ring: u64,
    /// Requests that threads have executed.
    pub by_pool: u64,
    /// Requests that io_uring has now.
    pub ring_in_flight: u64,
    /// Threads now.
    pub threads: u64,
}

impl ioaio_stats {
    fn of(aio: &Aio) -> Self {
        let now = aio.stats();
        ioaio_stats {
            by_inline: now.inline,
            by_ring: now.ring,
            by_pool: now.pool,
            ring_in_flight: now.ring_in_flight.into(),
            threads: now.threads as u64,
        }
    }
}

/// More threads than a machine has use for; what is beyond is a mistake, and would take all of its memory.
const MAX_THREADS: usize = 1024;

fn threads(n: c_int) -> usize {
    size(n).min(MAX_THREADS)
}

const INLINE: c_uint = 1;
const RING: c_uint = 2;
const POOL: c_uint = 4;
/// By how much the bits of routes that are used are higher than those of the options, for none to be taken for the
/// opposite.
const USED: u32 = 8;

/// Numbers of the engine for the header.
pub(crate) const CONSTANTS: &[(&str, c_uint, &str)] = &[
    ("IOAIO_INLINE", INLINE << USED, "of ioaio_routes: a request may be answered at once"),
    ("IOAIO_RING", RING << USED, "of ioaio_routes: io_uring"),
    ("IOAIO_POOL", POOL << USED, "of ioaio_routes: threads"),
    ("IOAIO_NO_INLINE", INLINE, "ioaio_new_with: no request is answered at once"),
    ("IOAIO_NO_RING", RING, "ioaio_new_with: io_uring is not used"),
    ("IOAIO_NO_POOL", POOL, "ioaio_new_with: no threads: ioaio_poll executes what has no other route"),
    ("IOAIO_MAX_THREADS", MAX_THREADS as c_uint, "of one engine"),
];

/// The routes that the environment variable IOAIO_ROUTES switches off: it names those that stay, with commas, or
/// `none`. A program with more rights than its user does not listen to it (`AT_SECURE`).
fn routes_off() -> io::Result<c_uint> {
    // SAFETY: takes a number.
    let secure = unsafe { libc::getauxval(libc::AT_SECURE) } != 0;
    let value = match std::env::var_os("IOAIO_ROUTES") {
        Some(value) if !secure && !value.is_empty() => value,
        _ => return Ok(0),
    };
    let mut off = INLINE | RING | POOL;
    for word in value.as_bytes().split(|byte| *byte == b',') {
        off &= !match word.trim_ascii() {
            b"inline" => INLINE,
            b"ring" => RING,
            b"pool" => POOL,
            b"none" => 0,
            _ => return Err(io::Error::from_raw_os_error(libc::EINVAL)),
        };
    }
    Ok(off)
}

fn make(options: c_uint) -> io::Result<Aio> {
    if options & !(INLINE | RING | POOL) != 0 {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let off = options | routes_off()?;
    let on = |bit| off & bit == 0;
    Aio::builder().inline(on(INLINE)).ring(on(RING)).pool(on(POOL)).build()
}

/// A new engine, or null with errno.
#[unsafe(no_mangle)]
pub extern "C" fn ioaio_new() -> *mut ioaio {
    ioaio_new_with(0)
}
/// A new engine without some routes: IOAIO_NO_... Null with errno.
#[unsafe(no_mangle)]
pub extern "C" fn ioaio_new_with(options: c_uint) -> *mut ioaio {
    match make(options) {
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
        request_is_over();
    }
}
/// The version of the library, as text.
#[unsafe(no_mangle)]
pub extern "C" fn ioaio_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
/// The version of the library, as IOAIO_VERSION_NUMBER.
#[unsafe(no_mangle)]
pub extern "C" fn ioaio_version_number() -> c_uint {
    let [major, minor, patch] = crate::header::version();
    major << 16 | minor << 8 | patch
}
