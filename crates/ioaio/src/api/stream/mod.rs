//! A file as a stream of bytes: one state machine, and a shell for each family of traits.
#![forbid(unsafe_code)]

#[cfg(feature = "futures-io")]
mod futures;
#[cfg(feature = "tokio")]
mod tokio;

use std::future::{Future, IntoFuture};
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;

use crate::values::offset::check_offsets;
use crate::{Aio, File, FileType, Pending, Read, Stat, Write};

/// How many bytes are read ahead, or kept before they are written.
const ROOM: usize = 64 * 1024;

/// A file with a position and a buffer of 64 KiB, for code that wants `AsyncRead`, `AsyncWrite`,
/// `AsyncSeek` and `AsyncBufRead`: tokio's with the feature `tokio`, those of futures and smol with
/// the feature `futures-io`.
///
/// Made by [`FileStream::new`] at position 0. The position is the stream's own: the file's is
/// neither used nor moved, so several streams may share a file.
///
/// - A read takes 64 KiB ahead, so it may give what the file had a while ago. A seek to another
///   place, or a write, forgets what was read ahead.
/// - A write is complete when a flush or shutdown is; before, it may wait in the buffer. A write
///   that failed is reported by the next operation, and its bytes are dropped; the position is then
///   where the first of them should have gone, unless it was moved since.
/// - Giving an operation up (dropping its future) loses nothing: what was read ahead is there for
///   the next read, and a position moves with the bytes that were handed over. A seek that was
///   given up has not moved it; with tokio's trait, which starts a seek apart, the next operation
///   completes it first.
/// - Dropping the stream still starts to write what is in the buffer, but does not wait for it, and
///   an engine that ends cancels it: flush first.
/// - `SeekFrom::End` is for regular files (others: ESPIPE). A place before the start is EINVAL.
///
/// The file must be one that `pread(2)` and `pwrite(2)` take, and not be opened with `O_DIRECT`.
/// With `O_APPEND` the bytes go to the end of the file wherever the position is.
#[cfg_attr(
    feature = "tokio",
    doc = r#"
```
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
# fn main() -> std::io::Result<()> {
# tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(async {
let aio = ioaio::Aio::new()?;
let file = ioaio::File::from(tempfile::tempfile()?);
let mut stream = ioaio::FileStream::new(&aio, file);
stream.write_all(b"hello world").await?;
stream.flush().await?;
stream.seek(std::io::SeekFrom::Start(6)).await?;
let mut rest = String::new();
stream.read_to_string(&mut rest).await?;
assert_eq!(rest, "world");
# std::io::Result::Ok(()) }) }
```"#
)]
pub struct FileStream {
    aio: Aio,
    file: File,
    /// Where the caller is.
    pos: u64,
    state: State,
    /// Of a write that nobody waited for.
    error: Option<io::Error>,
    /// The file's size for a seek from its end, being asked for.
    size: Option<Pending<Stat<File>>>,
    /// A seek that tokio's trait has started.
    #[cfg(feature = "tokio")]
    seek: Option<SeekFrom>,
}

enum State {
    /// The file has `bytes[at..]` at the position.
    Ahead { bytes: Vec<u8>, at: usize },
    /// A read at the position.
    Reading(Pending<Read<Vec<u8>>>),
    /// To be written at `start`.
    Behind { bytes: Vec<u8>, start: u64 },
    /// Being written at `start`.
    Writing { write: Pending<Write<Vec<u8>>>, start: u64 },
}

impl State {
    fn empty(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        State::Ahead { bytes, at: 0 }
    }
    /// Takes the buffer for another use; a read that has it keeps it, and is cancelled.
    fn take(&mut self) -> Vec<u8> {
        let mut bytes = match std::mem::replace(self, State::empty(Vec::new())) {
            State::Ahead { bytes, .. } | State::Behind { bytes, .. } => bytes,
            State::Reading(_) | State::Writing { .. } => Vec::new(),
        };
        bytes.clear();
        bytes.reserve_exact(ROOM);
        bytes
    }
}

