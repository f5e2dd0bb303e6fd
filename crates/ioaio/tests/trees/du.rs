//! du.

use std::collections::HashSet;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use ioaio::{Aio, DiskUsage, Faults, Progress};
use tempfile::tempdir;

use crate::common::{as_nobody, each_route, in_child};
use crate::mounts;

/// Files of all sorts, holes, and names of one file in different directories.
fn plant(top: &Path) {
    for dir in ["a", "a/b", "a/b/c", "d"] {
        std::fs::create_dir(top.join(dir)).unwrap();
    }
    for n in 0..20 {
        std::fs::write(top.join(format!("a/b/file{n}")), "x".repeat(n * 1000)).unwrap();
    }
    std::fs::File::create(top.join("d/hole")).unwrap().set_len(1 << 30).unwrap();
    for name in ["d/again", "a/again", "a/b/c/again"] {
        std::fs::hard_link(top.join("a/b/file19"), top.join(name)).unwrap();
    }
    symlink("/", top.join("d/link")).unwrap();
}

/// Bytes on disk and by length, files, directories.
type Sums = [u64; 4];

fn expected(root: &Path) -> Sums {
    fn add(path: &Path, sums: &mut Sums, seen: &mut HashSet<u64>) {
        let st = std::fs::symlink_metadata(path).unwrap();
        if !seen.insert(st.ino()) {
            return;
        }
        let dir = u64::from(st.is_dir());
        for (sum, n) in sums.iter_mut().zip([st.blocks() * 512, st.len(), 1 - dir, dir]) {
            *sum += n;
        }
        if st.is_dir() {
            std::fs::read_dir(path).unwrap().for_each(|entry| add(&entry.unwrap().path(), sums, seen));
        }
    }
    let mut sums = Sums::default();
    add(root, &mut sums, &mut HashSet::new());
    sums
}

fn sums(usage: &DiskUsage) -> Sums {
    [usage.disk(), usage.apparent(), usage.files(), usage.dirs()]
}

#[test]
fn the_sums_are_those_of_all_there_is() {
    let top = tempdir().unwrap();
    plant(top.path());
    let all = expected(top.path());
    each_route(|t| {
        let progress = Progress::new();
        let usage = t.get(t.du(top.path()).progress(&progress)).unwrap();
        assert_eq!((sums(&usage), usage.failed()), (all, 0));
        assert_eq!((progress.entries(), progress.bytes()), (all[2] + all[3], all[1]));
        let dir = ioaio::Dir::open(top.path()).unwrap();
        assert_eq!(sums(&t.get(t.du("a").at(&dir)).unwrap()), expected(&top.path().join("a")));
        let file = t.get(t.du(top.path().join("d/hole"))).unwrap();
        assert_eq!(sums(&file), [0, 1 << 30, 1, 0]);
    });
}

#[test]
fn errors_are_told() {
    each_route(|t| {
        let errno = |path: &str| t.get(t.du(path)).unwrap_err().raw_os_error();
        assert_eq!(errno("/nowhere"), Some(libc::ENOENT));
        assert_eq!(errno("a\0b"), Some(libc::EINVAL));
    });
    let top = tempdir().unwrap();
    std::fs::set_permissions(top.path(), PermissionsExt::from_mode(0o777)).unwrap();
    as_nobody(|| {
        plant(top.path());
        let dir = top.path().join("a/b/c");
        std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o300)).unwrap();
        let usage = Aio::new().unwrap().du(top.path()).wait().unwrap();
        std::fs::set_permissions(&dir, PermissionsExt::from_mode(0o700)).unwrap();
        assert_eq!(sums(&usage), expected(top.path()), "what is in there was met elsewhere");
        let errors = usage.errors().iter().map(|e| (e.call(), e.path(), e.raw_os_error()));
        assert!(errors.eq([("openat", dir.as_path(), Some(libc::EACCES))]));
        assert_eq!(usage.failed(), 1);
    });
}

#[test]
fn other_file_systems_count_only_if_that_is_wanted() {
    let dev = |path: &str| std::fs::metadata(path).map(|m| m.dev()).ok();
    if dev("/dev/shm").is_none() || dev("/dev/shm") == dev("/dev") {
        return eprintln!("skipped: nothing is mounted on /dev/shm");
    }
    let Ok(mut file) =
        tempfile::tempfile_in("/dev/shm").and_then(|_| tempfile::NamedTempFile::new_in("/dev/shm"))
    else {
        return eprintln!("skipped: /dev/shm is not writable");
    };
    std::io::Write::write_all(&mut file, &[1; 1 << 20]).unwrap();
    let aio = Aio::new().unwrap();
    let [all, here] = [false, true].map(|stay| aio.du("/dev").one_file_system(stay).wait().unwrap());
    assert!(all.disk() >= here.disk() + (1 << 20), "{} and {}", all.disk(), here.disk());
}

