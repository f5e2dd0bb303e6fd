//! In which order directories are visited, and entries given.

use std::collections::VecDeque;

use super::WalkEntry;
use super::names::Run;
use super::visit::{Found, Job};
use crate::composite::base::todo::Todo;

/// How far ahead of the caller a sorted walk looks: this many places, or names.
const PLACES: usize = 64;
const NAMES: usize = 64 * 1024;

pub(crate) type Filter = Box<dyn FnMut(&WalkEntry) -> bool + Send>;

/// Which directories are gone into.
pub(crate) struct Rules {
    pub(crate) max_depth: usize,
    pub(crate) filter: Option<Filter>,
}

impl Default for Rules {
    fn default() -> Self {
        Rules { max_depth: usize::MAX, filter: None }
    }
}

impl Rules {
    fn job(&mut self, entry: &WalkEntry) -> Option<Job> {
        let job = entry.job().filter(|_| entry.depth() < self.max_depth)?;
        self.filter.as_mut().is_none_or(|filter| filter(entry)).then_some(job)
    }
}

/// What is to be done, and what was found and not yet given out.
pub(crate) enum Order {
    Any(Any),
    Sorted(Sorted),
}

/// Entries as they come. What was found last is done first: what is left to do stays little.
#[derive(Default)]
pub(crate) struct Any {
    todo: Todo<Job>,
    ready: VecDeque<Run>,
    names: usize,
}

/// Each directory's entries by their names, and what is in a directory right after it.
#[derive(Default)]
pub(crate) struct Sorted {
    /// The last is the next to be given out.
    slots: Vec<Slot>,
    number: u64,
}

enum Slot {
    Todo(Job),
    /// Somebody does the job of that number.
    Waiting(u64),
    /// There may be directories among them to go into.
    Listing(Run),
    Run(Run),
}

impl Order {
    pub(crate) fn new(sorted: bool) -> Self {
        match sorted {
            true => Order::Sorted(Sorted { slots: vec![Slot::Todo(Job::Root)], number: 0 }),
            false => Order::Any(Any { todo: Todo::from(Job::Root), ..Any::default() }),
        }
    }
    /// The next thing to do, unless there is enough to be given out.
    pub(crate) fn take(&mut self, rules: &mut Rules) -> Option<(u64, Job)> {
        match self {
            Order::Any(any) if any.names < NAMES => any.todo.pop().map(|job| (0, job)),
            Order::Any(_) => None,
            Order::Sorted(sorted) => sorted.take(rules),
        }
    }
    /// A job was not begun.
    pub(crate) fn put_back(&mut self, number: u64, job: Job) {
        match self {
            Order::Any(any) => any.todo.push(job),
            Order::Sorted(sorted) => sorted.replace(number, [Slot::Todo(job)]),
        }
    }
    pub(crate) fn put(&mut self, number: u64, found: Found, rules: &mut Rules) {
        match self {
            Order::Any(any) => any.put(found, rules),
            Order::Sorted(sorted) => {
                let more = found.more.into_iter().rev().map(Slot::Todo);
                sorted.replace(number, more.chain([Slot::Listing(found.run)]));
            }
        }
    }
    /// Entries to be given out.
    pub(crate) fn ready(&mut self, rules: &mut Rules) -> Option<Run> {
        match self {
            Order::Any(any) => any.ready(),
            Order::Sorted(sorted) => sorted.ready(rules),
        }
    }
}

impl Any {
    fn put(&mut self, found: Found, rules: &mut Rules) {
        self.todo.extend(found.more.into_iter().rev());
        self.todo.extend(found.run.dirs().filter_map(|(_, entry)| rules.job(&entry)));
        if !found.run.is_empty() {
            self.names += found.run.len();
            self.ready.push_back(found.run);
        }
    }
    fn ready(&mut self) -> Option<Run> {
        let run = self.ready.pop_front()?;
        self.names -= run.len();
        Some(run)
    }
}

impl Sorted {
    fn take(&mut self, rules: &mut Rules) -> Option<(u64, Job)> {
        let (mut names, mut at) = (0, self.slots.len());
        let end = at.saturating_sub(PLACES);
        while at > end && names < NAMES {
            at -= 1;
            match &self.slots[at] {
                Slot::Todo(_) => {
                    self.number += 1;
                    let waiting = Slot::Waiting(self.number);
                    let Slot::Todo(job) = std::mem::replace(&mut self.slots[at], waiting) else {
                        unreachable!("it was one")
                    };
                    return Some((self.number, job));
                }
                Slot::Waiting(_) => {}
                Slot::Run(run) => names += run.len(),
                Slot::Listing(_) => at += self.split(at, rules),
            }
        }
        None
    }
    /// Sets the next directory apart from its siblings, at the same place and behind it; gives how many
    /// slots there are now instead of one.
    fn split(&mut self, at: usize, rules: &mut Rules) -> usize {
        let Slot::Listing(mut run) = std::mem::replace(&mut self.slots[at], Slot::Waiting(0)) else {
            unreachable!("only listings are split")
        };
        let next = run.dirs().find_map(|(i, entry)| Some((i, rules.job(&entry)?)));
        let Some((i, job)) = next else {
            self.slots[at] = Slot::Run(run);
            return 1;
        };
        let first = run.split(i + 1);
        self.slots.splice(at..=at, [Slot::Listing(run), Slot::Todo(job), Slot::Run(first)]);
        3
    }
    fn replace(&mut self, number: u64, with: impl IntoIterator<Item = Slot>) {
        let is = |slot: &Slot| matches!(slot, Slot::Waiting(n) if *n == number);
        let at = self.slots.iter().rposition(is).expect("it was taken from there");
        self.slots.splice(at..=at, with);
    }
    fn ready(&mut self, rules: &mut Rules) -> Option<Run> {
        loop {
            match self.slots.pop()? {
                Slot::Run(run) if run.is_empty() => {}
                Slot::Run(run) => return Some(run),
                Slot::Listing(run) => {
                    self.slots.push(Slot::Listing(run));
                    self.split(self.slots.len() - 1, rules);
                }
                slot => {
                    self.slots.push(slot);
                    return None;
                }
            }
        }
    }
}
