//! Attributes: what can be kept is kept, what cannot is told, and nobody gets a right by it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ioaio::{Aio, Faults, NotKept, Progress};
use rustix::fs::FileType::{CharacterDevice, Fifo, Socket};
use rustix::fs::XattrFlags;

use crate::common::as_nobody;
use crate::copy::{mknod, places};
use crate::look::look_tree;
use crate::memfs::{MemFs, Refusals};
use crate::names;

pub const ACCESS_ACL: &str = "system.posix_acl_access";

fn set(path: &Path, name: &str, value: &[u8]) -> bool {
    let set = rustix::fs::lsetxattr(path, name, value, XattrFlags::empty());
    if let Err(e) = set {
        eprintln!("partly skipped: {name} on {}: {e}", path.display());
    }
    set.is_ok()
}

fn get(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 65_536];
    let n = rustix::fs::lgetxattr(path, name, &mut value).ok()?;
    value.truncate(n);
    Some(value)
}

/// An ACL: for the owner, user 1234, the group, the mask, others.
pub fn acl(bits: [u16; 5]) -> Vec<u8> {
    let tags = [(1u16, u32::MAX), (2, 1234), (4, u32::MAX), (16, u32::MAX), (32, u32::MAX)];
    let entry = |((tag, id), bits): ((u16, u32), u16)| {
        [&tag.to_le_bytes()[..], &bits.to_le_bytes(), &id.to_le_bytes()].concat()
    };
    [2u32.to_le_bytes().to_vec(), tags.into_iter().zip(bits).flat_map(entry).collect()].concat()
}

fn told(not_kept: &[NotKept]) -> Vec<(PathBuf, String, i32)> {
    let one = |it: &NotKept| (it.path().to_path_buf(), it.attribute().to_owned(), it.raw_os_error());
    not_kept.iter().map(one).collect()
}

#[test]
fn attributes_of_a_read_only_file_are_kept_for_others_than_root() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let path = |name: &str| dir.path().join(name);
    as_nobody(|| {
        fs::create_dir(path("a")).unwrap();
        for mode in [0o444, 0o400, 0o555] {
            let file = path("a").join(format!("{mode:o}"));
            fs::write(&file, "x").unwrap();
            set(&file, "user.x", b"1");
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        }
        let before = look_tree(&path("a"));
        let copied = Aio::new().unwrap().copy_tree(path("a"), path("b")).wait().unwrap();
        assert!(copied.not_kept().is_empty(), "{:?}", copied.not_kept());
        assert!(look_tree(&path("b")) == before);
        Aio::new().unwrap().copy(path("a/444"), path("c")).wait().unwrap();
        assert_eq!(get(&path("c"), "user.x"), get(&path("a/444"), "user.x"));
    });
}

#[test]
fn several_names_of_links_fifos_and_devices_stay_one() {
    for (from, to) in places().iter().zip(places().iter().rev()) {
        let (a, b) = (from.path().join("a"), to.path().join("b"));
        fs::create_dir(&a).unwrap();
        fs::create_dir(a.join("sub")).unwrap();
        symlink("x", a.join("link")).unwrap();
        assert!(mknod(&a.join("fifo"), Fifo, 0) && mknod(&a.join("socket"), Socket, 0));
        let mut all = vec!["link", "fifo", "socket"];
        if mknod(&a.join("device"), CharacterDevice, rustix::fs::makedev(1, 3)) {
            all.push("device");
        }
        for name in &all {
            fs::hard_link(a.join(name), a.join("sub").join(name)).unwrap();
        }
        let before = look_tree(&a);
        let copied = Aio::new().unwrap().copy_tree(&a, &b).wait().unwrap();
        assert!(copied.not_kept().is_empty(), "{:?}", copied.not_kept());
        let after = look_tree(&b);
        assert_eq!(before, after);
        assert_eq!(after.1.len(), all.len());
        fs::remove_dir_all(&b).unwrap();
        Aio::new().unwrap().move_to(&a, &b).wait().unwrap();
        assert_eq!(before, look_tree(&b));
        assert!(!a.exists());
    }
}

