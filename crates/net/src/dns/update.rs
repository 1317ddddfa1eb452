//! Dynamic update of a zone (RFC 2136), signed with a shared key (RFC 8945).
//!
//! The server is the operator's own choice: the address guard is not asked, and nobody else is ever
//! sent an update.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode, UpdateMessage as _};
use hickory_proto::rr::rdata::TSIG;
use hickory_proto::rr::rdata::tsig::TsigError;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType, TSigVerifier};
use jiff::Timestamp;
use mail_domain::DomainName;
use sealpost_evidence::LookupFault;
use sealpost_runtime::Clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::authority;
use super::transfer::framed;
use super::zone_record::{RecordKind, RecordSet, SetChange};
use crate::TsigKey;
use crate::deadline::Deadline;
use crate::text::printable;

/// How long the server may take for one update, or one question.
const PATIENCE: Duration = Duration::from_secs(15);
/// The most sets that one update changes.
const MOST_SETS: usize = 1_000;

/// A server that takes updates for zones of the operator's.
#[derive(Clone, Debug)]
pub struct UpdateServer {
    address: SocketAddr,
    key: Option<TsigKey>,
    clock: Clock,
}

/// Why an update was not made. But for [`UpdateError::Lost`] nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// The server could not be asked.
    #[error("ask {server}: {}", .fault.text)]
    Question {
        /// The server.
        server: SocketAddr,
        /// What went wrong.
        fault: LookupFault,
    },
    /// The server can't be reached.
    #[error("reach {server}: {reason}")]
    Unreachable {
        /// The server.
        server: SocketAddr,
        /// What went wrong.
        reason: String,
    },
    /// The connection broke, or time ran out, after the update was sent. Whether it was made is not
    /// known: look at the zone before anything else is done.
    #[error("wait for {server}: {reason}; whether the update was made is not known")]
    Lost {
        /// The server.
        server: SocketAddr,
        /// What went wrong.
        reason: String,
    },
    /// The server does not take the key.
    #[error("update {zone} at {server}: it does not take the TSIG key {key}: {reason}")]
    Key {
        /// The server.
        server: SocketAddr,
        /// The zone.
        zone: DomainName,
        /// The name of the key, or "(none)".
        key: String,
        /// What it says of the key, and how to mend that.
        reason: String,
    },
    /// The records are not as they were when the change was made up; somebody else was faster.
    #[error("update {zone} at {server}: its records have changed meanwhile; look again")]
    Changed {
        /// The server.
        server: SocketAddr,
        /// The zone.
        zone: DomainName,
    },
    /// The server does not make the update.
    #[error("update {zone} at {server}: it answered {code}; {hint}")]
    Refused {
        /// The server.
        server: SocketAddr,
        /// The zone.
        zone: DomainName,
        /// What it answered.
        code: String,
        /// How to mend it.
        hint: &'static str,
    },
    /// The update can't be written down.
    #[error("write an update of {zone}: {reason}")]
    Senseless {
        /// The zone.
        zone: DomainName,
        /// What is wrong with it.
        reason: String,
    },
    /// No name on the way up is a zone of this server.
    #[error("find the zone of {owner}: {server} serves none that holds it")]
    NoZone {
        /// The server.
        server: SocketAddr,
        /// The name.
        owner: String,
    },
}

