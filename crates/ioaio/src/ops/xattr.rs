//! Extended attributes.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use rustix::fs::{Mode, OFlags, XattrFlags};
use rustix::io::Errno;

use crate::api::request::PathOp;
use crate::request::op::{Op, RingOp};
use crate::request::sqe::Sqe;
use crate::sys::xattr::{LARGE, fetch};
use crate::values::file::File;
use crate::values::path::{At, Subject, Target, stands_alone};
use crate::values::small_cstr::SmallCStr;
use crate::{Aio, Request};

/// How the system calls take what the attributes are of.
#[derive(Clone, Copy)]
enum On<'a> {
    Path(&'a CStr),
    Link(&'a CStr),
    File(BorrowedFd<'a>),
}

/// What the attributes are of.
struct AttributesOf<S> {
    subject: S,
    follow: bool,
}

impl<S: Subject> AttributesOf<S> {
    /// Makes a call with the path or the open file.
    ///
    /// These calls know no directory handles. Relative to one, the file is opened with `O_PATH`, which takes no
    /// permission, and the call gets its name in procfs.
    fn with<T>(&self, call: impl FnOnce(On<'_>) -> Result<T, Errno>) -> io::Result<T> {
        let (dir, path) = match self.subject.target() {
            Target::File(file) => return Ok(call(On::File(file))?),
            Target::Path(dir, path) => (dir, path),
        };
        if stands_alone(dir, path) {
            return Ok(call(if self.follow { On::Path(path) } else { On::Link(path) })?);
        }
        let mut flags = OFlags::PATH | OFlags::CLOEXEC;
        flags.set(OFlags::NOFOLLOW, !self.follow);
        let file = rustix::fs::openat(dir, path, flags, Mode::empty())?;
        let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
        match call(On::Path(&path)) {
            Err(Errno::NOENT) => Err(Errno::NOSYS.into()),
            res => Ok(res?),
        }
    }
    /// The same for the ring, which takes neither directory handles nor symbolic links.
    fn on_ring(&self) -> Option<On<'_>> {
        match self.subject.target() {
            Target::File(file) => Some(On::File(file)),
            Target::Path(dir, path) if self.follow && stands_alone(dir, path) => Some(On::Path(path)),
            Target::Path(..) => None,
        }
    }
}

/// The name of an attribute; `None` with a NUL in it.
fn c_name(name: &OsStr) -> Option<SmallCStr> {
    SmallCStr::new(name.as_bytes())
}
fn check<S: Subject>(subject: &S, name: &Option<SmallCStr>) -> io::Result<()> {
    if name.is_none() {
        return Err(Errno::INVAL.into());
    }
    subject.check()
}

/// `getxattr(2)`; see [`Aio::getxattr`], [`Aio::lgetxattr`] and [`Aio::fgetxattr`].
pub struct Getxattr<S> {
    of: AttributesOf<S>,
    name: Option<SmallCStr>,
    /// For the ring to write into.
    value: Vec<u8>,
}

impl<S: Subject> Op for Getxattr<S> {
    type Val = Vec<u8>;
    type Out = io::Result<Vec<u8>>;
    const NAME: &'static str = "getxattr";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| {
            let (on, name) = (op.of.on_ring()?, op.name.as_ref()?.as_c_str());
            op.value.resize(LARGE, 0);
            match on {
                On::File(file) => Sqe::fgetxattr(file, name, &mut op.value),
                On::Path(path) => Sqe::getxattr(path, name, &mut op.value),
                On::Link(_) => None,
            }
        },
        decode: |op, cqe| {
            let n = cqe.count()?;
            Ok(op.value[..n].to_vec())
        },
    });
    fn check(&self) -> io::Result<()> {
        check(&self.of.subject, &self.name)
    }
    fn run(&mut self) -> io::Result<Vec<u8>> {
        let name = self.name.as_ref().map_or(c"", SmallCStr::as_c_str);
        self.of.with(|on| {
            let get = |buf: &mut [u8]| match on {
                On::Path(path) => rustix::fs::getxattr(path, name, buf),
                On::Link(path) => rustix::fs::lgetxattr(path, name, buf),
                On::File(file) => rustix::fs::fgetxattr(file, name, buf),
            };
            fetch(get, |e| *e == Errno::RANGE)
        })
    }
    fn finish(self, res: io::Result<Vec<u8>>) -> Self::Out {
        res
    }
}
impl PathOp for Getxattr<At> {
    fn at(&mut self) -> &mut At {
        &mut self.of.subject
    }
}

