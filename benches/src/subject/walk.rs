//! A plain walk by some threads that adds up the blocks used: directories from a shared list, each worked off by
//! one thread through its own descriptor.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, StatxFlags};

use super::Subject;
use crate::run::{Run, Sample};
use crate::work::Usage;

pub struct Walk {
    pub threads: usize,
}

/// Directories yet to be read, and how many threads are still at one, which may add more.
#[derive(Default)]
struct List {
    dirs: Vec<PathBuf>,
    busy: usize,
    failed: bool,
}

#[derive(Default)]
struct Shared {
    list: Mutex<List>,
    changed: Condvar,
}

impl Subject for Walk {
    fn usage(&mut self, run: &Run<Usage>) -> io::Result<Sample> {
        run.measure(|cursor| {
            while cursor.next().is_some() {
                run.work.check("the walk", usage(&run.work.tree.root, self.threads)?)?;
            }
            Ok(())
        })
    }
}

/// KiB used by everything under `root`.
pub fn usage(root: &Path, threads: usize) -> io::Result<u64> {
    let shared = Shared::default();
    shared.list.lock().unwrap().dirs.push(root.to_owned());
    let own = rustix::fs::statx(CWD, root, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BLOCKS)?.stx_blocks;
    let below = std::thread::scope(|scope| {
        let walkers: Vec<_> = (0..threads).map(|_| scope.spawn(|| shared.walk())).collect();
        walkers
            .into_iter()
            .map(|walker| walker.join().expect("walkers do not panic"))
            .sum::<io::Result<u64>>()
    })?;
    Ok((own + below) / 2) // stx_blocks are of 512 bytes
}

impl Shared {
    /// Works off directories until none is left; the blocks found in them.
    fn walk(&self) -> io::Result<u64> {
        let mut buffer = Vec::with_capacity(32 * 1024);
        let mut blocks = 0;
        while let Some(dir) = self.take() {
            let mut found = Vec::new();
            let outcome = read_dir(&dir, &mut buffer, &mut found);
            self.give(found, outcome.is_err());
            blocks += outcome?;
        }
        Ok(blocks)
    }

    fn take(&self) -> Option<PathBuf> {
        let mut list = self.list.lock().unwrap();
        while list.dirs.is_empty() && list.busy > 0 && !list.failed {
            list = self.changed.wait(list).unwrap();
        }
        if list.failed {
            return None;
        }
        let dir = list.dirs.pop()?;
        list.busy += 1;
        Some(dir)
    }

    fn give(&self, found: Vec<PathBuf>, failed: bool) {
        let mut list = self.list.lock().unwrap();
        list.busy -= 1;
        list.failed |= failed;
        let wake = !found.is_empty() || list.busy == 0 || failed;
        list.dirs.extend(found);
        drop(list);
        if wake {
            self.changed.notify_all();
        }
    }
}

/// Adds up the blocks of all entries of `dir`, and collects the directories among them.
fn read_dir(dir: &Path, buffer: &mut Vec<u8>, found: &mut Vec<PathBuf>) -> io::Result<u64> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd: OwnedFd = rustix::fs::openat(CWD, dir, flags, Mode::empty())?;
    let mut blocks = 0;
    let mut entries = RawDir::new(&fd, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = rustix::fs::statx(&fd, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BLOCKS)?;
        blocks += stat.stx_blocks;
        if entry.file_type() == FileType::Directory {
            let name = std::os::unix::ffi::OsStrExt::from_bytes(name.to_bytes());
            found.push(dir.join::<&std::ffi::OsStr>(name));
        }
    }
    Ok(blocks)
}
