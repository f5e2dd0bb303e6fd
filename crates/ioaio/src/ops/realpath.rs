//! Where a path leads.

use std::ffi::{CStr, CString, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::api::request::PathOp;
use crate::request::op::Op;
use crate::values::listing;
use crate::values::path::At;
use crate::{Aio, Request};

/// As many symbolic links as the kernel follows.
const LINKS: u32 = 40;

/// `realpath(3)`; see [`Aio::realpath`].
pub struct Realpath(At);

fn open(dir: BorrowedFd<'_>, path: &CStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::fs::openat(dir, path, flags | OFlags::CLOEXEC, Mode::empty())
}
fn is_same(a: &Stat, b: &Stat) -> bool {
    (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
}
fn is_dir(st: &Stat) -> bool {
    FileType::from_raw_mode(st.st_mode) == FileType::Directory
}

/// Where the kernel says that an open file is; `None` if that is not so any more, cannot be told in a
/// path of the usual length, or procfs is not there.
fn told(file: BorrowedFd<'_>) -> Option<Vec<u8>> {
    let proc = format!("/proc/self/fd/{}", file.as_raw_fd());
    let path = rustix::fs::readlink(proc, Vec::new()).ok()?;
    confirmed(path, file)
}
/// The path, if it leads to that file.
fn confirmed(path: CString, file: BorrowedFd<'_>) -> Option<Vec<u8>> {
    let there = rustix::fs::lstat(&*path).ok()?;
    let same = path.to_bytes().starts_with(b"/") && is_same(&there, &rustix::fs::fstat(file).ok()?);
    same.then(|| path.into_bytes())
}

/// The path of a directory: told, or found by looking for each directory in the one above.
fn path_of_dir(dir: BorrowedFd<'_>, ask: bool) -> Result<Vec<u8>, Errno> {
    let known = || told(dir).or_else(|| confirmed(rustix::process::getcwd(Vec::new()).ok()?, dir));
    if let Some(path) = ask.then(known).flatten() {
        return Ok(path);
    }
    let mut names = Vec::new();
    let mut here = open(dir, c".", OFlags::PATH)?;
    loop {
        let above = open(here.as_fd(), c"..", OFlags::RDONLY | OFlags::DIRECTORY)?;
        let st = rustix::fs::fstat(&here)?;
        if is_same(&st, &rustix::fs::fstat(&above)?) {
            break;
        }
        names.push(name_of(&st, &above)?);
        here = above;
    }
    if !is_same(&rustix::fs::fstat(&here)?, &rustix::fs::stat(c"/")?) {
        return Err(Errno::NOENT); // not below this process's root
    }
    Ok(names.iter().rev().fold(Vec::new(), |path, name| joined(path, name)))
}
fn joined(mut path: Vec<u8>, name: &[u8]) -> Vec<u8> {
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}
/// The name that a directory has in the one above.
fn name_of(st: &Stat, above: &OwnedFd) -> Result<Vec<u8>, Errno> {
    // Its number in the directory is another one if something is mounted on it.
    let is_it = |name: &CStr| {
        rustix::fs::statat(above, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|other| is_same(&other, st))
    };
    let found = listing::find(above, |entry| is_it(entry.name).then(|| entry.name.to_bytes().to_vec()))?;
    found.ok_or(Errno::NOENT)
}

/// A resolution, name by name, each from the handle of the directory before.
struct Walk {
    here: OwnedFd,
    is_dir: bool,
    /// Where that is; empty for the root.
    path: Vec<u8>,
    /// What is left, the next name last.
    names: Vec<Vec<u8>>,
    links: u32,
}

impl Walk {
    fn new(at: &At, ask: bool) -> Result<Self, Errno> {
        let text = at.path().to_bytes();
        let (here, path) = if text.starts_with(b"/") {
            (open(rustix::fs::CWD, c"/", OFlags::PATH)?, Vec::new())
        } else {
            let here = open(at.dirfd(), c".", OFlags::PATH | OFlags::DIRECTORY)?;
            let path = path_of_dir(here.as_fd(), ask)?;
            (here, if path == b"/" { Vec::new() } else { path })
        };
        let mut walk = Walk { here, is_dir: true, path, names: Vec::new(), links: 0 };
        walk.add(text)?;
        Ok(walk)
    }
    /// Puts a path before what is left.
    fn add(&mut self, text: &[u8]) -> Result<(), Errno> {
        if text.is_empty() {
            return Err(Errno::NOENT);
        }
        self.names.extend(text.split(|&b| b == b'/').rev().map(<[u8]>::to_vec));
        Ok(())
    }
    fn run(mut self) -> Result<Vec<u8>, Errno> {
        while let Some(name) = self.names.pop() {
            self.step(&name)?;
        }
        if self.path.is_empty() {
            self.path.push(b'/');
        }
        Ok(self.path)
    }
    fn step(&mut self, name: &[u8]) -> Result<(), Errno> {
        if !self.is_dir {
            return Err(Errno::NOTDIR);
        }
        match name {
            b"" => return Ok(()),
            b"." => self.here = open(self.here.as_fd(), c".", OFlags::PATH)?,
            b".." => {
                self.here = open(self.here.as_fd(), c"..", OFlags::PATH)?;
                let slash = self.path.iter().rposition(|&b| b == b'/').unwrap_or(0);
                self.path.truncate(slash);
            }
            _ => self.enter(name)?,
        }
        Ok(())
    }
    fn enter(&mut self, name: &[u8]) -> Result<(), Errno> {
        // No NUL in what was a C string.
        let c_name = CString::new(name).map_err(|_| Errno::INVAL)?;
        let found = open(self.here.as_fd(), &c_name, OFlags::PATH | OFlags::NOFOLLOW)?;
        let st = rustix::fs::fstat(&found)?;
        if FileType::from_raw_mode(st.st_mode) != FileType::Symlink {
            self.path = joined(std::mem::take(&mut self.path), name);
            self.is_dir = is_dir(&st);
            self.here = found;
            return Ok(());
        }
        self.links += 1;
        if self.links > LINKS {
            return Err(Errno::LOOP);
        }
        let text = rustix::fs::readlinkat(&found, c"", Vec::new())?;
        if text.to_bytes().starts_with(b"/") {
            self.here = open(rustix::fs::CWD, c"/", OFlags::PATH)?;
            self.path.clear();
        }
        self.add(text.to_bytes())
    }
}

impl Op for Realpath {
    type Val = PathBuf;
    type Out = io::Result<PathBuf>;
    const NAME: &'static str = "realpath";
    fn check(&self) -> io::Result<()> {
        self.0.check()
    }
    fn run(&mut self) -> io::Result<PathBuf> {
        let path = match open(self.0.dirfd(), self.0.path(), OFlags::PATH) {
            Ok(file) => told(file.as_fd()),
            // Of a name, or of the path: the walk knows.
            Err(Errno::NAMETOOLONG) => None,
            Err(e) => return Err(e.into()),
        };
        let path = path.map_or_else(|| Walk::new(&self.0, true)?.run(), Ok)?;
        Ok(OsString::from_vec(path).into())
    }
    fn finish(self, res: io::Result<PathBuf>) -> Self::Out {
        res
    }
}
impl PathOp for Realpath {
    fn at(&mut self) -> &mut At {
        &mut self.0
    }
}

impl Aio {
    /// The absolute path that a path leads to, without symbolic links, `.` and `..`, like `realpath(3)`.
    ///
    /// Neither the path nor the answer is limited to the length that a system call takes. Procfs is
    /// used where it is mounted; without it, directory by directory is looked up.
    ///
    /// # Errors
    /// Those of `realpath(3)`: ENOENT if there is nothing; ENOTDIR for a file that should be a
    /// directory; ELOOP after 40 symbolic links; ENAMETOOLONG for a name, not for the path; EINVAL for
    /// a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let path = ioaio::Aio::new()?.realpath("/usr/../etc/./passwd").wait()?;
    /// assert_eq!(path, std::fs::canonicalize("/etc/passwd")?);
    /// # Ok(()) }
    /// ```
    pub fn realpath(&self, path: impl AsRef<Path>) -> Request<'_, Realpath> {
        Request::new(self, Realpath(At::new(path.as_ref())))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn walk(path: &Path, dir: Option<&crate::Dir>) -> io::Result<PathBuf> {
        let mut at = At::new(path);
        dir.into_iter().for_each(|dir| at.set_dir(dir));
        Ok(OsString::from_vec(Walk::new(&at, false)?.run()?).into())
    }

    /// The walk without procfs, against the C library.
    #[test]
    fn procfs_is_not_needed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir_all(at("a/b")).unwrap();
        fs::write(at("a/file"), "").unwrap();
        for (text, link) in [
            ("../a/./b/", "a/link"),
            ("link/..", "a/up"),
            ("/", "root"),
            ("self", "self"),
            ("none", "dangling"),
            ("a/file", "file"),
        ] {
            symlink(text, at(link)).unwrap();
        }
        symlink(at("a"), at("absolute")).unwrap();
        let handle = crate::Dir::open(dir.path()).unwrap();
        for path in [
            ".",
            "a",
            "a/",
            "a//b/..",
            "a/link",
            "a/up/file",
            "root/proc",
            "absolute/link/../file",
            "file",
            "..",
            "../..",
            "self",
            "dangling",
            "dangling/x",
            "file/",
            "file/.",
            "file/..",
            "a/file/x",
            "none",
            "none/..",
            "root/../../..",
            "absolute/../absolute/b",
        ] {
            let expected = fs::canonicalize(at(path)).map_err(|e| e.raw_os_error());
            assert_eq!(walk(&at(path), None).map_err(|e| e.raw_os_error()), expected, "{path}");
            assert_eq!(walk(path.as_ref(), Some(&handle)).map_err(|e| e.raw_os_error()), expected, "{path}");
        }
        for path in ["/", "//", "/..", "/proc/self/..", "/dev/null", "/dev/fd/.."] {
            assert_eq!(walk(path.as_ref(), None).unwrap(), fs::canonicalize(path).unwrap(), "{path}");
        }
        assert_eq!(walk(".".as_ref(), None).unwrap(), std::env::current_dir().unwrap());
        assert_eq!(walk("".as_ref(), None).unwrap_err().raw_os_error(), Some(libc::ENOENT));
    }
}
