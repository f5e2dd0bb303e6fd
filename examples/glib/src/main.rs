//! glib's main loop, which GTK programs run.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::PathBuf;
use std::sync::mpsc::channel;

use glib::{ControlFlow, IOCondition, MainLoop, Priority};
use ioaio::Aio;

fn main() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("greeting");
    std::fs::write(&path, "hello")?;

    let aio = Aio::new()?;
    let (result, data) = channel();
    work(&aio, path.clone(), move |data| result.send(data).expect("main waits for it"));

    let main_loop = MainLoop::new(None, false);
    let (files, ended) = (aio.clone(), main_loop.clone());
    let poll_fd = aio.as_fd().as_raw_fd();
    glib::source::unix_fd_add_local_full(poll_fd, Priority::DEFAULT, IOCondition::IN, move |_, _| {
        files.poll().expect("poll");
        if files.nreqs() == 0 {
            ended.quit(); // a program with windows goes on
        }
        ControlFlow::Continue
    });
    main_loop.run();

    assert_eq!(data.try_recv().expect("all callbacks have run"), b"hello");
    assert!(!path.exists());
    println!("glib: read and removed a file");
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
