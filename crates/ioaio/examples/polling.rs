//! The crate `polling`, under async-io and smol, used directly.

use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::mpsc::channel;

use ioaio::Aio;
use polling::{Event, Events, PollMode, Poller};

const FILES: usize = 1;

fn main() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("greeting");
    std::fs::write(&path, "hello")?;

    let aio = Aio::new()?;
    let (result, data) = channel();
    work(&aio, path.clone(), move |data| result.send(data).expect("main waits for it"));

    let poller = Poller::new()?;
    // SAFETY: deleted below, before the engine ends.
    unsafe { poller.add_with_mode(&aio.as_fd(), Event::readable(FILES), PollMode::Level)? };
    let mut events = Events::new();
    while aio.nreqs() > 0 {
        events.clear();
        poller.wait(&mut events, None)?;
        if events.iter().any(|event| event.key == FILES) {
            aio.poll()?;
        }
    }
    poller.delete(&aio)?;

    assert_eq!(data.try_recv().expect("all callbacks have run"), b"hello");
    assert!(!path.exists());
    println!("polling: read and removed a file");
    Ok(())
}

/// Reads a file and removes it: each step's callback takes the next one.
fn work(aio: &Aio, path: PathBuf, end: impl FnOnce(Vec<u8>) + Send + 'static) {
    let aio = aio.clone();
    aio.clone().open(&path).then(move |file| {
        let file = file.expect("open");
        aio.clone().read_at(&file, Vec::with_capacity(100), 0).then(move |(n, data)| {
            n.expect("read");
            aio.clone().stat(&path).then(move |st| {
                assert_eq!(st.expect("stat").len(), data.len() as u64);
                aio.clone().unlink(&path).then(move |res| {
                    res.expect("unlink");
                    end(data);
                });
            });
        });
    });
}
