//! Names that appear when what they name is complete.

use std::ffi::{CStr, CString};
use std::hash::{BuildHasher, RandomState};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, StatxAttributes};
use rustix::io::Errno;

use crate::composite::base::attributes::{kind, stat, stat_name};
use crate::composite::base::calls::{Calls, Place};
use crate::composite::base::leftovers::{self, PREFIX};
use crate::composite::base::parent_and_name::{Name, split};
use crate::composite::base::special::hold;
use crate::sys::fallback;
use crate::values::error::Error;
use crate::values::path::At;

/// Symbolic links that are followed one after the other, as by the kernel.
const LINKS: usize = 40;
/// What `linkat(2)` gives where a file cannot have another name: no hard links in the file system, too many
/// names, or somebody else's file (`fs.protected_hardlinks`).
pub(crate) const NO_LINKS: [Errno; 4] = [Errno::PERM, Errno::OPNOTSUPP, Errno::NOSYS, Errno::MLINK];

/// A name that nobody else uses, whatever length the target's name has.
pub(crate) fn temp_name() -> CString {
    let random = RandomState::new().hash_one(std::process::id());
    CString::new(format!("{PREFIX}{random:016x}")).expect("hexadecimal digits")
}

pub(crate) fn is(e: &Error, errnos: &[Errno]) -> bool {
    errnos.iter().any(|errno| e.raw_os_error() == Some(errno.raw_os_error()))
}

/// Where something new is to appear, and how.
pub(crate) struct Target<'a> {
    pub(crate) calls: Calls<'a>,
    pub(crate) at: &'a At,
    dir: OwnedFd,
    name: CString,
    replace: bool,
    durable: bool,
    /// The directory is open for reading, and so for `fsync(2)`.
    readable: bool,
    /// Nothing had the name a moment ago.
    free: bool,
}

impl<'a> Target<'a> {
    /// For a name that nothing had a moment ago.
    pub(crate) fn open_free(
        calls: Calls<'a>,
        at: &'a At,
        replace: bool,
        durable: bool,
    ) -> Result<Self, Error> {
        Ok(Target { free: true, ..Self::open(calls, at, replace, durable)? })
    }
    pub(crate) fn open(calls: Calls<'a>, at: &'a At, replace: bool, durable: bool) -> Result<Self, Error> {
        let name = Name::of(at).map_err(|e| Error::new("openat", at.path_buf(), e))?;
        let (dir, readable) = open_parent(calls, at, durable, |flags| name.open_dir(flags))?;
        Ok(Target { calls, at, dir, name: name.name().into(), replace, durable, readable, free: false })
    }
    /// Where the symbolic link leads that has the target's name, link after link. What is there need not exist.
    /// `None` for one of /proc, which leads to an open file, whatever has that one's name by now.
    pub(crate) fn follow(mut self) -> Result<Option<Self>, Error> {
        let (calls, at, durable) = (self.calls, self.at, self.durable);
        for _ in 0..LINKS {
            let path = match calls.step("readlinkat", at, || read_link(self.dir(), &self.name)) {
                Err(e) if is(&e, &[Errno::INVAL, Errno::NOENT]) => return Ok(Some(self)), // no link
                path => path?,
            };
            let Some(path) = path else { return Ok(None) };
            let (parent, name) =
                split(path.to_bytes()).map_err(|e| Error::new("openat", at.path_buf(), e))?;
            let (dir, readable) = open_parent(calls, at, durable, |flags| {
                let flags = flags | OFlags::DIRECTORY | OFlags::CLOEXEC;
                rustix::fs::openat(self.dir(), parent, flags, Mode::empty())
            })?;
            // No NUL in what was a C string.
            self.name = CString::new(name).unwrap_or_default();
            (self.dir, self.readable) = (dir, readable);
        }
        Err(Error::new("readlinkat", at.path_buf(), Errno::LOOP))
    }
    pub(crate) fn dir(&self) -> BorrowedFd<'_> {
        self.dir.as_fd()
    }
    pub(crate) fn name(&self) -> &CStr {
        &self.name
    }
    /// Something with a temporary name, by a call that gives EEXIST if the name is taken.
    pub(crate) fn make<T>(
        &self,
        call: &'static str,
        mut make: impl FnMut(BorrowedFd<'_>, &CStr) -> rustix::io::Result<T>,
    ) -> Result<(TempName<'_>, T), Error> {
        refuse_append_only(self.calls, self.at, self.dir())?;
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
        leftovers::hold(file.as_fd());
        Ok(TempFile { file, name: Some(name) })
    }
    /// Lets a complete file appear.
    pub(crate) fn place_file(&self, temp: TempFile<'_>) -> Result<(), Error> {
        if self.durable {
            self.calls.step("fsync", self.at, || rustix::fs::fsync(&temp.file))?;
        }
        self.calls.flush(self.at, temp.file.as_fd())?;
        if temp.name.is_none() && (self.free || !self.replace) {
            match self.calls.step("linkat", self.at, || link(&temp.file, self.dir(), self.name())) {
                // Something has come in between.
                Err(e) if self.replace && is(&e, &[Errno::EXIST]) => {}
                res => return res.and_then(|()| self.sync()),
            }
        }
        match temp.name {
            Some(name) => self.place(name),
            None => {
                leftovers::hold(temp.file.as_fd());
                let (name, ()) = self.make("linkat", |dir, name| link(&temp.file, dir, name))?;
                self.place(name)
            }
        }
    }
    /// Lets anything else appear.
    pub(crate) fn place(&self, mut temp: TempName<'_>) -> Result<(), Error> {
        let (dir, from, to) = (self.dir(), temp.name(), self.name());
        if self.replace {
            self.calls.step("renameat", self.at, || rustix::fs::renameat(dir, from, dir, to))?;
        } else {
            rename_new(self.calls, self.at, (dir, from), (dir, to))?;
        }
        temp.name = None;
        self.sync()
    }
    /// It is in its place, so there is no going back.
    fn sync(&self) -> Result<(), Error> {
        if !self.durable {
            return Ok(());
        }
        if self.readable {
            return self.calls.finally("fsync", self.at, || rustix::fs::fsync(&self.dir));
        }
        let file = self.calls.finally("openat", self.at, || any_file(self.dir()))?;
        self.calls.finally("syncfs", self.at, || rustix::fs::syncfs(&file))
    }
}

