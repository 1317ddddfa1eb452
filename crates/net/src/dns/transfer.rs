//! Zone transfers (AXFR, RFC 5936), for their names.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, Query, ResponseCode};
use hickory_proto::rr::{Name, Record, RecordType};
use mail_domain::DomainName;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::deadline::Deadline;
use crate::text::printable;

/// How long the server may take for one message.
const FOR_A_MESSAGE: Duration = Duration::from_secs(30);
/// How long the whole may take.
const FOR_A_ZONE: Duration = Duration::from_mins(30);
/// The most records that are taken.
const MOST_RECORDS: u64 = 20_000_000;

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
/// The server is the operator's choice: the address guard is not asked. There is no TSIG (RFC 8945):
/// the server must allow the transfer to this address.
pub async fn transfer_zone(
    zone: &DomainName,
    server: SocketAddr,
    each: impl FnMut(TransferredRecord),
) -> Result<(), TransferError> {
    let deadline = Deadline::after(FOR_A_ZONE);
    match deadline.bound(transfer(zone, server, each)).await {
        Ok(result) => result,
        Err(_) => Err(TransferError::TimedOut { server }),
    }
}

async fn transfer(
    zone: &DomainName,
    server: SocketAddr,
    mut each: impl FnMut(TransferredRecord),
) -> Result<(), TransferError> {
    let malformed = |what: &str| TransferError::Malformed { server, what: printable(what) };
    let name = Name::from_ascii(format!("{zone}."))
        .map_err(|error| malformed(&format!("the name of the zone: {error}")))?;
    let mut question = Message::query();
    question.add_query(Query::query(name.clone(), RecordType::AXFR));
    let id = question.metadata.id;
    let question = question.to_vec().map_err(|error| malformed(&error.to_string()))?;
    let mut stream = in_time(server, async {
        #[expect(clippy::disallowed_methods, reason = "the server is the operator's own choice")]
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(&framed(&question)?).await?;
        Ok(stream)
    })
    .await?;

    let mut records = 0;
    let mut ends = 0;
    while ends < 2 {
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
        match message.metadata.response_code {
            ResponseCode::NoError => {}
            code => {
                return Err(TransferError::Refused { server, code: format!("{code:?}") });
            }
        }
        if message.answers.is_empty() {
            return Err(malformed("a message without records"));
        }
        for record in &message.answers {
            let is_end = record.record_type() == RecordType::SOA && record.name == name;
            // RFC 5936 §2.2: the SOA record begins and ends the transfer.
            match (is_end, ends, records) {
                (false, _, 0) => return Err(malformed("it does not begin with the SOA record")),
                (_, 2.., _) => return Err(malformed("records after the second SOA record")),
                (is_end, _, _) => ends += u32::from(is_end),
            }
            records += 1;
            if records > MOST_RECORDS {
                return Err(malformed(&format!("more than {MOST_RECORDS} records")));
            }
            each(transferred(record));
        }
    }
    Ok(())
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
mod tests {
    use hickory_proto::rr::RData;
    use hickory_proto::rr::rdata::{A, SOA};
    use tokio::net::TcpListener;

    use super::*;

    fn record(owner: &str, data: RData) -> Record {
        Record::from_rdata(Name::from_ascii(owner).unwrap(), 60, data)
    }

    fn start() -> Record {
        record("a.test.", RData::SOA(SOA::new(Name::root(), Name::root(), 1, 2, 3, 4, 5)))
    }

    fn host(owner: &str) -> Record {
        record(owner, RData::A(A::new(192, 0, 2, 1)))
    }

    /// What is handed out by a server that sends these messages, and how it ends.
    async fn with(messages: Vec<(ResponseCode, Vec<Record>)>) -> (Vec<String>, Result<(), String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let length = stream.read_u16().await.unwrap();
            let mut question = vec![0; usize::from(length)];
            stream.read_exact(&mut question).await.unwrap();
            let question = Message::from_vec(&question).unwrap();
            assert_eq!(question.queries[0].query_type(), RecordType::AXFR);
            for (code, records) in messages {
                let mut answer = question.clone().into_response();
                answer.metadata.response_code = code;
                answer.add_answers(records);
                stream.write_all(&framed(&answer.to_vec().unwrap()).unwrap()).await.unwrap();
            }
        });
        let mut owners = Vec::new();
        let zone = DomainName::parse("a.test").unwrap();
        let ended = transfer_zone(&zone, server, |record| owners.push(record.owner)).await;
        (owners, ended.map_err(|error| error.to_string()))
    }

    #[tokio::test]
    async fn a_zone_comes_in_one_message_or_in_many() {
        let ok = ResponseCode::NoError;
        let whole = ["a.test", "mx.a.test", "a.test"];
        let (owners, ended) = with(vec![(ok, vec![start(), host("mx.a.test."), start()])]).await;
        assert_eq!((owners, ended), (whole.iter().map(ToString::to_string).collect(), Ok(())));
        let pieces = vec![(ok, vec![start()]), (ok, vec![host("mx.a.test.")]), (ok, vec![start()])];
        let (owners, ended) = with(pieces).await;
        assert_eq!((owners, ended), (whole.iter().map(ToString::to_string).collect(), Ok(())));
    }

    #[tokio::test]
    async fn half_a_zone_is_none() {
        let ok = ResponseCode::NoError;
        for (messages, expected) in [
            (vec![(ok, vec![start(), host("mx.a.test.")])], "talk with"),
            (vec![(ok, vec![host("mx.a.test."), start()])], "read what"),
            (vec![(ok, vec![start(), start(), host("mx.a.test.")])], "read what"),
            (vec![(ok, vec![])], "read what"),
            (vec![(ResponseCode::Refused, vec![])], "transfer the zone from"),
            (vec![], "talk with"),
        ] {
            let (_, ended) = with(messages).await;
            assert!(ended.as_ref().unwrap_err().starts_with(expected), "{ended:?}");
        }
    }
}
