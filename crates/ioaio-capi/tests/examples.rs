//! The examples in C: under epoll, libev and libuv.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{built, cc, here, run};

/// Compiles an example; says so where its loop's library is not here.
fn example(name: &str, library: Option<&str>, dir: &Path) -> Option<PathBuf> {
    let program = dir.join(name);
    let build = |source: &Path, program: &Path| {
        let mut cc = cc();
        cc.arg(source).arg("-I").arg(here().join("include")).arg(built().join("libioaio.a"));
        cc.args(library).args(["-lpthread", "-ldl", "-lm", "-o"]).arg(program);
        cc
    };
    if let Some(library) = library {
        let probe = dir.join("probe.c");
        let header = if library == "-lev" { "ev.h" } else { "uv.h" };
        fs::write(&probe, format!("#include <{header}>\nint main(void) {{ return 0; }}")).unwrap();
        if !build(&probe, &dir.join("probe")).output().is_ok_and(|out| out.status.success()) {
            eprintln!("skipped: examples/{name}.c: no {header}, or nothing for {library}");
            return None;
        }
    }
    run(&mut build(&here().join(format!("examples/{name}.c")), &program));
    Some(program)
}
fn printed(command: &mut Command) -> String {
    String::from_utf8(run(command).stdout).unwrap()
}

#[test]
fn epoll() {
    let dir = tempfile::tempdir().unwrap();
    let Some(program) = example("epoll", None, dir.path()) else { return };
    let file = dir.path().join("file");
    fs::write(&file, [0; 1234]).unwrap();
    let text = printed(Command::new(&program).arg(&file).arg(&file));
    assert_eq!(text, format!("{0}: 1234 bytes\n{0}: 1234 bytes\n", file.display()));
    let none = Command::new(&program).arg(dir.path().join("none")).output().unwrap();
    assert!(!none.status.success() && String::from_utf8_lossy(&none.stderr).contains("No such file"));
}

#[test]
fn libev() {
    let dir = tempfile::tempdir().unwrap();
    let Some(program) = example("libev", Some("-lev"), dir.path()) else { return };
    let names = dir.path().join("names");
    fs::create_dir(&names).unwrap();
    (0..100).for_each(|n| fs::write(names.join(format!("{n}")), [0; 10]).unwrap());
    assert_eq!(printed(Command::new(&program).arg(&names)), "100 names, 1000 bytes\n");
}

#[test]
fn libuv() {
    let dir = tempfile::tempdir().unwrap();
    let Some(program) = example("libuv", Some("-luv"), dir.path()) else { return };
    let from = dir.path().join("from");
    fs::create_dir_all(from.join("sub")).unwrap();
    (0..100).for_each(|n| fs::write(from.join(format!("sub/{n}")), [0; 10]).unwrap());
    let text = printed(Command::new(&program).arg(&from).arg(dir.path().join("to")));
    assert_eq!(text, "102 entries, 1000 bytes\n");
    assert_eq!(fs::read_dir(dir.path().join("to/sub")).unwrap().count(), 100);
}

#[test]
fn the_guide_for_porting() {
    let guide = fs::read_to_string(here().join("PORTING.md")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let programs: Vec<&str> =
        guide.split("```c\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let texts = programs.iter().enumerate().map(|(n, text)| {
        let (source, program) = (dir.path().join(format!("{n}.c")), dir.path().join(format!("{n}")));
        fs::write(&source, text).unwrap();
        let mut cc = cc();
        cc.arg(&source).arg("-I").arg(here().join("include")).arg(built().join("libioaio.a"));
        run(cc.args(["-lpthread", "-ldl", "-lm", "-o"]).arg(&program));
        printed(&mut Command::new(&program))
    });
    assert_eq!(texts.collect::<Vec<_>>(), ["has contents\n", "16 bytes\n"]);
}
