//! `ioaio du` on real trees: its sums are those of coreutils' du, and no tree breaks it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags};
use tempfile::TempDir;

fn ioaio(args: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ioaio")).args(args).current_dir(dir).output().expect("ioaio starts")
}
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
/// The number in front of the first line of what a successful command printed.
fn first_number(output: &Output) -> u64 {
    assert!(output.status.success(), "{}: {}", output.status, text(&output.stderr));
    let out = text(&output.stdout);
    let word = out.split_whitespace().next().unwrap_or_else(|| panic!("nothing printed"));
    word.parse().unwrap_or_else(|_| panic!("not a number of bytes: {out}"))
}
fn ours(dir: &Path, options: &[&str]) -> u64 {
    first_number(&ioaio(&[&["du", "-sb"], options, &["tree"]].concat(), dir))
}
/// What coreutils' du says; `None`, with the reason printed, where there is none.
fn theirs(dir: &Path, options: &[&str]) -> Option<u64> {
    let mut du = Command::new("du");
    du.args(["-s", "--block-size=1"]).args(options).arg("tree").current_dir(dir);
    match du.output() {
        Ok(output) => Some(first_number(&output)),
        Err(e) => {
            eprintln!("not compared with du: {e}");
            None
        }
    }
}
/// Newer versions of coreutils' du leave the lengths of directories out of the apparent size.
fn du_counts_directory_lengths(dir: &Path) -> bool {
    // Not quite empty: on some file systems the length of an empty directory is 0.
    fs::create_dir_all(dir.join("small/tree")).expect("directory");
    File::create(dir.join("small/tree/file")).expect("file");
    theirs(&dir.join("small"), &["--apparent-size"]).is_some_and(|n| n > 0)
}
fn directory_lengths(dir: &Path) -> u64 {
    let below = fs::read_dir(dir).expect("list").map(|entry| {
        let entry = entry.expect("entry");
        if entry.file_type().expect("type").is_dir() { directory_lengths(&entry.path()) } else { 0 }
    });
    fs::symlink_metadata(dir).expect("stat").len() + below.sum::<u64>()
}

/// Directories with files, hard links within and across them, symbolic links, holes and a pipe.
fn mixed_tree(dir: &Path) -> io::Result<()> {
    let tree = dir.join("tree");
    for d in 0..20 {
        let sub = tree.join(format!("d{d}/sub"));
        fs::create_dir_all(&sub)?;
        for f in 0..10 {
            fs::write(sub.join(format!("f{f}")), vec![1; f * 1000])?;
        }
        fs::hard_link(sub.join("f9"), tree.join(format!("d{d}/link")))?;
        fs::hard_link(sub.join("f8"), tree.join(format!("link{d}")))?;
        symlink("sub/f9", tree.join(format!("d{d}/symlink")))?;
        symlink("..", sub.join("up"))?;
        symlink("nowhere", sub.join("dangling"))?;
    }
    let mut sparse = File::create(tree.join("sparse"))?;
    sparse.set_len(1 << 30)?;
    sparse.write_all(b"one block")?;
    fs::create_dir(dir.join("outside"))?;
    fs::write(dir.join("outside/big"), vec![1; 1 << 20])?;
    symlink("../outside", tree.join("outside"))?;
    let made = Command::new("mkfifo").arg(tree.join("pipe")).status();
    if !made.is_ok_and(|status| status.success()) {
        eprintln!("without a named pipe: no mkfifo");
    }
    Ok(())
}

#[test]
fn sums_are_those_of_du() -> io::Result<()> {
    let dir = TempDir::new()?;
    mixed_tree(dir.path())?;
    for threads in ["1", "2", "16", "100"] {
        let disk = ours(dir.path(), &["-j", threads]);
        let apparent = ours(dir.path(), &["--apparent-size", "-j", threads]);
        assert!(disk < 1 << 29 && apparent > 1 << 30, "{disk} {apparent}");
        let Some(expected) = theirs(dir.path(), &[]) else { return Ok(()) };
        assert_eq!(disk, expected);
        let mut expected = theirs(dir.path(), &["--apparent-size"]).expect("du is there");
        if !du_counts_directory_lengths(dir.path()) {
            expected += directory_lengths(&dir.path().join("tree"));
        }
        assert_eq!(apparent, expected);
    }
    Ok(())
}

#[test]
fn counts_and_lists() -> io::Result<()> {
    let dir = TempDir::new()?;
    fs::create_dir_all(dir.path().join("tree/large/inner"))?;
    fs::create_dir_all(dir.path().join("tree/small"))?;
    fs::write(dir.path().join("tree/large/inner/file"), vec![1; 1_000_000])?;
    fs::write(dir.path().join("tree/small/file"), vec![1; 1000])?;
    let output = ioaio(&["du", "--top", "3", "--bytes", "tree"], dir.path());
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "", "no progress where there is no terminal");
    let out = text(&output.stdout);
    let paths: Vec<&str> = out.lines().take(3).filter_map(|line| line.split('\t').nth(1)).collect();
    assert_eq!(paths, ["tree", "tree/large", "tree/large/inner"]);
    assert!(out.contains("2 files, 4 directories"), "{out}");
    assert!(out.contains("6 entries in "), "{out}");

    let output = ioaio(&["du", "--top", "0", "tree"], dir.path());
    assert!(text(&output.stdout).starts_with("2 files"), "{}", text(&output.stdout));
    let output = ioaio(&["du", "tree"], dir.path());
    assert!(text(&output.stdout).contains(" KiB\ttree\n"), "{}", text(&output.stdout));
    Ok(())
}

