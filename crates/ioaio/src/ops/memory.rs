//! What can be done to mapped memory.

use std::io;
use std::ops::RangeBounds;
use std::sync::Arc;

use rustix::io::Errno;
use rustix::mm::{MlockAllFlags, MsyncFlags};

use crate::request::control::Control;
use crate::request::op::{Op, RingOp};
use crate::request::sqe::Sqe;
use crate::sys::memory;
use crate::values::mapping::{Mapped, Part, Region};
use crate::{Aio, Request};

/// How many bytes are touched between two looks at whether the request was cancelled.
const TOUCH: usize = 4 << 20;

/// `msync(2)`; see [`Aio::msync`].
pub struct Msync<M> {
    part: Part<M>,
    flags: MsyncFlags,
}

impl<M: Mapped> Op for Msync<M> {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "msync";
    fn check(&self) -> io::Result<()> {
        self.part.check()
    }
    fn run(&mut self) -> io::Result<()> {
        memory::msync(&self.part.pages(), self.flags)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}

/// `mlock(2)` or `munlock(2)`; see [`Aio::mlock`].
pub struct Mlock<M> {
    part: Part<M>,
    lock: bool,
}

impl<M: Mapped> Op for Mlock<M> {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "mlock";
    fn check(&self) -> io::Result<()> {
        self.part.check()
    }
    fn run(&mut self) -> io::Result<()> {
        match self.lock {
            true => memory::mlock(&self.part.pages()),
            false => memory::munlock(&self.part.pages()),
        }
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}

/// `mlockall(2)` or `munlockall(2)`; see [`Aio::mlockall`].
pub struct MlockAll(Option<MlockAllFlags>);

impl Op for MlockAll {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "mlockall";
    fn run(&mut self) -> io::Result<()> {
        self.0.map_or_else(memory::munlockall, memory::mlockall)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}

/// `madvise(2)`; see [`Aio::madvise`].
pub struct Madvise<M> {
    part: Part<M>,
    advice: MemoryAdvice,
}

impl<M: Mapped> Op for Madvise<M> {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "madvise";
    const RING: Option<RingOp<Self>> = Some(RingOp {
        encode: |op| Sqe::madvise(op.part.region(), op.advice.0),
        decode: |_, cqe| cqe.unit(),
    });
    fn check(&self) -> io::Result<()> {
        self.part.check()
    }
    fn run(&mut self) -> io::Result<()> {
        memory::madvise(&self.part.region(), self.advice.0)
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}

/// How mapped memory is going to be used, or what is to become of it: `madvise(2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryAdvice(i32);

impl MemoryAdvice {
    /// Nothing special.
    pub const NORMAL: Self = Self(libc::MADV_NORMAL);
    /// In no order: reading ahead is of no use.
    pub const RANDOM: Self = Self(libc::MADV_RANDOM);
    /// From the start to the end.
    pub const SEQUENTIAL: Self = Self(libc::MADV_SEQUENTIAL);
    /// Soon: reads it ahead.
    pub const WILL_NEED: Self = Self(libc::MADV_WILLNEED);
    /// Not soon: its pages go. Private memory reads as zeros then.
    pub const DONT_NEED: Self = Self(libc::MADV_DONTNEED);
    /// Its contents are of no use any more (Linux 4.5).
    pub const FREE: Self = Self(libc::MADV_FREE);
    /// Frees the pages and what is behind them in the file.
    pub const REMOVE: Self = Self(libc::MADV_REMOVE);
    /// To be written out before other memory (Linux 5.4).
    pub const COLD: Self = Self(libc::MADV_COLD);
    /// To be written out now (Linux 5.4).
    pub const PAGE_OUT: Self = Self(libc::MADV_PAGEOUT);
    /// Huge pages are welcome.
    pub const HUGE_PAGE: Self = Self(libc::MADV_HUGEPAGE);
    /// Huge pages are not welcome.
    pub const NO_HUGE_PAGE: Self = Self(libc::MADV_NOHUGEPAGE);
    /// Pages with the same contents may be merged.
    pub const MERGEABLE: Self = Self(libc::MADV_MERGEABLE);
    /// Takes [`MERGEABLE`](Self::MERGEABLE) back.
    pub const UNMERGEABLE: Self = Self(libc::MADV_UNMERGEABLE);
    /// Left out of core dumps.
    pub const DONT_DUMP: Self = Self(libc::MADV_DONTDUMP);
    /// Takes [`DONT_DUMP`](Self::DONT_DUMP) back.
    pub const DUMP: Self = Self(libc::MADV_DODUMP);
    /// Brings the pages in for reading (Linux 5.14); [`Aio::mtouch`] does so on any kernel.
    pub const POPULATE_READ: Self = Self(libc::MADV_POPULATE_READ);
    /// Brings the pages in for writing (Linux 5.14).
    pub const POPULATE_WRITE: Self = Self(libc::MADV_POPULATE_WRITE);

