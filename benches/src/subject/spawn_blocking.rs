//! tokio's `spawn_blocking` around the plain system call: what most async Rust programs do today.

use std::io;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::task::spawn_blocking;

use super::Subject;
use super::tokio_fs::in_flight;
use crate::run::{Run, Sample};
use crate::work::{Files, Page, Reads};

pub struct SpawnBlocking {
    runtime: Runtime,
}

impl SpawnBlocking {
    /// With at most so many blocking threads; tokio's default is 512.
    pub fn new(threads: usize) -> io::Result<SpawnBlocking> {
        let runtime = Builder::new_current_thread().max_blocking_threads(threads).build()?;
        Ok(SpawnBlocking { runtime })
    }
}

impl Subject for SpawnBlocking {
    fn read(&mut self, run: &Run<Reads>) -> io::Result<Sample> {
        let work = &run.work;
        run.measure(|cursor| {
            in_flight(&self.runtime, run.depth, |_| {
                let (work, cursor) = (work.clone(), cursor.clone());
                async move {
                    let mut page = Page::boxed();
                    while let Some(index) = cursor.next() {
                        let work = work.clone();
                        let read = move || work.pread(index, &mut page).map(|()| page);
                        page = spawn_blocking(read).await??;
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
                        let work = Arc::clone(&work);
                        spawn_blocking(move || work.statx(index)).await??;
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
                        let own = Arc::clone(&work);
                        let data = spawn_blocking(move || std::fs::read(own.path(index))).await??;
                        work.check_content(index, data.len(), &data)?;
                    }
                    Ok(())
                }
            })
        })
    }
}
