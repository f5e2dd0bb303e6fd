//! The one allocation of a request: header, then op or result, then sink.
//!
//! # Safety contract
//! A request is shared by reference count, but its *body* (op, result, callback) belongs to one
//! holder at a time. It goes submit -> queue -> route -> done -> deliver, and each hand-over is through
//! a lock, an exchange of an inbox, the kernel's ring, or the release store of `Done`. `next` and `prev`
//! belong to the container that the request is in; see `request/queue.rs`.

use std::alloc::Layout;
use std::io;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use io_uring::squeue;
use rustix::io::Errno;

use crate::request::control::Control;
use crate::request::members::Members;
use crate::request::op::{ChainOp, Op};
use crate::request::sqe::Cqe;
use crate::request::sqe::{Completions, Links};
use crate::sys::sync::{AtomicBool, AtomicU8, AtomicU32, AtomicWaker, Mutex, Ordering, UnsafeCell, fence};

/// Where a request is; see the module's contract. Each container has a state of its own, which a request gets and
/// loses under the container's lock, so that a cancel which reads the state under that lock finds it there. Two changes
/// need no lock: into the pool's inbox, and from a worker's tray, where an exchange decides who has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum State {
    /// Nobody but its maker has it, or the ring has given it back.
    New,
    /// Handed to the pool, and not yet sorted into its queue.
    Submitted,
    /// In the pool's queue.
    Queued,
    /// With a worker, which has not begun it.
    Taken,
    /// In the ring's queue.
    HeldBack,
    /// The kernel has it.
    OnRing,
    /// A thread executes it, or completes it without.
    Running,
    /// A composite that was woken while it ran.
    Woken,
    /// A composite that waits for its children.
    Parked,
    /// It has its result.
    Done,
}

impl State {
    fn from_u8(n: u8) -> State {
        use State::{Done, HeldBack, New, OnRing, Parked, Queued, Running, Submitted, Taken, Woken};
        [New, Submitted, Queued, Taken, HeldBack, OnRing, Running, Woken, Parked, Done][n as usize]
    }
}

pub(crate) struct Header {
    vtable: &'static VTable,
    /// Which forked process made it; see [`epoch`].
    epoch: u32,
    pub(crate) next: UnsafeCell<Option<Req>>,
    pub(crate) prev: UnsafeCell<*const Header>,
    refs: AtomicU32,
    state: AtomicU8,
    cancelled: AtomicBool,
    pub(crate) priority: u8,
    /// Better on the ring than on a worker, as its op says.
    pub(crate) prefers_ring: bool,
    /// Worth an inline try while it waits for a worker.
    pub(crate) may_inline: AtomicBool,
    /// A fault on purpose: a worker sleeps first. In a box, since nearly every request is without, and a pointer is
    /// smaller than a duration.
    pub(crate) delay: Option<Box<Duration>>,
    /// Of a composite.
    pub(crate) control: Option<Arc<Control>>,
    /// Set before submission, so that the many without a group don't lock.
    grouped: AtomicBool,
    groups: Mutex<Option<Box<Membership>>>,
}

/// A group that a request is in; a list, since most are in none, and few in two.
struct Membership {
    group: Arc<Members>,
    next: Option<Box<Membership>>,
}

/// Rises with each engine that starts anew in a forked process, so that it knows what is its parent's.
static EPOCH: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

pub(crate) fn epoch() -> u32 {
    EPOCH.load(Ordering::Relaxed)
}
pub(crate) fn next_epoch() {
    EPOCH.fetch_add(1, Ordering::Relaxed);
}

