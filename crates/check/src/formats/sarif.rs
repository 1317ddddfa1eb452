//! SARIF 2.1.0 (OASIS), for code scanning.

use sealpost_rules::catalogue::rules;
use sealpost_rules::{Rule, Severity};
use serde_json::{Value, json};

use super::Document;
use crate::{DomainReport, FindingReport};

/// One result for each finding, written as it comes; all rules of the catalogue stand in front.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sarif {
    has_begun: bool,
}

impl Document for Sarif {
    fn begin(&mut self) -> String {
        let driver = json!({
            "name": "sealpost",
            "version": env!("CARGO_PKG_VERSION"),
            "rules": rules().map(rule).collect::<Vec<_>>(),
        });
        format!(
            "{{\"$schema\":\"https://json.schemastore.org/sarif-2.1.0.json\",\"version\":\"2.1.0\",\
             \"runs\":[{{\"tool\":{{\"driver\":{driver}}},\"results\":["
        )
    }

    fn domain(&mut self, report: &DomainReport) -> String {
        let mut text = String::new();
        for finding in &report.findings {
            text.push_str(if self.has_begun { ",\n" } else { "\n" });
            text.push_str(&result(report, finding).to_string());
            self.has_begun = true;
        }
        text
    }

    fn end(&mut self) -> String {
        "\n]}]}\n".to_owned()
    }
}

fn rule(rule: &'static Rule) -> Value {
    json!({
        "id": rule.code,
        "name": rule.name,
        "shortDescription": { "text": rule.title },
        "fullDescription": { "text": rule.why },
        "help": { "text": format!("{} ({})", rule.fix, rule.source) },
        "defaultConfiguration": { "level": level(rule.severity) },
    })
}

fn result(report: &DomainReport, finding: &FindingReport) -> Value {
    let mut place = json!({ "artifactLocation": { "uri": uri(&finding.subject) } });
    if let (Some(excerpt), Some(place)) = (&finding.excerpt, place.as_object_mut()) {
        let snippet = json!({ "text": excerpt.text });
        let region = json!({ "startLine": excerpt.line, "snippet": snippet });
        place.insert("region".to_owned(), region);
    }
    let location = json!({
        "physicalLocation": place,
        "logicalLocations": [{ "fullyQualifiedName": report.domain, "kind": "resource" }],
    });
    let text =
        format!("{}: {}: {}. {}", report.domain, finding.subject, finding.message, finding.fix);
    json!({
        "ruleId": finding.code,
        // What could not be told is open (§3.27.9), and then has no level (§3.27.10).
        "kind": if finding.severity == Severity::Unknown { "open" } else { "fail" },
        "level": level(finding.severity),
        "message": { "text": text },
        "locations": [location],
        "partialFingerprints": {
            "domainRuleSubject/v1": format!("{} {} {}", report.domain, finding.code, finding.subject),
        },
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
        Severity::Unknown => "none",
    }
}

/// A URI for what a finding is about: its own, or that of its name in the DNS (RFC 4501).
fn uri(subject: &str) -> String {
    if subject.starts_with("https://") && subject.bytes().all(|octet| octet.is_ascii_graphic()) {
        return subject.to_owned();
    }
    let mut uri = "dns:".to_owned();
    for octet in subject.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                uri.push(char::from(octet));
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}
