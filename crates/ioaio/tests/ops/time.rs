//! utimens, lutimens, futimens.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use ioaio::{Dir, File, OFlags, SetTime};
use rustix::io::Errno;
use tempfile::tempdir;

use crate::common::{as_nobody, each_route, errno};

type Times = ((i64, i64), (i64, i64));

fn times(path: &Path) -> Times {
    let st = fs::symlink_metadata(path).unwrap();
    ((st.atime(), st.atime_nsec()), (st.mtime(), st.mtime_nsec()))
}

const A: SetTime = SetTime::To { secs: 1_000_000_000, nanos: 123_456_789 };
const B: SetTime = SetTime::To { secs: -5, nanos: 999_999_999 };
const A_TIME: (i64, i64) = (1_000_000_000, 123_456_789);
const B_TIME: (i64, i64) = (-5, 999_999_999);

#[test]
fn times_have_nanoseconds() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let (path, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&path, "").unwrap();
        symlink("file", &link).unwrap();
        let handle = Dir::open(dir.path()).unwrap();
        let file = File::from(fs::File::open(&path).unwrap());
        t.get(t.utimens(&path, A, B)).unwrap();
        assert_eq!(times(&path), (A_TIME, B_TIME));
        t.get(t.utimens("link", B, A).at(&handle)).unwrap();
        assert_eq!(times(&path), (B_TIME, A_TIME));
        t.get(t.lutimens(&link, A, A)).unwrap();
        assert_eq!((times(&link), times(&path)), ((A_TIME, A_TIME), (B_TIME, A_TIME)));
        t.get(t.futimens(&file, A, B)).unwrap();
        assert_eq!(times(&path), (A_TIME, B_TIME));
    });
}

#[test]
fn now_and_omit_are_no_points_in_time() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "").unwrap();
        t.get(t.utimens(&path, A, B)).unwrap();
        t.get(t.utimens(&path, SetTime::Omit, A)).unwrap();
        assert_eq!(times(&path), (A_TIME, A_TIME));
        t.get(t.utimens(&path, B, SetTime::Omit)).unwrap();
        assert_eq!(times(&path), (B_TIME, A_TIME));
        t.get(t.utimens(&path, SetTime::Omit, SetTime::Omit)).unwrap();
        assert_eq!(times(&path), (B_TIME, A_TIME));
        t.get(t.utimens(&path, SetTime::Omit, SetTime::Now)).unwrap();
        let now = times(&path);
        assert_eq!(now.0, B_TIME);
        assert!(now.1.0 > 1_700_000_000, "{now:?}");
    });
}

#[test]
fn a_system_time_is_a_time_of_a_file() {
    let points = [0, 1, 999_999_999, 1_000_000_000, 1_000_000_001, 12_345_678_901].map(Duration::from_nanos);
    each_route(|t| {
        let dir = tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "").unwrap();
        for point in points {
            for time in [SystemTime::UNIX_EPOCH + point, SystemTime::UNIX_EPOCH - point] {
                t.get(t.utimens(&path, SetTime::Omit, time)).unwrap();
                assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), time);
                assert_eq!(t.get(t.stat(&path)).unwrap().modified(), time);
            }
        }
    });
}

#[test]
fn errors_of_utimens_keep_their_errno() {
    each_route(|t| {
        let dir = tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("file"), "").unwrap();
        let set = |name: &str, time| errno(t.get(t.utimens(at(name), time, SetTime::Omit)));
        assert_eq!(set("none", A), Errno::NOENT);
        assert_eq!(set("file/x", A), Errno::NOTDIR);
        assert_eq!(set("file\0", A), Errno::INVAL);
        // Among them what the kernel takes for "now" and "leave it".
        for nanos in [1_000_000_000, (1 << 30) - 1, (1 << 30) - 2, u32::MAX] {
            assert_eq!(set("file", SetTime::To { secs: 0, nanos }), Errno::INVAL);
        }
        let path = File::from(rustix::fs::open(at("file"), OFlags::PATH, 0.into()).unwrap());
        assert_eq!(errno(t.get(t.futimens(&path, A, B))), Errno::BADF);
    });
    as_nobody(|| {
        each_route(|t| {
            assert_eq!(errno(t.get(t.utimens("/etc/passwd", A, A))), Errno::PERM);
            assert_eq!(errno(t.get(t.utimens("/etc/passwd", SetTime::Now, SetTime::Now))), Errno::ACCESS);
        });
    });
}
