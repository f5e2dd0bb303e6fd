//! Small files that are in no cache: open, read and close of all of them, then stat of all of them.

use std::io;
use std::sync::Arc;

use ioaio_benches::fixture::{Tree, can_drop_caches, drop_caches};
use ioaio_benches::harness::Contest;
use ioaio_benches::run::{Run, Sample};
use ioaio_benches::subject::{self, Subject};
use ioaio_benches::table::Target;
use ioaio_benches::work::Files;

fn main() {
    ioaio_benches::main("cold", |options, temp| {
        if !can_drop_caches() {
            println!("skipped: dropping the kernel's caches takes root");
            return Ok(());
        }
        let tree = Tree::usual(temp, options.quick)?;
        let work = Arc::new(Files { tree });
        for depth in options.depths(&[64]) {
            let contest = |what: &str, targets| Contest {
                options,
                title: format!("cold {what} of {} files, depth {depth}", work.tree.len()),
                rounds: options.rounds(3),
                ops: options.ops(work.tree.len()).min(work.tree.len()), // the second time they are warm
                sized_by_time: false,
                targets,
            };
            let cold = |subject: &mut dyn Subject, ops: usize, works: Works| -> io::Result<Sample> {
                drop_caches()?;
                works(subject, &Run { work: work.clone(), depth: depth.min(ops), ops, latency: false })
            };
            let load: Works = |subject, run| subject.load(run);
            let stat: Works = |subject, run| subject.stat(run);
            contest("open+read+close", load_targets())
                .run(subject::for_cold_load(), |subject, ops| cold(subject, ops, load))?;
            contest("stat", stat_targets())
                .run(subject::for_cold_stat(), |subject, ops| cold(subject, ops, stat))?;
        }
        Ok(())
    });
}

type Works = fn(&mut dyn Subject, &Run<Files>) -> io::Result<Sample>;

fn load_targets() -> Vec<Target> {
    vec![
        Target::rate("ioaio*", "pool*", 1.0),
        Target::rate("ioaio*", "ring*", 1.0),
        Target::cpu("ioaio*", "ring*", 1.2),
        Target::show("ring*", "open+read+close loop"),
        Target::show("pool*", "open+read+close loop"),
        Target::show("ring*", "pool*"),
        Target::show("IO::AIO*", "pool*"),
    ]
}

fn stat_targets() -> Vec<Target> {
    vec![
        Target::rate("ioaio*", "pool*", 1.0),
        Target::rate("ioaio*", "ring*", 1.0),
        Target::show("ring*", "statx loop"),
        Target::show("pool*", "statx loop"),
        Target::show("ring*", "pool*"),
        Target::show("IO::AIO*", "pool*"),
    ]
}
