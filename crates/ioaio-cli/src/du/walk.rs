//! The walk: a request for each directory, many at a time.
//!
//! A directory is read relative to its parent's open handle, by its name alone. That reaches any
//! depth, follows no symbolic link, and saves the kernel the lookup of the path. Handles are open
//! only while children are still to be requested, and never more than there are descriptors: the
//! newest directory goes first, which keeps few of them open, and where they are short the oldest
//! goes first, which closes them. What has no handle then is reached step by step from above.

use std::collections::{HashSet, VecDeque};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use ioaio::{Aio, Dir, Entries, Metadata, OFlags};

use super::largest::Largest;
use super::progress::{INTERVAL, Progress};
use super::threads::Threads;
use super::tree::{Id, Tree, Usage};
use super::{Args, descriptors};

/// Requests under way: enough that the threads never wait for this one.
const IN_FLIGHT: usize = 256;
/// While the threads have enough to do, this one looks at results at such intervals only: to be
/// woken for each would cost it, and them, as much as reading a small directory.
const BATCH: Duration = Duration::from_micros(500);

/// What a walk has found.
pub struct Found {
    /// The paths that were asked for.
    pub arguments: Vec<(PathBuf, Usage)>,
    /// The largest directories, from the largest down.
    pub largest: Vec<(PathBuf, Usage)>,
    /// All names that were seen.
    pub entries: u64,
    /// Names that had gone when more was asked of them.
    pub vanished: u64,
    /// Something could not be read.
    pub failed: bool,
}

type Answer = (Id, io::Result<Entries>);

pub struct Walk<'a> {
    aio: &'a Aio,
    args: &'a Args,
    tree: Tree,
    arguments: Vec<Id>,
    found: Found,
    largest: Largest,
    /// Directories that are not requested yet, the oldest first.
    pending: VecDeque<Id>,
    in_flight: usize,
    max_in_flight: usize,
    max_handles: usize,
    answers: (Sender<Answer>, Receiver<Answer>),
    /// Files that could be met a second time.
    seen: HashSet<((u32, u32), u64)>,
    disk: u64,
    threads: Threads,
    progress: Progress,
}

impl<'a> Walk<'a> {
    pub fn new(aio: &'a Aio, args: &'a Args, threads: Threads) -> io::Result<Self> {
        let free = descriptors::available()?;
        // A running request has its directory open, and a queued one its parent.
        let max_in_flight = IN_FLIGHT.min(free / 4).max(1);
        let found =
            Found { arguments: Vec::new(), largest: Vec::new(), entries: 0, vanished: 0, failed: false };
        let mut walk = Walk {
            aio,
            args,
            tree: Tree::default(),
            arguments: Vec::new(),
            found,
            largest: Largest::new(if args.summarize { 0 } else { args.top }),
            pending: VecDeque::new(),
            in_flight: 0,
            max_in_flight,
            max_handles: free - 2 * max_in_flight - 1,
            answers: channel(),
            seen: HashSet::new(),
            disk: 0,
            threads,
            progress: Progress::new(),
        };
        args.paths.iter().for_each(|path| walk.argument(path));
        Ok(walk)
    }

    fn argument(&mut self, path: &Path) {
        let meta = match self.aio.lstat(path).wait() {
            Ok(meta) => meta,
            Err(e) => return self.complain("lstat", path, &e),
        };
        self.found.entries += 1;
        if self.was_seen(&meta) {
            return;
        }
        self.disk = self.disk.saturating_add(Usage::of(&meta).disk);
        let id = self.tree.add(None, path.into(), &meta, meta.dev());
        self.tree.keep(id);
        self.arguments.push(id);
        if meta.is_dir() {
            self.pending.push_back(id);
        }
    }
    /// Whether a file is met again: by another hard link, or by another argument.
    fn was_seen(&mut self, meta: &Metadata) -> bool {
        let again = self.args.paths.len() > 1 || (meta.nlink() > 1 && !meta.is_dir());
        again && !self.seen.insert((meta.dev(), meta.ino()))
    }
    fn is_argument(&self, id: Id) -> bool {
        self.tree.get(id).parent.is_none()
    }
    fn complain(&mut self, call: &str, path: &Path, e: &io::Error) {
        self.found.failed = true;
        self.progress.complain(&format!("ioaio: {call} {}: {e}", path.display()));
    }

