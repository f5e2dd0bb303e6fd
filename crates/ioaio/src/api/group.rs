//! Groups: requests that are waited for, cancelled and fed together.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::request::members::Members;
use crate::{Aio, WeakAio};

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
    members: Arc<Members>,
}

/// How many members a feeder keeps going unless the program says otherwise.
const LIMIT: usize = 2;

impl Group {
    pub(crate) fn new(aio: &Aio) -> Self {
        Group { aio: aio.clone(), members: Members::new(LIMIT) }
    }
    pub(crate) fn aio(&self) -> &Aio {
        &self.aio
    }
    pub(crate) fn members(&self) -> &Arc<Members> {
        &self.members
    }
    /// How many members have not completed.
    pub fn len(&self) -> usize {
        self.members.len()
    }
    /// Whether no member is left.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Calls `feeder` now, and whenever fewer than [`limit`](Self::limit) members are left, until
    /// a call adds nothing. It runs here, in [`Aio::poll`], and where the group is awaited.
    pub fn feed(&self, mut feeder: impl FnMut(&Group) + Send + 'static) {
        // The feeder is the group's, which must not keep itself or the engine alive.
        let aio = self.aio.downgrade();
        let members = Arc::downgrade(&self.members);
        self.members.set_feeder(Box::new(move || {
            if let (Some(aio), Some(members)) = (WeakAio::upgrade(&aio), members.upgrade()) {
                feeder(&Group { aio, members });
            }
        }));
        self.aio.engine().feed(&self.members);
    }
    /// Sets how many members the feeder keeps going (default 2); 0 pauses it.
    pub fn limit(&self, n: usize) {
        self.members.set_limit(n);
        self.aio.engine().look_after_group(&self.members);
    }
    /// Cancels the members and removes the feeder; the group itself still completes.
    pub fn cancel(&self) {
        self.members.remove_feeder();
        let engine = self.aio.engine();
        self.members.all().iter().for_each(|req| engine.cancel(req));
        engine.look_after_group(&self.members);
    }
    /// Runs `callback` inside [`Aio::poll`] when no member is left. Replaces an earlier callback.
    pub fn then(&self, callback: impl FnOnce() + Send + 'static) {
        let engine = self.aio.engine();
        engine.results.count_in();
        let (first, held) = self.members.set_callback(Box::new(callback));
        if held {
            engine.results.group_held();
        }
        if !first {
            engine.count_out(1); // it was counted with the callback before
        }
        engine.group_is_due(&self.members);
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
        let Group { aio, members } = &self.0;
        aio.engine().feed(members);
        match members.wait(cx.waker()) {
            None => Poll::Pending,
            Some(forget) => {
                if forget {
                    aio.engine().results.forget_group(members); // perhaps nobody polls
                }
                Poll::Ready(())
            }
        }
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
        assert!(aio.engine().results.has_due_groups(), "the feeder might have to run");
        let cancel = async { group.cancel() };
        futures::executor::block_on(join(group.clone().into_future(), cancel));
        assert!(!aio.engine().results.has_due_groups());
    }
}
