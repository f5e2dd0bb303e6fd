//! The removal of a tree of 100,000 small files in 1,000 directories, by ioaio, `rm -rf`, IO::AIO and plain threads. It is
//! made anew, and on the device, before each.

use std::io;
use std::path::Path;

use ioaio_benches::fixture::{can_drop_caches, drop_caches};
use ioaio_benches::harness::Contest;
use ioaio_benches::run::Run;
use ioaio_benches::table::Target;
use ioaio_benches::work::Doomed;
use ioaio_benches::{Options, subject};

fn main() {
    ioaio_benches::main("remove", |options, temp| {
        table(options, temp.path(), false, 1.8, 2)?;
        if can_drop_caches() {
            table(options, temp.path(), true, 1.5, 4)
        } else {
            println!("skipped: dropping the kernel's caches, for a cold tree, takes root");
            Ok(())
        }
    });
}

fn table(options: &Options, place: &Path, cold: bool, bound: f64, threads: usize) -> io::Result<()> {
    let warmth = if cold { "cold" } else { "warm" };
    let contest = Contest {
        options,
        title: format!("removal of 100,000 files, {warmth}; an operation is the whole tree"),
        rounds: options.rounds(5),
        ops: 1,
        sized_by_time: false,
        targets: vec![
            Target::rate("ioaio", "rm -rf", bound),
            Target::rate("ioaio", "IO::AIO*", bound),
            Target::show("ioaio", "threads*"),
        ],
    };
    contest.run(subject::for_remove(threads), |subject, ops| {
        let work = Doomed::create(place, options.quick)?;
        if cold {
            drop_caches()?;
        } else {
            rustix::fs::sync(); // writing back what was made is not the removal's
        }
        subject.remove(&Run { work, depth: 1, ops, latency: false })
    })
}
