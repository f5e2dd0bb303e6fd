//! Groups: a callback or a future for the last member, a feeder, cancelling.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use futures::future::join;
use ioaio::{Aio, Group};
use rustix::io::Errno;

use crate::common::gate::Gate;
use crate::common::{block_on, by_channel, drive, each_engine, errno, eventually};

/// A log that requests and groups write to.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<&'static str>>>);
impl Log {
    fn add(&self, what: &'static str) -> impl FnOnce() + Send + 'static {
        let log = self.0.clone();
        move || log.lock().unwrap().push(what)
    }
    fn get(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().clone()
    }
}

fn member(aio: &Aio, group: &Group, then: impl FnOnce() + Send + 'static) {
    aio.busy(Duration::ZERO).group(group).then(move |_| then());
}

#[test]
fn the_callback_runs_after_those_of_all_members() {
    each_engine(
        |b| b,
        |aio| {
            let (log, group) = (Log::default(), aio.group());
            group.then(log.add("group"));
            member(aio, &group, log.add("member"));
            let run = log.add("member");
            aio.nop().priority(-4).group(&group).then(move |_| run());
            let run = log.add("member");
            aio.stat("a\0b").priority(4).group(&group).then(move |_| run());
            assert_eq!((group.len(), group.is_empty()), (3, false));
            drop(group);
            drive(aio);
            assert_eq!(log.get(), ["member", "member", "member", "group"]);
        },
    );
}

#[test]
fn an_empty_group_completes_in_the_next_poll() {
    each_engine(
        |b| b,
        |aio| {
            let (log, group) = (Log::default(), aio.group());
            assert!(group.is_empty());
            group.then(log.add("group"));
            assert_eq!((log.get().len(), aio.nreqs()), (0, 1));
            drive(aio);
            assert_eq!(log.get(), ["group"]);
            block_on(aio.group().into_future());
        },
    );
}

#[test]
fn a_member_added_by_a_callback_is_waited_for() {
    each_engine(
        |b| b,
        |aio| {
            let (log, group) = (Log::default(), aio.group());
            let (inner, own, late) = (aio.clone(), group.clone(), log.add("late member"));
            let early = log.add("member");
            member(aio, &group, move || {
                early();
                member(&inner, &own, late);
            });
            group.then(log.add("group"));
            drive(aio);
            assert_eq!(log.get(), ["member", "late member", "group"]);
        },
    );
}

#[test]
fn a_request_may_be_in_several_groups() {
    each_engine(
        |b| b,
        |aio| {
            let (log, one, two) = (Log::default(), aio.group(), aio.group());
            one.then(log.add("group"));
            two.then(log.add("group"));
            let run = log.add("member");
            aio.busy(Duration::ZERO).group(&one).group(&two).then(move |_| run());
            assert_eq!((one.len(), two.len()), (1, 1));
            drive(aio);
            assert_eq!(log.get(), ["member", "group", "group"]);
        },
    );
}

#[test]
fn futures_and_blocking_waits_are_members_too() {
    each_engine(
        |b| b,
        |aio| {
            let (log, group) = (Log::default(), aio.group());
            group.then(log.add("group"));
            aio.stat("/").group(&group).wait().unwrap();
            block_on(join(async { aio.busy(Duration::ZERO).group(&group).await.unwrap() }, async {
                aio.stat("/").group(&group).await.unwrap()
            }));
            assert!(group.is_empty());
            drive(aio);
            assert_eq!(log.get(), ["group"]);
        },
    );
}

#[test]
fn a_group_can_be_awaited_by_several() {
    let aio = Aio::builder().ring(false).inline(false).build().unwrap();
    let (gate, group) = (Gate::new(), aio.group());
    let result = by_channel(gate.request(&aio).group(&group));
    let waiting = AtomicUsize::new(0);
    std::thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                waiting.fetch_add(1, Ordering::SeqCst);
                block_on(join(group.clone().into_future(), group.clone().into_future()));
            });
        }
        eventually("all wait", || waiting.load(Ordering::SeqCst) == 3);
        std::thread::sleep(Duration::from_millis(5));
        gate.open();
        drive(&aio);
    });
    result.try_recv().unwrap().0.unwrap();
}

/// Feeds `total` requests, and tells the largest number of members a feeder has seen.
fn feed(aio: &Aio, group: &Group, total: usize) -> Arc<AtomicUsize> {
    let (most, inner) = (Arc::new(AtomicUsize::new(0)), aio.clone());
    let (seen, mut left) = (most.clone(), total);
    group.feed(move |group| {
        seen.fetch_max(group.len() + 1, Ordering::Relaxed);
        if left > 0 {
            left -= 1;
            member(&inner, group, || ());
        }
    });
    most
}

