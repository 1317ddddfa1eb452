//! From answers to look-ups: CNAME chains, absence, bounds, security.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use data_encoding::HEXLOWER;
use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::rdata::TLSA;
use hickory_proto::rr::{RData, RecordType};
use sealpost_evidence::{
    Absence, AbsenceKind, CaaRecord, Dnssec, Found, HostAddresses, Lookup, LookupFault,
    LookupFaultKind, MxRecord, Octets, Security, TextRecord,
};
use sealpost_runtime::Clock;

use super::TrustAnchor;
use super::cache::Exchange;
use super::chain::{Chain, plain};
use super::dnssec::{Judge, Place};
use super::exchange::Upstreams;
use super::message::fault;
use crate::DnssecMode;
use crate::deadline::Deadline;
use crate::text::printable_within;

/// The most MX records of one name, for who looks at all of its hosts.
pub(crate) const MOST_MX: usize = 64;
/// The most MX records of one name, for who delivers: as many as an answer has room for.
pub(crate) const MOST_MX_OF_A_ROUTE: usize = 4096;
/// The most addresses of one family and name.
const MOST_ADDRESSES: usize = 32;
/// The most TXT records of one name.
const MOST_TEXTS: usize = 64;
/// The longest TXT record, in octets.
const LONGEST_TEXT: usize = 8 * 1024;

/// The most TLSA or CAA records of one name.
const MOST_RECORDS: usize = 64;
/// The longest data of a TLSA record, in octets: a certificate of any sensible size.
const LONGEST_ASSOCIATION: usize = 16 * 1024;
/// The longest value of a CAA record that is kept, in octets; domains and their parameters are
/// shorter.
const LONGEST_CAA_VALUE: usize = 1024;

/// How old an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// As its TTL allows: what was asked before is not asked again.
    WithinTtl,
    /// It is asked for now. What the resolver keeps is up to the resolver.
    Now,
}

/// Asks the DNS.
#[derive(Debug)]
pub(crate) struct Dns {
    judge: Judge,
}

/// Whom to ask, and whom to believe.
#[derive(Debug)]
pub(crate) struct Means {
    /// The resolvers, asked in this order.
    pub(crate) resolvers: Vec<SocketAddr>,
    /// How long to wait for the answer to one question.
    pub(crate) patience: Duration,
    /// Who says what is secure.
    pub(crate) dnssec: DnssecMode,
    /// Where validation begins.
    pub(crate) anchors: Vec<TrustAnchor>,
    /// Decides which signatures are valid.
    pub(crate) clock: Clock,
}

impl Dns {
    /// Asks and judges with these means.
    pub(crate) fn new(means: Means) -> Self {
        let Means { resolvers, patience, dnssec, anchors, clock } = means;
        let place = if are_local(&resolvers) { Place::Loopback } else { Place::Elsewhere };
        let exchange = Arc::new(Exchange::new(Upstreams::new(resolvers, patience), clock.clone()));
        Self { judge: Judge::new(dnssec, place, exchange, anchors, clock) }
    }

    /// Who says what is secure, as far as is known by now.
    pub(crate) fn dnssec(&self) -> Dnssec {
        self.judge.dnssec()
    }

    /// What DNSSEC says of the answer to a question.
    pub(crate) async fn worth(
        &self,
        query: Query,
        deadline: Deadline,
    ) -> Result<Security, LookupFault> {
        self.judge.answer(&query, deadline).await.map(|(_, worth)| worth)
    }

    /// The TXT records of a name: at most 64, each of at most 8 KiB.
    pub(crate) async fn texts(&self, owner: &str, deadline: Deadline) -> Lookup<Vec<TextRecord>> {
        self.texts_of(owner, Freshness::WithinTtl, deadline).await
    }

