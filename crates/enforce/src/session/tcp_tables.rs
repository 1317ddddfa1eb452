//! `tcp:` tables: lines, and no name of a map.

use sealpost_listen::{Connection, Handler};
use sealpost_wire::{
    postfix::{
        MapName, Reply, Table,
        tcp_table::{RequestError, RequestReader, write_reply},
    },
    socketmap::Question,
};

use super::{Protocol, Request, talk};
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
    const TABLE: Table = Table::Tcp;
    type Error = RequestError;

    fn push(&mut self, octets: &[u8]) {
        self.reader.push(octets);
    }

    fn is_between_requests(&self) -> bool {
        self.reader.is_between_requests()
    }

    fn next(&mut self) -> Result<Option<Request>, RequestError> {
        let key = self.reader.next_key()?;
        Ok(key.map(|key| Request::Question(Question { map: self.map, key })))
    }

    fn write(reply: &Reply, out: &mut Vec<u8>) {
        write_reply(reply, out);
    }
}
