//! Open files. A request holds its own reference, so no descriptor is closed, and its number used again, while a
//! request still means it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::fs::OFlags;

use crate::sys::mounts::{self, Kind};
use crate::values::descriptor::Descriptor;
use crate::values::slot::Slot;

/// What is known of a file, which decides who may be asked about it, and how.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Class {
    /// Its file system has not been asked yet.
    Unknown,
    /// A regular file or directory of a local file system, open for reading only.
    LocalReadOnly,
    /// The same, open for writing.
    LocalWritable,
    /// With `O_DIRECT`, open for reading only.
    DirectReadOnly,
    /// With `O_DIRECT`, open for writing.
    DirectWritable,
    /// It may wait for anything.
    Slow,
    /// It has no positions, and may wait for a peer.
    Stream,
}

impl Class {
    fn from_u8(n: u8) -> Class {
        use Class::{DirectReadOnly, DirectWritable, LocalReadOnly, LocalWritable, Slow, Stream, Unknown};
        [Unknown, LocalReadOnly, LocalWritable, DirectReadOnly, DirectWritable, Slow, Stream][n as usize]
    }
    fn local(flags: OFlags) -> Class {
        match (flags.contains(OFlags::DIRECT), flags.intersects(OFlags::WRONLY | OFlags::RDWR)) {
            (false, false) => Class::LocalReadOnly,
            (false, true) => Class::LocalWritable,
            (true, false) => Class::DirectReadOnly,
            (true, true) => Class::DirectWritable,
        }
    }
    fn is_local(self) -> bool {
        self.is_cached() || matches!(self, Class::DirectReadOnly | Class::DirectWritable)
    }
    /// Local, and what is read goes through the page cache.
    fn is_cached(self) -> bool {
        matches!(self, Class::LocalReadOnly | Class::LocalWritable)
    }
}

struct Shared {
    /// Its place in a ring's table, which is dropped before the descriptor.
    slot: OnceLock<Slot>,
    fd: Descriptor,
    /// A [`Class`].
    class: AtomicU8,
    /// Whether a lent descriptor is known to be without `O_DIRECT`.
    plain: AtomicBool,
}

impl Shared {
    fn new(fd: Descriptor) -> Self {
        let (slot, class, plain) =
            (OnceLock::new(), AtomicU8::new(Class::Unknown as u8), AtomicBool::new(false));
        Shared { slot, fd, class, plain }
    }
}

/// An open file.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let file = ioaio::File::from(std::fs::File::open("/etc/passwd")?);
/// let back: std::os::fd::OwnedFd = file.try_into_owned_fd().expect("nothing in flight");
/// # Ok(()) }
/// ```
pub struct File(Arc<Shared>);

