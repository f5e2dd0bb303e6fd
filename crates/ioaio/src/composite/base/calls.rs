//! The system calls of a composite, one after the other on a worker.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::PathBuf;

use rustix::io::Errno;

use crate::request::control::Control;
use crate::sys::close::close_written;
use crate::values::error::Error;
use crate::values::path::At;

/// Something that errors can name.
pub(crate) trait Place {
    fn place(&self) -> PathBuf;
}

impl Place for At {
    fn place(&self) -> PathBuf {
        self.path_buf()
    }
}

/// Makes system calls, unless the request was cancelled or a fault is planned.
#[derive(Clone, Copy)]
pub(crate) struct Calls<'a>(pub(crate) &'a Control);

impl Calls<'_> {
    /// A system call on the way to the result.
    pub(crate) fn step<T>(
        self,
        call: &'static str,
        place: &dyn Place,
        f: impl FnMut() -> rustix::io::Result<T>,
    ) -> Result<T, Error> {
        named(call, place, self.0.step(call).and_then(|()| again(f)))
    }
    /// Closes what was written. Some file systems tell only now that it was not stored: NFS, CIFS, FUSE, and
    /// those that have a quota on a server.
    pub(crate) fn close(self, place: &dyn Place, file: OwnedFd) -> Result<(), Error> {
        let close = |()| Ok(close_written(file)?);
        named("close", place, self.0.step("close").and_then(close))
    }
    /// What closing does, of a file that has to stay open: another descriptor of it is closed.
    pub(crate) fn flush(self, place: &dyn Place, file: BorrowedFd<'_>) -> Result<(), Error> {
        let close = || rustix::io::fcntl_dupfd_cloexec(file, 0).and_then(close_written);
        self.step("close", place, close)
    }
    /// One that is made also after a cancel: what cleans up, or what can't be taken back.
    pub(crate) fn finally<T>(
        self,
        call: &'static str,
        place: &dyn Place,
        f: impl FnMut() -> rustix::io::Result<T>,
    ) -> Result<T, Error> {
        named(call, place, self.0.fault(call).and_then(|()| again(f)))
    }
}

/// How often a call is made that signals interrupt. A file system in user space may say so for ever.
const INTERRUPTIONS: u32 = 10_000;

fn again<T>(mut f: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    for _ in 1..INTERRUPTIONS {
        match f() {
            Err(Errno::INTR) => {}
            res => return Ok(res?),
        }
    }
    Ok(f()?)
}

fn named<T>(call: &'static str, place: &dyn Place, res: io::Result<T>) -> Result<T, Error> {
    res.map_err(|e| Error::new(call, place.place(), e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interruptions_are_put_up_with_and_not_for_ever() {
        let mut left = 100;
        let late = again(|| {
            left -= 1;
            if left > 0 { Err(Errno::INTR) } else { Ok("done") }
        });
        assert_eq!(late.expect("it is done at last"), "done");
        let mut calls = 0;
        let never = again(|| {
            calls += 1;
            Err::<(), _>(Errno::INTR)
        });
        assert_eq!((never.unwrap_err().raw_os_error(), calls), (Some(libc::EINTR), INTERRUPTIONS));
    }
}