    /// The same, as fresh as wanted.
    pub(crate) async fn texts_of(
        &self,
        owner: &str,
        freshness: Freshness,
        deadline: Deadline,
    ) -> Lookup<Vec<TextRecord>> {
        self.refresh(owner, &[RecordType::TXT], freshness);
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

    /// The MX records of a name by preference; not known if there are more than this.
    pub(crate) async fn mail_exchangers(
        &self,
        owner: &str,
        most: usize,
        deadline: Deadline,
    ) -> Lookup<Vec<MxRecord>> {
        let records = self.look_up(owner, RecordType::MX, most, deadline, |data| match data {
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

    /// The names that the PTR records of a name hold: at most 32.
    pub(crate) async fn pointers(&self, owner: &str, deadline: Deadline) -> Lookup<Vec<String>> {
        let names =
            self.look_up(owner, RecordType::PTR, MOST_ADDRESSES, deadline, |data| match data {
                RData::PTR(name) => Some(plain(&name.0)),
                _ => None,
            });
        names.await
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

    /// The TLSA records of a name in presentation form: at most 64.
    pub(crate) async fn tlsa(&self, owner: &str, deadline: Deadline) -> Lookup<Vec<String>> {
        let records = self.look_up(owner, RecordType::TLSA, MOST_RECORDS, deadline, |data| {
            let RData::TLSA(TLSA { cert_usage, selector, matching, cert_data, .. }) = data else {
                return None;
            };
            let parameters = [(*cert_usage).into(), (*selector).into(), (*matching).into()];
            let [usage, selector, matching]: [u8; 3] = parameters;
            let kept = cert_data.get(..LONGEST_ASSOCIATION + 1).unwrap_or(cert_data);
            Some((format!("{usage} {selector} {matching} {}", HEXLOWER.encode(kept)), kept.len()))
        });
        match records.await {
            Lookup::Found(found)
                if found.value.iter().any(|(_, length)| *length > LONGEST_ASSOCIATION) =>
            {
                let text = format!(
                    "a TLSA record of {owner} holds more than {LONGEST_ASSOCIATION} octets"
                );
                Lookup::Unknown(fault(LookupFaultKind::TooLarge, &text))
            }
            Lookup::Found(Found { value, ttl, aliases, security }) => {
                let value = value.into_iter().map(|(text, _)| text).collect();
                Lookup::Found(Found { value, ttl, aliases, security })
            }
            Lookup::Absent(absence) => Lookup::Absent(absence),
            Lookup::Unknown(fault) => Lookup::Unknown(fault),
        }
    }

    /// The CAA records of a name: at most 64.
    pub(crate) async fn caa(&self, owner: &str, deadline: Deadline) -> Lookup<Vec<CaaRecord>> {
        self.look_up(owner, RecordType::CAA, MOST_RECORDS, deadline, |data| match data {
            RData::CAA(caa) => Some(CaaRecord {
                flags: caa.flags(),
                tag: caa.tag.to_ascii_lowercase(),
                value: printable_within(&String::from_utf8_lossy(&caa.value), LONGEST_CAA_VALUE),
            }),
            _ => None,
        })
        .await
    }

    /// The names of the servers of a zone; absent where the name is not the top of one.
    pub(crate) async fn name_servers(
        &self,
        owner: &str,
        deadline: Deadline,
    ) -> Lookup<Vec<String>> {
        let names =
            self.look_up(owner, RecordType::NS, MOST_RECORDS, deadline, |data| match data {
                RData::NS(name) => Some(name.0.to_ascii().trim_end_matches('.').to_owned()),
                _ => None,
            });
        in_order(names.await)
    }

    /// The name that a name is an alias of, in one step.
    pub(crate) async fn alias(&self, owner: &str, deadline: Deadline) -> Lookup<Vec<String>> {
        self.look_up(owner, RecordType::CNAME, 1, deadline, |data| match data {
            RData::CNAME(target) => Some(plain(&target.0)),
            _ => None,
        })
        .await
    }

    /// What was kept of these records is asked for anew, where that is wanted.
    pub(crate) fn refresh(&self, owner: &str, kinds: &[RecordType], freshness: Freshness) {
        let Freshness::Now = freshness else { return };
        for kind in kinds {
            if let Ok(chain) = Chain::begin(owner) {
                self.judge.forget(chain, *kind);
            }
        }
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
    /// and the chain bounds those.
    ///
    /// The security is that of the weakest link (RFC 7672 §2.1.3).
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
            let (answer, worth) = self.judge.answer(&query, deadline).await?;
            security = weaker(security, worth);
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
                // To pass over it would make an absence of a record that is there.
                value.push(read(&record.data).ok_or_else(|| {
                    let text = format!("a {kind} record of {} has no data", chain.name);
                    fault(LookupFaultKind::Malformed, &text)
                })?);
            }
            if !value.is_empty() {
                return Ok(Lookup::Found(Found { value, ttl, aliases: chain.aliases, security }));
            }
            let kind = match answer.metadata.response_code {
                ResponseCode::NXDomain => AbsenceKind::NoSuchName,
                _ if has_authority(&answer, RecordType::SOA) => AbsenceKind::NoSuchData,
                // The answer led to another name and says nothing of it: ask on.
                _ if chain.aliases.len() > links_before => continue,
                _ => AbsenceKind::NoSuchData,
            };
            let ttl = chain.ttl.min(negative_ttl(&answer));
            return Ok(Lookup::Absent(Absence { kind, ttl, aliases: chain.aliases, security }));
        }
    }
}

/// Are all of these on this machine?
pub(crate) fn are_local(resolvers: &[SocketAddr]) -> bool {
    resolvers.iter().all(|address| address.ip().to_canonical().is_loopback())
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-2.1.3
//# if at
//# any stage of recursive expansion an "insecure" CNAME record is
//# encountered, then it and all subsequent results (in particular, the
//# final result) MUST be considered "insecure", regardless of whether or
//# not any earlier CNAME records leading to the "insecure" record were
//# "secure".
fn weaker(one: Security, other: Security) -> Security {
    match (one, other) {
        (Security::Secure, other) => other,
        (Security::Indeterminate, _) | (_, Security::Indeterminate) => Security::Indeterminate,
        (Security::Insecure, _) => Security::Insecure,
    }
}

fn has_authority(answer: &Message, kind: RecordType) -> bool {
    answer.authorities.iter().any(|record| record.record_type() == kind)
}

/// How long a denial may be kept; the cache has lowered the TTL of its SOA record to what it says of
/// denials. Nothing is kept that comes without one (RFC 2308 §5).
fn negative_ttl(answer: &Message) -> u32 {
    let starts = answer.authorities.iter().filter(|record| record.record_type() == RecordType::SOA);
    starts.map(|record| record.ttl).min().unwrap_or(0)
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
