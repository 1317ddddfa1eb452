//! One row for each finding (RFC 4180).

use super::Document;
use crate::{DomainReport, FindingReport};

/// The columns.
const HEAD: [&str; 13] = [
    "domain",
    "verdict",
    "decision",
    "mode",
    "max_age",
    "observed",
    "code",
    "severity",
    "title",
    "subject",
    "addresses",
    "message",
    "fix",
];

/// Comma-separated values with a head. A domain without findings has one row, in which the columns
/// of the finding are empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Csv;

impl Document for Csv {
    fn begin(&mut self) -> String {
        row(&HEAD.map(str::to_owned))
    }

    fn domain(&mut self, report: &DomainReport) -> String {
        if report.findings.is_empty() {
            return row(&columns(report, None));
        }
        report.findings.iter().map(|finding| row(&columns(report, Some(finding)))).collect()
    }
}

fn columns(report: &DomainReport, finding: Option<&FindingReport>) -> [String; HEAD.len()] {
    let policy = report.policy.as_ref();
    let text = |of: fn(&FindingReport) -> &str| finding.map(of).unwrap_or_default().to_owned();
    let addresses = finding.into_iter().flat_map(|finding| &finding.addresses);
    [
        report.domain.to_string(),
        report.verdict.map(|verdict| verdict.to_string()).unwrap_or_default(),
        report.decision.unwrap_or_default().to_owned(),
        policy.map(|policy| policy.mode.clone()).unwrap_or_default(),
        policy.map(|policy| policy.max_age.to_string()).unwrap_or_default(),
        report.observed.to_string(),
        text(|finding| finding.code),
        text(|finding| finding.severity.as_str()),
        text(|finding| finding.title),
        text(|finding| &finding.subject),
        addresses.map(ToString::to_string).collect::<Vec<_>>().join(" "),
        text(|finding| &finding.message),
        text(|finding| &finding.fix),
    ]
}

fn row(fields: &[String; HEAD.len()]) -> String {
    let fields: Vec<String> = fields.iter().map(|field| csv_field(field)).collect();
    format!("{}\r\n", fields.join(","))
}

/// A field of a row (RFC 4180) that no reader takes for more than text: a spreadsheet would run what
/// begins like a formula.
pub fn csv_field(field: &str) -> String {
    let is_formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let apostrophe = if is_formula { "'" } else { "" };
    if is_formula || field.contains(['"', ',', '\r', '\n']) {
        format!("\"{apostrophe}{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}
