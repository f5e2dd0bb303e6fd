//! Priorities: of execution, and of results.

use std::io::Read;
use std::sync::{Arc, Mutex};

use ioaio::{Aio, File};
use tempfile::tempfile;

use crate::common::gate::Gate;
use crate::common::{by_channel, drive, each_engine, eventually, random};

/// Priorities by chance, and the indexes in the order in which they are to be served.
fn priorities() -> (Vec<i8>, Vec<u8>) {
    let mut rng = random();
    let all: Vec<i8> = std::iter::repeat_with(|| rng.i8(-4..=4)).take(100).collect();
    let mut order: Vec<u8> = (0..100).collect();
    order.sort_by_key(|&i| -all[usize::from(i)]);
    (all, order)
}

/// Requests that queue behind a closed gate, each of which appends its number to a file.
fn executed_behind_a_gate(aio: &Aio, priorities: &[i8]) -> Vec<u8> {
    let gate = Gate::new();
    let gated = by_channel(gate.request(aio));
    if aio.backend().pool {
        eventually("the gate keeper waits", || aio.nthreads() == 1 && aio.nready() == 0);
    }
    let mut std = tempfile().unwrap();
    let file = File::from(std.try_clone().unwrap());
    for (i, &priority) in priorities.iter().enumerate() {
        aio.write(&file, vec![i as u8]).priority(priority).then(|(n, _)| assert_eq!(n.unwrap(), 1));
    }
    assert_eq!(aio.nready(), priorities.len());
    gate.open();
    drive(aio);
    gated.try_recv().unwrap().0.unwrap();
    let mut written = Vec::new();
    rustix::fs::seek(&std, rustix::fs::SeekFrom::Start(0)).unwrap();
    std.read_to_end(&mut written).unwrap();
    written
}

#[test]
fn a_thread_takes_the_oldest_of_the_highest_priority() {
    let (priorities, order) = priorities();
    let aio = Aio::builder().ring(false).inline(false).max_parallel(1).build().unwrap();
    assert_eq!(executed_behind_a_gate(&aio, &priorities), order);
}

#[test]
fn the_ring_is_given_the_oldest_of_the_highest_priority() {
    let (priorities, order) = priorities();
    let aio = Aio::builder().pool(false).inline(false).ring_in_flight(1).build().unwrap();
    if !aio.backend().ring {
        return eprintln!("skipped: {}", aio.backend().ring_off.unwrap());
    }
    assert_eq!(executed_behind_a_gate(&aio, &priorities), order);
}

#[test]
fn results_are_delivered_by_priority() {
    let (priorities, order) = priorities();
    each_engine(
        |b| b,
        |aio| {
            let log = Arc::new(Mutex::new(Vec::new()));
            for (i, &priority) in priorities.iter().enumerate() {
                let log = log.clone();
                aio.nop().priority(priority).then(move |_| log.lock().unwrap().push(i as u8));
            }
            // Where there are no threads, each poll executes one.
            while aio.npending() < 100 && (aio.nready() == 0 || aio.nthreads() > 0) {
                aio.wait(None).unwrap();
            }
            if aio.npending() == 100 {
                assert_eq!(aio.poll().unwrap(), 100);
            }
            drive(aio);
            // Within one priority, several threads finish in any order.
            let served = |order: &[u8]| order.iter().map(|&i| priorities[usize::from(i)]).collect::<Vec<_>>();
            assert_eq!(served(&log.lock().unwrap()), served(&order));
        },
    );
}

#[test]
fn priorities_are_clamped() {
    let aio = Aio::new().unwrap();
    let log = Arc::new(Mutex::new(Vec::new()));
    for priority in [-4, -128, 4, 127, 0] {
        let log = log.clone();
        aio.nop().priority(priority).then(move |_| log.lock().unwrap().push(priority));
    }
    aio.flush().unwrap();
    assert_eq!(*log.lock().unwrap(), [4, 127, 0, -4, -128]);
}
