//! Killed at any moment: what is at the target is what was there before or what was to come.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use ioaio::Aio;

use crate::copy::places;
use crate::look::{look, look_tree};
use crate::{bytes, names};

const WORK: &str = "IOAIO_CRASH_WORK";
const PLACE: &str = "IOAIO_CRASH_PLACE";

/// 1,000 kills with IOAIO_LONG=1.
fn rounds() -> u64 {
    if std::env::var_os("IOAIO_LONG").is_some_and(|v| v == "1") { 1000 } else { 30 }
}

#[test]
#[ignore = "what the other tests here start and kill"]
fn child() {
    let (Ok(work), Ok(place)) = (std::env::var(WORK), std::env::var(PLACE)) else {
        return eprintln!("skipped: not started by a test of crash.rs");
    };
    let aio = Aio::new().unwrap();
    let place = Path::new(&place);
    for round in 0u64.. {
        match work.as_str() {
            "save" => save(&aio, place, round),
            "copy" => copy(&aio, place),
            "move" => move_and_back(&aio, place),
            _ => panic!("{work}?"),
        }
    }
}

/// Lets a child work in `place` and kills it, most often in the midst of it.
fn kill_one(work: &str, place: &Path, round: u64) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(WORK, work)
        .env(PLACE, place)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_micros(3_000 + round * 7_919 % 40_000));
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(libc::SIGKILL), "the child ended by itself: {message}");
}

/// What a kill may leave, a file or tree that had just got its temporary name, is found by the option for it.
fn sweep(place: &Path) -> usize {
    let left = || names(place).into_iter().filter(|name| name.starts_with(".ioaio-")).count();
    let before = left();
    if before > 0 {
        let aio = Aio::new().unwrap();
        let save = aio.save(place.join("sweeper"), "").durable(false);
        save.remove_leftovers(Duration::ZERO).wait().0.unwrap();
        fs::remove_file(place.join("sweeper")).unwrap();
        assert_eq!(left(), 0, "leftovers that are not found");
    }
    before
}

fn version(n: u64) -> Vec<u8> {
    vec![n as u8; 300_000 + n as usize % 256]
}

fn save(aio: &Aio, place: &Path, round: u64) {
    let durable = round.is_multiple_of(8);
    aio.save(place.join("file"), version(round)).durable(durable).wait().0.unwrap();
}

#[test]
fn a_killed_save_leaves_old_or_new() {
    let dir = tempfile::tempdir().unwrap();
    let (mut saved, mut left) = (0, 0);
    for round in 0..rounds() {
        kill_one("save", dir.path(), round);
        if let Ok(data) = fs::read(dir.path().join("file")) {
            saved += 1;
            let n = data[0];
            assert!(data.iter().all(|&b| b == n), "parts of two versions");
            assert!(data.len() == version(n.into()).len(), "a part of version {n}");
        }
        left += sweep(dir.path());
        assert!(names(dir.path()).len() <= 1);
    }
    eprintln!("{saved} saved, {left} temporary files left");
    assert!(saved > 0, "the child gets to save something");
}

fn copy(aio: &Aio, place: &Path) {
    let target = place.join("to");
    aio.copy(place.join("from"), &target).wait().unwrap();
    fs::remove_file(target).unwrap();
}

#[test]
fn a_killed_copy_leaves_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    fs::write(&from, bytes(3 << 20)).unwrap();
    let source = look(&from);
    let (mut copied, mut left) = (0, 0);
    for round in 0..rounds() {
        let _ = fs::remove_file(&to);
        let old = round % 2 == 0;
        if old {
            fs::write(&to, "old").unwrap();
        }
        kill_one("copy", dir.path(), round);
        match fs::read(&to) {
            Ok(data) if old && data == b"old" => {}
            Ok(_) => {
                assert!(look(&to) == source, "round {round}: a part of a copy");
                copied += 1;
            }
            Err(e) => assert_eq!(e.kind(), std::io::ErrorKind::NotFound),
        }
        assert!(look(&from) == source);
        left += sweep(dir.path());
    }
    eprintln!("{copied} copied, {left} temporary files left");
}

/// The place is a file that says where the two ends are, on different file systems.
fn ends(place: &Path) -> [PathBuf; 2] {
    let text = fs::read_to_string(place.join("ends")).unwrap();
    let (here, there) = text.split_once('\n').unwrap();
    [here.into(), there.into()]
}

fn move_and_back(aio: &Aio, place: &Path) {
    let [here, there] = ends(place);
    let (from, to) = if here.exists() { (&here, &there) } else { (&there, &here) };
    aio.move_to(from, to).wait().unwrap();
}

#[test]
fn a_killed_move_loses_nothing() {
    let places = places();
    let place = tempfile::tempdir().unwrap();
    let ends = [places[0].path().join("here"), places[places.len() - 1].path().join("there")];
    fs::write(place.path().join("ends"), ends.each_ref().map(|p| p.to_str().unwrap()).join("\n")).unwrap();
    let original = place.path().join("original");
    crate::tree::plant(&original, 5);
    let before = look_tree(&original);
    let aio = Aio::new().unwrap();
    let (mut left, mut both) = (0, 0);
    for round in 0..rounds() {
        if !ends.iter().any(|end| end.exists()) {
            let _ = aio.copy_tree(&original, &ends[0]).wait().unwrap();
        }
        kill_one("move", place.path(), round);
        let whole = ends.each_ref().map(|end| end.exists() && look_tree(end) == before);
        assert!(whole.contains(&true), "round {round}: the source is lost");
        // What was half removed is not needed any more.
        for (end, whole) in ends.iter().zip(whole) {
            if !whole && end.exists() {
                fs::remove_dir_all(end).unwrap();
            }
        }
        if whole == [true, true] {
            both += 1;
            fs::remove_dir_all(&ends[1]).unwrap();
        }
        left += places.iter().map(|place| sweep(place.path())).sum::<usize>();
    }
    eprintln!("{left} temporary trees left, {both} times both were whole");
}
