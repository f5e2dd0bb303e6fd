//! readv_at, readv, writev_at, writev, append.

use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;

use ioaio::{File, ReadWriteFlags};
use rustix::io::Errno;
use tempfile::tempfile;

use crate::common::{each_route, errno, random};

fn file_of(bytes: &[u8]) -> (File, std::fs::File) {
    let std = tempfile().unwrap();
    std.write_all_at(bytes, 0).unwrap();
    (std.try_clone().unwrap().into(), std)
}

#[test]
fn buffers_are_filled_and_written_one_after_the_other() {
    let mut random = random();
    let all: Vec<u8> = (0..20_000).map(|i| (i * 31 % 251) as u8).collect();
    let seed = random.u64(..);
    each_route(|t| {
        let mut random = fastrand::Rng::with_seed(seed);
        let (file, std) = file_of(&all);
        for _ in 0..20 {
            let lens: Vec<usize> = (0..random.usize(0..6)).map(|_| random.usize(0..7000)).collect();
            let offset = random.usize(0..21_000);
            let bufs = lens.iter().map(|len| vec![9; *len].into_boxed_slice()).collect();
            let (n, bufs) = t.get(t.readv_at(&file, bufs, offset as u64));
            let expected = &all[offset.min(all.len())..(offset + lens.iter().sum::<usize>()).min(all.len())];
            let n = n.unwrap();
            assert_eq!(n, expected.len(), "{lens:?} at {offset}");
            let back = bufs.concat();
            assert!(&back[..n] == expected && back[n..].iter().all(|byte| *byte == 9));
        }
        let (n, _) = t.get(t.writev_at(&file, vec![all[..5].to_vec(), vec![], all[5..].to_vec()], 30_000));
        assert_eq!(n.unwrap(), all.len());
        let mut back = vec![0; all.len()];
        std.read_exact_at(&mut back, 30_000).unwrap();
        assert!(back == all);
    });
}

#[test]
fn vectors_get_the_lengths_that_were_read() {
    each_route(|t| {
        let (file, _) = file_of(b"hello world");
        let bufs = vec![Vec::with_capacity(6), b"old contents".to_vec(), b"more".to_vec()];
        let (n, bufs) = t.get(t.readv_at(&file, bufs, 0));
        assert_eq!(n.unwrap(), 11);
        assert_eq!(bufs.concat(), b"hello world");
        assert!(bufs[2].is_empty() || bufs[0].capacity() + bufs[1].capacity() < 11);
        let (n, bufs) = t.get(t.readv_at(&file, vec![b"kept".to_vec()], u64::MAX));
        assert_eq!((errno(n), &bufs[0][..]), (Errno::INVAL, &b"kept"[..]));
    });
}

#[test]
fn the_position_moves_only_where_it_is_used() {
    each_route(|t| {
        let (file, std) = file_of(b"");
        assert_eq!(t.get(t.writev(&file, vec!["one ", "two "])).0.unwrap(), 8);
        assert_eq!(t.get(t.append(&file, vec!["last"])).0.unwrap(), 4);
        assert_eq!(t.get(t.writev(&file, vec!["THREE"])).0.unwrap(), 5, "over what was appended");
        let (n, bufs) = t.get(t.readv_at(&file, vec![vec![0; 100]], 0));
        assert_eq!((n.unwrap(), &bufs[0][..]), (13, &b"one two THREE"[..]));
        t.get(t.seek(&file, std::io::SeekFrom::Start(4))).unwrap();
        let (n, bufs) =
            t.get(t.readv(&file, vec![vec![0; 3].into_boxed_slice(), vec![0; 3].into_boxed_slice()]));
        assert_eq!((n.unwrap(), bufs.concat()), (6, b"two TH".to_vec()));
        assert_eq!(std.metadata().unwrap().len(), 13);
    });
}

#[test]
fn pipes_take_vectors_but_no_offset() {
    each_route(|t| {
        let (reader, writer) = std::io::pipe().unwrap();
        let (reader, writer) = (File::from(OwnedFd::from(reader)), File::from(OwnedFd::from(writer)));
        assert_eq!(t.get(t.writev(&writer, vec!["ab", "", "cd"])).0.unwrap(), 4);
        assert_eq!(errno(t.get(t.writev_at(&writer, vec!["x"], 0)).0), Errno::SPIPE);
        assert_eq!(errno(t.get(t.append(&writer, vec!["x"])).0), Errno::SPIPE);
        assert_eq!(errno(t.get(t.readv_at(&reader, vec![vec![0; 4]], 0)).0), Errno::SPIPE);
        let (n, bufs) = t.get(t.readv(&reader, vec![vec![0; 3].into_boxed_slice(); 2]));
        assert_eq!((n.unwrap(), bufs.concat()), (4, b"abcd\0\0".to_vec()));
        t.get(t.writev(&writer, vec!["z"])).0.unwrap();
        let nowait = t.readv(&reader, vec![vec![0; 3]]).flags(ReadWriteFlags::NOWAIT);
        assert_eq!(t.get(nowait).0.unwrap(), 1);
        let nowait = t.readv(&reader, vec![vec![0; 3]]).flags(ReadWriteFlags::NOWAIT);
        assert_eq!(errno(t.get(nowait).0), Errno::AGAIN);
    });
}

#[test]
fn absurd_arguments_of_vectors() {
    each_route(|t| {
        let (file, _) = file_of(b"hello");
        for offset in [1 << 63, u64::MAX - 1, u64::MAX] {
            assert_eq!(errno(t.get(t.writev_at(&file, vec!["x"], offset)).0), Errno::INVAL);
            assert_eq!(errno(t.get(t.readv_at(&file, Vec::<Vec<u8>>::new(), offset)).0), Errno::INVAL);
        }
        assert_eq!(t.get(t.readv_at(&file, Vec::<Vec<u8>>::new(), 0)).0.unwrap(), 0);
        assert_eq!(t.get(t.writev_at(&file, Vec::<&'static str>::new(), 0)).0.unwrap(), 0);
        assert_eq!(t.get(t.writev_at(&file, vec!["x"; 1024], 0)).0.unwrap(), 1024);
        assert_eq!(errno(t.get(t.writev_at(&file, vec!["x"; 1025], 0)).0), Errno::INVAL);
        let unknown = ReadWriteFlags::from_bits_retain(1 << 30);
        assert_eq!(errno(t.get(t.readv_at(&file, vec![vec![0; 3]], 0).flags(unknown)).0), Errno::OPNOTSUPP);
        let flags = ReadWriteFlags::DSYNC;
        assert_eq!(t.get(t.writev_at(&file, vec!["synced"], 0).flags(flags)).0.unwrap(), 6);
    });
}
