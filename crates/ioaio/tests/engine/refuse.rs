//! A kernel that accepts entries of the ring, and later refuses them: for once, for a while, for good.

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use futures::future::join_all;
use ioaio::{Aio, AlignedBuf, Builder, File, Read, Request};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use crate::common::alone::alone_for;
use crate::common::gate::Gate;
use crate::common::{HANG, block_on, by_channel, drive, eventually};

const BLOCK: usize = 4096;
const BLOCKS: usize = 64;

type Build = fn(Builder) -> Builder;

const ENGINES: [(&str, Build); 3] = [
    ("ring and pool", |b| b.inline(false)),
    ("ring only", |b| b.inline(false).pool(false)),
    ("small ring", |b| b.inline(false).ring_in_flight(4)),
];

/// The switches of `refuse.c`, where it was loaded.
struct Kernel {
    times: &'static AtomicI32,
    errno: &'static AtomicI32,
    waits: &'static AtomicI32,
    hits: &'static AtomicI32,
}

impl Kernel {
    fn find() -> Option<Self> {
        let switch = |name: &std::ffi::CStr| {
            // SAFETY: looks for a name; what has it is a static integer of `refuse.c`, used by atomic calls alone.
            unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()).cast::<AtomicI32>().as_ref() }
        };
        Some(Kernel {
            times: switch(c"refuse_times")?,
            errno: switch(c"refuse_errno")?,
            waits: switch(c"refuse_waits")?,
            hits: switch(c"refuse_hits")?,
        })
    }
    fn refuse(&self, errno: i32, times: i32, waits: bool) {
        self.errno.store(errno, Ordering::SeqCst);
        self.waits.store(waits.into(), Ordering::SeqCst);
        self.hits.store(0, Ordering::SeqCst);
        self.times.store(times, Ordering::SeqCst);
    }
    fn accept(&self) {
        self.times.store(0, Ordering::SeqCst);
    }
}

fn compile(dir: &Path) -> Option<PathBuf> {
    let (source, library) = (dir.join("refuse.c"), dir.join("refuse.so"));
    std::fs::write(&source, include_str!("refuse.c")).expect("the source");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).args([&library, &source]).arg("-ldl");
    match compiler.status() {
        Ok(status) => assert!(status.success(), "cc: {status}"),
        Err(e) => {
            eprintln!("skipped: cc: {e}");
            return None;
        }
    }
    Some(library)
}

/// Runs `body` in a process whose calls of the kernel go through `refuse.c`.
#[track_caller]
fn with_kernel(test: &str, body: impl FnOnce(&Kernel)) {
    if let Some(kernel) = Kernel::find() {
        return alone_for(HANG, test, &[], || body(&kernel));
    }
    if !Aio::new().unwrap().backend().ring {
        return eprintln!("skipped: there is no ring");
    }
    let dir = tempfile::tempdir().unwrap();
    let Some(library) = compile(dir.path()) else { return };
    let preload: &[_] = &[("LD_PRELOAD", library.as_os_str())];
    alone_for(HANG, test, preload, || panic!("refuse.c was not loaded"));
}

/// From now on the kernel refuses these calls to this process.
fn filter(calls: &[i64], errno: i32) {
    let rules: BTreeMap<i64, Vec<_>> = calls.iter().map(|&call| (call, Vec::new())).collect();
    let arch = std::env::consts::ARCH.try_into().expect("an architecture that seccompiler knows");
    let these = SeccompAction::Errno(errno as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, these, arch).unwrap();
    seccompiler::apply_filter_all_threads(&BpfProgram::try_from(filter).unwrap()).unwrap();
}

/// A file whose blocks can be told from each other.
fn file() -> std::fs::File {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let std = std::fs::File::create(&path).unwrap();
    (0..BLOCKS).for_each(|i| std.write_all_at(&[i as u8; BLOCK], (i * BLOCK) as u64).unwrap());
    std.sync_all().unwrap();
    let mut options = std::fs::OpenOptions::new();
    options.read(true).custom_flags(libc::O_DIRECT);
    // Some file systems have no direct reads: then it is the page cache that answers.
    options.open(&path).or_else(|_| std::fs::File::open(&path)).unwrap()
}