    /// Any other of the kernel's numbers.
    ///
    /// ```
    /// assert_eq!(ioaio::MemoryAdvice::from_raw(0), ioaio::MemoryAdvice::NORMAL);
    /// ```
    pub fn from_raw(number: i32) -> Self {
        Self(number)
    }
}

/// Brings pages in; see [`Aio::mtouch`].
pub struct Mtouch<M> {
    part: Part<M>,
    write: bool,
    control: Arc<Control>,
}

impl<M: Mapped> Mtouch<M> {
    fn touch(&self, region: &Region<'_>) -> io::Result<()> {
        let advice = if self.write { libc::MADV_POPULATE_WRITE } else { libc::MADV_POPULATE_READ };
        match memory::madvise(region, advice) {
            // Linux before 5.14, or a kind of memory that cannot be populated.
            Err(e) if Errno::from_io_error(&e) == Some(Errno::INVAL) => {
                memory::touch(region, self.write);
                Ok(())
            }
            res => res,
        }
    }
}

impl<M: Mapped> Op for Mtouch<M> {
    type Val = ();
    type Out = io::Result<()>;
    const NAME: &'static str = "mtouch";
    fn check(&self) -> io::Result<()> {
        self.part.check()
    }
    fn control(&self) -> Option<&Arc<Control>> {
        Some(&self.control)
    }
    fn run(&mut self) -> io::Result<()> {
        for piece in self.part.pages().pieces(TOUCH) {
            self.control.step("madvise")?;
            self.touch(&piece)?;
        }
        Ok(())
    }
    fn finish(self, res: io::Result<()>) -> Self::Out {
        res
    }
}

impl Aio {
    /// Writes changed pages of a mapped file to the device: `msync(2)`.
    ///
    /// The range is in bytes from the start of the mapping; whole pages are taken, here and in
    /// [`mtouch`](Self::mtouch), [`mlock`](Self::mlock) and [`munlock`](Self::munlock).
    ///
    /// # Errors
    /// Those of `msync(2)`; EINVAL for a range that is not inside.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let mapping = ioaio::Mapping::anonymous(8192)?;
    /// aio.msync(mapping, .., ioaio::MsyncFlags::SYNC).wait()
    /// # }
    /// ```
    pub fn msync<M: Mapped>(
        &self,
        memory: M,
        range: impl RangeBounds<usize>,
        flags: MsyncFlags,
    ) -> Request<'_, Msync<M>> {
        Request::new(self, Msync { part: Part::new(memory, range), flags })
    }
    /// Brings all pages of a range into memory, so that none has to be fetched at its first use; with
    /// `write` also for writing, so that none has to be copied either: `madvise(2)` with
    /// MADV_POPULATE_READ or MADV_POPULATE_WRITE. The contents stay as they are. A cancel ends it between
    /// two pieces of 4 MiB.
    ///
    /// # Errors
    /// Those of `madvise(2)`, of which EFAULT means a page beyond the end of the file (on Linux before
    /// 5.14 that is SIGBUS); EINVAL for a range that is not inside; ECANCELED after a cancel.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let mapping = ioaio::Mapping::anonymous(1 << 20)?;
    /// aio.mtouch(mapping, .., true).wait()
    /// # }
    /// ```
    pub fn mtouch<M: Mapped>(
        &self,
        memory: M,
        range: impl RangeBounds<usize>,
        write: bool,
    ) -> Request<'_, Mtouch<M>> {
        let op = Mtouch { part: Part::new(memory, range), write, control: Control::whole(self.faults()) };
        Request::new(self, op)
    }
    /// Brings a range into memory, and keeps it there until it is unmapped or unlocked: `mlock(2)`.
    ///
    /// # Errors
    /// Those of `mlock(2)`, of which ENOMEM can mean the limit RLIMIT_MEMLOCK; EINVAL for a range that is
    /// not inside.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let mapping = ioaio::Mapping::anonymous(4096)?;
    /// aio.mlock(mapping.clone(), ..).wait()?;
    /// aio.munlock(mapping, ..).wait()
    /// # }
    /// ```
    pub fn mlock<M: Mapped>(&self, memory: M, range: impl RangeBounds<usize>) -> Request<'_, Mlock<M>> {
        Request::new(self, Mlock { part: Part::new(memory, range), lock: true })
    }
    /// Takes [`mlock`](Self::mlock) back: `munlock(2)`.
    ///
    /// # Errors
    /// Those of `munlock(2)`; EINVAL for a range that is not inside.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// aio.munlock(ioaio::Mapping::anonymous(4096)?, ..100).wait()
    /// # }
    /// ```
    pub fn munlock<M: Mapped>(&self, memory: M, range: impl RangeBounds<usize>) -> Request<'_, Mlock<M>> {
        Request::new(self, Mlock { part: Part::new(memory, range), lock: false })
    }
    /// Keeps all of the process in memory: `mlockall(2)`.
    ///
    /// # Errors
    /// Those of `mlockall(2)`, of which ENOMEM and EPERM can mean the limit RLIMIT_MEMLOCK.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use ioaio::MlockAllFlags;
    /// let aio = ioaio::Aio::new()?;
    /// match aio.mlockall(MlockAllFlags::CURRENT | MlockAllFlags::ONFAULT).wait() {
    ///     Ok(()) => aio.munlockall().wait()?,
    ///     Err(e) => eprintln!("not allowed: {e}"),
    /// }
    /// # Ok(()) }
    /// ```
    pub fn mlockall(&self, flags: MlockAllFlags) -> Request<'_, MlockAll> {
        Request::new(self, MlockAll(Some(flags)))
    }
    /// Takes [`mlockall`](Self::mlockall) and each [`mlock`](Self::mlock) back: `munlockall(2)`.
    ///
    /// # Errors
    /// Those of `munlockall(2)`.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// ioaio::Aio::new()?.munlockall().wait()
    /// # }
    /// ```
    pub fn munlockall(&self) -> Request<'_, MlockAll> {
        Request::new(self, MlockAll(None))
    }
    /// Tells the kernel how a range is going to be used, or what is to become of it: `madvise(2)`. It
    /// starts with a page.
    ///
    /// # Errors
    /// Those of `madvise(2)`; EINVAL for a range that is not inside.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let aio = ioaio::Aio::new()?;
    /// let mapping = ioaio::Mapping::anonymous(1 << 20)?;
    /// aio.madvise(mapping, .., ioaio::MemoryAdvice::HUGE_PAGE).wait()
    /// # }
    /// ```
    pub fn madvise<M: Mapped>(
        &self,
        memory: M,
        range: impl RangeBounds<usize>,
        advice: MemoryAdvice,
    ) -> Request<'_, Madvise<M>> {
        Request::new(self, Madvise { part: Part::new(memory, range), advice })
    }
}
