//! The reports that came in.

use mail_domain::DomainName;
use schemars::JsonSchema;
use sealpost_evidence::traffic::{Bounds, Day};
use serde::Serialize;

use crate::ReportText;

use super::Diagnosis;

/// A page of reports, newest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Reports {
    pub(crate) scope: &'static str,
    #[schemars(with = "Option<String>")]
    pub(crate) domain: Option<DomainName>,
    /// Only those that tell of failures.
    pub(crate) failing: bool,
    pub(crate) reports: Vec<ReportRow>,
    /// What to give as `after` for the next page; null on the last one.
    pub(crate) next: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReportRow {
    pub(crate) id: i64,
    #[schemars(with = "Option<String>")]
    pub(crate) domain: Option<DomainName>,
    pub(crate) organisation: String,
    /// Who vouches for it.
    pub(crate) trust: String,
    /// As the reporter calls it.
    pub(crate) report_id: String,
    pub(crate) day: Day,
    /// Seconds since 1970.
    pub(crate) received_at: i64,
    pub(crate) successful: Bounds,
    pub(crate) failed: Bounds,
}

/// One report with everything in it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Report {
    #[serde(flatten)]
    pub(crate) row: ReportRow,
    pub(crate) scope: &'static str,
    pub(crate) contact: Option<String>,
    /// Seconds since 1970.
    pub(crate) begins_at: i64,
    pub(crate) ends_at: i64,
    /// A revision has taken its place.
    pub(crate) is_superseded: bool,
    /// It tells of nothing but the mails that carry reports.
    pub(crate) is_echo: bool,
    pub(crate) policies: Vec<ReportedPolicy>,
    pub(crate) repairs: Vec<Repair>,
    /// The SHA-256 of what came in.
    pub(crate) raw: String,
    /// Its text, for people: programs get what came in as it came.
    #[serde(skip)]
    pub(crate) text: Option<ReportText>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReportedPolicy {
    pub(crate) policy_type: String,
    pub(crate) policy_domain: Option<String>,
    pub(crate) strings: Vec<String>,
    pub(crate) mx_hosts: Vec<String>,
    pub(crate) successful: u64,
    pub(crate) failed: u64,
    pub(crate) failures: Vec<ReportedFailure>,
}

/// A failure with the policy under which it is told: a row of a table.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FailureLine<'a> {
    policy_type: &'a str,
    policy_domain: Option<&'a str>,
    #[serde(flatten)]
    failure: &'a ReportedFailure,
}

impl Report {
    /// The failures of all policies.
    pub(crate) fn failure_lines(&self) -> Vec<FailureLine<'_>> {
        let lines = self.policies.iter().flat_map(|policy| {
            policy.failures.iter().map(|failure| FailureLine {
                policy_type: &policy.policy_type,
                policy_domain: policy.policy_domain.as_deref(),
                failure,
            })
        });
        lines.collect()
    }
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ReportedFailure {
    pub(crate) result_type: String,
    pub(crate) sending_ip: Option<String>,
    pub(crate) receiving_ip: Option<String>,
    pub(crate) mx_host: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) additional: Option<String>,
    pub(crate) sessions: u64,
    /// By what the report says alone.
    pub(crate) diagnosis: Diagnosis,
}

/// What had to be repaired, and where.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Repair {
    pub(crate) code: String,
    pub(crate) place: String,
    /// What is wrong and how to mend it, to the sender.
    pub(crate) sentence: Option<&'static str>,
}
