//! Compiles C programs and runs them.

#![allow(dead_code)]

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// This crate's directory.
pub fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo has put libioaio.so and libioaio.a, which it builds for every test of this crate.
pub fn built() -> PathBuf {
    let test = env::current_exe().expect("this test's path");
    let dir = test.parent().expect("its directory").to_owned();
    for name in ["libioaio.so", "libioaio.a"] {
        assert!(dir.join(name).exists(), "no {name} in {}", dir.display());
    }
    dir
}

/// Whether a program can be started; if not, says what is left out.
pub fn has(program: &str, what: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        eprintln!("skipped: {what}: no {program} here");
    }
    found
}

/// The C compiler, with the warnings that a careful program switches on.
pub fn cc() -> Command {
    let mut cc = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()));
    cc.args(["-std=c11", "-D_GNU_SOURCE", "-g", "-Wall", "-Wextra", "-Werror"]);
    cc
}

/// The C++ compiler, with the language of a year, where there is one.
pub fn cxx(year: &str) -> Option<Command> {
    let name = env::var_os("CXX").unwrap_or_else(|| "c++".into());
    if !has(name.to_str()?, "programs in C++") {
        return None;
    }
    let mut cxx = Command::new(name);
    cxx.args([&format!("-std=c++{year}"), "-g", "-Wall", "-Wextra", "-pedantic", "-Werror"]);
    Some(cxx)
}

/// Runs a command, and panics with all that it said if it failed.
pub fn run(command: &mut Command) -> Output {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(
        out.status.success(),
        "{command:?}: {}\n{}{}",
        out.status,
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr)
    );
    out
}

/// What a command prints, word by word.
pub fn words(command: &mut Command) -> Vec<String> {
    let out = run(command);
    String::from_utf8(out.stdout).expect("text").split_whitespace().map(str::to_owned).collect()
}
