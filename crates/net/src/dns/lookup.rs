//! From answers to look-ups: CNAME chains, absence, bounds, security.

use std::net::SocketAddr;
use std::time::Duration;

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use sealpost_evidence::{
    Absence, AbsenceKind, Found, HostAddresses, Lookup, LookupFault, LookupFaultKind, MxRecord,
    Octets, Security, TextRecord,
};

use super::exchange::Upstreams;
use super::message::fault;
use crate::deadline::Deadline;

/// The most CNAME links that are followed.
const MOST_LINKS: usize = 8;
/// The most MX records of one name.
const MOST_MX: usize = 64;
/// The most addresses of one family and name.
const MOST_ADDRESSES: usize = 32;
/// The most TXT records of one name.
const MOST_TEXTS: usize = 64;
/// The longest TXT record, in octets.
const LONGEST_TEXT: usize = 8 * 1024;

/// Asks the DNS.
#[derive(Debug)]
pub(crate) struct Dns {
    upstreams: Upstreams,
}

impl Dns {
    /// Asks these upstreams, within `patience` for each question.
    pub(crate) fn new(upstreams: Vec<SocketAddr>, patience: Duration) -> Self {
        Self { upstreams: Upstreams::new(upstreams, patience) }
    }

    /// The TXT records of a name: at most 64, each of at most 8 KiB.
    pub(crate) async fn texts(&self, owner: &str, deadline: Deadline) -> Lookup<Vec<TextRecord>> {
        let texts = self.look_up(owner, RecordType::TXT, MOST_TEXTS, deadline, |data| match data {
            RData::TXT(text) => Some(TextRecord {
                strings: text.txt_data.iter().map(|string| Octets::new(string.to_vec())).collect(),
            }),
            _ => None,
        });
        match texts.await {
            Lookup::Found(found) if found.value.iter().any(is_too_long) => Lookup::Unknown(fault(
                LookupFaultKind::TooLarge,
                &format!("a TXT record of {owner} is longer than {LONGEST_TEXT} octets"),
            )),
            lookup => lookup,
        }
    }

    /// The MX records of a name: at most 64, by preference.
    pub(crate) async fn mail_exchangers(
        &self,
        owner: &str,
        deadline: Deadline,
    ) -> Lookup<Vec<MxRecord>> {
        let records = self.look_up(owner, RecordType::MX, MOST_MX, deadline, |data| match data {
            RData::MX(mx) => {
                Some(MxRecord { preference: mx.preference, exchange: plain(&mx.exchange) })
            }
            _ => None,
        });
        let mut lookup = records.await;
        if let Lookup::Found(found) = &mut lookup {
            found.value.sort_by(|a, b| {
                (a.preference, a.exchange.as_str()).cmp(&(b.preference, b.exchange.as_str()))
            });
        }
        lookup
    }

    /// The addresses of a name: at most 32 of each family, in ascending order.
    pub(crate) async fn addresses(&self, owner: &str, deadline: Deadline) -> HostAddresses {
        let ipv4 =
            self.look_up(owner, RecordType::A, MOST_ADDRESSES, deadline, |data| match data {
                RData::A(address) => Some(address.0),
                _ => None,
            });
        let ipv6 =
            self.look_up(owner, RecordType::AAAA, MOST_ADDRESSES, deadline, |data| match data {
                RData::AAAA(address) => Some(address.0),
                _ => None,
            });
        let (ipv4, ipv6) = tokio::join!(ipv4, ipv6);
        HostAddresses { ipv4: in_order(ipv4), ipv6: in_order(ipv6) }
    }

