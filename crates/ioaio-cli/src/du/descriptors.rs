//! How many descriptors the walk may have open.

use std::io;

use rustix::process::{Resource, getrlimit, setrlimit};

/// More than this many open directories help nobody.
const ENOUGH: u64 = 16 * 1024;
/// For what the engine, the C library and the caller's environment may still open.
const SPARE: u64 = 8;

/// Raises the soft limit of this process as far as it may; gives the number that is free for use.
///
/// # Errors
/// If hardly any are left.
pub fn available() -> io::Result<usize> {
    let mut limit = getrlimit(Resource::Nofile);
    let soft = limit.current.unwrap_or(ENOUGH);
    let wanted = limit.maximum.unwrap_or(ENOUGH).min(ENOUGH);
    let mut total = soft;
    if soft < wanted {
        limit.current = Some(wanted);
        if setrlimit(Resource::Nofile, limit).is_ok() {
            total = wanted;
        }
    }
    let open = match std::fs::read_dir("/proc/self/fd") {
        Ok(list) => list.count() as u64,
        Err(_no_proc) => 16,
    };
    match total.saturating_sub(open + SPARE) {
        0..4 => Err(io::Error::other(format!("a limit of {total} open files is too low (ulimit -n)"))),
        free => Ok(free as usize),
    }
}
