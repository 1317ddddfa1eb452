//! One SMTP dialogue with one address: greeting, EHLO, STARTTLS, EHLO, QUIT.
//!
//! What is said, and what it means, is `sealpost-wire`'s; here are the socket and the time.

mod survey;

use std::net::SocketAddr;
use std::time::Duration;

use mail_domain::DomainName;
use sealpost_evidence::{
    ConnectionFault, ConnectionFaultKind, ConnectionStage, SmtpReply, SmtpSession, StartTls,
    TlsSession,
};
use sealpost_runtime::Stopwatch;
use sealpost_wire::smtp::{Action, EhloName, Fault, Probe, Reply, ReplyError, Stage, Summary};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Deadlines;
use crate::connect::{connect, fault, timed_out};
use crate::deadline::Deadline;
use crate::guard::Guard;
use crate::tls::{Protocol, TlsClient};

/// How long the farewell may take: nothing depends on it any more.
const FAREWELL: Duration = Duration::from_secs(2);

/// The most lines of a transcript that are kept.
const MOST_LINES: usize = 200;

/// Whom to talk to, and how.
pub(crate) struct Dialogue<'a> {
    /// The MX host, for SNI and for the certificate.
    pub(crate) host: &'a DomainName,
    pub(crate) ehlo_name: &'a EhloName,
    pub(crate) guard: &'a Guard,
    pub(crate) tls: &'a TlsClient,
    pub(crate) deadlines: &'a Deadlines,
}

