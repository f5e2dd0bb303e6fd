//! Runs code in a forked child.
//!
//! # Safety contract
//! A child of a process with threads has one thread, and locks that other threads held stay locked.
//! The C library makes its allocator and thread creation usable; the child takes no other lock that
//! a test holds, and what hangs all the same is killed. It leaves by `_exit`, so no destructor or
//! exit handler of the parent's runs.

use std::io::{Read, Seek};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::panic::AssertUnwindSafe;
use std::sync::Once;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use super::HANG;

/// In a child: where its panics are written.
static MESSAGE: AtomicI32 = AtomicI32::new(-1);
static HOOK: Once = Once::new();

/// Sends the panics of a child to its parent. The hook's lock may be taken when a child is forked,
/// so the child can't set a hook itself.
fn set_hook() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| match MESSAGE.load(Ordering::Relaxed) {
        -1 => usual(info),
        fd => {
            // SAFETY: the file stays open as long as the child runs.
            let message = unsafe { BorrowedFd::borrow_raw(fd) };
            let _ = rustix::io::write(message, format!("{info}\n").as_bytes());
        }
    }));
}

/// Runs `body` in a forked child, and panics with the child's message if it panicked.
pub fn in_child(body: impl FnOnce()) {
    HOOK.call_once(set_hook);
    let memory = rustix::fs::memfd_create(c"panic", rustix::fs::MemfdFlags::CLOEXEC).expect("memfd");
    let mut message = std::fs::File::from(memory);
    // SAFETY: see the module's contract.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            MESSAGE.store(message.as_raw_fd(), Ordering::Relaxed);
            let code = match std::panic::catch_unwind(AssertUnwindSafe(body)) {
                Ok(()) => 0,
                Err(_) => 101,
            };
            // SAFETY: ends the process at once.
            unsafe { libc::_exit(code) }
        }
        pid => {
            let status = wait(Pid::from_raw(pid).expect("a child"));
            if status != Some(0) {
                let mut text = String::new();
                message.rewind().expect("rewind");
                message.read_to_string(&mut text).expect("the child's message");
                panic!("in a forked child, status {status:?}: {text}");
            }
        }
    }
}

/// The exit status; `None` after a signal, as of a child that hung and was killed.
fn wait(pid: Pid) -> Option<i32> {
    let process: OwnedFd = rustix::process::pidfd_open(pid, PidfdFlags::empty()).expect("pidfd");
    let limit = Timespec::try_from(HANG * 2).expect("a timeout");
    let ended = loop {
        match rustix::event::poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit)) {
            Err(rustix::io::Errno::INTR) => {}
            n => break n.expect("poll(2)") > 0,
        }
    };
    if !ended {
        eprintln!("the child hangs and is killed");
        rustix::process::kill_process(pid, Signal::KILL).expect("kill");
    }
    let (_, status) = rustix::process::waitpid(Some(pid), WaitOptions::empty()).expect("waitpid")?;
    status.exit_status()
}

/// Runs `body` as a user without privileges: in a child that gave them up, if this one has any.
pub fn as_nobody(body: impl FnOnce()) {
    const NOBODY: u32 = 65534;
    if !rustix::process::geteuid().is_root() {
        return body();
    }
    in_child(|| {
        // SAFETY: system calls without pointers; the child does not get its privileges back.
        unsafe {
            assert_eq!(libc::setgroups(0, std::ptr::null()), 0);
            assert_eq!(libc::setresgid(NOBODY, NOBODY, NOBODY), 0);
            assert_eq!(libc::setresuid(NOBODY, NOBODY, NOBODY), 0);
        }
        body();
    });
}
