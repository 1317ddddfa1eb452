//! Right numbers from one report.
//!
//! A report counts sessions by the policy that was applied. A reporter that applies DANE and MTA-STS
//! to one delivery may count it under both, and nothing in the report says which sessions are the
//! same (RFC 8460 section 4). So the numbers of `tlsa` and `sts` are never added up here: a number
//! is given with its bounds.
//!
//! # Limitations
//! - One report at a time. Whether two reports tell of the same sessions is the caller's to know, and
//!   so is whether a session carried a report itself.
//! - A session that fails under one policy and succeeds under the other counts as failed.

mod bounds;
mod days;

use std::cell::LazyCell;
use std::collections::HashMap;
use std::net::IpAddr;

use mail_domain::DomainName;

use crate::report::{FailureDetail, Parsed, PolicyReport, Report};
use crate::{PolicyType, ResultType};

pub use bounds::{Bounds, SessionBounds};
pub use days::{DayShare, Days};

use bounds::{Class, Classes};

/// The numbers that one report supports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally<'r> {
    /// By policy domain, in the order in which the report names them.
    pub domains: Vec<DomainTally<'r>>,
    /// The days of UTC that the report covers.
    pub days: Days,
}

/// The numbers of one policy domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainTally<'r> {
    /// The domain; `None` if no entry names one. [`Report::domain_hint`] may say which it is: entries
    /// that name none are of the domain that it gives, and counted with those that name that one.
    pub domain: Option<&'r Parsed<DomainName>>,
    /// The entries of [`Report::policies`] that this is about, by their index.
    pub entries: Vec<usize>,
    /// How many sessions there were.
    pub sessions: SessionBounds,
    /// The failures, those with the same particulars together, in the order of the report.
    ///
    /// They need not add up to the sessions that failed: a session can fail in several ways, and a
    /// reporter can leave some out.
    pub failures: Vec<FailureTally<'r>>,
    /// Whether the failure details of every entry add up to its total.
    pub details: DetailsSum,
    /// Whether every entry gives both totals. If not, the bounds hold for what it does give.
    pub is_complete: bool,
}

/// Failures of one policy domain that are alike in everything but the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailureTally<'r> {
    /// The first of them. Its count is not that of all: see [`sessions`](Self::sessions).
    pub failure: &'r FailureDetail,
    /// The policies under which they were counted, each once; the first
    /// [`FailureTally::MOST_POLICY_TYPES`].
    pub policy_types: Vec<Option<&'r PolicyType>>,
    /// How many sessions.
    pub sessions: Bounds,
}

impl FailureTally<'_> {
    /// The most policy types that are listed; three are defined.
    pub const MOST_POLICY_TYPES: usize = 16;
}

/// The sum of failure details beside the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DetailsSum {
    /// It is the total in every entry.
    AddsUp,
    /// In some entry it is less, in none more: some failures have no particulars.
    Below,
    /// In some entry it is more: sessions are counted several times, or counts are wrong.
    Above,
}

impl<'r> Tally<'r> {
    /// Counts a report.
    pub fn of(report: &'r Report) -> Self {
        Self::count(report, failures)
    }

    /// The same without [`DomainTally::failures`], which cost more than all the rest.
    pub fn without_failures(report: &'r Report) -> Self {
        Self::count(report, |_| Vec::new())
    }

