//! The engine: what happens to a request from its submission to its delivery. Knows only headers, never an op.
//!
//! It consists of parts with one subject each, which do not know each other: what connects them is in the methods of
//! [`Engine`], a file for each step of a request's life.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::Faults;
use crate::request::cell::Req;
use crate::request::members::Members;
use crate::request::queue::Batch;
use crate::route::pool::Needs;
use crate::route::ring::{Ring, Waiter};
use crate::sys::sync::{Ordering, fence, model_fence};

pub(crate) mod bell;
mod cancel;
mod counters;
pub(crate) mod drivers;
mod execute;
pub(crate) mod fairness;
mod identity;
mod lookout;
#[cfg(all(test, loom))]
mod model;
mod poll;
mod reaper;
pub(crate) mod results;
pub(crate) mod resume;
pub(crate) mod room;
mod routes;
pub(crate) mod settings;
pub(crate) mod sleeper;
pub(crate) mod timer;
pub(crate) mod watchers;

use bell::Bell;
use counters::Counters;
use fairness::Fairness;
use identity::Identity;
use lookout::Lookout;
use results::Results;
use room::Room;
use routes::Routes;
use settings::Settings;
use timer::Timer;
use watchers::Watchers;

pub(crate) struct Engine {
    pub(crate) identity: Identity,
    pub(crate) routes: Routes,
    pub(crate) room: Arc<Room>,
    pub(crate) results: Results,
    pub(crate) watchers: Watchers,
    pub(crate) counters: Counters,
    pub(crate) fairness: Arc<Fairness>,
    pub(crate) timer: Arc<Timer>,
    lookout: Lookout,
    pub(crate) faults: Option<Faults>,
    /// The poll fd.
    pub(crate) bell: Bell,
}

impl Engine {
    pub(crate) fn new(settings: &Settings, bell: Bell) -> io::Result<Arc<Engine>> {
        let timer = Timer::new();
        Ok(Arc::new(Engine {
            identity: Identity::new()?,
            routes: Routes::new(settings, &bell),
            room: Room::new(settings.max_outstanding, timer.clone()),
            results: Results::new(settings.max_poll_reqs, settings.max_poll_time),
            watchers: Watchers::new(),
            counters: Counters::default(),
            fairness: Arc::new(Fairness::default()),
            timer,
            lookout: Lookout::new(),
            faults: settings.faults.clone(),
            bell,
        }))
    }

    // ---- submitting

    /// Counts in a request that is about to be submitted, and that has its place in the room.
    pub(crate) fn count_in(&self) {
        self.results.count_in();
    }
    /// Takes a request that was answered before it was submitted: only its delivery is left.
    pub(crate) fn submit_answered(&self, req: Req) {
        self.results.count_in();
        self.put_results(Batch::of(req));
    }
    /// Sends a request on its way.
    pub(crate) fn submit(self: &Arc<Self>, req: Req) {
        // Who cancels a whole group may have come between its making and its submission.
        let grouped = req.is_grouped().then(|| req.clone());
        let by_ring = req.delay.is_none() && (req.prefers_ring || !self.routes.threads);
        match self.routes.ring.as_ref().filter(|_| by_ring) {
            Some(ring) => self.to_ring(ring, req),
            None => self.to_pool(req),
        }
        if let Some(req) = grouped.filter(|req| req.is_cancelled()) {
            self.take_out(&req);
        }
    }
    fn to_ring(self: &Arc<Self>, ring: &Arc<Ring>, req: Req) {
        let callback = req.is_callback();
        // Who polls also flushes what the kernel has not been told of.
        let polled = callback || self.watchers.driven();
        let pushed = ring.push(req, !polled);
        if pushed.retry {
            self.retry_ring_later();
        }
        if let Some(req) = pushed.refused {
            return self.to_pool(req);
        }
        fence(Ordering::SeqCst);
        self.watchers.call_parked_leader();
        if polled || pushed.posted {
            self.ring_bell();
        }
        if polled {
            // The driver may have ended, or its thread begun to wait, before this was there.
            fence(Ordering::SeqCst);
            if !callback {
                match self.watchers.driven() {
                    true => self.watch_drivers(),
                    false => {
                        self.ensure_reaper();
                        ring.wake(Waiter::Reaper); // it may sleep beside an entry that nobody has told the kernel of
                    }
                }
            }
        } else {
            self.ensure_reaper();
        }
    }
    pub(crate) fn to_pool(self: &Arc<Self>, req: Req) {
        let callback = req.is_callback();
        // What callbacks submit is handed over together when poll has delivered, unless there is little of it.
        let others_follow = self.running_here() > 0 && self.results.are_many();
        let needs = self.routes.pool.push(req, others_follow);
        self.meet(needs, callback);
    }
    /// Does what the pool cannot do by itself. `polled`: somebody will poll for what is queued.
    pub(crate) fn meet(self: &Arc<Self>, needs: Needs, polled: bool) {
        let Needs { thread, lookout, poll, last: _, refused } = needs;
        self.fail_cancelled(refused);
        if lookout {
            self.watch_workers();
        }
        if thread {
            self.start_worker();
        } else if poll {
            self.hand_to_poll_or_reaper(polled);
        }
    }
    /// What is queued is for poll to execute, or for the reaper where nobody has to poll.
    pub(crate) fn hand_to_poll_or_reaper(self: &Arc<Self>, polled: bool) {
        self.ring_bell();
        if polled {
            return;
        }
        self.ensure_reaper();
        if let Some(ring) = &self.routes.ring {
            ring.wake(Waiter::Reaper); // it may sleep there
        }
        if self.watchers.driven() {
            self.watch_drivers();
        }
    }

