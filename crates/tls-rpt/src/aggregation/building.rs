//! The report of a day.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use mail_domain::DomainName;

use super::{DomainDay, FailureCount, PolicySums};
use crate::report::is_one_policy_text;
use crate::{
    AppliedPolicy, DateRange, FailureDetail, Parsed, PolicyReport, Report, ReportError, SeenPolicy,
    SessionCount, SessionFailure, Summary,
};

/// Who reports, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFace {
    /// `organization-name`; not empty.
    pub organization_name: String,
    /// `contact-info`: a mail address. Its domain is the submitter.
    pub contact_info: String,
    /// What tells apart the reports of several that have one contact and know nothing of each other,
    /// such as mail servers that each report by themselves: letters and digits that stand in the id.
    /// Empty if there is one only.
    pub origin: String,
    /// The addresses by which mail servers behind a NAT are seen from outside.
    pub addresses: BTreeMap<IpAddr, IpAddr>,
    /// The most failure details for each policy that are told one by one: those with the most
    /// sessions. Further ones are summed up by result type.
    pub most_failures: usize,
    /// The most policies that are told with their text: those with the most sessions.
    pub most_policies: usize,
    /// The most octets of the report, unpacked. Receivers take 10 MB.
    pub most_octets: usize,
}

/// A report that is ready to leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltReport {
    /// The report.
    pub report: Report,
    /// The same as JSON: our own strict reader has read it.
    pub json: String,
    /// The domain of the contact, which `TLS-Report-Submitter` and the file name carry.
    pub submitter: DomainName,
    /// Failure details that are summed up with others for want of room.
    pub failures_summed_up: usize,
}

/// Why there is no report. The text fits after "failed to ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There was no session, and nothing went wrong without one.
    #[error("build the report: there was no session, and nothing else to tell")]
    NoSession,
    /// The contact is no address in a domain.
    #[error("build the report: the contact is no mail address: NAME@DOMAIN")]
    Contact,
    /// It is too long even with everything summed up.
    #[error("build the report: it does not fit into {0} octets")]
    TooLong(usize),
    /// Our own reader does not take it.
    #[error("build the report")]
    Unfit(#[source] ReportError),
}

impl ReportFace {
    /// A face with the bounds that suit receivers: 1,000 failures, 100 policies, 10 MB.
    pub fn new(organization_name: impl Into<String>, contact_info: impl Into<String>) -> Self {
        Self {
            organization_name: organization_name.into(),
            contact_info: contact_info.into(),
            origin: String::new(),
            addresses: BTreeMap::new(),
            most_failures: 1_000,
            most_policies: 100,
            most_octets: 10_000_000,
        }
    }

    /// The domain of the contact.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-5.3
    //# The "TLS-Report-Submitter" value MUST match the value found in the
    //# domain [RFC5321] of the "contact-info" from the report body.
    pub fn submitter(&self) -> Option<DomainName> {
        let (local, domain) = self.contact_info.rsplit_once('@')?;
        if local.is_empty() { None } else { DomainName::parse(domain).ok() }
    }

    /// The identifier of a report: `DATE.DOMAIN.SERIAL.ORIGIN@SUBMITTER`. It is that of a `msg-id`
    /// (RFC 5322), as the subject of the mail needs it.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-4.4
    //# "report-id": A unique identifier for the report.
    pub fn report_id(&self, date: Date, domain: &DomainName, serial: u32) -> Option<String> {
        let submitter = self.submitter()?;
        let origin = match self.origin.as_str() {
            "" => String::new(),
            origin => format!(".{origin}"),
        };
        Some(format!("{date}.{domain}.{serial}{origin}@{submitter}"))
    }
}

