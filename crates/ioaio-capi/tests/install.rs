//! `make install`, and a program that finds the library by pkg-config.

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{built, cc, has, here, run, words};

fn make(args: &[String]) {
    let mut make = Command::new("make");
    // A make that runs this test would hand its jobs and variables down.
    make.env_remove("MAKEFLAGS").env_remove("MAKELEVEL");
    make.arg("-C").arg(here()).arg(format!("BUILT={}", built().display())).args(args);
    run(&mut make);
}

fn variable(name: &str, path: &Path) -> String {
    format!("{name}={}", path.display())
}

/// The options that pkg-config gives for the library below `prefix`.
fn options(prefix: &Path, which: &[&str]) -> Vec<String> {
    let mut config = Command::new("pkg-config");
    words(config.env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig")).args(which).arg("ioaio"))
}

fn compile(dir: &Path, prefix: &Path, which: &[&str], more: &[&str]) -> PathBuf {
    let program = dir.join("installed");
    let source = here().join("tests/c/installed.c");
    run(cc().args(more).arg(source).args(options(prefix, which)).arg("-o").arg(&program));
    program
}

/// The program's answer for a file of a known size.
fn check(program: &mut Command, dir: &Path) {
    let file = dir.join("file");
    fs::write(&file, [0; 1234]).unwrap();
    assert_eq!(words(program.arg(file)), [env!("CARGO_PKG_VERSION"), "1234"]);
}

fn tools() -> bool {
    ["make", "pkg-config"].iter().all(|tool| has(tool, "the installation"))
}

#[test]
fn a_program_finds_the_installed_library() {
    if !tools() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let prefix = dir.path().join("usr");
    make(&[variable("PREFIX", &prefix), "install".into()]);
    assert_eq!(options(&prefix, &["--modversion"]), [env!("CARGO_PKG_VERSION")]);

    let program = compile(dir.path(), &prefix, &["--cflags", "--libs"], &[]);
    // The linker takes libioaio.so, and the program then asks for libioaio.so.0, whatever else is there.
    fs::remove_file(prefix.join("lib/libioaio.so")).unwrap();
    check(Command::new(program).env("LD_LIBRARY_PATH", prefix.join("lib")), dir.path());
}

#[test]
fn a_program_is_linked_statically() {
    if !tools() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let libc = words(cc().arg("-print-file-name=libc.a"));
    if libc == ["libc.a"] {
        eprintln!("skipped: a static program: no libc.a here");
        return;
    }
    let prefix = dir.path().join("usr");
    make(&[variable("PREFIX", &prefix), "install".into()]);
    let program = compile(dir.path(), &prefix, &["--cflags", "--libs", "--static"], &["-static"]);
    fs::remove_dir_all(&prefix).unwrap();
    check(&mut Command::new(program), dir.path());
}

#[test]
fn a_package_is_made_below_destdir() {
    if !tools() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let dest = [variable("DESTDIR", dir.path()), "PREFIX=/opt/x".into(), "LIBDIR=/opt/x/lib64".into()];
    let target = |name: &str| [&dest[..], &[name.into()]].concat();
    make(&target("install"));
    let files = ["include/ioaio.h", "lib64/libioaio.a", "lib64/pkgconfig/ioaio.pc", "lib64/libioaio.so.0"];
    for name in files {
        let found = fs::metadata(dir.path().join("opt/x").join(name)).expect(name);
        let mode = if name.ends_with(".0") { 0o755 } else { 0o644 };
        assert_eq!(found.permissions().mode() & 0o7777, mode, "{name}");
    }
    let config = fs::read_to_string(dir.path().join("opt/x/lib64/pkgconfig/ioaio.pc")).unwrap();
    assert!(
        config.starts_with("prefix=/opt/x\nlibdir=/opt/x/lib64\nincludedir=/opt/x/include\n"),
        "{config}"
    );
    assert!(!config.contains('@'), "{config}");

    make(&target("uninstall"));
    for name in files {
        assert!(!dir.path().join("opt/x").join(name).exists(), "{name} is still there");
    }
}
