//! Who is measured: one file for each library or technique, and here the lists of who takes part in what.
//!
//! To add a subject: write its file, implement [`Subject`] for the works it can do, and add it to the lists below.

use std::io;

use crate::run::{Run, Sample};
use crate::work::{Copies, Doomed, Files, Nops, Reads, Usage};

mod a10;
mod blocking;
mod command;
mod compio;
mod copies;
mod ioaio;
mod ioaio_tokio;
mod loops;
mod perl;
mod pool;
mod removers;
mod ring;
mod spawn_blocking;
mod tokio_fs;
mod tokio_uring;
mod walk;
mod walkers;

/// Something that can do some of the works.
///
/// Each method does `run.ops` operations with `run.depth` of them in flight, checks every answer, and times itself
/// with [`Run::measure`], so that only the operations are timed.
pub trait Subject {
    /// Random reads of one block.
    fn read(&mut self, _run: &Run<Reads>) -> io::Result<Sample> {
        cannot("reads")
    }

    /// Stats of files by path.
    fn stat(&mut self, _run: &Run<Files>) -> io::Result<Sample> {
        cannot("stats by path")
    }

    /// Open, read of one block, and close.
    fn load(&mut self, _run: &Run<Files>) -> io::Result<Sample> {
        cannot("loads of files")
    }

    /// Loads of whole files whose length is not known before.
    fn whole(&mut self, _run: &Run<Files>) -> io::Result<Sample> {
        cannot("loads of whole files")
    }

    /// Requests that do nothing.
    fn nop(&mut self, _run: &Run<Nops>) -> io::Result<Sample> {
        cannot("empty requests")
    }

    /// A copy of a tree; one operation is the whole tree, and the copy is gone afterwards.
    fn copy(&mut self, _run: &Run<Copies>) -> io::Result<Sample> {
        cannot("copies of trees")
    }

    /// The removal of a tree; one operation is the whole tree.
    fn remove(&mut self, _run: &Run<Doomed>) -> io::Result<Sample> {
        cannot("removals of trees")
    }

    /// The space used by a tree; one operation is the whole tree.
    fn usage(&mut self, _run: &Run<Usage>) -> io::Result<Sample> {
        cannot("disk usage")
    }
}

fn cannot(what: &str) -> io::Result<Sample> {
    Err(io::Error::new(io::ErrorKind::Unsupported, format!("has no {what}")))
}

/// A subject that is yet to be set up, so that one that fails to can be named.
pub struct Entry {
    pub name: String,
    pub make: Box<dyn FnOnce() -> io::Result<Box<dyn Subject>>>,
}

fn entry<S: Subject + 'static>(
    name: impl Into<String>,
    make: impl FnOnce() -> io::Result<S> + 'static,
) -> Entry {
    Entry { name: name.into(), make: Box::new(|| Ok(Box::new(make()?))) }
}

fn pools(sizes: &'static [usize]) -> impl Iterator<Item = Entry> {
    sizes.iter().map(|&size| entry(format!("pool of {size}"), move || pool::Pool::new(size)))
}

fn perls(sizes: &'static [usize]) -> impl Iterator<Item = Entry> {
    sizes.iter().map(|&size| entry(format!("IO::AIO of {size}"), move || perl::Perl::new(size)))
}

/// Cached random reads.
pub fn for_reads() -> Vec<Entry> {
    let mut list = vec![
        entry("ioaio callbacks", ioaio::Callbacks::new),
        entry("ioaio futures", ioaio::Futures::new),
        entry("pread loop", || Ok(loops::Plain)),
        entry("nowait loop", || Ok(loops::Cached)),
        entry("ring", || ring::Ring::new(ring::Kind::Plain)),
        entry("ring defer", || ring::Ring::new(ring::Kind::Defer)),
        entry("ring registered", || ring::Ring::new(ring::Kind::Registered)),
    ];
    list.extend(pools(&[1, 2, 4, 8]));
    list.extend([
        entry("tokio::fs", || tokio_fs::TokioFs::new(512)),
        entry("tokio::fs of 4", || tokio_fs::TokioFs::new(4)),
        entry("spawn_blocking", || spawn_blocking::SpawnBlocking::new(512)),
        entry("spawn_blocking of 4", || spawn_blocking::SpawnBlocking::new(4)),
        entry("compio", compio::Compio::new),
        entry("a10", a10::A10::new),
        entry("tokio-uring", tokio_uring::TokioUring::new),
        entry("blocking of 4", || blocking::Blocking::new(4)),
    ]);
    list.extend(perls(&[1, 2, 8]));
    list
}

/// Warm stats.
pub fn for_stat() -> Vec<Entry> {
    let mut list = vec![
        entry("ioaio callbacks", ioaio::Callbacks::new),
        entry("ioaio futures", ioaio::Futures::new),
        entry("ioaio on tokio", || ioaio_tokio::OnTokio::new(0)),
        entry("ioaio on tokio of 2", || ioaio_tokio::OnTokio::new(2)),
        entry("statx loop", || Ok(loops::Plain)),
        entry("openat2+statx+close loop", || Ok(loops::Cached)),
        entry("ring", || ring::Ring::new(ring::Kind::Plain)),
        entry("ring defer", || ring::Ring::new(ring::Kind::Defer)),
    ];
    list.extend(pools(&[1, 2, 4, 8]));
    list.extend([
        entry("tokio::fs", || tokio_fs::TokioFs::new(512)),
        entry("tokio::fs of 4", || tokio_fs::TokioFs::new(4)),
        entry("spawn_blocking", || spawn_blocking::SpawnBlocking::new(512)),
        entry("spawn_blocking of 4", || spawn_blocking::SpawnBlocking::new(4)),
        entry("compio", compio::Compio::new),
        entry("a10", a10::A10::new),
        entry("tokio-uring", tokio_uring::TokioUring::new),
        entry("blocking of 4", || blocking::Blocking::new(4)),
    ]);
    list.extend(perls(&[1, 2, 8]));
    list
}

