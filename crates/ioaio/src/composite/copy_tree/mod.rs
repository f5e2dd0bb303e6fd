//! Copies of whole trees.
//!
//! The copy is built under a temporary name that only its owner can enter, and renamed when it is
//! complete. Requests for some names of a directory each run side by side; this task only hands them
//! out, the latest first, so that what is left to do stays little.

mod dirs;
mod ends;
mod tree;
mod visit;

use std::future::Future;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use ends::without_slashes;
use ends::{Appear, Begin, Begun, Discard};
use visit::{CopyDir, Job};

use crate::api::request::{PathOp, TwoPathOp};
use crate::composite::base::in_flight::{Flight, width};
use crate::composite::base::seen::Seen;
use crate::composite::base::task::{Composite, Steps, Task};
use crate::composite::base::todo::Todo;
use crate::values::error::Error;
use crate::values::path::At;
use crate::{Aio, NotKept, Progress, Request};

/// The copy of a tree; see [`Aio::copy_tree`].
pub struct CopyTree {
    pub(crate) from: At,
    pub(crate) to: At,
    pub(crate) one_file_system: bool,
    pub(crate) keep_going: bool,
    pub(crate) durable: bool,
    pub(crate) leftovers: Option<Duration>,
    pub(crate) progress: Progress,
    /// For a move, which removes what it has copied.
    pub(crate) seen: Option<Arc<Seen>>,
}

/// What became of a copy of a tree.
#[derive(Debug, Default)]
#[must_use = "with keep_going, what could not be copied is in here"]
pub struct Copied {
    errors: Vec<Error>,
    failed: u64,
    not_kept: Vec<NotKept>,
    not_kept_count: u64,
}

impl Copied {
    /// Why something was left out, the first thousand times; only with
    /// [`keep_going`](Request::keep_going).
    pub fn errors(&self) -> &[Error] {
        &self.errors
    }
    /// How many errors there were.
    pub fn failed(&self) -> u64 {
        self.failed
    }
    /// What the copy does not have although the original has it, the first thousand times: attributes, owners,
    /// modes and times that the target's file system does not know, or that take a privilege, and hard links
    /// where there are none.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # let (from, to) = (dir.path().join("a"), dir.path().join("b"));
    /// # std::fs::create_dir(&from)?;
    /// let copied = ioaio::Aio::new()?.copy_tree(&from, &to).wait()?;
    /// for lost in copied.not_kept() {
    ///     eprintln!("{}: without {}", lost.path().display(), lost.attribute());
    /// }
    /// # assert!(copied.not_kept().is_empty() && copied.not_kept_count() == 0);
    /// # Ok(()) }
    /// ```
    pub fn not_kept(&self) -> &[NotKept] {
        &self.not_kept
    }
    /// How many there were of these.
    pub fn not_kept_count(&self) -> u64 {
        self.not_kept_count
    }
}

impl Composite for CopyTree {
    type Out = Copied;
    const NAME: &'static str = "copy_tree";
    fn check(&self) -> io::Result<()> {
        self.from.check()?;
        self.to.check()
    }
    fn run(self, steps: Steps) -> impl Future<Output = Result<Copied, Error>> + Send {
        copy_tree(self, steps)
    }
}

pub(crate) async fn copy_tree(args: CopyTree, steps: Steps) -> Result<Copied, Error> {
    let control = steps.control().clone();
    let begin = Begin { args: Some(args), control };
    let begun = Arc::new(steps.go(|aio| Request::new(aio, begin)).await?);
    let copied = match copy_all(&begun, &steps).await {
        Ok(()) => steps.go(|aio| Request::new(aio, Appear(begun.clone()))).await,
        Err(e) => Err(e),
    };
    if let Err(e) = copied {
        // What goes wrong here leaves the temporary name behind; the first error tells more.
        let _ = steps.finally(|aio| Request::new(aio, Discard(begun))).await;
        return Err(e);
    }
    let errors = std::mem::take(&mut *begun.root.tree.errors.lock().expect("errors"));
    let (not_kept, not_kept_count) = begun.root.tree.notes.take();
    begun.root.tree.progress.add_not_kept(&not_kept, not_kept_count);
    Ok(Copied { errors: errors.first, failed: errors.count, not_kept, not_kept_count })
}

