//! Owner and group.

use std::io;
use std::path::Path;

use rustix::fs::{AtFlags, Gid, Uid};
use rustix::io::Errno;

use crate::api::request::PathOp;
use crate::request::op::Op;
use crate::values::file::File;
use crate::values::path::{At, Subject, Target};
use crate::{Aio, Request};

/// `chown(2)`; see [`Aio::chown`], [`Aio::lchown`] and [`Aio::fchown`].
pub struct Chown<S> {
    subject: S,
    flags: AtFlags,
    uid: Option<u32>,
    gid: Option<u32>,
}

impl<S: Subject> Op for Chown<S> {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "chown";
    fn check(&self) -> io::Result<()> {
        // The kernel takes this number for "leave it as it is", which is `None` here.
        if [self.uid, self.gid].contains(&Some(u32::MAX)) {
            return Err(Errno::INVAL.into());
        }
        self.subject.check()
    }
    fn run(&mut self) -> io::Result<()> {
        let (uid, gid) = (self.uid.map(Uid::from_raw), self.gid.map(Gid::from_raw));
        match self.subject.target() {
            Target::Path(dir, path) => rustix::fs::chownat(dir, path, uid, gid, self.flags)?,
            Target::File(file) => rustix::fs::fchown(file, uid, gid)?,
        }
        Ok(())
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for Chown<At> {
    fn at(&mut self) -> &mut At {
        &mut self.subject
    }
}

impl Aio {
    /// Changes owner and group, following a last symbolic link: `chown(2)`. `None` leaves one as it is.
    ///
    /// # Errors
    /// Those of `chown(2)`; EINVAL for the number `u32::MAX`, or a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::NamedTempFile::new()?;
    /// let aio = ioaio::Aio::new()?;
    /// let st = aio.stat(file.path()).wait()?;
    /// aio.chown(file.path(), None, Some(st.gid())).wait()
    /// # }
    /// ```
    pub fn chown(
        &self,
        path: impl AsRef<Path>,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Request<'_, Chown<At>> {
        Request::new(self, Chown { subject: At::new(path.as_ref()), flags: AtFlags::empty(), uid, gid })
    }
    /// The same for a symbolic link itself: `lchown(2)`.
    ///
    /// # Errors
    /// Those of `lchown(2)`; EINVAL for the number `u32::MAX`, or a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = tempfile::tempdir()?;
    /// let aio = ioaio::Aio::new()?;
    /// aio.symlink("nothing", dir.path().join("link")).wait()?;
    /// aio.lchown(dir.path().join("link"), None, None).wait()
    /// # }
    /// ```
    pub fn lchown(
        &self,
        path: impl AsRef<Path>,
        uid: Option<u32>,
        gid: Option<u32>,
    ) -> Request<'_, Chown<At>> {
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        Request::new(self, Chown { subject: At::new(path.as_ref()), flags, uid, gid })
    }
    /// The same for an open file: `fchown(2)`.
    ///
    /// # Errors
    /// Those of `fchown(2)`; EINVAL for the number `u32::MAX`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// ioaio::Aio::new()?.fchown(&file, None, None).wait()
    /// # }
    /// ```
    pub fn fchown(&self, file: &File, uid: Option<u32>, gid: Option<u32>) -> Request<'_, Chown<File>> {
        Request::new(self, Chown { subject: file.share(), flags: AtFlags::empty(), uid, gid })
    }
}
