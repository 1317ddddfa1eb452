//! The parts of an explanation.

use jiff::Timestamp;
use mail_domain::DomainName;
use mta_sts::{
    Policy,
    cache::{Entry, FetchedPolicy, Now, RecordLookup, RecordState},
};
use sealpost_evidence::{Lookup, TextRecord};
use sealpost_net::PolicyFetchError;
use sealpost_rules::matrix::{Holding, MxSecurity, TlsaState};
use sealpost_store::Remembered;
use serde::Serialize;

use crate::{Dane, Decided, enforcer::learnt};

/// The STS record, as the last look-up found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum RecordSeen {
    /// It was not looked up.
    NotLookedUp,
    /// It is valid.
    Found {
        /// Its id.
        id: String,
        /// How long it may be kept, in seconds, or how long it is still kept.
        ttl: u64,
    },
    /// There is none.
    Absent,
    /// There are several, or it is invalid.
    Unusable,
    /// It could not be told.
    Unknown {
        /// Why, as far as that is still known.
        fault: String,
    },
}

/// The policy, as a fetch found it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum PolicySeen {
    /// It can be used: status 200, under a certificate that holds.
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
        /// Why, for each address of the policy host: status, certificate, or what else.
        fault: String,
        /// The result type of RFC 8460 §4.3.
        result_type: &'static str,
    },
}

/// What is kept of a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HeldSeen {
    /// The mode of the policy that holds.
    pub mode: Option<String>,
    /// The id under which it was fetched.
    pub id: Option<String>,
    /// Its patterns.
    pub mx: Vec<String>,
    /// When it was fetched.
    pub fetched: Option<Timestamp>,
    /// When it expires.
    pub expires: Option<Timestamp>,
    /// When it is fetched again at the latest.
    pub next_refresh: Option<Timestamp>,
    /// How many fetches have failed since.
    pub failures: u32,
    /// The result type of the last failure.
    pub failure: Option<String>,
    /// When the last one failed.
    pub failed: Option<Timestamp>,
}

/// What DANE says of the next hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum DaneSeen {
    /// It was not asked.
    NotAsked,
    /// It could not be found out in time.
    Pending,
    /// This.
    Seen {
        /// Whether the way from the domain to its hosts is signed: `secure`, `insecure`, `failed`.
        mx: &'static str,
        /// The TLSA records of all hosts in sum.
        tlsa: &'static str,
        /// For how many seconds that is relied on.
        ttl: u64,
    },
}

/// A host that receives mail for the domain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HostSeen {
    /// Its name.
    pub name: String,
    /// The pattern of the policy that allows it; `None` if none does, or there is no policy.
    pub allowed_by: Option<String>,
    /// Its TLSA records: `usable`, `unusable`, `none`, `failed`; `None` if they were not asked for.
    pub tlsa: Option<&'static str>,
}

/// The reply to one map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReplySeen {
    /// The name of the map.
    pub map: &'static str,
    /// The reply, as the mail server reads it.
    pub reply: String,
}

impl RecordSeen {
    pub(super) fn of_lookup(lookup: Lookup<Vec<TextRecord>>) -> Self {
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

    /// What an entry knows of it.
    pub(crate) fn of_entry(entry: &Entry, now: Now) -> Self {
        let (state, fresh_until) = entry.record_state();
        match state {
            RecordState::NotLookedUp => Self::NotLookedUp,
            RecordState::Found(id) => Self::Found {
                id: id.to_string(),
                ttl: fresh_until.saturating_sub(now.monotonic).as_secs(),
            },
            RecordState::Absent => Self::Absent,
            RecordState::Unusable => Self::Unusable,
            RecordState::Unknown => Self::Unknown { fault: String::new() },
        }
    }
}

impl PolicySeen {
    pub(super) fn new(fetched: &Result<FetchedPolicy, PolicyFetchError>) -> Self {
        match fetched {
            Ok(fetched) => Self::Fetched {
                mode: fetched.mode().to_string(),
                max_age: fetched.max_age().as_secs(),
                mx: patterns(&fetched.policy()),
            },
            Err(error) => Self::Failed {
                fault: error.to_string(),
                result_type: error.failure().result_type(),
            },
        }
    }
}

impl HeldSeen {
    /// What an entry holds; `None` if nothing.
    pub(crate) fn of_entry(entry: &Entry, now: Now) -> Option<Self> {
        let held = match entry.verdict(now) {
            mta_sts::cache::Verdict::Apply(held) => Some(held),
            mta_sts::cache::Verdict::NoPolicy(_) | mta_sts::cache::Verdict::Pending => None,
        };
        let backoff = entry.backoff();
        if held.is_none() && backoff.is_none() {
            return None;
        }
        let at = |monotonic: std::time::Duration| {
            let ahead = monotonic.saturating_sub(now.monotonic).as_secs();
            timestamp(now.wall.saturating_add(i64::try_from(ahead).unwrap_or(i64::MAX)))
        };
        Some(Self {
            mode: held.map(|held| held.mode().to_string()),
            id: held.map(|held| held.id().to_string()),
            mx: held.map(|held| patterns(&held.policy())).unwrap_or_default(),
            fetched: held.and_then(|held| timestamp(held.fetched_at())),
            expires: held.and_then(|held| at(held.expires())),
            next_refresh: held.and_then(|held| at(held.refresh_at())),
            failures: backoff.map_or(0, mta_sts::cache::Backoff::failures),
            failure: backoff.map(|backoff| backoff.failure().result_type().to_owned()),
            failed: backoff.and_then(|backoff| timestamp(backoff.failed_at())),
        })
    }

