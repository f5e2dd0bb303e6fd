//! Places in a tree, as errors name them.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::{Dir, Tree};
use crate::composite::base::calls::Place;

/// A name in a directory; the directory itself, if that is empty.
pub(crate) struct Spot<'a, D> {
    pub(super) dir: &'a Dir<D>,
    pub(super) name: &'a CStr,
}

impl<D> Place for Spot<'_, D> {
    fn place(&self) -> PathBuf {
        let mut path = self.dir.tree.path.clone();
        for part in [self.dir.path(), OsStr::from_bytes(self.name.to_bytes()).into()] {
            // Joined with nothing, a path would get a slash at its end.
            if !part.as_os_str().is_empty() {
                path.push(part);
            }
        }
        path
    }
}

/// The root of a tree.
pub(crate) struct Root<'a, D>(pub(super) &'a Tree<D>);

impl<D> Place for Root<'_, D> {
    fn place(&self) -> PathBuf {
        self.0.path.clone()
    }
}
