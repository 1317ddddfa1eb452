//! Questions and replies on one connection.

mod socketmap;
mod tcp_tables;
pub use tcp_tables::TcpTables;

use std::{fmt, pin::Pin, time::Duration};

use sealpost_listen::{Connection, Stopping, Stream};
use sealpost_runtime::Stopwatch;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    select,
    time::{Sleep, sleep, timeout},
};

use crate::Answerer;

/// How much is read at a time, in octets.
const CHUNK: usize = 4_096;
/// Replies that have piled up so far are sent before the next request is read, in octets.
const PILE: usize = 64 * 1024;
/// How long a request may be behind its connection when the server stops.
const MOMENT: Duration = Duration::from_millis(100);

/// How requests and replies look on the wire.
trait Protocol: Send {
    /// Why octets are no request.
    type Error: fmt::Display;

    fn push(&mut self, octets: &[u8]);

    fn is_between_requests(&self) -> bool;

    /// Answers the next request that is complete, if there is one.
    fn answer(
        &mut self,
        answerer: &Answerer,
        replies: &mut Vec<u8>,
    ) -> impl Future<Output = Result<Progress, Self::Error>> + Send;
}

/// Whether a request was answered.
enum Progress {
    Answered,
    /// The rest of it has not arrived.
    Waiting,
}

/// Why a connection is closed.
enum End<E> {
    NoRequest(E),
    CannotWrite,
}

/// Answers one request after the other, until the client closes, is silent for too long, or says
/// something that is no request.
async fn talk<P: Protocol>(answerer: &Answerer, mut requests: P, connection: Connection) {
    let Connection { mut stream, stopping, peer, .. } = connection;
    let mut silence = Silence::new(stopping.clone());
    let mut stopping_since = None;
    let mut chunk = [0; CHUNK];
    let mut replies = Vec::new();
    loop {
        if stopping.is_requested() && requests.is_between_requests() {
            // A client that never pauses would else keep us for ever.
            let since = stopping_since.get_or_insert_with(Stopwatch::start);
            if since.elapsed() >= MOMENT {
                return;
            }
        }
        let patience = if requests.is_between_requests() {
            answerer.settings().idle
        } else {
            answerer.settings().transfer
        };
        let read = select! {
            biased;
            read = stream.read(&mut chunk) => read,
            end = silence.lasts(patience) => match end {
                Silent::TooLong => return,
                // A last request may be just behind its connection.
                Silent::Stopping => match timeout(MOMENT, stream.read(&mut chunk)).await {
                    Ok(read) => read,
                    Err(_) => return,
                },
            },
        };
        let Ok(length @ 1..) = read else { return };
        requests.push(chunk.get(..length).unwrap_or_default());
        if let Err(end) = answer_all(answerer, &mut requests, &mut stream, &mut replies).await {
            if let End::NoRequest(error) = end {
                tracing::warn!(%peer, %error, "a client does not speak the protocol of the map");
            }
            return;
        }
        silence.broken();
    }
}

/// Watches a client that says nothing. One timer serves all requests of a connection: to set it anew
/// for each would cost as much as the answer.
struct Silence {
    timer: Pin<Box<Sleep>>,
    /// With which patience the timer was set.
    set_for: Duration,
    /// Since then.
    said_something: bool,
    stopping: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Why a connection need not be listened to any more.
enum Silent {
    TooLong,
    Stopping,
}

impl Silence {
    fn new(mut stopping: Stopping) -> Self {
        Self {
            said_something: false,
            timer: Box::pin(sleep(Duration::ZERO)),
            set_for: Duration::ZERO,
            stopping: Box::pin(async move { stopping.requested().await }),
        }
    }

    /// The client has said something.
    fn broken(&mut self) {
        self.said_something = true;
    }

    /// Waits until the silence has lasted for so long and twice as long at most, or the server is to
    /// stop. Nothing is lost if
    /// the waiting is given up.
    async fn lasts(&mut self, patience: Duration) -> Silent {
        loop {
            // Within a request there is less of it than between two.
            if patience < self.set_for {
                self.set(patience);
            }
            select! {
                biased;
                () = &mut self.stopping => {
                    // Once it is to stop, it stays so.
                    self.stopping = Box::pin(std::future::ready(()));
                    return Silent::Stopping;
                }
                () = &mut self.timer => {}
            }
            if self.set_for.is_zero() || std::mem::take(&mut self.said_something) {
                self.set(patience);
            } else {
                return Silent::TooLong;
            }
        }
    }

    fn set(&mut self, patience: Duration) {
        self.timer.set(sleep(patience));
        self.set_for = patience;
        self.said_something = false;
    }
}

/// Answers every request that is complete.
async fn answer_all<P: Protocol>(
    answerer: &Answerer,
    requests: &mut P,
    stream: &mut Stream,
    replies: &mut Vec<u8>,
) -> Result<(), End<P::Error>> {
    loop {
        match requests.answer(answerer, replies).await {
            Ok(Progress::Answered) => {}
            Ok(Progress::Waiting) => return send(answerer, replies, stream).await,
            Err(error) => {
                send(answerer, replies, stream).await?;
                return Err(End::NoRequest(error));
            }
        }
        if replies.len() > PILE {
            send(answerer, replies, stream).await?;
        }
    }
}

/// Sends the replies; nothing of them is left.
async fn send<E>(
    answerer: &Answerer,
    replies: &mut Vec<u8>,
    stream: &mut Stream,
) -> Result<(), End<E>> {
    let sent = timeout(answerer.settings().transfer, stream.write_all(replies)).await;
    replies.clear();
    // One long reply shall not cost memory as long as the connection lives.
    replies.shrink_to(CHUNK);
    match sent {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(End::CannotWrite),
    }
}
