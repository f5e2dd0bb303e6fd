//! The same changes by chance to two trees, one by requests and one by system calls: the same results,
//! and the same trees in the end.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use fastrand::Rng;
use ioaio::{Access, Dir, FileType, Op, PathOp, RenameFlags, Request, SetTime, TwoPathOp, XattrFlags};
use rustix::fs::{AtFlags, CWD, Mode, Timespec, Timestamps};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{Case, each_route, random};

const ROUNDS: usize = 300;

/// What a call gave, as bytes where it gave anything.
type Answer = Result<Vec<u8>, Errno>;

fn answer<T>(result: io::Result<T>, bytes: impl FnOnce(T) -> Vec<u8>) -> Answer {
    result.map(bytes).map_err(|e| Errno::from_io_error(&e).expect("an errno"))
}
fn nothing<T>(_: T) -> Vec<u8> {
    Vec::new()
}
fn unit(result: Result<(), Errno>) -> Answer {
    result.map(nothing)
}

/// Names of every byte that a name may have, few enough to meet again; the odd ones last.
fn names(rng: &mut Rng) -> Vec<Vec<u8>> {
    let mut bytes: Vec<u8> = (1..=255).filter(|&b| b != b'/').collect();
    rng.shuffle(&mut bytes);
    let mut names = vec![b"a".to_vec(), b"b".to_vec()];
    names.extend(bytes.chunks(127).map(<[u8]>::to_vec));
    names.extend([vec![b'x'; 255], vec![b'x'; 256], b".".to_vec()]);
    names
}

/// A path below the top of a tree.
fn path(rng: &mut Rng, names: &[Vec<u8>]) -> PathBuf {
    let part = |rng: &mut Rng| {
        let end = if rng.u8(0..8) == 0 { names.len() } else { 4 };
        &*names[rng.usize(0..end)]
    };
    let mut path = part(rng).to_vec();
    while rng.bool() && path.len() < 2000 {
        path = [part(rng), b"/", &path].concat();
    }
    if rng.u8(0..10) == 0 {
        path.push(b'/');
    }
    OsString::from_vec(path).into()
}

/// The tree that requests change.
struct Own<'a> {
    t: &'a Case<'a>,
    top: &'a Path,
    dir: &'a Dir,
    /// Paths are relative to the handle.
    relative: bool,
}

impl Own<'_> {
    fn path(&self, path: &Path) -> PathBuf {
        if self.relative { path.into() } else { self.top.join(path) }
    }
    fn get<O: PathOp>(&self, request: Request<'_, O>) -> O::Out {
        self.t.get(if self.relative { request.at(self.dir) } else { request })
    }
    fn get_two<O: TwoPathOp>(&self, request: Request<'_, O>) -> <O as Op>::Out {
        self.get(if self.relative { request.to_at(self.dir) } else { request })
    }
}

