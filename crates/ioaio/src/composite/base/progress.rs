//! How far a composite has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that a composite moves while it runs, for anybody to read at any time.
///
/// Clones share the counters. One `Progress` may be given to several requests, which add up.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// let progress = ioaio::Progress::new();
/// let aio = ioaio::Aio::new()?;
/// aio.copy("/etc/passwd", dir.path().join("copy")).progress(&progress).wait()?;
/// assert_eq!(progress.entries(), 1);
/// assert_eq!(progress.bytes(), std::fs::metadata("/etc/passwd")?.len());
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    entries: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// Counters at zero.
    pub fn new() -> Self {
        Self::default()
    }
    /// The files, directories and others that are done.
    pub fn entries(&self) -> u64 {
        self.0.entries.load(Ordering::Relaxed)
    }
    /// The bytes of contents that are done, holes included.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }
    pub(crate) fn add_entry(&self) {
        self.0.entries.fetch_add(1, Ordering::Relaxed);
    }
    pub(crate) fn add_bytes(&self, n: u64) {
        self.0.bytes.fetch_add(n, Ordering::Relaxed);
    }
}
