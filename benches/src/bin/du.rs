//! The space used by a tree of 100,000 files in 1,000 directories, asked of whole programs: `du -s` and, with
//! `--ours 'CMD {}'`, another one; beside them a plain walk by threads of this process.

use std::io;
use std::sync::Arc;

use ioaio_benches::fixture::{Tree, can_drop_caches, drop_caches};
use ioaio_benches::harness::Contest;
use ioaio_benches::run::Run;
use ioaio_benches::table::Target;
use ioaio_benches::work::Usage;
use ioaio_benches::{Options, subject};

fn main() {
    ioaio_benches::main("du", |options, temp| {
        let tree = Tree::usual(temp, options.quick)?;
        let work = Arc::new(Usage::of(tree)?); // and so it is warm
        table(options, &work, false, 9, 2)?;
        if can_drop_caches() {
            table(options, &work, true, 5, 4)
        } else {
            println!("skipped: dropping the kernel's caches, for a cold tree, takes root");
            Ok(())
        }
    });
}

fn table(options: &Options, work: &Arc<Usage>, cold: bool, rounds: usize, threads: usize) -> io::Result<()> {
    let warmth = if cold { "cold" } else { "warm" };
    let contest = Contest {
        options,
        title: format!("disk usage of {} files, {warmth}; an operation is the whole tree", work.tree.len()),
        rounds: options.rounds(rounds),
        ops: 1,
        sized_by_time: false,
        targets: vec![
            Target::rate("ours", "du -s", 2.0),
            Target::rate("ours", "walk*", 0.85),
            Target::show("walk*", "du -s"),
        ],
    };
    contest.run(subject::for_usage(threads, options.ours.as_deref()), |subject, ops| {
        if cold {
            drop_caches()?;
        }
        subject.usage(&Run { work: work.clone(), depth: 1, ops, latency: false })
    })
}
