//! An allocator that keeps large blocks after they are freed, filled with a pattern, so that a
//! write which comes too late is seen. AddressSanitizer does not see what the kernel writes.
//!
//! # Safety contract
//! A kept block came from the system allocator with its layout, and goes back to it once, in `look`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Smaller blocks are nobody's read buffer here.
const LARGE: usize = 1 << 20;
const ROOM: usize = 64;
const PATTERN: u8 = 0xEE;

static ARMED: AtomicBool = AtomicBool::new(false);
static KEPT: Mutex<Kept> = Mutex::new(Kept { blocks: [const { None }; ROOM], len: 0 });

struct Kept {
    blocks: [Option<(*mut u8, Layout)>; ROOM],
    len: usize,
}
// SAFETY: the pointers are owned blocks.
unsafe impl Send for Kept {}

pub struct Quarantine;

// SAFETY: the system allocator, but for when a block is given back.
unsafe impl GlobalAlloc for Quarantine {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout.size() >= LARGE && ARMED.load(Ordering::SeqCst) {
            // SAFETY: the block is freed, so nobody else may touch it: that is what is tested.
            unsafe { block.write_bytes(PATTERN, layout.size()) };
            let mut kept = KEPT.lock().expect("quarantine");
            assert!(kept.len < ROOM, "look() more often");
            let at = kept.len;
            kept.blocks[at] = Some((block, layout));
            kept.len += 1;
            return;
        }
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}

/// From now on large blocks are kept.
pub fn arm() {
    ARMED.store(true, Ordering::SeqCst);
}

/// How many blocks have been freed, and how many of them were written to afterwards. Gives them back.
pub fn look() -> (usize, usize) {
    let mut kept = KEPT.lock().expect("quarantine");
    let freed = kept.len;
    let mut spoilt = 0;
    for at in 0..freed {
        let Some((block, layout)) = kept.blocks[at].take() else { continue };
        // SAFETY: kept alive since it was freed. Volatile would not help: the kernel has stopped
        // writing by now, or the next look finds it.
        let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
        spoilt += usize::from(bytes.chunks(4096).any(|part| part != &[PATTERN; 4096][..part.len()]));
        // SAFETY: the module's contract.
        unsafe { System.dealloc(block, layout) }
    }
    kept.len = 0;
    (freed, spoilt)
}
