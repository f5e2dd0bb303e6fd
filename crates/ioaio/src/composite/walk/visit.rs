//! One request of a walk: some directories, on a worker.

use std::ffi::{CStr, CString};
use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, StatxFlags};
use rustix::io::Errno;

use super::names::{Names, Run};
use super::{Dir, Plan};
use crate::composite::base::attributes::stat;
use crate::composite::base::temp::is;
use crate::composite::base::todo::{Rank, Ranked};
use crate::composite::base::tree_dir::open_dir;
use crate::request::op::Op;
use crate::values::error::Error;
use crate::values::listing::{Listing, Read};
use crate::{FileType, Metadata};

/// Names that are read, or asked for, by one job at the most, about.
const NAMES: usize = 4096;
/// After this many a request leaves further jobs to others.
const ENOUGH: usize = 1024;
/// From this many names on, asking in the order of inodes saves a disk more seeks than sorting costs.
const BY_INODE: usize = 1000;

/// Something to do for a walk.
pub(crate) enum Job {
    /// What is the root?
    Root,
    /// The names in the root.
    Top,
    /// Those in a subdirectory.
    Enter(Arc<Dir>, CString),
    /// Further names of a directory.
    Rest(Arc<Dir>, Listing),
    /// Metadata of some names, in the directory that is still open from reading them, unless the walk is
    /// sorted: that may have to wait for long.
    Stat(Arc<Names>, Range<usize>, Option<Arc<OwnedFd>>),
}

impl Ranked for Job {
    fn rank(&self) -> Rank {
        match self {
            Job::Stat(..) => Rank::Entries,
            Job::Rest(..) => Rank::Names,
            Job::Root | Job::Top | Job::Enter(..) => Rank::Directory,
        }
    }
}

/// What a job has found.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) run: Run,
    /// What is to be done next, for the entries that come after these.
    pub(crate) more: Vec<Job>,
    /// Names that have gone since the directory told them.
    pub(crate) vanished: u64,
}

impl Found {
    /// Names, those that are still to be asked for among them.
    fn names(&self) -> usize {
        let asked = |job: &Job| if let Job::Stat(_, range, _) = job { range.len() } else { 0 };
        self.run.len() + self.more.iter().map(asked).sum::<usize>()
    }
}

/// What became of a request: of its jobs, by their numbers.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) found: Vec<(u64, Found)>,
    /// They were not begun.
    pub(crate) left: Vec<(u64, Job)>,
    /// There are too few descriptors for as many requests.
    pub(crate) short: bool,
}

/// Does jobs.
pub(crate) struct Visit {
    pub(crate) plan: Arc<Plan>,
    pub(crate) jobs: Vec<(u64, Job)>,
}

impl Op for Visit {
    type Val = Outcome;
    type Out = Outcome;
    const NAME: &'static str = "walk";
    fn run(&mut self) -> io::Result<Outcome> {
        let mut outcome = Outcome::default();
        let (mut names, mut jobs) = (0, std::mem::take(&mut self.jobs).into_iter());
        while names < ENOUGH
            && let Some((number, job)) = jobs.next()
        {
            let mut visited = self.plan.visit(&job);
            if lacks_descriptors(&visited) {
                self.plan.tree.close_all();
                visited = self.plan.visit(&job);
            }
            match visited {
                visited if lacks_descriptors(&visited) => {
                    outcome.left.push((number, job));
                    outcome.short = true;
                    break;
                }
                Err(e) => outcome.found.push((number, e.into())),
                Ok(found) => {
                    names += found.names();
                    outcome.found.push((number, found));
                }
            }
        }
        outcome.left.extend(jobs);
        Ok(outcome)
    }
    fn finish(self, res: io::Result<Outcome>) -> Outcome {
        res.unwrap_or_else(|e| {
            let errno = Errno::from_io_error(&e).unwrap_or(Errno::IO);
            let found = |(number, job): (u64, Job)| (number, self.plan.error(&job, errno).into());
            Outcome { found: self.jobs.into_iter().map(found).collect(), ..Outcome::default() }
        })
    }
}

fn lacks_descriptors(visited: &Result<Found, Error>) -> bool {
    visited.as_ref().is_err_and(|e| is(e, &[Errno::MFILE, Errno::NFILE]))
}

impl From<Error> for Found {
    fn from(error: Error) -> Self {
        Found { run: Run::error(error), ..Found::default() }
    }
}

