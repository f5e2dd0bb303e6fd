//! System calls that a filter refuses: where an older one does the same, that one is used.

use std::collections::BTreeMap;

use ioaio::{Aio, File};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use crate::common::alone::alone_for;
use crate::common::{HANG, each_route};

const CALLS: [(&str, i64); 4] = [
    ("preadv2", libc::SYS_preadv2),
    ("statx", libc::SYS_statx),
    ("openat2", libc::SYS_openat2),
    ("renameat2", libc::SYS_renameat2),
];

fn refuse(calls: &[i64], errno: i32) {
    let rules: BTreeMap<i64, Vec<_>> = calls.iter().map(|&call| (call, Vec::new())).collect();
    let arch = std::env::consts::ARCH.try_into().expect("an architecture that seccompiler knows");
    let these = SeccompAction::Errno(errno as u32);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, these, arch).unwrap();
    seccompiler::apply_filter_all_threads(&BpfProgram::try_from(filter).unwrap()).unwrap();
}

/// What takes the refused calls where they are there, on every route, and more than once.
fn all_of_it_works() {
    each_route(|t| {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for round in 0..3 {
            std::fs::write(at("file"), "text").unwrap();
            let file: File = t.get(t.open(at("file"))).expect("open");
            let (n, buf) = t.get(t.read_at(&file, vec![0; 10], 1));
            assert_eq!((n.expect("read_at"), &buf[..3]), (3, &b"ext"[..]), "round {round}");
            let metadata = t.get(t.stat(at("file"))).expect("stat");
            let inode = rustix::fs::stat(at("file")).unwrap().st_ino; // std asks by the refused statx
            assert_eq!((metadata.len(), metadata.ino()), (4, inode), "round {round}");
            assert_eq!(t.get(t.lstat(at("file"))).expect("lstat").len(), 4);
            assert_eq!(t.get(t.fstat(&file)).expect("fstat").len(), 4);
            t.get(t.close(file)).expect("close");
            t.get(t.rename(at("file"), at("other"))).expect("rename");
            assert_eq!(t.get(t.load(at("other"))).expect("load"), b"text");
            let none = t.get(t.stat(at("none"))).expect_err("there is none");
            assert_eq!(none.raw_os_error(), Some(libc::ENOENT), "the file's own errno");
            let none = t.get(t.open(at("none"))).expect_err("there is none");
            assert_eq!(none.raw_os_error(), Some(libc::ENOENT));
        }
    });
}

fn trees_work() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    std::fs::create_dir_all(at("a/b/c")).unwrap();
    std::fs::write(at("a/b/file"), "text").unwrap();
    let aio = Aio::new().unwrap();
    aio.block_on(async {
        drop(aio.copy_tree(at("a"), at("copy")).await.expect("copy_tree"));
        aio.save(at("saved"), "saved").await.0.expect("save");
        aio.copy(at("saved"), at("copied")).await.expect("copy");
        aio.move_to(at("copied"), at("moved")).await.expect("move_to");
        assert_eq!(aio.load(at("moved")).await.expect("load"), b"saved");
        assert!(aio.du(at("copy")).await.is_ok());
    });
    let seen = aio.walk(dir.path()).metadata(true).into_iter().filter(|entry| entry.is_ok()).count();
    assert!(seen >= 9, "{seen}");
    aio.remove_tree(at("copy")).wait().expect("remove_tree");
    assert!(!at("copy").exists());
}

fn refused(test: &str, errno: i32) {
    for (name, call) in CALLS {
        alone_for(HANG, test, &[("IOAIO_TEST_CALL", name.as_ref())], || {
            // In the process of its own, where the loop is run once more.
            let wanted = std::env::var("IOAIO_TEST_CALL").expect("the call");
            if wanted == name {
                eprintln!("{name} is refused");
                let before = Aio::new().unwrap();
                assert!(before.stat("/").wait().unwrap().is_dir());
                refuse(&[call], errno);
                assert!(before.stat("/").wait().expect("an engine from before").is_dir());
                all_of_it_works();
                trees_work();
            }
        });
    }
}

#[test]
fn with_eperm() {
    refused("filter::with_eperm", libc::EPERM);
}

#[test]
fn with_enosys() {
    refused("filter::with_enosys", libc::ENOSYS);
}
