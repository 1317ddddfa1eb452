//! Targets for TLS reports: whatever comes in, what is read is written again as the same, and the
//! numbers are in order.

use tls_rpt::{
    PolicyType, Report, ReportError, ReportLimits, ReportReading, Severity, Tally, locate,
};

use crate::names::assert_is_message;

/// A report is read, pointed into, written, read again and counted.
pub fn tls_report(octets: &[u8]) {
    let reading = Report::read(octets, &ReportLimits::default());
    for repair in &reading.repairs {
        assert_is_message(&repair.to_string());
        for span in [locate(octets, &repair.place), repair.span(octets)].into_iter().flatten() {
            assert!(octets.get(span.range()).is_some(), "{repair:?} is outside the text");
        }
    }
    assert_strict_face_agrees(octets, &reading);
    if reading.refusal.is_none() {
        assert_is_kept(&reading.report);
    }
    assert_in_order(&reading.report);
    assert_small_limits_hold(octets);
}

/// Totals of policies in the order of the octets: the numbers of one policy are within the bounds of
/// all of them, and spread over days they stay the same number.
pub fn tls_report_counts(octets: &[u8]) {
    let types = ["sts", "tlsa", "no-policy-found", "new-kind"];
    let entries: Vec<String> = octets
        .chunks(3)
        .map(|chunk| {
            let number = |index: usize| chunk.get(index).copied().unwrap_or_default();
            let name = types.get(usize::from(number(0) % 4)).copied().unwrap_or_default();
            format!(
                r#"{{"policy":{{"policy-type":"{name}","policy-domain":"a.example"}},"summary":{{"total-successful-session-count":{},"total-failure-session-count":{}}}}}"#,
                number(1),
                number(2),
            )
        })
        .collect();
    let text = format!(
        r#"{{"report-id":"1","date-range":{{"start-datetime":{}}},"policies":[{}]}}"#,
        // A time before TLS-RPT is none.
        1_700_000_000 + octets.len(),
        entries.join(",")
    );
    let reading = Report::read(text.as_bytes(), &ReportLimits::default());
    assert_in_order(&reading.report);
    let tally = Tally::of(&reading.report);
    let Some(domain) = tally.domains.first() else { return };
    let (mut good, mut failed) = (0, 0);
    for name in types {
        let of_type = reading
            .report
            .policies
            .iter()
            .filter(|entry| entry.policy.policy_type == Some(PolicyType::from(name)));
        let (one, two) = of_type.fold((0_u64, 0_u64), |(one, two), entry| {
            (
                one + entry.summary.successful.map_or(0, u64::from),
                two + entry.summary.failed.map_or(0, u64::from),
            )
        });
        good += one;
        failed += two;
        assert!(domain.sessions.failed.lower >= two && domain.sessions.total.lower >= one + two);
    }
    assert_eq!(domain.sessions.successful.upper, good);
    assert_eq!(domain.sessions.failed.upper, failed);
    let spread = tally.days.spread(good);
    assert_eq!(spread.iter().map(|(_, part)| *part).sum::<u64>(), good);
}

fn assert_strict_face_agrees(octets: &[u8], reading: &ReportReading) {
    let fault = reading.repairs.iter().find(|repair| repair.kind.severity() > Severity::Unusual);
    match (Report::parse(octets), reading.refusal, fault) {
        (Err(ReportError::Refused(found)), Some(refusal), _) => assert_eq!(found, refusal),
        (Err(ReportError::Faulty(found)), None, Some(fault)) => assert_eq!(&found, fault),
        (Ok(report), None, None) => {
            assert_eq!(report, reading.report);
            assert!(report.to_json().is_ok(), "the strict reader takes what cannot be written");
        }
        other => panic!("the two faces of the reader differ: {other:?}"),
    }
}

fn assert_is_kept(report: &Report) {
    match serde_json::to_vec(report) {
        Ok(written) => {
            let again = Report::read(&written, &ReportLimits::default());
            assert_eq!(&again.report, report);
        }
        Err(error) => panic!("a report that was read cannot be written: {error}"),
    }
}

fn assert_in_order(report: &Report) {
    let tally = Tally::of(report);
    assert_eq!(
        tally.domains.iter().map(|domain| domain.entries.len()).sum::<usize>(),
        report.policies.len()
    );
    for domain in &tally.domains {
        let sessions = domain.sessions;
        let failures = domain.failures.iter().map(|failure| failure.sessions);
        for bounds in
            [sessions.total, sessions.successful, sessions.failed].into_iter().chain(failures)
        {
            assert!(bounds.lower <= bounds.likely && bounds.likely <= bounds.upper, "{bounds:?}");
        }
    }
}

fn assert_small_limits_hold(octets: &[u8]) {
    let mut limits = ReportLimits::default();
    limits.depth = 2;
    limits.policies = 2;
    limits.details = 3;
    limits.strings = 2;
    limits.string_octets = 5;
    limits.unknown_members = 1;
    limits.repairs = 4;
    let report = Report::read(octets, &limits).report;
    let details = report.policies.iter().map(|entry| entry.failure_details.len()).sum::<usize>();
    assert!(report.policies.len() <= 2 && details <= 3 && report.unknown.len() <= 1);
    for entry in &report.policies {
        assert!(entry.policy.policy_string.len() <= 2 && entry.policy.mx_host.len() <= 2);
        assert!(entry.policy.policy_string.iter().all(|text| text.len() <= 5));
    }
    assert!(report.organization_name.is_none_or(|name| name.len() <= 5));
}
