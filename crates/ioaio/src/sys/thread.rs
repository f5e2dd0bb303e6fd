//! Threads that can be started in a forked child.
//!
//! Those of the standard library can't always: as each starts it takes a lock of the library's (around
//! what its handler of stack overflows knows), and in a child that was forked while another thread had
//! it, that lock stays taken for ever. The C library makes its own locks usable after a fork.
//!
//! # Safety contract
//! The closure is boxed, its address goes to one new thread, and that thread alone turns it back.
//! What the C library fills in lives as long as the call.

use std::ffi::{CStr, c_void};
use std::io;
use std::mem::MaybeUninit;

type Body = Box<dyn FnOnce() + Send>;

/// Runs the body; a panic that gets here ends the process.
extern "C" fn start(body: *mut c_void) -> *mut c_void {
    // SAFETY: `spawn` made it of a box and gave it to this thread.
    let body = unsafe { Box::from_raw(body.cast::<Body>()) };
    body();
    std::ptr::null_mut()
}

/// Starts a detached thread with all signals blocked, so that it never handles one of the program.
pub(crate) fn spawn(name: &'static CStr, stack: usize, body: Body) -> io::Result<()> {
    let body = Box::into_raw(Box::new(body));
    let result = with_signals_blocked(|| create(name, stack, body.cast()));
    if result.is_err() {
        // SAFETY: no thread was started that could have it.
        drop(unsafe { Box::from_raw(body) });
    }
    result
}

fn create(name: &CStr, stack: usize, body: *mut c_void) -> io::Result<()> {
    let mut attr = MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut thread = MaybeUninit::<libc::pthread_t>::uninit();
    // SAFETY: `attr` is initialised first and destroyed last; `thread` is set where create succeeds, and
    // is not yet detached then, so it names a thread even if that has ended.
    unsafe {
        done(libc::pthread_attr_init(attr.as_mut_ptr()))?;
        let attr = attr.assume_init_mut();
        let created = done(libc::pthread_attr_setstacksize(attr, stack))
            .and_then(|()| done(libc::pthread_create(thread.as_mut_ptr(), attr, start, body)));
        libc::pthread_attr_destroy(attr);
        created?;
        let thread = thread.assume_init();
        libc::pthread_setname_np(thread, name.as_ptr());
        libc::pthread_detach(thread);
    }
    Ok(())
}

fn done(code: i32) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code)) }
}

/// Runs `f` with all signals blocked, so that threads it starts never handle one.
fn with_signals_blocked<T>(f: impl FnOnce() -> T) -> T {
    let mut all = MaybeUninit::<libc::sigset_t>::uninit();
    let mut old = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: both sets are live; sigfillset initialises the first, pthread_sigmask the second.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), old.as_mut_ptr());
    }
    let out = f();
    // SAFETY: `old` was initialised above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, old.as_ptr(), std::ptr::null_mut()) };
    out
}
