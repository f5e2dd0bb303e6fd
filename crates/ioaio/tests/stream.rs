//! `FileStream` against `std::fs::File`, through both families of traits.

use std::fs;
use std::future::Future;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures::executor::block_on;
use ioaio::{Aio, Builder, FileStream, OFlags};

const SIZE: usize = 300_000;

fn engines() -> [(&'static str, Aio); 4] {
    let none = || Aio::builder().inline(false);
    let build = |b: Builder| b.build().expect("an engine");
    [
        ("default", build(Aio::builder())),
        ("ring", build(none().pool(false))),
        ("pool", build(none().ring(false))),
        ("poll", build(none().pool(false).ring(false))),
    ]
}

/// Two families of traits with the same meaning, but for a seek that is given up.
trait Shell {
    const SEEKS_ONCE_STARTED: bool;
    fn read<'a>(s: &'a mut FileStream, to: &'a mut [u8]) -> impl Future<Output = io::Result<usize>>;
    fn write<'a>(s: &'a mut FileStream, data: &'a [u8]) -> impl Future<Output = io::Result<usize>>;
    fn flush(s: &mut FileStream) -> impl Future<Output = io::Result<()>>;
    fn seek(s: &mut FileStream, to: SeekFrom) -> impl Future<Output = io::Result<u64>>;
}
struct Tokio;
impl Shell for Tokio {
    const SEEKS_ONCE_STARTED: bool = true;
    fn read<'a>(s: &'a mut FileStream, to: &'a mut [u8]) -> impl Future<Output = io::Result<usize>> {
        tokio::io::AsyncReadExt::read(s, to)
    }
    fn write<'a>(s: &'a mut FileStream, data: &'a [u8]) -> impl Future<Output = io::Result<usize>> {
        tokio::io::AsyncWriteExt::write(s, data)
    }
    fn flush(s: &mut FileStream) -> impl Future<Output = io::Result<()>> {
        tokio::io::AsyncWriteExt::flush(s)
    }
    fn seek(s: &mut FileStream, to: SeekFrom) -> impl Future<Output = io::Result<u64>> {
        tokio::io::AsyncSeekExt::seek(s, to)
    }
}
struct Futures;
impl Shell for Futures {
    const SEEKS_ONCE_STARTED: bool = false;
    fn read<'a>(s: &'a mut FileStream, to: &'a mut [u8]) -> impl Future<Output = io::Result<usize>> {
        futures::AsyncReadExt::read(s, to)
    }
    fn write<'a>(s: &'a mut FileStream, data: &'a [u8]) -> impl Future<Output = io::Result<usize>> {
        futures::AsyncWriteExt::write(s, data)
    }
    fn flush(s: &mut FileStream) -> impl Future<Output = io::Result<()>> {
        futures::AsyncWriteExt::flush(s)
    }
    fn seek(s: &mut FileStream, to: SeekFrom) -> impl Future<Output = io::Result<u64>> {
        futures::AsyncSeekExt::seek(s, to)
    }
}

/// xorshift64*
struct Random(u64);
impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % n
    }
    fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| self.below(256) as u8).collect()
    }
    /// Mostly small, sometimes longer than the buffer.
    fn len(&mut self) -> usize {
        let most = [10, 1000, 70_000, 150_000][self.below(4)];
        self.below(most)
    }
}

fn errno<T>(res: io::Result<T>) -> Option<i32> {
    res.err().expect("an error").raw_os_error()
}
const EBADF: Option<i32> = Some(9);
const EINVAL: Option<i32> = Some(22);
const ENOSPC: Option<i32> = Some(28);
const ESPIPE: Option<i32> = Some(29);

/// Polls a future once, then gives it up.
fn once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(out) => Some(out),
        Poll::Pending => None,
    }
}
/// To its end, or given up: one time in four.
fn some<T>(random: &mut Random, future: impl Future<Output = T>) -> Option<T> {
    if random.below(4) == 0 { once(future) } else { Some(block_on(future)) }
}

