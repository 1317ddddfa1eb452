//! What is live, read out of a look at the domain.

use std::net::IpAddr;
use std::time::Duration;

use mail_domain::DomainName;
use mta_sts::{Policy, PolicyId, Record, Selection, select_record};
use sealpost_evidence::{Evidence, Lookup, LookupFault, MxSource, Octets, TextRecord};
use sealpost_rules::usable_policy;
use tls_rpt::ReportUri;

/// Two looks are no further apart, where nothing is amiss.
const FURTHEST: Duration = Duration::from_secs(4_000);

/// What one look saw live. Of each thing it is known, or it is not.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) host: HostSeen,
    /// The same by address, for people.
    pub(super) addresses: Vec<AddressSeen>,
    pub(super) id: IdSeen,
    pub(super) rua: RuaSeen,
    /// The MX hosts with the TTL of their records; `None` if they are not known.
    pub(super) mail_hosts: Option<(Vec<DomainName>, Ttl)>,
}

/// For how long a record may be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ttl {
    /// As the servers of its zone have it.
    Published(Duration),
    /// So much is left of it in the cache of a resolver, or it is all of it.
    Left {
        /// So much.
        left: Duration,
        /// Why no server of the zone said more.
        why: String,
    },
}

/// What the policy host serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum HostSeen {
    /// It could not be told of every address.
    Unknown {
        /// Why, in a few words.
        why: String,
        /// Bodies that some address serves.
        some: Vec<Vec<u8>>,
    },
    /// Nothing, on any address, or there is none.
    Nothing,
    /// These bodies, each once; on some addresses perhaps none.
    Bodies {
        /// As they came.
        bodies: Vec<Vec<u8>>,
        /// Does every address serve one?
        everywhere: bool,
    },
}

/// What one address of the policy host serves.
#[derive(Clone, Debug)]
pub(super) struct AddressSeen {
    pub(super) address: IpAddr,
    pub(super) serves: Served,
}

#[derive(Clone, Debug)]
pub(super) enum Served {
    /// A policy.
    Policy(Policy),
    /// What senders cannot use.
    Unusable,
    /// Nothing came, for this reason.
    Nothing(String),
}

/// The STS record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IdSeen {
    /// It could not be told.
    Unknown(String),
    /// There is none that a sender could use.
    Nothing,
    /// With this id.
    Id(PolicyId, Ttl),
}

/// The TLS-RPT record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RuaSeen {
    /// It could not be told.
    Unknown(String),
    /// There is none that a sender could use.
    Nothing,
    /// Reports go there.
    To(Vec<ReportUri>),
}

impl Seen {
    pub(super) fn of(evidence: &Evidence) -> Self {
        Self {
            host: host(evidence),
            addresses: addresses(evidence),
            id: id(evidence.sts_records.as_ref()),
            rua: rua(evidence.tls_rpt_records.as_ref()),
            mail_hosts: mail_hosts(evidence),
        }
    }
}

impl Seen {
    /// Where this policy is not served, and what is found there instead; empty if it cannot be told.
    pub(super) fn where_missing(&self, wanted: &Policy) -> String {
        let missing = self.addresses.iter().filter_map(|AddressSeen { address, serves }| {
            let found = match serves {
                Served::Policy(policy) if same(policy, wanted) => return None,
                Served::Policy(_) => "another policy",
                Served::Unusable => "no policy that senders can use",
                Served::Nothing(why) => why,
            };
            Some(format!("{address} ({found})"))
        });
        let missing: Vec<String> = missing.collect();
        if missing.is_empty() { String::new() } else { format!(": not at {}", missing.join(", ")) }
    }
}

impl Ttl {
    fn left(seconds: u32) -> Self {
        let left = Duration::from_secs(seconds.into());
        Self::Left { left, why: "they were not asked".to_owned() }
    }

