//! ioaio's futures as tokio's tasks, with nothing that drives the engine.

use std::io;

use ::ioaio::Aio;
use tokio::runtime::{Builder, Runtime};

use super::Subject;
use super::tokio_fs::in_flight;
use crate::run::{Run, Sample};
use crate::work::Files;

pub struct OnTokio {
    aio: Aio,
    runtime: Runtime,
}

impl OnTokio {
    /// On the current thread, or on so many worker threads.
    pub fn new(threads: usize) -> io::Result<OnTokio> {
        let mut builder = match threads {
            0 => Builder::new_current_thread(),
            _ => Builder::new_multi_thread(),
        };
        Ok(OnTokio { aio: Aio::new()?, runtime: builder.worker_threads(threads.max(1)).build()? })
    }
}

impl Subject for OnTokio {
    fn stat(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        run.measure(|cursor| {
            in_flight(&self.runtime, run.depth, |_| {
                let (aio, work, cursor) = (self.aio.clone(), run.work.clone(), cursor.clone());
                async move {
                    while let Some(index) = cursor.next() {
                        let stat = aio.stat(work.path(index)).await?;
                        work.check_stat(index, stat.mode(), stat.len())?;
                    }
                    Ok(())
                }
            })
        })
    }

    fn whole(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        run.measure(|cursor| {
            in_flight(&self.runtime, run.depth, |_| {
                let (aio, work, cursor) = (self.aio.clone(), run.work.clone(), cursor.clone());
                async move {
                    while let Some(index) = cursor.next() {
                        let data = aio.load(work.path(index)).await?;
                        work.check_content(index, data.len(), &data)?;
                    }
                    Ok(())
                }
            })
        })
    }
}
