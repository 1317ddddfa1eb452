//! From a question to an answer: which upstream, when, over what.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hickory_proto::op::{Message, Query};
use sealpost_evidence::{LookupFault, LookupFaultKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Semaphore;

use super::message::{Checking, Question, Reading, fault};
use super::transfer::framed;
use crate::deadline::Deadline;

/// How often an upstream that says nothing is asked.
const ROUNDS: u32 = 3;

/// How many questions may wait for their answers at a time, all upstreams together. Each has a port of
/// its own, of which Linux has 28,232 unless it is told otherwise.
const MOST_WAITING: usize = 24_000;

/// How many datagrams that belong to something else are passed over before giving up.
const MOST_STRAYS: usize = 64;

/// The upstream resolvers, asked in their order.
#[derive(Debug)]
pub(crate) struct Upstreams {
    addresses: Vec<SocketAddr>,
    patience: Duration,
    waiting: Arc<Semaphore>,
}

impl Upstreams {
    /// Asks these, within `patience` for each question.
    pub(crate) fn new(addresses: Vec<SocketAddr>, patience: Duration) -> Self {
        Self { addresses, patience, waiting: Arc::new(Semaphore::new(MOST_WAITING)) }
    }

    /// The answer of each upstream by itself, all asked at once, each within a quarter of the patience.
    pub(super) async fn ask_each(
        &self,
        query: &Query,
        checking: Checking,
        deadline: Deadline,
    ) -> Vec<Result<Message, LookupFault>> {
        let ask = async |address: &SocketAddr| {
            let waiting = Arc::clone(&self.waiting);
            let one = Self { addresses: vec![*address], patience: self.patience / 4, waiting };
            one.ask(query, checking, deadline).await
        };
        join_all(self.addresses.iter().map(ask)).await
    }

    /// The answer to one question: NOERROR or NXDOMAIN.
    ///
    /// An upstream that fails gives way to the next; one that says nothing is asked again in the
    /// next round. When nobody answers, the most telling fault is returned.
    pub(crate) async fn ask(
        &self,
        query: &Query,
        checking: Checking,
        deadline: Deadline,
    ) -> Result<Message, LookupFault> {
        let deadline = Deadline::after(self.patience).or_before(deadline);
        let tries = ROUNDS.saturating_mul(u32::try_from(self.addresses.len()).unwrap_or(u32::MAX));
        let patience = self.patience.checked_div(tries).unwrap_or(self.patience);
        let mut worst = fault(LookupFaultKind::Unreachable, "there is no resolver to ask");
        let mut silent = self.addresses.clone();
        for _ in 0..ROUNDS {
            let mut still_silent = Vec::new();
            for upstream in silent {
                let turn = Deadline::after(patience).or_before(deadline);
                let asked = async {
                    // The semaphore is never closed.
                    let _place = self.waiting.acquire().await;
                    ask_one(upstream, query, checking).await
                };
                let found = match turn.bound(asked).await {
                    Ok(Ok(message)) => return Ok(message),
                    Ok(Err(found)) => found,
                    Err(_) => {
                        still_silent.push(upstream);
                        let text = format!("{upstream} did not answer within the deadline");
                        fault(LookupFaultKind::TimedOut, &text)
                    }
                };
                if weight(found.kind) > weight(worst.kind) || weight(worst.kind) == 0 {
                    worst = found;
                }
            }
            if still_silent.is_empty() || deadline.has_passed() {
                break;
            }
            silent = still_silent;
        }
        Err(worst)
    }
}

/// How much a fault tells of the domain, rather than of the way to the resolver.
fn weight(kind: LookupFaultKind) -> u8 {
    match kind {
        LookupFaultKind::Bogus => 5,
        LookupFaultKind::ServerFailure => 4,
        LookupFaultKind::Refused => 3,
        LookupFaultKind::Malformed | LookupFaultKind::TooLarge => 2,
        LookupFaultKind::TimedOut => 1,
        _ => 0,
    }
}

/// Asks one upstream, over UDP and, if the answer does not fit, over TCP (RFC 7766 §5).
pub(super) async fn ask_one(
    upstream: SocketAddr,
    query: &Query,
    checking: Checking,
) -> Result<Message, LookupFault> {
    let question = Question::new(query.clone(), checking)?;
    match over_udp(upstream, &question).await {
        Ok(Reading::Answer(message)) => return Ok(*message),
        Ok(Reading::Fault(found)) => return Err(found),
        Ok(Reading::Truncated) => {}
        Ok(Reading::Stray) => return Err(malformed(upstream, "other questions' answers")),
        Err(error) => return Err(unreachable(upstream, &error)),
    }
    match over_tcp(upstream, &question).await {
        Ok(Reading::Answer(message)) => Ok(*message),
        Ok(Reading::Fault(found)) => Err(found),
        Ok(Reading::Truncated) => Err(malformed(upstream, "a truncated answer over TCP")),
        Ok(Reading::Stray) => Err(malformed(upstream, "another question's answer over TCP")),
        Err(error) => Err(unreachable(upstream, &error)),
    }
}

async fn over_udp(upstream: SocketAddr, question: &Question) -> io::Result<Reading> {
    let any: IpAddr = match upstream {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // A fresh port for each question; connected, so that only the upstream is heard, and so that
    // a port where nobody listens is noticed at once.
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await?;
    socket.connect(upstream).await?;
    socket.send(question.octets()).await?;
    // Not filled with anything: thousands may wait, and memory that nobody touches costs nothing.
    let mut answer = Vec::with_capacity(usize::from(u16::MAX));
    for _ in 0..MOST_STRAYS {
        answer.clear();
        socket.recv_buf(&mut answer).await?;
        match question.read(&answer) {
            Reading::Stray => {}
            reading => return Ok(reading),
        }
    }
    Ok(Reading::Stray)
}

async fn over_tcp(upstream: SocketAddr, question: &Question) -> io::Result<Reading> {
    #[expect(clippy::disallowed_methods, reason = "resolvers are the operator's own choice")]
    let mut stream = TcpStream::connect(upstream).await?;
    stream.write_all(&framed(question.octets())?).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    Ok(question.read(&answer))
}

fn unreachable(upstream: SocketAddr, error: &io::Error) -> LookupFault {
    fault(LookupFaultKind::Unreachable, &format!("{upstream}: {error}"))
}

fn malformed(upstream: SocketAddr, what: &str) -> LookupFault {
    fault(LookupFaultKind::Malformed, &format!("{upstream} sent {what}"))
}
