//! What would be answered about a domain of which nothing is known yet, and why.

use std::fmt;

use mail_domain::DomainName;
use mta_sts::{Mode, cache::RecordLookup};
use sealpost_evidence::{Lookup, LookupFault};
use sealpost_net::Network;
use sealpost_wire::{
    postfix::{MapName, Reason, Table},
    socketmap::write_reply,
};
use serde::Serialize;

use crate::{answerer::reply, enforcer::learnt};

/// What was found out about a domain, what follows from it, and the reply to every map.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The policy domain.
    pub domain: String,
    /// What a sender does.
    pub decision: Decision,
    /// Why, as a sentence.
    pub because: String,
    /// The STS record.
    pub record: RecordSeen,
    /// The policy; `None` if there is no record that leads to it.
    pub policy: Option<PolicySeen>,
    /// The hosts that receive mail, each with the pattern that allows it; `None` if they are not
    /// known.
    pub mx_hosts: Option<Vec<MxHostSeen>>,
    /// The reply to each map, word for word.
    pub replies: Vec<ReplySeen>,
}

/// What a sender does about MTA-STS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It delivers over verified TLS to hosts that the policy allows, or not at all.
    Enforce,
    /// It delivers as by itself. A policy in mode testing is there to be reported on.
    Testing,
    /// It delivers as by itself. A policy in mode none says that it should.
    Off,
    /// It delivers as by itself: there is no usable policy.
    NoPolicy,
    /// It delivers as by itself, unless it has cached a policy: it could not be told.
    Unknown,
}

/// The STS record, as the look-up found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum RecordSeen {
    /// It is valid.
    Found {
        /// Its id.
        id: String,
        /// How long it may be kept, in seconds.
        ttl: u64,
    },
    /// There is none.
    Absent,
    /// There are several, or it is invalid.
    Unusable,
    /// It could not be told.
    Unknown {
        /// Why.
        fault: String,
    },
}

/// The policy, as the fetch found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum PolicySeen {
    /// It can be used.
    Fetched {
        /// Its mode.
        mode: String,
        /// For how long it is kept, in seconds.
        max_age: u32,
        /// Its patterns.
        mx: Vec<String>,
    },
    /// It cannot be fetched, or not be used.
    Failed {
        /// Why.
        fault: String,
        /// The result type of RFC 8460 §4.3.
        result_type: &'static str,
    },
}

/// A host that receives mail for the domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MxHostSeen {
    /// Its name.
    pub name: String,
    /// The pattern of the policy that allows it.
    pub allowed_by: Option<String>,
}

/// The reply to one map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplySeen {
    /// The name of the map.
    pub map: &'static str,
    /// The reply, as the mail server reads it.
    pub reply: String,
}

impl Explanation {
    /// Looks up and fetches what there is, with nothing cached, and says what follows.
    pub async fn of(domain: &DomainName, network: &Network) -> Self {
        let (lookup, hosts) = tokio::join!(network.sts_records(domain), network.mx_hosts(domain));
        let record = RecordSeen::new(lookup);
        let fetched = match &record {
            RecordSeen::Found { .. } => Some(network.sts_policy(domain).await),
            RecordSeen::Absent | RecordSeen::Unusable | RecordSeen::Unknown { .. } => None,
        };
        let (decision, because) = decide(&record, fetched.as_ref());
        let policy = fetched.as_ref().and_then(|fetched| fetched.as_ref().ok());
        let policy = policy.map(mta_sts::cache::FetchedPolicy::policy);
        let covering = |host: &DomainName| {
            let allowed_by = policy.and_then(|policy| policy.covers(host)).map(ToString::to_string);
            MxHostSeen { name: host.to_string(), allowed_by }
        };
        Self {
            domain: domain.to_string(),
            decision,
            because,
            replies: replies(domain, policy, &hosts),
            mx_hosts: hosts.ok().map(|hosts| hosts.iter().map(covering).collect()),
            record,
            policy: fetched.map(|fetched| match fetched {
                Ok(fetched) => PolicySeen::Fetched {
                    mode: fetched.policy().mode().to_string(),
                    max_age: fetched.policy().max_age().as_secs(),
                    mx: fetched.policy().mx().iter().map(ToString::to_string).collect(),
                },
                Err(error) => PolicySeen::Failed {
                    fault: error.to_string(),
                    result_type: error.failure().result_type(),
                },
            }),
        }
    }
}

impl RecordSeen {
    fn new(lookup: Lookup<Vec<sealpost_evidence::TextRecord>>) -> Self {
        let fault = lookup.fault().map(|fault| fault.text.clone()).unwrap_or_default();
        match learnt(lookup) {
            RecordLookup::Found { id, ttl } => {
                Self::Found { id: id.to_string(), ttl: ttl.as_secs() }
            }
            RecordLookup::Absent { .. } => Self::Absent,
            RecordLookup::Unusable { .. } => Self::Unusable,
            RecordLookup::Unknown => Self::Unknown { fault },
        }
    }
}

