//! tokio-uring: a tokio runtime on the current thread with a ring beside it.

use std::fs::File;
use std::io;
use std::rc::Rc;

use ::tokio_uring::{Runtime, builder, fs, uring_builder};

use super::Subject;
use crate::run::{Run, Sample};
use crate::work::{BLOCK, Files, Reads};

pub struct TokioUring {
    runtime: Runtime,
}

impl TokioUring {
    /// It takes completions without entering the kernel, which DEFER_TASKRUN needs; COOP_TASKRUN is what it bears.
    pub fn new() -> io::Result<TokioUring> {
        let mut ring = uring_builder();
        ring.setup_coop_taskrun().setup_single_issuer();
        let runtime = Runtime::new(builder().entries(256).uring_builder(&ring))?;
        Ok(TokioUring { runtime })
    }

    fn in_flight<F>(&self, depth: usize, task: impl Fn() -> F) -> io::Result<()>
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        self.runtime.block_on(async {
            if depth == 1 {
                return task().await;
            }
            let tasks: Vec<_> = (0..depth).map(|_| ::tokio_uring::spawn(task())).collect();
            for task in tasks {
                task.await??;
            }
            Ok(())
        })
    }
}

impl Subject for TokioUring {
    fn read(&mut self, run: &Run<Reads>) -> io::Result<Sample> {
        let work = &run.work;
        let std_file = File::open(&work.file.path)?;
        let file = self.runtime.block_on(async { Rc::new(fs::File::from_std(std_file)) });
        let sample = run.measure(|cursor| {
            self.in_flight(run.depth, || {
                let (work, cursor, file) = (work.clone(), cursor.clone(), file.clone());
                async move {
                    let mut buffer = Vec::with_capacity(BLOCK);
                    while let Some(index) = cursor.next() {
                        let (len, back) = file.read_at(buffer, work.offsets[index]).await;
                        work.check(index, len?, &back)?;
                        buffer = back;
                        buffer.clear();
                    }
                    Ok(())
                }
            })
        });
        self.runtime.block_on(async { drop(file) }); // it is closed on the ring, which takes the runtime
        sample
    }

    fn stat(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        let work = &run.work;
        run.measure(|cursor| {
            self.in_flight(run.depth, || {
                let (work, cursor) = (work.clone(), cursor.clone());
                async move {
                    while let Some(index) = cursor.next() {
                        let stat = fs::statx(work.path(index)).await?;
                        work.check_stat(index, stat.stx_mode.into(), stat.stx_size)?;
                    }
                    Ok(())
                }
            })
        })
    }
}
