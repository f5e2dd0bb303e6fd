//! Groups: requests that are waited for, cancelled and fed together.

use std::collections::HashMap;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::Aio;
use crate::engine::Inner;
use crate::request::cell::Req;
use crate::sys::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

type Feeder = Box<dyn FnMut(&Group) + Send>;
type Callback = Box<dyn FnOnce() + Send>;

/// A set of requests that completes when its last member has completed.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let aio = ioaio::Aio::new()?;
/// let group = aio.group();
/// for path in ["/etc/passwd", "/etc/group"] {
///     aio.stat(path).group(&group).then(|st| assert!(st.is_ok()));
/// }
/// group.then(|| println!("both known"));
/// aio.flush()
/// # }
/// ```
#[derive(Clone)]
pub struct Group {
    aio: Aio,
    core: Arc<Core>,
}

pub(crate) struct Core {
    aio: crate::WeakAio,
    /// The next poll looks after it.
    ticked: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    members: HashMap<usize, Req>,
    feeder: Option<Feeder>,
    /// The feeder runs, on some thread.
    feeding: bool,
    /// It is not to run again.
    unfed: bool,
    /// Requests that ever became members.
    added: u64,
    limit: usize,
    callback: Option<Callback>,
    wakers: Vec<Waker>,
    finished: bool,
}

impl State {
    fn idle(&self) -> bool {
        self.members.is_empty() && self.feeder.is_none() && !self.feeding
    }
}

impl Core {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics under a group's lock")
    }
    /// For the children of a composite, who need no more of a group than its members.
    pub(crate) fn of_children(aio: crate::WeakAio) -> Self {
        Core { aio, ticked: AtomicBool::new(false), state: Mutex::new(State::default()) }
    }
    /// Makes a request, not yet submitted, a member. A finished group takes no more.
    pub(crate) fn add(self: &Arc<Self>, req: &Req) {
        let mut st = self.lock();
        if !st.finished {
            st.members.insert(req.addr() as usize, req.clone());
            st.added += 1;
            drop(st);
            req.join(self.clone());
        }
    }
    pub(crate) fn members(&self) -> Vec<Req> {
        self.lock().members.values().cloned().collect()
    }
    /// Forgets a member; whether a poll should look after the group, and who waits for it.
    pub(crate) fn member_done(&self, req: &Req) -> (bool, Vec<Waker>) {
        let mut st = self.lock();
        st.members.remove(&(req.addr() as usize));
        (st.callback.is_some() || st.feeder.is_some(), std::mem::take(&mut st.wakers))
    }
    /// Lets the next poll, and whoever awaits it, look after the group. Runs no user code but wakers.
    fn look_soon(self: &Arc<Self>, inner: &Inner) {
        inner.tick_soon(self.clone());
        let wakers = std::mem::take(&mut self.lock().wakers);
        wakers.into_iter().for_each(Waker::wake);
    }
    /// Whether it is to be put on the list of those that a poll looks after, where it is once.
    pub(crate) fn begin_tick(&self) -> bool {
        !self.ticked.swap(true, Ordering::SeqCst)
    }
    /// It is not on that list any more.
    pub(crate) fn end_tick(&self) {
        self.ticked.store(false, Ordering::SeqCst);
    }
    /// Feeds, then finishes if nothing is left. User code runs here: only inside poll or an await.
    pub(crate) fn advance(self: &Arc<Self>) {
        let Some(aio) = self.aio.upgrade() else { return };
        self.feed(&aio);
        let mut st = self.lock();
        if st.idle()
            && let Some(callback) = st.callback.take()
        {
            st.finished = true;
            drop(st);
            let _closed = Closed(&aio);
            callback();
        }
    }
    fn feed(self: &Arc<Self>, aio: &Aio) {
        let group = Group { aio: aio.clone(), core: self.clone() };
        loop {
            let mut st = self.lock();
            if st.feeding || st.members.len() >= st.limit {
                return;
            }
            let Some(mut feeder) = st.feeder.take() else { return };
            st.feeding = true;
            let before = st.added;
            drop(st);
            let mut end = Fed(self, None);
            feeder(&group);
            // Members may have completed meanwhile: their number tells nothing.
            end.1 = (self.lock().added > before).then_some(feeder);
        }
    }
}