    /// What the servers of the zone say of it.
    pub(super) fn learn(&mut self, told: Result<Duration, LookupFault>) {
        match (&mut *self, told) {
            // What a resolver may keep for longer, for whatever reason, is kept for longer.
            (Self::Published(ttl) | Self::Left { left: ttl, .. }, Ok(told)) => {
                *self = Self::Published(told.max(*ttl));
            }
            (Self::Left { why, .. }, Err(fault)) => *why = fault.text,
            (Self::Published(_), Err(_)) => {}
        }
    }

    /// The longest for which the record may be kept, where records before it were kept for so long at
    /// the longest.
    pub(super) fn longest(&self, before: Option<Duration>) -> Duration {
        match self {
            Self::Published(ttl) => *ttl,
            // Looks are so far apart: whatever was asked for anew since the last one has lost no more.
            Self::Left { left, .. } => {
                left.saturating_add(FURTHEST).max(before.unwrap_or_default())
            }
        }
    }

    /// What people should know of it.
    pub(super) fn remark(&self) -> Option<String> {
        let Self::Left { why, .. } = self else { return None };
        Some(format!(
            "its TTL is what a resolver had left of it, and the time between two looks, at least: no \
             server of the zone could be asked: {why}"
        ))
    }
}

impl HostSeen {
    /// Do all addresses serve this policy and nothing else?
    pub(super) fn is_everywhere(&self, wanted: &Policy) -> bool {
        match self {
            Self::Bodies { bodies, everywhere: true } => bodies
                .iter()
                .all(|body| Policy::parse(body).is_ok_and(|found| same(&found, wanted))),
            _ => false,
        }
    }
}

/// Do two policies say the same? Their order means nothing.
pub(super) fn same(one: &Policy, other: &Policy) -> bool {
    let sorted = |policy: &Policy| {
        let mut patterns: Vec<String> = policy.mx().iter().map(ToString::to_string).collect();
        patterns.sort();
        patterns
    };
    (one.mode(), one.max_age()) == (other.mode(), other.max_age()) && sorted(one) == sorted(other)
}

fn host(evidence: &Evidence) -> HostSeen {
    let unknown = |why: &str| HostSeen::Unknown { why: why.to_owned(), some: Vec::new() };
    let Some(host) = &evidence.policy_host else { return unknown("it was not looked at") };
    if host.addresses.none_exist() {
        return HostSeen::Nothing;
    }
    let faults = [host.addresses.ipv4.fault(), host.addresses.ipv6.fault()];
    let mut why = faults.into_iter().flatten().next().map(|fault| fault.text.clone());
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    let mut everywhere = true;
    for fetch in &host.fetches {
        match (usable_policy(fetch), fetch.reply(), fetch.fault()) {
            (Some(_), Some(reply), _) => {
                let body = reply.body.as_slice();
                if !bodies.iter().any(|known| known == body) {
                    bodies.push(body.to_vec());
                }
            }
            // What senders cannot use is nothing to them.
            (_, Some(_), _) => everywhere = false,
            (_, None, Some(fault)) => {
                why.get_or_insert(format!("{}: {}", fetch.address, fault.text));
            }
            (_, None, None) => {}
        }
    }
    match why {
        Some(why) => HostSeen::Unknown { why, some: bodies },
        None if host.fetches.is_empty() => unknown("no address was asked"),
        None if bodies.is_empty() => HostSeen::Nothing,
        None => HostSeen::Bodies { bodies, everywhere },
    }
}

fn addresses(evidence: &Evidence) -> Vec<AddressSeen> {
    let fetches = evidence.policy_host.iter().flat_map(|host| &host.fetches);
    let seen = fetches.filter_map(|fetch| {
        let serves = match (usable_policy(fetch), fetch.fault()) {
            (Some(policy), _) => Served::Policy(policy),
            (None, _) if fetch.reply().is_some() => Served::Unusable,
            (None, fault) => Served::Nothing(fault?.text.clone()),
        };
        Some(AddressSeen { address: fetch.address, serves })
    });
    seen.collect()
}

