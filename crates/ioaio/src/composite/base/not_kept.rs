//! What a copy does not have that the original has.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::composite::base::calls::Place;
use crate::values::error::Error;

/// What is kept in full; more is only counted.
const NOTES: usize = 1000;

/// Something that a copy has without what it is about: an attribute that the target's file system does not
/// know, or that takes a privilege.
///
/// See [`Copied::not_kept`](crate::Copied::not_kept) and [`Progress::not_kept`](crate::Progress::not_kept).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// // Here a plan stands for a file system that sets no modes.
/// let plan = ioaio::Faults::new(1).fail("fchmod", 1, 1000);
/// let (aio, progress) = (ioaio::Aio::builder().faults(plan).build()?, ioaio::Progress::new());
/// aio.copy("/etc/passwd", dir.path().join("copy")).progress(&progress).wait()?;
/// let lost = &progress.not_kept()[0];
/// assert_eq!((lost.attribute(), lost.raw_os_error()), ("mode", 1));
/// assert_eq!(lost.path(), dir.path().join("copy"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotKept {
    path: PathBuf,
    attribute: String,
    errno: i32,
}

impl NotKept {
    /// The copy.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// `owner`, `mode`, `times`, `hard link`, `extended attributes`, or the name of one of these, as
    /// `system.posix_acl_access`.
    pub fn attribute(&self) -> &str {
        &self.attribute
    }
    /// The errno with which it was refused.
    pub fn raw_os_error(&self) -> i32 {
        self.errno
    }
}

impl fmt::Display for NotKept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = io::Error::from_raw_os_error(self.errno);
        write!(f, "{}: {} not kept: {error}", self.path.display(), self.attribute)
    }
}

/// What was not kept, noted by those who copy side by side.
#[derive(Debug, Default)]
pub(crate) struct Notes(Mutex<NotesInside>);

#[derive(Debug, Default)]
struct NotesInside {
    first: Vec<NotKept>,
    count: u64,
}

impl Notes {
    pub(crate) fn add(&self, place: &dyn Place, attribute: &str, error: &Error) {
        let mut notes = self.0.lock().expect("notes");
        notes.count += 1;
        if notes.first.len() < NOTES {
            let errno = error.raw_os_error().unwrap_or_default();
            notes.first.push(NotKept { path: place.place(), attribute: attribute.into(), errno });
        }
    }
    /// The first ones, and how many there were.
    pub(crate) fn take(&self) -> (Vec<NotKept>, u64) {
        let notes = std::mem::take(&mut *self.0.lock().expect("notes"));
        (notes.first, notes.count)
    }
    /// Adds those of another one.
    pub(crate) fn extend(&self, (first, count): (&[NotKept], u64)) {
        let mut notes = self.0.lock().expect("notes");
        notes.count += count;
        let room = NOTES.saturating_sub(notes.first.len());
        notes.first.extend(first.iter().take(room).cloned());
    }
    pub(crate) fn first(&self) -> Vec<NotKept> {
        self.0.lock().expect("notes").first.clone()
    }
}
