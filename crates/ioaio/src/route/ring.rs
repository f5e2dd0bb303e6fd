//! The route of io_uring: one ring for all threads, under one lock; completions ring the bell.
//!
//! # Safety contract
//! The submission and completion sides are touched only under `state`'s lock. A request on the ring
//! owns everything its entry points to and is held (leaked into user data) until its completion.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use io_uring::{IoUring, opcode, squeue, types};
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;

use crate::engine::Inner;
use crate::engine::bell::Bell;
use crate::request::cell::{Req, State};
use crate::request::queue::Queue;
use crate::route::chain::{Chain, Chains, is_link};
use crate::route::opcodes::Opcodes;
use crate::route::tables::Slots;
use crate::sys::sync::{Mutex, MutexGuard, Ordering};

const CANCEL: u64 = 1; // odd, so never the address of a request
/// Entries that may wait for company before the kernel is entered.
const BATCH: u32 = 32;

/// EINTR, or one of the numbers that the kernel keeps to itself: opening a FIFO gives ERESTARTSYS when it
/// is cancelled (Linux 6.18).
pub(crate) fn was_interrupted(res: i32) -> bool {
    res == -libc::EINTR || (512..=516).contains(&-res)
}

pub(crate) struct Ring {
    pub(super) uring: IoUring,
    pub(super) buffers: Slots,
    pub(super) files: Slots,
    opcodes: Opcodes,
    /// Wakes the reaper. A completion would not do: whoever polls may take it first.
    alarm: OwnedFd,
    state: Mutex<RingState>,
}

pub(super) struct RingState {
    queue: Queue,
    /// Requests that the kernel has, or that are in the submission queue.
    pub(super) in_flight: u32,
    pub(super) chains: Chains,
    limit: u32,
    stop: bool,
}

