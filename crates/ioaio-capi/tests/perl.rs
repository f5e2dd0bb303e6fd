//! The Perl module: built with the stock toolchain in a directory of its own, and its tests, with each
//! route switched off in turn.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{built, has, here, run, words};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        let is_built = entry.file_name() == "blib" || entry.file_name() == "Makefile";
        if path.is_dir() && !is_built {
            copy(&path, &to);
        } else if path.is_file() && !is_built {
            fs::copy(path, to).unwrap();
        }
    }
}

/// Whether perl, make and perl's headers are here; says what is not.
fn tools() -> bool {
    if !["perl", "make"].iter().all(|tool| has(tool, "the Perl module")) {
        return false;
    }
    let core =
        words(Command::new("perl").args(["-MConfig", "-e", "print qq($Config{archlibexp}/CORE/perl.h)"]));
    let there = core.first().is_some_and(|header| Path::new(header).exists());
    if !there {
        eprintln!("skipped: the Perl module: perl's headers are not here (Debian: libperl-dev)");
    }
    let missing = |module: &&str| {
        let perl = Command::new("perl").arg(format!("-M{module}")).args(["-e", "1"]).output();
        !perl.is_ok_and(|out| out.status.success())
    };
    let modules = ["ExtUtils::MakeMaker", "Test::More", "Time::HiRes"];
    let missing: Vec<_> = modules.into_iter().filter(missing).collect();
    if !missing.is_empty() {
        eprintln!("skipped: the Perl module: perl has no {missing:?}");
    }
    there && missing.is_empty()
}

fn make(dir: &Path, target: &[&str]) -> Command {
    let mut make = Command::new("make");
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL").current_dir(dir).args(target);
    make
}

fn build(dir: &Path) -> PathBuf {
    let perl = dir.join("perl");
    copy(&here().join("../../perl"), &perl);
    let mut makefile = Command::new("perl");
    makefile.arg("Makefile.PL").current_dir(&perl);
    makefile.env("IOAIO_LIB", built().join("libioaio.a")).env("IOAIO_INCLUDE", here().join("include"));
    run(&mut makefile);
    run(&mut make(&perl, &[]));
    perl
}

#[test]
fn the_perl_module_passes_its_tests_on_every_route() {
    if !tools() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let perl = build(dir.path());
    for routes in ["inline,ring,pool", "ring,pool", "inline,pool", "inline,ring", "pool", "none"] {
        println!("with {routes:?}:");
        let out = run(make(&perl, &["test"]).env("IOAIO_ROUTES", routes));
        let text = String::from_utf8_lossy(&out.stdout);
        println!("{text}");
        assert!(text.contains("Result: PASS"), "{text}");
    }
    let root = dir.path().join("root");
    run(&mut make(&perl, &["install", &format!("DESTDIR={}", root.display())]));
    let mut find = Command::new("find");
    let installed = words(find.arg(&root).args(["-name", "AIO.so", "-o", "-name", "AIO.pm"]));
    assert_eq!(installed.len(), 2, "{installed:?}");
}