pub(super) fn build(
    day: &DomainDay,
    face: &ReportFace,
    serial: u32,
) -> Result<BuiltReport, BuildError> {
    if day.is_empty() && !day.has_remarks() {
        return Err(BuildError::NoSession);
    }
    let submitter = face.submitter().ok_or(BuildError::Contact)?;
    let (mut most_failures, mut most_policies) = (face.most_failures, face.most_policies);
    loop {
        let (policies, failures_summed_up) = policies(day, face, most_failures, most_policies);
        let report = Report {
            organization_name: Some(face.organization_name.clone()),
            date_range: range(day.date()),
            contact_info: Some(face.contact_info.clone()),
            report_id: face.report_id(day.date(), day.domain(), serial),
            policies,
            ..Report::default()
        };
        let json = report.to_json().map_err(BuildError::Unfit)?;
        if json.len() <= face.most_octets {
            return Ok(BuiltReport { report, json, submitter, failures_summed_up });
        }
        if most_failures == 0 && most_policies == 0 {
            return Err(BuildError::TooLong(face.most_octets));
        }
        most_failures /= 2;
        most_policies /= 2;
    }
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.1
//# The report SHOULD cover a full day, from 00:00-24:00 UTC.
fn range(date: Date) -> DateRange {
    let at = |time| Offset::UTC.to_timestamp(DateTime::from_parts(date, time)).ok();
    let start: Option<Timestamp> = at(Time::midnight());
    DateRange { start, end: at(Time::constant(23, 59, 59, 0)) }
}

/// The entries, those with the most sessions first, and how many failures were summed up.
fn policies(
    day: &DomainDay,
    face: &ReportFace,
    most_failures: usize,
    most_policies: usize,
) -> (Vec<PolicyReport>, usize) {
    // A policy that only was held is told beside those that sessions were held against.
    let has_sessions = !day.is_empty();
    let is_told = |sums: &PolicySums| {
        sums.sessions() > 0 || !sums.remarks.is_empty() || (sums.is_held && has_sessions)
    };
    let mut seen: Vec<_> = day.policies().filter(|(_, sums)| is_told(sums)).collect();
    // The order of policies decides between equals, as sorting keeps it.
    seen.sort_by_key(|(_, sums)| std::cmp::Reverse(sums.sessions()));
    let rest = seen.split_off(most_policies.min(seen.len()));
    let mut merged: BTreeMap<SeenPolicy, PolicySums> = BTreeMap::new();
    for (policy, sums) in rest {
        merged.entry(policy.without_texts()).or_default().add(sums);
    }
    let mut summed_up = 0;
    let told = seen.into_iter().chain(&merged);
    let entries = told.map(|(policy, sums)| {
        let (failures, more) = failures(sums, face, most_failures);
        summed_up += more;
        PolicyReport {
            policy: applied(policy),
            summary: Summary {
                successful: Some(count(sums.successful)),
                failed: Some(count(sums.failed)),
                ..Summary::default()
            },
            failure_details: failures,
            ..PolicyReport::default()
        }
    });
    (entries.collect(), summed_up)
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.5
//# For MTA-STS policies, this is an array of JSON strings that
//# represents the policy that is declared by the receiving site,
//# including any errors that may be present.
fn applied(policy: &SeenPolicy) -> AppliedPolicy {
    // Readers take apart what looks like several texts in one; a backslash keeps it whole.
    let whole = |text: &String| match is_one_policy_text(text) {
        true => text.clone(),
        false => format!("\\{text}"),
    };
    AppliedPolicy {
        policy_type: Some(policy.policy_type.clone()),
        policy_string: policy.strings.iter().map(whole).collect(),
        policy_domain: Some(Parsed::Valid(policy.domain.clone())),
        mx_host: policy.mx_host.clone(),
        ..AppliedPolicy::default()
    }
}

/// The details, those with the most sessions first, and how many were summed up.
fn failures(sums: &PolicySums, face: &ReportFace, most: usize) -> (Vec<FailureDetail>, usize) {
    // Behind a NAT several addresses may be one.
    let mut seen: BTreeMap<SessionFailure, u64> = BTreeMap::new();
    for (failure, FailureCount { failed, .. }) in &sums.failures {
        if *failed > 0 {
            let mut failure = failure.clone();
            let inside = failure.sending_mta_ip;
            let outside = inside.and_then(|address| face.addresses.get(&address)).copied();
            failure.sending_mta_ip = outside.or(inside);
            add(&mut seen, failure, *failed);
        }
    }
    let (others, mut told): (Vec<_>, Vec<_>) =
        seen.into_iter().partition(|(failure, _)| failure.is_others());
    told.sort_by_key(|(_, failed)| std::cmp::Reverse(*failed));
    let rest = told.split_off(most.min(told.len()));
    let summed_up = rest.len();
    let mut merged: BTreeMap<SessionFailure, u64> = others.into_iter().collect();
    for (failure, failed) in rest {
        add(&mut merged, SessionFailure::others(failure.result_type), failed);
    }
    let remarks = sums.remarks.iter().map(|remark| (remark.clone(), 0));
    let details =
        told.into_iter().chain(merged).chain(remarks).map(|(failure, failed)| FailureDetail {
            result_type: Some(failure.result_type),
            sending_mta_ip: failure.sending_mta_ip.map(Parsed::Valid),
            receiving_mx_hostname: failure.receiving_mx_hostname.map(Parsed::Valid),
            receiving_mx_helo: failure.receiving_mx_helo,
            receiving_ip: failure.receiving_ip.map(Parsed::Valid),
            // A session that met several failures of a sum is in it several times, and only once in
            // the total.
            failed_session_count: Some(count(failed.min(sums.failed))),
            additional_information: failure.additional_information,
            failure_reason_code: failure.failure_reason_code,
            ..FailureDetail::default()
        });
    (details.collect(), summed_up)
}

fn add(counts: &mut BTreeMap<SessionFailure, u64>, failure: SessionFailure, failed: u64) {
    let sum = counts.entry(failure).or_default();
    *sum = sum.saturating_add(failed);
}

/// A number as a report can tell it.
fn count(number: u64) -> SessionCount {
    SessionCount::new(number).unwrap_or(SessionCount::MAX)
}

impl PolicySums {
    fn sessions(&self) -> u64 {
        self.successful.saturating_add(self.failed)
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.successful = self.successful.saturating_add(other.successful);
        self.failed = self.failed.saturating_add(other.failed);
        for (failure, count) in &other.failures {
            self.failures.entry(failure.clone()).or_default().add(*count);
        }
        self.remarks.extend(other.remarks.iter().cloned());
        self.is_held |= other.is_held;
    }
}
