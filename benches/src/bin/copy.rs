//! Copies of a tree of 100,000 small files in 1,000 directories, and of 20 files with 1 GiB in sum, by `cp -a` and
//! by ioaio: to tmpfs, and to disk with the time until all of it is on the device.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ioaio_benches::fixture::{Temp, Tree, can_drop_caches, drop_caches};
use ioaio_benches::harness::Contest;
use ioaio_benches::run::Run;
use ioaio_benches::table::Target;
use ioaio_benches::work::Copies;
use ioaio_benches::{Options, subject};

fn main() {
    ioaio_benches::main("copy", |options, temp| {
        let tree = Tree::usual(temp, options.quick)?;
        let large = large_files(temp, options.quick)?;
        let memory = Memory::new();
        for (what, from) in [("100,000 small files", &tree.root), ("20 large files", &large)] {
            let small = *from == tree.root;
            let target = |factor| Target::rate("ioaio", "cp -a", if small { factor } else { 0.95 });
            if let Some(memory) = &memory {
                table(
                    options,
                    &format!("{what} to tmpfs, warm"),
                    from,
                    &memory.0,
                    false,
                    false,
                    target(1.5),
                )?;
            }
            let disk = temp.path();
            table(
                options,
                &format!("{what} to disk, warm, with sync"),
                from,
                disk,
                true,
                false,
                target(1.5),
            )?;
            match (&memory, can_drop_caches()) {
                (Some(memory), true) => {
                    table(
                        options,
                        &format!("{what} to tmpfs, cold"),
                        from,
                        &memory.0,
                        false,
                        true,
                        target(2.0),
                    )?;
                }
                _ => println!("skipped: a cold tree takes root and a tmpfs"),
            }
        }
        Ok(())
    });
}

fn table(
    options: &Options,
    title: &str,
    from: &Path,
    place: &Path,
    durable: bool,
    cold: bool,
    target: Target,
) -> io::Result<()> {
    let work = Arc::new(Copies::new(from.to_owned(), place.join("copy"), durable)?);
    let contest = Contest {
        options,
        title: format!("{title}; an operation is the whole tree"),
        rounds: options.rounds(5),
        ops: 1,
        sized_by_time: false,
        targets: vec![target],
    };
    contest.run(subject::for_copy(), |subject, ops| {
        if cold {
            drop_caches()?;
        }
        subject.copy(&Run { work: work.clone(), depth: 1, ops, latency: false })
    })
}

fn large_files(temp: &Temp, quick: bool) -> io::Result<PathBuf> {
    let root = temp.path().join("large");
    std::fs::create_dir(&root)?;
    let size = if quick { 1 << 20 } else { (1 << 30) / 20 };
    let data: Vec<u8> = (0..size).map(|i: usize| (i * 31 + i / 4096) as u8).collect();
    (0..20).try_for_each(|i| std::fs::write(root.join(format!("f{i}")), &data))?;
    Ok(root)
}

/// A directory on a tmpfs.
struct Memory(PathBuf);

impl Memory {
    fn new() -> Option<Memory> {
        let dir = PathBuf::from(format!("/dev/shm/ioaio-bench-{}", std::process::id()));
        std::fs::create_dir(&dir).ok()?;
        Some(Memory(dir))
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}
