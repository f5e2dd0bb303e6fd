//! mio, whose events are edge-triggered: poll until nothing is found.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::sync::mpsc::channel;

use ioaio::Aio;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token};

const FILES: Token = Token(0);

fn main() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("greeting");
    std::fs::write(&path, "hello")?;

    let aio = Aio::new()?;
    let (result, data) = channel();
    work(&aio, path.clone(), move |data| result.send(data).expect("main waits for it"));

    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(16);
    poll.registry().register(&mut SourceFd(&aio.as_fd().as_raw_fd()), FILES, Interest::READABLE)?;
    while aio.nreqs() > 0 {
        poll.poll(&mut events, None)?;
        for event in &events {
            match event.token() {
                FILES => while aio.poll()? > 0 {},
                _ => unreachable!("nothing else is registered"),
            }
        }
    }

    assert_eq!(data.try_recv().expect("all callbacks have run"), b"hello");
    assert!(!path.exists());
    println!("mio: read and removed a file");
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