#[test]
fn a_feeder_keeps_as_many_members_going_as_the_limit_says() {
    for limit in [1, 2, 5] {
        each_engine(
            |b| b,
            |aio| {
                let (log, group) = (Log::default(), aio.group());
                group.limit(limit);
                let before = aio.stats().pool;
                let most = feed(aio, &group, 50);
                assert_eq!(group.len(), limit, "fed at once");
                group.then(log.add("group"));
                drive(aio);
                assert_eq!(aio.stats().pool - before, 50);
                assert_eq!(most.load(Ordering::Relaxed), limit);
                assert_eq!(log.get(), ["group"]);
            },
        );
    }
}

#[test]
fn an_awaited_group_is_fed_where_it_is_awaited() {
    each_engine(
        |b| b,
        |aio| {
            let group = aio.group();
            let (give, take) = mpsc::channel();
            let (inner, mut left) = (aio.clone(), 20);
            group.feed(move |group| {
                if left > 0 {
                    left -= 1;
                    let give = give.clone();
                    inner.nop().group(group).then(move |res| give.send(res).unwrap());
                }
            });
            std::thread::scope(|s| {
                let waits = s.spawn(|| block_on(group.clone().into_future()));
                while !waits.is_finished() {
                    aio.wait(Some(Duration::from_millis(1))).unwrap();
                    aio.poll().unwrap();
                }
            });
            assert_eq!(take.try_iter().filter(Result::is_ok).count(), 20);
        },
    );
}

#[test]
fn several_polls_do_not_end_a_feeder() {
    each_engine(
        |b| b,
        |aio| {
            let group = aio.group();
            group.limit(4);
            let before = aio.stats().pool;
            feed(aio, &group, 500);
            group.then(|| ());
            std::thread::scope(|s| {
                for _ in 0..4 {
                    s.spawn(|| aio.flush().unwrap());
                }
            });
            assert_eq!(aio.stats().pool - before, 500);
        },
    );
}

#[test]
fn a_limit_of_zero_pauses_the_feeder() {
    each_engine(
        |b| b,
        |aio| {
            let (log, group) = (Log::default(), aio.group());
            group.limit(0);
            let before = aio.stats().pool;
            feed(aio, &group, 10);
            group.then(log.add("group"));
            while aio.poll().unwrap() > 0 {}
            assert_eq!((aio.stats().pool - before, aio.nreqs()), (0, 1));
            group.limit(3);
            drive(aio);
            assert_eq!(aio.stats().pool - before, 10);
            assert_eq!(log.get(), ["group"]);
        },
    );
}

#[test]
fn cancel_ends_members_and_feeder_and_completes_the_group() {
    let aio = Aio::builder().ring(false).inline(false).max_parallel(1).build().unwrap();
    let (log, group, gate) = (Log::default(), aio.group(), Gate::new());
    let running = by_channel(gate.request(&aio).group(&group));
    eventually("it runs", || aio.nready() == 0 && aio.nthreads() == 1);
    let queued: Vec<_> = (0..5).map(|_| by_channel(aio.nop().group(&group))).collect();
    let other = by_channel(aio.nop());
    group.limit(100);
    let fed = AtomicUsize::new(0);
    group.feed({
        let (aio, fed) = (aio.clone(), Arc::new(fed));
        move |group| {
            assert!(fed.fetch_add(1, Ordering::Relaxed) < 94, "no more than the limit");
            aio.nop().group(group).then(|res| assert_eq!(errno(res), Errno::CANCELED));
        }
    });
    group.then(log.add("group"));
    group.cancel();
    group.cancel();
    gate.open();
    drive(&aio);
    assert_eq!(running.try_recv().unwrap().0.unwrap(), 1);
    queued.iter().for_each(|r| assert_eq!(errno(r.try_recv().unwrap()), Errno::CANCELED));
    other.try_recv().unwrap().expect("no member");
    assert_eq!(log.get(), ["group"]);
}

#[test]
fn a_feeder_may_cancel_its_group() {
    each_engine(
        |b| b,
        |aio| {
            let (log, group) = (Log::default(), aio.group());
            let (inner, mut calls) = (aio.clone(), 0);
            group.limit(1);
            group.feed(move |group| {
                calls += 1;
                member(&inner, group, || ());
                if calls == 3 {
                    group.cancel();
                }
                assert!(calls <= 3, "removed");
            });
            group.then(log.add("group"));
            drive(aio);
            assert_eq!(log.get(), ["group"]);
        },
    );
}

