//! Copies of a whole tree: `cp -a` as a process, and ioaio in this one.

use std::io;
use std::process::Command;
use std::time::Instant;

use ::ioaio::Aio;

use super::Subject;
use crate::run::{Run, Sample, cpu_time};
use crate::work::Copies;

/// `cp -a`, and where the copy is to be on the device, `sync -f` after it.
pub struct Cp;

fn succeed(command: &mut Command) -> io::Result<()> {
    let status = command.status()?;
    match status.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("{command:?}: {status}"))),
    }
}

impl Subject for Cp {
    fn copy(&mut self, run: &Run<Copies>) -> io::Result<Sample> {
        let Copies { from, to, durable, .. } = &*run.work;
        let (cpu, start) = (cpu_time(libc::RUSAGE_CHILDREN)?, Instant::now());
        succeed(Command::new("cp").args(["-a", "--reflink=auto"]).arg(from).arg(to))?;
        if *durable {
            succeed(Command::new("sync").arg("-f").arg(to))?;
        }
        let (wall, cpu) = (start.elapsed(), cpu_time(libc::RUSAGE_CHILDREN)? - cpu);
        run.work.check_and_remove()?;
        Ok(Sample { ops: run.ops, wall, cpu, latency: None })
    }
}

pub struct CopyTree {
    aio: Aio,
}

impl CopyTree {
    pub fn new() -> io::Result<CopyTree> {
        Ok(CopyTree { aio: Aio::new()? })
    }
}

impl Subject for CopyTree {
    fn copy(&mut self, run: &Run<Copies>) -> io::Result<Sample> {
        let Copies { from, to, durable, .. } = &*run.work;
        let sample = run.measure(|cursor| {
            while cursor.next().is_some() {
                let copied = self.aio.copy_tree(from, to).durable(*durable).wait()?;
                if copied.failed() > 0 {
                    return Err(io::Error::other(format!("{:?}", copied.errors())));
                }
            }
            Ok(())
        })?;
        run.work.check_and_remove()?;
        Ok(sample)
    }
}
