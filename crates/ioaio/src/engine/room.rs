//! How many requests may wait to be executed, and who waits to submit another one.
//!
//! The lock protects the line of those who wait. A place that becomes free goes to the first of them and to nobody
//! else, so that each end of a request wakes one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use crate::sys::sync::{AtomicU8, AtomicUsize, Mutex, Ordering};

const WAITING: u8 = 0;
const GRANTED: u8 = 1;
const LEFT: u8 = 2;

pub(crate) struct Room {
    /// Requests that are submitted and not executed, and places that are granted.
    unexecuted: AtomicUsize,
    max: AtomicUsize,
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
    pub(crate) fn new(max: usize) -> Arc<Self> {
        let (unexecuted, waiting) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Arc::new(Room { unexecuted, max: AtomicUsize::new(max), waiting, line: Mutex::new(VecDeque::new()) })
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
    pub(crate) fn leave(&self, n: usize) {
        self.unexecuted.fetch_sub(n, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) > 0 {
            self.grant();
        }
    }
    /// Sets the limit, and gives the old one.
    pub(crate) fn set_max(&self, max: usize) -> usize {
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
    fn grant(&self) {
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
                wakers.extend(place.waker.lock().expect("place").take());
            } else {
                self.unexecuted.fetch_sub(1, Ordering::SeqCst); // it left in this moment
            }
        }
        drop(line);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Ticket {
    /// Whether the place is granted, and the request counted in; if not, the waker is called when it is.
    pub(crate) fn is_granted(&self, waker: &Waker) -> bool {
        let granted = || self.place.state.load(Ordering::SeqCst) == GRANTED;
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
        waker.into_iter().for_each(Waker::wake);
    }
    /// Uses the place.
    pub(crate) fn enter(self) {
        // It is not to be given back: from here on the request stands for it.
        let before = self.place.state.swap(LEFT, Ordering::SeqCst);
        debug_assert_eq!(before, GRANTED);
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
