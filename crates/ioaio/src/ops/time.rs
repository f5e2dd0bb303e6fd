//! Times of files.

use std::io;
use std::path::Path;
use std::time::SystemTime;

use rustix::fs::{AtFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::io::Errno;

use crate::api::request::PathOp;
use crate::request::op::Op;
use crate::values::file::File;
use crate::values::path::{At, Subject, Target};
use crate::{Aio, Request};

const SECOND: u32 = 1_000_000_000;

/// What to set a time of a file to.
///
/// ```
/// use ioaio::SetTime;
/// assert_eq!(SetTime::from(std::time::SystemTime::UNIX_EPOCH), SetTime::To { secs: 0, nanos: 0 });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetTime {
    /// The time of the execution, by the kernel's clock.
    Now,
    /// Leave it as it is.
    Omit,
    /// A point in time.
    To {
        /// Seconds since 1970, negative before.
        secs: i64,
        /// Nanoseconds that are added to that, less than 1,000,000,000.
        nanos: u32,
    },
}

impl From<SystemTime> for SetTime {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => SetTime::To { secs: since.as_secs() as i64, nanos: since.subsec_nanos() },
            Err(before) => {
                let (secs, nanos) = (before.duration().as_secs() as i64, before.duration().subsec_nanos());
                match nanos {
                    0 => SetTime::To { secs: -secs, nanos: 0 },
                    _ => SetTime::To { secs: -secs - 1, nanos: SECOND - nanos },
                }
            }
        }
    }
}

impl SetTime {
    fn timespec(self) -> Timespec {
        match self {
            SetTime::Now => Timespec { tv_sec: 0, tv_nsec: UTIME_NOW },
            SetTime::Omit => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
            SetTime::To { secs, nanos } => Timespec { tv_sec: secs, tv_nsec: nanos.into() },
        }
    }
}

/// `utimensat(2)`; see [`Aio::utimens`], [`Aio::lutimens`] and [`Aio::futimens`].
pub struct Utimens<S> {
    subject: S,
    flags: AtFlags,
    accessed: SetTime,
    modified: SetTime,
}

impl<S: Subject> Op for Utimens<S> {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "utimens";
    fn check(&self) -> io::Result<()> {
        // UTIME_NOW and UTIME_OMIT are such numbers, which the kernel would obey.
        let is_bad = |time| matches!(time, SetTime::To { nanos, .. } if nanos >= SECOND);
        if is_bad(self.accessed) || is_bad(self.modified) {
            return Err(Errno::INVAL.into());
        }
        self.subject.check()
    }
    fn run(&mut self) -> io::Result<()> {
        let (last_access, last_modification) = (self.accessed.timespec(), self.modified.timespec());
        let times = Timestamps { last_access, last_modification };
        match self.subject.target() {
            Target::Path(dir, path) => rustix::fs::utimensat(dir, path, &times, self.flags)?,
            Target::File(file) => rustix::fs::futimens(file, &times)?,
        }
        Ok(())
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}
impl PathOp for Utimens<At> {
    fn at(&mut self) -> &mut At {
        &mut self.subject
    }
}

impl Aio {
    fn set_times<S: Subject>(
        &self,
        subject: S,
        flags: AtFlags,
        [accessed, modified]: [SetTime; 2],
    ) -> Request<'_, Utimens<S>> {
        Request::new(self, Utimens { subject, flags, accessed, modified })
    }
    /// Sets when a file was last read and last changed, following a last symbolic link: `utimensat(2)`.
    ///
    /// # Errors
    /// Those of `utimensat(2)`; EINVAL for a second or more of nanoseconds, or a NUL in the path.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let file = tempfile::NamedTempFile::new()?;
    /// use ioaio::SetTime;
    /// let aio = ioaio::Aio::new()?;
    /// aio.utimens(file.path(), SetTime::Omit, SetTime::Now).wait()?;
    /// let time = std::time::SystemTime::UNIX_EPOCH;
    /// aio.utimens(file.path(), time, time).wait()?;
    /// assert_eq!(aio.stat(file.path()).wait()?.modified(), time);
    /// # Ok(()) }
    /// ```
    pub fn utimens(
        &self,
        path: impl AsRef<Path>,
        accessed: impl Into<SetTime>,
        modified: impl Into<SetTime>,
    ) -> Request<'_, Utimens<At>> {
        self.set_times(At::new(path.as_ref()), AtFlags::empty(), [accessed.into(), modified.into()])
    }
    /// The same for a symbolic link itself: `utimensat(2)` with `AT_SYMLINK_NOFOLLOW`.
    ///
    /// # Errors
    /// Those of [`utimens`](Self::utimens).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let dir = tempfile::tempdir()?;
    /// let aio = ioaio::Aio::new()?;
    /// aio.symlink("nothing", dir.path().join("link")).wait()?;
    /// aio.lutimens(dir.path().join("link"), ioaio::SetTime::Now, ioaio::SetTime::Now).wait()
    /// # }
    /// ```
    pub fn lutimens(
        &self,
        path: impl AsRef<Path>,
        accessed: impl Into<SetTime>,
        modified: impl Into<SetTime>,
    ) -> Request<'_, Utimens<At>> {
        let times = [accessed.into(), modified.into()];
        self.set_times(At::new(path.as_ref()), AtFlags::SYMLINK_NOFOLLOW, times)
    }
    /// The same for an open file: `futimens(3)`.
    ///
    /// # Errors
    /// Those of `futimens(3)`; EINVAL for a second or more of nanoseconds.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// ioaio::Aio::new()?.futimens(&file, ioaio::SetTime::Now, ioaio::SetTime::Omit).wait()
    /// # }
    /// ```
    pub fn futimens(
        &self,
        file: &File,
        accessed: impl Into<SetTime>,
        modified: impl Into<SetTime>,
    ) -> Request<'_, Utimens<File>> {
        self.set_times(file.share(), AtFlags::empty(), [accessed.into(), modified.into()])
    }
}
