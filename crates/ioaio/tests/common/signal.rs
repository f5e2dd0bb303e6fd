//! Signals that interrupt system calls.
//!
//! # Safety contract
//! The handler does nothing, and the thread that gets the signals outlives the one that sends them,
//! because the guard does not leave its thread.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

extern "C" fn ignore(_signal: i32) {}

/// Sends the thread that made it a signal every millisecond, until it is dropped.
pub struct Bombardment {
    stop: Arc<AtomicBool>,
    sender: Option<JoinHandle<()>>,
    _stays: PhantomData<*const ()>,
}

/// Interrupts this thread's system calls from now on.
pub fn bombard() -> Bombardment {
    // SAFETY: an all-zero sigaction is a valid one, and the handler only returns.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = ignore as extern "C" fn(i32) as usize;
        assert_eq!(libc::sigaction(libc::SIGUSR1, &action, std::ptr::null_mut()), 0);
    }
    let stop = Arc::new(AtomicBool::new(false));
    // SAFETY: only asks who this thread is.
    let target = unsafe { libc::pthread_self() };
    let stopped = stop.clone();
    let sender = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            // SAFETY: the target joins this thread before it ends.
            unsafe { libc::pthread_kill(target, libc::SIGUSR1) };
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    Bombardment { stop, sender: Some(sender), _stays: PhantomData }
}

impl Drop for Bombardment {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(sender) = self.sender.take() {
            sender.join().expect("the sender");
        }
    }
}
