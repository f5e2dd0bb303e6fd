//! Interleaved rounds: what disturbs the machine disturbs all subjects alike, and ratios are taken within a round.

use std::io::{self, IsTerminal};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::Options;
use crate::fixture::Rng;
use crate::run::Sample;
use crate::subject::{Entry, Subject};
use crate::table::{self, Target};

/// Between two samples, so that the threads of the one have gone to sleep before the other begins.
const PAUSE: Duration = Duration::from_millis(3);

/// One table: some subjects at the same work.
pub struct Contest<'a> {
    pub options: &'a Options,
    pub title: String,
    pub rounds: usize,
    /// The most operations in a sample.
    pub ops: usize,
    /// Whether slow subjects get fewer operations, as many as fit into the time for a sample.
    pub sized_by_time: bool,
    pub targets: Vec<Target>,
}

/// A subject's place in the contest, and what it has done.
pub struct Seat {
    pub name: String,
    pub samples: Vec<Sample>,
    /// Why it takes no part.
    pub failure: Option<String>,
    subject: Option<Box<dyn Subject>>,
    ops: usize,
}

impl Contest<'_> {
    /// Sets up the subjects, has `sample` take one sample of each in every round, and prints the table.
    ///
    /// `sample` gets the subject and the number of operations. A subject that cannot be set up, or whose very
    /// first sample the system refuses, is listed with the reason. Any later error and any wrong result is ours.
    pub fn run(
        &self,
        entries: Vec<Entry>,
        mut sample: impl FnMut(&mut dyn Subject, usize) -> io::Result<Sample>,
    ) -> io::Result<()> {
        let wanted = entries.into_iter().filter(|entry| self.options.wants(&entry.name));
        let mut seats: Vec<Seat> = wanted.map(|entry| Seat::new(entry, self.ops)).collect();
        if self.sized_by_time {
            for seat in &mut seats {
                seat.size(self.ops, self.options.budget(), &mut sample)?;
            }
        }
        let mut order: Vec<usize> = (0..seats.len()).collect();
        let mut rng = Rng::new();
        for round in 0..self.rounds {
            rng.shuffle(&mut order);
            for (step, &at) in order.iter().enumerate() {
                self.progress(round, step, &seats[at].name);
                seats[at].take(&mut sample)?;
            }
        }
        self.progress_done();
        table::print(&self.title, &seats, &self.targets);
        Ok(())
    }

    fn progress(&self, round: usize, step: usize, name: &str) {
        if io::stderr().is_terminal() {
            eprint!("\r\x1b[Kround {} of {}, {}: {name}", round + 1, self.rounds, step + 1);
        }
    }

    fn progress_done(&self) {
        if io::stderr().is_terminal() {
            eprint!("\r\x1b[K");
        }
    }
}

impl Seat {
    fn new(entry: Entry, ops: usize) -> Seat {
        let Entry { name, make } = entry;
        let made = catch_unwind(AssertUnwindSafe(make));
        let (subject, failure) = match made {
            Ok(Ok(subject)) => (Some(subject), None),
            Ok(Err(error)) => (None, Some(error.to_string())),
            Err(_) => (None, Some("panicked while being set up".to_owned())),
        };
        Seat { name, samples: Vec::new(), failure, subject, ops }
    }

    /// Finds out how many operations fit into a sample: first roughly, then from a bigger trial; both also warm up.
    fn size(
        &mut self,
        most: usize,
        budget: Duration,
        sample: &mut impl FnMut(&mut dyn Subject, usize) -> io::Result<Sample>,
    ) -> io::Result<()> {
        self.ops = most.min(256);
        for part in [0.25, 1.0] {
            self.take(sample)?;
            if let Some(trial) = self.samples.pop() {
                let fitting = trial.rate() * budget.as_secs_f64() * part;
                self.ops = (fitting as usize).clamp(most.min(256), most);
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        sample: &mut impl FnMut(&mut dyn Subject, usize) -> io::Result<Sample>,
    ) -> io::Result<()> {
        let Some(subject) = &mut self.subject else { return Ok(()) };
        std::thread::sleep(PAUSE);
        match sample(subject.as_mut(), self.ops) {
            Ok(sample) => self.samples.push(sample),
            Err(error) if self.samples.is_empty() && error.kind() != io::ErrorKind::InvalidData => {
                self.failure = Some(error.to_string());
                self.subject = None;
            }
            Err(error) => return Err(io::Error::other(format!("{}: {error}", self.name))),
        }
        Ok(())
    }
}