/// Every system call fails once: it is told, or ends the request.
#[test]
fn a_fault_at_every_step() {
    let top = tempdir().unwrap();
    plant(top.path());
    let all = expected(top.path());
    let mut n = 0;
    loop {
        let plan = Faults::new(1).fail_nth(n, libc::EIO);
        let aio = Aio::builder().faults(plan.clone()).build().unwrap();
        let res = aio.du(top.path()).wait();
        if n >= plan.asked() {
            assert_eq!(sums(&res.unwrap()), all);
            break;
        }
        match res {
            Ok(usage) => {
                assert_eq!(usage.errors()[0].raw_os_error(), Some(libc::EIO), "step {n}");
                assert!(sums(&usage).iter().zip(all).all(|(sum, all)| *sum <= all));
            }
            Err(e) => assert_eq!(e.raw_os_error(), Some(libc::EIO), "step {n}"),
        }
        n += 1;
    }
    assert!(n > 40, "{n} steps");
}

#[test]
fn a_cancel_at_any_moment_ends_it() {
    let top = tempdir().unwrap();
    plant(top.path());
    let all = expected(top.path());
    let (mut ended, mut random) = (0, crate::common::random());
    for _ in 0..100 {
        let aio = Aio::new().unwrap();
        let result = crate::common::by_channel_handle(aio.du(top.path()));
        for _ in 0..random.u32(..10_000) {
            std::hint::spin_loop();
        }
        result.0.cancel();
        aio.flush().unwrap();
        match result.1.try_recv().expect("the callback has run") {
            Ok(usage) => assert_eq!(sums(&usage), all),
            Err(e) => {
                assert_eq!(e.raw_os_error(), Some(libc::ECANCELED), "{e}");
                ended += 1;
            }
        }
    }
    assert!(ended > 0, "never ended in time");
}

/// A directory that is mounted at several places shows its files more often than they have names.
#[test]
fn a_file_with_two_names_counts_once_however_often_it_is_seen() {
    let top = tempdir().unwrap();
    let dir = |name: &str| top.path().join(name);
    ["a", "b", "c"].iter().for_each(|name| std::fs::create_dir(dir(name)).unwrap());
    std::fs::write(dir("a/file"), "x".repeat(1_000_000)).unwrap();
    std::fs::hard_link(dir("a/file"), dir("a/again")).unwrap();
    in_child(|| {
        let bind = |name: &str| mounts::bind(&dir("a"), &dir(name));
        if let Err(e) = mounts::leave().and_then(|()| bind("b")).and_then(|()| bind("c")) {
            return eprintln!("skipped: nothing can be mounted: {e}");
        }
        let usage = Aio::new().unwrap().du(top.path()).wait().unwrap();
        assert_eq!((usage.files(), usage.dirs(), usage.failed()), (1, 4, 0));
        let du = std::process::Command::new("du").args(["-s", "--block-size=1"]).arg(top.path()).output();
        let Ok(du) = du else { return eprintln!("skipped: there is no du(1)") };
        let line = String::from_utf8(du.stdout).unwrap();
        assert_eq!(line.split('\t').next(), Some(&*usage.disk().to_string()));
    });
}

/// Lengths that do not fit into a sum.
#[test]
fn sums_end_at_the_largest_number() {
    let Ok(top) = tempfile::tempdir_in("/dev/shm") else {
        return eprintln!("skipped: there is no file system that has files as long");
    };
    for name in ["a", "b", "c"] {
        let file = std::fs::File::create(top.path().join(name)).unwrap();
        if let Err(e) = file.set_len(i64::MAX as u64) {
            return eprintln!("skipped: no file may be as long: {e}");
        }
    }
    let progress = Progress::new();
    let usage = Aio::new().unwrap().du(top.path()).progress(&progress).wait().unwrap();
    assert_eq!((usage.apparent(), usage.files(), usage.disk()), (u64::MAX, 3, 0));
    assert_eq!(progress.bytes(), u64::MAX);
}