/// Random reads past the page cache.
pub fn for_direct() -> Vec<Entry> {
    let mut list = vec![
        entry("ioaio callbacks", ioaio::Callbacks::new),
        entry("ioaio futures", ioaio::Futures::new),
        entry("ring", || ring::Ring::new(ring::Kind::Plain)),
        entry("ring defer", || ring::Ring::new(ring::Kind::Defer)),
        entry("ring registered", || ring::Ring::new(ring::Kind::Registered)),
    ];
    list.extend(pools(&[32]));
    list.extend([
        entry("spawn_blocking", || spawn_blocking::SpawnBlocking::new(512)),
        entry("spawn_blocking of 32", || spawn_blocking::SpawnBlocking::new(32)),
    ]);
    list.extend(perls(&[8, 32, 128]));
    list
}

/// Warm loads of whole files.
pub fn for_whole() -> Vec<Entry> {
    let mut list = vec![
        entry("ioaio callbacks", ioaio::Callbacks::new),
        entry("ioaio futures", ioaio::Futures::new),
        entry("ioaio on tokio", || ioaio_tokio::OnTokio::new(0)),
        entry("ioaio on tokio of 2", || ioaio_tokio::OnTokio::new(2)),
        entry("std::fs::read loop", || Ok(loops::Plain)),
        entry("tokio::fs", || tokio_fs::TokioFs::new(512)),
        entry("tokio::fs of 4", || tokio_fs::TokioFs::new(4)),
        entry("spawn_blocking of 4", || spawn_blocking::SpawnBlocking::new(4)),
    ];
    list.extend(perls(&[1, 2, 8]));
    list
}

/// Loads of files that are not cached.
pub fn for_cold_load() -> Vec<Entry> {
    let mut list = vec![
        entry("ioaio callbacks", ioaio::Callbacks::new),
        entry("ioaio futures", ioaio::Futures::new),
        entry("open+read+close loop", || Ok(loops::Plain)),
        entry("ring", || ring::Ring::new(ring::Kind::Plain)),
        entry("ring defer", || ring::Ring::new(ring::Kind::Defer)),
    ];
    list.extend(pools(&[16, 32, 64]));
    list.extend(perls(&[16, 64]));
    list
}

/// Stats of files that are not cached.
pub fn for_cold_stat() -> Vec<Entry> {
    let mut list = vec![
        entry("ioaio callbacks", ioaio::Callbacks::new),
        entry("ioaio futures", ioaio::Futures::new),
        entry("statx loop", || Ok(loops::Plain)),
        entry("ring", || ring::Ring::new(ring::Kind::Plain)),
        entry("ring defer", || ring::Ring::new(ring::Kind::Defer)),
    ];
    list.extend(pools(&[16, 64]));
    list.extend(perls(&[16]));
    list
}

/// Empty requests.
pub fn for_nop() -> Vec<Entry> {
    let mut list = vec![
        entry("ioaio callbacks", ioaio::Callbacks::new),
        entry("ioaio futures", ioaio::Futures::new),
        entry("ring", || ring::Ring::new(ring::Kind::Plain)),
        entry("ring defer", || ring::Ring::new(ring::Kind::Defer)),
    ];
    list.extend(perls(&[1, 8]));
    list
}

/// Copies of a tree.
pub fn for_copy() -> Vec<Entry> {
    vec![entry("ioaio", copies::CopyTree::new), entry("cp -a", || Ok(copies::Cp))]
}

/// Removals of a tree.
pub fn for_remove(threads: usize) -> Vec<Entry> {
    let mut list = vec![
        entry("ioaio", removers::RemoveTree::new),
        entry("rm -rf", || Ok(removers::Rm)),
        entry(format!("threads, {threads}"), move || Ok(removers::Threads(threads))),
    ];
    list.extend(perls(&[1, 2, 8]));
    list
}

/// Disk usage of a tree; `threads` for the plain walk, `ours` the user's own command.
pub fn for_usage(threads: usize, ours: Option<&str>) -> Vec<Entry> {
    let mut list = vec![
        entry("du -s", || command::Command::new("du -s {}")),
        entry(format!("walk of {threads}"), move || Ok(walk::Walk { threads })),
    ];
    if let Some(ours) = ours.map(str::to_owned) {
        list.push(entry("ours", move || command::Command::new(&ours)));
    }
    list
}

/// Walks of a tree with metadata; `threads` for the plain one. fd is `fdfind` on Debian.
pub fn for_walk(threads: usize) -> Vec<Entry> {
    use walkers::{How, Jwalk, Walk, Walkdir};
    vec![
        entry("ioaio iterator", || Walk::new(How::Iterator)),
        entry("ioaio stream", || Walk::new(How::Stream)),
        entry("ioaio sorted", || Walk::new(How::Sorted)),
        entry("ioaio du", || Walk::new(How::Sums)),
        entry("find", || command::Command::new("find {} -size +1000000k")),
        entry("fd", || command::Command::new("fdfind --unrestricted --size +1000m . {}")),
        entry("du -s", || command::Command::new("du -s {}")),
        entry("jwalk", || Ok(Jwalk)),
        entry("walkdir", || Ok(Walkdir)),
        entry(format!("walk of {threads}"), move || Ok(walk::Walk { threads })),
    ]
}
