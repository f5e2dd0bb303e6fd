//! Locks on files.
//!
//! The kernel wakes who waits for a lock only if a thread sleeps in the call. So that no worker has to, a request
//! tries without waiting, and tries again when a timer wakes it.

use std::io;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::engine::timer::{Alarm, Timer};
use crate::request::control::Control;
use crate::request::op::{Op, run_by_steps};
use crate::values::file::File;
use crate::values::offset::check_offsets;
use crate::{Aio, Request};

const FIRST_DELAY: Duration = Duration::from_millis(1);
const LAST_DELAY: Duration = Duration::from_millis(32);

/// What a lock allows others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    /// Others may have shared locks.
    Shared,
    /// Others may have none.
    Exclusive,
    /// Gives the lock back.
    Unlock,
}

/// What is locked.
#[derive(Clone, Copy)]
enum Scope {
    File,
    Range(u64, u64),
}

/// `flock(2)`, or `fcntl(2)` with F_OFD_SETLK; see [`Aio::flock`] and [`Aio::lock_range`].
pub struct Lock {
    file: File,
    kind: LockKind,
    scope: Scope,
    waits: bool,
    delay: Duration,
    timer: Arc<Timer>,
    control: Arc<Control>,
}

impl Lock {
    fn lock(&self) -> io::Result<()> {
        use FlockOperation as Flock;
        use LockKind::{Exclusive, Shared, Unlock};
        let file = self.file.as_fd();
        match self.scope {
            Scope::File => {
                let operation = match self.kind {
                    Shared => Flock::NonBlockingLockShared,
                    Exclusive => Flock::NonBlockingLockExclusive,
                    Unlock => Flock::Unlock,
                };
                Ok(rustix::fs::flock(file, operation)?)
            }
            Scope::Range(start, len) => {
                let kind = match self.kind {
                    Shared => libc::F_RDLCK,
                    Exclusive => libc::F_WRLCK,
                    Unlock => libc::F_UNLCK,
                };
                crate::sys::lock::ofd_lock(file, kind, start as i64, len as i64)
            }
        }
    }
    /// The result, unless somebody has the lock and this request waits for it.
    fn attempt(&self) -> Option<io::Result<()>> {
        match self.lock() {
            Err(e) if self.waits && Errno::from_io_error(&e) == Some(Errno::AGAIN) => None,
            res => Some(res),
        }
    }
}

impl Op for Lock {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "lock";
    fn check(&self) -> io::Result<()> {
        match self.scope {
            Scope::Range(start, len) => check_offsets([start, len]),
            Scope::File => Ok(()),
        }
    }
    fn inline(&mut self) -> Option<io::Result<()>> {
        self.file.is_local().then(|| self.attempt()).flatten()
    }
    fn control(&self) -> Option<&Arc<Control>> {
        Some(&self.control)
    }
    fn step(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.file.learn();
        if self.control.cancelled() {
            return Poll::Ready(Err(Errno::CANCELED.into()));
        }
        if let Some(res) = self.attempt() {
            return Poll::Ready(res);
        }
        self.control.wait(cx.waker());
        match self.timer.wake_after(self.delay, cx.waker()) {
            Alarm::Set => {}
            Alarm::Stopped => return Poll::Ready(Err(Errno::CANCELED.into())),
            Alarm::Refused => {
                std::thread::sleep(self.delay);
                cx.waker().wake_by_ref();
            }
        }
        self.delay = LAST_DELAY.min(self.delay * 2);
        Poll::Pending
    }
    fn run(&mut self) -> io::Result<()> {
        run_by_steps(self)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        self.control.wait_no_more();
        res
    }
}

impl Request<'_, Lock> {
    /// Does not wait: EAGAIN where somebody else has the lock.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// # let path = tempfile::NamedTempFile::new()?;
    /// let aio = ioaio::Aio::new()?;
    /// let (a, b) = (aio.open(&path).wait()?, aio.open(&path).wait()?);
    /// aio.flock(&a, ioaio::LockKind::Exclusive).wait()?;
    /// let err = aio.flock(&b, ioaio::LockKind::Shared).dont_wait().wait().unwrap_err();
    /// assert_eq!(err.kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok(()) }
    /// ```
    pub fn dont_wait(mut self) -> Self {
        self.op.waits = false;
        self
    }
}

impl Aio {
    fn lock(&self, file: &File, kind: LockKind, scope: Scope) -> Request<'_, Lock> {
        let (file, timer, control) =
            (file.share(), self.engine().timer.clone(), Control::by_steps(self.faults()));
        Request::new(self, Lock { file, kind, scope, waits: true, delay: FIRST_DELAY, timer, control })
    }
    /// Locks a whole file, or gives the lock back: `flock(2)`.
    ///
    /// The lock belongs to the open file, and ends when the last descriptor of it is closed. While it
    /// waits, the request holds no thread: it tries again after 1 ms, and then after twice as long each
    /// time, up to 32 ms. So it may find the lock free later than one that sleeps in the kernel. A cancel
    /// ends the waiting with ECANCELED; one that comes when the lock is there changes nothing, so who drops
    /// the future closes the file too.
    ///
    /// # Errors
    /// Those of `flock(2)`; ECANCELED after a cancel.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// aio.flock(&file, ioaio::LockKind::Exclusive).wait()?;
    /// aio.flock(&file, ioaio::LockKind::Unlock).wait()
    /// # }
    /// ```
    pub fn flock(&self, file: &File, kind: LockKind) -> Request<'_, Lock> {
        self.lock(file, kind, Scope::File)
    }
    /// Locks a range of bytes, or gives it back: `fcntl(2)` with F_OFD_SETLK. A length of 0 means up to
    /// the end, however long the file grows.
    ///
    /// The lock belongs to the open file, not to the process; requests wait as those of
    /// [`flock`](Self::flock) do. The kernel finds no deadlocks among such locks.
    ///
    /// # Errors
    /// Those of `fcntl(2)`, of which EBADF means that the file is not open for reading (a shared lock)
    /// or writing (an exclusive one); EINVAL for a start or length of 2^63 or more; ECANCELED after a
    /// cancel.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let file = ioaio::File::from(tempfile::tempfile()?);
    /// aio.lock_range(&file, ioaio::LockKind::Exclusive, 0, 100).wait()
    /// # }
    /// ```
    pub fn lock_range(&self, file: &File, kind: LockKind, start: u64, len: u64) -> Request<'_, Lock> {
        self.lock(file, kind, Scope::Range(start, len))
    }
}
