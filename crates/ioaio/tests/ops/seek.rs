//! seek, seek_data, seek_hole.

use std::io::{Seek, SeekFrom, Write};

use ioaio::File;
use rustix::io::Errno;

use crate::common::{each_route, errno};

#[test]
fn seek_moves_the_position_as_std_does() {
    each_route(|t| {
        let mut ours = tempfile::tempfile().unwrap();
        ours.write_all(b"0123456789").unwrap();
        let mut twin = tempfile::tempfile().unwrap();
        twin.write_all(b"0123456789").unwrap();
        let ours = File::from(ours);
        let steps = [
            SeekFrom::Start(3),
            SeekFrom::Current(2),
            SeekFrom::Current(-5),
            SeekFrom::Current(-1),
            SeekFrom::End(-4),
            SeekFrom::End(100),
            SeekFrom::End(-11),
            SeekFrom::Start(0),
            SeekFrom::Start(u64::MAX),
            SeekFrom::Start(i64::MAX as u64 + 1),
            SeekFrom::End(i64::MIN),
        ];
        for step in steps {
            let (ours, theirs) = (t.get(t.seek(&ours, step)), twin.seek(step));
            match theirs {
                Ok(at) => assert_eq!(ours.unwrap(), at, "{step:?}"),
                Err(e) => assert_eq!(errno(ours).raw_os_error(), e.raw_os_error().unwrap(), "{step:?}"),
            }
        }
        let (n, data) = t.get(t.read(&ours, vec![0; 4]));
        assert_eq!((n.unwrap(), &data[..]), (4, &b"0123"[..]));
    });
}

#[test]
fn seek_finds_data_and_holes() {
    const MIB: u64 = 1 << 20;
    each_route(|t| {
        let file = File::from(tempfile::tempfile().unwrap());
        t.get(t.write_at(&file, "data", 4 * MIB)).0.unwrap();
        let data = t.get(t.seek_data(&file, 0)).unwrap();
        assert!(data == 4 * MIB || data == 0, "a file system without holes says 0: {data}");
        assert_eq!(t.get(t.seek_hole(&file, 4 * MIB)).unwrap(), 4 * MIB + 4, "the end counts as a hole");
        assert_eq!(errno(t.get(t.seek_data(&file, 5 * MIB))), Errno::NXIO);
        assert_eq!(errno(t.get(t.seek_hole(&file, u64::MAX))), Errno::INVAL);
    });
}

#[test]
fn a_pipe_has_no_position() {
    each_route(|t| {
        let (reader, _writer) = t.get(t.pipe(ioaio::PipeFlags::empty())).unwrap();
        assert_eq!(errno(t.get(t.seek(&reader, SeekFrom::Start(0)))), Errno::SPIPE);
    });
}
