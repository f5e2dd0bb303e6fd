//! Paths as the kernel takes them.

use std::ffi::{CStr, CString, OsStr};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::file::Dir;

/// Where a path starts, and the path.
///
/// A relative path without a [`Dir`] is resolved against the process's directory when the request
/// is executed, not when it is submitted.
pub struct At {
    dir: Option<Dir>,
    path: Option<CString>,
}

impl At {
    pub(crate) fn new(path: &Path) -> Self {
        At { dir: None, path: CString::new(path.as_os_str().as_bytes()).ok() }
    }
    pub(crate) fn set_dir(&mut self, dir: &Dir) {
        self.dir = Some(dir.clone());
    }
    /// EINVAL for a path with a NUL in it.
    pub(crate) fn check(&self) -> io::Result<()> {
        match self.path {
            Some(_) => Ok(()),
            None => Err(rustix::io::Errno::INVAL.into()),
        }
    }
    pub(crate) fn dirfd(&self) -> BorrowedFd<'_> {
        self.dir.as_ref().map_or(rustix::fs::CWD, |d| d.as_fd())
    }
    /// The path, for an error to name.
    pub(crate) fn path_buf(&self) -> PathBuf {
        OsStr::from_bytes(self.path().to_bytes()).into()
    }
    pub(crate) fn path(&self) -> &CStr {
        self.path.as_deref().unwrap_or(c"")
    }
}

/// EINVAL for bits that are not permissions.
pub(crate) fn check_mode(mode: u32) -> io::Result<()> {
    if mode > 0o7777 { Err(rustix::io::Errno::INVAL.into()) } else { Ok(()) }
}
