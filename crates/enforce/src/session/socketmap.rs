//! Socketmap: netstrings, and the name of the map in each.

use sealpost_listen::{Connection, Handler};
use sealpost_wire::socketmap::{
    LONGEST_REQUEST, NetstringError, NetstringReader, Question, write_reply,
};

use super::{Pile, Progress, Protocol, talk};
use crate::Answerer;

impl Handler for Answerer {
    /// Speaks socketmap.
    async fn serve(&self, connection: Connection) {
        talk(self, NetstringReader::new(LONGEST_REQUEST), connection).await;
    }
}

impl Protocol for NetstringReader {
    type Error = NetstringError;

    fn push(&mut self, octets: &[u8]) {
        Self::push(self, octets);
    }

    fn is_between_requests(&self) -> bool {
        self.is_between_netstrings()
    }

    async fn answer(
        &mut self,
        answerer: &Answerer,
        replies: &mut Pile,
    ) -> Result<Progress, NetstringError> {
        let Some(request) = self.next_payload()? else { return Ok(Progress::Waiting) };
        if let Some(reply) = answerer.recall(request) {
            replies.add(reply);
            return Ok(Progress::Answered);
        }
        let replies = replies.end();
        match Question::parse(request) {
            Ok(question) => answerer.answer_request(request, &question, replies).await,
            Err(error) => {
                tracing::warn!(%error, "a mail server asks for a map that there is not");
                answerer.metrics().unanswerable.increment();
                write_reply(&error.reply(), replies);
            }
        }
        Ok(Progress::Answered)
    }
}