fn names_and_kinds(own: &Own<'_>, std: &Path, rng: &mut Rng, names: &[Vec<u8>]) -> (String, Answer, Answer) {
    let (one, two) = (path(rng, names), path(rng, names));
    let (t, from, to) = (own.t, own.path(&one), own.path(&two));
    let (std_from, std_to) = (std.join(&one), std.join(&two));
    let bits = rng.u32(0..0o1000) | 0o700;
    let mode = Mode::from_raw_mode(bits);
    let (what, found, expected) = match rng.u8(0..9) {
        0 | 1 => ("mkdir", own.get(t.mkdir(from).mode(bits)), rustix::fs::mkdirat(CWD, std_from, mode)),
        2 => ("rmdir", own.get(t.rmdir(from)), rustix::fs::unlinkat(CWD, std_from, AtFlags::REMOVEDIR)),
        3 => ("unlink", own.get(t.unlink(from)), rustix::fs::unlinkat(CWD, std_from, AtFlags::empty())),
        4 => {
            let kind = rng.choice([FileType::Fifo, FileType::File, FileType::Directory]).unwrap();
            let raw = match kind {
                FileType::Fifo => rustix::fs::FileType::Fifo,
                FileType::File => rustix::fs::FileType::RegularFile,
                _ => rustix::fs::FileType::Directory,
            };
            let request = t.mknod(from, kind).mode(bits);
            ("mknod", own.get(request), rustix::fs::mknodat(CWD, std_from, raw, mode, 0))
        }
        // A relative text, which leads to the same place in both trees.
        5 => ("symlink", own.get(t.symlink(&two, from)), rustix::fs::symlinkat(&two, CWD, std_from)),
        6 => {
            let follow = rng.bool();
            let flags = if follow { AtFlags::SYMLINK_FOLLOW } else { AtFlags::empty() };
            let request = t.link(from, to).follow(follow);
            ("link", own.get_two(request), rustix::fs::linkat(CWD, std_from, CWD, std_to, flags))
        }
        _ => {
            let all = [RenameFlags::empty(), RenameFlags::NOREPLACE, RenameFlags::EXCHANGE];
            let flags = rng.choice(all).unwrap();
            let request = t.rename(from, to).flags(flags);
            ("rename", own.get_two(request), rustix::fs::renameat_with(CWD, std_from, CWD, std_to, flags))
        }
    };
    (format!("{what} {one:?} {two:?}"), answer(found, nothing), unit(expected))
}

fn attributes(own: &Own<'_>, std: &Path, rng: &mut Rng, names: &[Vec<u8>]) -> (String, Answer, Answer) {
    let one = path(rng, names);
    let (t, path, std) = (own.t, own.path(&one), std.join(&one));
    let bits = rng.u32(0..0o10000) | 0o700;
    let (secs, nanos) = (rng.i64(-1_000_000..4_000_000_000), rng.u32(0..1_000_000_000));
    let time = Timespec { tv_sec: secs, tv_nsec: nanos.into() };
    let len = rng.u64(0..1 << 20);
    let access = Access::from_bits_retain(rng.u32(0..8));
    let (what, found, expected) = match rng.u8(0..5) {
        0 => {
            // The set-group-id bit may go where the group is another's.
            let mode = Mode::from_raw_mode(bits & !0o2000);
            let expected = rustix::fs::chmodat(CWD, &std, mode, AtFlags::empty());
            ("chmod", own.get(t.chmod(path, bits & !0o2000)), expected)
        }
        1 => {
            // Opening a FIFO for that would wait.
            let kind = fs::metadata(&std).map(|st| st.file_type());
            if kind.is_ok_and(|kind| kind.is_fifo()) {
                return ("a FIFO is left alone".into(), Ok(vec![]), Ok(vec![]));
            }
            let expected = fs::File::options().write(true).open(&std).and_then(|file| file.set_len(len));
            let expected = answer(expected, nothing);
            return (
                format!("truncate {one:?} {len}"),
                answer(own.get(t.truncate(path, len)), nothing),
                expected,
            );
        }
        2 => {
            let times = Timestamps { last_access: time, last_modification: time };
            let flags = if rng.bool() { AtFlags::SYMLINK_NOFOLLOW } else { AtFlags::empty() };
            let set = SetTime::To { secs, nanos };
            let request =
                if flags.is_empty() { t.utimens(path, set, set) } else { t.lutimens(path, set, set) };
            ("utimens", own.get(request), rustix::fs::utimensat(CWD, std, &times, flags))
        }
        3 => {
            let expected = rustix::fs::accessat(CWD, std, access, AtFlags::empty());
            ("access", own.get(t.access(path, access)), expected)
        }
        _ => {
            let value = vec![rng.u8(..); rng.usize(0..200)];
            let flags = XattrFlags::from_bits_retain(rng.u32(0..3));
            let expected = rustix::fs::setxattr(&std, "user.a", &value, flags);
            ("setxattr", own.get(t.setxattr(path, "user.a", value).flags(flags)), expected)
        }
    };
    (format!("{what} {one:?}"), answer(found, nothing), unit(expected))
}