/// An engine that uses its ring, and a file.
struct Case {
    name: &'static str,
    aio: Aio,
    file: File,
}

impl Case {
    fn new(name: &'static str, build: Build, file: &std::fs::File) -> Self {
        let aio = build(Aio::builder()).build().unwrap();
        let case = Case { name, aio, file: file.try_clone().unwrap().into() };
        for i in 0..3 {
            let result = by_channel(case.read(i)); // the engine learns what the file is
            drive(&case.aio);
            check(i, result.try_recv().unwrap());
        }
        assert!(case.aio.stats().ring > 0, "{name}: reads go to the ring");
        case
    }
    fn read(&self, i: usize) -> Request<'_, Read<AlignedBuf>> {
        self.aio.read_at(&self.file, AlignedBuf::new(BLOCK, BLOCK), (i % BLOCKS * BLOCK) as u64)
    }
    fn submit(&self, range: std::ops::Range<usize>, count: &Arc<AtomicUsize>) {
        for i in range {
            let count = count.clone();
            self.read(i).then(move |out| {
                check(i, out);
                count.fetch_add(1, Ordering::SeqCst);
            });
        }
    }
    /// The engine says that its ring is off, and why: at the latest when it has been refused some more.
    fn is_off(&self, errno: i32) {
        let name = self.name;
        eventually("the ring is off", || {
            check(0, block_on(self.read(0).into_future()));
            !self.aio.backend().ring
        });
        let why = self.aio.backend().ring_off.expect("the reason");
        let error = io::Error::from_raw_os_error(errno).to_string();
        assert!(why.contains("io_uring_enter") && why.contains(&error), "{name}: {why}");
    }
}

#[track_caller]
fn check(i: usize, (n, buf): (io::Result<usize>, AlignedBuf)) {
    assert_eq!(n.expect("a read"), BLOCK);
    assert!(buf.iter().all(|&byte| usize::from(byte) == i % BLOCKS), "block {i}");
}

/// Makes `n` reads, and calls the function in the middle of submitting them.
type Way = fn(&Case, usize, &dyn Fn());

async fn reads(case: &Case, range: std::ops::Range<usize>) {
    let reads = range.clone().map(|i| case.read(i).into_future());
    range.zip(join_all(reads).await).for_each(|(i, out)| check(i, out));
}

/// All of them at once, with a turn of the function in the middle.
async fn futures(case: &Case, n: usize, turn: &dyn Fn()) {
    futures::join!(reads(case, 0..n / 2), async { turn() }, reads(case, n / 2..n));
}

fn callbacks(case: &Case, n: usize, turn: &dyn Fn(), complete: impl Fn(&Aio, &dyn Fn() -> bool)) {
    let count = Arc::new(AtomicUsize::new(0));
    case.submit(0..n / 2, &count);
    turn();
    case.submit(n / 2..n, &count);
    complete(&case.aio, &|| count.load(Ordering::SeqCst) == n);
    assert_eq!(count.load(Ordering::SeqCst), n);
}