#[test]
fn acls_and_attributes_of_special_files_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::create_dir(path("a")).unwrap();
    fs::create_dir(path("inherits")).unwrap();
    symlink("x", path("a/link")).unwrap();
    assert!(mknod(&path("a/fifo"), Fifo, 0));
    set(&path("a/fifo"), ACCESS_ACL, &acl([6, 6, 4, 6, 0]));
    for name in ["a/link", "a/fifo"] {
        set(&path(name), "trusted.x", b"value");
        set(&path(name), "security.x", b"label");
    }
    let attributes = [ACCESS_ACL, "trusted.x", "security.x"];
    let all = |path: &Path| attributes.map(|name| get(path, name));
    let aio = Aio::new().unwrap();
    let copied = aio.copy_tree(path("a"), path("b")).wait().unwrap();
    assert!(copied.not_kept().is_empty(), "{:?}", copied.not_kept());
    set(&path("inherits"), "system.posix_acl_default", &acl([7, 7, 7, 7, 7]));
    for name in ["link", "fifo"] {
        let (original, alone) = (path("a").join(name), path("inherits").join(name));
        assert_eq!(all(&path("b").join(name)), all(&original));
        aio.copy(&original, &alone).follow(false).special(true).wait().unwrap();
        assert_eq!(all(&alone), all(&original));
        let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode();
        assert_eq!(mode(&alone), mode(&original));
    }
    // One without an ACL does not get that of its new directory.
    assert!(mknod(&path("plain"), Fifo, 0));
    aio.copy(path("plain"), path("inherits/plain")).special(true).wait().unwrap();
    assert_eq!(get(&path("inherits/plain"), ACCESS_ACL), None);
}

#[test]
fn what_a_file_system_notes_for_itself_is_not_copied() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a"), dir.path().join("b"));
    fs::write(&a, "x").unwrap();
    let kept = set(&a, "trusted.x", b"kept");
    if !set(&a, "trusted.SGI_ACL_FILE", b"stale") || !kept {
        return eprintln!("skipped: no privilege for such attributes");
    }
    for name in ["trusted.SGI_DMI_ID", "trusted.overlay.origin", "trusted.overlay.opaque", "trusted.gfid"] {
        assert!(set(&a, name, b"x"));
    }
    let progress = Progress::new();
    Aio::new().unwrap().copy(&a, &b).progress(&progress).wait().unwrap();
    let mut list = vec![0; 1000];
    let n = rustix::fs::listxattr(&b, &mut list).unwrap();
    let mut names: Vec<_> = list[..n].split(|&b| b == 0).filter(|name| !name.is_empty()).collect();
    names.sort();
    assert_eq!(names, [&b"trusted.overlay.opaque"[..], b"trusted.x"]);
    assert!(progress.not_kept().is_empty());
}

/// Attributes of each kind, to be refused by a plan.
fn decorated(dir: &Path) -> Option<PathBuf> {
    let tree = dir.join("a");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), "x").unwrap();
    let mut all = set(&tree.join("file"), "user.x", &[b'x'; 2000]);
    all &= set(&tree.join("file"), ACCESS_ACL, &acl([6, 6, 4, 7, 4]));
    fs::write(tree.join("plain"), "x").unwrap();
    for name in ["file", "plain", ""] {
        let past = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        fs::File::open(tree.join(name)).unwrap().set_modified(past).unwrap();
    }
    all.then_some(tree)
}

