//! `tcp:` tables: lines, and no name of a map.

use sealpost_listen::{Connection, Handler};
use sealpost_wire::{
    postfix::{
        MapName, Table,
        tcp_table::{RequestError, RequestReader, write_reply},
    },
    socketmap::Question,
};

use super::{Next, Pile, Protocol, talk};
use crate::Answerer;

/// Answers in the protocol of Postfix's `tcp:` tables, as one map of socketmap does for all who ask.
#[derive(Clone)]
pub struct TcpTables {
    answerer: Answerer,
    map: MapName,
}

impl TcpTables {
    /// Gives the answers of this map, as far as they fit into shorter replies.
    pub fn new(answerer: Answerer, map: MapName) -> Self {
        Self { answerer, map }
    }
}

impl Handler for TcpTables {
    async fn serve(&self, connection: Connection) {
        let requests = Lines { reader: RequestReader::new(), map: self.map };
        talk(&self.answerer, requests, connection).await;
    }
}

struct Lines {
    reader: RequestReader,
    map: MapName,
}

impl Protocol for Lines {
    type Error = RequestError;
    type Question = Question;

    fn push(&mut self, octets: &[u8]) {
        self.reader.push(octets);
    }

    fn is_between_requests(&self) -> bool {
        self.reader.is_between_requests()
    }

    fn next(&mut self, _: &Answerer, _: &mut Pile) -> Result<Next<Question>, RequestError> {
        let key = self.reader.next_key()?;
        Ok(key.map_or(Next::Waiting, |key| Next::Asks(Question { map: self.map, key })))
    }

    async fn answer(answerer: &Answerer, question: Question, replies: &mut Vec<u8>) {
        write_reply(&answerer.answer(&question, Table::Tcp).await, replies);
    }
}
