//! A report as rows of a table.

use sealpost_store::reports::{Echo, ReportedFailure, ReportedPolicy, StoredReport};

use super::super::list::{time, trust};

/// The columns: of the report, of the policy, of the failure.
pub(super) const HEAD: [&str; 20] = [
    "number",
    "domain",
    "organisation",
    "signer",
    "trust",
    "scope",
    "report_id",
    "begins",
    "ends",
    "is_echo",
    "policy_type",
    "policy_domain",
    "policy_successful",
    "policy_failed",
    "result_type",
    "mx_host",
    "receiving_ip",
    "sending_ip",
    "reason",
    "sessions",
];

/// One row for each failure detail, and one for each policy without.
pub(super) fn rows(report: &StoredReport) -> Vec<[String; HEAD.len()]> {
    let mut rows = Vec::new();
    for policy in &report.policies {
        if policy.failures.is_empty() {
            rows.push(row(report, policy, None));
        }
        rows.extend(policy.failures.iter().map(|failure| row(report, policy, Some(failure))));
    }
    rows
}

/// Does it tell of nothing but the mails that carry reports?
pub(super) fn is_echo(report: &StoredReport) -> bool {
    report.echo == Echo::Likely
}

fn row(
    report: &StoredReport,
    policy: &ReportedPolicy,
    failure: Option<&ReportedFailure>,
) -> [String; HEAD.len()] {
    let summary = &report.summary;
    let text =
        |of: fn(&ReportedFailure) -> Option<String>| failure.and_then(of).unwrap_or_default();
    [
        summary.id.0.to_string(),
        summary.domain.as_ref().map(ToString::to_string).unwrap_or_default(),
        summary.reporter.organisation.clone(),
        summary.reporter.signer.clone(),
        trust(&summary.trust).to_owned(),
        summary.scope.as_str().to_owned(),
        summary.report_id.clone(),
        time(summary.begins_at),
        time(summary.ends_at),
        is_echo(report).to_string(),
        policy.policy_type.clone(),
        policy.policy_domain.clone().unwrap_or_default(),
        policy.successful.to_string(),
        policy.failed.to_string(),
        text(|failure| Some(failure.result_type.clone())),
        text(|failure| failure.mx_host.clone()),
        text(|failure| failure.receiving_ip.map(|address| address.to_string())),
        text(|failure| failure.sending_ip.map(|address| address.to_string())),
        text(|failure| failure.reason.clone()),
        text(|failure| Some(failure.sessions.to_string())),
    ]
}
