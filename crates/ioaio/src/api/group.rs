//! Groups: requests that are waited for, cancelled and fed together.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::Aio;
use crate::request::cell::Req;
use crate::request::members::Core;

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

impl Group {
    pub(crate) fn new(aio: &Aio) -> Self {
        let core = Core::of_children(aio.downgrade());
        core.lock().limit = 2;
        Group { aio: aio.clone(), core: Arc::new(core) }
    }
    pub(crate) fn with(aio: Aio, core: Arc<Core>) -> Self {
        Group { aio, core }
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