impl Plan {
    fn visit(&self, job: &Job) -> Result<Found, Error> {
        let gone = |vanished| Ok(Found { vanished, ..Found::default() });
        let dir = match job {
            Job::Root => return self.root(),
            Job::Stat(names, range, fd) => {
                return match self.stats(names, range.clone(), fd.clone()) {
                    Err(e) if is(&e, &[Errno::NOENT]) => gone(range.len() as u64),
                    found => found,
                };
            }
            Job::Rest(dir, listing) => return self.list(dir, listing),
            Job::Top => self.top()?,
            Job::Enter(above, name) => match above.begin(name, |_| ()) {
                Err(e) if is(&e, &[Errno::XDEV]) => return Ok(Found::default()),
                Err(e) if is(&e, &[Errno::NOENT]) => return gone(1),
                dir => dir?,
            },
        };
        let found = dir.listing().and_then(|listing| self.list(&dir, &listing));
        let goes_on =
            found.as_ref().is_ok_and(|found| !found.more.is_empty() || found.run.dirs().next().is_some());
        if goes_on {
            dir.stay_open()
        } else {
            dir.close()
        }
        found
    }
    /// The error of a job that was not done.
    pub(crate) fn error(&self, job: &Job, errno: Errno) -> Error {
        use crate::composite::base::calls::Place;
        let place = match job {
            Job::Root | Job::Top => self.tree.path.clone(),
            Job::Enter(above, name) => above.spot(name).place(),
            Job::Rest(dir, _) => dir.spot(c"").place(),
            Job::Stat(names, ..) => self.tree.path.join(names.path()),
        };
        Error::new(Visit::NAME, place, errno)
    }
    fn root(&self) -> Result<Found, Error> {
        let (calls, at) = (self.tree.calls(), &self.at);
        let metadata = calls.step("lstat", at, || self.lstat(at.dirfd(), at.path()))?;
        let names = Arc::new(Names::root(&self.tree, at.path(), metadata.file_type()));
        let stats = if self.metadata { vec![Some(metadata)] } else { Vec::new() };
        let more = match metadata.file_type() {
            FileType::Directory if self.max_depth > 0 => vec![Job::Top],
            _ => Vec::new(),
        };
        Ok(Found { run: Run::new(names, 0..1, stats, Vec::new()), more, vanished: 0 })
    }
    fn top(&self) -> Result<Arc<Dir>, Error> {
        let (calls, at) = (self.tree.calls(), &self.at);
        let fd = calls.step("openat", at, || open_dir(at.dirfd(), at.path()))?;
        let st = calls.step("statx", at, || stat(fd.as_fd()))?;
        Ok(Dir::opened_root(&self.tree, fd, &st, ()))
    }
    fn list(&self, dir: &Arc<Dir>, listing: &Listing) -> Result<Found, Error> {
        let (calls, place, fd) = (self.tree.calls(), dir.spot(c""), listing.dir());
        let mut names = Names::of(dir.clone());
        // Sorted, it takes all of them.
        let limit = if self.sorted { usize::MAX } else { NAMES };
        let read = calls.step("getdents64", &place, || names.read(listing, limit));
        if self.sorted {
            names.sort_by_name();
        } else if self.metadata && names.len() >= BY_INODE {
            names.sort_by_inode();
        }
        let failed = if self.metadata { Vec::new() } else { self.kinds(fd.as_fd(), &mut names) };
        let names = Arc::new(names);
        let all = 0..names.len();
        let mut found = if !self.metadata {
            let vanished = vanished(&failed);
            Found { run: Run::new(names, all, Vec::new(), failed), more: Vec::new(), vanished }
        } else if matches!(read, Ok(Read::All)) && names.len() <= NAMES {
            self.stats(&names, all, Some(fd.clone()))?
        } else {
            // Others may ask for some of them meanwhile.
            let parts = all.step_by(NAMES).map(|at| at..names.len().min(at + NAMES));
            let fd = |_| fd.clone();
            let stat = |part| Job::Stat(names.clone(), part, (!self.sorted).then_some(()).map(fd));
            Found { more: parts.map(stat).collect(), ..Found::default() }
        };
        match read {
            Ok(Read::All) => {}
            Ok(Read::Part) => found.more.push(Job::Rest(dir.clone(), listing.clone())),
            Err(e) => found.run.fail(e),
        }
        Ok(found)
    }
    /// Asks for the kinds that the file system does not tell in its directories.
    fn kinds(&self, dir: BorrowedFd<'_>, names: &mut Names) -> Vec<Failed> {
        let mut failed = Vec::new();
        for i in 0..names.len() {
            if names.kind(i) != FileType::Unknown {
                continue;
            }
            match self.ask(dir, names, i) {
                Ok(metadata) => names.set_kind(i, metadata.file_type()),
                Err(e) => failed.push((i, unless_gone(e))),
            }
        }
        failed
    }
    fn stats(
        &self,
        names: &Arc<Names>,
        range: Range<usize>,
        fd: Option<Arc<OwnedFd>>,
    ) -> Result<Found, Error> {
        let super::names::Place::Dir(dir) = &names.place else { return Ok(Found::default()) };
        let fd = fd.map_or_else(|| dir.fd(), Ok)?;
        let (mut stats, mut failed) = (Vec::with_capacity(range.len()), Vec::new());
        for i in range.clone() {
            let metadata = self.ask(fd.as_fd(), names, i);
            stats.push(metadata.map_err(|e| failed.push((i, unless_gone(e)))).ok());
        }
        let vanished = vanished(&failed);
        Ok(Found { run: Run::new(names.clone(), range, stats, failed), more: Vec::new(), vanished })
    }
    fn ask(&self, fd: BorrowedFd<'_>, names: &Names, i: usize) -> Result<Metadata, Error> {
        let super::names::Place::Dir(dir) = &names.place else { unreachable!("the root is asked for") };
        let name = names.name(i);
        self.tree.calls().step("lstat", &dir.spot(name), || self.lstat(fd, name))
    }
    fn lstat(&self, dir: BorrowedFd<'_>, name: &CStr) -> rustix::io::Result<Metadata> {
        let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT;
        if self.born {
            let mask = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
            return Ok(Metadata::new(&crate::sys::fallback::statx(dir, name, flags, mask)?));
        }
        Ok(Metadata::without_birth(&rustix::fs::statat(dir, name, flags)?))
    }
}

/// The number of a name, and why nothing is known of it.
type Failed = (usize, Option<Error>);

/// What has gone since the directory told its name is no error.
fn unless_gone(error: Error) -> Option<Error> {
    (!is(&error, &[Errno::NOENT])).then_some(error)
}

fn vanished(failed: &[Failed]) -> u64 {
    failed.iter().filter(|(_, error)| error.is_none()).count() as u64
}
