//! Walks that ask for the metadata of everything, and add up the blocks used: ioaio's, and those of other libraries.

use std::io;
use std::os::unix::fs::MetadataExt;

use ::ioaio::{Aio, WalkEntry};
use futures::StreamExt;

use super::Subject;
use crate::run::{Run, Sample};
use crate::work::Usage;

/// How ioaio is asked.
pub enum How {
    /// By iterating, on this thread.
    Iterator,
    /// By a stream, on this thread, which drives the engine.
    Stream,
    /// In the order of names.
    Sorted,
    /// By the request that gives only sums.
    Sums,
}

pub struct Walk {
    aio: Aio,
    how: How,
}

impl Walk {
    pub fn new(how: How) -> io::Result<Walk> {
        Ok(Walk { aio: Aio::new()?, how })
    }

    fn kib(&self, run: &Run<Usage>) -> io::Result<u64> {
        let walk = self.aio.walk(&run.work.tree.root).metadata(true);
        let blocks = |sum: u64, entry: Result<WalkEntry, ::ioaio::Error>| {
            Ok::<u64, io::Error>(sum + entry?.metadata().map_or(0, |m| m.blocks()))
        };
        let blocks = match self.how {
            How::Iterator => walk.into_iter().try_fold(0, blocks)?,
            How::Sorted => walk.sorted(true).into_iter().try_fold(0, blocks)?,
            How::Stream => {
                let items = walk.stream();
                self.aio.block_on(
                    items.fold(Ok(0), |sum: io::Result<u64>, entry| async move { blocks(sum?, entry) }),
                )?
            }
            How::Sums => self.aio.du(&run.work.tree.root).wait()?.disk() / 512,
        };
        Ok(blocks / 2) // blocks are of 512 bytes
    }
}

impl Subject for Walk {
    fn usage(&mut self, run: &Run<Usage>) -> io::Result<Sample> {
        run.measure(|cursor| {
            while cursor.next().is_some() {
                run.work.check("ioaio", self.kib(run)?)?;
            }
            Ok(())
        })
    }
}

/// jwalk, which has each directory's metadata asked for by the thread that reads it.
pub struct Jwalk;

impl Subject for Jwalk {
    fn usage(&mut self, run: &Run<Usage>) -> io::Result<Sample> {
        run.measure(|cursor| {
            while cursor.next().is_some() {
                let walk = jwalk::WalkDirGeneric::<((), u64)>::new(&run.work.tree.root).skip_hidden(false);
                let walk = walk.process_read_dir(|_, _, (), entries| {
                    for entry in entries.iter_mut().flatten() {
                        entry.client_state = entry.metadata().map_or(0, |m| m.blocks());
                    }
                });
                let mut blocks = 0;
                for entry in walk {
                    blocks += entry.map_err(io::Error::other)?.client_state;
                }
                run.work.check("jwalk", blocks / 2)?;
            }
            Ok(())
        })
    }
}

/// walkdir, on one thread.
pub struct Walkdir;

impl Subject for Walkdir {
    fn usage(&mut self, run: &Run<Usage>) -> io::Result<Sample> {
        run.measure(|cursor| {
            while cursor.next().is_some() {
                let mut blocks = 0;
                for entry in walkdir::WalkDir::new(&run.work.tree.root) {
                    blocks += entry?.metadata()?.blocks();
                }
                run.work.check("walkdir", blocks / 2)?;
            }
            Ok(())
        })
    }
}
