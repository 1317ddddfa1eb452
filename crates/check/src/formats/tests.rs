use sealpost_rules::{Severity, Verdict};

use super::*;
use crate::{AddressReport, FindingReport, HostReport, HostRole};

/// A report with one finding, whose texts are as bad as can be.
fn report(severity: Severity, subject: &str, message: &str) -> DomainReport {
    let finding = FindingReport {
        code: "MX302",
        name: "mx-certificate-expired",
        severity,
        title: "a title",
        subject: subject.to_owned(),
        addresses: vec!["192.0.2.1".parse().unwrap()],
        message: message.to_owned(),
        why: "Why.",
        source: "RFC 8461 §4.2",
        fix: "Mend it.".to_owned(),
        publish: None,
        command: None,
        excerpt: None,
    };
    DomainReport { findings: vec![finding], ..clean("a.test") }
}

fn clean(domain: &str) -> DomainReport {
    let address = AddressReport {
        address: "192.0.2.1".parse().unwrap(),
        tls: Some("TLS 1.3".to_owned()),
        verified: true,
        certificate_ends: Some("2027-01-01T00:00:00Z".parse().unwrap()),
        days_left: Some(61),
        fault: None,
    };
    DomainReport {
        domain: domain.parse().unwrap(),
        verdict: Some(Verdict::Enforced),
        summary: Some(Verdict::Enforced.summary()),
        decision: None,
        observed: "2026-11-01T12:00:00Z".parse().unwrap(),
        took_ms: 1500,
        policy: None,
        senders: Vec::new(),
        asks_for_reports: Some(true),
        hosts: vec![HostReport {
            role: HostRole::Mx,
            name: "mx.a.test".to_owned(),
            preference: Some(10),
            tlsa: Vec::new(),
            addresses: vec![address],
        }],
        findings: Vec::new(),
    }
}

fn whole(mut document: impl Document, reports: &[DomainReport]) -> String {
    let mut text = document.begin();
    for report in reports {
        text.push_str(&document.domain(report));
    }
    text + &document.end()
}

#[test]
fn a_field_is_only_ever_text() {
    for (field, expected) in [
        ("plain", "plain"),
        ("", ""),
        ("a,b", "\"a,b\""),
        ("a\"b", "\"a\"\"b\""),
        ("a\nb", "\"a\nb\""),
        ("=1+1", "\"'=1+1\""),
        ("@x", "\"'@x\""),
        ("-1", "\"'-1\""),
    ] {
        assert_eq!(csv_field(field), expected, "{field:?}");
    }
    let text = whole(Csv, &[report(Severity::Error, "mx", "=cmd()"), clean("b.test")]);
    assert_eq!(text.matches("\r\n").count(), 3, "{text}");
    assert!(text.contains("\"'=cmd()\""), "{text}");
}

#[test]
fn xml_holds_no_markup_and_no_control_characters_from_outside() {
    let text = whole(
        Junit::new(Severity::Error),
        &[report(Severity::Error, "<mx>&\"", "a\u{1b}\u{0}]]>")],
    );
    assert!(text.contains("name=\"MX302 a title: &lt;mx&gt;&amp;&quot;\""), "{text}");
    assert!(text.contains("tests=\"2\" failures=\"1\" errors=\"0\" skipped=\"0\""), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{0}']) && !text.contains("]]>"), "{text}");
}

#[test]
fn the_threshold_says_what_fails_and_what_could_not_be_told_is_skipped() {
    for (fail_on, severity, failures, skipped) in [
        (Severity::Error, Severity::Error, 1, 0),
        (Severity::Error, Severity::Warning, 0, 0),
        (Severity::Warning, Severity::Warning, 1, 0),
        (Severity::Note, Severity::Unknown, 0, 1),
    ] {
        let text = whole(Junit::new(fail_on), &[report(severity, "mx", "m")]);
        let counts = format!("failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\"");
        assert!(text.contains(&counts), "{fail_on} {severity}: {text}");
    }
}

#[test]
fn an_annotation_is_one_command() {
    let text = whole(Github, &[report(Severity::Error, "mx", "100%\n::error::forged")]);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("::error title=MX302 a title::a.test: mx: 100%25%0A"), "{text}");
}

#[test]
fn monitoring_gets_one_line_and_no_figures_from_outside() {
    let mut nagios = Nagios::default();
    assert_eq!(nagios.state(), NagiosState::Unknown, "nothing was looked at");
    nagios.domain(&clean("b.test"));
    assert_eq!(nagios.state(), NagiosState::Ok);
    for (severity, state) in [
        (Severity::Note, NagiosState::Ok),
        (Severity::Unknown, NagiosState::Unknown),
        (Severity::Warning, NagiosState::Warning),
        (Severity::Unknown, NagiosState::Warning),
        (Severity::Error, NagiosState::Critical),
    ] {
        nagios.domain(&report(severity, "mx", "m"));
        assert_eq!(nagios.state(), state);
    }
    let line = nagios.end();
    assert_eq!((line.lines().count(), line.matches('|').count()), (1, 1), "{line}");
    assert!(line.contains("certificate_days=61"), "{line}");
}

#[test]
fn families_stand_together() {
    let text = whole(Prometheus::default(), &[report(Severity::Error, "mx", "m"), clean("b.test")]);
    let names: Vec<&str> = text
        .lines()
        .map(|line| line.trim_start_matches("# HELP ").trim_start_matches("# TYPE "))
        .map(|line| line.split(['{', ' ']).next().unwrap())
        .collect();
    let mut seen = Vec::new();
    for name in names {
        if seen.last() != Some(&name) {
            assert!(!seen.contains(&name), "{name} comes in two places");
            seen.push(name);
        }
    }
    assert!(text.contains("sealpost_check_certificate_expiry_timestamp_seconds{domain=\"b.test\",host=\"mx.a.test\",role=\"mx\"} 1798761600\n"), "{text}");
}

#[test]
fn what_could_not_be_told_is_open() {
    let sarif = whole(
        Sarif::default(),
        &[
            report(Severity::Unknown, "a b/c", "m"),
            report(Severity::Error, "https://a.test/x", "m"),
        ],
    );
    let sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
    let results = &sarif["runs"][0]["results"];
    assert_eq!((&results[0]["kind"], &results[0]["level"]), (&"open".into(), &"none".into()));
    assert_eq!((&results[1]["kind"], &results[1]["level"]), (&"fail".into(), &"error".into()));
    let uri = |index: usize| {
        &results[index]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    };
    assert_eq!((uri(0), uri(1)), (&"dns:a%20b%2Fc".into(), &"https://a.test/x".into()));
}
