//! save.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use ioaio::{Aio, Faults};

use crate::common::each_route;
use crate::{bytes, each_fault_besides, errno, names};

#[test]
fn contents_are_saved_and_nothing_else_appears() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x".repeat(255));
    let big = bytes(5 << 20);
    each_route(|t| {
        for durable in [true, false] {
            for data in [b"".to_vec(), b"hello".to_vec(), big.clone()] {
                let (res, back) = t.get(t.save(&path, data.clone()).durable(durable));
                res.unwrap();
                assert!(back == data && fs::read(&path).unwrap() == data);
            }
        }
        let handle = ioaio::Dir::open(dir.path()).unwrap();
        t.get(t.save("y", "by handle").at(&handle)).0.unwrap();
        assert_eq!(fs::read(dir.path().join("y")).unwrap(), b"by handle");
        assert_eq!(names(dir.path()).len(), 2, "no temporary names");
    });
}

#[test]
fn the_mode_is_as_with_open() {
    let dir = tempfile::tempdir().unwrap();
    let aio = Aio::new().unwrap();
    for mode in [0o666, 0o600, 0o755, 0o4711] {
        let (by_std, by_save) = (dir.path().join("std"), dir.path().join("save"));
        let _ = fs::remove_file(&by_std);
        use std::os::unix::fs::OpenOptionsExt;
        let mut std = fs::OpenOptions::new().create_new(true).write(true).mode(mode).open(&by_std).unwrap();
        std.write_all(b"x").unwrap(); // which takes away set-user-ID of others than root
        aio.save(&by_save, "x").mode(mode).wait().0.unwrap();
        let mode_of = |path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode_of(&by_save), mode_of(&by_std));
    }
    assert_eq!(errno(aio.save(dir.path().join("z"), "x").mode(0o10000).wait().0), Some(libc::EINVAL));
}

#[test]
fn keeping_takes_over_owner_mode_and_attributes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    fs::write(&path, "old").unwrap();
    let owner = match std::os::unix::fs::chown(&path, Some(1234), Some(4321)) {
        Ok(()) => (1234, 4321),
        Err(_) => {
            eprintln!("partly skipped: no privilege to give a file away");
            let st = fs::metadata(&path).unwrap();
            (st.uid(), st.gid())
        }
    };
    fs::set_permissions(&path, fs::Permissions::from_mode(0o2751)).unwrap();
    let xattrs = rustix::fs::setxattr(&path, "user.colour", b"blue", rustix::fs::XattrFlags::empty()).is_ok();
    if !xattrs {
        eprintln!("partly skipped: no extended attributes here");
    }
    each_route(|t| {
        t.get(t.save(&path, "new").keep(true)).0.unwrap();
        let st = fs::metadata(&path).unwrap();
        assert_eq!((st.uid(), st.gid()), owner);
        assert_eq!(st.mode() & 0o7777, 0o2751);
        if xattrs {
            let mut value = [0; 16];
            let n = rustix::fs::getxattr(&path, "user.colour", &mut value).unwrap();
            assert_eq!(&value[..n], b"blue");
        }
    });
    let fresh = dir.path().join("fresh");
    Aio::new().unwrap().save(&fresh, "x").keep(true).mode(0o640).wait().0.unwrap();
    assert_eq!(fs::metadata(&fresh).unwrap().mode() & 0o7777, 0o640);
}

#[test]
fn a_file_that_is_replaced_hands_on_its_mode_owner_and_acl() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    let aio = Aio::new().unwrap();
    let look = || {
        let st = fs::metadata(&path).unwrap();
        (st.mode() & 0o7777, st.uid(), st.gid())
    };
    for mode in [0o600, 0o400, 0o755, 0o2750, 0] {
        fs::write(&path, "old").unwrap();
        let owner = std::os::unix::fs::chown(&path, Some(1234), Some(4321));
        if owner.is_err() {
            eprintln!("partly skipped: no privilege to give a file away");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let before = look();
        aio.save(&path, "new").keep(false).wait().0.unwrap();
        assert_eq!(look(), before);
        aio.save(&path, "new").new_mode(0o644).wait().0.unwrap();
        assert_eq!(look(), before);
        aio.save(&path, "new").mode(0o640).wait().0.unwrap();
        assert_eq!(look().0, 0o640);
        fs::remove_file(&path).unwrap();
    }
    aio.save(&path, "new").new_mode(0o604).wait().0.unwrap();
    assert_eq!(look().0, 0o604);
    // What was said of the contents is not said of others; who may read them is.
    let set = |name: &str, value: &[u8]| {
        rustix::fs::setxattr(&path, name, value, rustix::fs::XattrFlags::empty()).is_ok()
    };
    let get = |name: &str| {
        let mut value = vec![0; 100];
        let n = rustix::fs::getxattr(&path, name, &mut value).ok()?;
        value.truncate(n);
        Some(value)
    };
    let acl = crate::attributes::acl([6, 6, 4, 6, 0]);
    if !set("user.hash", b"of the old contents") || !set(crate::attributes::ACCESS_ACL, &acl) {
        return eprintln!("partly skipped: no attributes here");
    }
    aio.save(&path, "newer").wait().0.unwrap();
    assert_eq!((get(crate::attributes::ACCESS_ACL), get("user.hash")), (Some(acl.clone()), None));
    assert!(set("user.hash", b"kept"));
    aio.save(&path, "newest").keep(true).wait().0.unwrap();
    assert_eq!((get(crate::attributes::ACCESS_ACL), get("user.hash")), (Some(acl), Some(b"kept".to_vec())));
}

