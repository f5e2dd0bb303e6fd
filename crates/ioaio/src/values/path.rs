//! Paths as the kernel takes them.

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::values::dir::Dir;
use crate::values::file::File;
use crate::values::small_cstr::SmallCStr;

/// Where a path starts, and the path.
///
/// A relative path without a [`Dir`] is resolved against the process's directory when the request
/// is executed, not when it is submitted.
#[derive(Clone)]
pub struct At {
    dir: Option<Dir>,
    /// `None` if a NUL is in it.
    path: Option<SmallCStr>,
}

impl At {
    pub(crate) fn new(path: &Path) -> Self {
        At { dir: None, path: SmallCStr::new(path.as_os_str().as_bytes()) }
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
        self.path.as_ref().map_or(c"", SmallCStr::as_c_str)
    }
}

/// EINVAL for bits that are not permissions.
pub(crate) fn check_mode(mode: u32) -> io::Result<()> {
    if mode > 0o7777 { Err(rustix::io::Errno::INVAL.into()) } else { Ok(()) }
}

/// What an operation is about that takes a path or an open file.
pub trait Subject: Send + 'static {
    /// Refuses a bad path.
    ///
    /// # Errors
    /// EINVAL for a NUL in it.
    fn check(&self) -> io::Result<()>;
    /// As a system call takes it.
    fn target(&self) -> Target<'_>;
    /// The open file, where it is one.
    fn file(&self) -> Option<&File> {
        None
    }
}

/// A path or an open file, as a system call takes it.
pub enum Target<'a> {
    /// A directory, and a path from there.
    Path(BorrowedFd<'a>, &'a CStr),
    /// An open file.
    File(BorrowedFd<'a>),
}

impl<'a> Target<'a> {
    /// As the calls take it that know `AT_EMPTY_PATH`: an open file is what an empty path means from there.
    pub(crate) fn dir_and_path(self) -> (BorrowedFd<'a>, &'a CStr) {
        match self {
            Target::Path(dir, path) => (dir, path),
            Target::File(file) => (file, c""),
        }
    }
}

/// Whether a call that knows no directory handles means the same by the path alone.
pub(crate) fn stands_alone(dir: BorrowedFd<'_>, path: &CStr) -> bool {
    dir.as_raw_fd() == rustix::fs::CWD.as_raw_fd() || path.to_bytes().starts_with(b"/")
}

impl Subject for At {
    fn check(&self) -> io::Result<()> {
        At::check(self)
    }
    fn target(&self) -> Target<'_> {
        Target::Path(self.dirfd(), self.path())
    }
}
impl Subject for File {
    fn check(&self) -> io::Result<()> {
        Ok(())
    }
    fn target(&self) -> Target<'_> {
        Target::File(self.as_fd())
    }
    fn file(&self) -> Option<&File> {
        Some(self)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_short_path_lies_in_the_request() {
        let within = |at: &At| {
            let (start, path) = (std::ptr::from_ref(at).addr(), at.path().as_ptr().addr());
            (start..start + size_of::<At>()).contains(&path)
        };
        let at = At::new(Path::new("/usr/share/zoneinfo/Europe/Berlin"));
        assert!(within(&at));
        assert!(!within(&At::new(Path::new(&"x/".repeat(100)))));
        assert!(size_of::<At>() <= 72);
    }
}
