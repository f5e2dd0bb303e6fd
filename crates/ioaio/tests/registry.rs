//! The registry and the table in the documentation tell of every operation.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The sources of operations and composites.
fn sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut todo = vec![root.join("ops"), root.join("fcntl_ioctl.rs"), root.join("composite")];
    let mut sources = Vec::new();
    while let Some(path) = todo.pop() {
        match path.is_dir() {
            true => todo.extend(fs::read_dir(path).expect("a directory").map(|file| file.unwrap().path())),
            false => sources.push(fs::read_to_string(path).unwrap()),
        }
    }
    sources
}

/// The names of the public functions that make a request.
fn methods() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in sources() {
        let source = source.replace("pub unsafe fn ", "pub fn ");
        for function in source.split("    pub fn ").skip(1) {
            let head = function.split('{').next().unwrap_or_default();
            let name = head.split(['(', '<']).next().unwrap_or_default();
            if head.contains("&self") && head.contains("-> Request<") {
                names.insert(name.to_owned());
            }
        }
    }
    names
}

#[test]
fn every_request_is_registered() {
    let registered: Vec<&str> = ioaio::ops().iter().flat_map(|op| op.methods).copied().collect();
    let unique: BTreeSet<String> = registered.iter().map(|name| name.to_string()).collect();
    assert_eq!(unique.len(), registered.len(), "a method is registered twice");
    assert_eq!(unique, methods());
    let names: BTreeSet<&str> = ioaio::ops().iter().map(|op| op.name).collect();
    assert_eq!(names.len(), ioaio::ops().len(), "two operations have one name");
}

#[test]
fn what_goes_inline_is_registered_as_such() {
    let inline: usize =
        sources().iter().map(|source| source.matches("    fn inline(&mut self)").count()).sum();
    assert_eq!(ioaio::ops().iter().filter(|op| op.inline).count(), inline);
}

#[test]
fn the_table_is_fresh() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/OPS.md");
    let text = ioaio::ops_table();
    if std::env::var_os("IOAIO_WRITE_TABLE").is_some() {
        fs::write(path, &text).unwrap();
    }
    assert!(
        fs::read_to_string(path).unwrap() == text,
        "{path} is stale: run this test with IOAIO_WRITE_TABLE=1"
    );
}
