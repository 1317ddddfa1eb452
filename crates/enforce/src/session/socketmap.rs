//! Socketmap: netstrings, and the name of the map in each.

use sealpost_listen::{Connection, Handler};
use sealpost_wire::socketmap::{
    LONGEST_REQUEST, NetstringError, NetstringReader, Question, write_reply,
};

use super::{Next, Pile, Protocol, talk};
use crate::Answerer;

/// A question, and the octets of the request that asked it.
pub(super) struct Asked {
    request: Box<[u8]>,
    question: Question,
}

impl Handler for Answerer {
    /// Speaks socketmap.
    async fn serve(&self, connection: Connection) {
        talk(self, NetstringReader::new(LONGEST_REQUEST), connection).await;
    }
}

impl Protocol for NetstringReader {
    type Error = NetstringError;
    type Question = Asked;

    fn push(&mut self, octets: &[u8]) {
        Self::push(self, octets);
    }

    fn is_between_requests(&self) -> bool {
        self.is_between_netstrings()
    }

    fn next(
        &mut self,
        answerer: &Answerer,
        replies: &mut Pile,
    ) -> Result<Next<Asked>, NetstringError> {
        let Some(request) = self.next_payload()? else { return Ok(Next::Waiting) };
        if let Some(reply) = answerer.recall(request) {
            replies.add(reply);
            return Ok(Next::Answered);
        }
        match Question::parse(request) {
            Ok(question) => Ok(Next::Asks(Asked { request: request.into(), question })),
            Err(error) => {
                tracing::warn!(%error, "a mail server asks for a map that there is not");
                answerer.metrics().unanswerable.increment();
                write_reply(&error.reply(), replies.end());
                Ok(Next::Answered)
            }
        }
    }

    async fn answer(answerer: &Answerer, asked: Asked, replies: &mut Vec<u8>) {
        answerer.answer_request(&asked.request, &asked.question, replies).await;
    }
}
