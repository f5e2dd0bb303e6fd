//! What requests wait in, linked through the requests themselves: a [`Batch`] on its way from one place to the
//! next, an [`Inbox`] that takes batches without a lock, and a [`Queue`] by priority.
//!
//! # Safety contract
//! A request is in at most one of these at a time. The links of a request belong to whoever has the container that
//! it is in: for a batch or a queue that is the holder of the `&mut`; for an inbox it is the pusher until the
//! exchange that publishes the request, and from then on whoever takes the whole list out.

use crate::request::cell::{Header, Req, State};
use crate::sys::sync::{AtomicPtr, Ordering};

pub(crate) const PRIORITIES: usize = 9;

/// Requests in their order, on the way from one place to the next.
pub(crate) struct Batch {
    head: Option<Req>,
    tail: *const Header,
    len: usize,
}

// SAFETY: the raw tail pointer names a request that the batch owns.
unsafe impl Send for Batch {}

impl Batch {
    pub(crate) const fn new() -> Self {
        Batch { head: None, tail: std::ptr::null(), len: 0 }
    }
    pub(crate) fn of(req: Req) -> Self {
        let mut batch = Batch::new();
        batch.push(req);
        batch
    }
    pub(crate) fn len(&self) -> usize {
        self.len
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
    pub(crate) fn push(&mut self, req: Req) {
        let addr = req.addr();
        // SAFETY: the tail is alive in this batch, and its link is this batch's.
        match unsafe { self.tail.as_ref() } {
            None => self.head = Some(req),
            // SAFETY: as above.
            Some(tail) => unsafe { tail.next.with_mut(|next| *next = Some(req)) },
        }
        self.tail = addr;
        self.len += 1;
    }
    pub(crate) fn pop(&mut self) -> Option<Req> {
        let req = self.head.take()?;
        // SAFETY: the link of a request in this batch.
        self.head = unsafe { req.next.with_mut(|next| (*next).take()) };
        if self.head.is_none() {
            self.tail = std::ptr::null();
        }
        self.len -= 1;
        Some(req)
    }
}

impl Iterator for Batch {
    type Item = Req;
    fn next(&mut self) -> Option<Req> {
        self.pop()
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        // One after the other: a long list that frees itself link by link would need a deep stack.
        while self.pop().is_some() {}
    }
}

/// Where requests are handed over without a lock: one exchange for a request or for a batch of them. Whoever
/// sorts them into a [`Queue`] takes all at once.
pub(crate) struct Inbox {
    /// The newest request, which links to the one before it.
    newest: AtomicPtr<Header>,
}

impl Inbox {
    pub(crate) fn new() -> Self {
        Inbox { newest: AtomicPtr::new(std::ptr::null_mut()) }
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.newest.load(Ordering::SeqCst).is_null()
    }
    pub(crate) fn push(&self, batch: Batch) {
        let mut oldest: *mut Header = std::ptr::null_mut();
        let mut newest: *mut Header = std::ptr::null_mut();
        for req in batch {
            let addr = req.into_raw();
            // SAFETY: the request was popped, so its link is nobody's; a raw pointer that came of one reference is
            // turned back into it once.
            unsafe { link(addr, newest) };
            if oldest.is_null() {
                oldest = addr;
            }
            newest = addr;
        }
        if newest.is_null() {
            return;
        }
        let mut before = self.newest.load(Ordering::Relaxed);
        loop {
            // SAFETY: until the exchange succeeds, the oldest one is this thread's. The link counts as a reference
            // only once the exchange has succeeded: until then nobody else follows it.
            unsafe { link(oldest, before) };
            match self.newest.compare_exchange_weak(before, newest, Ordering::SeqCst, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => {
                    // SAFETY: as above; what was linked is given up again, as it is still the inbox's.
                    unsafe { unlink(oldest) };
                    before = now;
                }
            }
        }
    }
    /// All that is there, in the order in which it came.
    pub(crate) fn take(&self) -> Batch {
        let mut batch = Batch::new();
        if self.newest.load(Ordering::Relaxed).is_null() {
            return batch;
        }
        let mut next = self.newest.swap(std::ptr::null_mut(), Ordering::SeqCst);
        // The list starts with the newest: turned round in place, it starts with the oldest.
        let mut newer: *mut Header = std::ptr::null_mut();
        let mut len = 0;
        while !next.is_null() {
            // SAFETY: the swap has made the whole list this thread's.
            let older = unsafe { unlink(next) };
            // SAFETY: as above.
            unsafe { link(next, newer) };
            if newer.is_null() {
                batch.tail = next;
            }
            newer = next;
            next = older;
            len += 1;
        }
        // SAFETY: each raw pointer stands for the reference that was pushed.
        batch.head = (!newer.is_null()).then(|| unsafe { Req::from_raw(newer) });
        batch.len = len;
        batch
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        drop(self.take());
    }
}

/// Lets a request link to another one, whose reference goes into the link.
///
/// # Safety
/// The link of `from` is the caller's and empty, and so is the reference behind `to`, if that is not null.
unsafe fn link(from: *mut Header, to: *mut Header) {
    // SAFETY: the caller's promise.
    unsafe { (*from).next.with_mut(|next| *next = (!to.is_null()).then(|| Req::from_raw(to))) };
}

/// Takes a link apart, and gives the reference that was in it.
///
/// # Safety
/// The link is the caller's.
unsafe fn unlink(from: *mut Header) -> *mut Header {
    // SAFETY: the caller's promise.
    let next = unsafe { (*from).next.with_mut(|next| (*next).take()) };
    next.map_or(std::ptr::null_mut(), Req::into_raw)
}

struct List {
    head: Option<Req>,
    tail: *const Header,
}

/// Nine first-in first-out lists, one for each priority. All that is in it is in one state.
pub(crate) struct Queue {
    lists: [List; PRIORITIES],
    len: usize,
    state: State,
}

// SAFETY: the raw tail pointers name requests that the lists own.
unsafe impl Send for Queue {}

impl Queue {
    /// A queue of requests in this state: a request comes in it and keeps it until it is taken out.
    pub(crate) const fn new(state: State) -> Self {
        let lists = [const { List { head: None, tail: std::ptr::null() } }; PRIORITIES];
        Queue { lists, len: 0, state }
    }
    pub(crate) fn len(&self) -> usize {
        self.len
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }
    /// Puts a request in front of the others of its priority.
    pub(crate) fn put_back(&mut self, req: Req) {
        debug_assert_eq!(req.state(), self.state);
        let list = &mut self.lists[usize::from(req.priority)];
        let addr = req.addr();
        // SAFETY: the request is in no container, and the head is alive in this list.
        unsafe {
            req.prev.with_mut(|p| *p = std::ptr::null());
            match &list.head {
                None => list.tail = addr,
                Some(head) => head.prev.with_mut(|p| *p = addr),
            }
            req.next.with_mut(|p| *p = list.head.take());
        }
        list.head = Some(req);
        self.len += 1;
    }
    pub(crate) fn push(&mut self, req: Req) {
        debug_assert_eq!(req.state(), self.state);
        let list = &mut self.lists[usize::from(req.priority)];
        let addr = req.addr();
        // SAFETY: the request is in no container yet, and the tail is alive in this list.
        unsafe {
            req.prev.with_mut(|p| *p = list.tail);
            match list.tail.as_ref() {
                None => list.head = Some(req),
                Some(tail) => tail.next.with_mut(|p| *p = Some(req)),
            }
        }
        list.tail = addr;
        self.len += 1;
    }
    pub(crate) fn append(&mut self, batch: Batch) {
        batch.for_each(|req| self.push(req));
    }
    /// The oldest request of the highest priority.
    pub(crate) fn pop(&mut self) -> Option<Req> {
        if self.len == 0 {
            return None;
        }
        let list = self.lists.iter_mut().rev().find(|l| l.head.is_some())?;
        let req = list.head.take()?;
        // SAFETY: links of requests in this queue.
        unsafe {
            list.head = req.next.with_mut(|p| (*p).take());
            match &list.head {
                None => list.tail = std::ptr::null(),
                Some(head) => head.prev.with_mut(|p| *p = std::ptr::null()),
            }
        }
        self.len -= 1;
        Some(req)
    }
    /// Takes everything out, into another state: nobody may look for it here any more.
    pub(crate) fn take_all(&mut self, to: State) -> Batch {
        let mut batch = Batch::new();
        while let Some(req) = self.pop() {
            req.set(to);
            batch.push(req);
        }
        batch
    }
    /// What [`pop`](Self::pop) would give.
    pub(crate) fn first(&self) -> Option<&Req> {
        self.lists.iter().rev().find_map(|l| l.head.as_ref())
    }
    /// Takes out a request that is in this queue, as its state tells.
    pub(crate) fn unlink(&mut self, req: &Req) -> Req {
        assert_eq!(req.state(), self.state, "a request is taken out of the queue that its state names");
        let list = &mut self.lists[usize::from(req.priority)];
        // SAFETY: by its state, which changes only under this queue's lock, it is in this queue.
        unsafe {
            let prev = req.prev.with_mut(|p| *p);
            let next = req.next.with_mut(|p| (*p).take());
            match &next {
                None => list.tail = prev,
                Some(next) => next.prev.with_mut(|p| *p = prev),
            }
            let own = match prev.as_ref() {
                None => std::mem::replace(&mut list.head, next),
                Some(prev) => prev.next.with_mut(|p| std::mem::replace(&mut *p, next)),
            };
            self.len -= 1;
            own.expect("a queued request is linked")
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}