struct VTable {
    /// Of a future; a callback has none.
    waker: Option<unsafe fn(&Req) -> &AtomicWaker>,
    run: unsafe fn(&Req),
    step: unsafe fn(&Req, &mut Context<'_>) -> bool,
    inline: unsafe fn(&Req) -> bool,
    encode: unsafe fn(&Req) -> Option<squeue::Entry>,
    decode: unsafe fn(&Req, i32),
    chain: Option<ChainTable>,
    fail: unsafe fn(&Req, Errno),
    deliver: unsafe fn(&Req),
    free: unsafe fn(NonNull<Header>),
}

/// For requests that are several entries on the ring.
struct ChainTable {
    opens: bool,
    encode: unsafe fn(&Req, u32) -> Option<Vec<squeue::Entry>>,
    decode: unsafe fn(&Req, Completions) -> bool,
}

enum Body<O: Op> {
    Op(O),
    Out(O::Out),
    Empty,
}

#[repr(C)]
struct Cell<O: Op, S> {
    header: Header,
    body: UnsafeCell<Body<O>>,
    /// Who is told: a [`Callback`], or a future's waker.
    sink: S,
}

type Callback<F> = UnsafeCell<Option<F>>;

/// A counted reference to a request whose types are forgotten.
pub(crate) struct Req(NonNull<Header>);

// SAFETY: ops, results and callbacks are Send, and the module contract keeps them exclusive.
unsafe impl Send for Req {}
// SAFETY: the header's shared fields are atomics or locks; the rest is under the module contract.
unsafe impl Sync for Req {}

impl Clone for Req {
    fn clone(&self) -> Self {
        self.refs.fetch_add(1, Ordering::Relaxed);
        Req(self.0)
    }
}
impl Drop for Req {
    fn drop(&mut self) {
        if self.refs.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            // SAFETY: this was the last reference; the vtable knows the type.
            unsafe { (self.vtable.free)(self.0) }
        }
    }
}
impl std::ops::Deref for Req {
    type Target = Header;
    fn deref(&self) -> &Header {
        // SAFETY: counted, so alive.
        unsafe { self.0.as_ref() }
    }
}

