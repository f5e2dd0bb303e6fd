//! Names that appear when what they name is complete.

use std::ffi::{CStr, CString};
use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags, RenameFlags};
use rustix::io::Errno;

use crate::composite::base::calls::Calls;
use crate::composite::base::parent_and_name::Name;
use crate::sys::fallback;
use crate::values::error::Error;
use crate::values::path::At;

/// A name that nobody else uses, whatever length the target's name has.
pub(crate) fn temp_name() -> CString {
    let random = RandomState::new().hash_one(std::process::id());
    CString::new(format!(".ioaio-{random:016x}")).expect("hexadecimal digits")
}

pub(crate) fn is(e: &Error, errnos: &[Errno]) -> bool {
    errnos.iter().any(|errno| e.raw_os_error() == Some(errno.raw_os_error()))
}

/// Where something new is to appear, and how.
pub(crate) struct Target<'a> {
    pub(crate) calls: Calls<'a>,
    pub(crate) at: &'a At,
    name: Name<'a>,
    dir: OwnedFd,
    replace: bool,
    durable: bool,
}

impl<'a> Target<'a> {
    pub(crate) fn open(calls: Calls<'a>, at: &'a At, replace: bool, durable: bool) -> Result<Self, Error> {
        let name = Name::of(at).map_err(|e| Error::new("openat", at.path_buf(), e))?;
        // Only what is open for reading can be synced.
        let access = if durable { OFlags::RDONLY } else { OFlags::PATH };
        let dir = calls.step("openat", at, || name.open_dir(access))?;
        Ok(Target { calls, at, name, dir, replace, durable })
    }
    pub(crate) fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
    pub(crate) fn name(&self) -> &CStr {
        self.name.name()
    }
    /// Something with a temporary name, by a call that gives EEXIST if the name is taken.
    pub(crate) fn make<T>(
        &self,
        call: &'static str,
        mut make: impl FnMut(BorrowedFd<'_>, &CStr) -> rustix::io::Result<T>,
    ) -> Result<(TempName<'_>, T), Error> {
        loop {
            let name = temp_name();
            match self.calls.step(call, self.at, || make(self.dir(), &name)) {
                Ok(made) => return Ok((TempName { dir: self.dir(), name: Some(name) }, made)),
                Err(e) if is(&e, &[Errno::EXIST]) => {}
                Err(e) => return Err(e),
            }
        }
    }
    /// A new file, open for writing. Where the file system can, it has no name, so that a crash
    /// leaves nothing behind.
    pub(crate) fn make_file(&self, mode: Mode) -> Result<TempFile<'_>, Error> {
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        if nameless_can_be_linked() {
            let open = || rustix::fs::openat(self.dir(), c".", flags | OFlags::TMPFILE, mode);
            match self.calls.step("openat", self.at, open) {
                Ok(file) => return Ok(TempFile { file, name: None }),
                Err(e) if !is(&e, &[Errno::OPNOTSUPP, Errno::ISDIR, Errno::INVAL]) => return Err(e),
                Err(_no_such_files_here) => {}
            }
        }
        let flags = flags | OFlags::CREATE | OFlags::EXCL;
        let (name, file) = self.make("openat", |dir, name| rustix::fs::openat(dir, name, flags, mode))?;
        Ok(TempFile { file, name: Some(name) })
    }
    /// Lets a complete file appear.
    pub(crate) fn place_file(&self, temp: TempFile<'_>) -> Result<(), Error> {
        if self.durable {
            self.calls.step("fsync", self.at, || rustix::fs::fsync(&temp.file))?;
        }
        self.calls.flush(self.at, temp.file.as_fd())?;
        match temp.name {
            Some(name) => self.place(name),
            None if self.replace => {
                let (name, ()) = self.make("linkat", |dir, name| link(&temp.file, dir, name))?;
                self.place(name)
            }
            None => {
                self.calls.step("linkat", self.at, || link(&temp.file, self.dir(), self.name()))?;
                self.sync()
            }
        }
    }
    /// Lets anything else appear.
    pub(crate) fn place(&self, mut temp: TempName<'_>) -> Result<(), Error> {
        let (dir, from, to) = (self.dir(), temp.name(), self.name());
        if self.replace {
            self.calls.step("renameat", self.at, || rustix::fs::renameat(dir, from, dir, to))?;
        } else {
            let rename = || fallback::rename((dir, from), (dir, to), RenameFlags::NOREPLACE);
            match self.calls.step("renameat2", self.at, rename) {
                // The file system has no such rename; the temporary name goes with the guard.
                Err(e) if is(&e, &[Errno::INVAL, Errno::NOSYS]) => {
                    let link = || rustix::fs::linkat(dir, from, dir, to, AtFlags::empty());
                    self.calls.step("linkat", self.at, link)?;
                    drop(temp);
                    return self.sync();
                }
                res => res?,
            }
        }
        temp.name = None;
        self.sync()
    }
    /// It is in its place, so there is no going back.
    fn sync(&self) -> Result<(), Error> {
        match self.durable {
            true => self.calls.finally("fsync", self.at, || rustix::fs::fsync(&self.dir)),
            false => Ok(()),
        }
    }
}

/// A name that goes with this, unless it was renamed.
pub(crate) struct TempName<'a> {
    dir: BorrowedFd<'a>,
    name: Option<CString>,
}

impl TempName<'_> {
    pub(crate) fn name(&self) -> &CStr {
        self.name.as_deref().unwrap_or_default()
    }
}

impl Drop for TempName<'_> {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            // It was never complete, so nobody misses it; and an error has been reported before.
            let _ = rustix::fs::unlinkat(self.dir, name, AtFlags::empty());
        }
    }
}

/// A file with a temporary name, or with none.
pub(crate) struct TempFile<'a> {
    file: OwnedFd,
    name: Option<TempName<'a>>,
}

impl AsFd for TempFile<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn link(file: &OwnedFd, dir: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<()> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    rustix::fs::linkat(rustix::fs::CWD, path, dir, name, AtFlags::SYMLINK_FOLLOW)
}

/// Linking a file without a name takes procfs, or a privilege.
fn nameless_can_be_linked() -> bool {
    rustix::fs::access("/proc/self/fd", rustix::fs::Access::EXISTS).is_ok()
}
