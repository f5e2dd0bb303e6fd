//! mkdtemp, mkstemp.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use ioaio::Dir;
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{each_route, errno};

fn mode(path: &std::path::Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_directory_gets_a_new_name() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let template = dir.path().join("work-XXXXXX");
        let made: BTreeSet<_> = (0..50).map(|_| t.get(t.mkdtemp(&template)).unwrap()).collect();
        assert_eq!(made.len(), 50);
        for path in &made {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(
                path.parent() == Some(dir.path()) && name.starts_with("work-") && name.len() == 11,
                "{name}"
            );
            assert!(path.is_dir() && mode(path) == 0o700);
        }
    });
}

#[test]
fn a_file_gets_a_new_name_and_is_open() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        let (file, path) = t.get(t.mkstemp("XXXXXX").at(&handle)).unwrap();
        let whole = dir.path().join(&path);
        assert!(path.is_relative() && whole.is_file() && mode(&whole) == 0o600);
        assert_eq!(t.get(t.write_at(&file, "text", 0)).0.unwrap(), 4);
        assert_eq!(t.get(t.read_at(&file, vec![0; 9], 0)).1, b"text");
        assert!(rustix::io::fcntl_getfd(&file).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    });
}

#[test]
fn other_templates_are_refused() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let short = "X".repeat(5);
        for (path, expected) in [
            ("", Errno::INVAL),
            (short.as_str(), Errno::INVAL),
            ("XXXXXX.txt", Errno::INVAL),
            ("nul\0XXXXXX", Errno::INVAL),
            ("none/XXXXXX", Errno::NOENT),
        ] {
            let at = dir.path().join(path);
            assert_eq!(errno(t.get(t.mkdtemp(&at))), expected, "{path:?}");
            assert_eq!(errno(t.get(t.mkstemp(&at))), expected, "{path:?}");
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    });
}
