//! What there is to see of a file, for comparing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Contents, metadata and extended attributes; not the access time, which looking changes.
#[derive(Debug, PartialEq)]
pub struct Look {
    contents: Contents,
    mode: u32,
    owner: (u32, u32),
    modified: (i64, i64),
    xattrs: Vec<(String, Vec<u8>)>,
}

#[derive(Debug, PartialEq)]
enum Contents {
    File(Vec<u8>),
    Link(PathBuf),
    Other(u64),
}

/// Without following a link.
pub fn look(path: &Path) -> Look {
    let st = fs::symlink_metadata(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let xattrs = xattrs(path);
    Look {
        mode: st.mode(),
        owner: (st.uid(), st.gid()),
        modified: (st.mtime(), st.mtime_nsec()),
        xattrs,
        contents: contents(path, &st),
    }
}

fn contents(path: &Path, st: &Metadata) -> Contents {
    let kind = st.file_type();
    if kind.is_symlink() {
        Contents::Link(fs::read_link(path).expect("a link"))
    } else if kind.is_file() {
        Contents::File(fs::read(path).expect("a file"))
    } else if kind.is_char_device() || kind.is_block_device() {
        Contents::Other(st.rdev())
    } else {
        Contents::Other(0)
    }
}

fn xattrs(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut list = [0; 4096];
    let Ok(n) = rustix::fs::llistxattr(path, &mut list) else { return Vec::new() };
    let names = list[..n].split(|&b| b == 0).filter(|name| !name.is_empty());
    let mut all: Vec<_> = names
        .map(|name| {
            let mut value = vec![0; 65536];
            let n = rustix::fs::lgetxattr(path, name, &mut value).expect("a value");
            value.truncate(n);
            (String::from_utf8_lossy(name).into_owned(), value)
        })
        .collect();
    all.sort();
    all
}

/// Everything below a directory, by path, and which paths are one file.
pub fn look_tree(root: &Path) -> (BTreeMap<PathBuf, Look>, BTreeSet<Vec<PathBuf>>) {
    let mut looks = BTreeMap::new();
    let mut same: BTreeMap<u64, Vec<PathBuf>> = BTreeMap::new();
    let mut todo = vec![root.to_path_buf()];
    while let Some(path) = todo.pop() {
        let st = fs::symlink_metadata(&path).unwrap();
        let inside = path.strip_prefix(root).unwrap().to_path_buf();
        if st.is_dir() {
            todo.extend(fs::read_dir(&path).unwrap().map(|e| e.unwrap().path()));
        } else if st.nlink() > 1 {
            same.entry(st.ino()).or_default().push(inside.clone());
        }
        looks.insert(inside, look(&path));
    }
    let groups = same.into_values().map(|mut paths| {
        paths.sort();
        paths
    });
    (looks, groups.collect())
}