#[test]
fn panics_of_feeders_and_group_callbacks_leave_the_engine_usable() {
    each_engine(
        |b| b,
        |aio| {
            let (log, fed, failing) = (Log::default(), aio.group(), aio.group());
            let (inner, mut calls) = (aio.clone(), 0);
            fed.limit(1);
            fed.feed(move |group| {
                calls += 1;
                assert!(calls < 3, "the feeder's own panic");
                member(&inner, group, || ());
            });
            fed.then(log.add("group"));
            failing.then(|| std::panic::resume_unwind(Box::new("the group's own panic")));
            let mut panics = 0;
            while aio.nreqs() > 0 {
                assert!(aio.wait(Some(crate::common::HANG)).unwrap(), "the group never completes");
                panics += usize::from(catch_unwind(AssertUnwindSafe(|| aio.poll())).is_err());
            }
            assert_eq!((panics, log.get()), (2, vec!["group"]));
        },
    );
}

#[test]
fn a_later_callback_replaces_an_earlier_one() {
    each_engine(
        |b| b,
        |aio| {
            let (log, group) = (Log::default(), aio.group());
            member(aio, &group, log.add("member"));
            group.then(log.add("first"));
            group.then(log.add("second"));
            drive(aio);
            assert_eq!(log.get(), ["member", "second"]);
        },
    );
}

/// Cancelling goes through the queues of one engine, where a request of another is not.
#[test]
fn a_group_of_another_engine_is_refused() {
    let (one, other) = (Aio::new().unwrap(), Aio::new().unwrap());
    let group = one.group();
    let seen = by_channel(other.busy(Duration::ZERO).group(&group));
    drive(&other);
    assert_eq!(errno(seen.try_recv().unwrap()), Errno::INVAL);
    assert_eq!(errno(block_on(other.stat("/").group(&group).into_future())), Errno::INVAL);
    assert_eq!(errno(other.stat("/").group(&group).wait()), Errno::INVAL);
    assert!(group.is_empty());
    group.cancel();
    assert!(other.stat("/").group(&other.clone().group()).wait().is_ok(), "a clone is the same engine");
}

/// Awaits a paused group that nobody polls for.
fn wakes_an_awaiter(change: fn(&Group)) {
    let aio = Aio::new().unwrap();
    let group = aio.group();
    group.limit(0);
    group.feed(|_| {});
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(20));
            change(&group);
        });
        block_on(group.clone().into_future());
    });
}

#[test]
fn a_cancel_or_a_limit_wakes_who_awaits_a_paused_group() {
    wakes_an_awaiter(Group::cancel);
    wakes_an_awaiter(|group| group.limit(2));
}

#[test]
fn a_feeder_that_is_replaced_may_look_at_its_group_in_the_end() {
    struct Looks(Group);
    impl Drop for Looks {
        fn drop(&mut self) {
            assert!(self.0.is_empty());
        }
    }
    let aio = Aio::new().unwrap();
    let group = aio.group();
    group.limit(0);
    let looks = Looks(group.clone());
    group.feed(move |_| _ = &looks);
    group.feed(|_| {});
}

#[test]
fn flush_feeds_to_the_end_however_little_a_poll_delivers() {
    let aio = Aio::builder().max_poll_reqs(1).build().unwrap();
    let (group, done) = (aio.group(), Arc::new(AtomicUsize::new(0)));
    group.limit(1);
    let (own, count, mut left) = (aio.clone(), done.clone(), 5);
    group.feed(move |group| {
        if left > 0 {
            left -= 1;
            let count = count.clone();
            member(&own, group, move || _ = count.fetch_add(1, Ordering::SeqCst));
        }
    });
    aio.flush().unwrap();
    assert_eq!(done.load(Ordering::SeqCst), 5);
}

/// Each callback submits the next request, so a poll always finds its fill of results.
#[test]
fn endless_results_do_not_keep_a_group_from_its_callback() {
    fn again(aio: &Aio, over: Arc<AtomicUsize>) {
        let own = aio.clone();
        if over.load(Ordering::SeqCst) == 0 {
            aio.nop().then(move |_| again(&own, over));
        }
    }
    let aio = Aio::builder().max_poll_reqs(10).build().unwrap();
    let (group, over) = (aio.group(), Arc::new(AtomicUsize::new(0)));
    member(&aio, &group, || {});
    let told = over.clone();
    group.then(move || told.store(1, Ordering::SeqCst));
    again(&aio, over.clone());
    eventually("the group's callback", || aio.poll().is_ok() && over.load(Ordering::SeqCst) == 1);
}
