//! Hands out requests, and gathers what they have found.

use std::sync::Arc;
use std::task::{Context, Poll};

use rustix::io::Errno;

use super::Plan;
use super::names::Run;
use super::order::{Order, Rules};
use super::visit::{Job, Outcome, Visit};
use crate::Request;
use crate::composite::base::in_flight::{Flight, width};
use crate::composite::base::task::Steps;

/// Directories for one request: small ones are quicker to read than to hand out.
const JOBS: usize = 16;
/// How often a request that is alone may lack descriptors before that is an error.
const SHORT: u32 = 3;

pub(crate) struct Drive {
    plan: Arc<Plan>,
    pub(crate) steps: Steps,
    flight: Flight<Visit>,
    order: Order,
    rules: Rules,
    width: usize,
    short: u32,
    /// Names that a directory has told and that had gone when they were asked for.
    pub(crate) vanished: u64,
}

impl Drive {
    pub(crate) fn new(plan: Plan, rules: Rules, steps: Steps) -> Self {
        let order = Order::new(plan.sorted);
        let plan = Arc::new(plan);
        Drive { plan, steps, flight: Flight::new(), order, rules, width: width(), short: 0, vanished: 0 }
    }
    /// Further entries; `None` at the end.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Run>> {
        loop {
            self.hand_out();
            match self.flight.poll_next(cx) {
                Poll::Ready(Some(outcome)) => self.gather(outcome),
                _ => break,
            }
        }
        match self.order.ready(&mut self.rules) {
            Some(run) => Poll::Ready(Some(run)),
            None if self.flight.len() == 0 => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
    fn hand_out(&mut self) {
        let free = self.width.saturating_sub(self.flight.len());
        if free == 0 {
            return;
        }
        let next = std::iter::from_fn(|| self.order.take(&mut self.rules));
        let is_rest = |(_, job): &(u64, Job)| matches!(job, Job::Rest(..));
        let (rests, others): (Vec<_>, Vec<_>) = next.take(free * JOBS).partition(is_rest);
        let each = others.len().div_ceil(free).max(1);
        let mut hands: Vec<Vec<_>> = (0..free).map(|_| Vec::new()).collect();
        // No request gets the rests of several large directories while another one begins a further
        // directory, and so no more of these are open than there are requests.
        rests.into_iter().enumerate().for_each(|(i, job)| hands[i % free].push(job));
        // What is in the same directory is for the same request: others would contend for it.
        others.into_iter().enumerate().for_each(|(i, job)| hands[i / each].push(job));
        for jobs in hands.into_iter().filter(|jobs| !jobs.is_empty()) {
            let visit = Visit { plan: self.plan.clone(), jobs };
            self.flight.add(self.steps.go(|aio| Request::new(aio, visit)));
        }
    }
    fn gather(&mut self, mut outcome: Outcome) {
        if !outcome.short || !outcome.found.is_empty() {
            self.short = 0;
        } else if self.flight.len() > 0 {
            self.width = self.flight.len();
        } else {
            self.short += 1;
        }
        if self.short > SHORT && !outcome.left.is_empty() {
            let (number, job) = outcome.left.remove(0);
            outcome.found.push((number, self.plan.error(&job, Errno::MFILE).into()));
        }
        for (number, found) in outcome.found {
            self.vanished += found.vanished;
            self.order.put(number, found, &mut self.rules);
        }
        for (number, job) in outcome.left.into_iter().rev() {
            self.order.put_back(number, job);
        }
    }
}