#[test]
fn what_is_refused_is_left_out_and_told() {
    let dir = tempfile::tempdir().unwrap();
    let Some(tree) = decorated(dir.path()) else { return eprintln!("skipped: no attributes here") };
    let (copy, file) = (dir.path().join("b"), dir.path().join("b/file"));
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o7777;
    assert_eq!(mode(&tree.join("file")), 0o674, "the group's bits are the mask");
    for (call, errno) in [
        ("fsetxattr", libc::ENOSPC),
        ("fsetxattr", libc::EINVAL),
        ("fsetxattr", libc::EOPNOTSUPP),
        ("fsetxattr", libc::E2BIG),
        ("fgetxattr", libc::EPERM),
        ("flistxattr", libc::EACCES),
        ("fchmod", libc::EPERM),
        ("fchmod", libc::ENOSYS),
        ("utimensat", libc::EPERM),
        ("utimensat", libc::ENOSYS),
    ] {
        let aio = Aio::builder().faults(Faults::new(1).fail(call, errno, 1000)).build().unwrap();
        let copied = aio.copy_tree(&tree, &copy).wait().unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"x");
        let told = told(copied.not_kept());
        assert_eq!(told.len() as u64, copied.not_kept_count());
        let of_file: Vec<_> = told.iter().filter(|(path, ..)| *path == file).collect();
        assert!(of_file.iter().all(|(_, _, e)| *e == errno), "{call}: {told:?}");
        let attributes: Vec<_> = of_file.iter().map(|(_, attribute, _)| attribute.as_str()).collect();
        match call {
            "fsetxattr" | "fgetxattr" => {
                assert!(attributes.contains(&"user.x") && attributes.contains(&ACCESS_ACL), "{attributes:?}");
                // Of the ACL, nobody gets the mask for his own: the group has r, and user 1234 had rw.
                let group_and_others = if call == "fsetxattr" { 0o44 } else { 0 };
                assert_eq!(mode(&file), 0o600 | group_and_others);
            }
            "flistxattr" => assert_eq!(attributes, ["extended attributes"]),
            "fchmod" => assert!(mode(&file) & 0o070 != 0o070 || get(&file, ACCESS_ACL).is_some()),
            _ => assert_eq!(attributes, ["times"]),
        }
        fs::remove_dir_all(&copy).unwrap();
        // A copy of one file tells it as well.
        let progress = Progress::new();
        aio.copy(tree.join("file"), dir.path().join("c")).progress(&progress).wait().unwrap();
        assert!(!progress.not_kept().is_empty(), "{call}");
    }
}

#[test]
fn an_error_that_is_no_refusal_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let Some(tree) = decorated(dir.path()) else { return eprintln!("skipped: no attributes here") };
    for call in ["fsetxattr", "fgetxattr", "flistxattr", "fchmod", "utimensat"] {
        for errno in [libc::EIO, libc::EDQUOT, libc::ENOMEM] {
            let aio = Aio::builder().faults(Faults::new(1).fail(call, errno, 1000)).build().unwrap();
            let error = aio.copy_tree(&tree, dir.path().join("b")).wait().unwrap_err();
            assert_eq!((error.call(), error.raw_os_error()), (call, Some(errno)));
            assert_eq!(names(dir.path()), ["a"]);
        }
    }
}

fn plain(dir: &Path) -> PathBuf {
    let tree = dir.join("a");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("file"), "contents").unwrap();
    fs::set_permissions(tree.join("file"), fs::Permissions::from_mode(0o640)).unwrap();
    symlink("file", tree.join("link")).unwrap();
    tree
}

#[test]
fn a_file_system_that_sets_no_modes_or_times_gets_the_contents() {
    let refusals = [
        Refusals { chmod: Some(libc::EPERM), ..Refusals::default() },
        Refusals { chmod: Some(libc::ENOSYS), ..Refusals::default() },
        Refusals { chown: Some(libc::EPERM), ..Refusals::default() },
        Refusals { times: Some(libc::EPERM), ..Refusals::default() },
        Refusals { times: Some(libc::ENOSYS), ..Refusals::default() },
    ];
    for refuses in refusals {
        let Some(there) = MemFs::mount(refuses) else { return };
        let here = tempfile::tempdir().unwrap();
        let tree = plain(here.path());
        if refuses.chown.is_some() {
            std::os::unix::fs::chown(tree.join("file"), Some(1234), None).expect("mounting takes root");
        }
        let aio = Aio::new().unwrap();
        let copied = aio.copy_tree(&tree, there.path("tree")).wait().unwrap();
        assert!(copied.not_kept_count() > 0);
        assert_eq!(fs::read(there.path("tree/file")).unwrap(), b"contents");
        let progress = Progress::new();
        aio.copy(tree.join("file"), there.path("file")).progress(&progress).wait().unwrap();
        assert_eq!(progress.not_kept()[0].path(), there.path("file"));
        aio.move_to(&tree, there.path("moved")).wait().unwrap();
        assert_eq!(fs::read(there.path("moved/file")).unwrap(), b"contents");
        assert_eq!(fs::read_link(there.path("moved/link")).unwrap(), Path::new("file"));
        assert!(names(here.path()).is_empty());
    }
}

