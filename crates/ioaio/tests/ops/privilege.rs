//! What a user may not do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use ioaio::OFlags;
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{as_nobody, each_route, errno};

#[test]
fn what_is_not_permitted_is_eacces() {
    let dir = tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::write(at("file"), "").unwrap();
    fs::create_dir(at("dir")).unwrap();
    let permit = |name: &str, mode| fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
    permit("file", 0o000);
    permit("dir", 0o000);
    permit(".", 0o555);
    as_nobody(|| {
        each_route(|t| {
            assert_eq!(errno(t.get(t.open(at("file")))), Errno::ACCESS);
            assert_eq!(errno(t.get(t.open(at("new")).flags(OFlags::CREATE))), Errno::ACCESS);
            assert_eq!(errno(t.get(t.stat(at("dir/x")))), Errno::ACCESS);
            assert_eq!(errno(t.get(t.unlink(at("file")))), Errno::ACCESS);
            assert_eq!(errno(t.get(t.read_dir(at("dir")))), Errno::ACCESS);
            assert_eq!(t.get(t.stat(at("file"))).unwrap().mode() & 0o777, 0);
        });
    });
    permit(".", 0o755);
    permit("dir", 0o755);
}
