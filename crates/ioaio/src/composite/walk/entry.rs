//! What a walk gives.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::names::{Batch, Place};
use super::visit::Job;
use crate::{FileType, Metadata};

/// Something that a walk has come upon.
///
/// It refers to what was found with it in the same directory: who keeps many entries for long keeps
/// their [`path`](Self::path)s instead.
#[derive(Clone)]
pub struct WalkEntry {
    batch: Arc<Batch>,
    index: usize,
}

impl WalkEntry {
    pub(crate) fn new(batch: Arc<Batch>, index: usize) -> Self {
        WalkEntry { batch, index }
    }
    /// What it takes to go into it, if it is a directory in one.
    pub(crate) fn job(&self) -> Option<Job> {
        match &self.batch.names.place {
            Place::Root(_) => None,
            Place::Dir(dir) => Some(Job::Enter(dir.clone(), self.batch.names.name(self.index).into())),
        }
    }
    /// The path, with that of the root before it, as the walk was given it.
    pub fn path(&self) -> PathBuf {
        let root = &self.batch.names.tree().path;
        let below = self.relative_path();
        // Joined with nothing, it would get a slash at its end.
        if below.as_os_str().is_empty() { root.clone() } else { root.join(below) }
    }
    /// The path from the root on; empty for the root itself.
    pub fn relative_path(&self) -> PathBuf {
        match self.batch.names.place {
            Place::Root(_) => PathBuf::new(),
            Place::Dir(_) => self.batch.names.path().join(self.file_name()),
        }
    }
    /// The name; of the root the last name of its path, or the whole path if that ends in none.
    pub fn file_name(&self) -> &OsStr {
        let name = OsStr::from_bytes(self.batch.names.name(self.index).to_bytes());
        match self.batch.names.place {
            Place::Root(_) => Path::new(name).file_name().unwrap_or(name),
            Place::Dir(_) => name,
        }
    }
    /// The kind of file. Symbolic links are not followed.
    pub fn file_type(&self) -> FileType {
        self.batch.kind(self.index)
    }
    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.file_type() == FileType::Directory
    }
    /// How far below the root it is, which is at 0.
    pub fn depth(&self) -> usize {
        self.batch.names.depth()
    }
    /// What `lstat(2)` said, if [`metadata`](super::Walk::metadata) was asked for.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.batch.metadata(self.index)
    }
}

impl fmt::Debug for WalkEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WalkEntry")
            .field("path", &self.path())
            .field("file_type", &self.file_type())
            .finish_non_exhaustive()
    }
}
