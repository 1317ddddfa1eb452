//! Questions and replies on one connection.

mod socketmap;
mod tcp_tables;
pub use tcp_tables::TcpTables;

use std::{fmt, pin::Pin, time::Duration};

use sealpost_listen::{Connection, Stopping, Stream};
use sealpost_runtime::Stopwatch;
use sealpost_wire::{
    postfix::{Reply, Table},
    socketmap::Question,
};
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
    /// By which the size of replies is bounded.
    const TABLE: Table;
    /// Why octets are no request.
    type Error: fmt::Display;

    fn push(&mut self, octets: &[u8]);

    fn is_between_requests(&self) -> bool;

    /// The next request that is complete, `None` until one is.
    fn next(&mut self) -> Result<Option<Request>, Self::Error>;

    fn write(reply: &Reply, out: &mut Vec<u8>);
}

/// A request.
enum Request {
    Question(Question),
    /// It cannot be answered otherwise than so.
    Unanswerable(Reply),
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
    let mut silence = Silence::new(stopping);
    let mut chunk = [0; CHUNK];
    let mut replies = Vec::new();
    loop {
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
    since: Stopwatch,
    timer: Pin<Box<Sleep>>,
    /// With which patience the timer was set.
    set_for: Duration,
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
            since: Stopwatch::start(),
            timer: Box::pin(sleep(Duration::ZERO)),
            set_for: Duration::ZERO,
            stopping: Box::pin(async move { stopping.requested().await }),
        }
    }

    /// The client has said something.
    fn broken(&mut self) {
        self.since = Stopwatch::start();
    }

    /// Waits until the silence has lasted for so long, or the server is to stop. Nothing is lost if
    /// the waiting is given up.
    async fn lasts(&mut self, patience: Duration) -> Silent {
        loop {
            // Within a request there is less of it than between two.
            if patience < self.set_for {
                self.set(patience, patience.saturating_sub(self.since.elapsed()));
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
            let left = patience.saturating_sub(self.since.elapsed());
            if left.is_zero() {
                return Silent::TooLong;
            }
            self.set(patience, left);
        }
    }

    fn set(&mut self, patience: Duration, left: Duration) {
        self.timer.set(sleep(left));
        self.set_for = patience;
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
        let reply = match requests.next() {
            Ok(Some(Request::Question(question))) => answerer.answer(&question, P::TABLE).await,
            Ok(Some(Request::Unanswerable(reply))) => {
                answerer.metrics().unanswerable.increment();
                reply
            }
            Ok(None) => return send(answerer, replies, stream).await,
            Err(error) => {
                send(answerer, replies, stream).await?;
                return Err(End::NoRequest(error));
            }
        };
        P::write(&reply, replies);
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
