//! Closing so that the other side can read what was said last.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    time::{Sleep, sleep, timeout},
};

/// How long the other side may go on, and how much it may send.
const TIME: Duration = Duration::from_secs(2);
const OCTETS: usize = 32 << 20;

/// Ends our side of a connection and drops what still comes until the other side has ended its own,
/// within bounds.
///
/// A connection that is closed while octets wait unread is reset, and then the last reply may be
/// lost: a client that is told "too large" while it sends would only see a broken connection, and
/// try for days.
pub(crate) async fn linger(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    if matches!(timeout(TIME, stream.shutdown()).await, Ok(Ok(()))) {
        let mut lingering = Lingering::new();
        poll_fn(|context| lingering.poll(stream, context)).await;
    }
}

/// What is left of a connection after our side has ended.
pub(crate) struct Lingering {
    time: Pin<Box<Sleep>>,
    dropped: usize,
}

impl Lingering {
    pub(crate) fn new() -> Self {
        Self { time: Box::pin(sleep(TIME)), dropped: 0 }
    }

    /// Ready when the other side has ended too, or a bound is reached.
    pub(crate) fn poll(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        context: &mut Context<'_>,
    ) -> Poll<()> {
        while self.dropped < OCTETS && self.time.as_mut().poll(context).is_pending() {
            let mut octets = [0; 4096];
            let mut buffer = ReadBuf::new(&mut octets);
            match ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.dropped += buffer.filled().len(),
                _ => break,
            }
        }
        Poll::Ready(())
    }
}
