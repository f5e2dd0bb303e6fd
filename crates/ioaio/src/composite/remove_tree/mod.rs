//! Removing whole trees.
//!
//! One request lists a directory and unlinks what is in it, on a worker; the task only hands out
//! directories, the latest first, so that what is left to do stays little. A directory goes when the
//! last of its subdirectories has gone.

mod removal;
mod visit;

use std::future::Future;
use std::io;
use std::path::Path;

use removal::Removal;
use visit::{Begin, Job, RemoveDir};

use crate::api::request::PathOp;
use crate::composite::base::in_flight::{Flight, width};
use crate::composite::base::task::{Composite, Steps, Task};
use crate::composite::base::tree_dir::Tree;
use crate::values::error::Error;
use crate::values::path::At;
use crate::{Aio, Progress, Request};

/// The removal of a tree; see [`Aio::remove_tree`].
pub struct RemoveTree {
    at: At,
    one_file_system: bool,
    progress: Progress,
}

impl Composite for RemoveTree {
    type Out = ();
    const NAME: &'static str = "remove_tree";
    fn check(&self) -> io::Result<()> {
        self.at.check()
    }
    fn run(self, steps: Steps) -> impl Future<Output = Result<(), Error>> + Send {
        remove_tree(self, steps)
    }
}

async fn remove_tree(args: RemoveTree, steps: Steps) -> Result<(), Error> {
    let control = steps.control();
    let tree = Tree::new(args.at.path_buf(), args.one_file_system, control.clone());
    let removal = Removal::new(tree, args.progress);
    let begin = Begin { removal: removal.clone(), at: Some(args.at) };
    let root = steps.go(|aio| Request::new(aio, begin)).await?;
    let mut todo = vec![Job::GoOn(root)];
    let mut flight = Flight::new();
    loop {
        while flight.len() < width() && !control.cancelled() {
            let Some(job) = todo.pop() else { break };
            flight.add(
                steps.go(|aio| Request::new(aio, RemoveDir { removal: removal.clone(), job: Some(job) })),
            );
        }
        match flight.next().await {
            Some(Ok(jobs)) => todo.extend(jobs),
            Some(Err(e)) => removal.record(e),
            None => break,
        }
    }
    removal.result()
}

impl PathOp for Task<RemoveTree> {
    fn at(&mut self) -> &mut At {
        &mut self.arguments().at
    }
}

impl Request<'_, Task<RemoveTree>> {
    /// With true, directories that other file systems are mounted on stay, with an error (default: false).
    pub fn one_file_system(mut self, stay: bool) -> Self {
        self.op.arguments().one_file_system = stay;
        self
    }
    /// Counts in `progress` what has been removed.
    pub fn progress(mut self, progress: &Progress) -> Self {
        self.op.arguments().progress = progress.clone();
        self
    }
}

impl Aio {
    /// Removes a directory with all that is in it. Symbolic links are removed, never followed.
    ///
    /// What cannot be removed stays, with the directories above it, and the rest goes: the result is then
    /// the first error. After a cancel what has gone has gone, and the rest is still there. Whoever renames
    /// things inside the tree meanwhile cannot make it remove anything outside of it. Some thirty
    /// directories are open at the most, however deep or wide the tree is.
    ///
    /// # Errors
    /// Those of the calls that it makes, with the path: ENOTDIR for what is no directory or a symbolic link;
    /// EINVAL for a path that does not end in a name, or has a NUL in it; EBUSY for a directory that was
    /// moved away meanwhile; ENOTEMPTY where somebody goes on to put things in.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let tree = dir.path().join("tree");
    /// std::fs::create_dir_all(tree.join("a/b"))?;
    /// std::fs::write(tree.join("a/b/file"), "data")?;
    /// ioaio::Aio::new()?.remove_tree(&tree).wait()?;
    /// assert!(!tree.exists());
    /// # Ok(()) }
    /// ```
    pub fn remove_tree(&self, path: impl AsRef<Path>) -> Request<'_, Task<RemoveTree>> {
        let at = At::new(path.as_ref());
        Task::request(self, RemoveTree { at, one_file_system: false, progress: Progress::new() })
    }
}
