//! Runs code in a forked child.
//!
//! # Safety contract
//! A child of a process with threads has one thread, and locks that other threads held stay locked.
//! The C library makes its allocator and thread creation usable; the child takes no other lock that
//! a test holds, and what hangs all the same is killed. It leaves by `_exit`, so no destructor or
//! exit handler of the parent's runs.

use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::panic::AssertUnwindSafe;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};

use super::HANG;

/// Runs `body` in a forked child, and panics with the child's message if it panicked.
pub fn in_child(body: impl FnOnce()) {
    let memory = rustix::fs::memfd_create(c"panic", rustix::fs::MemfdFlags::CLOEXEC).expect("memfd");
    let mut message = std::fs::File::from(memory);
    // SAFETY: see the module's contract.
    match unsafe { libc::fork() } {
        -1 => panic!("fork: {}", std::io::Error::last_os_error()),
        0 => {
            let code = run(body, &message);
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

fn run(body: impl FnOnce(), message: &std::fs::File) -> i32 {
    let copy = message.try_clone().expect("dup");
    std::panic::set_hook(Box::new(move |info| {
        let _ = writeln!(&copy, "{info}");
    }));
    match std::panic::catch_unwind(AssertUnwindSafe(body)) {
        Ok(()) => 0,
        Err(_) => 101,
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
