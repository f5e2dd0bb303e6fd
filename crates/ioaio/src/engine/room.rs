//! How many requests may wait to be executed, and who waits to submit another one.
//!
//! The lock protects the line of those who wait. A place that becomes free goes to the first of them and to nobody
//! else, so that each end of a request wakes one.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use crate::engine::timer::{Alarm, Timer};
use crate::request::cell::wake;
use crate::sys::sync::{AtomicBool, AtomicU8, AtomicUsize, Mutex, Ordering};

const WAITING: u8 = 0;
const GRANTED: u8 = 1;
const LEFT: u8 = 2;
/// The place was granted and not used in time; it has gone to the next one, and who comes late is let in all the same.
const LATE: u8 = 3;

/// How long a place is kept for who was told of it. A future may belong to a thread that waits for another one in the
/// line: it must not keep that one out.
const PATIENCE: Duration = Duration::from_millis(100);

pub(crate) struct Room {
    /// Requests that are submitted and not executed, and places that are granted.
    unexecuted: AtomicUsize,
    max: AtomicUsize,
    /// Places that were granted, and when. Not all have been used.
    promised: Mutex<VecDeque<(Instant, Arc<Place>)>>,
    /// Somebody comes to look at these.
    looked_after: AtomicBool,
    timer: Arc<Timer>,
    /// How many wait, to be read without the lock.
    waiting: AtomicUsize,
    line: Mutex<VecDeque<Arc<Place>>>,
}

/// A place in the line.
struct Place {
    state: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

/// Somebody who waits; dropped, it gives its place to the next one.
pub(crate) struct Ticket {
    room: Arc<Room>,
    place: Arc<Place>,
}

impl Room {
    pub(crate) fn new(max: usize, timer: Arc<Timer>) -> Arc<Self> {
        Arc::new(Room {
            unexecuted: AtomicUsize::new(0),
            max: AtomicUsize::new(max),
            promised: Mutex::new(VecDeque::new()),
            looked_after: AtomicBool::new(false),
            timer,
            waiting: AtomicUsize::new(0),
            line: Mutex::new(VecDeque::new()),
        })
    }
    /// Counts a request in, whether there is room or not.
    pub(crate) fn enter(&self) {
        self.unexecuted.fetch_add(1, Ordering::Relaxed);
    }
    /// Counts a request in if there is room and nobody waits.
    pub(crate) fn try_enter(&self) -> bool {
        if self.max.load(Ordering::Relaxed) == usize::MAX {
            self.enter();
            return true;
        }
        self.waiting.load(Ordering::SeqCst) == 0 && self.take_place()
    }
    fn take_place(&self) -> bool {
        let max = self.max.load(Ordering::SeqCst);
        let more = |n: usize| (n < max).then_some(n + 1);
        self.unexecuted.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }
    /// Counts executed requests out.
    pub(crate) fn leave(self: &Arc<Self>, n: usize) {
        self.unexecuted.fetch_sub(n, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.grant();
        }
    }
    /// Sets the limit, and gives the old one.
    pub(crate) fn set_max(self: &Arc<Self>, max: usize) -> usize {
        let old = self.max.swap(max, Ordering::SeqCst);
        self.grant();
        old
    }
    /// Waits in the line for a place.
    pub(crate) fn line_up(self: &Arc<Self>) -> Ticket {
        let place = Arc::new(Place { state: AtomicU8::new(WAITING), waker: Mutex::new(None) });
        let mut line = self.line.lock().expect("room");
        // Those who left are still in the line: not for ever.
        if line.len() > 2 * self.waiting.load(Ordering::SeqCst) + 16 {
            line.retain(|place| place.state.load(Ordering::SeqCst) == WAITING);
        }
        line.push_back(place.clone());
        self.waiting.fetch_add(1, Ordering::SeqCst);
        drop(line);
        self.grant(); // a place may have become free before this one was seen to wait
        Ticket { room: self.clone(), place }
    }
    /// Gives places to those who wait, as far as there are any.
    fn grant(self: &Arc<Self>) {
        let mut wakers = Vec::new();
        let mut line = self.line.lock().expect("room");
        while let Some(place) = line.front() {
            if place.state.load(Ordering::SeqCst) != WAITING {
                line.pop_front();
                continue;
            }
            if !self.take_place() {
                break;
            }
            let place = line.pop_front().expect("it was just there");
            if place.state.compare_exchange(WAITING, GRANTED, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                self.waiting.fetch_sub(1, Ordering::SeqCst);
                self.promised.lock().expect("promised").push_back((Instant::now(), place.clone()));
                wakers.extend(place.waker.lock().expect("place").take());
            } else {
                self.unexecuted.fetch_sub(1, Ordering::SeqCst); // it left in this moment
            }
        }
        drop(line);
        if !wakers.is_empty() {
            self.look_later();
        }
        wakers.into_iter().for_each(wake);
    }
}

impl Room {
    /// Sees to it that promises which nobody takes up are taken back.
    fn look_later(self: &Arc<Self>) {
        if self.looked_after.swap(true, Ordering::SeqCst) {
            return;
        }
        let waker = Waker::from(Arc::new(Look(Arc::downgrade(self))));
        if self.timer.wake_after(PATIENCE, &waker) != Alarm::Set {
            // No thread that could come later, or the end of the engine: no promises.
            self.looked_after.store(false, Ordering::SeqCst);
            self.take_back(Duration::ZERO);
        }
    }
    /// Gives places that were promised so long ago to those behind.
    fn take_back(self: &Arc<Self>, age: Duration) {
        let mut late = 0;
        let mut promised = self.promised.lock().expect("promised");
        while promised.front().is_some_and(|(since, _)| since.elapsed() >= age) {
            let (_, place) = promised.pop_front().expect("it was just there");
            let is_late = place.state.compare_exchange(GRANTED, LATE, Ordering::SeqCst, Ordering::SeqCst);
            late += usize::from(is_late.is_ok());
        }
        let left = !promised.is_empty();
        drop(promised);
        if late > 0 {
            self.leave(late);
        }
        if left {
            self.look_later();
        }
    }
}

struct Look(Weak<Room>);

impl Wake for Look {
    fn wake(self: Arc<Self>) {
        if let Some(room) = self.0.upgrade() {
            room.looked_after.store(false, Ordering::SeqCst);
            room.take_back(PATIENCE);
        }
    }
}

impl Ticket {
    /// Whether the place is granted, and the request counted in; if not, the waker is called when it is.
    pub(crate) fn is_granted(&self, waker: &Waker) -> bool {
        let granted = || matches!(self.place.state.load(Ordering::SeqCst), GRANTED | LATE);
        if granted() {
            return true;
        }
        let old = self.place.waker.lock().expect("place").replace(waker.clone());
        drop(old);
        granted()
    }
    /// Lets whoever waits look at what has changed.
    pub(crate) fn wake(&self) {
        let waker = self.place.waker.lock().expect("place").take();
        waker.into_iter().for_each(wake);
    }
    /// Uses the place.
    pub(crate) fn enter(self) {
        // It is not to be given back: from here on the request stands for it.
        match self.place.state.swap(LEFT, Ordering::SeqCst) {
            LATE => self.room.enter(),
            before => debug_assert_eq!(before, GRANTED),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        match self.place.state.swap(LEFT, Ordering::SeqCst) {
            WAITING => {
                self.room.waiting.fetch_sub(1, Ordering::SeqCst);
            }
            GRANTED => self.room.leave(1),
            _ => {}
        }
        let waker = self.place.waker.lock().expect("place").take();
        drop(waker);
    }
}
