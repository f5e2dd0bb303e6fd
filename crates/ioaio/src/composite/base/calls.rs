//! The system calls of a composite, one after the other on a worker.

use std::io;
use std::path::PathBuf;

use crate::request::control::Control;
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

fn again<T>(f: impl FnMut() -> rustix::io::Result<T>) -> io::Result<T> {
    Ok(rustix::io::retry_on_intr(f)?)
}

fn named<T>(call: &'static str, place: &dyn Place, res: io::Result<T>) -> Result<T, Error> {
    res.map_err(|e| Error::new(call, place.place(), e))
}