impl File {
    /// Whether an engine's ring has it in its table; see [`Aio::register_file`](crate::Aio::register_file).
    pub fn is_registered(&self) -> bool {
        self.0.slot.get().is_some()
    }
    /// Its slot in a ring's table, if it has one.
    pub(crate) fn slot(&self) -> Option<&Slot> {
        self.0.slot.get()
    }
    /// Gives it a slot; false if it has one already.
    pub(crate) fn set_slot(&self, slot: Slot) -> bool {
        self.0.slot.set(slot).is_ok()
    }
    /// Its slot, for an entry of the engine to which that belongs.
    pub(crate) fn slot_index(&self) -> Option<u32> {
        self.0.slot.get()?.index()
    }
    pub(crate) fn share(&self) -> File {
        File(self.0.clone())
    }
    /// Takes the descriptor out.
    ///
    /// # Errors
    /// The file itself, if requests on it are still in flight, or if the descriptor is only lent.
    pub fn try_into_owned_fd(self) -> Result<OwnedFd, File> {
        match Arc::try_unwrap(self.0) {
            Ok(Shared { fd: Descriptor::Owned(fd), .. }) => Ok(fd),
            Ok(lent) => Err(File(Arc::new(lent))),
            Err(shared) => Err(File(shared)),
        }
    }
    /// Learns once how the file may be used.
    fn class(&self) -> Class {
        let seen = self.known_class();
        if seen != Class::Unknown {
            return seen;
        }
        let class = match mounts::kind_of(self.as_fd()) {
            None => return Class::Unknown,
            Some(Kind::Slow) => Class::Slow,
            Some(Kind::Stream) => Class::Stream,
            Some(Kind::Local) => rustix::fs::fcntl_getfl(self.as_fd()).map_or(Class::Slow, Class::local),
        };
        self.0.class.store(class as u8, Ordering::Relaxed);
        class
    }
    /// The same without asking anybody.
    fn known_class(&self) -> Class {
        Class::from_u8(self.0.class.load(Ordering::Relaxed))
    }
    /// Closing does not wait: what was written may be flushed then (ext4 after a truncate), and what
    /// has no name any more is freed.
    pub(crate) fn closes_at_once(&self) -> bool {
        matches!(self.known_class(), Class::LocalReadOnly | Class::DirectReadOnly)
            && mounts::has_name(self.as_fd())
    }
    /// Whether it is known what the file is.
    pub(crate) fn is_known(&self) -> bool {
        self.class() != Class::Unknown
    }
    /// Reads that find the page cache do not wait.
    pub(crate) fn may_go_inline(&self) -> bool {
        match self.0.fd {
            Descriptor::Owned(_) => self.class().is_cached(),
            // A lent descriptor is mostly used for so few requests that a statx would not pay off. Nor is it
            // needed: file systems that could wait refuse RWF_NOWAIT, except for O_DIRECT.
            Descriptor::Lent(fd) => {
                let plain = || rustix::fs::fcntl_getfl(fd).is_ok_and(|f| !f.contains(OFlags::DIRECT));
                let known = self.0.plain.load(Ordering::Relaxed) || plain();
                self.0.plain.store(known, Ordering::Relaxed);
                known
            }
        }
    }
    /// Whether the ring does the same as a worker. It reads a pipe at any offset, where pread(2) says ESPIPE, and
    /// waits in spite of O_NONBLOCK. Nor does it take the lock of a file's own position as read(2) does, so that two
    /// requests would get the same bytes.
    pub(crate) fn may_go_on_ring(&self, offset: Option<u64>) -> bool {
        let stream = self.class() == Class::Stream;
        let blocks = || rustix::fs::fcntl_getfl(self.as_fd()).is_ok_and(|f| !f.contains(OFlags::NONBLOCK));
        stream == offset.is_none() && (!stream || blocks())
    }
    /// Submitting to the ring may wait for the file system. What can be polled never does.
    pub(crate) fn may_hang(&self) -> bool {
        matches!(self.class(), Class::Unknown | Class::Slow)
    }
    /// `fstat` and `close` do not wait.
    pub(crate) fn is_local(&self) -> bool {
        self.class().is_local()
    }
    /// On a worker, where waiting is allowed: asks the file system what it is.
    pub(crate) fn learn(&self) {
        if self.class() == Class::Unknown {
            mounts::learn(self.as_fd());
            self.class();
        }
    }
}

impl From<OwnedFd> for File {
    fn from(fd: OwnedFd) -> Self {
        File(Arc::new(Shared::new(Descriptor::Owned(fd))))
    }
}
/// A descriptor that stays open whatever happens to the file, such as standard input.
impl From<BorrowedFd<'static>> for File {
    fn from(fd: BorrowedFd<'static>) -> Self {
        File(Arc::new(Shared::new(Descriptor::Lent(fd))))
    }
}
impl From<std::fs::File> for File {
    fn from(f: std::fs::File) -> Self {
        OwnedFd::from(f).into()
    }
}
impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("File").field(&self.0.fd).finish()
    }
}
impl AsFd for File {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd.as_fd()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_told_by_its_number() {
        use Class::{DirectReadOnly, DirectWritable, LocalReadOnly, LocalWritable, Slow, Stream, Unknown};
        for class in [Unknown, LocalReadOnly, LocalWritable, DirectReadOnly, DirectWritable, Slow, Stream] {
            assert!(Class::from_u8(class as u8) == class);
        }
    }
}