/// Puts the feeder back, or leaves it out when it added nothing or panicked.
struct Fed<'a>(&'a Arc<Core>, Option<Feeder>);
impl Drop for Fed<'_> {
    fn drop(&mut self) {
        let mut st = self.0.lock();
        st.feeding = false;
        // Cancelled or replaced meanwhile: it is not put back.
        if !std::mem::take(&mut st.unfed) && st.feeder.is_none() {
            st.feeder = self.1.take();
        }
        if st.feeder.is_some() {
            return;
        }
        drop(st);
        // Who found the group feeding looks again.
        if let Some(aio) = self.0.aio.upgrade() {
            self.0.look_soon(aio.inner());
        }
    }
}
struct Closed<'a>(&'a Aio);
impl Drop for Closed<'_> {
    fn drop(&mut self) {
        self.0.inner().group_closed();
    }
}

impl Group {
    pub(crate) fn new(aio: &Aio) -> Self {
        let core = Core::of_children(aio.downgrade());
        core.lock().limit = 2;
        Group { aio: aio.clone(), core: Arc::new(core) }
    }
    pub(crate) fn aio(&self) -> &Aio {
        &self.aio
    }
    pub(crate) fn core(&self) -> &Arc<Core> {
        &self.core
    }
    /// How many members have not completed.
    pub fn len(&self) -> usize {
        self.core.lock().members.len()
    }
    /// Whether no member is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Calls `feeder` now, and whenever fewer than [`limit`](Self::limit) members are left, until
    /// a call adds nothing. It runs here, in [`Aio::poll`], and where the group is awaited.
    pub fn feed(&self, feeder: impl FnMut(&Group) + Send + 'static) {
        let old = self.core.lock().feeder.replace(Box::new(feeder));
        drop(old); // what it holds is the program's: not under the lock
        self.core.feed(&self.aio);
    }
    /// Sets how many members the feeder keeps going (default 2); 0 pauses it.
    pub fn limit(&self, n: usize) {
        self.core.lock().limit = n;
        self.core.look_soon(self.aio.inner());
    }
    /// Cancels the members and removes the feeder; the group itself still completes.
    pub fn cancel(&self) {
        let mut st = self.core.lock();
        let feeder = st.feeder.take();
        st.unfed = st.feeding;
        let members: Vec<Req> = st.members.values().cloned().collect();
        drop(st);
        drop(feeder);
        members.iter().for_each(|req| self.aio.inner().cancel(req));
        self.core.look_soon(self.aio.inner());
    }
    /// Runs `callback` inside [`Aio::poll`] when no member is left. Replaces an earlier callback.
    pub fn then(&self, callback: impl FnOnce() + Send + 'static) {
        let mut st = self.core.lock();
        let old = st.callback.replace(Box::new(callback));
        if old.is_none() {
            self.aio.inner().group_opened();
        }
        drop(st);
        drop(old);
        self.aio.inner().tick_soon(self.core.clone());
    }
}

impl IntoFuture for Group {
    type Output = ();
    type IntoFuture = GroupFuture;
    fn into_future(self) -> GroupFuture {
        GroupFuture(self)
    }
}

/// Waits until no member of a group is left.
#[must_use = "a future does nothing until it is awaited"]
pub struct GroupFuture(Group);

impl Future for GroupFuture {
    type Output = ();
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let group = &self.0;
        group.core.feed(&group.aio);
        let mut st = group.core.lock();
        if st.idle() {
            let forget = st.callback.is_none();
            drop(st);
            if forget {
                group.aio.inner().untick(&group.core); // perhaps nobody polls
            }
            return Poll::Ready(());
        }
        if !st.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            st.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn where_nobody_polls_groups_that_were_awaited_are_forgotten() {
        use futures::future::{join, join_all};
        let aio = Aio::new().unwrap();
        let group = aio.group();
        group.limit(0);
        group.feed(|_| {});
        let members = || (0..10).map(|_| aio.busy(std::time::Duration::ZERO).group(&group).into_future());
        futures::executor::block_on(join_all(members()));
        assert!(aio.inner().has_ticks(), "the feeder might have to run");
        let cancel = async { group.cancel() };
        futures::executor::block_on(join(group.clone().into_future(), cancel));
        assert!(!aio.inner().has_ticks());
    }
}
