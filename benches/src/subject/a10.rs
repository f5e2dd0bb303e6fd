//! a10: a ring under any executor; here under the simplest one that polls ready futures only.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, Waker};

use ::a10::{AsyncFd, Ring};
use futures::stream::{FuturesUnordered, Stream};
use std::pin::{Pin, pin};

use super::Subject;
use crate::run::{Run, Sample};
use crate::work::{BLOCK, Reads};

pub struct A10 {
    ring: Ring,
}

impl A10 {
    pub fn new() -> io::Result<A10> {
        let config = Ring::config().with_submission_queue_size(256).single_issuer().defer_task_run();
        Ok(A10 { ring: config.build()? })
    }

    fn in_flight<F>(&mut self, depth: usize, task: impl Fn() -> F) -> io::Result<()>
    where
        F: Future<Output = io::Result<()>>,
    {
        let mut context = Context::from_waker(Waker::noop());
        if depth == 1 {
            let mut only = pin!(task());
            loop {
                match only.as_mut().poll(&mut context) {
                    Poll::Ready(outcome) => return outcome,
                    Poll::Pending => self.ring.poll(None)?,
                }
            }
        }
        let mut tasks: FuturesUnordered<F> = (0..depth).map(|_| task()).collect();
        loop {
            match Pin::new(&mut tasks).poll_next(&mut context) {
                Poll::Ready(Some(outcome)) => outcome?,
                Poll::Ready(None) => return Ok(()),
                Poll::Pending => self.ring.poll(None)?,
            }
        }
    }
}

impl Subject for A10 {
    fn read(&mut self, run: &Run<Reads>) -> io::Result<Sample> {
        let work = &run.work;
        let file = AsyncFd::new(OwnedFd::from(File::open(&work.file.path)?), self.ring.sq());
        run.measure(|cursor| {
            self.in_flight(run.depth, || async {
                let mut buffer = Vec::with_capacity(BLOCK);
                while let Some(index) = cursor.next() {
                    buffer.clear();
                    buffer = file.read(buffer).from(work.offsets[index]).await?;
                    work.check(index, buffer.len(), &buffer)?;
                }
                Ok(())
            })
        })
    }
}
