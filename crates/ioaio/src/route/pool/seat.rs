//! A worker's place in the pool: what it has taken and not begun, which others may take back, and what it has done and
//! not given back.
//!
//! # Safety contract
//! A place of a tray holds the address of one request, and with it one reference: whoever swaps it out owns that.

use std::sync::Arc;

use crate::request::cell::{Header, Req, State};
use crate::request::queue::{Batch, Inbox};
use crate::sys::sync::{AtomicBool, AtomicPtr, AtomicUsize, Condvar, Ordering};

/// The most requests that a worker takes at a time.
pub(super) const TRAY: usize = if cfg!(loom) { 2 } else { 16 };

/// A worker's place in the pool.
pub(crate) struct Seat {
    /// What it has taken and not begun.
    tray: [AtomicPtr<Header>; TRAY],
    /// What it has done and not given back.
    done: Inbox,
    /// How many requests it has begun, so that others see whether it comes on.
    pub(super) begun: AtomicUsize,
    // What follows is used under the pool's lock only.
    /// How many it had begun when the lookout last looked. The largest number: it has taken new ones since.
    pub(super) seen: AtomicUsize,
    /// It is known to wait for something, or its last requests have: it keeps no processor busy.
    pub(super) blocks: AtomicBool,
    /// It was called to look at the queue, and has not come yet.
    pub(super) called: AtomicBool,
    /// How many requests it takes at a time.
    pub(super) quota: AtomicUsize,
    pub(super) work: Condvar,
}

impl Seat {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Seat {
            tray: std::array::from_fn(|_| AtomicPtr::new(std::ptr::null_mut())),
            done: Inbox::new(),
            begun: AtomicUsize::new(0),
            seen: AtomicUsize::new(0),
            blocks: AtomicBool::new(false),
            called: AtomicBool::new(true),
            quota: AtomicUsize::new(1),
            work: Condvar::new(),
        })
    }
    fn take_from(place: &AtomicPtr<Header>) -> Option<Req> {
        if place.load(Ordering::Relaxed).is_null() {
            return None;
        }
        let addr = place.swap(std::ptr::null_mut(), Ordering::AcqRel);
        // SAFETY: whoever swaps an address out owns the reference that went in with it.
        (!addr.is_null()).then(|| unsafe { Req::from_raw(addr) })
    }
    pub(super) fn put(&self, place: usize, req: Req) {
        debug_assert_eq!(req.state(), State::Taken);
        let old = self.tray[place].swap(req.into_raw(), Ordering::AcqRel);
        assert!(old.is_null(), "a tray is filled when it is empty");
    }
    /// The next request that nobody has taken back, which is now begun.
    pub(super) fn begin(&self) -> Option<Req> {
        let req = self.tray.iter().find_map(Self::take_from)?;
        self.begun.store(self.begun.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
        req.set(State::Running);
        Some(req)
    }
    /// How many requests lie here and are not begun.
    pub(super) fn load(&self) -> usize {
        self.tray.iter().filter(|place| !place.load(Ordering::Relaxed).is_null()).count()
    }
    pub(super) fn is_laden(&self) -> bool {
        self.tray.iter().any(|place| !place.load(Ordering::Relaxed).is_null())
    }
    /// Takes out what it would begin last, up to so many.
    pub(super) fn take_last(&self, most: usize) -> Vec<Req> {
        self.tray.iter().rev().filter_map(Self::take_from).take(most).collect()
    }
    /// Takes a request out if it lies here and is not begun.
    pub(super) fn take_out(&self, req: &Req) -> Option<Req> {
        let addr = req.addr().cast_mut();
        let mine = |place: &&AtomicPtr<Header>| {
            place.compare_exchange(addr, std::ptr::null_mut(), Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        // SAFETY: the exchange took the address out.
        self.tray.iter().find(mine).map(|_| unsafe { Req::from_raw(addr) })
    }
    /// Keeps a request that has its result, until the worker gives back all that it has done.
    pub(crate) fn finished(&self, req: Req) {
        self.done.push(Batch::of(req));
    }
    pub(super) fn has_done(&self) -> bool {
        !self.done.is_empty()
    }
    /// What is done and not given back.
    pub(crate) fn take_done(&self) -> Batch {
        self.done.take()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.tray.iter().filter_map(Self::take_from).for_each(drop);
    }
}
