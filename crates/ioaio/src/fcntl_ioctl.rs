//! Requests whose meaning is a number, so that only the caller can say what the kernel reads and writes.
//!
//! # Safety contract
//! `fcntl` and `ioctl` are unsafe to make: the caller promises that the kernel uses no more of the
//! argument than it is, and owns nothing of it after the call. The request owns the argument until then.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use crate::request::op::Op;
use crate::values::file::File;
use crate::{Aio, Request};

/// The argument of [`fcntl`](Aio::fcntl) or [`ioctl`](Aio::ioctl): a number, nothing, or memory, which
/// comes back with the result.
///
/// # Safety
/// A pointer that is passed stays valid until the value is used again, also when it is moved.
pub unsafe trait RawArg: Send + 'static {
    /// What the system call gets.
    fn raw(&mut self) -> usize;
}

// SAFETY: no pointer.
unsafe impl RawArg for () {
    fn raw(&mut self) -> usize {
        0
    }
}
// SAFETY: no pointer.
unsafe impl RawArg for usize {
    fn raw(&mut self) -> usize {
        *self
    }
}
// SAFETY: no pointer.
unsafe impl RawArg for i32 {
    fn raw(&mut self) -> usize {
        *self as usize
    }
}
// SAFETY: what is in a box does not move.
unsafe impl<T: Send + 'static> RawArg for Box<T> {
    fn raw(&mut self) -> usize {
        (&raw mut **self).expose_provenance()
    }
}
// SAFETY: what a vector holds does not move.
unsafe impl RawArg for Vec<u8> {
    fn raw(&mut self) -> usize {
        self.as_mut_ptr().expose_provenance()
    }
}

/// `fcntl(2)`; see [`Aio::fcntl`].
pub struct Fcntl<A> {
    file: File,
    command: i32,
    arg: A,
}

impl<A: RawArg> Op for Fcntl<A> {
    type Val = i32;
    type Out = (io::Result<i32>, A);
    const NAME: &'static str = "fcntl";
    fn run(&mut self) -> io::Result<i32> {
        // SAFETY: the promise of whoever made the request (module contract).
        status(unsafe { libc::fcntl(self.file.as_fd().as_raw_fd(), self.command, self.arg.raw()) })
    }
    fn finish(self, res: io::Result<i32>) -> Self::Out {
        (res, self.arg)
    }
}

/// `ioctl(2)`; see [`Aio::ioctl`].
pub struct Ioctl<A> {
    file: File,
    request: u32,
    arg: A,
}

impl<A: RawArg> Op for Ioctl<A> {
    type Val = i32;
    type Out = (io::Result<i32>, A);
    const NAME: &'static str = "ioctl";
    fn run(&mut self) -> io::Result<i32> {
        let request = self.request as libc::Ioctl;
        // SAFETY: the promise of whoever made the request (module contract).
        status(unsafe { libc::ioctl(self.file.as_fd().as_raw_fd(), request, self.arg.raw()) })
    }
    fn finish(self, res: io::Result<i32>) -> Self::Out {
        (res, self.arg)
    }
}

fn status(n: i32) -> io::Result<i32> {
    match n {
        -1 => Err(io::Error::last_os_error()),
        n => Ok(n),
    }
}

impl Aio {
    /// Does what a number says to an open file: `fcntl(2)`. Gives the result, and the argument.
    ///
    /// A command that waits, as F_SETLKW does, holds a worker; [`flock`](Self::flock) and
    /// [`lock_range`](Self::lock_range) hold none.
    ///
    /// # Safety
    /// The argument is what the command takes: for one with a pointer a `Box` of the kernel's struct, or
    /// a `Vec<u8>` that is long enough. A descriptor that the command makes or changes is nobody else's.
    ///
    /// # Errors
    /// Those of `fcntl(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let (reader, _writer) = aio.pipe(ioaio::PipeFlags::empty()).wait()?;
    /// // SAFETY: this command takes a number.
    /// let (size, _) = unsafe { aio.fcntl(&reader, libc::F_SETPIPE_SZ, 1 << 20) }.wait();
    /// assert_eq!(size?, 1 << 20);
    /// # Ok(()) }
    /// ```
    pub unsafe fn fcntl<A: RawArg>(&self, file: &File, command: i32, arg: A) -> Request<'_, Fcntl<A>> {
        Request::new(self, Fcntl { file: file.share(), command, arg })
    }
    /// Does what a number says to a device or a file: `ioctl(2)`. Gives the result, and the argument.
    ///
    /// # Safety
    /// The argument is what the request takes, for the kind of file that this is: for one with a pointer
    /// a `Box` of the kernel's struct, or a `Vec<u8>` that is long enough; pointers in there stay valid
    /// until the request has completed.
    ///
    /// # Errors
    /// Those of `ioctl(2)`, of which ENOTTY means that the file does not know the request.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let (reader, writer) = aio.pipe(ioaio::PipeFlags::empty()).wait()?;
    /// aio.write(&writer, "hello").wait().0?;
    /// // SAFETY: FIONREAD writes an int.
    /// let (done, waiting) = unsafe { aio.ioctl(&reader, libc::FIONREAD as u32, Box::new(0_i32)) }.wait();
    /// assert_eq!((done?, *waiting), (0, 5));
    /// # Ok(()) }
    /// ```
    pub unsafe fn ioctl<A: RawArg>(&self, file: &File, request: u32, arg: A) -> Request<'_, Ioctl<A>> {
        Request::new(self, Ioctl { file: file.share(), request, arg })
    }
}
