//! What shows only when the whole report is known.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::Offset;

use super::place::Place;
use super::repair::RepairLog;
use super::{DateRange, FailureDetail, PolicyReport, RepairKind, Report};
use crate::PolicyType;

pub(super) fn review(report: &Report, log: &mut RepairLog) {
    let root = Place::ROOT;
    if let Some(kind) = report_id_fault(report) {
        log.add(kind, || root.key("report-id").pointer());
    }
    for kind in range_faults(&report.date_range) {
        log.add(kind, || root.key("date-range").pointer());
    }
    let policies = root.key("policies");
    for (index, entry) in report.policies.iter().enumerate() {
        let entry_place = policies.index(index);
        let place = |key: &str| entry_place.key(key).pointer();
        review_policy(entry, log, |key| entry_place.key("policy").key(key).pointer());
        if let Some(kind) = details_fault(entry) {
            log.add(kind, || place("failure-details"));
        }
    }
    review_overlaps(report, log);
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
//# "report-id": A unique identifier for the report.
fn report_id_fault(report: &Report) -> Option<RepairKind> {
    let id = report.report_id.as_deref()?;
    if id.ends_with(['+', '_', '@', '-']) {
        return Some(RepairKind::ReportIdOpen);
    }
    let date = id.get(..11)?;
    let is_date = date.bytes().enumerate().all(|(index, octet)| match index {
        4 | 7 => octet == b'-',
        10 => octet == b'T' || octet == b'_',
        _ => octet.is_ascii_digit(),
    });
    let is_shared = is_date && !id.contains('@') && report.domain_hint().is_some();
    is_shared.then_some(RepairKind::ReportIdNotUnique)
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.1
//# The report SHOULD cover a full day, from 00:00-24:00 UTC.
fn range_faults(range: &DateRange) -> Vec<RepairKind> {
    let (Some(start), Some(end)) = (range.start, range.end) else { return Vec::new() };
    if start == end {
        return vec![RepairKind::DateRangeEmpty];
    }
    let mut faults = Vec::new();
    let ends_at_midnight = is_midnight(end);
    if ends_at_midnight {
        faults.push(RepairKind::DateEndMidnight);
    }
    let seconds = end.as_second().saturating_sub(start.as_second());
    let is_day =
        is_midnight(start) && (seconds == 86_399 || (seconds == 86_400 && ends_at_midnight));
    if !is_day {
        faults.push(RepairKind::DateRangeNotADay);
    }
    faults
}

fn is_midnight(time: Timestamp) -> bool {
    Offset::UTC.to_datetime(time).time() == Time::midnight()
}

fn review_policy(entry: &PolicyReport, log: &mut RepairLog, place: impl Fn(&str) -> String) {
    let policy = &entry.policy;
    // What could not be fetched cannot be shown.
    let is_unknown = !entry.failure_details.is_empty()
        && entry.failure_details.iter().all(FailureDetail::is_without_session);
    let is_applied = matches!(policy.policy_type, Some(PolicyType::Sts | PolicyType::Tlsa));
    if !is_applied || is_unknown {
        return;
    }
    if policy.policy_string.is_empty() {
        log.add(RepairKind::PolicyStringMissing, || place("policy-string"));
    }
    if policy.mx_host.is_empty() && policy.policy_type == Some(PolicyType::Sts) {
        log.add(RepairKind::MxHostMissing, || place("mx-host"));
    }
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4
//# Note that the failure types are non-exclusive; an aggregate report
//# may contain overlapping "counts" of failure types when a single send
//# attempt encountered multiple errors.
fn details_fault(entry: &PolicyReport) -> Option<RepairKind> {
    let total = entry.summary.failed?.value();
    if entry.failure_details.is_empty() {
        return (total > 0).then_some(RepairKind::FailureDetailsMissing);
    }
    let counts = || entry.failure_details.iter().map(|d| d.failed_session_count.map(u64::from));
    if counts().any(|count| count.is_none()) {
        return None;
    }
    let sum = counts().flatten().fold(0, u64::saturating_add);
    if counts().flatten().any(|count| count > total) {
        Some(RepairKind::DetailAboveTotal)
    } else if sum > total {
        Some(RepairKind::DetailsAboveTotal)
    } else if sum < total {
        Some(RepairKind::DetailsBelowTotal)
    } else {
        None
    }
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4
//# Reporters may report multiple
//# applied policies (for example, an MTA-STS Policy and a DANE TLSA
//# record for the same domain and MX).
fn review_overlaps(report: &Report, log: &mut RepairLog) {
    let mut types = HashMap::new();
    let root = Place::ROOT;
    let policies = root.key("policies");
    for (index, entry) in report.policies.iter().enumerate() {
        let policy = &entry.policy;
        let (Some(domain), Some(policy_type @ (PolicyType::Sts | PolicyType::Tlsa))) =
            (&policy.policy_domain, &policy.policy_type)
        else {
            continue;
        };
        if *types.entry(domain).or_insert(policy_type) != policy_type {
            log.add(RepairKind::PoliciesOverlap, || policies.index(index).pointer());
        }
    }
}
