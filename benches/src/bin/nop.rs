//! Requests that do nothing: what the way to the kernel, or to a thread, and back costs by itself.

use std::sync::Arc;

use ioaio_benches::harness::Contest;
use ioaio_benches::run::Run;
use ioaio_benches::table::Target;
use ioaio_benches::{subject, work::Nops};

fn main() {
    ioaio_benches::main("nop", |options, _| {
        for depth in options.depths(&[1, 64]) {
            let contest = Contest {
                options,
                title: format!("empty requests, depth {depth}"),
                rounds: options.rounds(9),
                ops: options.ops(1_000_000),
                sized_by_time: true,
                targets: vec![
                    Target::rate("ioaio callbacks", "IO::AIO*", 2.0),
                    Target::show("ring*", "IO::AIO*"),
                ],
            };
            contest.run(subject::for_nop(), |subject, ops| {
                let work = Arc::new(Nops);
                subject.nop(&Run { work, depth: depth.min(ops), ops, latency: options.latency })
            })?;
        }
        Ok(())
    });
}