impl FileStream {
    /// A stream at the start of a file.
    pub fn new(aio: &Aio, file: File) -> Self {
        let state = State::empty(Vec::new());
        FileStream {
            aio: aio.clone(),
            file,
            pos: 0,
            state,
            error: None,
            size: None,
            #[cfg(feature = "tokio")]
            seek: None,
        }
    }
    /// The file, for other requests. What is still in the buffer is not in it.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// What the file has at the position; nothing at its end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.size = None;
        ready!(self.poll_flush(cx))?;
        loop {
            match &mut self.state {
                State::Ahead { bytes, at } if *at < bytes.len() => break,
                State::Reading(read) => {
                    let (res, bytes) = ready!(Pin::new(read).poll(cx));
                    self.state = State::Ahead { bytes, at: 0 };
                    if res? == 0 {
                        break;
                    }
                }
                _ => {
                    let bytes = self.state.take();
                    let read = self.aio.read_at(&self.file, bytes, self.pos).len(ROOM);
                    self.state = State::Reading(read.into_future());
                }
            }
        }
        match &self.state {
            State::Ahead { bytes, at } => Poll::Ready(Ok(&bytes[*at..])),
            _ => unreachable!("the loop ends with what was read"),
        }
    }
    /// Moves over bytes that `poll_fill` has given.
    fn consume(&mut self, n: usize) {
        if let State::Ahead { bytes, at } = &mut self.state {
            let n = n.min(bytes.len() - *at);
            *at += n;
            self.pos += n as u64;
        }
    }
    fn poll_write(&mut self, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        self.size = None;
        if let Some(e) = self.error.take() {
            return Poll::Ready(Err(e));
        }
        if data.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let n = loop {
            match &mut self.state {
                State::Ahead { .. } | State::Reading(_) => {
                    self.state = State::Behind { bytes: self.state.take(), start: self.pos };
                }
                State::Behind { bytes, start }
                    if bytes.len() < ROOM && *start + bytes.len() as u64 == self.pos =>
                {
                    let n = data.len().min(ROOM - bytes.len());
                    bytes.extend_from_slice(&data[..n]);
                    break n;
                }
                _ => ready!(self.poll_flush(cx))?,
            }
        };
        self.pos += n as u64;
        if matches!(&self.state, State::Behind { bytes, .. } if bytes.len() == ROOM) {
            // The bytes are taken whatever becomes of this: its error is for the next operation.
            if let Poll::Ready(Err(e)) = self.poll_flush(cx) {
                self.error = Some(e);
            }
        }
        Poll::Ready(Ok(n))
    }
    /// Writes what is in the buffer.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(e) = self.error.take() {
            return Poll::Ready(Err(e));
        }
        loop {
            match &mut self.state {
                State::Ahead { .. } | State::Reading(_) => return Poll::Ready(Ok(())),
                State::Behind { bytes, start } => {
                    let (bytes, start) = (std::mem::take(bytes), *start);
                    let write = self.aio.write_at(&self.file, bytes, start).into_future();
                    self.state = State::Writing { write, start };
                }
                State::Writing { write, start } => {
                    let start = *start;
                    let (res, bytes) = ready!(Pin::new(write).poll(cx));
                    self.written(res, bytes, start)?;
                }
            }
        }
    }
    fn written(&mut self, res: io::Result<usize>, mut bytes: Vec<u8>, start: u64) -> io::Result<()> {
        let len = bytes.len();
        let failed = match res {
            Ok(n) if n == len => {
                self.state = State::empty(bytes);
                return Ok(());
            }
            Ok(0) => io::ErrorKind::WriteZero.into(),
            Ok(n) => {
                bytes.drain(..n);
                self.state = State::Behind { bytes, start: start + n as u64 };
                return Ok(());
            }
            Err(e) => e,
        };
        if self.pos == start + len as u64 {
            self.pos = start;
        }
        self.state = State::empty(bytes);
        Err(failed)
    }
    fn poll_seek(&mut self, cx: &mut Context<'_>, to: SeekFrom) -> Poll<io::Result<u64>> {
        ready!(self.poll_flush(cx))?;
        let target = match to {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::Current(d) => self.pos.checked_add_signed(d),
            SeekFrom::End(d) => ready!(self.poll_size(cx))?.checked_add_signed(d),
        };
        Poll::Ready(self.move_to(target))
    }
    fn move_to(&mut self, target: Option<u64>) -> io::Result<u64> {
        let target = target.ok_or(Errno::INVAL)?;
        check_offsets([target])?;
        if target != self.pos && matches!(self.state, State::Ahead { .. } | State::Reading(_)) {
            self.state = State::empty(self.state.take());
        }
        self.pos = target;
        Ok(target)
    }
    fn poll_size(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let size = self.size.get_or_insert_with(|| self.aio.fstat(&self.file).into_future());
        let res = ready!(Pin::new(size).poll(cx));
        self.size = None;
        let st = res?;
        match st.file_type() {
            FileType::File => Poll::Ready(Ok(st.len())),
            _ => Poll::Ready(Err(Errno::SPIPE.into())),
        }
    }
}

impl Drop for FileStream {
    fn drop(&mut self) {
        let write = match std::mem::replace(&mut self.state, State::empty(Vec::new())) {
            State::Behind { bytes, start } => self.aio.write_at(&self.file, bytes, start).into_future(),
            State::Writing { write, .. } => write,
            State::Ahead { .. } | State::Reading(_) => return,
        };
        write.detach();
    }
}

impl std::fmt::Debug for FileStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileStream").field("file", &self.file).field("pos", &self.pos).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream_with(bytes: &[u8]) -> FileStream {
        let aio = Aio::new().expect("an engine");
        let mut stream = FileStream::new(&aio, tempfile::tempfile().expect("a file").into());
        stream.state = State::Behind { bytes: bytes.to_vec(), start: 100 };
        stream.pos = 100 + bytes.len() as u64;
        stream
    }
    #[test]
    fn a_short_write_goes_on_where_it_ended() {
        let mut stream = stream_with(b"abcdef");
        stream.written(Ok(2), b"abcdef".to_vec(), 100).expect("short is no error");
        assert!(matches!(&stream.state, State::Behind { bytes, start: 102 } if bytes == b"cdef"));
        assert_eq!(stream.pos, 106);
    }
    #[test]
    fn a_failed_write_takes_the_position_back_unless_it_was_moved() {
        let mut stream = stream_with(b"cdef");
        let res = stream.written(Ok(0), b"cdef".to_vec(), 100);
        assert_eq!(res.expect_err("nothing written").kind(), io::ErrorKind::WriteZero);
        assert_eq!(stream.pos, 100);
        stream.pos = 7;
        stream.written(Err(Errno::NOSPC.into()), b"cdef".to_vec(), 100).expect_err("no space");
        assert_eq!(stream.pos, 7);
    }
}
