//! The same arguments by chance to the engine and to the system call: the same results.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};

use fastrand::Rng;
use ioaio::{File, OFlags};
use rustix::fs::Mode;
use rustix::io::Errno;
use tempfile::{TempDir, tempdir, tempfile};

use crate::common::{Case, each_route, random};
use crate::stat::same;

const ROUNDS: usize = 100;

fn code<T>(result: io::Result<T>) -> Result<T, Errno> {
    result.map_err(|e| Errno::from_io_error(&e).expect("an errno"))
}

/// Often near an edge.
fn offset(rng: &mut Rng) -> u64 {
    let edges = [0, 4096, 8192, 65536, 1 << 40, 1 << 62, i64::MAX as u64, 1 << 63, u64::MAX];
    match rng.u8(0..4) {
        0 => rng.choice(edges).unwrap().wrapping_add_signed(rng.i64(-3..4)),
        _ => rng.u64(0..20_000),
    }
}

fn len(rng: &mut Rng) -> usize {
    match rng.u8(0..6) {
        0 => rng.usize(60_000..140_000),
        1 => rng.choice([0, 1, 4095, 4096, 4097, 65536, 65537]).unwrap(),
        _ => rng.usize(0..9000),
    }
}

#[test]
fn reads_and_writes_do_what_the_system_calls_do() {
    let seed = random().u64(..);
    each_route(|t| {
        let rng = &mut Rng::with_seed(seed);
        let (std, twin) = (tempfile().unwrap(), tempfile().unwrap());
        let file = File::from(twin.try_clone().unwrap());
        for _ in 0..ROUNDS {
            let (offset, len) = (offset(rng), len(rng));
            // A file of 2^40 bytes is sparse; one of 2^43 is too large for some file systems.
            if rng.bool() && !((1 << 17)..(1 << 61)).contains(&offset) {
                let bytes: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(len).collect();
                let expected = code(std.write_at(&bytes, offset));
                let (own, _) = t.get(t.write_at(&file, bytes, offset));
                assert_eq!(code(own), expected, "write {len} at {offset}");
            } else {
                let mut expected = vec![0; len];
                let n = code(std.read_at(&mut expected, offset));
                let (own, got) = t.get(t.read_at(&file, vec![0; len], offset));
                assert_eq!(code(own), n, "read {len} at {offset}");
                expected.truncate(n.unwrap_or(len));
                assert!(got == expected, "read {len} at {offset}");
            }
            let size = t.get(t.fstat(&file)).unwrap().len();
            assert_eq!(size, std.metadata().unwrap().len());
            if size > 1 << 20 {
                std.set_len(7000).unwrap();
                twin.set_len(7000).unwrap();
            }
        }
    });
}

fn tree() -> TempDir {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("file"), "hello").unwrap();
    fs::create_dir(dir.path().join("dir")).unwrap();
    fs::write(dir.path().join("dir/file"), "hello").unwrap();
    symlink("file", dir.path().join("link")).unwrap();
    symlink("dir", dir.path().join("dirlink")).unwrap();
    symlink("made", dir.path().join("dangling")).unwrap();
    symlink("self", dir.path().join("self")).unwrap();
    dir
}

fn name(rng: &mut Rng) -> PathBuf {
    let long = "x".repeat(255 + rng.usize(0..2));
    let parts =
        ["file", "dir", "link", "dirlink", "dangling", "self", "none", "made", "..", ".", "", &long, "\0"];
    let mut path = rng.choice(parts).unwrap().to_string();
    while rng.u8(0..3) == 0 {
        path = format!("{path}/{}", rng.choice(parts).unwrap());
    }
    // Never out of the two trees.
    match path.contains("..") && !path.starts_with("dir") || path.matches("..").count() > 1 {
        true => "file".into(),
        false => path.trim_start_matches('/').into(),
    }
}

fn flags(rng: &mut Rng) -> OFlags {
    let mut flags = rng.choice([OFlags::RDONLY, OFlags::WRONLY, OFlags::RDWR, OFlags::PATH]).unwrap();
    use OFlags as F;
    for flag in [F::CREATE, F::EXCL, F::TRUNC, F::APPEND, F::DIRECTORY, F::NOFOLLOW, F::NOATIME, F::SYNC] {
        if rng.u8(0..4) == 0 {
            flags |= flag;
        }
    }
    flags
}

/// Names, types and sizes below a directory.
fn state(dir: &Path) -> Vec<(PathBuf, fs::FileType, u64)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let st = entry.metadata().unwrap();
        all.push((entry.file_name().into(), st.file_type(), if st.is_file() { st.len() } else { 0 }));
        if st.is_dir() {
            all.extend(state(&entry.path()));
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

fn open_both(t: &Case, own: &Path, std: &Path, rng: &mut Rng) {
    let (name, flags, mode) = (name(rng), flags(rng), rng.u32(0..0o1000));
    let expected = rustix::fs::open(std.join(&name), flags | OFlags::CLOEXEC, Mode::from_raw_mode(mode));
    let result = code(t.get(t.open(own.join(&name)).flags(flags).mode(mode)));
    let what = format!("open {name:?} {flags:?} {mode:o}");
    assert_eq!(result.as_ref().map(|_| ()), expected.as_ref().map(|_| ()), "{what}");
    if let (Ok(own), Ok(std)) = (result, expected) {
        let set = |fd| rustix::fs::fcntl_getfl(fd).unwrap();
        assert_eq!(set(std::os::fd::AsFd::as_fd(&own)), set(std::os::fd::AsFd::as_fd(&std)), "{what}");
        let (own, std) = (t.get(t.fstat(&own)).unwrap(), rustix::fs::fstat(&std).unwrap());
        assert_eq!((own.mode(), own.len()), (std.st_mode, std.st_size as u64), "{what}");
    }
}

#[test]
fn open_does_what_the_system_call_does() {
    let seed = random().u64(..);
    each_route(|t| {
        let rng = &mut Rng::with_seed(seed);
        let (own, std) = (tree(), tree());
        for _ in 0..ROUNDS {
            open_both(t, own.path(), std.path(), rng);
        }
        assert_eq!(state(own.path()), state(std.path()));
    });
}

#[test]
fn stat_does_what_the_system_call_does() {
    let seed = random().u64(..);
    let dir = tree();
    each_route(|t| {
        let rng = &mut Rng::with_seed(seed);
        for _ in 0..ROUNDS {
            let path = dir.path().join(name(rng));
            let (own, std) = match rng.bool() {
                true => (t.get(t.stat(&path)), fs::metadata(&path)),
                false => (t.get(t.lstat(&path)), fs::symlink_metadata(&path)),
            };
            match (own, std) {
                (Ok(own), Ok(std)) => same(&own, &std),
                // std has no errno for a NUL.
                (own, Err(_)) if path.as_os_str().as_bytes().contains(&0) => {
                    assert_eq!(code(own).map(|_| ()), Err(Errno::INVAL));
                }
                (own, std) => assert_eq!(code(own).map(|_| ()), code(std).map(|_| ()), "{path:?}"),
            }
        }
    });
}