    // ---- what is there to be delivered

    /// Makes the poll fd readable, and calls a thread that sleeps for results.
    pub(crate) fn ring_bell(&self) {
        self.bell.ring();
        model_fence();
        self.watchers.call_one();
    }
    /// Queues results for delivery.
    fn put_results(&self, batch: Batch) {
        match self.results.put(batch) {
            None => self.ring_bell(),
            Some(left) => self.drop_undelivered(left),
        }
    }
    /// The same for a worker that has more to do: while many are outstanding and few of them are done, who waits for
    /// results is not woken yet. Whoever has no work then tells of them, or the lookout does.
    fn put_results_of_worker(&self, batch: Batch) {
        match self.results.put(batch) {
            None if self.results.are_worth_a_call() => self.ring_bell(),
            None => self.results.owe_call(),
            Some(left) => self.drop_undelivered(left),
        }
    }
    /// Tells of results that nobody was told of.
    fn pay_call(&self) {
        if self.results.take_owed_call() {
            self.ring_bell();
        }
    }
    /// So many requests are not outstanding any more.
    pub(crate) fn count_out(&self, n: usize) {
        let left = self.results.count_out(n);
        if left == 0 {
            self.bell.ring(); // a loop that polls until none is left
        }
        self.watchers.call_at(left);
    }

    // ---- groups

    /// Lets the next poll look after a group.
    pub(crate) fn group_is_due(&self, group: &Arc<Members>) {
        self.results.put_group(group);
        self.ring_bell();
    }
    /// The same, and whoever awaits it looks too. Runs no code of the program's but wakers.
    pub(crate) fn look_after_group(&self, group: &Arc<Members>) {
        self.group_is_due(group);
        group.take_wakers().into_iter().for_each(crate::request::cell::wake);
    }
    /// Calls a group's feeder, as long as it has room for members.
    pub(crate) fn feed(&self, group: &Arc<Members>) {
        let _look_again = LookAgainGuard { engine: self, group };
        group.feed();
    }
    /// A member has ended; `ran` tells whether its callback did.
    fn tell_group(&self, group: &Arc<Members>, req: &Req, ran: bool) {
        let told = group.end_of(req, ran);
        if told.released {
            self.results.group_released();
        }
        if told.due {
            self.group_is_due(group);
        }
        told.wakers.into_iter().for_each(crate::request::cell::wake);
    }

    // ---- limits

    /// Raises the number of threads to the minimum, as far as the system allows.
    pub(crate) fn start_least_workers(self: &Arc<Self>) {
        while self.routes.pool.lacks_thread() {
            self.start_worker();
        }
    }
    /// How many callbacks of a poll may take how long.
    pub(crate) fn poll_limits(&self) -> (usize, Option<Duration>) {
        let time = self.results.max_poll_time.load(Ordering::Relaxed);
        let time = (time != u64::MAX).then(|| Duration::from_nanos(time));
        (self.results.max_poll_reqs.load(Ordering::Relaxed), time)
    }
}

/// Once a feeder has gone, also by a panic, the group may be over: who found it running looks again.
struct LookAgainGuard<'a> {
    engine: &'a Engine,
    group: &'a Arc<Members>,
}

impl Drop for LookAgainGuard<'_> {
    fn drop(&mut self) {
        if self.group.take_look_again() {
            self.engine.look_after_group(self.group);
        }
    }
}
