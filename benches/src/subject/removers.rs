//! Removals of a whole tree: `rm -rf` as a process, ioaio, and plain threads that take a directory each.

use std::ffi::CString;
use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::time::Instant;

use ::ioaio::Aio;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir};

use super::Subject;
use crate::run::{Run, Sample, cpu_time};
use crate::work::Doomed;

pub struct Rm;

impl Subject for Rm {
    fn remove(&mut self, run: &Run<Doomed>) -> io::Result<Sample> {
        let (cpu, start) = (cpu_time(libc::RUSAGE_CHILDREN)?, Instant::now());
        let status = Command::new("rm").arg("-rf").arg(&run.work.root).status()?;
        let (wall, cpu) = (start.elapsed(), cpu_time(libc::RUSAGE_CHILDREN)? - cpu);
        if !status.success() {
            return Err(io::Error::other(format!("rm -rf: {status}")));
        }
        run.work.check("rm -rf")?;
        Ok(Sample { ops: run.ops, wall, cpu, latency: None })
    }
}

pub struct RemoveTree {
    aio: Aio,
}

impl RemoveTree {
    pub fn new() -> io::Result<RemoveTree> {
        Ok(RemoveTree { aio: Aio::new()? })
    }
}

impl Subject for RemoveTree {
    fn remove(&mut self, run: &Run<Doomed>) -> io::Result<Sample> {
        let sample = run.measure(|cursor| {
            while cursor.next().is_some() {
                self.aio.remove_tree(&run.work.root).wait()?;
            }
            Ok(())
        })?;
        run.work.check("remove_tree")?;
        Ok(sample)
    }
}

/// A tree of two levels, which is known beforehand.
pub struct Threads(pub usize);

impl Subject for Threads {
    fn remove(&mut self, run: &Run<Doomed>) -> io::Result<Sample> {
        let sample = run.measure(|cursor| {
            while cursor.next().is_some() {
                remove(&run.work.root, self.0)?;
            }
            Ok(())
        })?;
        run.work.check("the threads")?;
        Ok(sample)
    }
}

fn remove(root: &Path, threads: usize) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let top = rustix::fs::openat(CWD, root, flags, Mode::empty())?;
    let dirs = Mutex::new(names(&top)?);
    let work = || -> io::Result<()> {
        loop {
            let Some((_, dir)) = dirs.lock().unwrap().pop() else { return Ok(()) };
            let fd = rustix::fs::openat(&top, &dir, flags, Mode::empty())?;
            for (_, name) in names(&fd)? {
                rustix::fs::unlinkat(&fd, &name, AtFlags::empty())?;
            }
            rustix::fs::unlinkat(&top, &dir, AtFlags::REMOVEDIR)?;
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("workers do not panic"))
    })?;
    std::fs::remove_dir(root)
}

/// In the order of inodes.
fn names(dir: &std::os::fd::OwnedFd) -> io::Result<Vec<(u64, CString)>> {
    let mut buffer = Vec::with_capacity(32 * 1024);
    let mut entries = RawDir::new(dir, buffer.spare_capacity_mut());
    let mut names = Vec::new();
    while let Some(entry) = entries.next() {
        let entry = entry?;
        if entry.file_name() != c"." && entry.file_name() != c".." {
            names.push((entry.ino(), entry.file_name().to_owned()));
        }
    }
    names.sort_unstable_by_key(|name| name.0);
    Ok(names)
}