impl Req {
    /// A request whose result goes to `sink`, run by [`Req::deliver`].
    pub(crate) fn with_callback<O: Op, F: FnOnce(O::Out) + Send + 'static>(
        op: O,
        priority: u8,
        delay: Option<Duration>,
        sink: F,
    ) -> Req {
        let sink: Callback<F> = UnsafeCell::new(Some(sink));
        Self::alloc(Body::Op(op), priority, delay, sink, Cell::<O, Callback<F>>::VTABLE)
    }
    /// The same, already done.
    pub(crate) fn answered<O: Op, F: FnOnce(O::Out) + Send + 'static>(
        out: O::Out,
        priority: u8,
        sink: F,
    ) -> Req {
        let sink: Callback<F> = UnsafeCell::new(Some(sink));
        let vtable = Cell::<O, Callback<F>>::VTABLE;
        let req = Self::alloc(Body::<O>::Out(out), priority, None, sink, vtable);
        req.set(State::Done);
        req
    }
    fn alloc<O: Op, S>(
        body: Body<O>,
        priority: u8,
        delay: Option<Duration>,
        sink: S,
        vtable: &'static VTable,
    ) -> Req {
        let prefers_ring = matches!(&body, Body::Op(op) if op.prefers_ring());
        let may_inline = delay.is_none() && matches!(&body, Body::Op(op) if op.inline_depth().is_some());
        let control = match &body {
            Body::Op(op) => op.control().cloned(),
            _ => None,
        };
        let cell = Box::new(Cell {
            header: Header {
                vtable,
                epoch: epoch(),
                next: UnsafeCell::new(None),
                prev: UnsafeCell::new(std::ptr::null()),
                refs: AtomicU32::new(1),
                state: AtomicU8::new(State::New as u8),
                cancelled: AtomicBool::new(false),
                priority,
                prefers_ring,
                may_inline: AtomicBool::new(may_inline),
                delay: delay.map(Box::new),
                control,
                grouped: AtomicBool::new(false),
                groups: Mutex::new(None),
            },
            body: UnsafeCell::new(body),
            sink,
        });
        Req(NonNull::from(Box::leak(cell)).cast())
    }
    pub(crate) fn addr(&self) -> *const Header {
        self.0.as_ptr()
    }
    /// Gives the reference away as an address, which [`Req::from_raw`] turns back.
    pub(crate) fn into_raw(self) -> *mut Header {
        ManuallyDrop::new(self).0.as_ptr()
    }
    /// # Safety
    /// The address came from [`Req::into_raw`], and comes back once.
    pub(crate) unsafe fn from_raw(addr: *mut Header) -> Req {
        debug_assert!(addr.is_aligned());
        // SAFETY: the caller's promise; the address of a live request is not null.
        Req(unsafe { NonNull::new_unchecked(addr) })
    }
    /// The request at an address that [`Req::addr`] gave, without a count of its own.
    ///
    /// # Safety
    /// It lives as long as this is used.
    pub(crate) unsafe fn at(addr: *const Header) -> ManuallyDrop<Req> {
        // SAFETY: the caller's promise; the address of a live request is not null.
        ManuallyDrop::new(Req(unsafe { NonNull::new_unchecked(addr.cast_mut()) }))
    }
    // Whoever has the request's body calls these, nobody else.

    /// Executes on this thread; the result is in the request.
    pub(crate) fn run(&self) {
        debug_assert_eq!(self.state(), State::Running);
        // SAFETY: the caller has the body.
        unsafe { (self.vtable.run)(self) }
    }
    /// Goes on with a composite; true if it has finished.
    pub(crate) fn step(&self, cx: &mut Context<'_>) -> bool {
        // SAFETY: the caller has the body.
        unsafe { (self.vtable.step)(self, cx) }
    }
    /// Tries without waiting; false if another route has to be taken.
    pub(crate) fn inline(&self) -> bool {
        debug_assert_eq!(self.state(), State::Running);
        // SAFETY: the caller has the body.
        unsafe { (self.vtable.inline)(self) }
    }
    pub(crate) fn encode(&self) -> Option<squeue::Entry> {
        // SAFETY: the caller has the body.
        unsafe { (self.vtable.encode)(self) }
    }
    pub(crate) fn decode(&self, res: i32) {
        debug_assert_eq!(self.state(), State::OnRing);
        // SAFETY: the kernel has given the body back.
        unsafe { (self.vtable.decode)(self, res) }
    }
    pub(crate) fn is_chain(&self) -> bool {
        self.vtable.chain.is_some()
    }
    /// Whether the chain's first entry needs a slot to open a file into.
    pub(crate) fn chain_opens(&self) -> bool {
        self.vtable.chain.as_ref().is_some_and(|chain| chain.opens)
    }
    pub(crate) fn encode_chain(&self, slot: u32) -> Option<Vec<squeue::Entry>> {
        // SAFETY: the caller has the body.
        unsafe { (self.vtable.chain.as_ref()?.encode)(self, slot) }
    }
    /// False if a worker has to go on.
    pub(crate) fn decode_chain(&self, results: Completions) -> bool {
        debug_assert_eq!(self.state(), State::OnRing);
        let chain = self.vtable.chain.as_ref().expect("only a chain has several completions");
        // SAFETY: the kernel has given the body back.
        unsafe { (chain.decode)(self, results) }
    }
    /// Completes with an errno instead of executing.
    pub(crate) fn fail(&self, errno: Errno) {
        // SAFETY: the caller has the body.
        unsafe { (self.vtable.fail)(self, errno) }
    }
    fn waker(&self) -> &AtomicWaker {
        let waker = self.vtable.waker.expect("only a future waits");
        // SAFETY: the vtable knows the type.
        unsafe { waker(self) }
    }
    pub(crate) fn set_waker(&self, waker: &Waker) {
        #[cfg(loom)]
        self.waker().register_by_ref(waker);
        #[cfg(not(loom))]
        self.waker().register(waker);
    }
    /// Wakes the task that waits for the result. A waker is the program's own: one that panics ends no more than
    /// this call of it.
    pub(crate) fn wake(&self) {
        let waker = self.waker();
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
    /// Runs the callback. Only inside `poll`.
    pub(crate) fn deliver(&self) {
        debug_assert_eq!(self.state(), State::Done);
        // SAFETY: the done queue gives each request out once.
        unsafe { (self.vtable.deliver)(self) }
    }
    /// # Safety
    /// The types are those it was made with.
    unsafe fn cell<O: Op, S>(&self) -> &Cell<O, S> {
        // SAFETY: the caller's promise; repr(C) puts the header first.
        unsafe { self.0.cast::<Cell<O, S>>().as_ref() }
    }
}

/// A request whose result stays in it until [`FutureReq::take`]; remembers its type.
pub(crate) struct FutureReq<O: Op>(Req, PhantomData<fn() -> O>);

