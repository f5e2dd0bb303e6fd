//! Runs a test once more, alone in a process of its own, which may hang, abort, or restrict itself.

use std::ffi::OsStr;
use std::io::{Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags};

/// What takes longer in a process of its own hangs.
pub const LIMIT: Duration = Duration::from_secs(10);
/// The test that the process was started for.
const NAME: &str = "IOAIO_TEST_ALONE";
/// Written at the end, so that a name that is no test's does not pass.
const OVER: &str = "the body has come to its end";

/// Runs `body` in a process of its own. `test` is the path of the calling test below the test binary.
#[track_caller]
pub fn alone(test: &str, body: impl FnOnce()) {
    alone_for(LIMIT, test, &[], body);
}

/// The same with another limit, and with further variables of the environment.
#[track_caller]
pub fn alone_for(limit: Duration, test: &str, environment: &[(&str, &OsStr)], body: impl FnOnce()) {
    if std::env::var_os(NAME).is_some_and(|name| name == test) {
        body();
        return println!("{OVER}");
    }
    let mut output = tempfile::tempfile().expect("a file for the output");
    let writer = || Stdio::from(output.try_clone().expect("a descriptor"));
    let mut child = Command::new(std::env::current_exe().expect("this test binary"))
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(NAME, test)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(writer())
        .stderr(writer())
        .spawn()
        .expect("this test binary, once more");
    let status = wait(&mut child, limit);
    let mut text = Vec::new();
    output.rewind().expect("rewind");
    output.read_to_end(&mut text).expect("the output");
    let text = String::from_utf8_lossy(&text);
    match status {
        None => panic!("{test} hangs: not over after {limit:?}\n{text}"),
        Some(status) => assert!(
            status.success() && text.contains(OVER),
            "{test} alone: {status}, signal {:?}\n{text}",
            status.signal()
        ),
    }
    text.lines().filter(|line| line.starts_with("skipped: ")).for_each(|line| eprintln!("{line}"));
}

/// The exit status; nothing where the time was over, and the process was killed.
fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let pid = Pid::from_child(child);
    let process = rustix::process::pidfd_open(pid, PidfdFlags::empty()).expect("pidfd");
    let limit = Timespec::try_from(limit).expect("a timeout");
    let ended = loop {
        match rustix::event::poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&limit)) {
            Err(Errno::INTR) => {}
            n => break n.expect("poll(2)") > 0,
        }
    };
    if !ended {
        child.kill().expect("kill");
    }
    let status = child.wait().expect("the child");
    ended.then_some(status)
}
