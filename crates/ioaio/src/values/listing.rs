//! Reading the names of a directory: the one loop over `getdents64(2)`.
//!
//! A position in a directory means something only to the descriptor that it came from: overlayfs numbers
//! the entries anew for each descriptor, and other file systems do when names come and go. So none can
//! be had here. What is left of a directory is the descriptor itself, see [`Listing`].

use std::cell::Cell;
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{FileType, RawDir, SeekFrom};
use rustix::io::Errno;

/// Room for some 1,000 short names a system call.
const BUFFER: usize = 32 * 1024;

/// A name as a directory tells it.
pub(crate) struct Name<'a> {
    pub(crate) name: &'a CStr,
    pub(crate) kind: FileType,
    pub(crate) ino: u64,
}

/// Whether a directory has been read to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Read {
    All,
    /// Names are left, and the descriptor stands before them.
    Part,
}

/// Gives `each` the names in `dir` from where its descriptor stands, without `.` and `..`.
pub(crate) fn read_all(
    dir: impl AsFd,
    mut each: impl FnMut(Name<'_>) -> Result<(), Errno>,
) -> Result<(), Errno> {
    read_some(dir, usize::MAX, &mut each).map(|_| ())
}

/// The same for at least `limit` names, if there are as many, and at most one system call's worth more.
pub(crate) fn read_some(
    dir: impl AsFd,
    limit: usize,
    mut each: impl FnMut(Name<'_>) -> Result<(), Errno>,
) -> Result<Read, Errno> {
    let count = Cell::new(0);
    let each = |name: Name<'_>| {
        count.set(count.get() + 1);
        match each(name) {
            Ok(()) => ControlFlow::Continue(()),
            Err(e) => ControlFlow::Break(Err(e)),
        }
    };
    let enough = || (count.get() >= limit).then_some(Ok(Read::Part));
    read(dir.as_fd(), each, enough)?.unwrap_or(Ok(Read::All))
}

/// For who does not mind that a directory was removed while it was read: the kernel says ENOENT then, and it
/// has no more names.
pub(crate) fn removed_is_read(read: Result<Read, Errno>) -> Result<Read, Errno> {
    match read {
        Err(Errno::NOENT) => Ok(Read::All),
        read => read,
    }
}

/// Asks for names until `pick` gives something. The descriptor then stands anywhere, and is not good for
/// reading on.
pub(crate) fn find<T>(
    dir: impl AsFd,
    mut pick: impl FnMut(Name<'_>) -> Option<T>,
) -> Result<Option<T>, Errno> {
    let each = |name: Name<'_>| pick(name).map_or(ControlFlow::Continue(()), ControlFlow::Break);
    read(dir.as_fd(), each, || None)
}

/// The loop. It ends where `each` breaks; or where `enough` gives something, which is asked when all
/// names that the kernel has given have been seen, so that none are passed over when it ends there.
fn read<T>(
    dir: BorrowedFd<'_>,
    mut each: impl FnMut(Name<'_>) -> ControlFlow<T>,
    mut enough: impl FnMut() -> Option<T>,
) -> Result<Option<T>, Errno> {
    let mut buffer = [const { MaybeUninit::uninit() }; BUFFER];
    let mut entries = RawDir::new(dir, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = Name { name: entry.file_name(), kind: entry.file_type(), ino: entry.ino() };
        if name.name != c"."
            && name.name != c".."
            && let ControlFlow::Break(found) = each(name)
        {
            return Ok(Some(found));
        }
        if entries.is_buffer_empty()
            && let Some(found) = enough()
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// A directory that is being read: while names are left, it keeps the descriptor that stands before them.
#[derive(Clone)]
pub(crate) struct Listing(Arc<OwnedFd>);

impl Listing {
    /// Of a directory that was just opened, and that nobody else reads with this descriptor.
    pub(crate) fn of_opened(dir: Arc<OwnedFd>) -> Self {
        Listing(dir)
    }
    /// From the first name on, whatever was read before.
    pub(crate) fn from_start(dir: Arc<OwnedFd>) -> Result<Self, Errno> {
        rustix::fs::seek(&dir, SeekFrom::Start(0))?;
        Ok(Listing(dir))
    }
    pub(crate) fn dir(&self) -> &Arc<OwnedFd> {
        &self.0
    }
    /// See [`read_some`]. After an interruption by a signal it may be called again.
    pub(crate) fn read_some(
        &self,
        limit: usize,
        each: impl FnMut(Name<'_>) -> Result<(), Errno>,
    ) -> Result<Read, Errno> {
        read_some(&self.0, limit, each)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::HashSet;
    use std::fs::File;

    use super::*;

    fn names(top: &tempfile::TempDir, count: usize) -> Listing {
        for n in 0..count {
            File::create(top.path().join(format!("{n:0100}"))).expect("a file");
        }
        Listing::of_opened(Arc::new(File::open(top.path()).expect("the directory").into()))
    }

    #[test]
    fn parts_are_not_cut_amid_a_buffer() {
        const COUNT: usize = 3000;
        let top = tempfile::tempdir().expect("a directory");
        let listing = names(&top, COUNT);
        let mut met = HashSet::new();
        let mut parts = 0;
        loop {
            let before = met.len();
            let read = listing.read_some(100, |name| {
                assert!(met.insert(name.name.to_owned()), "{:?} comes twice", name.name);
                Ok(())
            });
            parts += 1;
            match read.expect("names") {
                Read::Part => assert!((100..100 + BUFFER / 100).contains(&(met.len() - before))),
                Read::All => break,
            }
        }
        assert_eq!(met.len(), COUNT);
        assert!(parts > 5, "{parts} parts");
        let again = Listing::from_start(listing.dir().clone()).expect("lseek");
        let mut count = 0;
        read_all(again.dir(), |_| {
            count += 1;
            Ok(())
        })
        .expect("names");
        assert_eq!(count, COUNT);
    }

    #[test]
    fn who_has_found_something_or_fails_ends_it() {
        let top = tempfile::tempdir().expect("a directory");
        let dir = names(&top, 3).dir().clone();
        let mut seen = 0;
        let found = find(&dir, |name| {
            seen += 1;
            Some(name.name.to_owned())
        })
        .expect("names");
        assert!((found.is_some(), seen) == (true, 1));
        let listing = Listing::from_start(dir).expect("lseek");
        assert_eq!(listing.read_some(1, |_| Err(Errno::OVERFLOW)), Err(Errno::OVERFLOW));
        let nothing = find(Listing::from_start(listing.dir().clone()).expect("lseek").dir(), |_| None::<()>);
        assert_eq!(nothing, Ok(None));
    }

    #[test]
    fn a_directory_that_was_removed_has_no_names() {
        let top = tempfile::tempdir().expect("a directory");
        let listing = names(&top, 0);
        drop(top);
        let read = listing.read_some(1, |name| panic!("{:?}", name.name));
        assert_eq!(read, Err(Errno::NOENT));
        assert_eq!(removed_is_read(read), Ok(Read::All));
        assert_eq!(removed_is_read(Err(Errno::IO)), Err(Errno::IO));
    }
}
