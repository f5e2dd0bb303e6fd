//! A request that runs until the test lets it go.

use std::os::fd::OwnedFd;

use ioaio::{Aio, File, Read, Request};

/// An empty pipe: whoever reads it waits.
pub struct Gate {
    reader: File,
    writer: OwnedFd,
}

impl Gate {
    pub fn new() -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        Gate { reader: OwnedFd::from(reader).into(), writer: writer.into() }
    }
    /// Waits in the kernel until the gate is opened, and gives one byte.
    pub fn request<'a>(&self, aio: &'a Aio) -> Request<'a, Read<Vec<u8>>> {
        aio.read(&self.reader, vec![0; 1])
    }
    /// Lets one request through.
    pub fn open(&self) {
        assert_eq!(rustix::io::write(&self.writer, b"x").expect("a reader"), 1);
    }
}