#[test]
fn several_paths_are_counted_once() -> io::Result<()> {
    let dir = TempDir::new()?;
    mixed_tree(dir.path())?;
    let output = ioaio(&["du", "-sb", "tree/sparse", "tree", "tree/d1", "tree"], dir.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let out = text(&output.stdout);
    let paths: Vec<&str> = out.lines().filter_map(|line| line.split('\t').nth(1)).collect();
    assert_eq!(paths, ["tree/sparse", "tree", "tree/d1"], "the second tree is the first again");
    let sum = out.lines().filter_map(|line| line.split('\t').next()?.parse::<u64>().ok()).sum::<u64>();
    assert_eq!(sum, ours(dir.path(), &[]));
    Ok(())
}

#[test]
fn a_symbolic_link_is_not_followed() -> io::Result<()> {
    let dir = TempDir::new()?;
    mixed_tree(dir.path())?;
    let len = fs::symlink_metadata(dir.path().join("tree/outside"))?.len();
    let output = ioaio(&["du", "-sb", "--apparent-size", "tree/outside"], dir.path());
    assert_eq!(first_number(&output), len);
    Ok(())
}

#[test]
fn what_cannot_be_read_is_reported_and_the_rest_is_counted() -> io::Result<()> {
    let dir = TempDir::new()?;
    fs::create_dir_all(dir.path().join("tree/closed"))?;
    fs::write(dir.path().join("tree/file"), vec![1; 100_000])?;
    let output = ioaio(&["du", "-sb", "tree", "missing"], dir.path());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "ioaio: lstat missing: No such file or directory (os error 2)\n");
    assert!(text(&output.stdout).ends_with("\ttree\n"));

    let closed = dir.path().join("tree/closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0))?;
    let readable = fs::read_dir(&closed).is_ok();
    let output = ioaio(&["du", "-sb", "tree"], dir.path());
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700))?;
    if readable {
        eprintln!("skipped: permissions do not hold for this user (root?)");
        return Ok(());
    }
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "ioaio: read_dir tree/closed: Permission denied (os error 13)\n");
    let size: u64 = text(&output.stdout).split('\t').next().and_then(|n| n.parse().ok()).expect("a number");
    assert_eq!(size, ours(dir.path(), &[]));
    Ok(())
}

/// Lengths that do not fit into a sum.
#[test]
fn sums_end_at_the_largest_number() -> io::Result<()> {
    let Ok(dir) = TempDir::new_in("/dev/shm") else {
        eprintln!("skipped: there is no file system that has files as long");
        return Ok(());
    };
    fs::create_dir_all(dir.path().join("tree/sub"))?;
    for name in ["tree/a", "tree/b", "tree/sub/a", "tree/sub/b", "tree/sub/c"] {
        if let Err(e) = File::create(dir.path().join(name))?.set_len(i64::MAX as u64) {
            eprintln!("skipped: no file may be as long: {e}");
            return Ok(());
        }
    }
    let output = ioaio(&["du", "-sb", "--apparent-size", "tree", "tree/sub"], dir.path());
    assert_eq!(first_number(&output), u64::MAX);
    let output = ioaio(&["du", "-b", "tree"], dir.path());
    let largest = text(&output.stdout);
    assert!(largest.contains(&format!("{} apparent", u64::MAX)), "{largest}");
    Ok(())
}

/// What goes away while it is measured is no error.
#[test]
fn names_may_come_and_go() -> io::Result<()> {
    let dir = TempDir::new()?;
    let tree = dir.path().join("tree");
    for n in 0..50 {
        fs::create_dir_all(tree.join(format!("stays{n}/sub")))?;
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| -> io::Result<()> {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                for n in 0..50 {
                    let _ = fs::create_dir_all(tree.join(format!("stays{n}/goes/sub")));
                    let _ = fs::write(tree.join(format!("stays{n}/file")), "");
                }
                for n in 0..50 {
                    let _ = fs::remove_dir_all(tree.join(format!("stays{n}/goes")));
                    let _ = fs::remove_file(tree.join(format!("stays{n}/file")));
                }
            }
        });
        let outputs: Vec<Output> = (0..100).map(|_| ioaio(&["du", "-s", "tree"], dir.path())).collect();
        stop.store(true, Ordering::Relaxed);
        for output in outputs {
            assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
        }
        Ok(())
    })
}

