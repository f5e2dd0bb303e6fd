//! C programs: every request and all of the engine, with each route switched off in turn.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{built, cc, has, here, run};

/// IOAIO_NO_INLINE, IOAIO_NO_RING, IOAIO_NO_POOL.
const ROUTES_OFF: [u8; 5] = [0, 1, 2, 4, 1 | 2];

fn compile(name: &str, dir: &Path, more: &[&str]) -> PathBuf {
    let program = dir.join(name);
    let mut cc = cc();
    cc.args(more).arg(here().join(format!("tests/c/{name}.c"))).arg("-I").arg(here().join("include"));
    cc.arg(built().join("libioaio.a")).args(["-lpthread", "-ldl", "-lm", "-o"]).arg(&program);
    run(&mut cc);
    program
}

fn works(command: &mut Command) {
    let out = run(command);
    assert_eq!(String::from_utf8_lossy(&out.stdout), "all\n");
}

/// A new directory to work in, on a disk rather than in memory where there is one.
fn workplace() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

#[test]
fn every_request_works_from_c() {
    let dir = tempfile::tempdir().unwrap();
    let program = compile("ops", dir.path(), &[]);
    for off in ROUTES_OFF {
        works(Command::new(&program).arg(workplace().path()).arg(off.to_string()));
    }
}

#[test]
fn arguments_mean_what_they_mean_to_the_kernel() {
    let dir = tempfile::tempdir().unwrap();
    let program = compile("arguments", dir.path(), &[]);
    for off in ROUTES_OFF {
        works(Command::new(&program).arg(workplace().path()).arg(off.to_string()));
    }
}

#[test]
fn composites_do_as_told_and_tell_what_they_leave_out() {
    let dir = tempfile::tempdir().unwrap();
    let program = compile("composites", dir.path(), &[]);
    for off in ROUTES_OFF {
        works(Command::new(&program).arg(workplace().path()).arg(off.to_string()));
    }
}

#[test]
fn a_descriptor_is_somebodys() {
    let dir = tempfile::tempdir().unwrap();
    let program = compile("descriptors", dir.path(), &[]);
    for off in ROUTES_OFF {
        works(Command::new(&program).arg(workplace().path()).arg(off.to_string()));
    }
}

#[test]
fn trees_are_walked_from_c() {
    let dir = tempfile::tempdir().unwrap();
    let program = compile("walk", dir.path(), &[]);
    for off in ROUTES_OFF {
        works(Command::new(&program).arg(workplace().path()).arg(off.to_string()));
    }
}

#[test]
fn the_engine_works_from_c() {
    let dir = tempfile::tempdir().unwrap();
    let program = compile("engine", dir.path(), &[]);
    for off in [0, 1, 2, 3] {
        works(Command::new(&program).arg(off.to_string()));
    }
}

#[test]
fn no_memory_is_misused() {
    let dir = tempfile::tempdir().unwrap();
    let sanitizer = ["-fsanitize=address,undefined", "-fno-omit-frame-pointer"];
    let probe = dir.path().join("probe.c");
    fs::write(&probe, "int main(void) { return 0; }").unwrap();
    if !cc()
        .args(sanitizer)
        .arg(&probe)
        .arg("-o")
        .arg(dir.path().join("probe"))
        .status()
        .is_ok_and(|s| s.success())
    {
        return eprintln!("skipped: the C compiler has no AddressSanitizer");
    }
    // What the engine keeps for the process is no leak; what a test leaves open is its own.
    let ops = compile("ops", dir.path(), &sanitizer);
    works(Command::new(&ops).arg(workplace().path()).arg("0").env("ASAN_OPTIONS", "detect_leaks=0"));
    let engine = compile("engine", dir.path(), &sanitizer);
    works(Command::new(&engine).arg("0").env("ASAN_OPTIONS", "detect_leaks=0"));
}

#[test]
fn valgrind_finds_nothing() {
    if !has("valgrind", "the C programs under valgrind") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let program = compile("ops", dir.path(), &[]);
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite", "-q"]);
    // Without the ring, whose memory valgrind does not follow.
    works(valgrind.arg(&program).arg(workplace().path()).arg("2"));
}

/// The names of the functions that make requests, without the prefix.
fn requests() -> BTreeSet<String> {
    let header = fs::read_to_string(here().join("include/ioaio.h")).unwrap();
    let names = header.split("\nconst ioaio_req *ioaio_").skip(1);
    names
        .filter_map(|rest| Some(rest.split_once('(')?.0.to_owned()))
        .filter(|name| name != "submit")
        .collect()
}

#[test]
fn every_request_is_tried() {
    let program = fs::read_to_string(here().join("tests/c/ops.c")).unwrap();
    let untried: Vec<_> =
        requests().into_iter().filter(|name| !program.contains(&format!("ioaio_{name}("))).collect();
    assert!(untried.is_empty(), "not in tests/c/ops.c: {untried:?}");
}

/// Those that no system call stands for.
const OWN: [&str; 6] = ["nop", "custom", "sync", "munlockall", "mkdtemp", "mkstemp"];

#[test]
fn every_argument_is_compared() {
    let text = |name: &str| fs::read_to_string(here().join("tests/c").join(name)).unwrap();
    let program = text("arguments.c") + &text("arguments_files.h");
    let untried: Vec<_> = requests()
        .into_iter()
        .filter(|name| !OWN.contains(&name.as_str()) && !program.contains(&format!("ioaio_{name}(")))
        .collect();
    assert!(untried.is_empty(), "not in tests/c/arguments.c: {untried:?}");
}

#[test]
fn every_operation_has_a_function() {
    let requests = requests();
    let missing: Vec<_> = engine::ops()
        .iter()
        .flat_map(|op| op.methods)
        .filter(|method| {
            let name = match **method {
                // One function, with -1 for the offset, or by SEEK_..., or by another name.
                "read_at" => "read",
                "write_at" => "write",
                "readv_at" => "readv",
                "writev_at" => "writev",
                "seek_data" | "seek_hole" => "seek",
                "call" => "custom",
                "move_to" => "move",
                other => other,
            };
            !requests.contains(name)
        })
        .collect();
    assert!(missing.is_empty(), "no C function for {missing:?}");
}
