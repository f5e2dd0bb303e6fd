//! What a request allocates: itself, and nothing for a path or a name that is short.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use ioaio::{Aio, Op, Request};

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

struct Counting;

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MANY: usize = 100;

/// How often memory is allocated for so many requests, from their making until their callbacks have run.
fn allocations<O: Op>(aio: &Aio, make: impl for<'a> Fn(&'a Aio) -> Request<'a, O>) -> usize {
    let run = || {
        (0..MANY).for_each(|_| drop(make(aio).then(|_| {})));
        aio.flush().expect("flush");
    };
    run(); // what the engine keeps for the next time
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    run();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// One test, since it counts for the whole process. Without threads nobody else allocates meanwhile.
#[test]
fn a_short_path_needs_no_memory_of_its_own() {
    let aio = Aio::builder().inline(false).ring(false).pool(false).build().expect("an engine");
    let request = allocations(&aio, |aio| aio.nop());
    assert!(request >= MANY, "the requests themselves are counted");

    let short = "/nowhere/there/is/a/path/of/sixty/two/bytes/that/is/just/short";
    let long = format!("{short}/");
    assert_eq!((short.len(), long.len()), (62, 63));
    assert_eq!(allocations(&aio, |aio| aio.unlink(short)), request);
    assert_eq!(allocations(&aio, |aio| aio.stat(short)), request);
    assert_eq!(allocations(&aio, |aio| aio.open(short)), request);
    assert_eq!(allocations(&aio, |aio| aio.rename(short, short)), request);
    assert_eq!(allocations(&aio, |aio| aio.removexattr(short, "user.comment")), request);
    assert_eq!(allocations(&aio, |aio| aio.unlink(&long)), request + MANY);
    // What it tells of a file lies in the request as well.
    assert_eq!(allocations(&aio, |aio| aio.stat("/")), request);
    assert_eq!(allocations(&aio, |aio| aio.statx("/")), request);
}