const WAYS: [(&str, Way); 8] = [
    ("futures", |case, n, turn| block_on(futures(case, n, turn))),
    ("block_on", |case, n, turn| case.aio.block_on(futures(case, n, turn))),
    ("flush", |case, n, turn| callbacks(case, n, turn, |aio, _| aio.flush().unwrap())),
    ("poll(2)", |case, n, turn| callbacks(case, n, turn, |aio, _| drive(aio))),
    ("wait", |case, n, turn| {
        callbacks(case, n, turn, |aio, over| {
            while !over() {
                assert!(aio.wait(Some(HANG)).unwrap(), "nothing comes");
                aio.poll().unwrap();
            }
        });
    }),
    ("waits of requests", |case, n, turn| {
        turn();
        (0..n.min(20)).for_each(|i| check(i, case.read(i).wait()));
    }),
    ("a group", |case, n, turn| {
        let group = case.aio.group();
        let members = (0..n).map(|i| case.read(i).group(&group).into_future());
        let members =
            async { join_all(members).await.into_iter().enumerate().for_each(|(i, out)| check(i, out)) };
        let told = Arc::new(AtomicUsize::new(0));
        let tell = told.clone();
        block_on(async { futures::join!(members, async { turn() }) });
        group.then(move || _ = tell.fetch_add(1, Ordering::SeqCst));
        block_on(group.clone().into_future());
        case.aio.flush().unwrap();
        assert_eq!(told.load(Ordering::SeqCst), 1);
    }),
    ("a driver on tokio", |case, n, turn| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let driver = tokio::spawn(ioaio::tokio::drive(&case.aio));
            let count = Arc::new(AtomicUsize::new(0));
            case.submit(0..n, &count);
            futures(case, n, turn).await;
            while count.load(Ordering::SeqCst) < n {
                tokio::task::yield_now().await;
            }
            driver.abort();
        });
    }),
];

// ---- by a kernel that is short of memory

#[test]
fn for_once_or_ten_times() {
    with_kernel("refuse::for_once_or_ten_times", |kernel| {
        let file = file();
        for (name, build) in ENGINES {
            for errno in [libc::EAGAIN, libc::EBUSY, libc::ENOMEM, libc::EINTR] {
                for (way, get) in WAYS {
                    for (times, n) in [(1, 1), (1, 40), (10, 1), (10, 40)] {
                        let case = Case::new(name, build, &file);
                        let what = format!("{name}, {way}: {n} reads, errno {errno} {times} times");
                        eprintln!("{what}");
                        get(&case, n, &|| kernel.refuse(errno, times, false));
                        kernel.accept();
                        assert!(times > 1 || case.aio.backend().ring, "{what}: the ring stays on");
                        get(&case, 2, &|| ());
                        assert_eq!(case.aio.nreqs(), 0, "{what}");
                    }
                }
            }
        }
    });
}

/// Refused now and then, for a long time: most of it is accepted, and the ring stays on.
#[test]
fn now_and_then() {
    with_kernel("refuse::now_and_then", |kernel| {
        let file = file();
        for (name, build) in ENGINES {
            for (way, get) in WAYS {
                let case = Case::new(name, build, &file);
                for round in 0..30 {
                    let errno = [libc::EAGAIN, libc::EBUSY][round % 2];
                    get(&case, 10, &|| kernel.refuse(errno, 1, round % 3 == 0));
                }
                kernel.accept();
                assert!(case.aio.backend().ring, "{name}, {way}: {:?}", case.aio.backend());
            }
        }
    });
}

#[test]
fn for_good() {
    with_kernel("refuse::for_good", |kernel| {
        let file = file();
        let errnos = [libc::EPERM, libc::ENOSYS, libc::EBADF, libc::EAGAIN, libc::ENOMEM];
        for (e, errno) in errnos.into_iter().enumerate() {
            for (name, build) in ENGINES {
                for (w, (way, get)) in WAYS.into_iter().enumerate() {
                    let n = [1, 300, 1000][(w + e) % 3]; // each way meets each number
                    let case = Case::new(name, build, &file);
                    eprintln!("{name}, {way}: {n} reads, errno {errno}");
                    get(&case, n, &|| kernel.refuse(errno, i32::MAX, w % 2 == 0));
                    case.is_off(errno);
                    get(&case, 3, &|| ());
                    assert!(kernel.hits.load(Ordering::SeqCst) > 0);
                    kernel.accept();
                    get(&case, 3, &|| ());
                    assert_eq!(case.aio.nreqs(), 0);
                }
            }
        }
    });
}

