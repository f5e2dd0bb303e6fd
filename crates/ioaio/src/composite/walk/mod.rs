//! Walking a tree.
//!
//! Requests list directories and ask for metadata, each some directories; the caller's thread only
//! hands out directories, the latest found first, and gives out what has come of them. No more is
//! under way than a few requests, and while the caller does not take what was found, nothing is.

mod drive;
mod entry;
mod names;
mod order;
mod visit;

use std::future::poll_fn;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

pub(crate) use drive::Drive;
pub use entry::WalkEntry;
use names::Run;
use order::Filter;
pub(crate) use order::Rules;

use crate::Aio;
use crate::composite::base::task::Steps;
use crate::composite::base::tree_dir;
use crate::values::dir;
use crate::values::error::Error;
use crate::values::path::At;

pub(crate) type Dir = tree_dir::Dir<()>;
pub(crate) type Tree = tree_dir::Tree<()>;

/// What the requests of a walk share.
pub(crate) struct Plan {
    pub(crate) tree: Arc<Tree>,
    pub(crate) at: At,
    pub(crate) metadata: bool,
    pub(crate) born: bool,
    pub(crate) sorted: bool,
    pub(crate) max_depth: usize,
}

impl Plan {
    pub(crate) fn new(tree: Arc<Tree>, at: At) -> Self {
        Plan { tree, at, metadata: false, born: false, sorted: false, max_depth: usize::MAX }
    }
}

/// A walk that has not begun; see [`Aio::walk`].
#[must_use = "a walk does nothing until it is iterated over"]
pub struct Walk<'a> {
    aio: &'a Aio,
    at: At,
    metadata: bool,
    born: bool,
    sorted: bool,
    one_file_system: bool,
    min_depth: usize,
    max_depth: usize,
    filter: Option<Filter>,
    priority: u8,
}

impl<'a> Walk<'a> {
    /// Also asks `lstat(2)` of everything that is found (default: false).
    pub fn metadata(mut self, yes: bool) -> Self {
        self.metadata = yes;
        self
    }
    /// Whether metadata tell when files were made (default: false), which takes a newer system call that
    /// costs 12% more.
    pub fn born(mut self, yes: bool) -> Self {
        self.born = yes;
        self
    }
    /// Gives the entries of each directory in the order of their names, as bytes, and what is in a
    /// directory right after it (default: false). The names of a directory are then all held at once.
    pub fn sorted(mut self, yes: bool) -> Self {
        self.sorted = yes;
        self
    }
    /// Does not go into directories that other file systems are mounted on (default: false). They are
    /// entries all the same.
    pub fn one_file_system(mut self, yes: bool) -> Self {
        self.one_file_system = yes;
        self
    }
    /// Gives only what is at least this far below the root, which is at 0 (default: 0).
    pub fn min_depth(mut self, depth: usize) -> Self {
        self.min_depth = depth;
        self
    }
    /// Gives only what is at most this far below the root (default: no limit).
    pub fn max_depth(mut self, depth: usize) -> Self {
        self.max_depth = depth;
        self
    }
    /// Goes only into directories for which `filter` gives true; the others are entries all the same.
    /// It is called where the walk is iterated over, once for each directory below the root, perhaps
    /// before that is given out.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # std::fs::create_dir_all(dir.path().join(".git/objects"))?;
    /// let aio = ioaio::Aio::new()?;
    /// for entry in aio.walk(dir.path()).descend(|dir| dir.file_name() != ".git") {
    ///     assert!(entry?.file_name() != "objects");
    /// }
    /// # Ok(()) }
    /// ```
    pub fn descend(mut self, filter: impl FnMut(&WalkEntry) -> bool + Send + 'static) -> Self {
        self.filter = Some(Box::new(filter));
        self
    }
    /// Resolves a relative path against a directory handle.
    pub fn at(mut self, dir: &dir::Dir) -> Self {
        self.at.set_dir(dir);
        self
    }
    /// Sets the priority of its requests, -4 (last) to 4 (first), clamped. The default is 0.
    pub fn priority(mut self, priority: i8) -> Self {
        self.priority = (priority.clamp(-4, 4) + 4) as u8;
        self
    }
    /// The entries as a stream, for programs with futures.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures::StreamExt;
    /// let aio = ioaio::Aio::new()?;
    /// let count = aio.block_on(aio.walk("/etc").max_depth(1).stream().count());
    /// assert!(count > 1);
    /// # Ok(()) }
    /// ```
    pub fn stream(self) -> WalkStream {
        let path = self.at.path_buf();
        let mut steps = Steps::new(self.aio);
        steps.set_priority(self.priority);
        let tree = Tree::new(path.clone(), self.one_file_system, steps.control().clone());
        let run = match self.at.check() {
            Ok(()) => Run::default(),
            Err(e) => Run::error(Error::new("walk", path, e)),
        };
        let Walk { at, metadata, born, sorted, max_depth, .. } = self;
        let drive = run.is_empty().then(|| {
            let plan = Plan { tree, at, metadata, born, sorted, max_depth };
            Drive::new(plan, Rules { max_depth, filter: self.filter }, steps)
        });
        WalkStream { aio: self.aio.clone(), run, drive, min_depth: self.min_depth, vanished: 0 }
    }
}