    fn count(
        report: &'r Report,
        failures: impl Fn(&[(usize, &'r PolicyReport)]) -> Vec<FailureTally<'r>>,
    ) -> Self {
        // Few reports need it.
        let hint = LazyCell::new(|| report.domain_hint().map(Parsed::Valid));
        let mut numbers: HashMap<Option<&Parsed<DomainName>>, usize> = HashMap::new();
        let mut domains: Vec<DomainEntries<'r>> = Vec::new();
        for (index, entry) in report.policies.iter().enumerate() {
            let domain = entry.policy.policy_domain.as_ref();
            let number = *numbers.entry(domain.or_else(|| hint.as_ref())).or_insert(domains.len());
            if number == domains.len() {
                domains.push(DomainEntries { domain, entries: Vec::new() });
            }
            if let Some(of_domain) = domains.get_mut(number) {
                of_domain.domain = of_domain.domain.or(domain);
                of_domain.entries.push((index, entry));
            }
        }
        Self {
            domains: domains.into_iter().map(|domain| domain.tally(&failures)).collect(),
            days: Days::of(&report.date_range),
        }
    }
}

struct DomainEntries<'r> {
    domain: Option<&'r Parsed<DomainName>>,
    entries: Vec<(usize, &'r PolicyReport)>,
}

impl<'r> DomainEntries<'r> {
    fn tally(
        self,
        failures: impl Fn(&[(usize, &'r PolicyReport)]) -> Vec<FailureTally<'r>>,
    ) -> DomainTally<'r> {
        let mut successful = Classes::default();
        let mut failed = Classes::default();
        let mut details = DetailsSum::AddsUp;
        let mut is_complete = true;
        for (_, entry) in &self.entries {
            let class = Class::of(entry.policy.policy_type.as_ref());
            let summary = &entry.summary;
            is_complete &= summary.successful.is_some() && summary.failed.is_some();
            let success = summary.successful.map_or(0, u64::from);
            successful.add(class.clone(), Bounds::exactly(success));
            let (failure, fit) = failed_sessions(entry);
            failed.add(class, failure);
            details = details.max(fit);
        }
        DomainTally {
            domain: self.domain,
            sessions: SessionBounds::of(&successful, &failed),
            failures: failures(&self.entries),
            entries: self.entries.into_iter().map(|(index, _)| index).collect(),
            details,
            is_complete,
        }
    }
}

/// How many sessions of an entry failed, by its total and its details.
fn failed_sessions(entry: &PolicyReport) -> (Bounds, DetailsSum) {
    let counts =
        || entry.failure_details.iter().map(|d| d.failed_session_count.map_or(0, u64::from));
    let sum = counts().fold(0, u64::saturating_add);
    let greatest = counts().max().unwrap_or(0);
    let Some(total) = entry.summary.failed.map(u64::from) else {
        // The total is lost. As each detail is of sessions that failed, at least as many did as the
        // greatest says, and at most as many as all together.
        return (Bounds { lower: greatest, likely: sum, upper: sum }, DetailsSum::AddsUp);
    };
    let details = match sum.cmp(&total) {
        std::cmp::Ordering::Less => DetailsSum::Below,
        std::cmp::Ordering::Equal => DetailsSum::AddsUp,
        std::cmp::Ordering::Greater => DetailsSum::Above,
    };
    // One detail above the total contradicts it; either may be wrong.
    (Bounds { lower: total, likely: total, upper: total.max(greatest) }, details)
}

/// What makes two failures alike.
type Particulars<'r> = (
    Option<&'r ResultType>,
    Option<&'r Parsed<IpAddr>>,
    Option<&'r Parsed<IpAddr>>,
    Option<&'r Parsed<DomainName>>,
    Option<&'r str>,
    Option<&'r str>,
);

fn failures<'r>(entries: &[(usize, &'r PolicyReport)]) -> Vec<FailureTally<'r>> {
    struct Group<'r> {
        failure: &'r FailureDetail,
        policy_types: Vec<Option<&'r PolicyType>>,
        classes: Classes,
    }
    let mut numbers: HashMap<Particulars<'r>, usize> = HashMap::new();
    let mut groups: Vec<Group<'r>> = Vec::new();
    for (_, entry) in entries {
        let policy_type = entry.policy.policy_type.as_ref();
        for failure in &entry.failure_details {
            let number = *numbers.entry(particulars(failure)).or_insert(groups.len());
            if number == groups.len() {
                let classes = Classes::default();
                groups.push(Group { failure, policy_types: Vec::new(), classes });
            }
            let Some(group) = groups.get_mut(number) else { continue };
            let has_room = group.policy_types.len() < FailureTally::MOST_POLICY_TYPES;
            if has_room && !group.policy_types.contains(&policy_type) {
                group.policy_types.push(policy_type);
            }
            let count = failure.failed_session_count.map_or(0, u64::from);
            group.classes.add(Class::of(policy_type), Bounds::exactly(count));
        }
    }
    let tally = |group: Group<'r>| FailureTally {
        failure: group.failure,
        policy_types: group.policy_types,
        sessions: group.classes.together(),
    };
    groups.into_iter().map(tally).collect()
}

fn particulars(failure: &FailureDetail) -> Particulars<'_> {
    (
        failure.result_type.as_ref(),
        failure.sending_mta_ip.as_ref(),
        failure.receiving_ip.as_ref(),
        failure.receiving_mx_hostname.as_ref(),
        failure.receiving_mx_helo.as_deref(),
        failure.failure_reason_code.as_deref(),
    )
}
