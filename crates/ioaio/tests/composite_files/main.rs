//! Composites on files: contents and metadata as std sees them, faults and cancels at every step,
//! kills and attackers.

#[path = "../common/mod.rs"]
mod common;

mod attributes;
mod close;
mod copy;
mod crash;
mod leftovers;
mod load;
mod look;
mod memfs;
mod move_;
mod no_replace;
mod pathsync;
mod random;
mod save;
mod special_target;
mod tree;

use std::path::Path;

use ioaio::{Aio, Error, Faults};

fn errno<T: std::fmt::Debug>(res: Result<T, Error>) -> Option<i32> {
    res.expect_err("an error").raw_os_error()
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

/// The names in a directory, sorted.
fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).expect("a directory");
    let mut names: Vec<_> =
        entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Lets each step fail in turn; the first run, without a fault, tells how many there are.
fn each_fault<T>(errno: i32, run: impl Fn(&Aio) -> Result<T, Error>, check: impl Fn(u64, Result<T, Error>)) {
    each_fault_besides(|| Faults::new(1), errno, run, check);
}

/// The same where some steps fail always.
fn each_fault_besides<T>(
    always: impl Fn() -> Faults,
    errno: i32,
    run: impl Fn(&Aio) -> Result<T, Error>,
    check: impl Fn(u64, Result<T, Error>),
) {
    let engine = |plan: &Faults| Aio::builder().faults(plan.clone()).build().expect("an engine");
    let plan = always();
    check(u64::MAX, run(&engine(&plan)));
    for n in 0..plan.asked() {
        let res = run(&engine(&always().fail_nth(n, errno)));
        check(n, res);
    }
}
