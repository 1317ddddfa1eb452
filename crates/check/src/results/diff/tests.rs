use super::*;

fn line(domain: &str, verdict: &str, findings: &[(&str, &str, &str)]) -> ResultLine {
    let findings: Vec<_> = findings
        .iter()
        .map(|(code, severity, subject)| {
            serde_json::json!({
                "code": code, "severity": severity, "title": "t", "subject": subject, "message": "m",
            })
        })
        .collect();
    let line = serde_json::json!({
        "domain": domain, "verdict": verdict, "decision": null, "policy": null, "hosts": [],
        "observed": "2026-01-01T00:00:00Z", "findings": findings,
    });
    serde_json::from_value(line).unwrap()
}

fn codes(findings: &[FindingLine]) -> Vec<&str> {
    findings.iter().map(|finding| finding.code.as_str()).collect()
}

#[test]
fn findings_are_added_sustained_resolved_or_open() {
    let mut comparison = Comparison::default();
    comparison.add_earlier(line(
        "a.test",
        "failing",
        &[
            ("MX301", "error", "mx1.a.test"),
            ("MX302", "error", "mx1.a.test"),
            ("MX303", "error", "mx2.a.test"),
            ("MX202", "unknown", "mx3.a.test"),
        ],
    ));
    let change = comparison.compare(&line(
        "a.test",
        "enforced",
        &[
            ("MX301", "error", "mx1.a.test"),
            ("MX301", "error", "mx9.a.test"),
            ("MX202", "unknown", "mx2.a.test"),
        ],
    ));
    assert_eq!(codes(&change.sustained), ["MX301"]);
    assert_eq!(codes(&change.added), ["MX301", "MX202"]);
    assert_eq!(codes(&change.resolved), ["MX202", "MX302"]);
    assert_eq!(codes(&change.open), ["MX303"], "mx2.a.test could not be asked this time");
    assert_eq!(change.verdicts, (Some(Verdict::Failing), Some(Verdict::Enforced)));
    assert!(change.is_one());
}

#[test]
fn nothing_is_resolved_where_nothing_could_be_told() {
    let mut comparison = Comparison::default();
    comparison.add_earlier(line("a.test", "failing", &[("MX301", "error", "mx1.a.test")]));
    let change = comparison.compare(&line("a.test", "unknown", &[("DNS102", "unknown", "a.test")]));
    assert_eq!(codes(&change.open), ["MX301"]);
    assert!(change.resolved.is_empty());
}

#[test]
fn a_domain_of_one_run_alone_is_new_or_gone() {
    let mut comparison = Comparison::default();
    comparison.add_earlier(line("old.test", "failing", &[("MX301", "error", "mx1.a.test")]));
    let new = comparison.compare(&line("new.test", "failing", &[("MX301", "error", "mx1.b.test")]));
    assert_eq!((new.presence, new.added.len(), new.sustained.len()), (Presence::New, 0, 1));
    let gone: Vec<Change> = comparison.gone().collect();
    assert_eq!(gone.len(), 1);
    assert_eq!((gone[0].presence, gone[0].resolved.len()), (Presence::Gone, 0));
}

#[test]
fn the_same_twice_is_no_change() {
    let same = line("a.test", "failing", &[("MX301", "error", "mx1.a.test")]);
    let mut comparison = Comparison::default();
    comparison.add_earlier(same.clone());
    assert!(!comparison.compare(&same).is_one());
}
