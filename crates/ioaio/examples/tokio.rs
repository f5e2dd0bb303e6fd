//! tokio, whose reactor watches the poll fd. Needs the feature `tokio`; without it, everything
//! works as well, with one thread more.

use std::io;
use std::path::Path;

use ioaio::Aio;

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("greeting");
    std::fs::write(&path, "hello")?;

    let aio = Aio::new()?;
    tokio::spawn(ioaio::tokio::drive(&aio));
    assert_eq!(work(&aio, &path).await?, b"hello");
    assert!(!path.exists());

    let (result, heard) = tokio::sync::oneshot::channel();
    aio.stat(&path).then(|st| result.send(st.is_err()).expect("main waits for it"));
    assert!(heard.await.expect("callbacks run in the driver"));
    println!("tokio: read and removed a file");
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
