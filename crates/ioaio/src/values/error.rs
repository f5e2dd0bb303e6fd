//! The error of a composite: which call failed, and where.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A call that failed inside a composite request, with its path.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// # let error = ioaio::Error::new("open", "/nowhere", std::io::Error::from_raw_os_error(2));
/// assert_eq!(error.to_string(), "open /nowhere: No such file or directory (os error 2)");
/// assert_eq!(error.raw_os_error(), Some(2));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Error {
    call: &'static str,
    path: PathBuf,
    source: io::Error,
    others: Option<Box<Others>>,
}

/// What else went wrong, where that was no reason to stop.
#[derive(Debug)]
struct Others {
    errors: Vec<Error>,
    /// How many there were, with the first.
    failed: u64,
}

impl Error {
    /// An error of `call` on `path`.
    pub fn new(call: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Error { call, path: path.into(), source: source.into(), others: None }
    }
    /// The first of several.
    pub(crate) fn with_others(self, errors: Vec<Error>, failed: u64) -> Self {
        let others = (failed > 1).then(|| Box::new(Others { errors, failed }));
        Error { others, ..self }
    }
    /// What else failed, of a request that goes on after an error, as
    /// [`remove_tree`](crate::Aio::remove_tree) does: the first thousand, in the order in which it happened.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # let tree = dir.path().join("tree");
    /// # std::fs::create_dir(&tree)?;
    /// if let Err(first) = ioaio::Aio::new()?.remove_tree(&tree).wait() {
    ///     eprintln!("{first}");
    ///     first.others().iter().for_each(|other| eprintln!("{other}"));
    /// }
    /// # Ok(()) }
    /// ```
    pub fn others(&self) -> &[Error] {
        self.others.as_ref().map_or(&[], |others| &others.errors)
    }
    /// How many errors there were, with this one.
    ///
    /// ```
    /// let error = ioaio::Error::new("open", "/nowhere", std::io::Error::from_raw_os_error(2));
    /// assert_eq!(error.failed(), 1);
    /// ```
    pub fn failed(&self) -> u64 {
        self.others.as_ref().map_or(1, |others| others.failed)
    }
    /// The system call, or the step, that failed.
    pub fn call(&self) -> &'static str {
        self.call
    }
    /// The path it was about.
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// The errno, where the kernel gave one.
    pub fn raw_os_error(&self) -> Option<i32> {
        self.source.raw_os_error()
    }
    /// The kind, as the standard library names it.
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_os_str().is_empty() {
            true => write!(f, "{}: {}", self.call, self.source)?,
            false => write!(f, "{} {}: {}", self.call, self.path.display(), self.source)?,
        }
        match self.failed() {
            1 => Ok(()),
            failed => write!(f, ", and {} more", failed - 1),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl From<Error> for io::Error {
    /// Keeps the errno, which is all that fits.
    fn from(error: Error) -> io::Error {
        match error.raw_os_error() {
            Some(errno) => io::Error::from_raw_os_error(errno),
            None => io::Error::new(error.kind(), error),
        }
    }
}
