//! One server that is asked: over UDP, once more when nothing comes, and over TCP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::select_ok;
use hickory_proto::op::Query;
use sealpost_evidence::{LookupFault, LookupFaultKind};
use sealpost_runtime::Stopwatch;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpStream, UdpSocket};

use super::lines::Lines;
use super::message::{Answer, Checking, Question, Reading, fault};
use super::pace::Pace;
use super::transfer::framed;
use crate::deadline::Deadline;

/// How many datagrams that belong to something else are passed over before giving up.
pub(super) const MOST_STRAYS: usize = 64;

/// Room for the largest datagram.
pub(super) const LARGEST: usize = u16::MAX as usize;

/// A server, and what is known of the way to it.
#[derive(Debug)]
pub(super) struct Upstream {
    address: SocketAddr,
    pace: Pace,
    /// Sockets for many questions, if they may share them.
    lines: Option<Lines>,
}

impl Upstream {
    /// A server that is asked now and then: each question has a socket of its own.
    pub(super) fn new(address: SocketAddr) -> Self {
        Self { address, pace: Pace::default(), lines: None }
    }

    /// A resolver, which is asked a lot.
    pub(super) fn resolver(address: SocketAddr) -> Self {
        Self { lines: Lines::new(address), ..Self::new(address) }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks over UDP and, if the answer does not fit, over TCP (RFC 7766 §5). Whoever waits for it
    /// decides for how long.
    pub(super) async fn ask(
        &self,
        query: &Query,
        checking: Checking,
    ) -> Result<Box<Answer>, LookupFault> {
        let question = Arc::new(Question::new(query.clone(), checking)?);
        match self.over_udp_twice(&question, query, checking).await? {
            Reading::Answer(answer) => return Ok(answer),
            Reading::Fault(found) => return Err(found),
            Reading::Truncated => {}
            Reading::Stray => return Err(self.malformed("other questions' answers")),
        }
        match over_tcp(self.address, &question).await {
            Ok(Reading::Answer(answer)) => Ok(answer),
            Ok(Reading::Fault(found)) => Err(found),
            Ok(Reading::Truncated) => Err(self.malformed("a truncated answer over TCP")),
            Ok(Reading::Stray) => Err(self.malformed("another question's answer over TCP")),
            Err(error) => Err(self.unreachable(&error)),
        }
    }

    /// Asks once more, with another identifier, when no answer has come for longer than usual:
    /// datagrams get lost. What comes first to either question counts.
    async fn over_udp_twice(
        &self,
        question: &Arc<Question>,
        query: &Query,
        checking: Checking,
    ) -> Result<Reading, LookupFault> {
        let again;
        let mut first = pin!(self.over_udp(question));
        let asked = match Deadline::after(self.pace.patience()).bound(&mut first).await {
            Ok(asked) => asked,
            Err(_) => {
                again = Arc::new(Question::new(query.clone(), checking)?);
                let second = pin!(self.over_udp(&again));
                select_ok([first, second]).await.map(|(reading, _)| reading)
            }
        };
        asked.map_err(|error| self.unreachable(&error))
    }

    async fn over_udp(&self, question: &Arc<Question>) -> io::Result<Reading> {
        let since = Stopwatch::start();
        let shared = match &self.lines {
            Some(lines) => lines.ask(question).await,
            None => None,
        };
        let reading = match shared {
            Some(reading) => reading,
            None => over_udp(self.address, question).await?,
        };
        self.pace.record(since.elapsed());
        Ok(reading)
    }

    fn unreachable(&self, error: &io::Error) -> LookupFault {
        fault(LookupFaultKind::Unreachable, &format!("{}: {error}", self.address))
    }

    fn malformed(&self, what: &str) -> LookupFault {
        fault(LookupFaultKind::Malformed, &format!("{} sent {what}", self.address))
    }
}

/// Asks with a socket for this question alone.
async fn over_udp(upstream: SocketAddr, question: &Question) -> io::Result<Reading> {
    // A fresh port for each question; connected, so that only the upstream is heard, and so that
    // a port where nobody listens is noticed at once.
    let socket = UdpSocket::bind(any_port(upstream)).await?;
    socket.connect(upstream).await?;
    socket.send(question.octets()).await?;
    for _ in 0..MOST_STRAYS {
        match question.read(&receive(&socket).await?) {
            Reading::Stray => {}
            reading => return Ok(reading),
        }
    }
    Ok(Reading::Stray)
}

async fn receive(socket: &UdpSocket) -> io::Result<Vec<u8>> {
    socket.ready(Interest::READABLE | Interest::ERROR).await?;
    // Not sooner: thousands may wait.
    let mut octets = Vec::with_capacity(LARGEST);
    socket.recv_buf(&mut octets).await?;
    Ok(octets)
}

/// Any port of any address from which `upstream` can be reached.
pub(super) fn any_port(upstream: SocketAddr) -> SocketAddr {
    let any: IpAddr = match upstream {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    SocketAddr::new(any, 0)
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

#[cfg(test)]
mod tests;