#[test]
fn a_file_that_may_not_even_be_read_hands_on_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let path = dir.path().join("file");
    crate::common::as_nobody(|| {
        for mode in [0o000, 0o111, 0o044] {
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let aio = Aio::new().unwrap();
            for keep in [true, false] {
                let save = aio.save(&path, "new");
                if keep { save.keep(true) } else { save }.wait().0.unwrap();
                assert_eq!(fs::metadata(&path).unwrap().mode() & 0o7777, mode);
            }
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert_eq!(fs::read(&path).unwrap(), b"new");
        }
    });
}

#[test]
fn other_hard_links_keep_the_old_contents() {
    let dir = tempfile::tempdir().unwrap();
    let (target, hard) = (dir.path().join("target"), dir.path().join("hard"));
    fs::write(&target, "target").unwrap();
    fs::hard_link(&target, &hard).unwrap();
    Aio::new().unwrap().save(&hard, "saved").keep(true).wait().0.unwrap();
    assert_eq!(fs::read(&hard).unwrap(), b"saved");
    assert_eq!(fs::read(&target).unwrap(), b"target");
}

#[test]
fn what_can_not_be_a_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("old"), "old").unwrap();
    fs::create_dir(dir.path().join("dir")).unwrap();
    each_route(|t| {
        let save = |name: &str| errno(t.get(t.save(dir.path().join(name), "x")).0);
        assert_eq!(save("none/file"), Some(libc::ENOENT));
        assert_eq!(save("old/file"), Some(libc::ENOTDIR));
        assert_eq!(save("dir"), Some(libc::EISDIR));
        assert_eq!(save("dir/"), Some(libc::EISDIR));
        assert_eq!(save(".."), Some(libc::EISDIR));
        assert_eq!(save(&"x".repeat(256)), Some(libc::ENAMETOOLONG));
        assert_eq!(errno(t.get(t.save("", "x")).0), Some(libc::ENOENT));
        assert_eq!(errno(t.get(t.save("a\0b", "x")).0), Some(libc::EINVAL));
        let kept = t.get(t.save(dir.path().join("old"), "x").replace(false)).0;
        assert_eq!(errno(kept), Some(libc::EEXIST));
        let new = dir.path().join("new");
        t.get(t.save(&new, "x").replace(false)).0.unwrap();
        fs::remove_file(new).unwrap();
        assert_eq!(fs::read(dir.path().join("old")).unwrap(), b"old");
        assert_eq!(names(dir.path()), ["dir", "old"]);
    });
}

#[test]
fn after_a_fault_it_is_old_or_new() {
    let data: std::sync::Arc<[u8]> = bytes(5 << 20).into();
    // The openat for a file without a name; then it has a temporary one.
    let nameless = |existing| 3 + if existing { 2 } else { 1 };
    for (existing, named) in [(false, false), (true, false), (false, true), (true, true)] {
        let always = || match named {
            true => Faults::new(1).fail_nth(nameless(existing), libc::EOPNOTSUPP),
            false => Faults::new(1),
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let run = |aio: &Aio| {
            let _ = fs::remove_file(&path);
            if existing {
                fs::write(&path, "old").unwrap();
            }
            aio.save(&path, data.clone()).keep(true).durable(!existing).wait().0
        };
        each_fault_besides(always, libc::ENOSPC, run, |n, res| {
            let new = fs::read(&path).is_ok_and(|found| found == data[..]);
            let old =
                if existing { fs::read(&path).is_ok_and(|data| data == b"old") } else { !path.exists() };
            match res {
                Ok(()) => assert!(new, "step {n}"),
                Err(e) => assert!(old || (new && e.call() == "fsync"), "step {n}: {e}"),
            }
            assert_eq!(names(dir.path()).len(), usize::from(path.exists()), "step {n}: what was temporary");
        });
    }
}

#[test]
fn after_a_cancel_it_is_old_or_new() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("file");
    let aio = Aio::builder().max_parallel(1).build().unwrap();
    let data: std::sync::Arc<[u8]> = bytes(9 << 20).into();
    let mut ends = [0, 0];
    for round in 0..40u64 {
        fs::write(&path, "old").unwrap();
        let result = std::sync::Arc::new(std::sync::Mutex::new(None));
        let give = result.clone();
        let handle = aio
            .save(&path, data.clone())
            .durable(false)
            .then(move |(res, _)| *give.lock().unwrap() = Some(res));
        std::thread::sleep(std::time::Duration::from_micros(round * 200));
        handle.cancel();
        aio.flush().unwrap();
        let res = result.lock().unwrap().take().expect("one result");
        let is_new = fs::read(&path).unwrap() == data[..];
        match res {
            Ok(()) => assert!(is_new),
            Err(e) => {
                assert_eq!(e.raw_os_error(), Some(libc::ECANCELED));
                assert_eq!(fs::read(&path).unwrap(), b"old");
            }
        }
        ends[usize::from(is_new)] += 1;
        assert_eq!(names(dir.path()), ["file"]);
    }
    eprintln!("{} cancelled, {} saved", ends[0], ends[1]);
    assert!(ends[0] > 0, "a cancel right after the submission takes effect");
}
