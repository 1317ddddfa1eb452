//! The policies that a report names, and the mail hosts that they do not cover.

use std::collections::HashSet;

use mail_domain::DomainName;
use mta_sts::{Mode, MxPattern, Policy, PolicyReading};
use tls_rpt::{AppliedPolicy, PolicyReport, PolicyType};

use super::model::{PolicyShown, UncoveredShown};

/// A policy with more patterns is not compared with hosts. Real ones have a handful.
const MOST_PATTERNS: usize = 1_000;

pub(super) fn policy(entry: &PolicyReport) -> PolicyShown {
    let policy = &entry.policy;
    let reading = reading(policy);
    PolicyShown {
        policy_type: policy.policy_type.as_ref().map(ToString::to_string),
        successful: entry.summary.successful.map(u64::from),
        failed: entry.summary.failed.map(u64::from),
        mode: reading.as_ref().and_then(|r| r.mode).map(|(mode, _)| mode.to_string()),
        mx: match &reading {
            Some(reading) if !reading.mx.is_empty() => {
                reading.mx.iter().map(|(pattern, _)| pattern.to_string()).collect()
            }
            _ => policy.mx_host.clone(),
        },
        max_age: reading.as_ref().and_then(|r| r.max_age).map(|(max_age, _)| max_age.as_secs()),
        defect: reading.and_then(|r| r.policy().err()).map(|error| error.to_string()),
        text: policy.policy_string.clone(),
    }
}

/// The text of an MTA-STS policy, as far as it was reported.
fn reading(policy: &AppliedPolicy) -> Option<PolicyReading> {
    let is_sts = policy.policy_type == Some(PolicyType::Sts);
    (is_sts && !policy.policy_string.is_empty())
        .then(|| Policy::read(policy.policy_string.join("\n").as_bytes()))
}

/// The MX hosts that failed under an MTA-STS policy, and that no pattern of it covers.
pub(super) fn uncovered<'r>(
    entries: impl Iterator<Item = &'r PolicyReport>,
) -> Vec<UncoveredShown> {
    let mut seen: HashSet<&DomainName> = HashSet::new();
    let mut all = Vec::new();
    for entry in entries.filter(|entry| entry.policy.policy_type == Some(PolicyType::Sts)) {
        let Some(patterns) = patterns(&entry.policy) else { continue };
        let named = entry.failure_details.iter().filter_map(|detail| {
            detail.receiving_mx_hostname.as_ref().and_then(tls_rpt::Parsed::valid)
        });
        let hosts: Vec<&DomainName> = named
            .filter(|host| !patterns.iter().any(|pattern| pattern.matches(host)))
            .filter(|host| seen.insert(host))
            .collect();
        if hosts.is_empty() {
            continue;
        }
        // The wildcard that was most likely meant to cover one of them is the most specific one.
        let near = patterns
            .iter()
            .filter(|pattern| pattern.is_wildcard())
            .filter(|pattern| hosts.iter().any(|host| is_below_or_same(host, pattern.base())))
            .max_by_key(|pattern| pattern.base().labels().count());
        all.push(UncoveredShown {
            hosts: hosts.iter().map(ToString::to_string).collect(),
            patterns: patterns.iter().map(ToString::to_string).collect(),
            near: near.map(ToString::to_string),
        });
    }
    all
}

fn is_below_or_same(host: &DomainName, base: &DomainName) -> bool {
    host == base || host.is_subdomain_of(base)
}

/// The patterns of a policy, if it demands any and all of them were understood: what is not known
/// whole does not prove that a host is missing in it.
fn patterns(policy: &AppliedPolicy) -> Option<Vec<MxPattern>> {
    let reading = reading(policy);
    let is_off = reading.as_ref().and_then(|r| r.mode).is_some_and(|(mode, _)| mode == Mode::None);
    let patterns: Vec<MxPattern> = match reading {
        Some(reading) if !reading.mx.is_empty() => {
            reading.mx.into_iter().map(|(pattern, _)| pattern).collect()
        }
        _ => {
            let parsed = policy.mx_host.iter().map(|text| MxPattern::parse(text).ok());
            parsed.collect::<Option<_>>()?
        }
    };
    (!is_off && (1..=MOST_PATTERNS).contains(&patterns.len())).then_some(patterns)
}
