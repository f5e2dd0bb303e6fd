//! sendfile, copy_range, splice, tee, and the pipes for them.

use ioaio::{File, OFlags, PipeFlags, SpliceFlags};
use rustix::io::Errno;

use crate::common::{Case, each_route, errno};

fn file(t: &Case, text: &'static str) -> File {
    let file = File::from(tempfile::tempfile().unwrap());
    t.get(t.write_at(&file, text, 0)).0.unwrap();
    file
}

fn text(t: &Case, file: &File) -> Vec<u8> {
    let (n, data) = t.get(t.read_at(file, vec![0; 100], 0));
    data[..n.unwrap()].to_vec()
}

#[test]
fn sendfile_leaves_the_position_or_moves_it() {
    each_route(|t| {
        let (from, out) = (file(t, "0123456789"), file(t, ""));
        assert_eq!(t.get(t.sendfile(&out, &from, Some(7), 100)).unwrap(), 3);
        assert_eq!(t.get(t.sendfile(&out, &from, None, 2)).unwrap(), 2, "from its position, which was 0");
        assert_eq!(t.get(t.sendfile(&out, &from, None, 1)).unwrap(), 1, "and has moved");
        assert_eq!(t.get(t.sendfile(&out, &from, Some(0), 0)).unwrap(), 0);
        assert_eq!(t.get(t.sendfile(&out, &from, Some(10), 5)).unwrap(), 0, "the end");
        assert_eq!(text(t, &out), b"789012");
        assert_eq!(errno(t.get(t.sendfile(&out, &from, Some(u64::MAX), 1))), Errno::INVAL);
    });
}

#[test]
fn sendfile_reads_and_writes_what_the_kernel_does_not_send() {
    each_route(|t| {
        let dir = tempfile::tempdir().unwrap();
        let long: Vec<u8> = (0..200_000u32).map(|n| n as u8).collect();
        let from = File::from(tempfile::tempfile().unwrap());
        assert_eq!(t.get(t.write_at(&from, long.clone(), 0)).0.unwrap(), long.len());
        let appends = OFlags::CREATE | OFlags::RDWR | OFlags::APPEND;
        let out = t.get(t.open(dir.path().join("log")).flags(appends)).unwrap();
        t.get(t.write(&out, "log:")).0.unwrap();
        assert_eq!(t.get(t.sendfile(&out, &from, Some(1), 70_000)).unwrap(), 70_000);
        assert_eq!(t.get(t.sendfile(&out, &from, None, 2)).unwrap(), 2, "from its position, which was 0");
        assert_eq!(t.get(t.sendfile(&out, &from, None, 1)).unwrap(), 1, "and has moved");
        assert_eq!(t.get(t.sendfile(&out, &from, Some(199_999), 5)).unwrap(), 1, "to the end");
        assert_eq!(t.get(t.sendfile(&out, &from, Some(200_000), 5)).unwrap(), 0, "at the end");
        let expected = [&b"log:"[..], &long[1..70_001], &long[..3], &long[199_999..]].concat();
        assert!(std::fs::read(dir.path().join("log")).unwrap() == expected);

        let (reader, writer) = t.get(t.pipe(PipeFlags::empty())).unwrap();
        t.get(t.write(&writer, "of a pipe")).0.unwrap();
        let out = file(t, "");
        assert_eq!(t.get(t.sendfile(&out, &reader, None, 100)).unwrap(), 9);
        assert_eq!(text(t, &out), b"of a pipe");
        let reading = t.get(t.open(dir.path().join("log"))).unwrap();
        assert_eq!(
            errno(t.get(t.sendfile(&reading, &from, Some(0), 1))),
            Errno::BADF,
            "not open for writing"
        );
    });
}

