//! Nine first-in first-out queues, one for each priority, linked through the requests.
//!
//! # Safety contract
//! A request is in at most one queue, and `next`/`prev` are touched only through the `&mut` of the
//! queue it is in, which a lock gives out.

use crate::request::cell::{Header, Req};

pub(crate) const PRIORITIES: usize = 9;

struct List {
    head: Option<Req>,
    tail: *const Header,
}

pub(crate) struct Queue {
    lists: [List; PRIORITIES],
    len: usize,
}

// SAFETY: the raw tail pointers name requests that the lists own.
unsafe impl Send for Queue {}

impl Queue {
    pub(crate) const fn new() -> Self {
        Queue { lists: [const { List { head: None, tail: std::ptr::null() } }; PRIORITIES], len: 0 }
    }
    pub(crate) fn len(&self) -> usize {
        self.len
    }
    /// Puts a request that was popped back to where it was.
    pub(crate) fn put_back(&mut self, req: Req) {
        let list = &mut self.lists[usize::from(req.priority)];
        let addr = req.addr();
        // SAFETY: the request is in no queue, and the head is alive in this list.
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
        let list = &mut self.lists[usize::from(req.priority)];
        let addr = req.addr();
        // SAFETY: the request is in no queue yet, and the tail is alive in this list.
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
    /// What [`pop`](Self::pop) would give.
    pub(crate) fn first(&self) -> Option<&Req> {
        self.lists.iter().rev().find_map(|l| l.head.as_ref())
    }
    /// Takes out a request that is in this queue.
    pub(crate) fn unlink(&mut self, req: &Req) -> Req {
        let list = &mut self.lists[usize::from(req.priority)];
        // SAFETY: the caller knows (by its state, under the lock) that it is in this queue.
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
