//! Whole files.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, ResolveFlags, Statx, StatxFlags};
use rustix::io::Errno;

use crate::api::request::PathOp;
use crate::composite::base::calls::Calls;
use crate::request::control::Control;
use crate::request::op::{INLINE_BYTES, INLINE_DEPTH, Op};
use crate::sys::read::{read_cached, read_onto};
use crate::sys::{fallback, mounts};
use crate::values::buf::space;
use crate::values::error::Error;
use crate::values::offset::check_offsets;
use crate::values::path::At;
use crate::{Aio, Request};

/// What is read between two looks for a cancel.
const CHUNK: usize = 4 << 20;
/// The first space for a file of which the size is not known.
const UNKNOWN_SIZE: usize = 8 * 1024;

/// Opening waits for nobody: neither for a FIFO's writer nor for a modem.
const FLAGS: OFlags = OFlags::RDONLY.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// A whole file; see [`Aio::load`].
pub struct Load {
    at: At,
    offset: u64,
    limit: u64,
    truncate: bool,
    control: Arc<Control>,
}

/// How much there is to load.
struct Extent {
    /// 0 where it is not known.
    len: u64,
    /// Whether the file system tells the size of a file as it is.
    exact: bool,
    /// Whether that is known at all.
    known: bool,
}

/// What has to be known of it.
fn mask() -> StatxFlags {
    StatxFlags::TYPE | StatxFlags::SIZE | mounts::mask()
}

impl Load {
    fn extent(&self, st: &Statx) -> Extent {
        let regular = FileType::from_raw_mode(st.stx_mode.into()) == FileType::RegularFile;
        let len = if regular { st.stx_size.saturating_sub(self.offset) } else { 0 };
        let local = mounts::is_local(st);
        Extent { len, exact: regular && local == Some(true), known: local.is_some() }
    }
    fn too_big(&self, len: u64) -> bool {
        len > self.limit && !self.truncate
    }
    fn error(&self, call: &'static str, e: impl Into<io::Error>) -> Error {
        Error::new(call, self.at.path_buf(), e)
    }
    /// `None` where it would wait or fail: a worker then does it all.
    fn cached(&self) -> Option<Vec<u8>> {
        let open = |flags| {
            let (dir, path) = (self.at.dirfd(), self.at.path());
            rustix::fs::openat2(dir, path, flags, Mode::empty(), ResolveFlags::CACHED).ok()
        };
        // Opening for reading asks the file system, so it has to be known first.
        let flags = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
        let st = rustix::fs::statx(open(OFlags::PATH | OFlags::CLOEXEC)?, c"", flags, mask()).ok()?;
        let extent = self.extent(&st);
        let len = extent.len.min(self.limit);
        if !extent.exact || self.too_big(extent.len) || len > INLINE_BYTES as u64 {
            return None;
        }
        let file = open(FLAGS)?;
        let mut data = Vec::with_capacity(len as usize);
        if len > 0 {
            let room = space(&mut data, len as usize);
            read_cached(file.as_fd(), room, self.offset)?.ok()?.give(&mut data);
        }
        Some(data)
    }
    fn load(&self) -> Result<Vec<u8>, Error> {
        let calls = Calls(&self.control);
        let (dir, path) = (self.at.dirfd(), self.at.path());
        let file = calls.step("openat", &self.at, || rustix::fs::openat(dir, path, FLAGS, Mode::empty()))?;
        let stat = || fallback::statx(file.as_fd(), c"", AtFlags::EMPTY_PATH, mask());
        let st = calls.step("statx", &self.at, stat)?;
        let extent = self.extent(&st);
        if !extent.known {
            mounts::learn(file.as_fd());
        }
        if self.too_big(extent.len) {
            return Err(self.error("statx", Errno::FBIG));
        }
        self.read(calls, file.as_fd(), &extent)
    }
    fn read(&self, calls: Calls<'_>, file: BorrowedFd<'_>, extent: &Extent) -> Result<Vec<u8>, Error> {
        // One byte more than allowed tells that the file is too long.
        let most = self.limit.saturating_add(u64::from(!self.truncate));
        let end = if extent.exact { most.min(extent.len) } else { most };
        let mut data = Vec::new();
        let first = match extent.len {
            0 if !extent.exact => UNKNOWN_SIZE,
            // The end shows only when there is room for more.
            len => usize::try_from(len.saturating_add(u64::from(!extent.exact))).unwrap_or(usize::MAX),
        };
        let first = first.min(usize::try_from(end).unwrap_or(usize::MAX));
        data.try_reserve_exact(first).map_err(|_| self.error("malloc", Errno::NOMEM))?;
        while (data.len() as u64) < end {
            if data.len() == data.capacity() {
                data.try_reserve(UNKNOWN_SIZE).map_err(|_| self.error("malloc", Errno::NOMEM))?;
            }
            let max = CHUNK.min(usize::try_from(end - data.len() as u64).unwrap_or(CHUNK));
            let offset = self.offset + data.len() as u64;
            if calls.step("pread", &self.at, || read_onto(file, &mut data, max, offset))? == 0 {
                break;
            }
        }
        if self.too_big(data.len() as u64) {
            return Err(self.error("pread", Errno::FBIG));
        }
        Ok(data)
    }
}