async fn copy_all(begun: &Arc<Begun>, steps: &Steps) -> Result<(), Error> {
    let mut todo = Todo::from(Job::GoOn(begun.root.clone(), begun.root.listing()?));
    // Asked for once: it takes several system calls.
    let (mut flight, width) = (Flight::new(), width());
    let mut failed = None;
    loop {
        while failed.is_none() && flight.len() < width {
            let Some(job) = todo.pop() else { break };
            flight.add(steps.go(|aio| Request::new(aio, CopyDir(Some(job)))));
        }
        match flight.next().await {
            // The first error is the one to tell; what is under way ends before all goes.
            Some(Err(e)) => drop(failed.get_or_insert(e)),
            Some(Ok(jobs)) => todo.extend(jobs),
            None => return failed.map_or(Ok(()), Err),
        }
    }
}

impl PathOp for Task<CopyTree> {
    fn at(&mut self) -> &mut At {
        &mut self.arguments().from
    }
}
impl TwoPathOp for Task<CopyTree> {
    fn to(&mut self) -> &mut At {
        &mut self.arguments().to
    }
}

impl Request<'_, Task<CopyTree>> {
    /// With true, directories that other file systems are mounted on are copied empty (default: false).
    pub fn one_file_system(mut self, stay: bool) -> Self {
        self.op.arguments().one_file_system = stay;
        self
    }
    /// With true, what can't be copied is left out, and told in the result; else the first error ends
    /// it, and nothing of the copy stays (default: false).
    pub fn keep_going(mut self, keep_going: bool) -> Self {
        self.op.arguments().keep_going = keep_going;
        self
    }
    /// With true, the copy outlasts a crash of the system once this is done: `syncfs(2)` before it
    /// appears, `fsync(2)` of its directory after (default: false).
    pub fn durable(mut self, durable: bool) -> Self {
        self.op.arguments().durable = durable;
        self
    }
    /// Removes from the target's directory, before anything else, what a kill or a crash has left there: of the
    /// caller's own, with a name like `.ioaio-0123456789abcdef`, not changed for `age`, and not being worked on
    /// by anybody (by default nothing is looked for).
    pub fn remove_leftovers(mut self, age: Duration) -> Self {
        self.op.arguments().leftovers = Some(age);
        self
    }
    /// Counts in `progress` what has been copied.
    pub fn progress(mut self, progress: &Progress) -> Self {
        self.op.arguments().progress = progress.clone();
        self
    }
}

impl Aio {
    /// Copies a directory with all that is in it, all or nothing.
    ///
    /// Contents, holes, owner, mode, ACLs and other extended attributes, times, symbolic links, FIFOs,
    /// sockets and devices are kept, and files that are one file under several names are one in the
    /// copy. What takes a privilege that the caller does not have, or what the target's file system
    /// does not know, is left out, as by `cp -a`, and told by [`Copied::not_kept`]; see
    /// [`copy`](Self::copy). Where there are no hard links, each name gets a file of its own. A device without
    /// privilege is an error. The target
    /// must not exist. Until it is complete, the copy has a name like `.ioaio-0123456789abcdef` beside
    /// it, which after an error or a cancel is removed, and which only a kill leaves behind. In a directory
    /// whose names can't be changed (`chattr +a`) it has its own name at once, and stays, empty, after an
    /// error.
    ///
    /// Whoever renames things inside either tree meanwhile cannot make it read or write elsewhere.
    /// Each directory is read with one descriptor, so what nobody touches is copied once, whatever
    /// becomes of other names. Some fifty files are open at the most, however deep or wide the tree is.
    /// Memory is taken for the names of subdirectories that are still to be done.
    ///
    /// # Errors
    /// Those of the calls that it makes, with the path: ENOTDIR for a source that is no directory (see
    /// [`copy`](Self::copy)) or a symbolic link; EEXIST for a target that exists; EINVAL for a target
    /// inside of the source, or a NUL in a path; EBUSY for what was replaced meanwhile.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let aio = ioaio::Aio::new()?;
    /// let (from, to) = (dir.path().join("a"), dir.path().join("b"));
    /// std::fs::create_dir(&from)?;
    /// std::fs::write(from.join("file"), "hello")?;
    /// let copied = aio.copy_tree(&from, &to).wait()?;
    /// assert_eq!(copied.failed(), 0);
    /// assert_eq!(std::fs::read(to.join("file"))?, b"hello");
    /// # Ok(()) }
    /// ```
    pub fn copy_tree(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) -> Request<'_, Task<CopyTree>> {
        let (from, to) = (At::new(from.as_ref()), At::new(to.as_ref()));
        let progress = Progress::new();
        let (one_file_system, keep_going, durable, leftovers, seen) = (false, false, false, None, None);
        let args = CopyTree { from, to, one_file_system, keep_going, durable, leftovers, progress, seen };
        Task::request(self, args)
    }
}
