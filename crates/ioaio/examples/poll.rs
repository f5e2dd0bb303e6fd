//! The smallest event loop: `poll(2)`.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::channel;

use ioaio::Aio;
use rustix::event::{PollFd, PollFlags, poll};

fn main() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("greeting");
    std::fs::write(&path, "hello")?;

    let aio = Aio::new()?;
    let (result, data) = channel();
    work(&aio, path.clone(), move |data| result.send(data).expect("main waits for it"));

    while aio.nreqs() > 0 {
        poll(&mut [PollFd::new(&aio, PollFlags::IN)], None)?; // and a program's other descriptors
        aio.poll()?;
    }

    assert_eq!(data.try_recv().expect("all callbacks have run"), b"hello");
    assert!(!path.exists());
    println!("poll: read and removed a file");
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