    /// Works until every directory has been read.
    pub fn go(&mut self) -> io::Result<()> {
        loop {
            self.request_some();
            if self.in_flight == 0 {
                self.progress.end();
                return Ok(());
            }
            self.progress.show(self.found.entries, self.disk, self.pending.len() + self.in_flight);
            if self.aio.nready() > self.threads.now {
                std::thread::sleep(BATCH);
                self.threads.adjust(self.aio);
            } else if self.aio.npending() == 0 {
                self.aio.wait(Some(INTERVAL))?;
            }
            self.aio.poll()?;
            while let Ok((id, list)) = self.answers.1.try_recv() {
                self.in_flight -= 1;
                self.answer(id, list);
            }
        }
    }
    fn request_some(&mut self) {
        while self.in_flight < self.max_in_flight {
            let short = self.tree.handles >= self.max_handles;
            let next = if short { self.pending.pop_front() } else { self.pending.pop_back() };
            let Some(id) = next else { return };
            let parent_dir = self.parent_dir(id);
            if let Some(parent) = self.tree.get(id).parent {
                self.tree.child_requested(parent);
            }
            match parent_dir {
                Ok(dir) => self.request(id, dir),
                Err(e) => {
                    match e.kind() {
                        io::ErrorKind::NotFound => self.found.vanished += 1,
                        _ => self.complain("open", &self.tree.path(id), &e),
                    }
                    self.finished(id);
                }
            }
        }
    }
    fn request(&mut self, id: Id, dir: Option<Dir>) {
        let answers = self.answers.0.clone();
        let mut request = self.aio.read_dir(&self.tree.get(id).name).stat(true).born(false).keep_open(true);
        if let Some(dir) = &dir {
            request = request.at(dir);
        }
        self.in_flight += 1;
        // The receiver lives as long as the walk, which outlives its requests.
        request.then(move |list| drop(answers.send((id, list))));
    }
    /// What the directory's name is relative to; none for an argument.
    fn parent_dir(&self, id: Id) -> io::Result<Option<Dir>> {
        let (mut names, mut next) = (Vec::new(), self.tree.get(id).parent);
        let mut dir = None;
        while let Some(id) = next {
            let node = self.tree.get(id);
            if let Some(handle) = &node.handle {
                dir = Some(handle.clone());
                break;
            }
            names.push(&node.name);
            next = node.parent;
        }
        for name in names.into_iter().rev() {
            dir = Some(self.step(dir.as_ref(), name)?);
        }
        Ok(dir)
    }
    fn step(&self, dir: Option<&Dir>, name: &OsString) -> io::Result<Dir> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        let request = self.aio.open(name).flags(flags);
        let file = match dir {
            Some(dir) => request.at(dir).wait()?,
            None => request.wait()?,
        };
        let fd = file.try_into_owned_fd().map_err(|_in_use| io::Error::other("the directory is in use"))?;
        Ok(fd.into())
    }

    fn answer(&mut self, id: Id, list: io::Result<Entries>) {
        match list {
            Ok(list) => self.listed(id, &list),
            Err(e) if e.kind() == io::ErrorKind::NotFound && !self.is_argument(id) => {
                self.found.vanished += 1
            }
            Err(e) => self.complain("read_dir", &self.tree.path(id), &e),
        }
        self.finished(id);
    }
    fn listed(&mut self, id: Id, list: &Entries) {
        let mut usage = Usage::default();
        let dev = self.tree.get(id).dev;
        for entry in list.iter() {
            self.found.entries += 1;
            let meta = match entry.metadata() {
                Some(Ok(meta)) => meta,
                Some(Err(e)) if e.kind() == io::ErrorKind::NotFound => {
                    self.found.vanished += 1;
                    continue;
                }
                Some(Err(e)) => {
                    self.complain("lstat", &self.tree.path(id).join(entry.name()), e);
                    continue;
                }
                None => continue,
            };
            if (self.args.one_file_system && meta.dev() != dev) || self.was_seen(meta) {
                continue;
            }
            if meta.is_dir() {
                self.disk = self.disk.saturating_add(Usage::of(meta).disk);
                let child = self.tree.add(Some(id), entry.name().into(), meta, dev);
                self.pending.push_back(child);
            } else {
                usage.add(Usage::of(meta));
            }
        }
        self.disk = self.disk.saturating_add(usage.disk);
        let node = self.tree.get_mut(id);
        node.usage.add(usage);
        if node.unrequested > 0
            && self.tree.handles < self.max_handles
            && let Some(dir) = list.dir()
        {
            self.tree.set_handle(id, dir.clone());
        }
    }
    /// Counts a directory, and then perhaps its parents, as finished.
    fn finished(&mut self, id: Id) {
        let mut next = Some(id);
        while let Some(id) = next {
            let node = self.tree.get_mut(id);
            node.unfinished -= 1;
            if node.unfinished > 0 {
                return;
            }
            let (usage, parent) = (node.usage, node.parent);
            if let Some(parent) = parent {
                self.tree.get_mut(parent).usage.add(usage);
            }
            let size = if self.args.apparent_size { usage.apparent } else { usage.disk };
            self.largest.offer(&mut self.tree, size, id);
            self.tree.release(id);
            next = parent;
        }
    }

    /// What was found, once nothing is left to do.
    pub fn finish(mut self) -> Found {
        let row = |id: Id| (self.tree.path(id), self.tree.get(id).usage);
        self.found.arguments = self.arguments.iter().map(|&id| row(id)).collect();
        self.found.largest = self.largest.into_sorted().map(row).collect();
        self.found
    }
}
