//! Questions and replies on one connection.

mod socketmap;
mod tcp_tables;
pub use tcp_tables::TcpTables;

use std::{fmt, time::Duration};

use sealpost_listen::{Connection, Stream};
use sealpost_wire::{
    postfix::{Reply, Table},
    socketmap::Question,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    select,
    time::timeout,
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
    let Connection { mut stream, mut stopping, peer, .. } = connection;
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
            read = timeout(patience, stream.read(&mut chunk)) => read,
            () = stopping.requested() => timeout(MOMENT, stream.read(&mut chunk)).await,
        };
        let Ok(Ok(length @ 1..)) = read else { return };
        requests.push(chunk.get(..length).unwrap_or_default());
        if let Err(end) = answer_all(answerer, &mut requests, &mut stream, &mut replies).await {
            if let End::NoRequest(error) = end {
                tracing::warn!(%peer, %error, "a client does not speak the protocol of the map");
            }
            return;
        }
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
