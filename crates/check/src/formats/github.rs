//! Workflow commands of GitHub Actions: <https://docs.github.com/en/actions>, "Workflow commands".

use std::fmt::Write as _;

use sealpost_rules::Severity;

use super::Document;
use crate::DomainReport;

/// One annotation for each finding. GitHub shows ten of each kind for a step, and logs the rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Github;

impl Document for Github {
    fn domain(&mut self, report: &DomainReport) -> String {
        let mut text = String::new();
        for finding in &report.findings {
            let command = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Unknown | Severity::Note => "notice",
            };
            let title = property(&format!("{} {}", finding.code, finding.title));
            let message = data(&format!(
                "{}: {}: {}. {}",
                report.domain, finding.subject, finding.message, finding.fix
            ));
            // Writing to a string can't fail.
            writeln!(text, "::{command} title={title}::{message}").ok();
        }
        text
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
