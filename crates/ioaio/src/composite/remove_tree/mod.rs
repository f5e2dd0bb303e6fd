//! Removing whole trees.
//!
//! One request lists a directory and unlinks what is in it, on a worker; the task only hands out
//! directories, the latest first, so that what is left to do stays little. A directory goes when the
//! last of its subdirectories has gone.

mod begin;
mod removal;
mod visit;

use std::future::Future;
use std::io;
use std::path::Path;

use begin::Begin;
use removal::Removal;
use visit::{Job, RemoveDir};

use crate::api::request::PathOp;
use crate::composite::base::in_flight::{Flight, width};
use crate::composite::base::task::{Composite, Steps, Task};
use crate::composite::base::todo::Todo;
use crate::composite::base::tree_dir::Tree;
use crate::values::error::Error;
use crate::values::path::At;
use crate::{Aio, Progress, Request};

/// The removal of a tree; see [`Aio::remove_tree`].
pub struct RemoveTree {
    at: At,
    one_file_system: bool,
    contents_only: bool,
    any_kind: bool,
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
    let removal = Removal::new(tree, args.progress, args.contents_only);
    let begin = Begin { removal: removal.clone(), at: Some(args.at), any_kind: args.any_kind };
    let Some(root) = steps.go(|aio| Request::new(aio, begin)).await? else { return Ok(()) };
    let mut todo = Todo::from(Job::List(root));
    // Asked for once: it takes several system calls.
    let (mut flight, width) = (Flight::new(), width());
    loop {
        while flight.len() < width && !control.cancelled() {
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
    /// With true, the directory itself stays, and only what is in it goes (default: false). Its path may then
    /// be any, such as `.`.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// std::fs::create_dir_all(dir.path().join("cache/a/b"))?;
    /// ioaio::Aio::new()?.remove_tree(dir.path().join("cache")).contents_only(true).wait()?;
    /// assert_eq!(std::fs::read_dir(dir.path().join("cache"))?.count(), 0);
    /// # Ok(()) }
    /// ```
    pub fn contents_only(mut self, yes: bool) -> Self {
        self.op.arguments().contents_only = yes;
        self
    }
    /// With true, a file or anything else that is no directory goes as well, unless only contents are to go
    /// or its path ends with a slash (default: false). A symbolic link goes itself.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// std::fs::write(dir.path().join("file"), "")?;
    /// ioaio::Aio::new()?.remove_tree(dir.path().join("file")).any_kind(true).wait()?;
    /// assert!(!dir.path().join("file").exists());
    /// # Ok(()) }
    /// ```
    pub fn any_kind(mut self, yes: bool) -> Self {
        self.op.arguments().any_kind = yes;
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
    /// the first error, which has the others in it ([`Error::others`]). A directory that may not be read
    /// goes if it is empty. After a cancel what has gone has gone, and the rest is still there. Whoever
    /// renames things inside the tree meanwhile cannot make it remove anything outside of it. Some thirty
    /// directories are open at the most, however deep or wide the tree is. Memory is taken for the names of
    /// subdirectories that are still to be removed.
    ///
    /// # Errors
    /// Those of the calls that it makes, with the path: ENOTDIR for what is no directory or a symbolic link;
    /// EINVAL for a path that does not end in a name, or has a NUL in it; EBUSY for a directory that was
    /// moved away meanwhile; ENOTEMPTY where somebody goes on to put things in, after nine listings.
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
        let (one_file_system, contents_only, any_kind) = (false, false, false);
        let progress = Progress::new();
        Task::request(self, RemoveTree { at, one_file_system, contents_only, any_kind, progress })
    }
}