/// The id that senders find in these records.
pub(crate) fn id(records: Option<&Lookup<Vec<TextRecord>>>) -> IdSeen {
    let found = match records {
        None => return IdSeen::Unknown("it was not looked at".to_owned()),
        Some(Lookup::Unknown(fault)) => return IdSeen::Unknown(fault.text.clone()),
        Some(Lookup::Absent(_)) => return IdSeen::Nothing,
        Some(Lookup::Found(found)) => found,
    };
    let texts: Vec<Octets> = found.value.iter().map(TextRecord::text).collect();
    let Selection::One(index) = select_record(texts.iter().map(Octets::as_slice)) else {
        return IdSeen::Nothing;
    };
    match texts.get(index).and_then(|text| Record::parse(text.as_slice()).ok()) {
        Some(record) => IdSeen::Id(record.id, Ttl::left(found.ttl)),
        None => IdSeen::Nothing,
    }
}

fn rua(records: Option<&Lookup<Vec<TextRecord>>>) -> RuaSeen {
    let found = match records {
        None => return RuaSeen::Unknown("it was not looked at".to_owned()),
        Some(Lookup::Unknown(fault)) => return RuaSeen::Unknown(fault.text.clone()),
        Some(Lookup::Absent(_)) => return RuaSeen::Nothing,
        Some(Lookup::Found(found)) => found,
    };
    let texts: Vec<Octets> = found.value.iter().map(TextRecord::text).collect();
    let selected = tls_rpt::select_record(texts.iter().map(Octets::as_slice));
    let tls_rpt::Selection::One(index) = selected else { return RuaSeen::Nothing };
    match texts.get(index).and_then(|text| tls_rpt::Record::parse(text.as_slice()).ok()) {
        Some(record) => RuaSeen::To(record.rua),
        None => RuaSeen::Nothing,
    }
}

fn mail_hosts(evidence: &Evidence) -> Option<(Vec<DomainName>, Ttl)> {
    let mail = evidence.mail_hosts.as_ref()?;
    match (mail.source, &mail.records) {
        (MxSource::Records, Lookup::Found(found)) => {
            let names = found.value.iter().map(|record| DomainName::parse(&record.exchange).ok());
            // A name that is none is nowhere mail could go.
            Some((names.flatten().collect(), Ttl::left(found.ttl)))
        }
        // It takes no mail, and says so (RFC 7505 §3).
        (MxSource::Null, Lookup::Found(found)) => Some((Vec::new(), Ttl::left(found.ttl))),
        (MxSource::Implicit, Lookup::Absent(absence)) => {
            Some((vec![evidence.domain.clone()], Ttl::left(absence.ttl)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(host: &str) -> Policy {
        let text = format!("version: STSv1\nmode: testing\nmx: {host}\nmax_age: 86400\n");
        Policy::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_address_that_does_not_serve_the_policy_is_named() {
        let wanted = policy("mx.a.test");
        let seen = |host: HostSeen, addresses: Vec<(&str, Served)>| Seen {
            host,
            addresses: addresses
                .into_iter()
                .map(|(address, serves)| AddressSeen { address: address.parse().unwrap(), serves })
                .collect(),
            id: IdSeen::Nothing,
            rua: RuaSeen::Nothing,
            mail_hosts: None,
        };
        let unknown = || HostSeen::Unknown { why: "no answer".to_owned(), some: Vec::new() };
        for (seen, expected) in [
            (seen(HostSeen::Nothing, vec![]), ""),
            (seen(unknown(), vec![]), ""),
            (seen(unknown(), vec![("192.0.2.1", Served::Policy(wanted.clone()))]), ""),
            (
                seen(
                    unknown(),
                    vec![
                        ("192.0.2.1", Served::Policy(wanted.clone())),
                        ("192.0.2.2", Served::Policy(policy("mx.b.test"))),
                        ("192.0.2.3", Served::Unusable),
                        ("2001:db8::4", Served::Nothing("connection refused".to_owned())),
                    ],
                ),
                ": not at 192.0.2.2 (another policy), 192.0.2.3 (no policy that senders can use), \
                 2001:db8::4 (connection refused)",
            ),
        ] {
            assert_eq!(seen.where_missing(&wanted), expected);
        }
    }
}
