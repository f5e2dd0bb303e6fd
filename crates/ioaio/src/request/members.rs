//! The members of a group, and of a composite its children.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;

use crate::Aio;
use crate::api::group::Group;
use crate::engine::Inner;
use crate::request::cell::Req;
use crate::sys::sync::{AtomicBool, Mutex, MutexGuard, Ordering};

type Feeder = Box<dyn FnMut(&Group) + Send>;
type Callback = Box<dyn FnOnce() + Send>;

pub(crate) struct Core {
    aio: crate::WeakAio,
    /// The next poll looks after it.
    ticked: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) members: HashMap<usize, Req>,
    pub(crate) feeder: Option<Feeder>,
    /// The feeder runs, on some thread.
    pub(crate) feeding: bool,
    /// It is not to run again.
    pub(crate) unfed: bool,
    /// Requests that ever became members.
    added: u64,
    pub(crate) limit: usize,
    pub(crate) callback: Option<Callback>,
    pub(crate) wakers: Vec<Waker>,
    finished: bool,
}

impl State {
    pub(crate) fn idle(&self) -> bool {
        self.members.is_empty() && self.feeder.is_none() && !self.feeding
    }
}

impl Core {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
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
    pub(crate) fn look_soon(self: &Arc<Self>, inner: &Inner) {
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
    pub(crate) fn feed(self: &Arc<Self>, aio: &Aio) {
        let group = Group::with(aio.clone(), self.clone());
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
