//! The `blocking` crate, on which smol and async-fs stand: `unblock` around the plain system call.

use std::io;
use std::num::NonZeroUsize;

use futures::executor::block_on;
use futures::stream::{FuturesUnordered, TryStreamExt};

use super::Subject;
use crate::run::{Run, Sample};
use crate::work::{Files, Page, Reads};

/// Its threads are one pool for the whole process, so there can be only one of these in a program.
pub struct Blocking;

impl Blocking {
    /// With at most so many threads; its default of 500 is for waiting, not for what comes from caches.
    pub fn new(threads: usize) -> io::Result<Blocking> {
        let threads = NonZeroUsize::new(threads).ok_or(io::ErrorKind::InvalidInput)?;
        ::blocking::set_max_blocking_threads(threads);
        Ok(Blocking)
    }
}

fn in_flight<F>(depth: usize, task: impl Fn() -> F) -> io::Result<()>
where
    F: Future<Output = io::Result<()>>,
{
    if depth == 1 {
        return block_on(task());
    }
    let tasks: FuturesUnordered<F> = (0..depth).map(|_| task()).collect();
    block_on(tasks.try_collect())
}

impl Subject for Blocking {
    fn read(&mut self, run: &Run<Reads>) -> io::Result<Sample> {
        let work = &run.work;
        run.measure(|cursor| {
            in_flight(run.depth, || async {
                let mut page = Page::boxed();
                while let Some(index) = cursor.next() {
                    let work = work.clone();
                    let read = move || work.pread(index, &mut page).map(|()| page);
                    page = ::blocking::unblock(read).await?;
                }
                Ok(())
            })
        })
    }

    fn stat(&mut self, run: &Run<Files>) -> io::Result<Sample> {
        let work = &run.work;
        run.measure(|cursor| {
            in_flight(run.depth, || async {
                while let Some(index) = cursor.next() {
                    let work = work.clone();
                    ::blocking::unblock(move || work.statx(index)).await?;
                }
                Ok(())
            })
        })
    }
}
