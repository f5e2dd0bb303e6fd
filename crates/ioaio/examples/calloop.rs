//! calloop, the event loop of many Wayland programs.

use std::io;
use std::path::PathBuf;
use std::sync::mpsc::channel;

use calloop::generic::Generic;
use calloop::{EventLoop, Interest, Mode, PostAction};
use ioaio::Aio;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("greeting");
    std::fs::write(&path, "hello")?;

    let aio = Aio::new()?;
    let (result, data) = channel();
    work(&aio, path.clone(), move |data| result.send(data).expect("main waits for it"));

    let mut event_loop: EventLoop<()> = EventLoop::try_new()?;
    let files = Generic::new(aio.clone(), Interest::READ, Mode::Level);
    event_loop.handle().insert_source(files, |_, aio, ()| {
        aio.poll()?;
        io::Result::Ok(PostAction::Continue)
    })?;
    while aio.nreqs() > 0 {
        event_loop.dispatch(None, &mut ())?;
    }

    assert_eq!(data.try_recv().expect("all callbacks have run"), b"hello");
    assert!(!path.exists());
    println!("calloop: read and removed a file");
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
