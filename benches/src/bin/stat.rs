//! Warm stats of 100,000 files in 1,000 directories, by path.

use std::sync::Arc;

use ioaio_benches::fixture::Tree;
use ioaio_benches::harness::Contest;
use ioaio_benches::run::Run;
use ioaio_benches::table::Target;
use ioaio_benches::{subject, work::Files};

fn main() {
    ioaio_benches::main("stat", |options, temp| {
        let tree = Tree::usual(temp, options.quick)?;
        let work = Arc::new(Files { tree });
        (0..work.tree.len()).try_for_each(|index| work.statx(index))?; // warm them
        for depth in options.depths(&[1, 64]) {
            let contest = Contest {
                options,
                title: format!("warm stats of {} files by path, depth {depth}", work.tree.len()),
                rounds: options.rounds(9),
                ops: options.ops(200_000),
                sized_by_time: true,
                targets: targets(depth),
            };
            contest.run(subject::for_stat(), |subject, ops| {
                let work = work.clone();
                subject.stat(&Run { work, depth: depth.min(ops), ops, latency: options.latency })
            })?;
        }
        Ok(())
    });
}

fn targets(depth: usize) -> Vec<Target> {
    let peers = ["tokio*", "spawn_blocking*", "compio", "blocking*", "IO::AIO*"];
    if depth == 1 {
        let ours = ["ioaio callbacks", "ioaio futures"];
        let to_peers = |ours| peers.map(|peer| Target::rate(ours, peer, 6.0));
        return ours
            .into_iter()
            .flat_map(|ours| std::iter::once(Target::rate(ours, "statx loop", 0.5)).chain(to_peers(ours)))
            .collect();
    }
    let mut list = vec![
        Target::rate("ioaio callbacks", "ring*", 0.9),
        Target::rate("ioaio callbacks", "pool*", 0.9),
        Target::show("ioaio futures", "pool*"),
    ];
    list.extend(peers.map(|peer| Target::rate("ioaio callbacks", peer, 1.3)));
    list
}
