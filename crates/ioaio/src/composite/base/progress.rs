//! How far a composite has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::composite::base::not_kept::{NotKept, Notes};

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
    notes: Notes,
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
    /// Attributes that copies could not keep, the first thousand of them, once the requests are done.
    pub fn not_kept(&self) -> Vec<NotKept> {
        self.0.notes.first()
    }
    /// Adds what one request has not kept.
    pub(crate) fn add_not_kept(&self, first: &[NotKept], count: u64) {
        self.0.notes.extend((first, count));
    }
    pub(crate) fn add_entry(&self) {
        self.0.entries.fetch_add(1, Ordering::Relaxed);
    }
    /// Stays at the largest number that there is.
    pub(crate) fn add_bytes(&self, n: u64) {
        let before = self.0.bytes.fetch_add(n, Ordering::Relaxed);
        if before.checked_add(n).is_none() {
            self.0.bytes.store(u64::MAX, Ordering::Relaxed);
        }
    }
}
