//! Requests that touch no file.

use std::io;
use std::time::Duration;

use crate::request::op::{Op, RingOp};
use crate::request::sqe::Sqe;
use crate::{Aio, Request};

/// A request that does nothing.
pub struct Nop(());

impl Op for Nop {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "nop";
    const RING: Option<RingOp<Self>> =
        Some(RingOp { encode: |_| Some(Sqe::nop()), decode: |_, cqe| cqe.unit() });
    fn inline(&mut self) -> Option<io::Result<()>> {
        Some(Ok(()))
    }
    fn run(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}

/// A request that keeps a thread busy, for tests.
pub struct Busy(Duration);

impl Op for Busy {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "busy";
    fn run(&mut self) -> io::Result<()> {
        std::thread::sleep(self.0);
        Ok(())
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}

impl Aio {
    /// Does nothing, through the whole engine.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// ioaio::Aio::new()?.nop().wait()
    /// # }
    /// ```
    pub fn nop(&self) -> Request<'_, Nop> {
        Request::new(self, Nop(()))
    }
    /// Sleeps on a worker thread, for tests.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// ioaio::Aio::new()?.busy(std::time::Duration::from_millis(1)).wait()
    /// # }
    /// ```
    pub fn busy(&self, time: Duration) -> Request<'_, Busy> {
        Request::new(self, Busy(time))
    }
}
