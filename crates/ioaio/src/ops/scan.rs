//! The names of one directory, directories apart from everything else.

use std::io;
use std::path::Path;

use crate::api::request::PathOp;
use crate::request::op::Op;
use crate::values::path::At;
use crate::{Aio, Entries, Entry, FileType, ReadDir, Request};

/// `getdents64(2)` until the end, and `lstat(2)` where that does not tell kinds; see [`Aio::scan`].
pub struct Scan(ReadDir);

/// The names in a directory, without `.` and `..`.
#[derive(Debug)]
pub struct Scanned {
    list: Entries,
    dirs: usize,
}

impl Scanned {
    fn new(list: Entries) -> Self {
        let dirs = list.iter().take_while(|entry| entry.file_type() == FileType::Directory).count();
        Scanned { list, dirs }
    }
    /// The directories, in the file system's order.
    pub fn dirs(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.list.iter().take(self.dirs)
    }
    /// Everything else, symbolic links to directories too.
    pub fn others(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        self.list.iter().skip(self.dirs)
    }
    /// All of it, directories first.
    pub fn into_entries(self) -> Entries {
        self.list
    }
}

impl Op for Scan {
    type Val = Scanned;
    type Out = io::Result<Scanned>;
    const NAME: &'static str = "scan";
    fn check(&self) -> io::Result<()> {
        self.0.check()
    }
    fn run(&mut self) -> io::Result<Scanned> {
        self.0.run().map(Scanned::new)
    }
    fn finish(self, res: io::Result<Scanned>) -> Self::Out {
        res
    }
}
impl PathOp for Scan {
    fn at(&mut self) -> &mut At {
        self.0.at()
    }
}

impl Request<'_, Scan> {
    /// Also hands out the open directory, as [`Entries::dir`].
    pub fn keep_open(mut self, yes: bool) -> Self {
        self.op.0.keep_open = yes;
        self
    }
}

impl Aio {
    /// Lists a directory, its subdirectories apart from everything else. A last symbolic link is not
    /// followed, and neither are those in the directory.
    ///
    /// What has gone, or may not be asked for, where the file system does not tell kinds in its
    /// directories, counts as something else, of kind [`FileType::Unknown`].
    ///
    /// # Errors
    /// Those of [`read_dir`](Self::read_dir).
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let scanned = ioaio::Aio::new()?.scan("/etc").wait()?;
    /// println!("{} directories, {} others", scanned.dirs().len(), scanned.others().len());
    /// assert!(scanned.others().any(|entry| entry.name() == "passwd"));
    /// # Ok(()) }
    /// ```
    pub fn scan(&self, path: impl AsRef<Path>) -> Request<'_, Scan> {
        let mut names = ReadDir::new(path.as_ref());
        (names.kinds, names.dirs_first) = (true, true);
        Request::new(self, Scan(names))
    }
}