#[test]
fn sendfile_loses_nothing_of_what_it_has_read() {
    each_route(|t| {
        let from = File::from(tempfile::tempfile().unwrap());
        let long: Vec<u8> = (0..100_000u32).map(|n| (n >> 8) as u8).collect();
        t.get(t.write_at(&from, long.clone(), 0)).0.unwrap();
        // A pipe with one page of room, which is refused for its flag.
        let (_reader, pipe) = t.get(t.pipe(PipeFlags::NONBLOCK)).unwrap();
        rustix::fs::fcntl_setfl(&pipe, OFlags::APPEND | OFlags::NONBLOCK).unwrap();
        let size = rustix::pipe::fcntl_getpipe_size(&pipe).unwrap();
        t.get(t.write(&pipe, vec![0; size - 4096])).0.unwrap();
        assert_eq!(t.get(t.sendfile(&pipe, &from, None, 50_000)).unwrap(), 4096);
        assert_eq!(errno(t.get(t.sendfile(&pipe, &from, None, 50_000))), Errno::AGAIN);
        let (n, next) = t.get(t.read(&from, vec![0; 1000]));
        assert!(n.unwrap() == 1000 && next == long[4096..5096], "it goes on after what was sent");
    });
}

#[test]
fn copy_range_copies_between_offsets() {
    each_route(|t| {
        let (from, to) = (file(t, "0123456789"), file(t, "abc"));
        match t.get(t.copy_range((&from, 5), (&to, 1), 3)) {
            Err(e) if matches!(e.raw_os_error(), Some(libc::EXDEV | libc::EOPNOTSUPP)) => {
                return eprintln!("skipped: copy_range: {e}");
            }
            n => assert_eq!(n.unwrap(), 3),
        }
        assert_eq!(text(t, &to), b"a567");
        assert_eq!(t.get(t.copy_range((&from, 10), (&to, 0), 3)).unwrap(), 0, "the end");
        assert_eq!(t.get(t.copy_range((&from, 0), (&to, 0), 0)).unwrap(), 0);
        assert_eq!(errno(t.get(t.copy_range((&from, 0), (&from, 2), 5))), Errno::INVAL, "they overlap");
        assert_eq!(errno(t.get(t.copy_range((&from, 1 << 63), (&to, 0), 1))), Errno::INVAL);
    });
}

#[test]
fn unknown_flags_of_splice_are_none_of_the_rings() {
    each_route(|t| {
        let (reader, writer) = t.get(t.pipe(PipeFlags::empty())).unwrap();
        t.get(t.write(&writer, "text")).0.unwrap();
        for bit in [1 << 4, 1 << 31] {
            let flags = SpliceFlags::from_bits_retain(bit);
            assert_eq!(errno(t.get(t.splice(&reader, &writer, 1).flags(flags))), Errno::INVAL);
            assert_eq!(errno(t.get(t.tee(&reader, &writer, 1).flags(flags))), Errno::INVAL);
        }
    });
}

#[test]
fn splice_and_tee_move_data_through_pipes() {
    each_route(|t| {
        let pipe = || t.get(t.pipe(PipeFlags::empty())).unwrap();
        let ((first_out, first_in), (second_out, second_in)) = (pipe(), pipe());
        let (from, to) = (file(t, "0123456789"), file(t, ""));
        assert_eq!(t.get(t.splice(&from, &first_in, 6).from_offset(2)).unwrap(), 6);
        assert_eq!(t.get(t.tee(&first_out, &second_in, 100)).unwrap(), 6);
        assert_eq!(t.get(t.splice(&first_out, &to, 100).to_offset(1)).unwrap(), 6);
        assert_eq!(text(t, &to), b"\x00234567");
        drop(second_in);
        let (n, data) = t.get(t.read(&second_out, vec![0; 100]));
        assert_eq!(&data[..n.unwrap()], b"234567");
        assert_eq!(errno(t.get(t.splice(&from, &to, 1))), Errno::INVAL, "neither is a pipe");
        assert_eq!(errno(t.get(t.tee(&from, &to, 1))), Errno::INVAL);
        let empty = t.get(t.splice(&first_out, &to, 1).flags(SpliceFlags::NONBLOCK));
        assert_eq!(errno(empty), Errno::AGAIN);
    });
}

#[test]
fn a_pipe_closes_on_exec_and_knows_its_flags() {
    each_route(|t| {
        let (reader, _writer) = t.get(t.pipe(PipeFlags::NONBLOCK)).unwrap();
        let flags = rustix::io::fcntl_getfd(&reader).unwrap();
        assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        assert_eq!(errno(t.get(t.read(&reader, vec![0; 1])).0), Errno::AGAIN);
    });
}
