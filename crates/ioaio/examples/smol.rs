//! smol, whose reactor, async-io, watches the poll fd. Needs the feature `async-io`; without it,
//! everything works as well, with one thread more.

use std::io;
use std::path::Path;

use ioaio::Aio;

fn main() -> io::Result<()> {
    smol::block_on(run())
}

async fn run() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("greeting");
    std::fs::write(&path, "hello")?;

    let aio = Aio::new()?;
    smol::spawn(ioaio::async_io::drive(&aio)).detach();
    assert_eq!(work(&aio, &path).await?, b"hello");
    assert!(!path.exists());

    let (result, heard) = smol::channel::bounded(1);
    aio.stat(&path).then(move |st| result.try_send(st.is_err()).expect("main waits for it"));
    assert!(heard.recv().await.expect("callbacks run in the driver"));
    println!("smol: read and removed a file");
    Ok(())
}

/// Reads a file and removes it.
async fn work(aio: &Aio, path: &Path) -> io::Result<Vec<u8>> {
    let file = aio.open(path).await?;
    let (n, data) = aio.read_at(&file, Vec::with_capacity(100), 0).await;
    assert_eq!(aio.stat(path).await?.len(), n? as u64);
    aio.unlink(path).await?;
    Ok(data)
}