type Fetched = Result<mta_sts::cache::FetchedPolicy, sealpost_net::PolicyFetchError>;

fn decide(record: &RecordSeen, fetched: Option<&Fetched>) -> (Decision, String) {
    let without = "mail goes out as without MTA-STS";
    match (record, fetched) {
        (RecordSeen::Absent, _) => {
            (Decision::NoPolicy, format!("the domain has no STS record: {without}"))
        }
        (RecordSeen::Unusable, _) => (
            Decision::NoPolicy,
            format!("the domain has several STS records, or an invalid one: {without}"),
        ),
        (RecordSeen::Found { .. }, Some(Ok(policy))) => match policy.policy().mode() {
            Mode::Enforce => (
                Decision::Enforce,
                "the policy is in mode enforce: mail goes over verified TLS to hosts that it \
                 allows, or waits"
                    .to_owned(),
            ),
            Mode::Testing => {
                (Decision::Testing, format!("the policy is in mode testing: {without}"))
            }
            Mode::None => (Decision::Off, format!("the policy is in mode none: {without}")),
        },
        (RecordSeen::Found { .. }, Some(Err(error))) => {
            (Decision::NoPolicy, format!("failed to {error}: {without}, unless a policy is cached"))
        }
        (RecordSeen::Found { .. }, None) | (RecordSeen::Unknown { .. }, _) => (
            Decision::Unknown,
            format!("the STS record could not be looked up: {without}, unless a policy is cached"),
        ),
    }
}

fn replies(
    domain: &DomainName,
    policy: Option<&mta_sts::Policy>,
    hosts: &Result<Vec<DomainName>, LookupFault>,
) -> Vec<ReplySeen> {
    let unknown = Reason::new(&format!("the MX hosts of {domain} are not known"));
    let hosts = hosts.as_deref().map_err(|_| &unknown);
    let say = |map: MapName| {
        let answer = match policy {
            Some(policy) => reply(domain, policy, hosts, map.profile(), Table::Socketmap),
            None => sealpost_wire::postfix::Reply::NotFound,
        };
        let mut octets = Vec::new();
        write_reply(&answer, &mut octets);
        ReplySeen { map: map.as_str(), reply: payload(&octets) }
    };
    MapName::ALL.into_iter().map(say).collect()
}

/// What is in a netstring of our own.
fn payload(netstring: &[u8]) -> String {
    let text = String::from_utf8_lossy(netstring);
    let inner = text.split_once(':').map_or("", |(_, rest)| rest);
    inner.strip_suffix(',').unwrap_or(inner).trim_end().to_owned()
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.domain, self.because)?;
        writeln!(f)?;
        match &self.record {
            RecordSeen::Found { id, ttl } => writeln!(f, "  record   id {id}, kept {ttl} s")?,
            RecordSeen::Absent => writeln!(f, "  record   none")?,
            RecordSeen::Unusable => writeln!(f, "  record   unusable")?,
            RecordSeen::Unknown { fault } => writeln!(f, "  record   not known: {fault}")?,
        }
        match &self.policy {
            None => writeln!(f, "  policy   not asked for")?,
            Some(PolicySeen::Fetched { mode, max_age, mx }) => {
                let mx = mx.join(" ");
                writeln!(f, "  policy   mode {mode}, max_age {max_age}, mx {mx}")?;
            }
            Some(PolicySeen::Failed { fault, result_type }) => {
                writeln!(f, "  policy   failed to {fault} ({result_type})")?;
            }
        }
        match &self.mx_hosts {
            None => writeln!(f, "  hosts    not known")?,
            Some(hosts) if hosts.is_empty() => writeln!(f, "  hosts    none: it takes no mail")?,
            Some(hosts) => {
                for MxHostSeen { name, allowed_by } in hosts {
                    match (&self.policy, allowed_by) {
                        (Some(PolicySeen::Fetched { .. }), Some(pattern)) => {
                            writeln!(f, "  host     {name}, allowed by {pattern}")?;
                        }
                        (Some(PolicySeen::Fetched { mx, .. }), None) if !mx.is_empty() => {
                            writeln!(f, "  host     {name}, NOT allowed by the policy")?;
                        }
                        _ => writeln!(f, "  host     {name}")?,
                    }
                }
            }
        }
        writeln!(f)?;
        for ReplySeen { map, reply } in &self.replies {
            writeln!(f, "  {map:15} {reply}")?;
        }
        Ok(())
    }
}
