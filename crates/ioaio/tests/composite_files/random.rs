//! Random trees with entries of every kind, copied and moved between file systems, against `cp -a`.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use ioaio::Aio;
use rustix::fs::FileType::{BlockDevice, CharacterDevice, Fifo, Socket};
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, XattrFlags};

use crate::common::{as_nobody, in_child};
use crate::copy::mknod;
use crate::look::look_tree;
use crate::{bytes, names};

/// A child that works for longer is taken for one that hangs.
const TREES: u64 = 60;

/// 2,000 trees with IOAIO_LONG=1.
fn rounds() -> u64 {
    if std::env::var_os("IOAIO_LONG").is_some_and(|v| v == "1") { 2000 / TREES } else { 1 }
}

struct Planter {
    random: fastrand::Rng,
    root: bool,
    /// What may get another name.
    others: Vec<PathBuf>,
    all: Vec<PathBuf>,
}

impl Planter {
    fn name(&mut self) -> OsString {
        let len = self.random.usize(1..20);
        let mut name: Vec<u8> = (0..len).map(|_| self.random.u8(1..)).collect();
        name.iter_mut().filter(|b| **b == b'/').for_each(|b| *b = b'_');
        if name == b"." || name == b".." {
            name.push(b'x');
        }
        OsString::from_vec(name)
    }
    fn fill(&mut self, dir: &Path, depth: usize) {
        for _ in 0..self.random.usize(0..8) {
            let path = dir.join(self.name());
            if fs::symlink_metadata(&path).is_ok() {
                continue;
            }
            match self.random.u32(0..12) {
                0..4 if depth < 5 => {
                    fs::create_dir(&path).unwrap();
                    self.fill(&path, depth + 1);
                    self.all.push(path);
                    continue;
                }
                4 => symlink(self.name(), &path).unwrap(),
                5 => assert!(mknod(&path, if self.random.bool() { Fifo } else { Socket }, 0)),
                6 if self.root => {
                    let kind = if self.random.bool() { CharacterDevice } else { BlockDevice };
                    mknod(&path, kind, rustix::fs::makedev(self.random.u32(1..100), self.random.u32(0..100)));
                }
                7 | 8 if !self.others.is_empty() => {
                    let one = self.random.usize(0..self.others.len());
                    fs::hard_link(&self.others[one], &path).unwrap();
                    continue;
                }
                9 => {
                    let file = fs::File::create(&path).unwrap();
                    file.set_len(self.random.u64(0..300_000)).unwrap();
                    file.write_all_at(&bytes(5000), self.random.u64(0..300_000)).unwrap();
                }
                _ => fs::write(&path, bytes(self.random.usize(0..100_000))).unwrap(),
            }
            if fs::symlink_metadata(&path).is_ok() {
                self.others.push(path.clone());
                self.all.push(path);
            }
        }
    }
    /// Attributes as last, when nothing is made in a directory any more; the innermost first.
    fn decorate(&mut self) {
        for path in std::mem::take(&mut self.all) {
            let st = fs::symlink_metadata(&path).unwrap();
            let random = &mut self.random;
            if self.root && random.bool() {
                let (uid, gid) = (random.u32(0..3000), random.u32(0..3000));
                std::os::unix::fs::lchown(&path, Some(uid), Some(gid)).unwrap();
            }
            let plain = st.is_file() || st.is_dir();
            let prefixes = match (plain, self.root) {
                (true, true) => &["user.", "trusted.", "security."][..],
                (true, false) => &["user."],
                (false, true) => &["trusted.", "security."],
                (false, false) => &[],
            };
            for prefix in prefixes {
                for n in 0..random.usize(0..3) {
                    // All of them fit into a block of 1 KiB, or cp fails.
                    let value = vec![b'v'; random.usize(0..20)];
                    let name = format!("{prefix}x{n}");
                    let _ = rustix::fs::lsetxattr(&path, name, &value, XattrFlags::empty());
                }
            }
            if !st.is_symlink() && random.u32(0..4) == 0 {
                let bits = std::array::from_fn(|_| random.u16(0..8));
                let acl = crate::attributes::acl(bits);
                let _ = rustix::fs::setxattr(&path, "system.posix_acl_access", &acl, XattrFlags::empty());
                if st.is_dir() {
                    let _ =
                        rustix::fs::setxattr(&path, "system.posix_acl_default", &acl, XattrFlags::empty());
                }
            }
            if !st.is_symlink() {
                // What the owner may not read or change, others than root cannot copy or move.
                let least = if self.root { 0 } else { 0o700 };
                let mode = random.u32(0..0o10000) | least;
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            }
            // From 1850 to 2200.
            let mut time = || Timespec {
                tv_sec: random.i64(-3_786_825_600..7_258_118_400),
                tv_nsec: random.i64(0..1_000_000_000),
            };
            let times = Timestamps { last_access: time(), last_modification: time() };
            rustix::fs::utimensat(CWD, &path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
        }
    }
}

fn plant(root: &Path, seed: u64) {
    let is_root = rustix::process::geteuid().is_root();
    let random = fastrand::Rng::with_seed(seed);
    let mut planter = Planter { random, root: is_root, others: Vec::new(), all: Vec::new() };
    fs::create_dir(root).unwrap();
    planter.fill(root, 0);
    planter.all.push(root.to_path_buf());
    planter.decorate();
}

fn cp(from: &Path, to: &Path) {
    let cp = Command::new("cp").arg("-a").arg(from).arg(to).output().unwrap();
    assert!(cp.status.success(), "{}", String::from_utf8_lossy(&cp.stderr));
}

fn clear(dir: &Path) {
    for name in names(dir) {
        let path = dir.join(name);
        // As an ordinary user.
        let _ = Command::new("chmod").args(["-R", "u+rwx"]).arg(&path).output();
        fs::remove_dir_all(&path).unwrap();
    }
}

/// A tree of `seed` in `from` is copied and moved to `to`, and comes to be what `cp -a` makes of it.
fn compare(seed: u64, from: &Path, to: &Path) {
    let original = from.join("original");
    plant(&original, seed);
    cp(&original, &to.join("cp"));
    let aio = Aio::new().unwrap();
    let copied = aio.copy_tree(&original, to.join("copy")).durable(seed.is_multiple_of(8)).wait().unwrap();
    let (expected, got) = (look_tree(&to.join("cp")), look_tree(&to.join("copy")));
    for (path, look) in &expected.0 {
        assert_eq!(Some(look), got.0.get(path), "seed {seed}: {}: {:?}", path.display(), copied.not_kept());
    }
    assert!(expected == got, "seed {seed}: names");
    let before = look_tree(&original);
    aio.move_to(&original, to.join("moved")).wait().unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    assert!(fs::symlink_metadata(&original).is_err());
    let got = look_tree(&to.join("moved"));
    let expected = if same_file_system(from, to) { &before } else { &expected };
    for (path, look) in &expected.0 {
        assert_eq!(Some(look), got.0.get(path), "seed {seed}: moved: {}", path.display());
    }
    assert!(*expected == got, "seed {seed}: names after the move");
    clear(from);
    clear(to);
}

fn same_file_system(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(a).unwrap().dev() == fs::metadata(b).unwrap().dev()
}

fn between(places: &[PathBuf], seeds: impl Iterator<Item = u64>) {
    for (i, seed) in seeds.enumerate() {
        let n = places.len();
        let (from, to) = (&places[i % n], &places[(i / n + i + 1) % n]);
        let (from, to) = (tempfile::tempdir_in(from).unwrap(), tempfile::tempdir_in(to).unwrap());
        compare(seed, from.path(), to.path());
    }
}

#[test]
fn trees_come_out_as_with_cp() {
    let seed = crate::common::random().u64(..) >> 1;
    let places: Vec<_> = [std::env::temp_dir(), "/dev/shm".into()]
        .into_iter()
        .filter(|place: &PathBuf| tempfile::tempdir_in(place).is_ok())
        .collect();
    for round in 0..rounds() {
        let seeds = || (0..TREES / 3).map(|n| seed + round * TREES + n);
        between(&places, seeds());
        as_nobody(|| between(&places, seeds()));
    }
}

/// Mounts a new file system of `kind`, where the kernel and the machine have what it takes.
fn mount(dir: &Path, name: &str, mkfs: &[&str], options: &str) -> Option<PathBuf> {
    let (image, place) = (dir.join(format!("{name}.img")), dir.join(name));
    fs::create_dir(&place).unwrap();
    fs::File::create(&image).unwrap().set_len(400 << 20).unwrap();
    let run = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let made = run(Command::new(mkfs[0]).args(&mkfs[1..]).arg(&image));
    if !made || !run(Command::new("mount").args(["-o", options]).arg(&image).arg(&place)) {
        eprintln!("partly skipped: no {name} here");
        return None;
    }
    fs::set_permissions(&place, fs::Permissions::from_mode(0o1777)).unwrap();
    Some(place)
}

#[test]
fn trees_come_out_as_with_cp_on_other_file_systems() {
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: mounting takes root");
    }
    let seed = crate::common::random().u64(..) >> 1;
    (0..rounds()).for_each(|round| on_other_file_systems(seed + round * TREES));
}

