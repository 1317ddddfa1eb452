//! Prometheus's text format, for the textfile collector of node_exporter.

use std::fmt::Write as _;

use sealpost_rules::Severity;

use super::Document;
use crate::{DomainReport, HostRole};

/// All families at the end: each has to stand together. Until then it holds about a kilobyte a
/// domain.
#[derive(Clone, Debug)]
pub struct Prometheus {
    families: [Family; 5],
}

#[derive(Clone, Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    samples: String,
}

const VERDICT: usize = 0;
const FINDINGS: usize = 1;
const FINDING: usize = 2;
const EXPIRY: usize = 3;
const OBSERVED: usize = 4;

impl Default for Prometheus {
    fn default() -> Self {
        let family = |name, help| Family { name, help, samples: String::new() };
        Self {
            families: [
                family("sealpost_check_verdict", "1 for what happens to mail for the domain."),
                family("sealpost_check_findings", "How many findings there are, by severity."),
                family("sealpost_check_finding", "1 for each rule that found something."),
                family(
                    "sealpost_check_certificate_expiry_timestamp_seconds",
                    "When the certificate of a host ends, the first of its addresses.",
                ),
                family("sealpost_check_timestamp_seconds", "When the domain was looked at."),
            ],
        }
    }
}

impl Prometheus {
    fn sample(&mut self, family: usize, labels: &[(&str, &str)], value: i64) {
        let Some(family) = self.families.get_mut(family) else { return };
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", label(value))).collect();
        // Writing to a string can't fail.
        writeln!(family.samples, "{}{{{}}} {value}", family.name, labels.join(",")).ok();
    }
}

impl Document for Prometheus {
    fn domain(&mut self, report: &DomainReport) -> String {
        let domain = ("domain", report.domain.as_str());
        if let Some(verdict) = report.verdict {
            self.sample(VERDICT, &[domain, ("verdict", verdict.as_str())], 1);
        }
        for severity in [Severity::Error, Severity::Warning, Severity::Unknown, Severity::Note] {
            let of = report.findings.iter().filter(|finding| finding.severity == severity);
            let labels = [domain, ("severity", severity.as_str())];
            self.sample(FINDINGS, &labels, i64::try_from(of.count()).unwrap_or(i64::MAX));
        }
        let mut codes: Vec<_> =
            report.findings.iter().map(|found| (found.code, found.severity.as_str())).collect();
        codes.sort_unstable();
        codes.dedup();
        for (code, severity) in codes {
            self.sample(FINDING, &[domain, ("code", code), ("severity", severity)], 1);
        }
        for host in &report.hosts {
            let ends = host.addresses.iter().filter_map(|address| address.certificate_ends).min();
            let role = match host.role {
                HostRole::PolicyHost => "policy-host",
                HostRole::Mx => "mx",
            };
            if let Some(ends) = ends {
                let labels = [domain, ("host", host.name.as_str()), ("role", role)];
                self.sample(EXPIRY, &labels, ends.as_second());
            }
        }
        self.sample(OBSERVED, &[domain], report.observed.as_second());
        String::new()
    }

    fn end(&mut self) -> String {
        let families = self.families.iter().filter(|family| !family.samples.is_empty());
        families
            .map(|Family { name, help, samples }| {
                format!("# HELP {name} {help}\n# TYPE {name} gauge\n{samples}")
            })
            .collect()
    }
}

fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
