//! Which mounts are asked inline: those of which every layer is known to be local.

use std::ffi::CString;
use std::fs;
use std::io;
use std::path::Path;

use ioaio::Aio;
use tempfile::tempdir;

use crate::common::{by_channel, drive, in_child};

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}
fn mount(kind: &str, at: &Path, options: &str, flags: libc::c_ulong) -> io::Result<()> {
    let (kind, options, at) = (c(kind), c(options), c(at.to_str().unwrap()));
    // SAFETY: C strings, which live as long as the call.
    let done =
        unsafe { libc::mount(kind.as_ptr(), at.as_ptr(), kind.as_ptr(), flags, options.as_ptr().cast()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
/// From now on nobody else sees what this process mounts.
fn have_mounts_of_ones_own() -> io::Result<()> {
    // SAFETY: takes a number.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return Err(io::Error::last_os_error());
    }
    mount("none", Path::new("/"), "", libc::MS_REC | libc::MS_PRIVATE)
}
/// A new overlay at `at`, over these lower layers.
fn overlay(at: &Path, lower: &[&Path]) -> io::Result<()> {
    let [upper, work, merged] = ["upper", "work", "merged"].map(|name| at.join(name));
    for dir in [at, &upper, &work, &merged] {
        fs::create_dir(dir)?;
    }
    let lower: Vec<_> = lower.iter().map(|path| path.to_str().unwrap()).collect();
    let (upper, work, lower) = (upper.to_str().unwrap(), work.to_str().unwrap(), lower.join(":"));
    mount("overlay", &merged, &format!("lowerdir={lower},upperdir={upper},workdir={work}"), 0)
}
/// Whether an open file in that directory is asked where the request is submitted.
fn is_asked_inline(dir: &Path) -> bool {
    let aio = Aio::new().unwrap();
    fs::write(dir.join("file"), "contents").unwrap();
    let file = aio.open(dir.join("file")).wait().unwrap();
    assert_eq!(aio.read_at(&file, vec![0; 8], 0).wait().1, b"contents");
    let before = aio.stats().inline;
    let seen = by_channel(aio.fstat(&file));
    let inline = aio.stats().inline > before;
    drive(&aio);
    assert_eq!(seen.try_recv().unwrap().unwrap().len(), 8);
    inline
}

/// Runs `body` in a directory on a tmpfs of its own, where it may mount.
fn where_it_may_mount(body: impl FnOnce(&Path)) {
    let dir = tempdir().unwrap();
    in_child(|| {
        let begun = have_mounts_of_ones_own().and_then(|()| mount("tmpfs", dir.path(), "", 0));
        if let Err(e) = begun {
            return eprintln!("skipped: nothing can be mounted: {e}");
        }
        if !is_asked_inline(dir.path()) {
            return eprintln!("skipped: this kernel does not tell mounts apart (Linux 6.8)");
        }
        body(dir.path());
    });
}

#[test]
fn an_overlay_of_local_layers_is_local() {
    where_it_may_mount(|dir| {
        let lower = ["a", "with space"].map(|name| dir.join(name));
        lower.iter().for_each(|dir| fs::create_dir(dir).unwrap());
        let [a, space] = &lower;
        if let Err(e) = overlay(&dir.join("one"), &[a, space]) {
            return eprintln!("skipped: no overlayfs: {e}");
        }
        assert!(is_asked_inline(&dir.join("one/merged")));
        fs::create_dir(dir.join("deep")).unwrap();
        overlay(&dir.join("deep/two"), &[&dir.join("one/merged"), a]).unwrap();
        assert!(is_asked_inline(&dir.join("deep/two/merged")), "over another one");
    });
}

#[test]
fn an_overlay_is_not_local_if_one_of_its_layers_is_not() {
    where_it_may_mount(|dir| {
        let (plain, other) = (dir.join("plain"), dir.join("other"));
        fs::create_dir(&plain).unwrap();
        fs::create_dir(&other).unwrap();
        // None of these is known to be local, and each can be a layer.
        let kinds = ["fusectl", "mqueue", "debugfs", "cgroup2"];
        let Some(kind) = kinds.into_iter().find(|kind| mount(kind, &other, "", 0).is_ok()) else {
            return eprintln!("skipped: none of these can be mounted: {kinds:?}");
        };
        if let Err(e) = overlay(&dir.join("one"), &[&plain, &other]) {
            return eprintln!("skipped: no overlay over {kind}: {e}");
        }
        assert!(!is_asked_inline(&dir.join("one/merged")), "over {kind}");
        fs::create_dir(dir.join("deep")).unwrap();
        overlay(&dir.join("deep/two"), &[&dir.join("one/merged"), &plain]).unwrap();
        assert!(!is_asked_inline(&dir.join("deep/two/merged")), "over an overlay over {kind}");
    });
}

#[test]
fn an_overlay_is_not_local_if_its_layers_cannot_be_seen() {
    where_it_may_mount(|dir| {
        let (hidden, lower) = (dir.join("hidden"), dir.join("hidden/lower"));
        fs::create_dir(&hidden).unwrap();
        mount("tmpfs", &hidden, "", 0).unwrap();
        fs::create_dir(&lower).unwrap();
        if let Err(e) = overlay(&dir.join("one"), &[&lower]) {
            return eprintln!("skipped: no overlayfs: {e}");
        }
        let path = c(hidden.to_str().unwrap());
        // SAFETY: a C string, which lives as long as the call.
        assert_eq!(unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) }, 0);
        assert!(!is_asked_inline(&dir.join("one/merged")));
    });
}
