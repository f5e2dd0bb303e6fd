//! Nothing is left behind: descriptors, threads, mappings. One test, since these belong to the
//! whole process.

use std::future::IntoFuture;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use ioaio::{Aio, Builder};

const OPENS: usize = 300;

fn count(folder: &str) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// What a process has: descriptors, threads, mappings.
fn held() -> [usize; 3] {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap().lines().count();
    [count("/proc/self/fd"), count("/proc/self/task"), maps]
}

/// Waits for threads to end, whose stacks the C library keeps some of.
fn back_to(before: [usize; 3], what: &str) {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let now = held();
        if now[0] <= before[0] && now[1] <= before[1] && now[2] <= before[2] + 40 {
            return;
        }
        assert!(Instant::now() < end, "{what}: descriptors, threads, mappings: {before:?} are now {now:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Opens that are dropped or cancelled before, while and after a route executes them.
fn give_up_opens(aio: &Aio, path: &std::path::Path, random: &mut fastrand::Rng) {
    let mut cx = Context::from_waker(Waker::noop());
    for _ in 0..OPENS {
        match random.u8(..4) {
            0 => aio.open(path).then(drop).cancel(),
            1 => {
                let group = aio.group();
                aio.open(path).group(&group).then(|file| assert!(file.is_ok() || file.is_err()));
                group.cancel();
            }
            _ => {
                let mut open = aio.open(path).into_future();
                let _ = Pin::new(&mut open).poll(&mut cx);
                for _ in 0..random.u32(..2000) {
                    std::hint::spin_loop();
                }
                drop(open);
            }
        }
        if random.u8(..16) == 0 {
            aio.poll().unwrap();
        }
    }
}

type Build = fn(Builder) -> Builder;

#[test]
fn nothing_is_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    std::fs::write(&path, "x").unwrap();
    let seed = fastrand::u64(..);
    eprintln!("seed: {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let routes: [(&str, Build); 4] = [
        ("default", |b| b),
        ("ring only", |b| b.inline(false).pool(false)),
        ("pool only", |b| b.inline(false).ring(false)),
        ("no threads", |b| b.inline(false).ring(false).pool(false)),
    ];
    drop(Aio::new().unwrap()); // what the process sets up once
    for (name, build) in routes {
        let before = held();
        for round in 0..5 {
            let aio = build(Aio::builder()).build().unwrap();
            give_up_opens(&aio, &path, &mut random);
            if round % 2 == 0 {
                aio.flush().unwrap();
                assert_eq!(aio.nreqs(), 0);
            }
            drop(aio);
        }
        back_to(before, name);
    }
}
