//! Files that get their name when they are complete.

use std::ffi::{CStr, CString};
use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::OnceLock;

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use super::calls::{Calls, Place};
use crate::error::Error;

/// A name that nobody else uses, whatever length the target's name has.
pub(crate) fn temp_name() -> CString {
    let random = RandomState::new().hash_one(std::process::id());
    CString::new(format!(".ioaio-{random:016x}")).expect("hexadecimal digits")
}

/// A new file without a name, or with a temporary one, which goes when this is dropped.
pub(crate) struct Temp<'a> {
    dir: BorrowedFd<'a>,
    file: OwnedFd,
    name: Option<CString>,
}

impl<'a> Temp<'a> {
    /// Open for writing. Where the file system can, it has no name, so that a crash leaves nothing.
    pub(crate) fn create(
        calls: Calls<'_>,
        place: &dyn Place,
        dir: BorrowedFd<'a>,
        mode: Mode,
    ) -> Result<Self, Error> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        if nameless_can_be_linked() {
            let open = || rustix::fs::openat(dir, c".", flags | OFlags::TMPFILE, mode);
            match calls.step("openat", place, open) {
                Ok(file) => return Ok(Temp { dir, file, name: None }),
                Err(e) if !is(&e, &[Errno::OPNOTSUPP, Errno::ISDIR, Errno::INVAL]) => return Err(e),
                Err(_no_such_files_here) => {}
            }
        }
        loop {
            let name = temp_name();
            let flags = flags | OFlags::CREATE | OFlags::EXCL;
            match calls.step("openat", place, || rustix::fs::openat(dir, &name, flags, mode)) {
                Ok(file) => return Ok(Temp { dir, file, name: Some(name) }),
                Err(e) if is(&e, &[Errno::EXIST]) => {}
                Err(e) => return Err(e),
            }
        }
    }
    /// Gives it its name, in the same directory; EEXIST if there is one and it is not to be replaced.
    pub(crate) fn place(
        mut self,
        calls: Calls<'_>,
        place: &dyn Place,
        name: &CStr,
        replace: bool,
    ) -> Result<(), Error> {
        if self.name.is_none() {
            if !replace {
                return self.link(calls, place, name);
            }
            self.link_anywhere(calls, place)?;
        }
        let temp = self.name.as_deref().unwrap_or(c"");
        rename(calls, place, self.dir, temp, name, replace)?;
        self.name = None;
        Ok(())
    }
    fn link_anywhere(&mut self, calls: Calls<'_>, place: &dyn Place) -> Result<(), Error> {
        loop {
            let name = temp_name();
            match self.link(calls, place, &name) {
                Err(e) if is(&e, &[Errno::EXIST]) => {}
                res => {
                    self.name = Some(name);
                    return res;
                }
            }
        }
    }
    fn link(&self, calls: Calls<'_>, place: &dyn Place, name: &CStr) -> Result<(), Error> {
        let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        calls.step("linkat", place, || {
            rustix::fs::linkat(rustix::fs::CWD, path.as_str(), self.dir, name, AtFlags::SYMLINK_FOLLOW)
        })
    }
}

impl AsFd for Temp<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Temp<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // It was never complete, so nobody misses it; and an error has been reported before.
            let _ = rustix::fs::unlinkat(self.dir, name, AtFlags::empty());
        }
    }
}

/// Within a directory; also where the file system has no RENAME_NOREPLACE.
pub(crate) fn rename(
    calls: Calls<'_>,
    place: &dyn Place,
    dir: BorrowedFd<'_>,
    from: &CStr,
    to: &CStr,
    replace: bool,
) -> Result<(), Error> {
    if replace {
        return calls.step("renameat", place, || rustix::fs::renameat(dir, from, dir, to));
    }
    let rename = || rustix::fs::renameat_with(dir, from, dir, to, RenameFlags::NOREPLACE);
    match calls.step("renameat2", place, rename) {
        Err(e) if is(&e, &[Errno::INVAL, Errno::NOSYS]) => {}
        res => return res,
    }
    calls.step("linkat", place, || rustix::fs::linkat(dir, from, dir, to, AtFlags::empty()))?;
    calls.finally("unlinkat", place, || rustix::fs::unlinkat(dir, from, AtFlags::empty()))
}

pub(crate) fn is(e: &Error, errnos: &[Errno]) -> bool {
    errnos.iter().any(|errno| e.raw_os_error() == Some(errno.raw_os_error()))
}

/// Linking a file without a name takes procfs, or a privilege.
fn nameless_can_be_linked() -> bool {
    static PROC: OnceLock<bool> = OnceLock::new();
    *PROC.get_or_init(|| rustix::fs::access("/proc/self/fd", rustix::fs::Access::EXISTS).is_ok())
}
