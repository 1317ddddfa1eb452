//! Who came to the MX hosts, and the mail that they took: what is known of it, in memory and in files.

use std::{
    collections::VecDeque,
    io::Write as _,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use fs_err::{File, OpenOptions};
use jiff::Timestamp;
use rustls::ProtocolVersion;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::LabError;

/// How many deliveries, and how many visits, are kept in memory; the oldest go first.
const MOST_KEPT: usize = 10_000;
/// How far each file may grow, in octets. What comes after that is in memory only.
const LARGEST_FILE: u64 = 64 << 20;

/// One message that an MX host took for one recipient. Nothing of its text is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Delivery {
    /// When the MX host said that it had the message, by the lab's clock.
    pub at: Timestamp,
    /// The recipient's address, as it was given.
    pub recipient: String,
    /// The domain of the recipient, in lower case.
    pub domain: String,
    /// The name of the MX host that took it.
    pub host: String,
    /// The address of that host.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// How it was encrypted; `None` for mail in plaintext.
    pub tls: Option<DeliveryTls>,
    /// Whoever can read it now.
    pub by: TakenBy,
}

/// One connection to an MX host, as the host saw it, whether anything was delivered or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Visit {
    /// When it was over, by the lab's clock.
    pub at: Timestamp,
    /// The name that the client gave itself last; `None` if it gave none.
    pub hello: Option<String>,
    /// The name of the MX host.
    pub host: String,
    /// The address of that host.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// The TLS that was agreed upon; `None` if none was.
    pub tls: Option<DeliveryTls>,
    /// How many messages the host took.
    pub taken: u32,
    /// Whom the client has met.
    pub by: TakenBy,
}

/// The TLS under which a message came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DeliveryTls {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The name that the client asked for.
    pub sni: Option<String>,
}

/// Who took a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TakenBy {
    /// The host that the domain meant, with nobody in between.
    Owner,
    /// The [attacker](crate::Attack), be it at a host of his own or between client and host.
    Attacker,
}

/// Where every MX host hands in what it has taken, and who was there.
pub(crate) struct Mailroom {
    /// The lab's time at its start.
    start: Timestamp,
    since: Instant,
    deliveries: Book<Delivery>,
    visits: Book<Visit>,
}

/// The newest of a kind, and all of it in a file.
struct Book<T> {
    kept: Mutex<VecDeque<T>>,
    file: Mutex<Ledger>,
}

/// The file, a line of JSON for each entry.
struct Ledger {
    file: File,
    length: u64,
}

/// A message as an MX host hands it in.
pub(crate) struct Taken {
    /// Mailbox and, in lower case, its domain.
    pub(crate) recipients: Vec<(String, String)>,
    pub(crate) host: String,
    pub(crate) at: SocketAddr,
    pub(crate) tls: Option<DeliveryTls>,
    pub(crate) by: TakenBy,
}

/// A connection that is over, as an MX host hands it in.
pub(crate) struct Left {
    pub(crate) hello: Option<String>,
    pub(crate) host: String,
    pub(crate) at: SocketAddr,
    pub(crate) tls: Option<DeliveryTls>,
    pub(crate) taken: u32,
    pub(crate) by: TakenBy,
}

impl Mailroom {
    /// Begins the files anew.
    pub(crate) fn new(
        start: Timestamp,
        deliveries: &Path,
        visits: &Path,
    ) -> Result<Self, LabError> {
        let (deliveries, visits) = (Book::new(deliveries)?, Book::new(visits)?);
        Ok(Self { start, since: started(), deliveries, visits })
    }

    /// Writes down a message, once for each recipient, before the client hears that it was taken.
    pub(crate) fn take(&self, taken: Taken) {
        let at = self.now();
        for (recipient, domain) in taken.recipients {
            self.deliveries.write(Delivery {
                at,
                recipient,
                domain,
                host: taken.host.clone(),
                address: taken.at.ip().to_canonical(),
                port: taken.at.port(),
                tls: taken.tls.clone(),
                by: taken.by,
            });
        }
    }