impl Dialogue<'_> {
    /// Talks with this address. Nothing is waited for longer than the deadlines for SMTP, or than
    /// `deadline`.
    pub(crate) async fn with(&self, address: SocketAddr, deadline: Deadline) -> SmtpSession {
        let stopwatch = Stopwatch::start();
        let deadline = Deadline::after(self.deadlines.smtp).or_before(deadline);
        let mut probe = Probe::new(self.ehlo_name.clone());
        let mut tls = None;
        let failed = self.run(address, deadline, &mut probe, &mut tls).await.err();
        let summary = probe.summary().clone();
        SmtpSession {
            address: address.ip(),
            took_ms: stopwatch.elapsed_ms(),
            greeting: summary.greeting.as_ref().map(reply),
            ehlo: summary.ehlo.as_ref().map(reply),
            starttls: starttls(&summary),
            tls,
            ehlo_over_tls: summary.ehlo_over_tls.as_ref().map(reply),
            fault: failed.or_else(|| summary.fault.as_ref().and_then(dialogue_fault)),
            injected: summary.injected,
            outdated_tls: None,
            transcript: probe
                .transcript()
                .iter()
                .take(MOST_LINES)
                .map(ToString::to_string)
                .collect(),
        }
    }

    async fn run(
        &self,
        address: SocketAddr,
        deadline: Deadline,
        probe: &mut Probe,
        session: &mut Option<TlsSession>,
    ) -> Result<(), ConnectionFault> {
        let connecting = Deadline::after(self.deadlines.connect).or_before(deadline);
        let mut stream = connect(address, self.guard, connecting).await?;
        if self.converse(probe, &mut stream, deadline).await? == Turn::Over {
            return Ok(());
        }
        hear_injection(probe, &stream).await;
        let handshaking = Deadline::after(self.deadlines.tls).or_before(deadline);
        let (mut stream, shown) =
            self.tls.handshake(stream, self.host, Protocol::Smtp, handshaking).await?;
        *session = Some(shown);
        probe.tls_established();
        self.converse(probe, &mut stream, deadline).await?;
        Ok(())
    }

    /// Does what the probe says until it wants TLS or is done.
    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        probe: &mut Probe,
        stream: &mut S,
        deadline: Deadline,
    ) -> Result<Turn, ConnectionFault> {
        let mut buffer = [0; 4096];
        let mut turn = self.turn(probe, deadline);
        loop {
            match probe.next() {
                Action::Send(octets) => {
                    turn = self.turn(probe, deadline);
                    let sending = async {
                        stream.write_all(&octets).await?;
                        stream.flush().await
                    };
                    match turn.bound(sending).await {
                        Ok(Ok(())) => {}
                        // What the server said before it went may still be there to be read.
                        Ok(Err(_)) => self.hear_rest(probe, stream, turn).await,
                        Err(_) => return late(probe, stream).await,
                    }
                }
                Action::Wait => match turn.bound(stream.read(&mut buffer)).await {
                    Ok(Ok(0) | Err(_)) => probe.closed(),
                    Ok(Ok(length)) => probe.received(buffer.get(..length).unwrap_or_default()),
                    Err(_) => return late(probe, stream).await,
                },
                Action::StartTls => return Ok(Turn::StartTls),
                Action::Done => return Ok(Turn::Over),
            }
        }
    }

    async fn hear_rest<S: AsyncRead + Unpin>(
        &self,
        probe: &mut Probe,
        stream: &mut S,
        deadline: Deadline,
    ) {
        let mut buffer = [0; 4096];
        if let Ok(Ok(length)) = deadline.bound(stream.read(&mut buffer)).await {
            probe.received(buffer.get(..length).unwrap_or_default());
        }
        probe.closed();
    }

    /// The deadline of one exchange.
    fn turn(&self, probe: &Probe, deadline: Deadline) -> Deadline {
        let patience = match probe.stage() {
            Stage::Quit => FAREWELL.min(self.deadlines.smtp_reply),
            _ => self.deadlines.smtp_reply,
        };
        Deadline::after(patience).or_before(deadline)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Turn {
    /// The server gave the go-ahead for TLS.
    StartTls,
    /// Nothing is left to do.
    Over,
}

/// The server did not answer. It is told that we leave, unless it has not even greeted: a client
/// must not speak first.
async fn late<S: AsyncWrite + Unpin>(
    probe: &Probe,
    stream: &mut S,
) -> Result<Turn, ConnectionFault> {
    let Some(stage) = connection_stage(probe.stage()) else { return Ok(Turn::Over) };
    if stage != ConnectionStage::Greeting {
        let farewell = async {
            stream.write_all(b"QUIT\r\n").await?;
            stream.flush().await
        };
        // Of no consequence: the connection is closed in any case.
        let _ = Deadline::after(FAREWELL).bound(farewell).await;
    }
    Err(timed_out(stage))
}

/// Takes plaintext that lies ready between the go-ahead and the handshake out of the stream.
///
/// A server is silent here, so that anything is an injection (RFC 3207 §6). What came together
/// with the go-ahead, the probe has seen already.
async fn hear_injection(probe: &mut Probe, stream: &TcpStream) {
    // Lets the runtime notice what has arrived.
    tokio::task::yield_now().await;
    let mut buffer = [0; Probe::MAX_INJECTED];
    if let Ok(length) = stream.try_read(&mut buffer) {
        probe.received(buffer.get(..length).unwrap_or_default());
    }
}

fn reply(reply: &Reply) -> SmtpReply {
    SmtpReply { code: reply.code, lines: reply.lines.clone() }
}

fn starttls(summary: &Summary) -> StartTls {
    match (&summary.fault, &summary.starttls) {
        (Some(Fault::StartTlsNotOffered), _) => StartTls::NotOffered,
        (_, Some(answer)) if answer.is_positive() => StartTls::Accepted,
        (_, Some(answer)) => StartTls::Refused(reply(answer)),
        (_, None) => StartTls::NotReached,
    }
}

/// The fault of the connection; a refusal is none, since the reply tells it.
fn dialogue_fault(found: &Fault) -> Option<ConnectionFault> {
    match found {
        Fault::Garbage { stage, error } => {
            let kind = match error {
                ReplyError::LineTooLong { .. }
                | ReplyError::TooManyLines { .. }
                | ReplyError::ReplyTooLong { .. } => ConnectionFaultKind::TooLarge,
                _ => ConnectionFaultKind::Malformed,
            };
            Some(fault(connection_stage(*stage)?, kind, &error.to_string()))
        }
        Fault::ConnectionClosed { stage } => {
            let stage = connection_stage(*stage)?;
            let text = format!("the server closed the connection while we were {}", stage.as_str());
            Some(fault(stage, ConnectionFaultKind::Closed, &text))
        }
        _ => None,
    }
}

/// The stage in the words of the evidence; `None` where nothing depends on it any more.
fn connection_stage(stage: Stage) -> Option<ConnectionStage> {
    match stage {
        Stage::Greeting => Some(ConnectionStage::Greeting),
        Stage::Ehlo => Some(ConnectionStage::Ehlo),
        Stage::StartTls => Some(ConnectionStage::StartTls),
        Stage::TlsHandshake => Some(ConnectionStage::TlsHandshake),
        Stage::EhloOverTls => Some(ConnectionStage::EhloOverTls),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
