//! One connection over which one message is handed over.
//!
//! What is said is `sealpost-wire`'s; here are the socket and the time.

use std::net::SocketAddr;
use std::time::Duration;

use mail_domain::DomainName;
use sealpost_evidence::ConnectionFault;
use sealpost_wire::smtp::Action;
use sealpost_wire::smtp::client::{Dispatch, DispatchStage, Fate, Outgoing, Terms, TlsUse};
use sealpost_wire::smtp::server::Protocol as MailProtocol;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Protection;
use crate::connect::connect;
use crate::deadline::Deadline;
use crate::guard::Guard;
use crate::network::Means;
use crate::tls::Protocol;

/// How long the farewell may take: nothing depends on it any more.
const FAREWELL: Duration = Duration::from_secs(2);

/// Whom to hand the message to, and how.
pub(super) struct Handing<'a> {
    pub(super) means: &'a Means,
    /// The host, for SNI and for the certificate; `None` where only an address is known.
    pub(super) host: Option<&'a DomainName>,
    pub(super) guard: &'a Guard,
    pub(super) outgoing: &'a Outgoing,
}

/// What became of it at one address.
pub(super) enum Handed {
    /// It got as far as SMTP.
    Told { fate: Fate, protection: Protection },
    /// It did not get that far.
    Unreached(ConnectionFault),
}

impl Handing<'_> {
    /// Hands the message over at this address. Where TLS is offered and fails, it is tried once more
    /// without.
    pub(super) async fn at(&self, address: SocketAddr, deadline: Deadline) -> Handed {
        match self.once(address, TlsUse::WhenOffered, deadline).await {
            Once::Ended(handed) => handed,
            //= https://www.rfc-editor.org/rfc/rfc8460#section-3
            //# Sending MTAs MUST deliver reports despite any TLS-
            //# related failures
            //= https://www.rfc-editor.org/rfc/rfc8460#section-5.3
            //# Note that, when sending failure reports via SMTP, Sending MTAs MUST
            //# NOT honor MTA-STS or DANE TLSA failures.
            Once::TlsFailed(fault) => match self.once(address, TlsUse::Never, deadline).await {
                Once::Ended(handed) => handed,
                Once::TlsFailed(_) => Handed::Unreached(fault),
            },
        }
    }

    async fn once(&self, address: SocketAddr, tls: TlsUse, deadline: Deadline) -> Once {
        let connecting = Deadline::after(self.means.deadlines.connect).or_before(deadline);
        let mut stream = match connect(address, self.guard, connecting).await {
            Ok(stream) => stream,
            Err(fault) => return Once::Ended(Handed::Unreached(fault)),
        };
        let terms =
            Terms { ehlo_name: self.means.ehlo_name.clone(), protocol: MailProtocol::Smtp, tls };
        let mut dispatch = Dispatch::new(terms, self.outgoing.clone());
        let mut protection = Protection::Open;
        if self.converse(&mut dispatch, &mut stream, deadline).await == Turn::StartTls {
            hear_injection(&mut dispatch, &stream).await;
            let within = Deadline::after(self.means.deadlines.tls).or_before(deadline);
            let (tls, protocol) = (&self.means.tls, Protocol::Smtp);
            let shaken = match self.host {
                Some(host) => tls.handshake(stream, host, protocol, within).await,
                None => tls.handshake_with_address(stream, address.ip(), protocol, within).await,
            };
            let (mut stream, session) = match shaken {
                Ok(shaken) => shaken,
                Err(fault) => return Once::TlsFailed(fault),
            };
            protection = match session.is_verified() {
                true => Protection::Verified,
                false => Protection::Encrypted,
            };
            dispatch.tls_established();
            self.converse(&mut dispatch, &mut stream, deadline).await;
            // Of no consequence: all has been said.
            let _ = Deadline::after(FAREWELL).bound(stream.shutdown()).await;
        }
        // Every fate is known when a dispatch has come to its end, and there is one recipient.
        dispatch.give_up();
        match dispatch.fates().first().cloned().flatten() {
            Some(fate) => Once::Ended(Handed::Told { fate, protection }),
            None => Once::Ended(Handed::Told { fate: unknown(dispatch.stage()), protection }),
        }
    }

    /// Does what the dispatch says until it wants TLS or is done.
    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        dispatch: &mut Dispatch,
        stream: &mut S,
        deadline: Deadline,
    ) -> Turn {
        let mut buffer = [0; 4096];
        let mut turn = self.turn(dispatch, deadline);
        loop {
            match dispatch.next() {
                Action::Send(octets) => {
                    turn = self.turn(dispatch, deadline);
                    let sending = async {
                        stream.write_all(&octets).await?;
                        stream.flush().await
                    };
                    match turn.bound(sending).await {
                        Ok(Ok(())) => {}
                        // What the server said before it went may still be there to be read.
                        Ok(Err(_)) => {
                            let rest = Deadline::after(FAREWELL).or_before(turn);
                            if let Ok(Ok(length)) = rest.bound(stream.read(&mut buffer)).await {
                                dispatch.received(buffer.get(..length).unwrap_or_default());
                            }
                            dispatch.closed();
                        }
                        Err(_) => dispatch.give_up(),
                    }
                }
                Action::Wait => match turn.bound(stream.read(&mut buffer)).await {
                    Ok(Ok(0) | Err(_)) => dispatch.closed(),
                    Ok(Ok(length)) => dispatch.received(buffer.get(..length).unwrap_or_default()),
                    Err(_) => dispatch.give_up(),
                },
                Action::StartTls => return Turn::StartTls,
                Action::Done => return Turn::Over,
            }
        }
    }

    /// The deadline of one exchange, in proportion to what RFC 5321 section 4.5.3.2 gives: five
    /// minutes for most, ten for the answer to the message. With the usual half minute for a reply
    /// of somebody who is only looked at, it is these.
    fn turn(&self, dispatch: &Dispatch, deadline: Deadline) -> Deadline {
        let reply = self.means.deadlines.smtp_reply;
        let patience = match dispatch.stage() {
            DispatchStage::Quit => FAREWELL.min(reply),
            DispatchStage::Message => reply.saturating_mul(20),
            _ => reply.saturating_mul(10),
        };
        Deadline::after(patience).or_before(deadline)
    }
}

enum Once {
    Ended(Handed),
    /// STARTTLS was offered and agreed to, and the handshake failed.
    TlsFailed(ConnectionFault),
}

#[derive(Debug, PartialEq, Eq)]
enum Turn {
    StartTls,
    Over,
}

/// Takes plaintext that lies ready between the go-ahead and the handshake out of the stream: a server
/// is silent here, so that anything is an injection (RFC 3207 §6).
async fn hear_injection(dispatch: &mut Dispatch, stream: &TcpStream) {
    // Lets the runtime notice what has arrived.
    tokio::task::yield_now().await;
    let mut buffer = [0; 512];
    if let Ok(length) = stream.try_read(&mut buffer) {
        dispatch.received(buffer.get(..length).unwrap_or_default());
    }
}

fn unknown(stage: DispatchStage) -> Fate {
    Fate::Temporary(sealpost_wire::smtp::client::Cause::NoAnswer { stage })
}
