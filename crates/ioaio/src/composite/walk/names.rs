//! Names of a directory, and what was asked of them.

use std::ffi::CStr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustix::io::Errno;

use super::{Dir, Tree, WalkEntry};
use crate::values::error::Error;
use crate::values::listing::{Listing, Name, Read, removed_is_read};
use crate::{FileType, Metadata};

/// Where names are.
pub(crate) enum Place {
    /// The root's own name is its path.
    Root(Arc<Tree>),
    Dir(Arc<Dir>),
}

/// Some names of a directory, or all of them.
pub(crate) struct Names {
    pub(crate) place: Place,
    /// With a NUL after each.
    bytes: Vec<u8>,
    items: Vec<Item>,
    /// The directory's path from the root on, once somebody has asked for it.
    path: OnceLock<PathBuf>,
}

#[derive(Clone, Copy)]
struct Item {
    ino: u64,
    start: u32,
    len: u16,
    kind: FileType,
}

impl Names {
    pub(crate) fn of(dir: Arc<Dir>) -> Self {
        Self::at(Place::Dir(dir))
    }
    pub(crate) fn root(tree: &Arc<Tree>, path: &CStr, kind: FileType) -> Self {
        let mut names = Self::at(Place::Root(tree.clone()));
        names.push(path, kind, 0);
        names
    }
    fn at(place: Place) -> Self {
        Names { place, bytes: Vec::new(), items: Vec::new(), path: OnceLock::new() }
    }
    /// False if it does not fit: paths end at 64 KiB, and nobody has 4 GiB of names.
    fn push(&mut self, name: &CStr, kind: FileType, ino: u64) -> bool {
        let bytes = name.to_bytes_with_nul();
        let (Ok(start), Ok(len)) = (u32::try_from(self.bytes.len()), u16::try_from(bytes.len())) else {
            return false;
        };
        self.items.push(Item { ino, start, len, kind });
        self.bytes.extend_from_slice(bytes);
        true
    }
    /// Names of a listing, at least `limit` of them if there are as many.
    pub(crate) fn read(&mut self, listing: &Listing, limit: usize) -> rustix::io::Result<Read> {
        let read = listing.read_some(limit, |Name { name, kind, ino }| {
            match self.push(name, FileType::from_rustix(kind), ino) {
                true => Ok(()),
                false => Err(Errno::OVERFLOW),
            }
        });
        removed_is_read(read)
    }
    pub(crate) fn sort_by_name(&mut self) {
        let name = |item: &Item| &self.bytes[item.start as usize..][..usize::from(item.len)];
        self.items.sort_unstable_by(|a, b| name(a).cmp(name(b)));
    }
    /// The order in which a disk finds them quickest.
    pub(crate) fn sort_by_inode(&mut self) {
        self.items.sort_unstable_by_key(|item| item.ino);
    }
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
    pub(crate) fn name(&self, i: usize) -> &CStr {
        let item = self.items[i];
        let bytes = &self.bytes[item.start as usize..][..usize::from(item.len)];
        CStr::from_bytes_with_nul(bytes).unwrap_or_default()
    }
    pub(crate) fn kind(&self, i: usize) -> FileType {
        self.items[i].kind
    }
    pub(crate) fn set_kind(&mut self, i: usize, kind: FileType) {
        self.items[i].kind = kind;
    }
    /// Of the names, below the root.
    pub(crate) fn depth(&self) -> usize {
        match &self.place {
            Place::Root(_) => 0,
            Place::Dir(dir) => dir.depth + 1,
        }
    }
    pub(crate) fn tree(&self) -> &Arc<Tree> {
        match &self.place {
            Place::Root(tree) => tree,
            Place::Dir(dir) => &dir.tree,
        }
    }
    /// The directory's path from the root on.
    pub(crate) fn path(&self) -> &Path {
        self.path.get_or_init(|| match &self.place {
            Place::Root(_) => PathBuf::new(),
            Place::Dir(dir) => dir.path(),
        })
    }
}

/// Names, and their metadata if that was asked for.
pub(crate) struct Batch {
    pub(crate) names: Arc<Names>,
    /// The first name that it is about.
    start: usize,
    /// One for each, if any; none where there was an error.
    stats: Vec<Option<Metadata>>,
}

impl Batch {
    pub(crate) fn metadata(&self, i: usize) -> Option<&Metadata> {
        self.stats.get(i - self.start)?.as_ref()
    }
    pub(crate) fn kind(&self, i: usize) -> FileType {
        self.metadata(i).map_or_else(|| self.names.kind(i), Metadata::file_type)
    }
}

/// Entries that are given out one after the other, and the errors between them.
#[derive(Default)]
pub(crate) struct Run {
    batch: Option<Arc<Batch>>,
    range: Range<usize>,
    /// The last is the first to come, each instead of the entry of that number. Nothing comes instead of
    /// what has gone.
    errors: Vec<(usize, Option<Error>)>,
}

impl Run {
    /// `errors` are in the order of their entries.
    pub(crate) fn new(
        names: Arc<Names>,
        range: Range<usize>,
        stats: Vec<Option<Metadata>>,
        mut errors: Vec<(usize, Option<Error>)>,
    ) -> Self {
        errors.reverse();
        let batch = Arc::new(Batch { names, start: range.start, stats });
        Run { batch: Some(batch), range, errors }
    }
    pub(crate) fn error(error: Error) -> Self {
        Run { errors: vec![(0, Some(error))], ..Run::default() }
    }
    /// Adds an error after all that there is.
    pub(crate) fn fail(&mut self, error: Error) {
        self.errors.insert(0, (self.range.end, Some(error)));
    }
    pub(crate) fn len(&self) -> usize {
        self.range.len()
    }
    /// Of its entries, if it has any.
    pub(crate) fn depth(&self) -> Option<usize> {
        self.batch.as_ref().map(|batch| batch.names.depth())
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.range.is_empty() && self.errors.is_empty()
    }
    /// The directories among the entries that are left, with their numbers.
    pub(crate) fn dirs(&self) -> impl Iterator<Item = (usize, WalkEntry)> {
        let failed = move |i| self.errors.binary_search_by(|(at, _)| usize::cmp(&i, at)).is_ok();
        let all = self.batch.iter().flat_map(|batch| self.range.clone().map(move |i| (batch, i)));
        let dirs = all.filter(move |&(batch, i)| batch.kind(i) == FileType::Directory && !failed(i));
        dirs.map(|(batch, i)| (i, WalkEntry::new(batch.clone(), i)))
    }
    /// The entries up to number `end`; this has the others then.
    pub(crate) fn split(&mut self, end: usize) -> Run {
        let late = self.errors.iter().take_while(|(at, _)| *at >= end).count();
        let first = Run {
            batch: self.batch.clone(),
            range: self.range.start..end,
            errors: self.errors.split_off(late),
        };
        self.range.start = end;
        first
    }
    /// Leaves out the entries, but not the errors.
    pub(crate) fn skip_entries(&mut self) {
        self.range.start = self.range.end;
    }
    pub(crate) fn next(&mut self) -> Option<Result<WalkEntry, Error>> {
        while let Some((at, error)) = self.errors.pop_if(|(at, _)| *at <= self.range.start) {
            if at == self.range.start && !self.range.is_empty() {
                self.range.start += 1;
            }
            if let Some(error) = error {
                return Some(Err(error));
            }
        }
        let batch = self.batch.as_ref()?;
        let i = self.range.next()?;
        Some(Ok(WalkEntry::new(batch.clone(), i)))
    }
}