    /// What the store has kept. The next refresh is the latest moment; which one is drawn when the
    /// policy is loaded.
    pub(super) fn of_store(stored: &Remembered, policy: Option<&Policy>) -> Self {
        let fetched_at = stored.policy.as_ref().map(|policy| policy.fetched_at);
        let after = |seconds: u64| {
            let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
            fetched_at.and_then(|at| timestamp(at.saturating_add(seconds)))
        };
        let life = policy.map_or(0, |policy| u64::from(policy.max_age().as_secs()));
        let backoff = stored.backoff.as_ref();
        Self {
            mode: policy.map(|policy| policy.mode().to_string()),
            id: stored.policy.as_ref().map(|policy| policy.id.to_string()),
            mx: policy.map(patterns).unwrap_or_default(),
            fetched: fetched_at.and_then(timestamp),
            expires: after(life),
            next_refresh: after((life / 2).min(mta_sts::cache::LONGEST_REFRESH.as_secs())),
            failures: backoff.map_or(0, |backoff| backoff.failures),
            failure: backoff.map(|backoff| backoff.failure.clone()),
            failed: backoff.and_then(|backoff| timestamp(backoff.failed_at)),
        }
    }
}

impl DaneSeen {
    pub(super) fn new(dane: &Dane) -> Self {
        match dane {
            Dane::NotAsked => Self::NotAsked,
            Dane::Pending => Self::Pending,
            Dane::Seen(route) => Self::Seen {
                mx: match route.mx {
                    MxSecurity::Secure => "secure",
                    MxSecurity::Insecure => "insecure",
                    MxSecurity::Failed => "failed",
                },
                tlsa: match route.tlsa {
                    TlsaState::AllUsable => "all hosts have usable records",
                    TlsaState::SomeUsable => "some hosts have usable records",
                    TlsaState::OnlyUnusable => "the records are not usable",
                    TlsaState::None => "no host has records",
                    TlsaState::FailedSomeUsable => {
                        "some hosts have usable records, a look-up failed"
                    }
                    TlsaState::FailedNoneUsable => "a look-up failed, no host has usable records",
                    TlsaState::FailedAll => "every look-up failed",
                },
                ttl: route.life.as_secs(),
            },
        }
    }
}

impl HostSeen {
    pub(super) fn new(name: &DomainName, decided: &Decided) -> Self {
        let allowed_by = decided.policy().and_then(|policy| policy.covers(name));
        let holding = match &decided.dane {
            Dane::Seen(route) => {
                route.hosts.iter().find(|(host, _)| host == name).map(|(_, holding)| *holding)
            }
            Dane::NotAsked | Dane::Pending => None,
        };
        Self {
            name: name.to_string(),
            allowed_by: allowed_by.map(ToString::to_string),
            tlsa: holding.map(|holding| match holding {
                Holding::Usable => "usable",
                Holding::Unusable => "unusable",
                Holding::Nothing => "none",
                Holding::Failed => "failed",
            }),
        }
    }
}

fn patterns(policy: &Policy) -> Vec<String> {
    policy.mx().iter().map(ToString::to_string).collect()
}

fn timestamp(seconds: i64) -> Option<Timestamp> {
    Timestamp::from_second(seconds).ok()
}
