//! Executing and completing requests: the worker's life, and what each route hands back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::{Engine, resume};
use crate::request::cell::{Req, State};
use crate::request::queue::Batch;
use crate::route::pool::Needs;
use crate::sys::sync::Ordering;

/// What a thread of std has, for `Aio::call`; pages that nobody touches cost nothing.
const STACK: usize = 2 * 1024 * 1024;

/// A worker that comes back so soon has not waited for a device, and the kernel need not be asked.
const QUICK: Duration = Duration::from_micros(20);

/// Whether the thread has slept since it last asked. Its own sleep for want of work counts too, but only once.
fn has_slept(before: &mut u64) -> bool {
    let now = crate::sys::rusage::sleeps_of_thread();
    std::mem::replace(before, now) != now
}

#[cfg(not(loom))]
thread_local! {
    /// Whether this thread is a worker of an engine, given by its address.
    static WORKS_FOR: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Engine {
    /// Starts a worker, which the pool has counted already. Where there can be none, poll and the reaper execute: what
    /// was pushed meanwhile counted on the worker too, be it of callbacks or of futures.
    pub(super) fn start_worker(self: &Arc<Self>) {
        let engine = self.clone();
        if crate::sys::sync::spawn(c"ioaio-worker", STACK, move || engine.work()).is_err() {
            let needs = self.routes.pool.not_started();
            self.meet(Needs { thread: false, ..needs }, false);
        }
    }
    /// Whether the calling thread is one of the engine's workers.
    pub(crate) fn is_worker(&self) -> bool {
        #[cfg(loom)]
        return false;
        #[cfg(not(loom))]
        return WORKS_FOR.get() == std::ptr::from_ref(self).addr();
    }
    fn work(self: &Arc<Self>) {
        #[cfg(not(loom))]
        WORKS_FOR.set(Arc::as_ptr(self).addr());
        let pool = &self.routes.pool;
        let seat = pool.enter();
        let mut waited = None;
        let mut sleeps = 0;
        loop {
            // With results that nobody was told of, it looks for work once before it sleeps.
            let may_sleep = waited.is_none() || !self.results.owes_call();
            let (stays, needs) = pool.next(&seat, waited.take(), may_sleep);
            if needs.last || !stays {
                self.pay_call();
            }
            self.meet(needs, false);
            if !stays {
                return;
            }
            let begin = Instant::now();
            while let Some(req) = pool.begin(&seat) {
                waited = Some(false);
                if let Some(req) = self.execute(req) {
                    seat.finished(req);
                }
            }
            let done = seat.take_done();
            self.counters.add_pool(done.len());
            if waited.is_some() && begin.elapsed() > QUICK && has_slept(&mut sleeps) {
                waited = Some(true);
                self.complete(done);
            } else {
                self.complete_among_others(done);
            }
        }
    }
    /// Executes a request, or goes on with a composite, on this thread; nothing if that waits for its children.
    fn execute(self: &Arc<Self>, req: Req) -> Option<Req> {
        if let Some(control) = req.control.as_ref().filter(|control| control.runs_by_steps()) {
            control.start();
            let waker = resume::waker(self, &req);
            if !req.step(&mut std::task::Context::from_waker(&waker)) {
                let callback = req.is_callback();
                let needs = self.routes.pool.park(req);
                self.meet(needs, callback);
                return None;
            }
        } else if req.cancel_flag().load(Ordering::SeqCst) {
            req.fail(Errno::CANCELED); // cancelled on its way from another route
        } else {
            if let Some(time) = &req.delay {
                std::thread::sleep(**time);
            }
            match req.cancel_flag().load(Ordering::SeqCst) && req.delay.is_some() {
                true => req.fail(Errno::CANCELED),
                false => req.run(),
            }
        }
        Some(req)
    }
    /// Executes one queued request where there are no threads; false if there is none.
    pub(super) fn run_one_without_threads(self: &Arc<Self>) -> bool {
        let (req, needs) = self.routes.pool.take_if_no_threads();
        self.meet(needs, true);
        let Some(req) = req else { return false };
        if let Some(req) = self.execute(req) {
            self.executed(Batch::of(req));
        }
        true
    }
    /// Answers a queued request inline, on a thread that would only wait for the workers.
    pub(super) fn try_inline_from_queue(self: &Arc<Self>) -> bool {
        if !self.routes.inline {
            return false;
        }
        let Some(req) = self.routes.pool.take_for_inline() else { return false };
        if !req.inline() {
            let callback = req.is_callback();
            let needs = self.routes.pool.put_back(req);
            self.meet(needs, callback);
            return false;
        }
        self.routes.pool.note_help();
        self.counters.add_inline();
        self.complete(Batch::of(req));
        true
    }
    /// Flushes the ring, and takes what it has done. Completions may be left that have not signalled.
    pub(super) fn reap(self: &Arc<Self>) {
        if let Some(ring) = &self.routes.ring {
            let reaped = ring.reap();
            self.counters.add_ring(reaped.done.len());
            self.complete(reaped.done);
            reaped.left_over.for_each(|req| self.to_pool(req));
            if reaped.retry {
                self.retry_ring_later();
            }
        }
        self.run_one_without_threads();
    }
    /// The same for who does not look again: what completed meanwhile without a signal is told.
    pub(super) fn reap_once(self: &Arc<Self>) {
        self.reap();
        if self.routes.ring_needs_poll() {
            self.ring_bell();
        }
    }
    /// Takes over what threads have executed.
    pub(super) fn executed(&self, batch: Batch) {
        self.counters.add_pool(batch.len());
        self.complete(batch);
    }
    /// Completes with ECANCELED what no route will execute.
    pub(super) fn fail_cancelled(&self, batch: Batch) {
        let mut failed = Batch::new();
        for req in batch {
            req.fail(Errno::CANCELED);
            failed.push(req);
        }
        self.complete(failed);
    }
    /// Takes over requests that have their results. Runs no code of the program's but wakers.
    pub(super) fn complete(&self, batch: Batch) {
        self.complete_and(batch, |results| self.put_results(results));
    }
    /// The same for a worker that has more to do.
    fn complete_among_others(&self, batch: Batch) {
        self.complete_and(batch, |results| self.put_results_of_worker(results));
    }
    fn complete_and(&self, batch: Batch, put: impl Fn(Batch)) {
        let n = batch.len();
        if n == 0 {
            return;
        }
        let mut results = Batch::new();
        let mut futures = Batch::new();
        for req in batch {
            match req.is_callback() {
                true => {
                    req.set(State::Done);
                    results.push(req);
                }
                false => futures.push(req),
            }
        }
        if !results.is_empty() {
            put(results);
        }
        for req in futures {
            self.complete_future(&req);
        }
        self.room.leave(n);
    }
    fn complete_future(&self, req: &Req) {
        let groups = req.leave_groups();
        req.set(State::Done);
        groups.iter().for_each(|group| self.tell_group(group, req, false));
        self.count_out(1);
        req.wake();
    }
    /// The engine has ended and nobody delivers these. Their groups and they would keep each other alive.
    pub(super) fn drop_undelivered(&self, batch: Batch) {
        for req in batch {
            for group in req.leave_groups() {
                group.end_of(&req, false).wakers.into_iter().for_each(crate::request::cell::wake);
            }
            self.count_out(1);
        }
    }
}
