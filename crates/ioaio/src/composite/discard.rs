//! Takes a tree away that nobody is to miss: what a composite has made and not finished.

use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::attributes::stat;
use super::calls::{Calls, Place};
use super::copy_tree::dirs::{Id, id, open_dir};
use super::temp::is;
use crate::error::Error;

const BUFFER: usize = 16 * 1024;

/// A directory on the way down.
struct Level {
    dir: OwnedFd,
    id: Id,
}

/// Removes `name` in `top`, whatever it is. One directory is open at a time, and the way back up has
/// to lead to the directory that the way down came from.
pub(crate) fn discard(
    calls: Calls<'_>,
    place: &dyn Place,
    top: BorrowedFd<'_>,
    name: &CStr,
) -> Result<(), Error> {
    let unlink = |dir: BorrowedFd<'_>, name: &CStr, flags| {
        calls.finally("unlinkat", place, || rustix::fs::unlinkat(dir, name, flags))
    };
    match unlink(top, name, AtFlags::empty()) {
        Err(e) if is(&e, &[Errno::ISDIR, Errno::PERM]) => {}
        res => return res,
    }
    let enter = |dir: BorrowedFd<'_>, name: &CStr| -> Result<Level, Error> {
        let dir = calls.finally("openat", place, || open_dir(dir, name))?;
        let st = calls.finally("statx", place, || stat(dir.as_fd()))?;
        if u32::from(st.stx_mode) & Mode::RWXU.bits() != Mode::RWXU.bits() {
            calls.finally("fchmod", place, || rustix::fs::fchmod(&dir, Mode::RWXU))?;
        }
        Ok(Level { id: id(&st), dir })
    };
    let mut level = enter(top, name)?;
    let mut above: Vec<(Id, CString)> = Vec::new();
    loop {
        // From the start again: what was there is gone.
        let sub = calls.finally("getdents64", place, || empty(level.dir.as_fd()))?;
        if let Some(sub) = sub {
            let next = enter(level.dir.as_fd(), &sub)?;
            above.push((level.id, sub));
            level = next;
            continue;
        }
        let Some((id_above, sub)) = above.pop() else {
            return unlink(top, name, AtFlags::REMOVEDIR);
        };
        let up = calls.finally("openat", place, || open_dir(level.dir.as_fd(), c".."))?;
        let st = calls.finally("statx", place, || stat(up.as_fd()))?;
        if id(&st) != id_above {
            return Err(Error::new("openat", place.place(), Errno::BUSY));
        }
        unlink(up.as_fd(), &sub, AtFlags::REMOVEDIR)?;
        level = Level { dir: up, id: id_above };
    }
}

/// Removes everything up to the first directory, and gives its name.
fn empty(dir: BorrowedFd<'_>) -> rustix::io::Result<Option<CString>> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = rustix::fs::openat(dir, c".", flags, Mode::empty())?;
    let mut buffer = [const { MaybeUninit::uninit() }; BUFFER];
    let mut entries = RawDir::new(&dir, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if entry.file_type() == FileType::Directory {
            return Ok(Some(name.into()));
        }
        match rustix::fs::unlinkat(&dir, name, AtFlags::empty()) {
            Err(Errno::ISDIR | Errno::PERM) => return Ok(Some(name.into())),
            Err(Errno::NOENT) => {}
            res => res?,
        }
    }
    Ok(None)
}
