//! Which outdated TLS does a server still speak? Asked with handshakes of our own, of which only the
//! first answer is read.
//!
//! What to ask, and what an answer proves, is `sealpost-wire`'s; here are the connections.

use std::net::SocketAddr;

use sealpost_evidence::{ConnectionFaultKind, Offer, OutdatedTls, SmtpSession, StartTls};
use sealpost_wire::smtp::Probe;
use sealpost_wire::tls::{
    Acceptance, AnswerReader, ClientHello, Ending, ModernHandshake, Question, ServerAnswer,
    ServerName, Survey, TlsSurvey,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Dialogue, Turn};
use crate::connect::connect;
use crate::deadline::Deadline;

impl Dialogue<'_> {
    /// Asks the server at this address, after a first dialogue with it that got as far as the
    /// go-ahead for TLS; else, and where that dialogue met silence, it is not asked again: `None`.
    ///
    /// A connection is made for each question, at most four, one after the other. Nothing is
    /// waited for longer than the deadline for SMTP, or than `deadline`.
    pub(crate) async fn survey(
        &self,
        address: SocketAddr,
        first: &SmtpSession,
        deadline: Deadline,
    ) -> Option<OutdatedTls> {
        let was_silent =
            first.fault.as_ref().is_some_and(|fault| fault.kind == ConnectionFaultKind::TimedOut);
        if first.starttls != StartTls::Accepted || was_silent {
            return None;
        }
        let modern = match first.tls {
            Some(_) => ModernHandshake::Succeeded,
            None => ModernHandshake::Failed,
        };
        let deadline = Deadline::after(self.deadlines.smtp).or_before(deadline);
        let mut survey = Survey::new(modern, ServerName::parse(self.host.as_str()).ok());
        for _ in 0..Survey::MAX_CONNECTIONS {
            let Some(question) = survey.next_question() else { break };
            match self.put(question, &survey, address, deadline).await {
                Some(answer) => survey.answered(question, answer),
                None => survey.not_asked(question),
            }
        }
        Some(outdated(survey.findings()))
    }

    /// Puts one question; `None` where it did not come to that.
    async fn put(
        &self,
        question: Question,
        survey: &Survey,
        address: SocketAddr,
        deadline: Deadline,
    ) -> Option<ServerAnswer> {
        let offer = survey.client_hello(question, self.tls.random()?);
        let mut stream = self.go_ahead(address, deadline).await?;
        let deadline = Deadline::after(self.deadlines.tls).or_before(deadline);
        let mut reader = AnswerReader::new(&offer);
        let ending = match deadline.bound(exchange(&mut stream, &offer, &mut reader)).await {
            Ok(()) => Ending::Closed,
            Err(_) => Ending::TimedOut,
        };
        Some(reader.finish(ending).clone())
    }

    /// A connection on which the server waits for a handshake.
    async fn go_ahead(&self, address: SocketAddr, deadline: Deadline) -> Option<TcpStream> {
        let connecting = Deadline::after(self.deadlines.connect).or_before(deadline);
        let mut stream = connect(address, self.guard, connecting).await.ok()?;
        let mut probe = Probe::new(self.ehlo_name.clone());
        match self.converse(&mut probe, &mut stream, deadline).await {
            Ok(Turn::StartTls) => Some(stream),
            Ok(Turn::Over) | Err(_) => None,
        }
    }
}

/// Sends the offer and reads until the answer is clear or the connection ends. The reader bounds how
/// much it takes.
async fn exchange(stream: &mut TcpStream, offer: &ClientHello, reader: &mut AnswerReader) {
    if stream.write_all(&offer.to_octets()).await.is_err() {
        return;
    }
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = stream.read(&mut buffer).await {
        if reader.push(buffer.get(..length).unwrap_or_default()).is_some() {
            return;
        }
    }
}

fn outdated(found: &TlsSurvey) -> OutdatedTls {
    OutdatedTls {
        tls10: offer(found.tls10),
        tls11: offer(found.tls11),
        weak_suites: offer(found.weak),
    }
}

fn offer(acceptance: Acceptance) -> Offer {
    match acceptance {
        Acceptance::Accepted { cipher_suite, .. } => {
            Offer::Accepted { cipher_suite: cipher_suite.to_string() }
        }
        Acceptance::Refused => Offer::Refused,
        Acceptance::Unknown => Offer::Unknown,
    }
}

#[cfg(test)]
mod tests;
