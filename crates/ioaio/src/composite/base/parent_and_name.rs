//! A path taken apart: a directory, and a name in it.

use std::ffi::{CStr, CString};
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use crate::values::path::At;

/// A name in a directory.
pub(crate) struct Name<'a> {
    dirfd: BorrowedFd<'a>,
    parent: CString,
    name: CString,
}

impl<'a> Name<'a> {
    /// ENOENT for an empty path, EISDIR for one that can only be a directory's.
    pub(crate) fn of(at: &'a At) -> Result<Self, Errno> {
        Self::split(at, at.path().to_bytes())
    }
    /// The same of a part of its path.
    pub(crate) fn split(at: &'a At, path: &[u8]) -> Result<Self, Errno> {
        let (parent, name) = split(path)?;
        // No NUL in what was a C string.
        let string = |bytes: &[u8]| CString::new(bytes).map_err(|_| Errno::INVAL);
        Ok(Name { dirfd: at.dirfd(), parent: string(parent)?, name: string(name)? })
    }
    pub(crate) fn name(&self) -> &CStr {
        &self.name
    }
    pub(crate) fn open_dir(&self, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let flags = flags | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(self.dirfd, &self.parent, flags, Mode::empty())
    }
}

/// The directory, and the name in it.
pub(crate) fn split(path: &[u8]) -> Result<(&[u8], &[u8]), Errno> {
    let cut = path.iter().rposition(|&b| b == b'/').map_or(0, |slash| slash + 1);
    match path.split_at(cut) {
        (b"", b"") => Err(Errno::NOENT),
        (_, b"" | b"." | b"..") => Err(Errno::ISDIR),
        (b"", name) => Ok((b".", name)),
        (parent, name) => Ok((parent, name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_before_the_name() {
        let ok = |path: &'static str, parent: &'static str, name: &'static str| {
            assert_eq!(split(path.as_bytes()), Ok((parent.as_bytes(), name.as_bytes())), "{path}");
        };
        ok("a", ".", "a");
        ok("/a", "/", "a");
        ok("a/b", "a/", "b");
        ok("../x//y", "../x//", "y");
        ok("...", ".", "...");
        assert_eq!(split(b""), Err(Errno::NOENT));
        for path in ["/", "a/", ".", "..", "a/.", "a/..", "//"] {
            assert_eq!(split(path.as_bytes()), Err(Errno::ISDIR), "{path}");
        }
    }
}
