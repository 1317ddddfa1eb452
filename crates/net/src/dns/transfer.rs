//! Zone transfers (AXFR, RFC 5936), for their names.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use mail_domain::DomainName;
use sealpost_runtime::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::TsigKey;
use super::tsig::{Unverified, complaint, sign};
use crate::deadline::Deadline;
use crate::text::printable;

/// How long the server may take for one message.
const FOR_A_MESSAGE: Duration = Duration::from_secs(30);
/// How long the whole may take.
const FOR_A_ZONE: Duration = Duration::from_mins(30);
/// The most records that are taken.
const MOST_RECORDS: u64 = 5_000_000;
/// The most that the names of owners may come to, in octets: who collects them holds no more.
const MOST_NAMES: usize = 128 * 1024 * 1024;

/// A record of a zone, as far as its owner and type go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferredRecord {
    /// The owner, without the trailing dot; what is not printable as `\DDD`.
    pub owner: String,
    /// The mnemonic of the type: `MX`, or `TYPE65534` for one without.
    pub kind: String,
}

/// Why a zone was not transferred, or not as a whole. What came before is not to be relied on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The server can't be reached, or ended the connection.
    #[error("talk with {server}: {source}")]
    Connection {
        /// The server.
        server: SocketAddr,
        /// What went wrong.
        source: io::Error,
    },
    /// The server said nothing for 30 seconds, or the whole took more than 30 minutes.
    #[error("wait for {server}: it did not answer in time")]
    TimedOut {
        /// The server.
        server: SocketAddr,
    },
    /// The server does not give the zone away.
    #[error(
        "transfer the zone from {server}: it answered {code}; allow the transfer from this \
         address, and see that the server is one of the zone's own"
    )]
    Refused {
        /// The server.
        server: SocketAddr,
        /// What it answered.
        code: String,
    },
    /// The question was signed, and the answer can't be believed.
    #[error("believe what {server} sent: {reason}")]
    Unverified {
        /// The server.
        server: SocketAddr,
        /// Why not.
        reason: String,
    },
    /// What the server sent is no zone transfer.
    #[error("read what {server} sent: {what}")]
    Malformed {
        /// The server.
        server: SocketAddr,
        /// What is wrong with it.
        what: String,
    },
}

/// Asks a server for a zone and hands out each record; the SOA record twice, as it comes.
///
/// With a key the question is signed, and so must the answers be (TSIG, RFC 8945), by a clock that is
/// at most five minutes from `clock`.
///
/// The server is the operator's choice: the address guard is not asked.
pub async fn transfer_zone(
    zone: &DomainName,
    server: SocketAddr,
    key: Option<&TsigKey>,
    clock: &Clock,
    each: impl FnMut(TransferredRecord),
) -> Result<(), TransferError> {
    let deadline = Deadline::after(FOR_A_ZONE);
    match deadline.bound(transfer(zone, server, key, clock, each)).await {
        Ok(result) => result,
        Err(_) => Err(TransferError::TimedOut { server }),
    }
}

