//! Random reads of 4 KiB past the page cache, in a small file and in a large one: devices and the hosts below them
//! have caches of their own, which only the large one is beyond.

use ioaio_benches::fixture::{BlockFile, Rng, Temp};
use ioaio_benches::harness::Contest;
use ioaio_benches::run::Run;
use ioaio_benches::table::Target;
use ioaio_benches::{Options, subject, work::Reads};

fn main() {
    ioaio_benches::main("direct", |options, temp| {
        let (small, large) = if options.quick { (16, 64) } else { (256, 8 << 10) };
        span(options, temp, small)?;
        if temp.has_room_for(large << 20) {
            span(options, temp, large)
        } else {
            println!("skipped: {large} MiB, for which the file system has no room");
            Ok(())
        }
    });
}

fn span(options: &Options, temp: &Temp, mib: u64) -> std::io::Result<()> {
    let file = BlockFile::create(temp, &format!("direct{mib}"), mib << 20, true)?;
    let mut rng = Rng::new();
    for depth in options.depths(&[32, 128]) {
        let contest = Contest {
            options,
            title: format!("O_DIRECT random reads of 4 KiB, {mib} MiB, depth {depth}"),
            rounds: options.rounds(9),
            ops: options.ops(200_000),
            sized_by_time: true,
            targets: vec![
                Target::rate("ioaio callbacks", "ring*", 0.95),
                Target::rate("ioaio futures", "ring*", 0.95),
                Target::cpu("ioaio callbacks", "ring*", 1.15),
                Target::cpu("ioaio futures", "ring*", 1.15),
                Target::show("ring*", "pool of 32"),
                Target::show("ring*", "spawn_blocking*"),
                Target::show("ring*", "IO::AIO*"),
            ],
        };
        contest.run(subject::for_direct(), |subject, ops| {
            let work = Reads::random(&file, ops, &mut rng);
            subject.read(&Run { work, depth: depth.min(ops), ops, latency: false })
        })?;
    }
    std::fs::remove_file(&file.path)
}
