//! What reported failures mean.

mod dane;
mod days;
mod mail_host;
mod path;
mod policy;
mod policy_host;
mod spread;
mod strangers;

use sealpost_evidence::traffic::{Day, FailureGroup, Reporter};
use sealpost_evidence::{Certificate, Evidence, SmtpSession};
use sealpost_rules::diagnosis::{Diagnosis, Known, ReportedPolicy, diagnose};

use crate::evidence;

/// The day as of which all is judged here; the evidence is of 2026-11-01.
fn today() -> Day {
    day("2026-11-02")
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A failure that Google tells of, at mx1.good.test, on the last three days of October.
fn group(result_type: &str) -> FailureGroup {
    FailureGroup {
        domain: Some("good.test".parse().unwrap()),
        reporter: Reporter {
            signer: "google.com".to_owned(),
            organisation: "Google Inc.".to_owned(),
        },
        policy_type: "sts".to_owned(),
        result_type: result_type.to_owned(),
        mx_host: Some("mx1.good.test".to_owned()),
        receiving_ip: Some(evidence::address(11)),
        sending_ip: Some("198.51.100.7".parse().unwrap()),
        reason: None,
        sessions: 4,
        reports: 3,
        first_day: day("2026-10-29"),
        last_day: day("2026-10-31"),
    }
}

fn with_reason(result_type: &str, reason: &str) -> FailureGroup {
    FailureGroup { reason: Some(reason.to_owned()), ..group(result_type) }
}

fn without_host(mut group: FailureGroup) -> FailureGroup {
    group.mx_host = None;
    group.receiving_ip = None;
    group
}

/// Code, fault and standing on one line: `FAIL101 ours open`.
fn verdict(diagnosis: &Diagnosis) -> String {
    format!("{} {} {}", diagnosis.cause.code, diagnosis.fault, diagnosis.standing)
}

/// The diagnosis with nothing known but the day.
fn blind(group: &FailureGroup) -> Diagnosis {
    diagnose(group, &Known::nothing(today()))
}

/// The diagnosis with a live look.
fn seen(group: &FailureGroup, evidence: &Evidence) -> Diagnosis {
    diagnose(group, &Known { evidence: Some(evidence), ..Known::nothing(today()) })
}

/// The diagnosis with a live look and the policy of the report.
fn reported(group: &FailureGroup, evidence: &Evidence, strings: &[&str]) -> Diagnosis {
    let strings: Vec<String> = strings.iter().map(|text| (*text).to_owned()).collect();
    let policy = ReportedPolicy { strings: &strings, mx_hosts: &[] };
    let known =
        Known { evidence: Some(evidence), reported: Some(policy), ..Known::nothing(today()) };
    diagnose(group, &known)
}

fn spoilt(spoil: impl FnOnce(&mut Evidence)) -> Evidence {
    let mut evidence = evidence::good();
    spoil(&mut evidence);
    evidence
}

/// The first session with an MX host.
fn session(evidence: &mut Evidence, host: usize) -> &mut SmtpSession {
    &mut evidence.mail_hosts.as_mut().unwrap().hosts[host].sessions[0]
}

/// The certificate of that session.
fn leaf(evidence: &mut Evidence, host: usize) -> &mut Certificate {
    &mut session(evidence, host).tls.as_mut().unwrap().certificates[0]
}

#[track_caller]
fn holds(diagnosis: &Diagnosis, text: &str) {
    let all = format!("{}\n{}", diagnosis.sentence, diagnosis.grounds.join("\n"));
    assert!(all.contains(text), "{text:?} is not in:\n{all}");
}
