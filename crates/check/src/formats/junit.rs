//! JUnit's XML, as build servers read it.

use std::fmt::Write as _;

use sealpost_rules::Severity;

use super::Document;
use crate::escaped::escaped;
use crate::{DomainReport, FindingReport};

/// One suite for each domain; in it one case for the verdict and one for each finding. A finding at
/// or above the threshold is a failure, and what could not be told is skipped.
#[derive(Clone, Copy, Debug)]
pub struct Junit {
    fail_on: Severity,
}

impl Junit {
    /// Findings of this severity and above are failures.
    pub fn new(fail_on: Severity) -> Self {
        Self { fail_on }
    }

    fn kind(self, finding: &FindingReport) -> Kind {
        match finding.severity {
            Severity::Unknown => Kind::Skipped,
            severity if severity >= self.fail_on => Kind::Failure,
            _ => Kind::Passed,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Passed,
    Failure,
    Skipped,
}

impl Document for Junit {
    fn begin(&mut self) -> String {
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"sealpost check\">\n"
            .to_owned()
    }

    fn domain(&mut self, report: &DomainReport) -> String {
        let count = |kind| report.findings.iter().filter(|found| self.kind(found) == kind).count();
        let (domain, seconds) = (report.domain.as_str(), report.took_ms as f64 / 1000.0);
        // Writing to a string can't fail.
        let mut text = String::new();
        writeln!(
            text,
            "<testsuite name=\"{domain}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" \
             timestamp=\"{}\" time=\"{seconds:.3}\">",
            report.findings.len() + 1,
            count(Kind::Failure),
            count(Kind::Skipped),
            // Its schema knows no zone; the time is in UTC.
            report.observed.strftime("%Y-%m-%dT%H:%M:%S"),
        )
        .ok();
        let verdict = report.verdict.map_or("looked at in part", |verdict| verdict.as_str());
        let summary = report.summary.unwrap_or_default();
        writeln!(
            text,
            "<testcase classname=\"{domain}\" name=\"verdict\" time=\"{seconds:.3}\">\
             <system-out>{verdict}. {summary}</system-out></testcase>"
        )
        .ok();
        for finding in &report.findings {
            let name = format!("{} {}: {}", finding.code, finding.title, finding.subject);
            let (name, message) = (escaped(&name), escaped(&finding.message));
            let body = escaped(&told(finding));
            let outcome = match self.kind(finding) {
                Kind::Failure => format!(
                    "<failure type=\"{}\" message=\"{message}\">{body}</failure>",
                    finding.severity
                ),
                Kind::Skipped => format!("<skipped message=\"{message}\"/>"),
                Kind::Passed => format!("<system-out>{}: {body}</system-out>", finding.severity),
            };
            writeln!(
                text,
                "<testcase classname=\"{domain}\" name=\"{name}\" time=\"0\">{outcome}</testcase>"
            )
            .ok();
        }
        text.push_str("</testsuite>\n");
        text
    }

    fn end(&mut self) -> String {
        "</testsuites>\n".to_owned()
    }
}

fn told(finding: &FindingReport) -> String {
    let mut text = format!("{}. {} {}", finding.message, finding.why, finding.fix);
    for line in finding.publish.iter().chain(&finding.command) {
        text.push('\n');
        text.push_str(line);
    }
    text
}