    /// Writes down that a client has left.
    pub(crate) fn leave(&self, left: Left) {
        let Left { hello, host, at, tls, taken, by } = left;
        let (address, port) = (at.ip().to_canonical(), at.port());
        self.visits.write(Visit { at: self.now(), hello, host, address, port, tls, taken, by });
    }

    /// The newest deliveries, the oldest of them first.
    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.deliveries.kept()
    }

    /// The newest visits, the oldest of them first.
    pub(crate) fn visits(&self) -> Vec<Visit> {
        self.visits.kept()
    }

    fn now(&self) -> Timestamp {
        self.start.saturating_add(elapsed(self.since)).unwrap_or(Timestamp::MAX)
    }
}

impl<T: Clone + Serialize> Book<T> {
    fn new(path: &Path) -> Result<Self, LabError> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
        let file = Mutex::new(Ledger { file, length: 0 });
        Ok(Self { kept: Mutex::new(VecDeque::new()), file })
    }

    // No thread panics while it holds these locks; if one did, the list would still be one.
    fn write(&self, entry: T) {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write(&entry);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.pop_front();
        }
        kept.push_back(entry);
    }

    fn kept(&self) -> Vec<T> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

impl DeliveryTls {
    pub(crate) fn of(stream: &TlsStream<TcpStream>) -> Self {
        let (_, session) = stream.get_ref();
        let version = match session.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
            // rustls speaks no other.
            _ => "unknown",
        };
        Self { version, sni: session.server_name().map(str::to_ascii_lowercase) }
    }
}

impl Ledger {
    fn write(&mut self, entry: &impl Serialize) {
        let mut line = match serde_json::to_vec(entry) {
            Ok(line) => line,
            Err(error) => return tracing::error!("what a host saw is not written down: {error}"),
        };
        line.push(b'\n');
        let length = self.length.saturating_add(u64::try_from(line.len()).unwrap_or(u64::MAX));
        if length > LARGEST_FILE {
            return tracing::warn!("a file of what the hosts saw is full");
        }
        self.length = length;
        // One write for a line, so that nobody reads half of it.
        if let Err(error) = self.file.write_all(&line) {
            tracing::error!("what a host saw is not written down: {error}");
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the lab stands outside the house: its own clock")]
fn started() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the lab stands outside the house: its own clock")]
fn elapsed(since: Instant) -> Duration {
    since.elapsed()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_newest_are_kept_and_each_is_a_line_of_json() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deliveries.jsonl");
        let start = Timestamp::from_second(1_900_000_000).unwrap();
        let mailroom = Mailroom::new(start, &path, &folder.path().join("visits.jsonl")).unwrap();
        let taken = |recipients: Vec<(String, String)>| Taken {
            recipients,
            host: "mx1.good.test".to_owned(),
            at: SocketAddr::from((Ipv4Addr::new(127, 66, 1, 2), 25)),
            tls: Some(DeliveryTls { version: "TLSv1.3", sni: None }),
            by: TakenBy::Attacker,
        };
        let to = |name: &str| (format!("{name}@Good.test"), "good.test".to_owned());
        mailroom.take(taken(vec![to("\"first\n\"")]));
        let text = fs_err::read_to_string(&path).unwrap();
        let (at, rest) = text.split_once(',').unwrap();
        assert!(at.starts_with("{\"at\":\"2030-03-17T17:46:4"), "{at}");
        assert_eq!(
            rest,
            "\"recipient\":\"\\\"first\\n\\\"@Good.test\",\"domain\":\"good.test\",\
             \"host\":\"mx1.good.test\",\"address\":\"127.66.1.2\",\"port\":25,\
             \"tls\":{\"version\":\"TLSv1.3\",\"sni\":null},\"by\":\"attacker\"}\n"
        );
        for _ in 0..2 {
            mailroom.take(taken((0..MOST_KEPT / 2).map(|n| to(&n.to_string())).collect()));
        }
        let kept = mailroom.deliveries();
        assert_eq!(kept.len(), MOST_KEPT);
        assert_eq!(kept[0].recipient, "0@Good.test");
    }
}