impl<O: Op> FutureReq<O> {
    pub(crate) fn new(op: O, priority: u8, delay: Option<Duration>) -> Self {
        let vtable = Cell::<O, AtomicWaker>::VTABLE;
        FutureReq(Req::alloc(Body::Op(op), priority, delay, AtomicWaker::new(), vtable), PhantomData)
    }
    pub(crate) fn req(&self) -> &Req {
        &self.0
    }
    /// The result, once.
    pub(crate) fn take(&self) -> Option<O::Out> {
        if self.0.state() != State::Done {
            return None;
        }
        // SAFETY: made with these types in `new`; after DONE the body is this future's alone.
        let body = unsafe { self.0.cell::<O, AtomicWaker>().body.with_mut(|body| &mut *body) };
        match std::mem::replace(body, Body::Empty) {
            Body::Out(out) => Some(out),
            _ => None,
        }
    }
}

impl Header {
    /// Whether it is of this epoch or a later one.
    pub(crate) fn is_since(&self, epoch: u32) -> bool {
        self.epoch >= epoch
    }
    pub(crate) fn is_callback(&self) -> bool {
        self.vtable.waker.is_none()
    }
    pub(crate) fn state(&self) -> State {
        State::from_u8(self.state.load(Ordering::Acquire))
    }
    pub(crate) fn set(&self, to: State) {
        debug_assert_ne!(self.state(), State::Done, "a request completes once");
        self.state.store(to as u8, Ordering::Release);
    }
    /// Changes a state that may have changed meanwhile; false if it has.
    pub(crate) fn set_from(&self, from: State, to: State) -> bool {
        let (from, to) = (from as u8, to as u8);
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
    /// For who has just set a state: either this sees the cancel, or the cancel sees the state.
    pub(crate) fn is_cancelled(&self) -> bool {
        fence(Ordering::SeqCst);
        self.cancelled.load(Ordering::SeqCst)
    }
    pub(crate) fn cancel_flag(&self) -> &AtomicBool {
        &self.cancelled
    }
    /// Whether it has ever been in a group.
    pub(crate) fn is_grouped(&self) -> bool {
        self.grouped.load(Ordering::Acquire)
    }
    pub(crate) fn join(&self, group: Arc<Members>) {
        self.grouped.store(true, Ordering::Release);
        let mut groups = self.groups.lock().expect("group list");
        let next = groups.take();
        *groups = Some(Box::new(Membership { group, next }));
    }
    /// The groups that it is in.
    pub(crate) fn groups(&self) -> Vec<Arc<Members>> {
        let mut groups = Vec::new();
        if self.is_grouped() {
            let list = self.groups.lock().expect("group list");
            let mut next = list.as_deref();
            while let Some(membership) = next {
                groups.push(membership.group.clone());
                next = membership.next.as_deref();
            }
        }
        groups
    }
    pub(crate) fn leave_groups(&self) -> Vec<Arc<Members>> {
        if !self.grouped.load(Ordering::Acquire) {
            return Vec::new();
        }
        let mut next = self.groups.lock().expect("group list").take();
        let last_first = std::iter::from_fn(|| {
            let membership = *next.take()?;
            next = membership.next;
            Some(membership.group)
        });
        let mut groups: Vec<_> = last_first.collect();
        groups.reverse();
        groups
    }
}

impl<O: Op, F: FnOnce(O::Out) + Send + 'static> Cell<O, Callback<F>> {
    const VTABLE: &'static VTable = &Self::table(Self::deliver, None);

    unsafe fn deliver(req: &Req) {
        // SAFETY: the caller has the body.
        let Body::Out(out) = std::mem::replace(unsafe { Self::body(req) }, Body::Empty) else {
            unreachable!("only finished requests are delivered")
        };
        // SAFETY: the sink goes with the body.
        let sink = unsafe { req.cell::<O, Callback<F>>().sink.with_mut(|sink| (*sink).take()) };
        if let Some(sink) = sink {
            sink(out);
        }
    }
}

impl<O: Op> Cell<O, AtomicWaker> {
    const VTABLE: &'static VTable = &Self::table(Self::stay, Some(Self::waker));

    /// The result of a future stays where it is.
    unsafe fn stay(_req: &Req) {}
    unsafe fn waker(req: &Req) -> &AtomicWaker {
        // SAFETY: this is the request's type. The waker is shared, whoever has the body.
        unsafe { &req.cell::<O, AtomicWaker>().sink }
    }
}