fn same_as_std<S: Shell>(aio: &Aio, seed: u64) {
    let mut random = Random(seed);
    let data = random.bytes(SIZE);
    let (mut model, real) = (tempfile::tempfile().expect("model"), tempfile::tempfile().expect("real"));
    model.write_all_at(&data, 0).expect("filling");
    real.write_all_at(&data, 0).expect("filling");
    let check = real.try_clone().expect("dup");
    let stream = &mut FileStream::new(aio, real.into());
    let mut owed = None;
    for step in 0..250 {
        let at = &format!("seed {seed}, step {step}");
        let action = random.below(8);
        if let Some(to) = owed.take_if(|_| action < 6 || S::SEEKS_ONCE_STARTED) {
            model.seek(to).expect("the model seeks");
        }
        match action {
            0..=2 => {
                let mut got = vec![0; random.len()];
                let Some(n) = some(&mut random, S::read(stream, &mut got)) else { continue };
                let n = n.expect(at);
                let mut want = vec![0; n];
                model.read_exact(&mut want).expect(at);
                assert!(got[..n] == want, "{at}: read other bytes");
                if n == 0 && !got.is_empty() {
                    assert_eq!(model.read(&mut [0]).expect("model"), 0, "{at}: the end");
                }
            }
            3 | 4 => {
                let len = random.len();
                let bytes = random.bytes(len);
                let Some(n) = some(&mut random, S::write(stream, &bytes)) else { continue };
                model.write_all(&bytes[..n.expect(at)]).expect("the model writes");
            }
            5 => {
                if let Some(res) = some(&mut random, S::flush(stream)) {
                    res.expect(at);
                }
            }
            _ => {
                let far = random.below(2 * SIZE) as i64;
                let to = match random.below(4) {
                    0 => SeekFrom::Start(far as u64),
                    1 => SeekFrom::Current(0),
                    2 => SeekFrom::Current(far % 100_000 - 50_000),
                    _ => SeekFrom::End(far % 100_000 - 50_000),
                };
                let before = model.stream_position().expect("model");
                match (some(&mut random, S::seek(stream, to)), model.seek(to)) {
                    (Some(got), want) => assert_eq!(got.ok(), want.ok(), "{at}: sought"),
                    // Given up: made by the next operation, which would report its error; or never.
                    (None, want) => {
                        model.seek(SeekFrom::Start(before)).expect("model");
                        if S::SEEKS_ONCE_STARTED {
                            let now = block_on(S::seek(stream, SeekFrom::Current(0)));
                            match want {
                                Ok(want) => {
                                    // Not even started where an earlier operation was in its way.
                                    let now = now.expect(at);
                                    assert!(now == want || now == before, "{at}: is somewhere else");
                                    owed = Some(SeekFrom::Start(now));
                                }
                                Err(_) if now.is_err() => {}
                                Err(_) => assert_eq!(now.ok(), Some(before), "{at}: not started"),
                            }
                        }
                    }
                }
            }
        }
    }
    if let Some(to) = owed {
        model.seek(to).expect("model");
    }
    let now = block_on(S::seek(stream, SeekFrom::Current(0))).expect("the position");
    assert_eq!(now, model.stream_position().expect("model"), "seed {seed}");
    block_on(S::flush(stream)).expect("flush");
    let (mut got, mut want) = (Vec::new(), Vec::new());
    (&check).rewind().expect("rewind");
    model.rewind().expect("rewind");
    (&check).read_to_end(&mut got).expect("the file");
    model.read_to_end(&mut want).expect("the model's file");
    assert!(got == want, "seed {seed}: the files differ");
}

#[test]
fn tokio_does_what_std_does() {
    for (_, aio) in engines() {
        (1..=12).for_each(|seed| same_as_std::<Tokio>(&aio, seed));
    }
}

#[test]
fn futures_do_what_std_does() {
    for (_, aio) in engines() {
        (21..=32).for_each(|seed| same_as_std::<Futures>(&aio, seed));
    }
}

/// A file to copy from, one to copy to, and what the second must have then.
fn files() -> (fs::File, fs::File, Vec<u8>) {
    let data = Random(5).bytes(5_000_001);
    let from = tempfile::tempfile().expect("a file");
    from.write_all_at(&data, 0).expect("filling");
    (from, tempfile::tempfile().expect("a file"), data)
}

fn content(mut file: &fs::File) -> Vec<u8> {
    let mut data = Vec::new();
    file.rewind().expect("rewind");
    file.read_to_end(&mut data).expect("reading back");
    data
}

#[test]
fn tokio_copies() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime");
    for (name, aio) in engines() {
        let (from, to, data) = files();
        let check = to.try_clone().expect("dup");
        let (mut from, mut to) = (FileStream::new(&aio, from.into()), FileStream::new(&aio, to.into()));
        runtime.block_on(async {
            tokio::spawn(ioaio::tokio::drive(&aio));
            let n = tokio::io::copy(&mut from, &mut to).await.expect(name);
            assert_eq!(n, data.len() as u64, "{name}");
            tokio::io::AsyncWriteExt::shutdown(&mut to).await.expect(name);
        });
        assert!(content(&check) == data, "{name}");
    }
}

#[test]
fn futures_copy() {
    for (name, aio) in engines() {
        let (from, to, data) = files();
        let check = to.try_clone().expect("dup");
        let (mut from, mut to) = (FileStream::new(&aio, from.into()), FileStream::new(&aio, to.into()));
        let n = block_on(futures::io::copy(&mut from, &mut to)).expect(name);
        assert_eq!(n, data.len() as u64, "{name}");
        block_on(futures::AsyncWriteExt::close(&mut to)).expect(name);
        assert!(content(&check) == data, "{name}");
        block_on(futures::AsyncSeekExt::seek(&mut from, SeekFrom::Start(0))).expect(name);
        let n = block_on(futures::io::copy_buf(&mut from, &mut futures::io::sink())).expect(name);
        assert_eq!(n, data.len() as u64, "{name}");
    }
}

