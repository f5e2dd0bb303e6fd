//! Reads and writes that wait, come short, or are interrupted.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use ioaio::File;
use rustix::io::Errno;

use crate::common::{Case, each_route, errno, signal};

fn pipe() -> (File, File) {
    let (reader, writer) = std::io::pipe().unwrap();
    (OwnedFd::from(reader).into(), OwnedFd::from(writer).into())
}

#[test]
fn a_read_gives_what_is_there_and_then_the_end() {
    each_route(|t| {
        let (reader, writer) = pipe();
        assert_eq!(t.get(t.write(&writer, "abc")).0.unwrap(), 3);
        let (n, buf) = t.get(t.read(&reader, vec![0; 100]));
        assert_eq!((n.unwrap(), &buf[..]), (3, &b"abc"[..]));
        t.get(t.close(writer)).unwrap();
        assert_eq!(t.get(t.read(&reader, vec![0; 100])).0.unwrap(), 0);
    });
}

#[test]
fn a_write_to_nobody_is_an_error() {
    each_route(|t| {
        let (reader, writer) = pipe();
        drop(reader);
        assert_eq!(errno(t.get(t.write(&writer, "abc")).0), Errno::PIPE);
    });
}

#[test]
fn a_full_pipe_gives_short_writes_and_eagain() {
    each_route(|t| {
        let (reader, writer) = pipe();
        let flags = rustix::fs::fcntl_getfl(&writer).unwrap() | ioaio::OFlags::NONBLOCK;
        rustix::fs::fcntl_setfl(&writer, flags).unwrap();
        rustix::fs::fcntl_setfl(&reader, ioaio::OFlags::NONBLOCK).unwrap();
        assert_eq!(errno(t.get(t.read(&reader, vec![0; 1])).0), Errno::AGAIN);
        let (n, buf) = t.get(t.write(&writer, vec![1; 10 << 20]));
        let n = n.unwrap();
        assert!(n > 0 && n < buf.len(), "{n} of {}", buf.len());
        assert_eq!(errno(t.get(t.write(&writer, "x")).0), Errno::AGAIN);
        let (back, _) = t.get(t.read(&reader, vec![0; 10 << 20]));
        assert_eq!(back.unwrap(), n);
    });
}

fn write_all(t: &Case, writer: &File, mut left: Vec<u8>) {
    while !left.is_empty() {
        let (n, buf) = t.get(t.write(writer, left));
        left = buf[n.expect("no EINTR")..].to_vec();
    }
}

#[test]
fn signals_interrupt_nothing() {
    let all: Vec<u8> = (0..300_000u32).map(|i| (i % 241) as u8).collect();
    each_route(|t| {
        let _signals = signal::bombard();
        let (mut reader, writer) = std::io::pipe().unwrap();
        let expected = all.clone();
        let peer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(3));
            let mut got = Vec::new();
            reader.read_to_end(&mut got).unwrap();
            assert!(got == expected, "{} bytes", got.len());
        });
        let writer = File::from(OwnedFd::from(writer));
        write_all(t, &writer, all.clone());
        drop(writer);
        peer.join().unwrap();

        let (reader, mut writer) = std::io::pipe().unwrap();
        let peer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(3));
            writer.write_all(b"late").unwrap();
        });
        let reader = File::from(OwnedFd::from(reader));
        let (n, buf) = t.get(t.read(&reader, vec![0; 100]));
        assert_eq!((n.expect("no EINTR"), &buf[..]), (4, &b"late"[..]));
        peer.join().unwrap();
    });
}
