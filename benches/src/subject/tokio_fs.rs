//! `tokio::fs`: each call is a closure on tokio's blocking threads. It has no positional reads, so that a read is
//! a seek and a read, and a depth takes as many open files.

use std::io::{self, SeekFrom};
use std::sync::Mutex;

use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::runtime::{Builder, Runtime};

use super::Subject;
use crate::fixture::BlockFile;
use crate::run::{Run, Sample};
use crate::work::{BLOCK, Files, Page, Reads};

pub struct TokioFs {
    runtime: Runtime,
}

impl TokioFs {
    /// With at most so many blocking threads (tokio's default is 512), and the tasks on the current thread: with
    /// worker threads beside it each request would cross one thread more.
    pub fn new(threads: usize) -> io::Result<TokioFs> {
        Ok(TokioFs { runtime: Builder::new_current_thread().max_blocking_threads(threads).build()? })
    }
}

/// Runs `depth` tasks side by side; at depth 1 there is nothing to spawn.
pub fn in_flight<F>(runtime: &Runtime, depth: usize, task: impl Fn(usize) -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    runtime.block_on(async {
        if depth == 1 {
            return task(0).await;
        }
        let tasks: Vec<_> = (0..depth).map(|slot| tokio::spawn(task(slot))).collect();
        for task in tasks {
            task.await??;
        }
        Ok(())
    })
}

fn open(file: &BlockFile) -> io::Result<File> {
    Ok(File::from_std(std::fs::File::open(&file.path)?))
}

impl Subject for TokioFs {
    fn read(&mut self, run: &Run<Reads>) -> io::Result<Sample> {
        let work = &run.work;
        let files: io::Result<Vec<_>> =
            (0..run.depth).map(|_| Ok(Mutex::new(Some(open(&work.file)?)))).collect();
        let files = files?;
        run.measure(|cursor| {
            in_flight(&self.runtime, run.depth, |slot| {
                let file = files[slot].lock().unwrap().take();
                let (work, cursor) = (work.clone(), cursor.clone());
                async move {
                    let mut file = file.expect("each slot has a file");
                    let mut page = Page::boxed();
                    while let Some(index) = cursor.next() {
                        file.seek(SeekFrom::Start(work.offsets[index])).await?;
                        file.read_exact(&mut page.0).await?;
                        work.check(index, BLOCK, &page.0)?;
                    }
                    Ok(())
                }
            })
        })
    }

    fn stat(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        let work = &run.work;
        run.measure(|cursor| {
            in_flight(&self.runtime, run.depth, |_| {
                let (work, cursor) = (work.clone(), cursor.clone());
                async move {
                    while let Some(index) = cursor.next() {
                        let stat = tokio::fs::metadata(work.path(index)).await?;
                        let mode = std::os::unix::fs::MetadataExt::mode(&stat);
                        work.check_stat(index, mode, stat.len())?;
                    }
                    Ok(())
                }
            })
        })
    }

    fn whole(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        let work = &run.work;
        run.measure(|cursor| {
            in_flight(&self.runtime, run.depth, |_| {
                let (work, cursor) = (work.clone(), cursor.clone());
                async move {
                    while let Some(index) = cursor.next() {
                        let data = tokio::fs::read(work.path(index)).await?;
                        work.check_content(index, data.len(), &data)?;
                    }
                    Ok(())
                }
            })
        })
    }
}
