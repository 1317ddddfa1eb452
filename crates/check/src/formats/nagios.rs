//! One line for a monitoring system, as the Monitoring Plugins Development Guidelines want it.

use sealpost_rules::Severity;

use super::Document;
use crate::{DomainReport, one_line};

/// How many domains are named.
const NAMED: usize = 5;

/// A line such as `MTA-STS CRITICAL - a.test: MX305 … | domains=1 …`, and the state that the exit
/// status has to say.
#[derive(Clone, Debug, Default)]
pub struct Nagios {
    domains: u64,
    errors: u64,
    warnings: u64,
    unknown: u64,
    /// The worst finding of each of the worst domains.
    named: Vec<(Severity, String)>,
    days_left: Option<i64>,
}

/// What a plugin's exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NagiosState {
    /// Status 0.
    Ok,
    /// Status 1: there are warnings.
    Warning,
    /// Status 2: there are errors.
    Critical,
    /// Status 3: it could not be told.
    Unknown,
}

impl NagiosState {
    /// The exit status.
    pub fn status(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

impl Nagios {
    /// The state so far. What is certain comes before what could not be told.
    pub fn state(&self) -> NagiosState {
        match (self.errors, self.warnings, self.unknown) {
            _ if self.domains == 0 => NagiosState::Unknown,
            (1.., _, _) => NagiosState::Critical,
            (0, 1.., _) => NagiosState::Warning,
            (0, 0, 1..) => NagiosState::Unknown,
            (0, 0, 0) => NagiosState::Ok,
        }
    }
}

impl Document for Nagios {
    fn domain(&mut self, report: &DomainReport) -> String {
        self.domains += 1;
        for finding in &report.findings {
            match finding.severity {
                Severity::Error => self.errors += 1,
                Severity::Warning => self.warnings += 1,
                Severity::Unknown => self.unknown += 1,
                Severity::Note => {}
            }
        }
        let addresses = report.hosts.iter().flat_map(|host| &host.addresses);
        let least = addresses.filter_map(|address| address.days_left).min();
        self.days_left = self.days_left.into_iter().chain(least).min();
        let complaints = report.findings.iter().filter(|found| found.severity != Severity::Note);
        if let Some(worst) = complaints.max_by_key(|finding| finding.severity) {
            let text = format!("{}: {} {}", report.domain, worst.code, worst.title);
            self.named.push((worst.severity, text));
            self.named.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
            self.named.truncate(NAMED);
        }
        String::new()
    }

    fn end(&mut self) -> String {
        let word = self.state().word();
        let said = match (self.domains, self.named.as_slice()) {
            (0, _) => "no domain was looked at".to_owned(),
            (1, []) => "nothing to mend".to_owned(),
            (domains, []) => format!("nothing to mend in {domains} domains"),
            (_, named) => {
                named.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join(", ")
            }
        };
        let days = self.days_left.map(|days| format!(" certificate_days={days}"));
        format!(
            "MTA-STS {word} - {} | domains={} errors={};;0 warnings={};0 unknown={}{}\n",
            // A bar would begin the figures.
            one_line(&said).replace('|', "/"),
            self.domains,
            self.errors,
            self.warnings,
            self.unknown,
            days.unwrap_or_default()
        )
    }
}
