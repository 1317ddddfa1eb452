//! What `sealpost` saw, read from the evidence that it saves, in the words of the tools.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use sealpost_e2e::sealpost_binary;
use sealpost_lab::Lab;
use serde_json::Value;

use crate::Words;

/// The evidence of each domain, and under the key `report` what was reported of it.
pub(crate) type Evidence = BTreeMap<String, Value>;

/// Checks the domains as a user of the lab would.
pub(crate) fn evidence(lab: &Lab, directory: &Path, domains: &BTreeSet<&str>) -> Evidence {
    let file = directory.join("evidence");
    let output = Command::new("timeout")
        .arg("60")
        .arg(sealpost_binary().unwrap())
        .args(["check", "--format", "json", "--network"])
        .arg(lab.settings_file())
        .arg("--save-evidence")
        .arg(&file)
        .args(domains)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let saved = fs_err::read_to_string(file).unwrap();
    let reported = String::from_utf8(output.stdout).unwrap();
    let by_domain = |lines: &str| -> Evidence {
        let values = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        values.map(|value| (text(&value, "/domain").to_owned(), value)).collect()
    };
    let mut evidence = by_domain(&saved);
    for (domain, report) in by_domain(&reported) {
        if let Some(Value::Object(evidence)) = evidence.get_mut(&domain) {
            evidence.insert("report".to_owned(), report);
        }
    }
    evidence
}

/// What the TLSA records of a domain's MX hosts come to.
pub(crate) fn tlsa(evidence: &Evidence, domain: &str) -> &'static str {
    let Some(evidence) = evidence.get(domain) else { return "nothing" };
    let mut hosts = list(evidence, "/mail_hosts/hosts");
    let is_found = hosts
        .any(|host| list(host, "/tlsa").any(|lookup| text(lookup, "/records/state") == "found"));
    let has = |code| list(evidence, "/report/findings").any(|each| text(each, "/code") == code);
    match (is_found, has("DANE101"), has("DANE103")) {
        (false, ..) => "none",
        (true, true, false) => "mismatch",
        (true, false, true) => "unusable",
        (true, false, false) => "match",
        (true, true, true) => "both mismatch and unusable",
    }
}

/// What was seen of each address of each MX host.
pub(crate) fn mail_hosts(evidence: &Evidence, domain: &str) -> Words {
    let mut words = Words::new();
    for host in evidence.get(domain).into_iter().flat_map(|all| list(all, "/mail_hosts/hosts")) {
        for session in list(host, "/sessions") {
            words.insert(match text(session, "/starttls/state") {
                "accepted" => certificate_word(session).unwrap_or_else(|| {
                    match session.pointer("/tls").filter(|tls| tls.is_object()) {
                        Some(_) => "verified".to_owned(),
                        None => fault_word(session.pointer("/fault").unwrap_or(&Value::Null)),
                    }
                }),
                "not-offered" => "no STARTTLS".to_owned(),
                // A client that does not read the reply meets it as a failed handshake.
                "refused" => "no TLS".to_owned(),
                other => format!("STARTTLS {other}: {session}"),
            });
        }
    }
    words
}

/// What was seen of each address of the policy host.
pub(crate) fn policy_host(evidence: &Evidence, domain: &str) -> Words {
    let mut words = Words::new();
    for fetch in evidence.get(domain).into_iter().flat_map(|all| list(all, "/policy_host/fetches"))
    {
        let outcome = fetch.pointer("/outcome").unwrap_or(&Value::Null);
        let word = certificate_word(fetch).unwrap_or_else(|| match text(outcome, "/outcome") {
            "replied" if text(outcome, "/body_end") == "cut" => "cut".to_owned(),
            "replied" => {
                let status = outcome.pointer("/status").and_then(Value::as_u64);
                let status = status.unwrap_or_default().to_string();
                let head = [&*status, text(outcome, "/content_type"), text(outcome, "/location")];
                head.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
            }
            _ => fault_word(outcome),
        });
        words.insert(word);
    }
    words
}

/// The fault of the certificate, if it has one.
fn certificate_word(place: &Value) -> Option<String> {
    let faults = list(place, "/tls/faults").map(|fault| text(fault, "/fault").to_owned());
    let faults: Vec<_> = faults.collect();
    (!faults.is_empty()).then(|| faults.join(" and "))
}

/// How a connection ended early.
fn fault_word(fault: &Value) -> String {
    match (text(fault, "/stage"), text(fault, "/kind")) {
        ("connect", "refused") => "refused".to_owned(),
        ("tls-handshake", _) => "no TLS".to_owned(),
        _ => fault.to_string(),
    }
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten()
}
