//! Pipes.

use std::io;

use rustix::pipe::PipeFlags;

use crate::request::op::Op;
use crate::values::file::File;
use crate::{Aio, Request};

/// `pipe2(2)`; see [`Aio::pipe`].
pub struct Pipe(PipeFlags);

impl Op for Pipe {
    type Val = (File, File);
    type Out = io::Result<(File, File)>;
    const NAME: &'static str = "pipe";
    fn inline(&mut self) -> Option<io::Result<(File, File)>> {
        Some(self.run()) // touches no device
    }
    fn run(&mut self) -> io::Result<(File, File)> {
        let (reader, writer) = rustix::pipe::pipe_with(self.0 | PipeFlags::CLOEXEC)?;
        Ok((reader.into(), writer.into()))
    }
    fn finish(self, res: io::Result<(File, File)>) -> Self::Out {
        res
    }
}

impl Aio {
    /// A new pipe, reading end first: `pipe2(2)`. O_CLOEXEC is always set.
    ///
    /// # Errors
    /// Those of `pipe2(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let (reader, writer) = aio.pipe(ioaio::PipeFlags::empty()).wait()?;
    /// aio.write(&writer, "data").wait().0?;
    /// assert_eq!(aio.read(&reader, Vec::with_capacity(10)).wait().1, b"data");
    /// # Ok(()) }
    /// ```
    pub fn pipe(&self, flags: PipeFlags) -> Request<'_, Pipe> {
        Request::new(self, Pipe(flags))
    }
}
