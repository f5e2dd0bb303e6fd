//! tokio's traits.

use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ::tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};
use ::tokio::task::coop::poll_proceed;
use rustix::io::Errno;

use super::FileStream;

impl FileStream {
    fn poll_started_seek(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(to) = self.seek else { return Poll::Ready(Ok(())) };
        let res = ready!(self.poll_seek(cx, to));
        self.seek = None;
        Poll::Ready(res.map(drop))
    }
}

impl AsyncBufRead for FileStream {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        // What the page cache has is there at once: other tasks get their turn all the same.
        let turn = ready!(poll_proceed(cx));
        let this = self.get_mut();
        ready!(this.poll_started_seek(cx))?;
        let bytes = ready!(this.poll_fill(cx));
        turn.made_progress();
        Poll::Ready(bytes)
    }
    fn consume(self: Pin<&mut Self>, n: usize) {
        FileStream::consume(self.get_mut(), n);
    }
}

impl AsyncRead for FileStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if to.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let bytes = ready!(self.as_mut().poll_fill_buf(cx))?;
        let n = bytes.len().min(to.remaining());
        to.put_slice(&bytes[..n]);
        AsyncBufRead::consume(self, n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for FileStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        let turn = ready!(poll_proceed(cx));
        let this = self.get_mut();
        ready!(this.poll_started_seek(cx))?;
        let n = ready!(FileStream::poll_write(this, cx, data));
        turn.made_progress();
        Poll::Ready(n)
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_started_seek(cx))?;
        FileStream::poll_flush(this, cx)
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(self, cx)
    }
}

impl AsyncSeek for FileStream {
    fn start_seek(self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        let this = self.get_mut();
        if this.seek.is_some() {
            return Err(Errno::BUSY.into());
        }
        this.seek = Some(to);
        Ok(())
    }
    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.get_mut();
        ready!(this.poll_started_seek(cx))?;
        Poll::Ready(Ok(this.pos))
    }
}