impl<O: Op, S> Cell<O, S> {
    const CHAIN: Option<ChainTable> = match O::CHAIN {
        Some(ChainOp { opens, .. }) => {
            Some(ChainTable { opens, encode: Self::encode_chain, decode: Self::decode_chain })
        }
        None => None,
    };

    const fn table(deliver: unsafe fn(&Req), waker: Option<unsafe fn(&Req) -> &AtomicWaker>) -> VTable {
        VTable {
            waker,
            run: Self::run,
            step: Self::step,
            inline: Self::inline,
            encode: Self::encode,
            decode: Self::decode,
            chain: Self::CHAIN,
            fail: Self::fail,
            deliver,
            free: Self::free,
        }
    }
    /// # Safety
    /// The caller has the body, and `Self` is the request's type.
    #[allow(clippy::mut_from_ref, reason = "the contract makes the body exclusive")]
    unsafe fn body(req: &Req) -> &mut Body<O> {
        // SAFETY: the caller's promise.
        unsafe { req.cell::<O, S>().body.with_mut(|body| &mut *body) }
    }
    fn finish(body: &mut Body<O>, res: io::Result<O::Val>) {
        let Body::Op(op) = std::mem::replace(body, Body::Empty) else {
            unreachable!("a request is finished once")
        };
        *body = Body::Out(op.finish(res));
    }
    unsafe fn run(req: &Req) {
        // SAFETY: the caller has the body.
        let body = unsafe { Self::body(req) };
        let Body::Op(op) = body else { unreachable!("a finished request is not run") };
        let res = loop {
            match op.run() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                res => break res,
            }
        };
        Self::finish(body, res);
    }
    unsafe fn step(req: &Req, cx: &mut Context<'_>) -> bool {
        // SAFETY: the caller has the body.
        let body = unsafe { Self::body(req) };
        let Body::Op(op) = body else { unreachable!("a finished request is not run") };
        let Poll::Ready(res) = op.step(cx) else { return false };
        Self::finish(body, res);
        true
    }
    unsafe fn inline(req: &Req) -> bool {
        // SAFETY: the caller has the body.
        let body = unsafe { Self::body(req) };
        let Body::Op(op) = body else { unreachable!("a finished request is not run") };
        let Some(res) = op.inline() else { return false };
        Self::finish(body, res);
        true
    }
    unsafe fn encode(req: &Req) -> Option<squeue::Entry> {
        // SAFETY: the caller has the body.
        let Body::Op(op) = (unsafe { Self::body(req) }) else { return None };
        Some((O::RING?.encode)(op)?.entry)
    }
    unsafe fn decode(req: &Req, res: i32) {
        // SAFETY: the caller has the body.
        let body = unsafe { Self::body(req) };
        let Body::Op(op) = body else { unreachable!("a finished request is not decoded") };
        let ring = O::RING.expect("only ops with an opcode are on the ring");
        let res = (ring.decode)(op, Cqe(res));
        Self::finish(body, res);
    }
    unsafe fn encode_chain(req: &Req, slot: u32) -> Option<Vec<squeue::Entry>> {
        // SAFETY: the caller has the body.
        let Body::Op(op) = (unsafe { Self::body(req) }) else { return None };
        (O::CHAIN?.encode)(op, slot).map(Links::into_entries)
    }
    unsafe fn decode_chain(req: &Req, results: Completions) -> bool {
        // SAFETY: the caller has the body.
        let body = unsafe { Self::body(req) };
        let Body::Op(op) = body else { unreachable!("a finished request is not decoded") };
        let chain = O::CHAIN.expect("only a chain has several completions");
        let Some(res) = (chain.decode)(op, results) else { return false };
        Self::finish(body, res);
        true
    }
    unsafe fn fail(req: &Req, errno: Errno) {
        // SAFETY: the caller has the body.
        Self::finish(unsafe { Self::body(req) }, Err(errno.into()));
    }
    unsafe fn free(header: NonNull<Header>) {
        debug_assert!(Layout::new::<Self>().size() >= size_of::<Header>());
        // SAFETY: made by Box in `alloc` with this type, and this was the last reference.
        drop(unsafe { Box::from_raw(header.cast::<Self>().as_ptr()) });
    }
}

/// Calls a waker. It is the program's own: one that panics ends no more than this call of it.
pub(crate) fn wake(waker: Waker) {
    let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
}
