//! Socketmap on one connection.

use std::time::Duration;

use sealpost_listen::{Connection, Handler, Stream};
use sealpost_wire::{
    postfix::Table,
    socketmap::{LONGEST_REQUEST, NetstringReader, Question, write_reply},
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

impl Handler for Answerer {
    /// Answers one request after the other, until the client closes, is silent for too long, or says
    /// something that is no request.
    async fn serve(&self, connection: Connection) {
        let Connection { mut stream, mut stopping, peer, .. } = connection;
        let mut requests = NetstringReader::new(LONGEST_REQUEST);
        let mut chunk = [0; CHUNK];
        loop {
            let patience = if requests.is_between_netstrings() {
                self.settings().idle
            } else {
                self.settings().transfer
            };
            let read = select! {
                biased;
                read = timeout(patience, stream.read(&mut chunk)) => read,
                () = stopping.requested() => {
                    timeout(MOMENT, stream.read(&mut chunk)).await
                }
            };
            let Ok(Ok(length @ 1..)) = read else { return };
            requests.push(chunk.get(..length).unwrap_or_default());
            if let Err(end) = self.answer_all(&mut requests, &mut stream).await {
                if let End::NoRequest(error) = end {
                    tracing::warn!(%peer, %error, "a client does not speak socketmap");
                }
                return;
            }
        }
    }
}

/// Why a connection is closed.
enum End {
    NoRequest(sealpost_wire::socketmap::NetstringError),
    CannotWrite,
}

impl Answerer {
    /// Answers every request that is complete.
    async fn answer_all(
        &self,
        requests: &mut NetstringReader,
        stream: &mut Stream,
    ) -> Result<(), End> {
        let mut replies = Vec::new();
        loop {
            let question = match requests.next_payload() {
                Ok(Some(payload)) => Question::parse(payload),
                Ok(None) => return self.send(&replies, stream).await,
                Err(error) => {
                    self.send(&replies, stream).await?;
                    return Err(End::NoRequest(error));
                }
            };
            let reply = match question {
                Ok(question) => self.answer(&question, Table::Socketmap).await,
                Err(error) => {
                    tracing::warn!(%error, "a mail server asks for a map that there is not");
                    error.reply()
                }
            };
            write_reply(&reply, &mut replies);
            if replies.len() > PILE {
                self.send(&replies, stream).await?;
                replies.clear();
            }
        }
    }

    async fn send(&self, replies: &[u8], stream: &mut Stream) -> Result<(), End> {
        match timeout(self.settings().transfer, stream.write_all(replies)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(End::CannotWrite),
        }
    }
}