async fn transfer(
    zone: &DomainName,
    server: SocketAddr,
    key: Option<&TsigKey>,
    clock: &Clock,
    each: impl FnMut(TransferredRecord),
) -> Result<(), TransferError> {
    let malformed = |what: &str| TransferError::Malformed { server, what: printable(what) };
    let unverified =
        |why: Unverified| TransferError::Unverified { server, reason: why.to_string() };
    let name = Name::from_ascii(format!("{zone}."))
        .map_err(|error| malformed(&format!("the name of the zone: {error}")))?;
    let mut question = Message::query();
    question.add_query(Query::query(name.clone(), RecordType::AXFR));
    let mut verifier = match key {
        Some(key) => Some(
            sign(&mut question, key, clock).ok_or_else(|| malformed("the question: not signed"))?,
        ),
        None => None,
    };
    let id = question.metadata.id;
    let question = question.to_vec().map_err(|error| malformed(&error.to_string()))?;
    let mut stream = in_time(server, async {
        #[expect(clippy::disallowed_methods, reason = "the server is the operator's own choice")]
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(&framed(&question)?).await?;
        Ok(stream)
    })
    .await?;

    let mut records = Records { zone: name, each, count: 0, ends: 0, last: None, names: 0 };
    while records.ends < 2 {
        let octets = in_time(server, async {
            let length = stream.read_u16().await?;
            let mut octets = vec![0; usize::from(length)];
            stream.read_exact(&mut octets).await?;
            Ok(octets)
        })
        .await?;
        let message = Message::from_vec(&octets).map_err(|error| malformed(&error.to_string()))?;
        if message.metadata.id != id || message.metadata.message_type != MessageType::Response {
            return Err(malformed("it is not the answer to the question"));
        }
        if message.metadata.response_code != ResponseCode::NoError {
            let code = format!("{:?}", message.metadata.response_code);
            let code = match complaint(&message) {
                Some(complaint) => format!("{code}, since {complaint}"),
                None => code,
            };
            return Err(TransferError::Refused { server, code });
        }
        if let Some(verifier) = &mut verifier {
            verifier.take(&octets, &message).map_err(unverified)?;
        }
        records.take(&message).map_err(|what| malformed(&what))?;
    }
    match verifier {
        Some(verifier) => verifier.finish().map_err(unverified),
        None => Ok(()),
    }
}

/// The records of a zone as they come.
struct Records<E> {
    zone: Name,
    each: E,
    count: u64,
    /// How many SOA records of the zone have come: the first begins it, and the second ends it.
    ends: u32,
    last: Option<Name>,
    /// Octets in names of owners.
    names: usize,
}

impl<E: FnMut(TransferredRecord)> Records<E> {
    /// Takes those of a message; what is wrong with them.
    fn take(&mut self, message: &Message) -> Result<(), String> {
        if message.answers.is_empty() {
            return Err("a message without records".to_owned());
        }
        message.answers.iter().try_for_each(|record| self.add(record))
    }

    fn add(&mut self, record: &Record) -> Result<(), String> {
        let is_end = record.record_type() == RecordType::SOA && record.name == self.zone;
        // RFC 5936 §2.2: the SOA record begins and ends the transfer.
        match (is_end, self.ends, self.count) {
            (false, _, 0) => return Err("it does not begin with the SOA record".to_owned()),
            (_, 2.., _) => return Err("records after the second SOA record".to_owned()),
            (is_end, _, _) => self.ends += u32::from(is_end),
        }
        if !self.zone.zone_of(&record.name) {
            return Err(format!("{} is not in the zone", record.name));
        }
        self.count += 1;
        if self.count > MOST_RECORDS {
            return Err(format!("more than {MOST_RECORDS} records"));
        }
        // Records of one name mostly come together.
        if self.last.as_ref() != Some(&record.name) {
            self.names += record.name.len();
            self.last = Some(record.name.clone());
        }
        if self.names > MOST_NAMES {
            return Err(format!("names of more than {MOST_NAMES} octets"));
        }
        (self.each)(transferred(record));
        Ok(())
    }
}

async fn in_time<T>(
    server: SocketAddr,
    action: impl Future<Output = io::Result<T>>,
) -> Result<T, TransferError> {
    match Deadline::after(FOR_A_MESSAGE).bound(action).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(source)) => Err(TransferError::Connection { server, source }),
        Err(_) => Err(TransferError::TimedOut { server }),
    }
}

/// A message with its length in front (RFC 1035 §4.2.2).
pub(super) fn framed(message: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    Ok([&length.to_be_bytes()[..], message].concat())
}

fn transferred(record: &Record) -> TransferredRecord {
    let owner = record.name.to_ascii();
    TransferredRecord {
        owner: owner.trim_end_matches('.').to_owned(),
        kind: record.record_type().to_string(),
    }
}

#[cfg(test)]
mod tests;