#[test]
fn each_name_gets_a_copy_where_there_are_no_hard_links() {
    for errno in [libc::EPERM, libc::EOPNOTSUPP] {
        let Some(there) = MemFs::mount(Refusals { link: Some(errno), ..Refusals::default() }) else { return };
        let here = tempfile::tempdir().unwrap();
        let tree = plain(here.path());
        fs::create_dir(tree.join("sub")).unwrap();
        for name in ["file2", "sub/file3", "../outside"] {
            fs::hard_link(tree.join("file"), tree.join(name)).unwrap();
        }
        let aio = Aio::new().unwrap();
        let copied = aio.copy_tree(&tree, there.path("tree")).wait().unwrap();
        for name in ["file", "file2", "sub/file3"] {
            assert_eq!(fs::read(there.path("tree").join(name)).unwrap(), b"contents");
        }
        assert_eq!(names(&there.path("tree")), ["file", "file2", "link", "sub"]);
        let told = told(copied.not_kept());
        assert!(told.contains(&(there.path("tree/file2"), "hard link".into(), errno)), "{told:?}");
        aio.move_to(&tree, there.path("moved")).wait().unwrap();
        assert!(!tree.exists());
        assert_eq!(fs::read(there.path("moved/sub/file3")).unwrap(), b"contents");
    }
}

#[test]
fn a_coarse_clock_does_not_matter_to_a_move() {
    for unit in [Duration::from_nanos(100), Duration::from_millis(10), Duration::from_secs(2)] {
        let Some(there) = MemFs::mount(Refusals { granularity: Some(unit), ..Refusals::default() }) else {
            return;
        };
        let here = tempfile::tempdir().unwrap();
        let tree = plain(here.path());
        let aio = Aio::new().unwrap();
        aio.move_to(&tree, there.path("tree")).wait().unwrap();
        assert!(!tree.exists());
        assert_eq!(fs::read(there.path("tree/file")).unwrap(), b"contents");
        // And back, from a file system whose time of change tells nothing.
        aio.move_to(there.path("tree"), &tree).wait().unwrap();
        assert_eq!(fs::read(tree.join("file")).unwrap(), b"contents");
        aio.move_to(tree.join("file"), there.path("file")).wait().unwrap();
        assert_eq!(names(there.root()), ["file"]);
    }
}

#[test]
fn an_acl_of_somebody_who_is_not_in_the_user_namespace_gives_nobody_more() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    fs::create_dir(path("a")).unwrap();
    fs::write(path("a/file"), "x").unwrap();
    // The group may do nothing, and its bits in the mode are those of user 1234.
    if !set(&path("a/file"), ACCESS_ACL, &acl([6, 6, 0, 6, 0])) {
        return;
    }
    for name in ["a", "a/file"] {
        if std::os::unix::fs::chown(path(name), Some(65534), Some(65534)).is_err() {
            return eprintln!("skipped: it takes root to be somebody else");
        }
    }
    as_nobody(|| {
        // Who has given up rights may not write to his own /proc, unless he says that he may be looked at.
        // SAFETY: system calls without pointers; they concern this child alone.
        let unshared = unsafe {
            libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 && libc::unshare(libc::CLONE_NEWUSER) == 0
        };
        let mapped = fs::write("/proc/self/setgroups", "deny").is_ok()
            && fs::write("/proc/self/uid_map", "65534 65534 1").is_ok()
            && fs::write("/proc/self/gid_map", "65534 65534 1").is_ok();
        if !unshared || !mapped {
            return eprintln!("skipped: no user namespace of our own");
        }
        let copied = Aio::new().unwrap().copy_tree(path("a"), path("b")).wait().unwrap();
        let lost = (path("b/file"), ACCESS_ACL.to_owned(), libc::EINVAL);
        assert_eq!(told(copied.not_kept()), [lost]);
        assert_eq!(fs::metadata(path("b/file")).unwrap().mode() & 0o7777, 0o600);
    });
}
