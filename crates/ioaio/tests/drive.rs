//! An engine driven from a reactor starts no thread of its own, and loses nothing at either end.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ioaio::{Aio, Builder, File};

const BLOCK: usize = 4096;

/// Threads are counted in the whole process, so one test runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let guard = ONE.lock().unwrap_or_else(|e| e.into_inner());
    while reapers() > 0 {
        std::thread::sleep(Duration::from_millis(1)); // of an engine that was just dropped
    }
    guard
}

fn reapers() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("the threads of this process");
    let names = tasks.flatten().filter_map(|t| std::fs::read_to_string(t.path().join("comm")).ok());
    names.filter(|name| name.trim_end() == "ioaio-reaper").count()
}

fn engines() -> [(&'static str, Builder); 5] {
    let none = || Aio::builder().inline(false);
    [
        ("default", Aio::builder()),
        ("ring", none().pool(false)),
        ("pool", none().ring(false)),
        ("ring and pool", none()),
        ("poll", none().ring(false).pool(false)),
    ]
}

fn file() -> File {
    let file = tempfile::tempfile().expect("a temporary file");
    let blocks: Vec<u8> = (0..64u8).flat_map(|n| [n; BLOCK]).collect();
    std::os::unix::fs::FileExt::write_all_at(&file, &blocks, 0).expect("filling the file");
    file.into()
}

/// Futures and callbacks, on an engine that somebody drives.
async fn work(aio: &Aio) -> io::Result<()> {
    let file = file();
    let called = Arc::new(AtomicUsize::new(0));
    for _ in 0..10 {
        let called = called.clone();
        aio.nop().then(move |_| {
            called.fetch_add(1, Ordering::SeqCst);
        });
    }
    for round in 0..4 {
        let reads: Vec<_> = (0..64u64)
            .map(|n| aio.read_at(&file, Vec::with_capacity(BLOCK), n * BLOCK as u64).into_future())
            .collect();
        for (n, (res, buf)) in futures::future::join_all(reads).await.into_iter().enumerate() {
            assert_eq!((res?, &buf[..]), (BLOCK, &[n as u8; BLOCK][..]), "round {round}");
        }
        aio.busy(Duration::from_millis(1)).await?;
        assert_eq!(aio.fstat(&file).await?.len(), 64 * BLOCK as u64);
    }
    assert_eq!(reapers(), 0, "a driven engine has no reaper");
    while called.load(Ordering::SeqCst) < 10 {
        aio.busy(Duration::from_millis(1)).await?;
    }
    assert_eq!(reapers(), 0);
    Ok(())
}

fn tokio() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[test]
fn tokio_drives() {
    let _alone = alone();
    for (name, engine) in engines() {
        let aio = engine.build().expect(name);
        tokio().block_on(async {
            let driver = tokio::spawn(ioaio::tokio::drive(&aio));
            work(&aio).await.expect(name);
            drop(aio);
            driver.await.expect(name).expect("the driver ends with the engine");
        });
    }
}

#[test]
fn tokio_with_threads_drives() {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    for (name, engine) in engines() {
        let aio = engine.build().expect(name);
        runtime.block_on(async {
            let driver = tokio::spawn(ioaio::tokio::drive(&aio));
            let second = tokio::spawn(ioaio::tokio::drive(&aio));
            let own = aio.clone();
            let task = tokio::spawn(async move { work(&own).await });
            work(&aio).await.expect(name);
            task.await.expect(name).expect(name);
            drop(aio);
            driver.await.expect(name).expect("the driver ends with the engine");
            second.await.expect(name).expect("and so does another");
        });
    }
}

#[test]
fn async_io_drives() {
    let _alone = alone();
    for (name, engine) in engines() {
        let aio = engine.build().expect(name);
        smol::block_on(async {
            let driver = smol::spawn(ioaio::async_io::drive(&aio));
            work(&aio).await.expect(name);
            drop(aio);
            driver.await.expect("the driver ends with the engine");
        });
    }
}

#[test]
fn a_small_limit_of_deliveries_starves_nobody() {
    let _alone = alone();
    let aio = Aio::builder().max_poll_reqs(1).build().expect("an engine");
    tokio().block_on(async {
        tokio::spawn(ioaio::tokio::drive(&aio));
        let called = Arc::new(AtomicUsize::new(0));
        for _ in 0..1000 {
            let called = called.clone();
            aio.nop().then(move |_| {
                called.fetch_add(1, Ordering::SeqCst);
            });
        }
        while called.load(Ordering::SeqCst) < 1000 {
            tokio::task::yield_now().await;
        }
    });
}

/// Without a driver a future completes all the same, whatever became of the driver.
fn completes(aio: &Aio, what: &str) {
    let file = file();
    let read = aio.read_at(&file, Vec::with_capacity(BLOCK), BLOCK as u64).into_future();
    let (res, buf) = smol::future::block_on(read);
    assert_eq!(res.expect(what), BLOCK);
    assert_eq!(buf[0], 1);
}

#[test]
fn the_reaper_takes_over() {
    let _alone = alone();
    for (name, engine) in engines() {
        let aio = engine.build().expect(name);
        let mut driver: Pin<Box<dyn Future<Output = io::Result<()>> + Send>> =
            Box::pin(ioaio::tokio::drive(&aio));
        let runtime = tokio();
        let mut busy = aio.busy(Duration::from_millis(5)).into_future();
        let file = file();
        let mut read = aio.read_at(&file, Vec::with_capacity(BLOCK), 0).into_future();
        runtime.block_on(std::future::poll_fn(|cx| {
            assert!(driver.as_mut().poll(cx).is_pending(), "{name}");
            let _ = Pin::new(&mut busy).poll(cx).is_pending();
            std::task::Poll::Ready(())
        }));
        let mut early = None;
        runtime.block_on(std::future::poll_fn(|cx| {
            if let std::task::Poll::Ready((res, _)) = Pin::new(&mut read).poll(cx) {
                early = Some(res);
            }
            std::task::Poll::Ready(())
        }));
        assert_eq!(reapers(), 0, "{name}: driven");
        drop(driver);
        drop(runtime);
        smol::future::block_on(busy).expect(name);
        let res = early.unwrap_or_else(|| smol::future::block_on(read).0);
        assert_eq!(res.expect(name), BLOCK);
        completes(&aio, name);
        drop(aio);
        while reapers() > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_driver_that_was_never_polled_leaves_no_mark() {
    let _alone = alone();
    let aio = Aio::builder().inline(false).pool(false).build().expect("an engine");
    drop(ioaio::tokio::drive(&aio));
    drop(ioaio::async_io::drive(&aio));
    completes(&aio, "after drivers that did nothing");
}

#[test]
fn a_callback_that_panics_ends_the_driver_alone() {
    let _alone = alone();
    let aio = Aio::new().expect("an engine");
    tokio().block_on(async {
        let driver = tokio::spawn(ioaio::tokio::drive(&aio));
        aio.nop().then(|_| std::panic::resume_unwind(Box::new("as the test wants")));
        assert!(driver.await.expect_err("it ended").is_panic());
    });
    completes(&aio, "after a panic");
}

#[test]
fn a_held_submitter_on_the_driving_thread_goes_on() {
    let _alone = alone();
    let aio = Aio::builder().inline(false).max_outstanding(2).build().expect("an engine");
    tokio().block_on(async {
        tokio::spawn(ioaio::tokio::drive(&aio));
        let file = file();
        let called = Arc::new(AtomicUsize::new(0));
        for _ in 0..20 {
            let called = called.clone();
            aio.read_at(&file, Vec::with_capacity(BLOCK), 0).then(move |(res, _)| {
                assert_eq!(res.expect("a read"), BLOCK);
                called.fetch_add(1, Ordering::SeqCst);
            });
        }
        while called.load(Ordering::SeqCst) < 20 {
            aio.busy(Duration::from_millis(1)).await.expect("busy");
        }
    });
}

/// The thread that drives sleeps, so somebody else has to take the completion.
#[test]
fn who_drives_may_wait_for_a_request() {
    let _alone = alone();
    for (name, engine) in engines() {
        let aio = engine.inline(false).build().expect(name);
        let file = File::from(tempfile::tempfile().expect("a file"));
        aio.write_at(&file, "hello", 0).wait().0.expect(name);
        let read = || aio.read_at(&file, vec![0; 5], 0).wait().0.expect(name);
        assert_eq!(aio.block_on(async { read() }), 5, "{name}: in block_on");
        let len = aio.block_on(async { aio.walk("/proc/self/fdinfo").metadata(true).into_iter().count() });
        assert!(len > 3, "{name}: a walk in block_on");
        tokio().block_on(async {
            let driver = tokio::spawn(ioaio::tokio::drive(&aio));
            tokio::task::yield_now().await;
            assert_eq!(read(), 5, "{name}: with tokio");
            driver.abort();
        });
    }
}
