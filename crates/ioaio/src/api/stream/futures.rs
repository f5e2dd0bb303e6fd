//! The traits of futures and smol.

use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite};

use super::FileStream;

impl AsyncBufRead for FileStream {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_mut().poll_fill(cx)
    }
    fn consume(self: Pin<&mut Self>, n: usize) {
        FileStream::consume(self.get_mut(), n);
    }
}

impl AsyncRead for FileStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut [u8]) -> Poll<io::Result<usize>> {
        if to.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let this = self.get_mut();
        let bytes = ready!(this.poll_fill(cx))?;
        let n = bytes.len().min(to.len());
        to[..n].copy_from_slice(&bytes[..n]);
        this.consume(n);
        Poll::Ready(Ok(n))
    }
}

impl AsyncWrite for FileStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        FileStream::poll_write(self.get_mut(), cx, data)
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        FileStream::poll_flush(self.get_mut(), cx)
    }
    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        FileStream::poll_flush(self.get_mut(), cx)
    }
}

impl AsyncSeek for FileStream {
    fn poll_seek(self: Pin<&mut Self>, cx: &mut Context<'_>, to: SeekFrom) -> Poll<io::Result<u64>> {
        FileStream::poll_seek(self.get_mut(), cx, to)
    }
}
