//! Socketmap: netstrings, and the name of the map in each.

use sealpost_listen::{Connection, Handler};
use sealpost_wire::{
    postfix::{Reply, Table},
    socketmap::{LONGEST_REQUEST, NetstringError, NetstringReader, Question, write_reply},
};

use super::{Protocol, Request, talk};
use crate::Answerer;

impl Handler for Answerer {
    /// Speaks socketmap.
    async fn serve(&self, connection: Connection) {
        talk(self, NetstringReader::new(LONGEST_REQUEST), connection).await;
    }
}

impl Protocol for NetstringReader {
    const TABLE: Table = Table::Socketmap;
    type Error = NetstringError;

    fn push(&mut self, octets: &[u8]) {
        Self::push(self, octets);
    }

    fn is_between_requests(&self) -> bool {
        self.is_between_netstrings()
    }

    fn next(&mut self) -> Result<Option<Request>, NetstringError> {
        let Some(payload) = self.next_payload()? else { return Ok(None) };
        Ok(Some(match Question::parse(payload) {
            Ok(question) => Request::Question(question),
            Err(error) => {
                tracing::warn!(%error, "a mail server asks for a map that there is not");
                Request::Unanswerable(error.reply())
            }
        }))
    }

    fn write(reply: &Reply, out: &mut Vec<u8>) {
        write_reply(reply, out);
    }
}
