//! Failures as rows of a table.

use super::model::{DomainFailures, GroupReport};

/// The columns: what was reported, and what it means.
pub(super) const HEAD: [&str; 21] = [
    "domain",
    "policy_type",
    "result_type",
    "reason",
    "organisation",
    "signer",
    "mx_host",
    "receiving_ip",
    "sending_ip",
    "sessions",
    "reports",
    "first_day",
    "last_day",
    "is_echo",
    "code",
    "name",
    "severity",
    "fault",
    "standing",
    "sentence",
    "action",
];

/// One row for what was reported alike.
pub(super) fn rows(domain: &DomainFailures) -> impl Iterator<Item = [String; HEAD.len()]> {
    domain.groups.iter().map(|group| row(domain, group))
}

fn row(domain: &DomainFailures, report: &GroupReport) -> [String; HEAD.len()] {
    let GroupReport { group, is_echo, diagnosis } = report;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let address =
        |address: Option<std::net::IpAddr>| address.map(|it| it.to_string()).unwrap_or_default();
    [
        domain.domain.to_string(),
        group.policy_type.clone(),
        group.result_type.clone(),
        text(&group.reason),
        group.reporter.organisation.clone(),
        group.reporter.signer.clone(),
        text(&group.mx_host),
        address(group.receiving_ip),
        address(group.sending_ip),
        group.sessions.to_string(),
        group.reports.to_string(),
        group.first_day.to_string(),
        group.last_day.to_string(),
        is_echo.to_string(),
        diagnosis.code.to_owned(),
        diagnosis.name.to_owned(),
        diagnosis.severity.to_string(),
        diagnosis.fault.to_string(),
        diagnosis.standing.to_string(),
        diagnosis.sentence.clone(),
        diagnosis.action.clone(),
    ]
}
