//! What is left to do in a tree.

/// Directories of which names are left, while others are gone into.
const HELD: usize = 4;

/// What kind of work a job is.
#[derive(Clone, Copy)]
pub(crate) enum Rank {
    /// Names that have been read, and the like. They come first, since they make what is left less.
    Entries,
    /// Further names of a directory, which is open until all of them have been read.
    Names,
    /// A directory that was not begun.
    Directory,
}

pub(crate) trait Ranked {
    fn rank(&self) -> Rank;
}

/// Jobs, of each kind the latest first.
///
/// A directory of which names are left keeps its descriptor, since a position in it means nothing to
/// another one. Subdirectories are gone into before further names are read, so that few of their names have
/// to be remembered; but no more than four directories wait for that. Beyond, further names come first. So
/// with at most `n` requests under way, each of which ends when it has left names unread, at most `n` + 4
/// such directories are open, and memory is taken for the names of all subdirectories only of those that
/// are below four others as large.
pub(crate) struct Todo<J> {
    entries: Vec<J>,
    names: Vec<J>,
    directories: Vec<J>,
}

impl<J> Default for Todo<J> {
    fn default() -> Self {
        Todo { entries: Vec::new(), names: Vec::new(), directories: Vec::new() }
    }
}

impl<J: Ranked> Todo<J> {
    pub(crate) fn push(&mut self, job: J) {
        let jobs = match job.rank() {
            Rank::Entries => &mut self.entries,
            Rank::Names => &mut self.names,
            Rank::Directory => &mut self.directories,
        };
        jobs.push(job);
    }
    pub(crate) fn pop(&mut self) -> Option<J> {
        if let Some(job) = self.entries.pop() {
            return Some(job);
        }
        match self.names.len() > HELD {
            true => self.names.pop(),
            false => self.directories.pop().or_else(|| self.names.pop()),
        }
    }
}

impl<J: Ranked> Extend<J> for Todo<J> {
    fn extend<I: IntoIterator<Item = J>>(&mut self, jobs: I) {
        jobs.into_iter().for_each(|job| self.push(job));
    }
}

impl<J: Ranked> From<J> for Todo<J> {
    fn from(job: J) -> Self {
        let mut todo = Todo::default();
        todo.push(job);
        todo
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_directories_wait_with_names_left() {
        struct Job(Rank, u32);
        impl Ranked for Job {
            fn rank(&self) -> Rank {
                self.0
            }
        }
        let mut todo = Todo::from(Job(Rank::Directory, 5));
        let names = [10, 9, 8, 7, 3, 2].map(|number| Job(Rank::Names, number));
        todo.extend(names);
        todo.extend([Job(Rank::Entries, 1), Job(Rank::Directory, 4), Job(Rank::Entries, 0)]);
        // The last ones wait until there is no directory to go into.
        let mut next = || todo.pop().map(|job| job.1);
        assert_eq!([0; 6].map(|_| next()), [0, 1, 2, 3, 4, 5].map(Some));
        todo.push(Job(Rank::Directory, 6));
        let order: Vec<u32> = std::iter::from_fn(|| todo.pop()).map(|job| job.1).collect();
        assert_eq!(order, [6, 7, 8, 9, 10]);
    }
}