/// Requests of other kinds go on: composites, and what has no other route but the ring.
#[test]
fn others_go_on() {
    with_kernel("refuse::others_go_on", |kernel| {
        let file = file();
        for (name, build) in ENGINES {
            let case = Case::new(name, build, &file);
            kernel.refuse(libc::EPERM, i32::MAX, true);
            let (dir, aio) = (tempfile::tempdir().unwrap(), &case.aio);
            std::fs::create_dir(dir.path().join("a")).unwrap();
            std::fs::write(dir.path().join("a/f"), "text").unwrap();
            block_on(async {
                assert_eq!(aio.load(dir.path().join("a/f")).await.unwrap(), b"text");
                let copied = aio.copy_tree(dir.path().join("a"), dir.path().join("b")).await.unwrap();
                drop(copied); // nothing is left out where a failure ends it
                aio.save(dir.path().join("c"), "saved").await.0.unwrap();
                assert!(aio.stat("/").await.unwrap().is_dir());
                aio.remove_tree(dir.path().join("a")).await.unwrap();
                aio.nop().await.unwrap();
            });
            let names = aio.walk(dir.path()).into_iter().filter(Result::is_ok).count();
            assert!(names >= 3, "{name}: {names}");
            case.is_off(libc::EPERM);
            kernel.accept();
        }
    });
}

#[test]
fn a_dropped_engine_ends() {
    with_kernel("refuse::a_dropped_engine_ends", |kernel| {
        let file = file();
        for errno in [libc::EPERM, libc::EBADF, libc::EAGAIN] {
            for (name, build) in ENGINES {
                for &n in if errno == libc::EPERM { &[1, 300, 1000][..] } else { &[300] } {
                    let case = Case::new(name, build, &file);
                    let (count, mut cx) = (Arc::new(AtomicUsize::new(0)), Context::from_waker(Waker::noop()));
                    case.submit(0..n / 2, &count);
                    kernel.refuse(errno, i32::MAX, true);
                    case.submit(n / 2..n, &count);
                    let mut given_up: Vec<_> = (0..n).map(|i| case.read(i).into_future()).collect();
                    given_up.iter_mut().for_each(|future| _ = Pin::new(future).poll(&mut cx).is_ready());
                    drop(given_up);
                    let start = Instant::now();
                    drop(case);
                    eprintln!("{name}, {n} reads, errno {errno}: the end took {:?}", start.elapsed());
                    kernel.accept();
                    eventually("the callbacks are dropped", || Arc::strong_count(&count) == 1);
                }
            }
        }
    });
}

// ---- waiting for what does not come