impl Op for Load {
    type Val = Result<Vec<u8>, Error>;
    type Out = Result<Vec<u8>, Error>;
    const NAME: &'static str = "load";
    fn check(&self) -> io::Result<()> {
        check_offsets([self.offset]).and(self.at.check())
    }
    fn inline(&mut self) -> Option<io::Result<Self::Val>> {
        self.cached().map(|data| Ok(Ok(data)))
    }
    fn inline_depth(&self) -> Option<usize> {
        Some(INLINE_DEPTH)
    }
    fn control(&self) -> Option<&Arc<Control>> {
        Some(&self.control)
    }
    fn run(&mut self) -> io::Result<Self::Val> {
        Ok(self.load())
    }
    fn finish(self, res: io::Result<Self::Val>) -> Self::Out {
        res.unwrap_or_else(|e| Err(self.error(Self::NAME, e)))
    }
}
impl PathOp for Load {
    fn at(&mut self) -> &mut At {
        &mut self.at
    }
}

impl Request<'_, Load> {
    /// Starts at this byte (default 0). At or after the end there is nothing, which is no error.
    pub fn offset(mut self, offset: u64) -> Self {
        self.op.offset = offset;
        self
    }
    /// Refuses to load more than this many bytes, with EFBIG (default: no limit).
    pub fn limit(mut self, bytes: u64) -> Self {
        self.op.limit = bytes;
        self
    }
    /// With true, what is beyond the limit is left out instead of being an error.
    pub fn truncate(mut self, truncate: bool) -> Self {
        self.op.truncate = truncate;
        self
    }
}

impl Aio {
    /// Loads a whole file: `open(2)`, `pread(2)` until the end, `close(2)`.
    ///
    /// Files that tell no size, or a wrong one, as in `/proc`, are loaded to their end. Memory is
    /// taken for the size that the file tells, or else as it is read; set a
    /// [`limit`](Request::limit) for files of which the length is anybody's guess. A FIFO is
    /// refused, and never waited for. A small file that is in the cache is loaded at once.
    ///
    /// # Errors
    /// Those of `open(2)` and `pread(2)`, thus ESPIPE for a FIFO and EISDIR for a directory; EFBIG
    /// for more than the limit; ENOMEM; EINVAL for a NUL in the path or an offset of 2^63 or more.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let aio = ioaio::Aio::new()?;
    /// let users = aio.load("/etc/passwd").wait()?;
    /// let limits = aio.load("/proc/self/limits").limit(65536).wait()?;
    /// assert!(users.len() > 0 && limits.len() > 0);
    /// # Ok(()) }
    /// ```
    pub fn load(&self, path: impl AsRef<Path>) -> Request<'_, Load> {
        let control = Control::whole(self.faults());
        let at = At::new(path.as_ref());
        Request::new(self, Load { at, offset: 0, limit: u64::MAX, truncate: false, control })
    }
}
