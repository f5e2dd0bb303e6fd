//! A relative path is resolved when the request is executed.

use std::time::Duration;

use ioaio::Aio;
use tempfile::tempdir;

use crate::common::{by_channel, drive, each_route, in_child};

#[test]
fn a_relative_path_is_resolved_against_the_directory_of_the_process() {
    let dir = tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "12345").unwrap();
    // The directory belongs to the whole process.
    in_child(|| {
        std::env::set_current_dir(dir.path()).unwrap();
        each_route(|t| {
            assert_eq!(t.get(t.stat("file")).unwrap().len(), 5);
            let file = t.get(t.open("./file")).unwrap();
            assert_eq!(t.get(t.fstat(&file)).unwrap().len(), 5);
            assert_eq!(t.get(t.read_dir(".")).unwrap().len(), 1);
        });
    });
}

#[test]
fn a_relative_path_is_resolved_when_executed() {
    let (old, new) = (tempdir().unwrap(), tempdir().unwrap());
    std::fs::write(old.path().join("file"), "old").unwrap();
    std::fs::write(new.path().join("file"), "newer").unwrap();
    in_child(|| {
        std::env::set_current_dir(old.path()).unwrap();
        let aio = Aio::builder().ring(false).inline(false).pool(false).build().unwrap();
        let first = by_channel(aio.busy(Duration::ZERO));
        let len = by_channel(aio.stat("file"));
        std::env::set_current_dir(new.path()).unwrap();
        drive(&aio);
        first.try_recv().unwrap().unwrap();
        assert_eq!(len.try_recv().unwrap().unwrap().len(), 5);
    });
}
