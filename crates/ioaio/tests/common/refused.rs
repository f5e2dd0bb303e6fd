//! Runs a test binary once more, in a process to which the kernel refuses io_uring.
//!
//! # Safety contract
//! Between fork and exec the child only installs a filter that was compiled before.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::process::Command;

use ioaio::Aio;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// The errno with which io_uring is refused in this process.
const REFUSED: &str = "IOAIO_TEST_IO_URING_REFUSED";

/// Runs all of this binary's tests with every io_uring call ending in `errno`.
pub fn rerun(errno: i32) {
    if std::env::var_os(REFUSED).is_some() {
        return; // this is the rerun
    }
    let calls = [libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];
    let rules: BTreeMap<i64, Vec<_>> = calls.map(|call| (call, Vec::new())).into();
    let arch = std::env::consts::ARCH.try_into().expect("an architecture that seccompiler knows");
    let (others, these) = (SeccompAction::Allow, SeccompAction::Errno(errno as u32));
    let filter: BpfProgram = SeccompFilter::new(rules, others, these, arch).unwrap().try_into().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(REFUSED, errno.to_string()).arg("--quiet");
    // SAFETY: see the module's contract: two system calls.
    unsafe {
        command.pre_exec(move || seccompiler::apply_filter(&filter).map_err(std::io::Error::other));
    }
    let output = command.output().expect("the test binary");
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&text));
}

/// In the rerun: the engine does without, and says why.
pub fn the_backend_says_why() {
    let Ok(errno) = std::env::var(REFUSED) else { return };
    let error = std::io::Error::from_raw_os_error(errno.parse().unwrap());
    let backend = Aio::new().unwrap().backend();
    let why = backend.ring_off.expect("the reason");
    assert!(!backend.ring && why.contains(&error.to_string()), "{why}");
}

/// The tests of this module, for a test binary.
#[allow(unused_macros, reason = "each test binary uses its part")]
macro_rules! tests {
    () => {
        #[test]
        fn all_of_it_where_there_is_no_io_uring() {
            $crate::common::refused::rerun(libc::ENOSYS);
        }
        #[test]
        fn all_of_it_where_io_uring_is_forbidden() {
            $crate::common::refused::rerun(libc::EPERM);
        }
        #[test]
        fn the_backend_says_why_io_uring_is_off() {
            $crate::common::refused::the_backend_says_why();
        }
    };
}
#[allow(unused_imports, reason = "each test binary uses its part")]
pub(crate) use tests;

/// From now on, this thread and those it starts are refused these system calls.
pub fn refuse(calls: &[i64], errno: i32) {
    let rules: BTreeMap<i64, Vec<_>> = calls.iter().map(|&call| (call, Vec::new())).collect();
    let arch = std::env::consts::ARCH.try_into().expect("an architecture that seccompiler knows");
    let (others, these) = (SeccompAction::Allow, SeccompAction::Errno(errno as u32));
    let filter: BpfProgram = SeccompFilter::new(rules, others, these, arch).unwrap().try_into().unwrap();
    seccompiler::apply_filter(&filter).expect("a filter");
}