/// `setxattr(2)`; see [`Aio::setxattr`], [`Aio::lsetxattr`] and [`Aio::fsetxattr`].
pub struct Setxattr<S> {
    of: AttributesOf<S>,
    name: Option<SmallCStr>,
    value: Vec<u8>,
    flags: XattrFlags,
}

impl<S: Subject> Op for Setxattr<S> {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "setxattr";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| {
            let name = op.name.as_ref()?.as_c_str();
            match op.of.on_ring()? {
                On::File(file) => Sqe::fsetxattr(file, name, &op.value, op.flags.bits()),
                On::Path(path) => Sqe::setxattr(path, name, &op.value, op.flags.bits()),
                On::Link(_) => None,
            }
        },
        decode: |_, cqe| cqe.unit(),
    });
    fn check(&self) -> io::Result<()> {
        check(&self.of.subject, &self.name)
    }
    fn run(&mut self) -> io::Result<()> {
        let (name, value, flags) =
            (self.name.as_ref().map_or(c"", SmallCStr::as_c_str), &self.value, self.flags);
        self.of.with(|on| match on {
            On::Path(path) => rustix::fs::setxattr(path, name, value, flags),
            On::Link(path) => rustix::fs::lsetxattr(path, name, value, flags),
            On::File(file) => rustix::fs::fsetxattr(file, name, value, flags),
        })
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for Setxattr<At> {
    fn at(&mut self) -> &mut At {
        &mut self.of.subject
    }
}

impl<S: Subject> Request<'_, Setxattr<S>> {
    /// `CREATE`: EEXIST if it is there already. `REPLACE`: ENODATA if it is not.
    pub fn flags(mut self, flags: XattrFlags) -> Self {
        self.op.flags = flags;
        self
    }
}

/// `listxattr(2)`; see [`Aio::listxattr`], [`Aio::llistxattr`] and [`Aio::flistxattr`].
pub struct Listxattr<S>(AttributesOf<S>);

impl<S: Subject> Op for Listxattr<S> {
    type Val = Vec<OsString>;
    type Out = io::Result<Vec<OsString>>;
    const NAME: &'static str = "listxattr";
    fn check(&self) -> io::Result<()> {
        self.0.subject.check()
    }
    fn run(&mut self) -> io::Result<Vec<OsString>> {
        let list = self.0.with(|on| {
            let list = |buf: &mut [u8]| match on {
                On::Path(path) => rustix::fs::listxattr(path, buf),
                On::Link(path) => rustix::fs::llistxattr(path, buf),
                On::File(file) => rustix::fs::flistxattr(file, buf),
            };
            fetch(list, |e| *e == Errno::RANGE)
        })?;
        let names = list.split(|&b| b == 0).filter(|name| !name.is_empty());
        Ok(names.map(|name| OsString::from_vec(name.to_vec())).collect())
    }
    fn finish(self, res: io::Result<Vec<OsString>>) -> Self::Out {
        res
    }
}
impl PathOp for Listxattr<At> {
    fn at(&mut self) -> &mut At {
        &mut self.0.subject
    }
}

/// `removexattr(2)`; see [`Aio::removexattr`], [`Aio::lremovexattr`] and [`Aio::fremovexattr`].
pub struct Removexattr<S> {
    of: AttributesOf<S>,
    name: Option<SmallCStr>,
}