fn cpu() -> Duration {
    // SAFETY: an all-zero rusage is a valid one, and the kernel fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &mut usage), 0);
        usage
    };
    let time = |t: libc::timeval| Duration::new(t.tv_sec as u64, t.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// What is on the ring when it is refused, and comes later.
fn waits_quietly(refuse: impl Fn()) {
    let file = file();
    let (name, build) = ENGINES[1];
    let by_callback = [Case::new(name, build, &file), Case::new(ENGINES[0].0, ENGINES[0].1, &file)];
    let awaited = Case::new(name, build, &file);
    let gate = Gate::new();
    let results: Vec<_> = by_callback.iter().map(|case| by_channel(gate.request(&case.aio))).collect();
    by_callback.iter().for_each(|case| assert_eq!(case.aio.poll().unwrap(), 0));
    let mut future = gate.request(&awaited.aio).into_future();
    assert!(Pin::new(&mut future).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    std::thread::sleep(Duration::from_millis(50)); // the kernel has them
    refuse();
    let count = Arc::new(AtomicUsize::new(0));
    for case in by_callback.iter().chain([&awaited]) {
        count.store(0, Ordering::SeqCst);
        case.submit(0..300, &count);
        while count.load(Ordering::SeqCst) < 300 {
            assert!(case.aio.wait(Some(HANG)).unwrap());
            case.aio.poll().unwrap();
        }
        case.is_off(libc::EPERM);
        for time in [0, 1, 200].map(Duration::from_millis) {
            let start = Instant::now();
            assert!(!case.aio.wait(Some(time)).unwrap());
            assert!(
                start.elapsed() >= time && start.elapsed() < Duration::from_secs(5),
                "{:?}",
                start.elapsed()
            );
        }
    }
    let before = cpu();
    std::thread::scope(|scope| {
        for case in by_callback.iter().chain([&awaited]) {
            scope.spawn(|| assert!(!case.aio.wait(Some(Duration::from_secs(2))).unwrap()));
        }
    });
    let used = cpu() - before;
    assert!(used < Duration::from_millis(500), "{used:?} of CPU time in 2 s in which nothing came");
    (0..3).for_each(|_| gate.open());
    by_callback.iter().for_each(|case| drive(&case.aio));
    results.iter().for_each(|result| assert_eq!(result.try_recv().unwrap().0.unwrap(), 1));
    assert_eq!(block_on(future).0.unwrap(), 1);
}

#[test]
fn a_wait_keeps_its_time_and_costs_nothing() {
    with_kernel("refuse::a_wait_keeps_its_time_and_costs_nothing", |kernel| {
        waits_quietly(|| kernel.refuse(libc::EPERM, i32::MAX, true));
    });
}

#[test]
fn a_wait_keeps_its_time_in_a_sandbox() {
    in_sandbox("refuse::a_wait_keeps_its_time_in_a_sandbox", || {
        waits_quietly(|| filter(&[libc::SYS_io_uring_enter], libc::EPERM));
    });
}

// ---- by a filter that the program has put on itself

fn in_sandbox(test: &str, body: impl FnOnce()) {
    if !Aio::new().unwrap().backend().ring {
        return eprintln!("skipped: there is no ring");
    }
    alone_for(HANG, test, &[], body);
}

fn sandboxed(calls: &[i64], errno: i32) {
    let mut cases = Vec::new();
    let file = file();
    for (name, build) in ENGINES {
        for (w, (way, get)) in WAYS.into_iter().enumerate() {
            cases.push((
                Case::new(name, build, &file),
                way,
                get,
                [1, 300, 1000][w % 3],
                Arc::new(AtomicUsize::new(0)),
            ));
        }
    }
    for (case, _, _, n, count) in &cases {
        case.submit(0..*n, count); // some are in the kernel, some in the queue, some in between
    }
    filter(calls, errno);
    for (case, way, get, n, count) in &cases {
        eprintln!("{}, {way}: {n} reads, errno {errno}", case.name);
        get(case, *n, &|| ());
        drive(&case.aio);
        assert_eq!((count.load(Ordering::SeqCst), case.aio.nreqs()), (*n, 0));
        case.is_off(errno);
    }
}

#[test]
fn by_a_filter_with_eperm() {
    in_sandbox("refuse::by_a_filter_with_eperm", || sandboxed(&[libc::SYS_io_uring_enter], libc::EPERM));
}

#[test]
fn by_a_filter_with_enosys() {
    in_sandbox("refuse::by_a_filter_with_enosys", || {
        let all = [libc::SYS_io_uring_enter, libc::SYS_io_uring_setup, libc::SYS_io_uring_register];
        sandboxed(&all, libc::ENOSYS);
    });
}

#[test]
fn a_dropped_engine_ends_in_a_sandbox() {
    in_sandbox("refuse::a_dropped_engine_ends_in_a_sandbox", || {
        let (count, file) = (Arc::new(AtomicUsize::new(0)), file());
        let all = ENGINES.into_iter().flat_map(|engine| [1, 300, 1000].map(|n| (engine, n)));
        let cases: Vec<_> = all.map(|((name, build), n)| (Case::new(name, build, &file), n)).collect();
        for (case, n) in &cases {
            case.submit(0..n / 2, &count);
        }
        filter(&[libc::SYS_io_uring_enter], libc::EPERM);
        for (case, n) in cases {
            case.submit(n / 2..n, &count);
            drop(case);
        }
        eventually("the callbacks are dropped", || Arc::strong_count(&count) == 1);
    });
}