#[test]
fn names_need_not_be_utf8() -> io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    let dir = TempDir::new()?;
    let name = std::ffi::OsStr::from_bytes(b"bad\xff\nname");
    fs::create_dir_all(dir.path().join("tree").join(name))?;
    let output = ioaio(&["du", "tree"], dir.path());
    assert!(output.status.success());
    assert!(output.stdout.windows(10).any(|w| w == b"/bad\xff\nname"));
    Ok(())
}

/// A chain of directories, far too deep for paths, each with a leaf beside the next one.
fn deep_tree(dir: &Path, levels: usize) -> io::Result<()> {
    let (mode, flags) = (Mode::RWXU, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC);
    fs::create_dir(dir.join("tree"))?;
    let mut here = rustix::fs::open(dir.join("tree"), flags, Mode::empty())?;
    for _ in 0..levels {
        rustix::fs::mkdirat(&here, "leaf", mode)?;
        rustix::fs::mkdirat(&here, "next", mode)?;
        here = rustix::fs::openat(&here, "next", flags, Mode::empty())?;
    }
    Ok(())
}
/// Removes what is too deep for a recursion.
fn remove_deep_tree(dir: &Path) -> io::Result<()> {
    let status = Command::new("rm").args(["-rf", "tree"]).current_dir(dir).status()?;
    assert!(status.success(), "rm: {status}");
    Ok(())
}

#[test]
fn a_deep_tree_is_walked() -> io::Result<()> {
    let dir = TempDir::new()?;
    deep_tree(dir.path(), 10_000)?;
    let output = ioaio(&["du", "-n", "3", "tree"], dir.path());
    let sizes = theirs(dir.path(), &[]).map(|expected| (ours(dir.path(), &[]), expected));
    remove_deep_tree(dir.path())?;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let out = text(&output.stdout);
    assert!(out.contains("\ttree/next/next\n"), "{out}");
    assert!(out.contains("0 files, 20,001 directories"), "{out}");
    if let Some((ours, expected)) = sizes {
        assert_eq!(ours, expected);
    }
    Ok(())
}

#[test]
fn few_descriptors_are_enough() -> io::Result<()> {
    let dir = TempDir::new()?;
    deep_tree(dir.path(), 400)?;
    for d in 0..200 {
        fs::create_dir_all(dir.path().join(format!("tree/d{d}/sub/a/b/c/d/e/f")))?;
        fs::create_dir_all(dir.path().join(format!("tree/d{d}/sub2/a")))?;
        fs::create_dir_all(dir.path().join(format!("tree/d{d}/sub2/b/c")))?;
    }
    let expected = 1 + 2 * 400 + 200 * (1 + 7 + 1 + 3);
    for limit in [32, 64, 128] {
        let line = format!("ulimit -n {limit} && exec \"$0\" du -n 0 tree");
        let mut command = Command::new("sh");
        command.args(["-c", &line, env!("CARGO_BIN_EXE_ioaio")]).current_dir(dir.path());
        let output = command.output()?;
        assert_eq!(text(&output.stderr), "");
        assert!(output.status.success(), "{}", output.status);
        let counted = text(&output.stdout).replace(',', "");
        assert!(counted.contains(&format!("{expected} directories")), "limit {limit}: {counted}");
    }
    remove_deep_tree(dir.path())
}

#[test]
fn other_file_systems_can_be_left_out() -> io::Result<()> {
    let dir = TempDir::new()?;
    fs::create_dir(dir.path().join("tree"))?;
    let expected = ours(dir.path(), &[]);
    fs::create_dir(dir.path().join("tree/other"))?;
    let in_own_mounts = |options: &str| {
        let du = format!("exec \"$0\" du -sb {options} tree");
        let script = format!("mount -t tmpfs none tree/other && echo hi > tree/other/file && {du}");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c", &script, env!("CARGO_BIN_EXE_ioaio")]);
        command.current_dir(dir.path()).output()
    };
    match in_own_mounts("") {
        Ok(output) if output.status.success() => assert!(first_number(&output) > expected),
        other => {
            eprintln!("skipped: cannot mount: {other:?}");
            return Ok(());
        }
    }
    assert_eq!(first_number(&in_own_mounts("-x")?), expected);
    Ok(())
}

#[test]
fn bad_arguments_are_refused() -> io::Result<()> {
    let dir = TempDir::new()?;
    for args in [&["du", "-j", "0"][..], &["du", "--top", "-1"], &["du", "--nonsense"], &["nonsense"], &[]] {
        let output = ioaio(args, dir.path());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
    Ok(())
}

#[test]
fn a_closed_pipe_is_no_error() -> io::Result<()> {
    let dir = TempDir::new()?;
    fs::create_dir_all(dir.path().join("tree/sub"))?;
    let (reader, writer) = io::pipe()?;
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_ioaio"));
    let output = command.args(["du", "tree"]).current_dir(dir.path()).stdout(writer).output()?;
    assert!(output.status.success(), "{}", output.status);
    assert_eq!(text(&output.stderr), "");
    Ok(())
}
