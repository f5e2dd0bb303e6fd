//! The route of io_uring: one ring for all threads, under one lock. It knows requests, not the engine: what is
//! done, and what another route has to take, is returned.
//!
//! Errnos of `io_uring_enter(2)`, and what is done about them:
//! - EINTR: a signal came; the call is made again, a bounded number of times.
//! - EAGAIN, ENOMEM: the kernel is short of memory for requests; EBUSY: completions that did not fit into the queue
//!   have to be taken first; no errno, and no entry taken: one of these. The entries stay, and the call is made again
//!   after a millisecond, for a tenth of a second.
//! - EPERM, ENOSYS, EACCES: a filter (seccomp) was put on after the ring was made; EBADF, EOPNOTSUPP: somebody has
//!   closed the ring's descriptor; and whatever else, also the errnos above if they last: the ring is off for good.
//!   What the kernel has not accepted goes to another route, and what it has still completes.
//!
//! # Safety contract
//! The submission and completion sides are touched only under `state`'s lock. A request on the ring owns everything
//! its entry points to and is held (leaked into user data) until its completion, or until the entry is known never to
//! be submitted: the kernel reads entries only in `io_uring_enter`, which is not called again once the ring is off.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant, SystemTime};

use io_uring::{IoUring, opcode, squeue, types};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::request::cell::{Req, State};
use crate::request::queue::{Batch, Queue};
use crate::request::sqe::was_interrupted;
use crate::route::chain::{Chain, Chains, is_chained};
use crate::route::opcodes::Opcodes;
use crate::route::tables::Slots;
use crate::sys::eventfd::EventFd;
use crate::sys::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

const CANCEL: u64 = 1; // odd, so never the address of a request
/// Entries that may wait for company before the kernel is entered.
const BATCH: u32 = 32;
/// How often in a row a call that a signal has interrupted is made again.
const INTERRUPTS: u32 = 64;
/// For how long a kernel that is short of memory is asked again.
const PATIENCE: Duration = Duration::from_millis(100);
/// How often the completions of a ring that is off are looked for.
const OFF_LOOK: Duration = Duration::from_millis(5);

/// The lock protects both sides of the ring, and what is held back before it.
pub(crate) struct Ring {
    pub(super) uring: IoUring,
    pub(super) buffers: Slots,
    pub(super) files: Slots,
    opcodes: Opcodes,
    /// End a [`Ring::wait`]. A completion would not do: somebody else may take it first.
    alarms: [EventFd; 2],
    /// Something is on the ring, or held back before it; to be read without the lock.
    busy: AtomicBool,
    state: Mutex<RingState>,
}

pub(super) struct RingState {
    queue: Queue,
    /// Requests that the kernel has, or that are in the submission queue.
    pub(super) in_flight: u32,
    pub(super) chains: Chains,
    /// The user data of entries that the kernel has not accepted, the oldest first.
    unaccepted: VecDeque<u64>,
    limit: u32,
    stop: bool,
    /// Since when the kernel has been too busy to accept entries.
    busy_since: Option<Instant>,
    off: Option<RingOff>,
}

/// Why the ring is not used any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RingOff {
    pub(crate) errno: i32,
    pub(crate) since: SystemTime,
}

/// Who waits for completions. Each has a wake-up of its own.
#[derive(Clone, Copy)]
pub(crate) enum Waiter {
    /// A thread of the program, one at a time.
    Sleeper,
    /// The engine's own thread.
    Reaper,
    /// Somebody else, for a limited time, whom nothing wakes but completions.
    Other,
}

/// Why a request was not started.
pub(super) enum Start {
    /// It does not fit an opcode, or is cancelled: another route takes it.
    Unfit(Req),
    /// There is no room for its entries now.
    NoRoom(Req),
}

/// What became of a request that was given to the ring.
#[must_use]
pub(crate) struct Pushed {
    /// Another route has to take it.
    pub(crate) refused: Option<Req>,
    /// Completions are there that did not signal the poll fd.
    pub(crate) posted: bool,
    /// The kernel was busy: somebody has to come again after [`Ring::RETRY`].
    pub(crate) retry: bool,
}

