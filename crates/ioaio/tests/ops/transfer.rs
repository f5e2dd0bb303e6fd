//! sendfile, copy_range, splice, tee, and the pipes for them.

use ioaio::{File, PipeFlags, SpliceFlags};
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
