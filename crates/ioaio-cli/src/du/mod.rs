//! `ioaio du`: how much space trees take.

mod descriptors;
mod largest;
mod progress;
mod report;
mod threads;
mod tree;
mod walk;

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use ioaio::Aio;

use threads::Threads;
use walk::Walk;

/// Show how much space trees take, and their largest directories
///
/// Every directory is one asynchronous request, and many are under way at a time. Symbolic links
/// are counted, never followed. A file with several hard links is counted once, for the directory
/// where it is met first. With several paths, whatever was met under one is not counted again
/// under another. The sums are those of du(1).
///
/// What cannot be read is reported to the standard error; the walk goes on, and the exit status is
/// 1 at the end.
#[derive(clap::Args)]
pub struct Args {
    /// What to measure
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// How many of the largest directories to list; 0 lists none
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Go by the lengths of files, not by the space they take on disk
    #[arg(long)]
    apparent_size: bool,
    /// Print sizes as numbers of bytes
    #[arg(short, long)]
    bytes: bool,
    /// Print only a size and a path for each PATH
    #[arg(short, long)]
    summarize: bool,
    /// Stay on the file system of each PATH
    #[arg(short = 'x', long)]
    one_file_system: bool,
    /// How many threads may read directories at the most
    ///
    /// There is one for each processor at first, and more while they wait for a device or a server.
    #[arg(short = 'j', long, value_name = "N", default_value = "16")]
    parallel: NonZeroUsize,
}

/// Walks, and prints what was found.
pub fn run(args: &Args) -> io::Result<ExitCode> {
    let start = Instant::now();
    let threads = Threads::new(args.parallel.get());
    let aio = Aio::builder().max_parallel(threads.now).build()?;
    let mut walk = Walk::new(&aio, args, threads)?;
    walk.go()?;
    let found = walk.finish();
    report::print(args, &found, start.elapsed())?;
    Ok(if found.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