impl UpdateServer {
    /// Sends updates there, signed with this key. `clock` dates the signatures: the server refuses
    /// those that are more than five minutes off.
    pub fn new(address: SocketAddr, key: Option<TsigKey>, clock: Clock) -> Self {
        Self { address, key, clock }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The zone of this server that holds a name.
    pub async fn zone_of(&self, owner: &str) -> Result<DomainName, UpdateError> {
        let mut name = owner;
        loop {
            let found = self.ask(name, RecordType::SOA).await?;
            let is_apex =
                found.answers.iter().any(|record| record.record_type() == RecordType::SOA);
            if let Some(zone) = is_apex.then(|| DomainName::parse(name).ok()).flatten() {
                return Ok(zone);
            }
            let Some((_, above)) = name.split_once('.') else {
                let (server, owner) = (self.address, printable(owner));
                return Err(UpdateError::NoZone { server, owner });
            };
            name = above;
        }
    }

    /// The names of the servers of a zone, as this one has them.
    pub async fn name_servers(&self, zone: &DomainName) -> Result<Vec<DomainName>, UpdateError> {
        let found = self.ask(zone.as_str(), RecordType::NS).await?;
        let names = found.answers.iter().filter_map(|record| match &record.data {
            RData::NS(name) => DomainName::parse(name.0.to_ascii().trim_end_matches('.')).ok(),
            _ => None,
        });
        Ok(names.collect())
    }

    /// The records of a name and type as this server has them.
    pub async fn read(&self, owner: &str, kind: RecordKind) -> Result<RecordSet, UpdateError> {
        let patience = Deadline::after(PATIENCE);
        let server = self.address;
        authority::read(server, owner, kind, patience)
            .await
            .map_err(|fault| UpdateError::Question { server, fault })
    }

    async fn ask(&self, owner: &str, kind: RecordType) -> Result<Message, UpdateError> {
        let server = self.address;
        authority::ask(server, owner, kind, Deadline::after(PATIENCE))
            .await
            .map_err(|fault| UpdateError::Question { server, fault })
    }

    /// Makes changes to a zone: all of them or none, and only if the records are as the changes say
    /// that they were.
    ///
    /// # Errors
    ///
    /// [`UpdateError`]. After [`UpdateError::Lost`] the changes may have been made.
    pub async fn update(
        &self,
        zone: &DomainName,
        changes: &[SetChange],
    ) -> Result<(), UpdateError> {
        if changes.is_empty() {
            return Ok(());
        }
        let senseless = |reason: String| UpdateError::Senseless {
            zone: zone.clone(),
            reason: printable(&reason),
        };
        if changes.len() > MOST_SETS {
            return Err(senseless(format!("more than {MOST_SETS} sets")));
        }
        let mut message = message(zone, changes).map_err(&senseless)?;
        let mut verifier = None;
        if let Some(key) = &self.key {
            let now = u64::try_from(self.clock.now().as_second()).unwrap_or(0);
            verifier = message
                .finalize(key.signer(), now)
                .map_err(|error| senseless(error.to_string()))?;
        }
        let octets = message.to_vec().map_err(|error| senseless(error.to_string()))?;
        let octets = framed(&octets).map_err(|error| senseless(error.to_string()))?;
        let answer = self.exchange(&octets).await?;
        self.judge(zone, message.metadata.id, &answer, verifier)
    }

    /// Sends an update over a connection of its own, and reads the answer.
    async fn exchange(&self, update: &[u8]) -> Result<Vec<u8>, UpdateError> {
        let server = self.address;
        let deadline = Deadline::after(PATIENCE);
        let unreachable = |reason: String| UpdateError::Unreachable { server, reason };
        #[expect(clippy::disallowed_methods, reason = "the server is the operator's own choice")]
        let connected = deadline.bound(TcpStream::connect(server)).await;
        let mut stream = connected
            .map_err(|_| unreachable("no answer in time".to_owned()))?
            .map_err(|error| unreachable(error.to_string()))?;
        let lost = |reason: String| UpdateError::Lost { server, reason };
        let talk = async {
            stream.write_all(update).await?;
            let length = stream.read_u16().await?;
            let mut answer = vec![0; usize::from(length)];
            stream.read_exact(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        deadline
            .bound(talk)
            .await
            .map_err(|_| lost("no answer in time".to_owned()))?
            .map_err(|error| lost(error.to_string()))
    }

    fn judge(
        &self,
        zone: &DomainName,
        id: u16,
        answer: &[u8],
        verifier: Option<TSigVerifier>,
    ) -> Result<(), UpdateError> {
        let server = self.address;
        let lost = |reason: &str| UpdateError::Lost { server, reason: printable(reason) };
        let message = Message::from_vec(answer)
            .map_err(|error| lost(&format!("the answer can't be read: {error}")))?;
        if message.metadata.id != id || message.metadata.message_type != MessageType::Response {
            return Err(lost("it is not the answer to the update"));
        }
        let code = message.metadata.response_code;
        if code == ResponseCode::NoError {
            // RFC 8945 §5.3: an answer without the signature of our key may be anybody's.
            let verified = verifier.map(|mut verifier| verifier.verify(answer));
            return match verified {
                Some(Err(error)) => Err(lost(&format!("the answer is not signed: {error}"))),
                Some(Ok(_)) | None => Ok(()),
            };
        }
        let zone = zone.clone();
        let key = self.key.as_ref().map_or("(none)".to_owned(), TsigKey::to_string);
        let signature = message.signature.as_ref().map(|record| &record.data);
        let tsig = signature.and_then(|tsig| tsig.error);
        let wrong_key = |reason| UpdateError::Key { server, zone: zone.clone(), key, reason };
        let refused = |hint| UpdateError::Refused {
            server,
            zone: zone.clone(),
            code: format!("{code:?}"),
            hint,
        };
        Err(match (code, tsig) {
            (_, Some(TsigError::BadKey)) => wrong_key(
                "it knows no key of this name and algorithm; add the key there".to_owned(),
            ),
            (_, Some(TsigError::BadSig)) => {
                wrong_key("the secret is another one; compare it with the server's".to_owned())
            }
            (_, Some(TsigError::BadTime)) => wrong_key(clocks(signature, self.clock.now())),
            (
                ResponseCode::YXDomain
                | ResponseCode::YXRRSet
                | ResponseCode::NXDomain
                | ResponseCode::NXRRSet,
                _,
            ) => UpdateError::Changed { server, zone: zone.clone() },
            (ResponseCode::NotAuth | ResponseCode::NotZone, _) => {
                refused("it is not the primary server of the zone, or does not take the key")
            }
            (ResponseCode::Refused, _) => {
                refused("allow updates of these names with this key, or from this address")
            }
            _ => refused("see the log of that server"),
        })
    }
}

/// That clocks differ, and how: a server that finds so says what its own shows (RFC 8945 §5.2.3).
fn clocks(signature: Option<&TSIG>, ours: Timestamp) -> String {
    let theirs = signature.and_then(|tsig| match *tsig.other.as_slice() {
        [a, b, c, d, e, f] => Some(i64::from_be_bytes([0, 0, a, b, c, d, e, f])),
        _ => None,
    });
    let theirs = theirs.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let ours = Timestamp::from_second(ours.as_second()).unwrap_or(ours);
    match theirs {
        Some(theirs) => format!(
            "its clock shows {theirs}, that of this machine {ours}, and they may not be more than five \
             minutes apart; set the wrong one right"
        ),
        None => format!(
            "the clock of this machine shows {ours}, and its own is more than five minutes off that; \
             set the wrong one right"
        ),
    }
}

/// The update as a message: what must hold first, then what changes.
fn message(zone: &DomainName, changes: &[SetChange]) -> Result<Message, String> {
    let name = |text: &str| Name::from_ascii(format!("{text}.")).map_err(|error| error.to_string());
    let origin = name(zone.as_str())?;
    let mut message = Message::query();
    message.metadata.op_code = OpCode::Update;
    message.metadata.recursion_desired = false;
    let mut section = Query::query(origin.clone(), RecordType::SOA);
    section.set_query_class(DNSClass::IN);
    message.add_zone(section);
    for SetChange { owner, kind, before, after, ttl } in changes {
        let owner = name(owner)?;
        if !origin.zone_of(&owner) {
            return Err(format!("{owner} does not lie in it"));
        }
        let kind = kind.record_type();
        if before.is_empty() {
            // RFC 2136 §2.4.3: the set does not exist.
            let mut absent = Record::update0(owner.clone(), 0, kind).into_record_of_rdata();
            absent.dns_class = DNSClass::NONE;
            message.add_pre_requisite(absent);
        }
        for value in before {
            // RFC 2136 §2.4.2: the set is exactly this one.
            message.add_pre_requisite(Record::from_rdata(owner.clone(), 0, value.data()?));
        }
        if !before.is_empty() {
            let mut gone = Record::update0(owner.clone(), 0, kind).into_record_of_rdata();
            gone.dns_class = DNSClass::ANY;
            message.add_update(gone);
        }
        for value in after {
            message.add_update(Record::from_rdata(owner.clone(), *ttl, value.data()?));
        }
    }
    Ok(message)
}
