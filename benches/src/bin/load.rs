//! Warm loads of 100,000 whole files in 1,000 directories, by path.

use std::sync::Arc;

use ioaio_benches::fixture::Tree;
use ioaio_benches::harness::Contest;
use ioaio_benches::run::Run;
use ioaio_benches::table::Target;
use ioaio_benches::{subject, work::Files, work::Page};

fn main() {
    ioaio_benches::main("load", |options, temp| {
        let tree = Tree::usual(temp, options.quick)?;
        let work = Arc::new(Files { tree });
        let mut page = Page::boxed();
        (0..work.tree.len()).try_for_each(|index| work.load(index, &mut page))?; // warm them
        for depth in options.depths(&[1, 64]) {
            let contest = Contest {
                options,
                title: format!("warm loads of {} whole files by path, depth {depth}", work.tree.len()),
                rounds: options.rounds(9),
                ops: options.ops(100_000),
                sized_by_time: true,
                targets: vec![
                    Target::rate("ioaio*", "tokio*", 5.0),
                    Target::rate("ioaio*", "IO::AIO*", 2.0),
                    Target::show("ioaio*", "std::fs::read loop"),
                ],
            };
            contest.run(subject::for_whole(), |subject, ops| {
                let work = work.clone();
                subject.whole(&Run { work, depth: depth.min(ops), ops, latency: options.latency })
            })?;
        }
        Ok(())
    });
}
