//! Groups that may be of the same sessions.
//!
//! A report may count a session under each policy that was applied to it, and tell of two faults of
//! one session in two details. What groups say is then not to be added up.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use mail_domain::DomainName;
use sealpost_evidence::traffic::{Bounds, FailureGroup, Reporter};

/// How many sessions failed in these groups.
///
/// Those of one reporter may be of the same sessions: at least as many failed as its greatest group
/// has, and at most as many as all of them. Sessions of two reporters are never the same.
pub fn sessions_of<'a>(groups: impl IntoIterator<Item = &'a FailureGroup>) -> Bounds {
    let mut reporters: BTreeMap<&Reporter, Bounds> = BTreeMap::new();
    for group in groups {
        let known = reporters.entry(&group.reporter).or_default();
        known.lower = known.lower.max(group.sessions);
        known.upper = known.upper.saturating_add(group.sessions);
    }
    reporters.into_values().fold(Bounds::default(), Bounds::plus)
}

/// The groups, those together that are alike in all but the policy that was applied: by their places
/// in the argument, each where the first of them stands.
pub fn under_any_policy(groups: &[FailureGroup]) -> Vec<Vec<usize>> {
    let mut numbers: HashMap<Particulars<'_>, usize> = HashMap::new();
    let mut found: Vec<Vec<usize>> = Vec::new();
    for (place, group) in groups.iter().enumerate() {
        let number = *numbers.entry(Particulars::of(group)).or_insert(found.len());
        match found.get_mut(number) {
            Some(alike) => alike.push(place),
            None => found.push(vec![place]),
        }
    }
    found
}

/// What was reported of sessions, but for the policy.
#[derive(PartialEq, Eq, Hash)]
struct Particulars<'a> {
    domain: Option<&'a DomainName>,
    signer: &'a str,
    organisation: &'a str,
    result_type: &'a str,
    mx_host: Option<&'a str>,
    receiving_ip: Option<IpAddr>,
    sending_ip: Option<IpAddr>,
    reason: Option<&'a str>,
}

impl<'a> Particulars<'a> {
    fn of(group: &'a FailureGroup) -> Self {
        Self {
            domain: group.domain.as_ref(),
            signer: &group.reporter.signer,
            organisation: &group.reporter.organisation,
            result_type: &group.result_type,
            mx_host: group.mx_host.as_deref(),
            receiving_ip: group.receiving_ip,
            sending_ip: group.sending_ip,
            reason: group.reason.as_deref(),
        }
    }
}
