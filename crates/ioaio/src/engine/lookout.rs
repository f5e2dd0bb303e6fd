//! The lookout: a thread that looks, while requests are queued or workers hold some which they have not begun, whether
//! they come on. It hands over what they have done, gives what a blocked one has not begun to others, and calls further
//! workers where those at work wait for something.
//!
//! The lock protects whether it looks, and whether its thread is there. The pool's lock is taken inside it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Engine;
use crate::route::pool::Needs;
use crate::sys::sync::{Condvar, Mutex};

/// How often it looks.
const LOOK: Duration = Duration::from_micros(500);
/// After so many looks with nothing to see it looks no more until it is told.
const QUIET: u32 = 20;
/// How long its thread stays without anything to do.
const LINGER: Duration = Duration::from_secs(1);
const STACK: usize = 256 * 1024;

pub(super) struct Lookout {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    looking: bool,
    thread: bool,
    stop: bool,
}

impl Lookout {
    pub(super) fn new() -> Self {
        Lookout { state: Mutex::new(State::default()), changed: Condvar::new() }
    }
    pub(super) fn stop(&self) {
        self.state.lock().expect("lookout").stop = true;
        self.changed.notify_all();
    }
}

impl Engine {
    /// Begins to look at the workers. In the model, where no time passes, nobody does.
    pub(super) fn watch_workers(self: &Arc<Self>) {
        if cfg!(loom) {
            return;
        }
        let mut st = self.lookout.state.lock().expect("lookout");
        st.looking = true;
        if st.thread {
            self.lookout.changed.notify_all();
            return;
        }
        let engine = self.clone();
        st.thread =
            !st.stop && crate::sys::sync::spawn(c"ioaio-lookout", STACK, move || engine.look_out()).is_ok();
        if !st.thread {
            drop(st);
            let needs = self.routes.pool.go_blind();
            self.meet(needs, false);
        }
    }
    fn look_out(self: Arc<Self>) {
        let mut quiet = 0;
        let mut st = self.lookout.state.lock().expect("lookout");
        while !st.stop {
            let time = if st.looking { LOOK } else { LINGER };
            let (was_looking, begin) = (st.looking, Instant::now());
            let (guard, waited) = self.lookout.changed.wait_timeout(st, time).expect("lookout");
            st = guard;
            if !st.looking && waited.timed_out() {
                break;
            }
            // Between two looks there is always time for a worker to come on.
            if !st.looking || !was_looking || begin.elapsed() < LOOK {
                continue;
            }
            drop(st);
            quiet = if self.look() { 0 } else { quiet + 1 };
            st = self.lookout.state.lock().expect("lookout");
            if quiet < QUIET {
                continue;
            }
            // Under the lock: who finds the pool unwatched from here on waits for it to say so.
            let (unwatched, needs) = self.routes.pool.unwatch();
            (st.looking, quiet) = (!unwatched, 0);
            drop(st);
            self.meet(Needs { lookout: false, ..needs }, false);
            self.pay_call(); // whoever owes from now on finds the pool unwatched
            st = self.lookout.state.lock().expect("lookout");
        }
        st.thread = false;
    }
    /// Looks once; true if there was something to see.
    fn look(self: &Arc<Self>) -> bool {
        let looked = self.routes.pool.look();
        looked.done.into_iter().for_each(|batch| self.executed(batch));
        self.meet(looked.needs, false);
        let owed = self.results.owes_call();
        self.pay_call();
        looked.busy || owed
    }
}
