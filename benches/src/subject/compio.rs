//! compio: its own runtime on a ring, one per thread.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::rc::Rc;

use ::compio::buf::BufResult;
use ::compio::driver::ProactorBuilder;
use ::compio::fs::File;
use ::compio::io::AsyncReadAt;
use ::compio::runtime::{Runtime, RuntimeBuilder};

use super::Subject;
use crate::run::{Run, Sample};
use crate::work::{BLOCK, Files, Reads};

pub struct Compio {
    runtime: Runtime,
}

impl Compio {
    /// With the ring flags that suit a single thread best.
    pub fn new() -> io::Result<Compio> {
        let mut proactor = ProactorBuilder::new();
        proactor.single_issuer(true).defer_taskrun(true);
        let runtime = RuntimeBuilder::new().with_proactor(proactor).build()?;
        Ok(Compio { runtime })
    }

    fn in_flight<F>(&self, depth: usize, task: impl Fn() -> F) -> io::Result<()>
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        self.runtime.block_on(async {
            if depth == 1 {
                return task().await;
            }
            let tasks: Vec<_> = (0..depth).map(|_| ::compio::runtime::spawn(task())).collect();
            for task in tasks {
                task.await.map_err(|_| io::Error::other("a task panicked"))??;
            }
            Ok(())
        })
    }
}

impl Subject for Compio {
    fn read(&mut self, run: &Run<Reads>) -> io::Result<Sample> {
        let work = &run.work;
        let file = Rc::new(self.runtime.block_on(File::open(&work.file.path))?);
        run.measure(|cursor| {
            self.in_flight(run.depth, || {
                let (work, cursor, file) = (work.clone(), cursor.clone(), file.clone());
                async move {
                    let mut buffer = Vec::with_capacity(BLOCK);
                    while let Some(index) = cursor.next() {
                        let BufResult(len, back) = file.read_at(buffer, work.offsets[index]).await;
                        work.check(index, len?, &back)?;
                        buffer = back;
                        buffer.clear();
                    }
                    Ok(())
                }
            })
        })
    }

    fn stat(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        let work = &run.work;
        run.measure(|cursor| {
            self.in_flight(run.depth, || {
                let (work, cursor) = (work.clone(), cursor.clone());
                async move {
                    while let Some(index) = cursor.next() {
                        let stat = ::compio::fs::metadata(work.path(index)).await?;
                        work.check_stat(index, stat.mode(), stat.len())?;
                    }
                    Ok(())
                }
            })
        })
    }
}
