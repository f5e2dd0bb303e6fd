//! Runs each example.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

/// `cargo test` builds the examples beside the tests; where only this test was asked for, it does
/// not, and this does.
fn path_of(name: &str) -> PathBuf {
    static BUILD: Once = Once::new();
    let test = std::env::current_exe().expect("this test's path");
    let profile = test.ancestors().nth(2).expect("the profile's directory");
    let path = profile.join("examples").join(name);
    if !path.exists() {
        BUILD.call_once(|| build(profile));
    }
    path
}

fn build(profile: &Path) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--package", "ioaio", "--examples", "--all-features", "--target-dir"]);
    cargo.arg(profile.parent().expect("the target directory"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo").success(), "the examples do not build");
}

fn run(name: &str) {
    let out = Command::new(path_of(name)).output().expect("the example starts");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{name}: {}: {}", out.status, String::from_utf8_lossy(&out.stderr));
    assert!(said.lines().count() == 1 && said.starts_with(name), "{name} said: {said}");
}

#[test]
fn poll() {
    run("poll");
}
#[test]
fn mio() {
    run("mio");
}
#[test]
fn polling() {
    run("polling");
}
#[test]
fn smol() {
    run("smol");
}
#[test]
fn tokio() {
    run("tokio");
}
#[test]
fn calloop() {
    run("calloop");
}
