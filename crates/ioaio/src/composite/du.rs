//! How much space a tree takes.

use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::walk::{Drive, Plan, Rules, Tree};
use crate::api::request::PathOp;
use crate::composite::base::errors::Errors;
use crate::composite::base::task::{Composite, Steps, Task};
use crate::values::error::Error;
use crate::values::path::At;
use crate::{Aio, Metadata, Progress, Request};

/// The sums over a tree; see [`Aio::du`].
pub struct Du {
    at: At,
    one_file_system: bool,
    progress: Progress,
}

/// What a tree takes.
#[derive(Debug, Default)]
#[must_use = "what could not be counted is in here"]
pub struct DiskUsage {
    disk: u64,
    apparent: u64,
    files: u64,
    dirs: u64,
    errors: Errors,
    vanished: u64,
}

impl DiskUsage {
    /// The bytes that are allocated for it, as `du -s` sums them up.
    pub fn disk(&self) -> u64 {
        self.disk
    }
    /// The lengths of files, directories and links, in bytes, holes included.
    pub fn apparent(&self) -> u64 {
        self.apparent
    }
    /// How many there are that are no directories, those with several names once.
    pub fn files(&self) -> u64 {
        self.files
    }
    /// How many directories there are, with the root.
    pub fn dirs(&self) -> u64 {
        self.dirs
    }
    /// Why something was not counted, the first thousand times.
    pub fn errors(&self) -> &[Error] {
        &self.errors.first
    }
    /// How many errors there were.
    pub fn failed(&self) -> u64 {
        self.errors.count
    }
    /// How many names had gone when they were asked for. They are no errors.
    pub fn vanished(&self) -> u64 {
        self.vanished
    }
    fn add(&mut self, metadata: &Metadata) {
        // The kernel counts blocks of 512 bytes whatever the file system's own are.
        self.disk = self.disk.saturating_add(metadata.blocks().saturating_mul(512));
        self.apparent = self.apparent.saturating_add(metadata.len());
        match metadata.is_dir() {
            true => self.dirs += 1,
            false => self.files += 1,
        }
    }
}

/// Files with several names that have been met. One may be met more often than it has names, where a
/// directory is mounted at several places: so each is remembered to the end.
#[derive(Default)]
struct Links(HashSet<((u32, u32), u64)>);

impl Links {
    fn is_first(&mut self, metadata: &Metadata) -> bool {
        let is_only = metadata.nlink() < 2 || metadata.is_dir();
        is_only || self.0.insert((metadata.dev(), metadata.ino()))
    }
}

impl Composite for Du {
    type Out = DiskUsage;
    const NAME: &'static str = "du";
    fn check(&self) -> io::Result<()> {
        self.at.check()
    }
    fn run(self, steps: Steps) -> impl Future<Output = Result<DiskUsage, Error>> + Send {
        du(self, steps)
    }
}

async fn du(args: Du, steps: Steps) -> Result<DiskUsage, Error> {
    let (control, path) = (steps.control().clone(), args.at.path_buf());
    let tree = Tree::new(path.clone(), args.one_file_system, control.clone());
    let plan = Plan { metadata: true, ..Plan::new(tree, args.at) };
    let mut drive = Drive::new(plan, Rules::default(), steps);
    let (mut usage, mut links, mut dev) = (DiskUsage::default(), Links::default(), None);
    while let Some(mut run) = poll_fn(|cx| drive.poll(cx)).await {
        while let Some(item) = run.next() {
            let entry = match item {
                Ok(entry) => entry,
                // It is the root.
                Err(e) if dev.is_none() => return Err(e),
                Err(e) => {
                    usage.errors.add(e);
                    continue;
                }
            };
            let Some(metadata) = entry.metadata() else { continue };
            let here = *dev.get_or_insert(metadata.dev()) == metadata.dev() || !args.one_file_system;
            if here && links.is_first(metadata) {
                usage.add(metadata);
                args.progress.add_entry();
                args.progress.add_bytes(metadata.len());
            }
        }
    }
    match control.cancelled() {
        true => Err(Error::new("du", path, Errno::CANCELED)),
        false => Ok(DiskUsage { vanished: drive.vanished, ..usage }),
    }
}

impl PathOp for Task<Du> {
    fn at(&mut self) -> &mut At {
        &mut self.arguments().at
    }
}

impl Request<'_, Task<Du>> {
    /// With true, nothing on other file systems is counted (default: false).
    pub fn one_file_system(mut self, stay: bool) -> Self {
        self.op.arguments().one_file_system = stay;
        self
    }
    /// Counts in `progress` what has been met: entries, and the bytes of their lengths.
    pub fn progress(mut self, progress: &Progress) -> Self {
        self.op.arguments().progress = progress.clone();
        self
    }
}

impl Aio {
    /// Sums up what a file, or a directory with all that is in it, takes on the device. Symbolic links are
    /// counted, never followed, and a file with several hard links is counted once.
    ///
    /// What cannot be read is told in the result, and not counted; neither is what goes away meanwhile.
    /// Memory is taken for each file with several hard links. Sums that do not fit are `u64::MAX`.
    ///
    /// # Errors
    /// Those of `lstat(2)` on the path; EINVAL for a NUL in it.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let usage = ioaio::Aio::new()?.du("/etc").wait()?;
    /// println!("{} bytes in {} files", usage.disk(), usage.files());
    /// usage.errors().iter().for_each(|e| eprintln!("{e}"));
    /// # Ok(()) }
    /// ```
    pub fn du(&self, path: impl AsRef<Path>) -> Request<'_, Task<Du>> {
        let at = At::new(path.as_ref());
        Task::request(self, Du { at, one_file_system: false, progress: Progress::new() })
    }
}