/// In a directory that only takes names (`chattr +a`), one that is temporary would stay.
pub(crate) fn refuse_append_only(calls: Calls<'_>, at: &At, dir: BorrowedFd<'_>) -> Result<(), Error> {
    let st = calls.step("statx", at, || stat(dir))?;
    match st.stx_attributes.contains(StatxAttributes::APPEND) {
        true => Err(Error::new("renameat", at.path_buf(), Errno::PERM)),
        false => Ok(()),
    }
}

/// Opens the directory of a name. Only what is open for reading can be synced; where it may not be read,
/// syncing takes another way.
pub(crate) fn open_parent(
    calls: Calls<'_>,
    at: &At,
    durable: bool,
    open: impl Fn(OFlags) -> rustix::io::Result<OwnedFd>,
) -> Result<(OwnedFd, bool), Error> {
    if durable {
        match calls.step("openat", at, || open(OFlags::RDONLY)) {
            Err(e) if is(&e, &[Errno::ACCESS]) => {}
            dir => return dir.map(|dir| (dir, true)),
        }
    }
    calls.step("openat", at, || open(OFlags::PATH)).map(|dir| (dir, false))
}

/// The target of a symbolic link; `None` if it is one of /proc. In a directory that everybody may write to, a
/// link of somebody else is refused, as by the kernel with `fs.protected_symlinks`: it could lead to what only
/// we may write to.
fn read_link(dir: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<Option<CString>> {
    let link = hold(dir, name)?;
    let (st, dir) = (stat(link.as_fd())?, stat(dir)?);
    if kind(&st) != FileType::Symlink {
        return Err(Errno::INVAL);
    }
    let anybody = Mode::SVTX | Mode::WOTH;
    let trusted = [rustix::process::geteuid().as_raw(), dir.stx_uid].contains(&st.stx_uid);
    if Mode::from_raw_mode(dir.stx_mode.into()).contains(anybody) && !trusted {
        return Err(Errno::ACCESS);
    }
    if rustix::fs::fstatfs(&link)?.f_type == rustix::fs::PROC_SUPER_MAGIC {
        return Ok(None);
    }
    rustix::fs::readlinkat(&link, c"", Vec::new()).map(Some)
}

/// Some open file of the file system that a directory is on, which need not be readable.
fn any_file(dir: BorrowedFd<'_>) -> rustix::io::Result<OwnedFd> {
    let (flags, mode) = (OFlags::WRONLY | OFlags::CLOEXEC, Mode::RUSR | Mode::WUSR);
    match rustix::fs::openat(dir, c".", flags | OFlags::TMPFILE, mode) {
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {}
        file => return file,
    }
    let name = temp_name();
    let file = rustix::fs::openat(dir, &name, flags | OFlags::CREATE | OFlags::EXCL, mode)?;
    rustix::fs::unlinkat(dir, &name, AtFlags::empty())?;
    Ok(file)
}

/// A rename that replaces nothing, also where the file system knows none (NFS, many on FUSE).
pub(crate) fn rename_new(
    calls: Calls<'_>,
    place: &dyn Place,
    from: (BorrowedFd<'_>, &CStr),
    to: (BorrowedFd<'_>, &CStr),
) -> Result<(), Error> {
    let rename = || fallback::rename(from, to, RenameFlags::NOREPLACE);
    match calls.step("renameat2", place, rename) {
        Err(e) if is(&e, &[Errno::INVAL, Errno::NOSYS]) => {}
        res => return res,
    }
    let rename = || calls.step("renameat", place, || rustix::fs::renameat(from.0, from.1, to.0, to.1));
    let st = calls.step("statx", place, || stat_name(from.0, from.1))?;
    if kind(&st) == FileType::Directory {
        // What comes in between is replaced only if it is an empty directory.
        return match calls.step("statx", place, || stat_name(to.0, to.1)) {
            Err(e) if is(&e, &[Errno::NOENT]) => rename(),
            Err(e) => Err(e),
            Ok(_) => Err(Error::new("renameat2", place.place(), Errno::EXIST)),
        };
    }
    match calls.step("linkat", place, || rustix::fs::linkat(from.0, from.1, to.0, to.1, AtFlags::empty())) {
        Err(e) if is(&e, &NO_LINKS) => {}
        Err(e) => return Err(e),
        Ok(()) => {
            return calls
                .finally("unlinkat", place, || rustix::fs::unlinkat(from.0, from.1, AtFlags::empty()));
        }
    }
    // Nor are there hard links: an empty file takes the name, if that is free, and is replaced.
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    calls.step("openat", place, || rustix::fs::openat(to.0, to.1, flags, Mode::empty())).map(drop)?;
    let renamed = rename();
    if renamed.is_err() {
        let _ = calls.finally("unlinkat", place, || rustix::fs::unlinkat(to.0, to.1, AtFlags::empty()));
    }
    renamed
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