impl IntoIterator for Walk<'_> {
    type Item = Result<WalkEntry, Error>;
    type IntoIter = WalkIter;
    fn into_iter(self) -> WalkIter {
        WalkIter(self.stream())
    }
}

/// The entries of a walk, as a stream; see [`Walk::stream`]. Dropping it ends the walk.
#[must_use = "a stream does nothing until it is polled"]
pub struct WalkStream {
    aio: Aio,
    /// What is being given out.
    run: Run,
    /// Nothing when there is no more to come.
    drive: Option<Drive>,
    min_depth: usize,
    vanished: u64,
}

impl WalkStream {
    /// How many names that directories have told had gone when more was asked of them, so far. They are no
    /// items; of directories among them that were given out, nothing further comes.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use futures::StreamExt;
    /// let aio = ioaio::Aio::new()?;
    /// let mut walk = aio.walk("/etc").max_depth(1).metadata(true).stream();
    /// while let Some(entry) = aio.block_on(walk.next()) {
    ///     entry?;
    /// }
    /// assert_eq!(walk.vanished(), 0);
    /// # Ok(()) }
    /// ```
    pub fn vanished(&self) -> u64 {
        self.vanished
    }
    fn poll_entry(&mut self, cx: &mut Context<'_>) -> Poll<Option<<Self as Stream>::Item>> {
        loop {
            if let Some(item) = self.run.next() {
                return Poll::Ready(Some(item));
            }
            let Some(drive) = &mut self.drive else { return Poll::Ready(None) };
            let polled = drive.poll(cx);
            self.vanished = drive.vanished;
            match polled {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => self.drive = None,
                Poll::Ready(Some(mut run)) => {
                    if run.depth().is_some_and(|depth| depth < self.min_depth) {
                        run.skip_entries();
                    }
                    self.run = run;
                }
            }
        }
    }
}

impl Stream for WalkStream {
    type Item = Result<WalkEntry, Error>;
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_entry(cx)
    }
}

impl Drop for WalkStream {
    fn drop(&mut self) {
        if let Some(drive) = &self.drive {
            drive.steps.cancel();
        }
    }
}

/// The entries of a walk; the thread that iterates waits for them. Dropping it ends the walk.
pub struct WalkIter(WalkStream);

impl WalkIter {
    /// How many names that directories have told had gone when more was asked of them, so far. They are no
    /// items; of directories among them that were given out, nothing further comes.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let aio = ioaio::Aio::new()?;
    /// let mut walk = aio.walk("/etc").max_depth(1).metadata(true).into_iter();
    /// assert!(walk.by_ref().count() > 1);
    /// assert_eq!(walk.vanished(), 0);
    /// # Ok(()) }
    /// ```
    pub fn vanished(&self) -> u64 {
        self.0.vanished
    }
}

impl Iterator for WalkIter {
    type Item = Result<WalkEntry, Error>;
    fn next(&mut self) -> Option<Self::Item> {
        let stream = &mut self.0;
        match stream.run.next() {
            None => {
                let engine = stream.aio.engine().clone();
                crate::api::block_on::wait_for(&engine, poll_fn(|cx| stream.poll_entry(cx)))
            }
            item => item,
        }
    }
}

impl std::iter::FusedIterator for WalkIter {}

impl Aio {
    /// Walks a tree: gives its root, and everything below it. Symbolic links are entries and never
    /// followed, be it the root or what somebody puts into the place of a directory meanwhile.
    ///
    /// Iterated over, it blocks; [`stream`](Walk::stream) is for futures. Directories are read in
    /// parallel, some ahead of the caller: that is bounded, as is the number of directories that are
    /// open, some forty at the most. A directory's names are read with one descriptor, so those that
    /// nobody touches come once, whatever becomes of others. The order is any in which a directory comes
    /// before what is in it, unless [`sorted`](Walk::sorted) is set.
    ///
    /// What goes away between being listed and being asked for is left out and counted, see
    /// [`WalkIter::vanished`].
    ///
    /// # Errors
    /// They are items, and do not end the walk: those of the calls that it makes, with the path. ENOTDIR
    /// and ELOOP of a directory that was an entry: something else has come into its place. EBUSY: another
    /// directory has come into the place of one that was not finished with. EINVAL for a NUL in the path.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let aio = ioaio::Aio::new()?;
    /// for entry in aio.walk("/etc/").metadata(true).max_depth(1) {
    ///     match entry {
    ///         Ok(entry) => println!("{} {:?}", entry.path().display(), entry.metadata().map(|m| m.len())),
    ///         Err(e) => eprintln!("{e}"),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn walk(&self, path: impl AsRef<Path>) -> Walk<'_> {
        Walk {
            aio: self,
            at: At::new(path.as_ref()),
            metadata: false,
            born: false,
            sorted: false,
            one_file_system: false,
            min_depth: 0,
            max_depth: usize::MAX,
            filter: None,
            priority: 4,
        }
    }
}
