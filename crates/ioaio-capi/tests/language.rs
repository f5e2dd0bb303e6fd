//! The header in strict C89 and C++98, what C++ throws, and the environment.

mod common;

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::{built, cc, cxx, here, run, words};

const LIBRARIES: [&str; 4] = ["-lpthread", "-ldl", "-lm", "-o"];

fn link(compiler: &mut Command, source: &str, dir: &Path) -> PathBuf {
    let program = dir.join(source.replace('.', "_"));
    compiler.arg(here().join("tests/c").join(source)).arg("-I").arg(here().join("include"));
    run(compiler.arg(built().join("libioaio.a")).args(LIBRARIES).arg(&program));
    program
}

/// A program of strict C89, which prints the routes that it may take.
fn strict(dir: &Path) -> PathBuf {
    let mut cc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    cc.args(["-std=c89", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror"]);
    link(&mut cc, "strict.c", dir)
}

#[test]
fn the_header_is_strict() {
    let dir = tempfile::tempdir().unwrap();
    run(&mut Command::new(strict(dir.path())));
    // And complete in itself, with all that the compiler has to say.
    let mut alone = cc();
    alone.args(["-Wstrict-prototypes", "-Wundef", "-Wshadow", "-x", "c", "-fsyntax-only"]);
    run(alone.arg(here().join("include/ioaio.h")));
}

#[test]
fn what_is_only_read_may_be_const() {
    let dir = tempfile::tempdir().unwrap();
    for year in ["98", "20"] {
        let Some(mut cxx) = cxx(year) else { return };
        cxx.arg("-Wno-missing-field-initializers");
        let program = link(&mut cxx, "const.cc", dir.path());
        run(Command::new(program).arg(dir.path()));
    }
}

#[test]
fn an_exception_out_of_a_callback_ends_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let Some(mut cxx) = cxx("11") else { return };
    let program = link(&mut cxx, "thrown.cc", dir.path());
    for what in ["0", "1", "2", "3"] {
        let out = Command::new(&program).arg(what).output().unwrap();
        assert_eq!(out.status.signal(), Some(libc::SIGABRT), "{what}: {}", out.status);
    }
}

/// The routes of an engine where IOAIO_ROUTES has this value.
fn routes(program: &Path, value: Option<&str>) -> Vec<String> {
    let mut command = Command::new(program);
    match value {
        Some(value) => command.env("IOAIO_ROUTES", value),
        None => command.env_remove("IOAIO_ROUTES"),
    };
    words(&mut command)
}

#[test]
fn the_environment_switches_routes_off() {
    let dir = tempfile::tempdir().unwrap();
    let program = strict(dir.path());
    for (value, expected) in [("pool", "1024"), ("inline", "256"), ("pool, inline", "1280"), ("none", "0")] {
        assert_eq!(routes(&program, Some(value)), [expected], "{value:?}");
    }
    assert_eq!(routes(&program, Some("inline,ring,pool")), routes(&program, None));
    assert_eq!(routes(&program, Some("")), routes(&program, None), "as if it were not there");
    let refused = Command::new(&program).env("IOAIO_ROUTES", "pool,rign").status().unwrap();
    assert_eq!(refused.code(), Some(1), "a word that means nothing");
}

#[test]
fn a_program_with_more_rights_does_not_listen() {
    use std::os::unix::fs::PermissionsExt;
    // SAFETY: takes nothing.
    if unsafe { libc::geteuid() } != 0 {
        return eprintln!("skipped: only root makes programs with the rights of another");
    }
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let program = strict(dir.path());
    let all = routes(&program, Some("inline,ring,pool"));
    std::os::unix::fs::chown(&program, Some(65534), None).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o4755)).unwrap();
    let found = routes(&program, Some("pool"));
    if found == ["1024"] {
        return eprintln!("skipped: the mount gives no rights of another");
    }
    assert_eq!(found, all);
}
