//! Wakes after a time: requests that wait for a lock, who looks whether drivers answer, and who asks a busy kernel
//! again. One thread for all, and only while somebody waits. The lock protects the alarms, and whether the thread is
//! there.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::sys::sync::{Condvar, Mutex};

/// Who waits asks again and again, so the thread stays for that long without work.
const LINGER: Duration = Duration::from_secs(1);
/// It runs what a worker would where there are none.
const STACK: usize = 256 * 1024;

pub(crate) struct Timer {
    state: Mutex<Alarms>,
    changed: Condvar,
}

#[derive(Default)]
struct Alarms {
    /// The number tells alarms of one instant apart.
    set: BTreeMap<(Instant, u64), Waker>,
    count: u64,
    running: bool,
    stop: bool,
}

/// What became of an alarm.
#[derive(PartialEq, Eq)]
pub(crate) enum Alarm {
    Set,
    /// The engine ends.
    Stopped,
    /// No thread could be started.
    Refused,
}

impl Timer {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Timer { state: Mutex::new(Alarms::default()), changed: Condvar::new() })
    }
    pub(crate) fn wake_after(self: &Arc<Self>, delay: Duration, waker: &Waker) -> Alarm {
        let mut st = self.state.lock().expect("timer");
        if st.stop {
            return Alarm::Stopped;
        }
        if !st.running {
            let own = self.clone();
            if crate::sys::sync::spawn(c"ioaio-timer", STACK, move || own.run()).is_err() {
                return Alarm::Refused;
            }
            st.running = true;
        }
        st.count += 1;
        let at = (Instant::now() + delay, st.count);
        st.set.insert(at, waker.clone());
        if st.set.first_key_value().is_some_and(|(first, _)| *first == at) {
            self.changed.notify_one();
        }
        Alarm::Set
    }
    fn run(&self) {
        let mut st = self.state.lock().expect("timer");
        let mut idle_since = Instant::now();
        while !st.stop {
            let now = Instant::now();
            let next = st.set.first_key_value().map(|((at, _), _)| *at);
            let end = next.unwrap_or(idle_since + LINGER);
            if end > now {
                st = self.changed.wait_timeout(st, end - now).expect("timer").0;
                continue;
            }
            let Some((_, waker)) = st.set.pop_first() else { break };
            drop(st);
            waker.wake();
            idle_since = Instant::now();
            st = self.state.lock().expect("timer");
        }
        st.running = false;
    }
    /// Wakes everybody, for the last time.
    pub(crate) fn stop(&self) {
        let mut st = self.state.lock().expect("timer");
        st.stop = true;
        let left = std::mem::take(&mut st.set);
        self.changed.notify_one();
        drop(st);
        left.into_values().for_each(Waker::wake);
    }
}