#[test]
fn the_files_own_position_is_not_touched() {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(b"0123456789").expect("filling");
    let aio = Aio::new().expect("an engine");
    let mut streams = [(); 2].map(|()| FileStream::new(&aio, file.try_clone().expect("dup").into()));
    let mut two = [0; 2];
    for stream in &mut streams {
        block_on(tokio::io::AsyncReadExt::read_exact(stream, &mut two)).expect("read");
        assert_eq!(&two, b"01");
    }
    assert_eq!(file.stream_position().expect("position"), 10);
}

fn errors<S: Shell>(aio: &Aio) {
    let path = tempfile::NamedTempFile::new().expect("a file");
    fs::write(path.path(), "content").expect("filling");
    let stream = &mut FileStream::new(aio, fs::File::open(path.path()).expect("open").into());

    // A write is taken, its flush fails, once; the position is where it would have gone.
    assert_eq!(block_on(S::seek(stream, SeekFrom::Start(2))).expect("seek"), 2);
    assert_eq!(block_on(S::write(stream, b"abc")).expect("buffered"), 3);
    assert_eq!(errno(block_on(S::flush(stream))), EBADF);
    block_on(S::flush(stream)).expect("reported once");
    let mut rest = [0; 10];
    assert_eq!(block_on(S::read(stream, &mut rest)).expect("read"), 5);
    assert_eq!(&rest[..5], b"ntent");

    // A full buffer is written without a flush: the next operation hears of it.
    let full = vec![1; 64 * 1024];
    assert_eq!(block_on(S::write(stream, &full)).expect("buffered"), full.len());
    assert_eq!(errno(block_on(S::write(stream, b"more"))), EBADF);
    assert_eq!(block_on(S::seek(stream, SeekFrom::Current(0))).expect("seek"), 7);

    for to in [SeekFrom::Current(-8), SeekFrom::End(-8), SeekFrom::Start(1 << 63), SeekFrom::End(i64::MAX)] {
        assert_eq!(errno(block_on(S::seek(stream, to))), EINVAL, "{to:?}");
    }
    assert_eq!(block_on(S::seek(stream, SeekFrom::Current(i64::MAX - 7))).expect("far"), i64::MAX as u64);
}

#[test]
fn errors_are_reported_once_by_the_next_operation() {
    for (_, aio) in engines() {
        errors::<Tokio>(&aio);
        errors::<Futures>(&aio);
    }
}

#[test]
fn a_full_device_and_a_file_without_a_size() {
    let aio = Aio::new().expect("an engine");
    let full = block_on(async { aio.open("/dev/full").flags(OFlags::RDWR).await }).expect("open");
    let stream = &mut FileStream::new(&aio, full);
    block_on(Tokio::write(stream, b"abc")).expect("buffered");
    assert_eq!(errno(block_on(Tokio::flush(stream))), ENOSPC);
    assert_eq!(errno(block_on(Futures::seek(stream, SeekFrom::End(0)))), ESPIPE);
    assert_eq!(errno(block_on(Tokio::seek(stream, SeekFrom::End(0)))), ESPIPE);
    let (_reader, pipe) = io::pipe().expect("a pipe");
    let stream = &mut FileStream::new(&aio, OwnedFd::from(pipe).into());
    block_on(Futures::write(stream, b"abc")).expect("buffered");
    assert_eq!(errno(block_on(Futures::flush(stream))), ESPIPE);
}

#[test]
fn a_dropped_stream_still_writes_while_the_engine_lives() {
    for (name, aio) in engines() {
        let file = tempfile::tempfile().expect("a file");
        let check = file.try_clone().expect("dup");
        let mut stream = FileStream::new(&aio, file.into());
        block_on(Tokio::write(&mut stream, b"in the buffer")).expect(name);
        drop(stream);
        aio.flush().expect(name);
        assert_eq!(content(&check), b"in the buffer", "{name}");
    }
}

fn are_written(aio: &Aio, count: usize) {
    use tokio::io::AsyncWriteExt;
    let dir = tempfile::tempdir().unwrap();
    let path = |i: usize| dir.path().join(i.to_string());
    for i in 0..count {
        let mut stream = FileStream::new(aio, fs::File::create(path(i)).unwrap().into());
        block_on(stream.write_all(b"hello")).unwrap();
    }
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    for i in 0..count {
        while fs::read(path(i)).unwrap() != b"hello" {
            assert!(std::time::Instant::now() < end, "stream {i} was lost");
            aio.poll().unwrap();
        }
    }
}

/// More than there are turns between two that are passed.
#[test]
fn every_stream_that_is_dropped_is_written() {
    engines().iter().for_each(|(_, aio)| are_written(aio, 300));
}

#[test]
fn a_stream_that_is_dropped_is_written_though_there_is_no_room() {
    let aio = Aio::builder().max_outstanding(1).build().unwrap();
    let busy = aio.busy(std::time::Duration::from_millis(50)).then(|done| done.unwrap());
    are_written(&aio, 1);
    drop(busy);
}