fn questions(own: &Own<'_>, std: &Path, rng: &mut Rng, names: &[Vec<u8>]) -> (String, Answer, Answer) {
    let one = path(rng, names);
    let (t, path) = (own.t, own.path(&one));
    let bytes = |path: PathBuf| path.into_os_string().into_vec();
    let below = |top: &Path, path: PathBuf| {
        let top = fs::canonicalize(top).unwrap();
        path.strip_prefix(top).expect("below the top").as_os_str().as_bytes().to_vec()
    };
    let (what, found, expected) = match rng.u8(0..4) {
        0 => {
            let expected = fs::read_link(std.join(&one));
            ("readlink", answer(own.get(t.readlink(path)), bytes), answer(expected, bytes))
        }
        1 => {
            let expected = answer(fs::canonicalize(std.join(&one)), |path| below(std, path));
            ("realpath", answer(own.get(t.realpath(path)), |path| below(own.top, path)), expected)
        }
        2 => {
            let mut room = [0; 300];
            let expected = rustix::fs::getxattr(std.join(&one), "user.a", &mut room);
            let expected = expected.map(|n| room[..n].to_vec());
            ("getxattr", answer(own.get(t.getxattr(path, "user.a")), |value| value), expected)
        }
        _ => {
            let expected = rustix::fs::statat(CWD, std.join(&one), AtFlags::empty());
            let expected = expected.map(|st| format!("{:o} {}", st.st_mode, st.st_nlink).into_bytes());
            let found = answer(own.get(t.statx(path)), |st| {
                let st = st.metadata().expect("all of it");
                format!("{:o} {}", st.mode(), st.nlink()).into_bytes()
            });
            ("statx", found, expected)
        }
    };
    (format!("{what} {one:?}"), found, expected)
}

/// All that the changes above change, of everything below a directory.
fn state(top: &Path) -> Vec<String> {
    let mut all = Vec::new();
    for entry in fs::read_dir(top).unwrap().map(Result::unwrap) {
        let st = entry.metadata().unwrap();
        let len = if st.is_dir() { 0 } else { st.len() };
        let mut room = [0; 300];
        let value = rustix::fs::lgetxattr(entry.path(), "user.a", &mut room).map(|n| room[..n].to_vec());
        let link = fs::read_link(entry.path()).ok();
        // Times are the system's, unless they were set: those are before or after this year's.
        let time =
            (st.mtime() < 1_700_000_000 || st.mtime() > 3_000_000_000).then(|| (st.mtime(), st.mtime_nsec()));
        all.push(format!(
            "{:?} {:o} {} {len} {time:?} {link:?} {value:?}",
            entry.file_name(),
            st.mode(),
            st.nlink()
        ));
        if st.is_dir() {
            all.extend(
                state(&entry.path()).into_iter().map(|line| format!("{:?}/{line}", entry.file_name())),
            );
        }
    }
    all.sort();
    all
}

#[test]
fn two_trees_stay_the_same() {
    let seed = random().u64(..);
    each_route(|t| {
        let rng = &mut Rng::with_seed(seed);
        let (own, std) = (tempdir().unwrap(), tempdir().unwrap());
        let dir = Dir::open(own.path()).unwrap();
        let names = names(rng);
        // Something to start with, so that not everything is ENOENT.
        for top in [own.path(), std.path()] {
            fs::create_dir_all(top.join("a/b")).unwrap();
            fs::write(top.join("b"), "text").unwrap();
            fs::write(top.join("a/a"), "").unwrap();
        }
        for _ in 0..ROUNDS {
            let own = Own { t, top: own.path(), dir: &dir, relative: rng.bool() };
            let (what, found, expected) = match rng.u8(0..4) {
                0 | 1 => names_and_kinds(&own, std.path(), rng, &names),
                2 => attributes(&own, std.path(), rng, &names),
                _ => questions(&own, std.path(), rng, &names),
            };
            assert_eq!(found, expected, "{what}, relative: {}", own.relative);
        }
        assert_eq!(state(own.path()), state(std.path()));
    });
}
