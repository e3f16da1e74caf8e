//! The gentle end of a connection whose client still sends what nobody reads.
//!
//! A system that closes a socket with unread bytes in it resets the
//! connection, and the reset may overtake the answer (RFC 9112 §9.6). So the
//! writing side is closed first, and what still comes is read and thrown away
//! for a while. Owns the rest of such a connection; refuses to know what was
//! answered.

use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use prometheus_client::metrics::counter::Counter;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// Most bytes that are read and thrown away after the answer to a request whose
/// body, or after the close of a WebSocket whose message, was too large.
pub(super) const LINGER_BYTES_MAX: u64 = 16 << 20;

/// Bytes thrown away at a time.
const PIECE: usize = 16 << 10;

/// Whether a body of a connection was left unread; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Unread(Arc<AtomicBool>);

/// The body of a request, which says if it is dropped before its end.
#[derive(Debug)]
pub(super) struct Watched {
    body: Incoming,
    ended: bool,
    unread: Unread,
}

impl Watched {
    pub(super) const fn new(body: Incoming, unread: Unread) -> Self {
        Self { body, ended: false, unread }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.ended && !self.body.is_end_stream() {
            self.unread.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Body for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.ended |= polled.is_none();
        Poll::Ready(polled)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream whose end is gentle if a body was left unread on it.
#[derive(Debug)]
pub(super) struct Lingering<S> {
    stream: S,
    unread: Unread,
    time: Duration,
    counter: Counter,
    rest: Option<Rest>,
}

/// What is still read of a stream that is closed for writing.
#[derive(Debug)]
struct Rest {
    until: Pin<Box<Sleep>>,
    thrown: u64,
}

impl<S> Lingering<S> {
    pub(super) const fn new(stream: S, unread: Unread, time: Duration, counter: Counter) -> Self {
        Self { stream, unread, time, counter, rest: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lingering<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lingering<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.rest.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !this.unread.0.load(Ordering::Relaxed) {
                return Poll::Ready(Ok(()));
            }
            this.counter.inc();
        }
        let time = this.time;
        let rest = this
            .rest
            .get_or_insert_with(|| Rest { until: Box::pin(tokio::time::sleep(time)), thrown: 0 });
        rest.poll(&mut this.stream, cx).map(Ok)
    }
}

impl Rest {
    /// Reads on until the client closes, or it is enough.
    fn poll(&mut self, stream: &mut (impl AsyncRead + Unpin), cx: &mut Context<'_>) -> Poll<()> {
        let mut piece = [0; PIECE];
        while self.until.as_mut().poll(cx).is_pending() && self.thrown < LINGER_BYTES_MAX {
            let mut buffer = ReadBuf::new(&mut piece);
            match ready!(Pin::new(&mut *stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {
                    let read = u64::try_from(buffer.filled().len()).unwrap_or(u64::MAX);
                    self.thrown = self.thrown.saturating_add(read);
                }
                _ => break,
            }
        }
        Poll::Ready(())
    }
}
