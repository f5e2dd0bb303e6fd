//! Cached random reads of 4 KiB from a file of 256 MiB.

use ioaio_benches::fixture::{BlockFile, Rng};
use ioaio_benches::harness::Contest;
use ioaio_benches::run::Run;
use ioaio_benches::table::Target;
use ioaio_benches::{subject, work::Reads};

fn main() {
    ioaio_benches::main("reads", |options, temp| {
        let mib = if options.quick { 16 } else { 256 };
        let file = BlockFile::create(temp, "cached", mib << 20, false)?;
        let mut rng = Rng::new();
        for depth in options.depths(&[1, 64]) {
            let contest = Contest {
                options,
                title: format!("cached random reads of 4 KiB, {mib} MiB, depth {depth}"),
                rounds: options.rounds(9),
                ops: options.ops(200_000),
                sized_by_time: true,
                targets: targets(depth),
            };
            contest.run(subject::for_reads(), |subject, ops| {
                let work = Reads::random(&file, ops, &mut rng);
                subject.read(&Run { work, depth: depth.min(ops), ops, latency: options.latency })
            })?;
        }
        Ok(())
    });
}

fn targets(depth: usize) -> Vec<Target> {
    let mut list = Vec::new();
    for ours in ["ioaio callbacks", "ioaio futures"] {
        if depth == 1 {
            list.push(Target::rate(ours, "pread loop", 0.85));
            list.push(Target::rate(ours, "compio", 1.4));
            list.push(Target::rate(ours, "tokio::fs*", 25.0));
            list.push(Target::rate(ours, "IO::AIO*", 25.0));
        } else {
            list.push(Target::rate(ours, "pread loop", 0.95));
            list.push(Target::rate(ours, "ring*", 0.95));
            for peer in ["pool*", "compio", "a10", "tokio*", "spawn_blocking*", "blocking*", "IO::AIO*"] {
                list.push(Target::rate(ours, peer, 1.0));
            }
        }
        list.push(Target::show(ours, "nowait loop"));
    }
    list
}