    async fn look_up<T>(
        &self,
        owner: &str,
        kind: RecordType,
        most: usize,
        deadline: Deadline,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Lookup<Vec<T>> {
        let chain = match Chain::begin(owner) {
            Ok(chain) => chain,
            Err(fault) => return Lookup::Unknown(fault),
        };
        match self.follow(chain, kind, most, deadline, read).await {
            Ok(lookup) => lookup,
            Err(fault) => Lookup::Unknown(fault),
        }
    }

    /// Follows the chain through as many answers as it takes. Each turn but the last adds a link,
    /// so that [`MOST_LINKS`] bounds the turns.
    async fn follow<T>(
        &self,
        mut chain: Chain,
        kind: RecordType,
        most: usize,
        deadline: Deadline,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Lookup<Vec<T>>, LookupFault> {
        let mut security = Security::Secure;
        loop {
            let query = Query::query(chain.name.clone(), kind);
            let answer = self.upstreams.ask(&query, deadline).await?;
            if self.security(&answer) != Security::Secure {
                security = Security::Indeterminate;
            }
            let links_before = chain.aliases.len();
            chain.walk(&answer.answers, kind)?;

            let records = answer
                .answers
                .iter()
                .filter(|record| record.name == chain.name && record.record_type() == kind);
            let mut value = Vec::new();
            let mut ttl = chain.ttl;
            for record in records {
                if value.len() == most {
                    let text = format!("{} has more than {most} {kind} records", chain.name);
                    return Err(fault(LookupFaultKind::TooLarge, &text));
                }
                ttl = ttl.min(record.ttl);
                value.extend(read(&record.data));
            }
            if !value.is_empty() {
                return Ok(Lookup::Found(Found { value, ttl, aliases: chain.aliases, security }));
            }
            let kind = match answer.metadata.response_code {
                ResponseCode::NXDomain => AbsenceKind::NoSuchName,
                _ if has_authority(&answer, RecordType::SOA) => AbsenceKind::NoSuchData,
                // The answer led to another name and says nothing of it: ask on.
                _ if chain.aliases.len() > links_before => continue,
                _ if has_authority(&answer, RecordType::NS) => {
                    let text = "the server refers to others: it is not a resolver";
                    return Err(fault(LookupFaultKind::Refused, text));
                }
                _ => AbsenceKind::NoSuchData,
            };
            return Ok(Lookup::Absent(Absence { kind, aliases: chain.aliases, security }));
        }
    }

    /// What DNSSEC says of an answer. This is the one place that decides it.
    ///
    /// The AD bit is the word of whoever sends it, and counts only over loopback, where nobody
    /// stands between (RFC 7672 §2.1.1). Its absence proves nothing.
    fn security(&self, answer: &Message) -> Security {
        if answer.metadata.authentic_data && self.upstreams.are_local() {
            Security::Secure
        } else {
            Security::Indeterminate
        }
    }
}

/// A chain of CNAME records, as far as it was followed.
struct Chain {
    /// The name that it has come to.
    name: Name,
    /// The names on the way, without the first.
    aliases: Vec<String>,
    /// The smallest time to live on the way.
    ttl: u32,
    /// The first name.
    owner: String,
}

impl Chain {
    fn begin(owner: &str) -> Result<Self, LookupFault> {
        let name = Name::from_ascii(format!("{owner}.")).map_err(|error| {
            let text = format!("{owner} is not a DNS name: {error}");
            fault(LookupFaultKind::Malformed, &text)
        })?;
        Ok(Self { owner: plain(&name), name, aliases: Vec::new(), ttl: u32::MAX })
    }

    //= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
    //# senders MUST follow the
    //# CNAME pointers.
    /// Follows the CNAME records of one answer.
    fn walk(&mut self, answers: &[Record], kind: RecordType) -> Result<(), LookupFault> {
        loop {
            let mut here = answers.iter().filter(|record| record.name == self.name);
            if here.clone().any(|record| record.record_type() == kind) {
                return Ok(());
            }
            let link = here.find_map(|record| match &record.data {
                RData::CNAME(target) => Some((&target.0, record.ttl)),
                _ => None,
            });
            let Some((target, ttl)) = link else { return Ok(()) };
            let alias = plain(target);
            if alias == self.owner || self.aliases.contains(&alias) {
                let text = format!("the CNAME chain of {} leads back to {alias}", self.owner);
                return Err(fault(LookupFaultKind::Malformed, &text));
            }
            if self.aliases.len() == MOST_LINKS {
                let text = format!("the CNAME chain of {} is longer than {MOST_LINKS}", self.owner);
                return Err(fault(LookupFaultKind::TooLarge, &text));
            }
            self.name = target.clone();
            self.ttl = self.ttl.min(ttl);
            self.aliases.push(alias);
        }
    }
}

/// The name in lower case without its trailing dot, A-labels left as they are, and odd octets
/// escaped in decimal (RFC 1035 §5.1; hickory's own text has them in octal).
fn plain(name: &Name) -> String {
    let mut text = String::new();
    for (index, label) in name.iter().enumerate() {
        if index > 0 {
            text.push('.');
        }
        for octet in label {
            match octet {
                b'.' | b'\\' => text.extend(['\\', char::from(*octet)]),
                b'!'..=b'~' => text.push(char::from(octet.to_ascii_lowercase())),
                _ => text.push_str(&format!("\\{octet:03}")),
            }
        }
    }
    text
}

fn has_authority(answer: &Message, kind: RecordType) -> bool {
    answer.authorities.iter().any(|record| record.record_type() == kind)
}

fn is_too_long(record: &TextRecord) -> bool {
    record.strings.iter().map(Octets::len).sum::<usize>() > LONGEST_TEXT
}

/// Addresses in ascending order, each once: resolvers shuffle them.
fn in_order<T: Ord>(mut lookup: Lookup<Vec<T>>) -> Lookup<Vec<T>> {
    if let Lookup::Found(found) = &mut lookup {
        found.value.sort();
        found.value.dedup();
    }
    lookup
}
