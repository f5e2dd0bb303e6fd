//! A walk of a tree of 100,000 files in 1,000 directories, with metadata of everything, by ioaio, by other libraries,
//! by plain threads, and by the programs find, fd and du.

use std::io;
use std::sync::Arc;

use ioaio_benches::fixture::{Tree, can_drop_caches, drop_caches};
use ioaio_benches::harness::Contest;
use ioaio_benches::run::Run;
use ioaio_benches::table::Target;
use ioaio_benches::work::Usage;
use ioaio_benches::{Options, subject};

fn main() {
    ioaio_benches::main("walk", |options, temp| {
        let tree = Tree::usual(temp, options.quick)?;
        let work = Arc::new(Usage::of(tree)?); // and so it is warm
        table(options, &work, false, 15, 2.4, 2)?;
        if can_drop_caches() {
            table(options, &work, true, 7, 2.0, 4)
        } else {
            println!("skipped: dropping the kernel's caches, for a cold tree, takes root");
            Ok(())
        }
    });
}

fn table(
    options: &Options,
    work: &Arc<Usage>,
    cold: bool,
    rounds: usize,
    bound: f64,
    threads: usize,
) -> io::Result<()> {
    let warmth = if cold { "cold" } else { "warm" };
    let contest = Contest {
        options,
        title: format!(
            "walk and stat of {} files, {warmth}; an operation is the whole tree",
            work.tree.len()
        ),
        rounds: options.rounds(rounds),
        ops: 1,
        sized_by_time: false,
        targets: vec![
            Target::rate("ioaio iterator", "find", bound),
            Target::rate("ioaio iterator", "du -s", bound),
            Target::rate("ioaio iterator", "fd", 1.0),
            Target::rate("ioaio iterator", "jwalk", 1.0),
            Target::show("ioaio iterator", "walkdir"),
            Target::show("ioaio iterator", "walk*"),
            Target::rate("ioaio stream", "find", bound),
            Target::rate("ioaio du", "du -s", bound),
        ],
    };
    contest.run(subject::for_walk(threads), |subject, ops| {
        if cold {
            drop_caches()?;
        }
        subject.usage(&Run { work: work.clone(), depth: 1, ops, latency: false })
    })
}