fn on_other_file_systems(seed: u64) {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    in_child(|| {
        // SAFETY: a system call without pointers. What is mounted goes with this process.
        if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
            return eprintln!("skipped: no mount namespace of our own");
        }
        let private = Command::new("mount").args(["--make-rprivate", "/"]).status();
        assert!(private.is_ok_and(|status| status.success()));
        let made = [
            mount(dir.path(), "ext4", &["mkfs.ext4", "-q", "-F"], "loop"),
            mount(dir.path(), "ext4-1k", &["mkfs.ext4", "-q", "-F", "-b", "1024", "-I", "128"], "loop"),
            mount(dir.path(), "xfs", &["mkfs.xfs", "-q"], "loop"),
            mount(dir.path(), "xfs-old", &["mkfs.xfs", "-q", "-m", "bigtime=0,reflink=0"], "loop"),
            mount(dir.path(), "btrfs", &["mkfs.btrfs", "-q"], "loop"),
        ];
        let mut places: Vec<PathBuf> = made.into_iter().flatten().collect();
        places.push("/dev/shm".into());
        if let Some(base) = places.first().cloned() {
            let parts = ["lower", "upper", "work", "overlay"].map(|name| base.join(name));
            parts.iter().for_each(|part| fs::create_dir(part).unwrap());
            let [lower, upper, work, overlay] = parts.map(|part| part.to_str().unwrap().to_owned());
            let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
            let mounted =
                Command::new("mount").args(["-t", "overlay", "-o", &options, "overlay", &overlay]).status();
            match mounted.is_ok_and(|status| status.success()) {
                true => places.push(overlay.into()),
                false => eprintln!("partly skipped: no overlayfs here"),
            }
        }
        for place in &places[..places.len() - 1] {
            let _ = fs::set_permissions(place, fs::Permissions::from_mode(0o1777));
        }
        between(&places, (0..TREES / 2).map(|n| seed + n));
        as_nobody(|| between(&places[..5.min(places.len())], (0..TREES / 6).map(|n| seed + n)));
    });
}
