//! Futures that are ready at once: others get their turn, and many of them get workers.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures::future::{join, join_all};
use ioaio::Aio;

const FILE: &str = "/etc/passwd";

#[test]
fn a_task_that_never_has_to_wait_does_not_keep_the_executor() {
    let aio = Aio::new().unwrap();
    let (over, turns) = (Cell::new(false), Cell::new(0));
    let busy = async {
        for _ in 0..10_000 {
            aio.nop().await.unwrap();
        }
        over.set(true);
    };
    let other = std::future::poll_fn(|cx| {
        if over.get() {
            return Poll::Ready(());
        }
        turns.set(turns.get() + 1);
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    smol::future::block_on(join(busy, other));
    assert!(turns.get() >= 10, "the other task had {} turns in 10,000 requests", turns.get());
}

#[test]
fn many_tasks_of_block_on_are_in_flight_together() {
    let aio = Aio::new().unwrap();
    let most = Cell::new(0);
    let tasks = (0..64).map(|_| async {
        for _ in 0..100 {
            aio.stat(FILE).await.unwrap();
            most.set(most.get().max(aio.nreqs()));
        }
    });
    aio.block_on(join_all(tasks));
    assert!(most.get() > 8, "{} were in flight at most", most.get());
    assert_eq!(aio.nreqs(), 0);
}

/// Else those that remain would count what is not there, and pass their turns for ever.
#[test]
fn a_future_dropped_in_its_turn_is_forgotten() {
    let aio = Aio::new().unwrap();
    aio.stat(FILE).wait().unwrap(); // its mount is known from now on
    let mut cx = Context::from_waker(Waker::noop());
    aio.block_on(async {
        let mut passed = 0;
        for _ in 0..1000 {
            let request = pin!(async { aio.stat(FILE).await });
            passed += usize::from(request.poll(&mut cx).is_pending());
            while aio.nreqs() > 0 {
                std::thread::yield_now(); // it was not local, and a worker has it
            }
        }
        let local = aio.stats().inline > 900;
        assert!(!local || (1..=20).contains(&passed), "{passed} of 1,000 were not ready");
    });
}
