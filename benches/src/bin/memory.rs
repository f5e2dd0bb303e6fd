//! What a queued request costs in memory, and whether all of it comes back.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const TARGET: f64 = 256.0;

fn main() -> io::Result<()> {
    let count = std::env::args().nth(1).map_or(Ok(10_000_000), |n| n.parse()).map_err(io::Error::other)?;
    // Nothing is executed before flush, so all of them are queued at the same time.
    let aio = ioaio::Aio::builder().inline(false).ring(false).pool(false).build()?;
    let done = Arc::new(AtomicUsize::new(0));
    let start = resident()?;
    for _ in 0..count {
        let done = done.clone();
        aio.nop().then(move |res| {
            if res.is_ok() {
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    let queued = resident()?;
    aio.flush()?;
    let end = resident()?;
    assert_eq!(done.load(Ordering::Relaxed), count, "every callback has run");
    let each = (queued - start) as f64 / count as f64;
    let verdict = if each <= TARGET { "PASS" } else { "MISS" };
    println!("{count} requests queued: {verdict} {each:.0} bytes each, <= {TARGET}");
    println!("resident before {} KiB, queued {} KiB, after {} KiB", start >> 10, queued >> 10, end >> 10);
    Ok(())
}

/// The resident memory of this process in bytes. Allocates nothing: a small block above the requests
/// would keep the allocator from giving their memory back.
fn resident() -> io::Result<i64> {
    let mut text = [0; 128];
    let len = std::fs::File::open("/proc/self/statm")?.read(&mut text)?;
    let mut fields = text[..len].split(|&byte| byte == b' ').skip(1);
    let pages = fields.next().and_then(|field| std::str::from_utf8(field).ok()?.parse::<i64>().ok());
    Ok(pages.ok_or_else(|| io::Error::other("statm"))? * rustix::param::page_size() as i64)
}