/// What a look at the ring has brought.
#[must_use]
pub(crate) struct Reaped {
    /// Executed requests.
    pub(crate) done: Batch,
    /// Requests that another route has to execute.
    pub(crate) left_over: Batch,
    /// The kernel was busy: somebody has to come again after [`Ring::RETRY`].
    pub(crate) retry: bool,
}

impl Ring {
    /// When a kernel that was too busy is asked again.
    pub(crate) const RETRY: Duration = Duration::from_millis(1);

    /// Sets a ring up, smaller if memory is short. Completions signal `bell`.
    pub(crate) fn new(limit: u32, bell: BorrowedFd<'_>) -> io::Result<Self> {
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
        uring.submitter().register_eventfd(bell.as_raw_fd())?;
        let state = RingState {
            queue: Queue::new(State::HeldBack),
            in_flight: 0,
            chains: Chains::new(),
            unaccepted: VecDeque::new(),
            limit: limit.min(entries),
            stop: false,
            busy_since: None,
            off: None,
        };
        let (buffers, files) = (Slots::default(), Slots::default());
        let alarms = [EventFd::new()?, EventFd::new()?];
        let (busy, state) = (AtomicBool::new(false), Mutex::new(state));
        Ok(Ring { uring, buffers, files, opcodes, alarms, busy, state })
    }
    fn lock(&self) -> MutexGuard<'_, RingState> {
        self.state.lock().expect("no code panics under the ring's lock")
    }
    /// Why the ring is off, if it is.
    pub(crate) fn off(&self) -> Option<RingOff> {
        self.lock().off
    }

    // ---- submitting

    /// Takes a request, or gives it back. `flush` enters the kernel now.
    pub(crate) fn push(&self, req: Req, flush: bool) -> Pushed {
        let mut st = self.lock();
        let mut pushed = Pushed { refused: None, posted: false, retry: false };
        if st.stop || st.off.is_some() {
            pushed.refused = Some(req);
            return pushed;
        }
        self.busy.store(true, Ordering::SeqCst);
        if st.in_flight >= st.limit || !st.queue.is_empty() {
            Self::hold_back(&mut st, req);
        } else {
            match self.start(&mut st, req) {
                Ok(()) => {}
                Err(Start::NoRoom(req)) => Self::hold_back(&mut st, req),
                Err(Start::Unfit(req)) => {
                    pushed.refused = Some(req);
                    return pushed;
                }
            }
        }
        if flush || self.unsubmitted(&mut st) >= BATCH {
            pushed.posted = self.enter_silently(&mut st);
            // Entries of a ring that has gone off are taken back by the next look, as if the kernel were busy.
            pushed.retry = st.busy_since.is_some() || st.off.is_some();
        }
        pushed
    }
    fn hold_back(st: &mut RingState, req: Req) {
        req.set(State::HeldBack);
        st.queue.push(req);
    }
    /// Gives a request back in the state `New`: a cancel must not look for it here.
    fn start(&self, st: &mut RingState, req: Req) -> Result<(), Start> {
        req.set(State::OnRing);
        let started = if req.is_cancelled() { Err(Start::Unfit(req)) } else { self.start_entries(st, req) };
        started.inspect_err(|start| {
            let (Start::Unfit(req) | Start::NoRoom(req)) = start;
            req.set(State::New);
        })
    }
    fn start_entries(&self, st: &mut RingState, req: Req) -> Result<(), Start> {
        if req.is_chain() {
            return self.start_chain(st, req);
        }
        let entry = req.encode().filter(|entry| self.opcodes.can(entry));
        let Some(entry) = entry else { return Err(Start::Unfit(req)) };
        let entry = entry.user_data(req.addr() as u64);
        if !self.add(st, &[entry]) {
            return Err(Start::NoRoom(req));
        }
        st.in_flight += 1;
        let _ = req.into_raw(); // the entry's user data stands for it
        Ok(())
    }
    pub(super) fn can_all(&self, entries: &[squeue::Entry]) -> bool {
        entries.iter().all(|entry| self.opcodes.can(entry))
    }
    /// Adds entries, all or none; false if there is no room although the kernel was told of those before.
    pub(super) fn add(&self, st: &mut RingState, entries: &[squeue::Entry]) -> bool {
        // SAFETY: under the lock; what the entries point to lives until their last completion.
        let push = || unsafe { self.uring.submission_shared().push_multiple(entries) }.is_ok();
        let added = push() || {
            self.enter(st);
            push()
        };
        if added {
            st.unaccepted.extend(entries.iter().map(squeue::Entry::get_user_data));
        }
        added
    }
    /// Tells the kernel of new entries; see the module's documentation for what it may answer.
    fn enter(&self, st: &mut RingState) {
        let mut interrupts = 0;
        while st.off.is_none() && self.unsubmitted(st) > 0 {
            let entered = self.uring.submitter().submit();
            if let Ok(1..) = entered {
                st.busy_since = None;
            }
            // Also an error may come after some were accepted.
            self.forget_accepted(st);
            match entered.map_err(|e| e.raw_os_error().unwrap_or(libc::EIO)) {
                Ok(1..) => {}
                Err(libc::EINTR) if interrupts < INTERRUPTS => interrupts += 1,
                Ok(0) | Err(libc::EINTR | libc::EAGAIN | libc::EBUSY | libc::ENOMEM)
                    if st.busy_since.is_none_or(|since| since.elapsed() < PATIENCE) =>
                {
                    st.busy_since.get_or_insert_with(Instant::now);
                    return;
                }
                Ok(0) => return Self::switch_off(st, libc::EAGAIN),
                Err(errno) => return Self::switch_off(st, errno),
            }
        }
    }
    fn switch_off(st: &mut RingState, errno: i32) {
        st.busy_since = None;
        st.off = Some(RingOff { errno, since: SystemTime::now() });
    }
    /// Enters without a signal for what completes meanwhile; true if there is such a thing.
    fn enter_silently(&self, st: &mut RingState) -> bool {
        // SAFETY: under the lock.
        unsafe { self.uring.completion_shared() }.disable_eventfd();
        self.enter(st);
        // SAFETY: under the lock.
        unsafe { self.uring.completion_shared() }.enable_eventfd();
        // SAFETY: under the lock.
        !unsafe { self.uring.completion_shared() }.is_empty()
    }
    /// The kernel has been entered: what it has accepted need not be taken back any more.
    fn forget_accepted(&self, st: &mut RingState) {
        let left = self.unsubmitted(st) as usize;
        let accepted = st.unaccepted.len().saturating_sub(left);
        st.unaccepted.drain(..accepted);
    }
    /// Entries that the kernel has not been told of.
    fn unsubmitted(&self, _lock: &mut RingState) -> u32 {
        // SAFETY: under the lock.
        unsafe { self.uring.submission_shared() }.len() as u32
    }

    // ---- completions

    /// Enters the kernel for what waits, takes completions, starts what was held back.
    pub(crate) fn reap(&self) -> Reaped {
        let mut reaped = Reaped { done: Batch::new(), left_over: Batch::new(), retry: false };
        if !self.busy.load(Ordering::SeqCst) {
            return reaped;
        }
        let mut done = Vec::new();
        let mut chains = Vec::new();
        {
            let mut st = self.lock();
            // SAFETY: under the lock.
            unsafe { self.uring.completion_shared() }.disable_eventfd();
            self.enter(&mut st);
            self.drain(&mut st, &mut done, &mut chains);
            self.start_held_back(&mut st, &mut reaped);
            self.enter(&mut st);
            // SAFETY: under the lock.
            unsafe { self.uring.completion_shared() }.enable_eventfd();
            // What came before the signals were on again has not signalled: see `needs_poll`.
            if st.off.is_some() {
                Self::take_back(&mut st, &mut reaped, &mut chains);
            }
            reaped.retry = st.busy_since.is_some();
            let left = st.in_flight > 0 || !st.queue.is_empty() || !st.unaccepted.is_empty();
            self.busy.store(left, Ordering::SeqCst);
        }
        for (req, res) in done {
            let unasked = res == -libc::ECANCELED && !req.cancel_flag().load(Ordering::SeqCst);
            // No kernel worker could start, or the submitting thread ended: take the other route.
            if unasked || was_interrupted(res) {
                reaped.left_over.push(req);
            } else {
                req.decode(res);
                reaped.done.push(req);
            }
        }
        for chain in chains {
            self.chain_done(chain, &mut reaped);
        }
        reaped
    }
    fn start_held_back(&self, st: &mut RingState, reaped: &mut Reaped) {
        while st.in_flight < st.limit && st.off.is_none() && st.busy_since.is_none() {
            let Some(req) = st.queue.pop() else { return };
            match self.start(st, req) {
                Ok(()) => {}
                Err(Start::Unfit(req)) => reaped.left_over.push(req),
                Err(Start::NoRoom(req)) => {
                    req.set(State::HeldBack);
                    return st.queue.put_back(req);
                }
            }
        }
    }
    /// The ring is off: what the kernel has not accepted, and what was held back, is for another route.
    fn take_back(st: &mut RingState, reaped: &mut Reaped, chains: &mut Vec<Chain>) {
        while let Some(user_data) = st.unaccepted.pop_front() {
            if is_chained(user_data) {
                if let Some(chain) = Self::entry_done(st, user_data, -libc::ECANCELED) {
                    st.in_flight -= 1;
                    chains.push(chain);
                }
            } else if user_data != CANCEL {
                st.in_flight -= 1;
                // SAFETY: even user data is a request's, and its entry is never submitted (module contract).
                reaped.left_over.push(unsafe { Req::from_raw(user_data as *mut _) });
            }
        }
        for req in st.queue.take_all(State::New) {
            reaped.left_over.push(req);
        }
    }
    fn drain(&self, st: &mut RingState, done: &mut Vec<(Req, i32)>, chains: &mut Vec<Chain>) {
        loop {
            // SAFETY: under the lock.
            let cq = unsafe { self.uring.completion_shared() };
            // SAFETY: under the lock.
            let kept = unsafe { self.uring.submission_shared() }.cq_overflow();
            for cqe in cq {
                if is_chained(cqe.user_data()) {
                    if let Some(chain) = Self::entry_done(st, cqe.user_data(), cqe.result()) {
                        st.in_flight -= 1;
                        chains.push(chain);
                    }
                } else if cqe.user_data() != CANCEL {
                    st.in_flight -= 1;
                    // SAFETY: even user data is a request's, given once and completed once.
                    done.push((unsafe { Req::from_raw(cqe.user_data() as *mut _) }, cqe.result()));
                }
            }
            // The kernel keeps completions that did not fit (Linux 5.5): entering brings them.
            if !kept || st.off.is_some() || self.uring.submitter().submit_and_wait(0).is_err() {
                return;
            }
            self.forget_accepted(st);
        }
    }
    /// Whether `poll` has something to do here. Entries that a busy kernel has refused are for later.
    pub(crate) fn needs_poll(&self) -> bool {
        if !self.busy.load(Ordering::SeqCst) {
            return false;
        }
        let mut st = self.lock();
        let waiting = st.busy_since.is_none() && st.off.is_none() && self.unsubmitted(&mut st) > 0;
        let to_take_back = st.off.is_some() && (!st.unaccepted.is_empty() || !st.queue.is_empty());
        // SAFETY: under the lock.
        waiting || to_take_back || !unsafe { self.uring.completion_shared() }.is_empty()
    }
    pub(crate) fn queued(&self) -> usize {
        self.lock().queue.len()
    }
    pub(crate) fn in_flight(&self) -> u32 {
        if !self.busy.load(Ordering::SeqCst) {
            return 0;
        }
        self.lock().in_flight
    }

    // ---- waiting

    /// Blocks until a completion is there, [`wake`](Self::wake) was called or the time is over. `completions` false
    /// leaves completions to somebody else.
    pub(crate) fn wait(&self, who: Waiter, completions: bool, timeout: Option<Duration>) {
        let alarm = self.alarms.get(who as usize);
        let off = {
            let st = self.lock();
            st.off.is_some() && st.in_flight > 0
        };
        // A ring that is off may have lost its descriptor: its completions are looked for from time to time.
        let timeout = if off { Some(timeout.map_or(OFF_LOOK, |t| t.min(OFF_LOOK))) } else { timeout };
        let timeout = timeout.map(|t| Timespec::try_from(t).unwrap_or(Timespec { tv_sec: 3600, tv_nsec: 0 }));
        // SAFETY: the ring is open as long as `self`.
        let uring = unsafe { BorrowedFd::borrow_raw(self.uring.as_raw_fd()) };
        let watched = completions && !off;
        let (alarm_fd, none) = (alarm.map_or(uring, |alarm| alarm.as_fd()), PollFlags::empty());
        let of_alarm = if alarm.is_some() { PollFlags::IN } else { none };
        let mut fds = [PollFd::new(&alarm_fd, of_alarm), PollFd::new(&uring, PollFlags::IN)];
        // Not looked at, a descriptor is left out: one that somebody has closed would end each wait at once.
        let (first, last) = (usize::from(alarm.is_none()), 1 + usize::from(watched));
        let polled = poll(&mut fds[first..last.max(first)], timeout.as_ref());
        let (of_alarm, of_ring) = (fds[0].revents(), fds[1].revents());
        if let Some(alarm) = alarm.filter(|_| of_alarm.contains(PollFlags::IN)) {
            alarm.take();
        }
        if of_ring.contains(PollFlags::IN) {
            self.busy.store(true, Ordering::SeqCst); // also for what only answers a cancel: it has to be taken
        }
        if of_ring.contains(PollFlags::NVAL) {
            Self::switch_off(&mut self.lock(), libc::EBADF);
        }
        // Somebody has closed our descriptors, or the kernel has no memory: the next call would come back at once too.
        if of_alarm.contains(PollFlags::NVAL) || polled.is_err_and(|e| e != Errno::INTR) {
            std::thread::sleep(OFF_LOOK);
        }
    }
    /// Ends a [`Ring::wait`], also one that has not begun.
    pub(crate) fn wake(&self, who: Waiter) {
        self.alarms.get(who as usize).into_iter().for_each(EventFd::add);
    }

    // ---- cancel, the end

    /// Takes a request out if it waits here, or asks the kernel to cancel it. The second value tells that the
    /// kernel was busy, and somebody has to come again after [`Ring::RETRY`].
    pub(crate) fn cancel(&self, req: &Req) -> (Option<Req>, bool) {
        let mut st = self.lock();
        match req.state() {
            State::HeldBack => {
                let req = st.queue.unlink(req);
                req.set(State::Running);
                (Some(req), false)
            }
            State::OnRing => {
                // An address used again can't be hit: its entry would come after this one.
                for name in Self::names_of(&st, req) {
                    let entry = opcode::AsyncCancel::new(name).build().user_data(CANCEL);
                    // Without room for it the request goes on, as one on a thread does.
                    self.add(&mut st, &[entry]);
                }
                self.enter(&mut st);
                (None, st.busy_since.is_some() || st.off.is_some())
            }
            _ => (None, false),
        }
    }
    /// Takes nothing more, and gives what was held back.
    pub(crate) fn stop(&self) -> Batch {
        let mut st = self.lock();
        st.stop = true;
        st.queue.take_all(State::Running)
    }
    /// Asks the kernel to cancel all that it has. To be repeated: a request on its way to a kernel worker, or back
    /// from it, may be missed.
    pub(crate) fn cancel_all(&self) {
        let mut st = self.lock();
        let all = opcode::AsyncCancel2::new(types::CancelBuilder::any()).build().user_data(CANCEL);
        self.busy.store(true, Ordering::SeqCst);
        self.add(&mut st, &[all]);
        self.enter(&mut st);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_missing_opcode_gives_the_request_back() {
        let aio = crate::Aio::new().unwrap();
        let bell = EventFd::new().unwrap();
        let Ok(mut ring) = Ring::new(8, bell.as_fd()) else {
            eprintln!("skipped: this kernel has no io_uring");
            return;
        };
        let request = || Req::with_callback(aio.nop().op, 4, None, |_| {});
        ring.opcodes.forget(opcode::Nop::CODE);
        assert!(ring.push(request(), true).refused.is_some());
        assert_eq!(ring.in_flight(), 0);
        ring.opcodes = Opcodes::of(&ring.uring.submitter()).unwrap();
        assert!(ring.push(request(), true).refused.is_none());
        assert_eq!(ring.in_flight(), 1);
        assert_eq!(ring.reap().done.len(), 1);
        assert_eq!(ring.in_flight(), 0);
    }
}