impl<S: Subject> Op for Removexattr<S> {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "removexattr";
    fn check(&self) -> io::Result<()> {
        check(&self.of.subject, &self.name)
    }
    fn run(&mut self) -> io::Result<()> {
        let name = self.name.as_ref().map_or(c"", SmallCStr::as_c_str);
        self.of.with(|on| match on {
            On::Path(path) => rustix::fs::removexattr(path, name),
            On::Link(path) => rustix::fs::lremovexattr(path, name),
            On::File(file) => rustix::fs::fremovexattr(file, name),
        })
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for Removexattr<At> {
    fn at(&mut self) -> &mut At {
        &mut self.of.subject
    }
}

fn of_path(path: impl AsRef<Path>) -> AttributesOf<At> {
    AttributesOf { subject: At::new(path.as_ref()), follow: true }
}
fn of_link(path: impl AsRef<Path>) -> AttributesOf<At> {
    AttributesOf { subject: At::new(path.as_ref()), follow: false }
}
fn of_file(file: &File) -> AttributesOf<File> {
    AttributesOf { subject: file.share(), follow: true }
}

impl Aio {
    /// The value of an extended attribute: `getxattr(2)`. At most 64 KiB.
    ///
    /// Relative to a directory handle this needs a mounted `/proc`.
    ///
    /// # Errors
    /// Those of `getxattr(2)`; EINVAL for a NUL; ENOSYS if `/proc` is needed and missing.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let value = aio.getxattr("file", "user.comment").wait()?;
    /// # Ok(()) }
    /// ```
    pub fn getxattr(&self, path: impl AsRef<Path>, name: impl AsRef<OsStr>) -> Request<'_, Getxattr<At>> {
        let name = c_name(name.as_ref());
        Request::new(self, Getxattr { of: of_path(path), name, value: Vec::new() })
    }
    /// The same for a symbolic link itself: `lgetxattr(2)`.
    ///
    /// # Errors
    /// Those of `lgetxattr(2)`; EINVAL for a NUL; ENOSYS if `/proc` is needed and missing.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let value = aio.lgetxattr("link", "user.comment").wait()?;
    /// # Ok(()) }
    /// ```
    pub fn lgetxattr(&self, path: impl AsRef<Path>, name: impl AsRef<OsStr>) -> Request<'_, Getxattr<At>> {
        let name = c_name(name.as_ref());
        Request::new(self, Getxattr { of: of_link(path), name, value: Vec::new() })
    }
    /// The same for an open file: `fgetxattr(2)`.
    ///
    /// # Errors
    /// Those of `fgetxattr(2)`; EINVAL for a NUL in the name.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("file").wait()?;
    /// let value = aio.fgetxattr(&file, "user.comment").wait()?;
    /// # Ok(()) }
    /// ```
    pub fn fgetxattr(&self, file: &File, name: impl AsRef<OsStr>) -> Request<'_, Getxattr<File>> {
        let name = c_name(name.as_ref());
        Request::new(self, Getxattr { of: of_file(file), name, value: Vec::new() })
    }
    /// Sets an extended attribute, a new one or the value of one that is there: `setxattr(2)`.
    ///
    /// Relative to a directory handle this needs a mounted `/proc`.
    ///
    /// # Errors
    /// Those of `setxattr(2)`; EINVAL for a NUL; ENOSYS if `/proc` is needed and missing.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// aio.setxattr("file", "user.comment", "text").wait()?;
    /// # Ok(()) }
    /// ```
    pub fn setxattr(
        &self,
        path: impl AsRef<Path>,
        name: impl AsRef<OsStr>,
        value: impl Into<Vec<u8>>,
    ) -> Request<'_, Setxattr<At>> {
        let (name, value, flags) = (c_name(name.as_ref()), value.into(), XattrFlags::empty());
        Request::new(self, Setxattr { of: of_path(path), name, value, flags })
    }
    /// The same for a symbolic link itself: `lsetxattr(2)`.
    ///
    /// # Errors
    /// Those of `lsetxattr(2)`; EINVAL for a NUL; ENOSYS if `/proc` is needed and missing.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// aio.lsetxattr("link", "user.comment", "text").wait()?;
    /// # Ok(()) }
    /// ```
    pub fn lsetxattr(
        &self,
        path: impl AsRef<Path>,
        name: impl AsRef<OsStr>,
        value: impl Into<Vec<u8>>,
    ) -> Request<'_, Setxattr<At>> {
        let (name, value, flags) = (c_name(name.as_ref()), value.into(), XattrFlags::empty());
        Request::new(self, Setxattr { of: of_link(path), name, value, flags })
    }
    /// The same for an open file: `fsetxattr(2)`.
    ///
    /// # Errors
    /// Those of `fsetxattr(2)`; EINVAL for a NUL in the name.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("file").wait()?;
    /// aio.fsetxattr(&file, "user.comment", "text").wait()?;
    /// # Ok(()) }
    /// ```
    pub fn fsetxattr(
        &self,
        file: &File,
        name: impl AsRef<OsStr>,
        value: impl Into<Vec<u8>>,
    ) -> Request<'_, Setxattr<File>> {
        let (name, value, flags) = (c_name(name.as_ref()), value.into(), XattrFlags::empty());
        Request::new(self, Setxattr { of: of_file(file), name, value, flags })
    }
    /// The names of the extended attributes: `listxattr(2)`.
    ///
    /// Relative to a directory handle this needs a mounted `/proc`.
    ///
    /// # Errors
    /// Those of `listxattr(2)`; EINVAL for a NUL; ENOSYS if `/proc` is needed and missing.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// for name in aio.listxattr("/etc/passwd").wait()? {
    ///     println!("{name:?}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn listxattr(&self, path: impl AsRef<Path>) -> Request<'_, Listxattr<At>> {
        Request::new(self, Listxattr(of_path(path)))
    }
    /// The same for a symbolic link itself: `llistxattr(2)`.
    ///
    /// # Errors
    /// Those of `llistxattr(2)`; EINVAL for a NUL; ENOSYS if `/proc` is needed and missing.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// for name in aio.llistxattr("/etc/passwd").wait()? {
    ///     println!("{name:?}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn llistxattr(&self, path: impl AsRef<Path>) -> Request<'_, Listxattr<At>> {
        Request::new(self, Listxattr(of_link(path)))
    }
    /// The same for an open file: `flistxattr(2)`.
    ///
    /// # Errors
    /// Those of `flistxattr(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("/etc/passwd").wait()?;
    /// for name in aio.flistxattr(&file).wait()? {
    ///     println!("{name:?}");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn flistxattr(&self, file: &File) -> Request<'_, Listxattr<File>> {
        Request::new(self, Listxattr(of_file(file)))
    }
    /// Removes an extended attribute: `removexattr(2)`.
    ///
    /// Relative to a directory handle this needs a mounted `/proc`.
    ///
    /// # Errors
    /// Those of `removexattr(2)`; EINVAL for a NUL; ENOSYS if `/proc` is needed and missing.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// aio.removexattr("file", "user.comment").wait()?;
    /// # Ok(()) }
    /// ```
    pub fn removexattr(
        &self,
        path: impl AsRef<Path>,
        name: impl AsRef<OsStr>,
    ) -> Request<'_, Removexattr<At>> {
        let name = c_name(name.as_ref());
        Request::new(self, Removexattr { of: of_path(path), name })
    }
    /// The same for a symbolic link itself: `lremovexattr(2)`.
    ///
    /// # Errors
    /// Those of `lremovexattr(2)`; EINVAL for a NUL; ENOSYS if `/proc` is needed and missing.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// aio.lremovexattr("link", "user.comment").wait()?;
    /// # Ok(()) }
    /// ```
    pub fn lremovexattr(
        &self,
        path: impl AsRef<Path>,
        name: impl AsRef<OsStr>,
    ) -> Request<'_, Removexattr<At>> {
        let name = c_name(name.as_ref());
        Request::new(self, Removexattr { of: of_link(path), name })
    }
    /// The same for an open file: `fremovexattr(2)`.
    ///
    /// # Errors
    /// Those of `fremovexattr(2)`; EINVAL for a NUL in the name.
    ///
    /// ```no_run
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = aio.open("file").wait()?;
    /// aio.fremovexattr(&file, "user.comment").wait()?;
    /// # Ok(()) }
    /// ```
    pub fn fremovexattr(&self, file: &File, name: impl AsRef<OsStr>) -> Request<'_, Removexattr<File>> {
        let name = c_name(name.as_ref());
        Request::new(self, Removexattr { of: of_file(file), name })
    }
}
