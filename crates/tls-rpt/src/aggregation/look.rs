//! What MX hosts show when a sender looks at them, and what that says of the sessions around.

use std::{collections::BTreeSet, fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use mail_domain::DomainName;

use crate::{ResultType, SeenPolicy, SessionFailure};

/// Looks further apart than this say nothing of the time between them.
const REACH: SignedDuration = SignedDuration::from_hours(12);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What an MX host showed that was tried against the MTA-STS policy of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostProbe {
    /// The host.
    pub host: DomainName,
    /// Whether it complied.
    pub result: ProbeResult,
}

/// Whether an MX host complied with a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProbeResult {
    /// It did, on each of its addresses that answered.
    Passes,
    /// It did not.
    Fails(SessionFailure),
    /// It could not be told.
    Unknown,
}

/// All MX hosts of a domain, looked at together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// When.
    pub at: Timestamp,
    /// The policy in mode testing that held then.
    pub policy: SeenPolicy,
    /// What they showed; one that differs from address to address is there more than once.
    pub hosts: Vec<HostProbe>,
}

/// How many sessions there were in each hour of a day of UTC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HourlySessions([u64; Self::HOURS]);

/// What the sessions of an hour would have come to under a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement<'l> {
    Complied(&'l SeenPolicy),
    Failed(&'l SeenPolicy, SessionFailure),
}

impl ProbeResult {
    /// As it is stored.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Passes => "passes",
            Self::Fails(_) => "fails",
            Self::Unknown => "unknown",
        }
    }

    /// From what was stored, and the failure beside it; `None` from anything else.
    pub fn of(text: &str, failure: Option<SessionFailure>) -> Option<Self> {
        match (text, failure) {
            ("passes", None) => Some(Self::Passes),
            ("fails", Some(failure)) => Some(Self::Fails(failure)),
            ("unknown", None) => Some(Self::Unknown),
            _ => None,
        }
    }
}

impl Look {
    /// The hosts that did not comply, and how.
    pub fn failures(&self) -> impl Iterator<Item = &SessionFailure> {
        self.hosts.iter().filter_map(|probe| match &probe.result {
            ProbeResult::Fails(failure) => Some(failure),
            ProbeResult::Passes | ProbeResult::Unknown => None,
        })
    }

    fn all_pass(&self) -> bool {
        self.hosts.iter().all(|probe| probe.result == ProbeResult::Passes)
    }

    fn all_fail(&self) -> bool {
        self.failures().count() == self.hosts.len()
    }
}

impl HourlySessions {
    /// The hours of a day of UTC.
    pub const HOURS: usize = 24;

    /// Adds sessions of the hour in which a moment lies, in seconds since 1970.
    pub fn add(&mut self, at: i64, sessions: u64) {
        let hour = at.div_euclid(HOUR.as_secs()).rem_euclid(24);
        if let Some(count) = usize::try_from(hour).ok().and_then(|hour| self.0.get_mut(hour)) {
            *count = count.saturating_add(sessions);
        }
    }

    /// Adds those of another counter.
    pub fn add_all(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum = sum.saturating_add(more);
        }
    }

    /// Each hour, from midnight on.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }
}

/// As it is stored: `9:12 10:3` are 12 sessions from nine to ten o'clock, and 3 after that.
impl fmt::Display for HourlySessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = self.0.iter().enumerate().filter(|(_, sessions)| **sessions > 0);
        for (number, (hour, sessions)) in hours.enumerate() {
            let blank = if number > 0 { " " } else { "" };
            write!(f, "{blank}{hour}:{sessions}")?;
        }
        Ok(())
    }
}

/// It is no text of hours and sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("read how many sessions each hour had")]
pub struct HourlySessionsError;

impl FromStr for HourlySessions {
    type Err = HourlySessionsError;

    fn from_str(text: &str) -> Result<Self, HourlySessionsError> {
        let mut hours = Self::default();
        for word in text.split_ascii_whitespace() {
            let read = || {
                let (hour, sessions) = word.split_once(':')?;
                Some((hour.parse::<usize>().ok()?, sessions.parse().ok()?))
            };
            let (hour, sessions) = read().ok_or(HourlySessionsError)?;
            *hours.0.get_mut(hour).ok_or(HourlySessionsError)? = sessions;
        }
        Ok(hours)
    }
}

/// What the looks at a domain, in the order of time, say of the sessions of an hour: nothing, unless
/// one lies within it, or there is one on each side not too far apart; and nothing where those that
/// are nearest do not all show the same under one policy.
pub(super) fn judge_hour(looks: &[Look], begin: Timestamp) -> Option<Judgement<'_>> {
    let end = begin.checked_add(HOUR).ok()?;
    let first = looks.partition_point(|look| look.at < begin);
    let after = looks.partition_point(|look| look.at < end);
    let within = looks.get(first..after)?;
    let before = first.checked_sub(1).and_then(|place| looks.get(place));
    let before = before.filter(|look| begin.duration_since(look.at) <= REACH);
    let next = looks.get(after).filter(|look| look.at.duration_since(end) <= REACH);
    if within.is_empty() && next?.at.duration_since(before?.at) > REACH {
        return None;
    }
    let around = || before.into_iter().chain(within).chain(next);
    let policy = &around().next()?.policy;
    if around().any(|look| look.policy != *policy || look.hosts.is_empty()) {
        return None;
    }
    if around().all(Look::all_pass) {
        return Some(Judgement::Complied(policy));
    }
    if around().all(Look::all_fail) {
        let failures = around().flat_map(Look::failures).collect();
        return Some(Judgement::Failed(policy, common(&failures)));
    }
    None
}

/// What is said of sessions each of which failed in one of these ways, where nobody knows in which.
fn common(failures: &BTreeSet<&SessionFailure>) -> SessionFailure {
    let types: BTreeSet<_> = failures.iter().map(|failure| &failure.result_type).collect();
    match (failures.first(), types.len()) {
        (Some(only), _) if failures.len() == 1 => (*only).clone(),
        (Some(first), 1) => SessionFailure::new(first.result_type.clone()),
        _ => SessionFailure {
            failure_reason_code: Some("mta-sts-testing-policy-not-met".to_owned()),
            ..SessionFailure::new(ResultType::ValidationFailure)
        },
    }
}