impl Ring {
    /// Sets a ring up, smaller if memory is short.
    pub(crate) fn new(limit: u32, bell: &Bell) -> io::Result<Self> {
        use std::os::fd::AsFd;
        let mut entries = limit.next_power_of_two().clamp(8, 4096);
        let uring = loop {
            match IoUring::builder().dontfork().setup_clamp().setup_cqsize(entries * 2).build(entries) {
                Err(e) if e.raw_os_error() == Some(libc::ENOMEM) && entries > 8 => entries /= 4,
                other => break other?,
            }
        };
        let opcodes = Opcodes::of(&uring.submitter())?;
        for code in [opcode::Nop::CODE, opcode::Read::CODE, opcode::OpenAt::CODE, opcode::Statx::CODE] {
            if !opcodes.has(code) {
                return Err(Errno::OPNOTSUPP.into());
            }
        }
        uring.submitter().register_eventfd(bell.as_fd().as_raw_fd())?;
        let (queue, chains, limit) = (Queue::new(), Chains::new(), limit.min(entries));
        let state = RingState { queue, in_flight: 0, chains, limit, stop: false };
        let alarm = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let (buffers, files) = (Slots::default(), Slots::default());
        Ok(Ring { uring, buffers, files, opcodes, alarm, state: Mutex::new(state) })
    }
    fn lock(&self) -> MutexGuard<'_, RingState> {
        self.state.lock().expect("no code panics under the ring's lock")
    }
    /// Takes a request; gives it back if it does not fit an opcode. `flush` enters the kernel now.
    pub(crate) fn push(&self, req: Req, flush: bool) -> Result<(), Req> {
        let mut st = self.lock();
        if st.stop {
            return Err(req);
        }
        if st.in_flight >= st.limit || st.queue.len() > 0 {
            req.set(State::InRing);
            st.queue.push(req);
        } else {
            self.start(&mut st, req)?;
        }
        if flush || self.unsubmitted(&mut st) >= BATCH {
            self.enter(&mut st);
        }
        Ok(())
    }
    /// Gives a request back in the state `New`: a cancel must not look for it here.
    fn start(&self, st: &mut RingState, req: Req) -> Result<(), Req> {
        req.set(State::OnRing);
        let started = if req.is_cancelled() { Err(req) } else { self.start_entries(st, req) };
        started.inspect_err(|req| req.set(State::New))
    }
    fn start_entries(&self, st: &mut RingState, req: Req) -> Result<(), Req> {
        if req.is_chain() {
            return self.start_chain(st, req);
        }
        let entry = req.encode().filter(|entry| self.opcodes.can(entry));
        let Some(entry) = entry else { return Err(req) };
        st.in_flight += 1;
        let entry = entry.user_data(req.into_user_data());
        self.add(st, &entry);
        Ok(())
    }
    fn add(&self, st: &mut RingState, entry: &squeue::Entry) {
        loop {
            // SAFETY: under the lock; what the entry points to lives until its completion.
            if unsafe { self.uring.submission_shared().push(entry) }.is_ok() {
                return;
            }
            self.enter(st);
        }
    }
    pub(super) fn can_all(&self, entries: &[squeue::Entry]) -> bool {
        entries.iter().all(|entry| self.opcodes.can(entry))
    }
    /// Adds a chain, of which the kernel has to hear at once; false if there is no room.
    pub(super) fn add_all(&self, st: &mut RingState, entries: &[squeue::Entry]) -> bool {
        // SAFETY: under the lock; what the entries point to lives until their last completion.
        let push = || unsafe { self.uring.submission_shared().push_multiple(entries) }.is_ok();
        push() || {
            self.enter(st);
            push()
        }
    }
    /// Tells the kernel of new entries. EINTR, EAGAIN and EBUSY leave them for the next time.
    fn enter(&self, st: &mut RingState) {
        while self.unsubmitted(st) > 0 {
            match self.uring.submitter().submit() {
                Err(e) if e.raw_os_error() == Some(libc::EINTR) => {}
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }
    /// Entries that the kernel has not been told of.
    fn unsubmitted(&self, _lock: &mut RingState) -> u32 {
        // SAFETY: under the lock.
        unsafe { self.uring.submission_shared() }.len() as u32
    }
    /// Enters the kernel for what waits, takes completions, starts what was held back.
    pub(crate) fn reap(&self, inner: &Arc<Inner>) {
        let mut done = Vec::new();
        let mut chains = Vec::new();
        let mut refused = Vec::new();
        {
            let mut st = self.lock();
            self.enter(&mut st);
            self.drain(&mut st, &mut done, &mut chains);
            while st.in_flight < st.limit {
                let Some(req) = st.queue.pop() else { break };
                refused.extend(self.start(&mut st, req).err());
            }
            self.enter(&mut st);
        }
        for (req, res) in done {
            let unasked = res == -libc::ECANCELED && !req.cancel_flag().load(Ordering::SeqCst);
            // No kernel worker could start, or the submitting thread ended: take the other route.
            if unasked || was_interrupted(res) {
                inner.to_pool(req);
            } else {
                inner.count_ring();
                req.decode(res);
                inner.complete(req);
            }
        }
        for chain in chains {
            self.chain_done(inner, chain);
        }
        for req in refused {
            inner.to_pool(req);
        }
    }
    fn drain(&self, st: &mut RingState, done: &mut Vec<(Req, i32)>, chains: &mut Vec<Chain>) {
        loop {
            // SAFETY: under the lock.
            let cq = unsafe { self.uring.completion_shared() };
            // SAFETY: under the lock.
            let held_back = unsafe { self.uring.submission_shared() }.cq_overflow();
            for cqe in cq {
                if is_link(cqe.user_data()) {
                    if let Some(chain) = Self::link_done(st, cqe.user_data(), cqe.result()) {
                        st.in_flight -= 1;
                        chains.push(chain);
                    }
                } else if cqe.user_data() != CANCEL {
                    st.in_flight -= 1;
                    // SAFETY: even user data is a request's, given once and completed once.
                    done.push((unsafe { Req::from_user_data(cqe.user_data()) }, cqe.result()));
                }
            }
            // The kernel holds completions that did not fit (Linux 5.5): entering brings them.
            if !held_back || self.uring.submitter().submit_and_wait(0).is_err() {
                return;
            }
        }
    }
    /// Whether `poll` has something to do here.
    pub(crate) fn needs_poll(&self) -> bool {
        let mut st = self.lock();
        // SAFETY: under the lock.
        self.unsubmitted(&mut st) > 0 || !unsafe { self.uring.completion_shared() }.is_empty()
    }
    pub(crate) fn queued(&self) -> usize {
        self.lock().queue.len()
    }
    pub(crate) fn in_flight(&self) -> u32 {
        self.lock().in_flight
    }
    /// Blocks until a completion is there. For the reaper's thread.
    pub(crate) fn wait(&self) -> io::Result<()> {
        self.enter(&mut self.lock());
        // SAFETY: the ring is open as long as `self`.
        let uring = unsafe { BorrowedFd::borrow_raw(self.uring.as_raw_fd()) };
        let mut fds = [PollFd::new(&uring, PollFlags::IN), PollFd::new(&self.alarm, PollFlags::IN)];
        match poll(&mut fds, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
        let _ = rustix::io::read(&self.alarm, &mut [0u8; 8]);
        Ok(())
    }
    /// Ends a [`Ring::wait`], also one that has not begun.
    pub(crate) fn wake(&self) {
        let _ = rustix::io::write(&self.alarm, &1u64.to_ne_bytes());
    }
    /// Takes a request out if it waits here, or asks the kernel to cancel it.
    pub(crate) fn cancel(&self, req: &Req) -> Option<Req> {
        let mut st = self.lock();
        match req.state() {
            State::InRing => {
                let req = st.queue.unlink(req);
                req.set(State::Running);
                Some(req)
            }
            State::OnRing => {
                // An address used again can't be hit: its entry would come after this one.
                for name in Self::names_of(&st, req) {
                    let entry = opcode::AsyncCancel::new(name).build().user_data(CANCEL);
                    self.add(&mut st, &entry);
                }
                self.enter(&mut st);
                None
            }
            _ => None,
        }
    }
    /// Cancels everything and reaps up to `limit`; true if the kernel has nothing of ours any more.
    pub(crate) fn stop(&self, inner: &Arc<Inner>, limit: Duration) -> bool {
        let mut left = {
            let mut st = self.lock();
            st.stop = true;
            std::mem::replace(&mut st.queue, Queue::new())
        };
        while let Some(req) = left.pop() {
            req.set(State::Running);
            req.fail(Errno::CANCELED);
            inner.complete(req);
        }
        let end = std::time::Instant::now() + limit;
        let all = opcode::AsyncCancel2::new(types::CancelBuilder::any()).build().user_data(CANCEL);
        loop {
            self.reap(inner);
            let now = std::time::Instant::now();
            if self.in_flight() == 0 {
                return true;
            }
            {
                // Each time: a request on its way to a kernel worker or back may miss one.
                let mut st = self.lock();
                self.add(&mut st, &all);
                self.enter(&mut st);
            }
            if now >= end {
                return false;
            }
            let _ = inner.bell.wait((end - now).min(Duration::from_millis(20)));
            inner.bell.silence();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_missing_opcode_gives_the_request_back() {
        let aio = crate::Aio::new().unwrap();
        let bell = Bell::new().unwrap();
        let Ok(mut ring) = Ring::new(8, &bell) else {
            eprintln!("skipped: this kernel has no io_uring");
            return;
        };
        let request = || Req::with_callback(aio.nop().op, 4, None, |_| {});
        ring.opcodes.forget(opcode::Nop::CODE);
        assert!(ring.push(request(), true).is_err());
        assert_eq!(ring.in_flight(), 0);
        ring.opcodes = Opcodes::of(&ring.uring.submitter()).unwrap();
        assert!(ring.push(request(), true).is_ok());
        assert_eq!(ring.in_flight(), 1);
        assert!(ring.stop(aio.inner(), Duration::from_secs(60)));
    }
}
