use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::{
    PolicyType, Report, ResultType, SeenPolicy, Session, SessionFailure, SessionOutcome, Tally,
};

fn policy(policy_type: PolicyType, domain: &str, strings: &[&str]) -> SeenPolicy {
    let mut policy = SeenPolicy::new(policy_type, domain.parse().unwrap());
    policy.strings = strings.iter().map(|&text| text.to_owned()).collect();
    policy
}

fn failure(result_type: ResultType, host: &str) -> SessionFailure {
    let mut failure = SessionFailure::new(result_type);
    failure.receiving_mx_hostname = Some(host.parse().unwrap());
    failure
}

fn face() -> ReportFace {
    ReportFace::new("Reporter", "tls@reporter.example")
}

fn day() -> DomainDay {
    DomainDay::new("example.com".parse().unwrap(), date(2026, 11, 25))
}

#[test]
fn sessions_are_counted_and_told_once_in_absolute_numbers() {
    let mut counts = PolicyCounts::new(10);
    assert_eq!(counts.take_changes(), None);
    let expired = failure(ResultType::CertificateExpired, "mx.example.com");
    let wrong = failure(ResultType::CertificateHostMismatch, "mx.example.com");
    // A failure that a session names twice is met by one session.
    let both = counts.places(&[expired.clone(), wrong.clone(), expired.clone()]);
    assert_eq!(both.len(), 2);
    counts.count(SessionOutcome::Failed, &both);
    counts.count(SessionOutcome::Successful, &[]);
    let changes = counts.take_changes().unwrap();
    assert_eq!((changes.successful, changes.failed, changes.failures.len()), (1, 1, 2));
    assert_eq!(counts.take_changes(), None);

    let first = counts.places(std::slice::from_ref(&expired));
    counts.count(SessionOutcome::Failed, &first);
    counts.count(SessionOutcome::Successful, &first);
    let changes = counts.take_changes().unwrap();
    assert_eq!((changes.successful, changes.failed), (2, 2));
    let told: Vec<_> = changes.failures.iter().map(|(f, count)| (&**f, *count)).collect();
    let count = |failed, recovered| FailureCount { failed, recovered };
    assert_eq!(told, [(&expired, count(2, 1)), (&wrong, count(1, 0))]);

    counts.count(SessionOutcome::Successful, &[]);
    let changes = counts.take_changes().unwrap();
    assert_eq!((changes.successful, changes.failures), (3, Vec::new()), "none has changed");

    counts.touch();
    let again = counts.take_changes().unwrap();
    assert_eq!((again.successful, again.failed, again.failures.len()), (3, 2, 2));
}

#[test]
fn failures_beyond_the_limit_are_counted_by_type() {
    let mut counts = PolicyCounts::new(2);
    for number in 0..100 {
        let host = format!("mx{number}.example.com");
        let types = [ResultType::CertificateExpired, ResultType::TlsaInvalid];
        let failures = types.map(|result_type| failure(result_type, &host));
        let places = counts.places(&failures);
        counts.count(SessionOutcome::Failed, &places);
    }
    assert_eq!(counts.len(), 4);
    let changes = counts.take_changes().unwrap();
    assert_eq!(changes.failed, 100);
    let others: Vec<_> = changes.failures.iter().filter(|(f, _)| f.is_others()).collect();
    assert_eq!(others.iter().map(|(_, count)| count.failed).collect::<Vec<_>>(), [99, 99]);
}

#[test]
fn what_went_wrong_without_a_session_is_told_and_adds_none() {
    let mut day = day();
    let remark = SessionFailure::new(ResultType::StsPolicyFetchError);
    let unread = || policy(PolicyType::Sts, "example.com", &[]);
    day.add_remark(unread(), remark.clone());
    assert!(day.is_empty() && day.has_remarks());
    let alone = day.report(&face(), 1).unwrap().report;
    assert_eq!(
        summary(&alone),
        [("sts".to_owned(), 0, 0, vec![("sts-policy-fetch-error".to_owned(), 0)])]
    );
    day.add_totals(policy(PolicyType::NoPolicyFound, "example.com", &[]), 7, 1);
    let report = day.report(&face(), 1).unwrap().report;
    let [none, sts] = report.policies.as_slice() else { panic!("{report:?}") };
    assert_eq!(none.summary.successful.map(u64::from), Some(7));
    assert!(none.failure_details.is_empty());
    assert_eq!(sts.policy.policy_type, Some(PolicyType::Sts));
    assert_eq!(sts.summary.successful.map(u64::from), Some(0));
    assert_eq!(sts.summary.failed.map(u64::from), Some(0));
    let [detail] = sts.failure_details.as_slice() else { panic!("{report:?}") };
    assert_eq!(detail.result_type, Some(ResultType::StsPolicyFetchError));
    assert_eq!(detail.failed_session_count.map(u64::from), Some(0));

    // Beside a policy that is still in force it is told of that one.
    let mut day = self::day();
    day.add_totals(policy(PolicyType::Sts, "example.com", &["mode: enforce"]), 3, 0);
    day.add_totals(policy(PolicyType::Sts, "other.example", &["mode: enforce"]), 9, 0);
    day.add_remark(unread(), remark);
    let report = day.report(&face(), 1).unwrap().report;
    assert_eq!(report.policies.len(), 2);
    assert_eq!(report.policies[1].policy.policy_string, ["mode: enforce"]);
    assert_eq!(report.policies[1].failure_details.len(), 1);
}

/// Each policy with its type, its sessions, and its failures by type and count.
type Summed = Vec<(String, u64, u64, Vec<(String, u64)>)>;

fn summary(report: &Report) -> Summed {
    let of = |entry: &crate::PolicyReport| {
        let details = entry.failure_details.iter().map(|detail| {
            let result_type = detail.result_type.as_ref().unwrap().as_str().to_owned();
            (result_type, detail.failed_session_count.unwrap().value())
        });
        (
            entry.policy.policy_type.as_ref().unwrap().as_str().to_owned(),
            entry.summary.successful.unwrap().value(),
            entry.summary.failed.unwrap().value(),
            details.collect(),
        )
    };
    report.policies.iter().map(of).collect()
}

/// The same of a day, with short names.
fn told(day: &DomainDay) -> Vec<String> {
    let told = summary(&day.report(&face(), 1).unwrap().report).into_iter();
    told.map(|(policy, successful, failed, details)| {
        let details: Vec<_> = details.iter().map(|(it, count)| format!(" {it}={count}")).collect();
        format!("{policy} {successful}/{failed}{}", details.concat())
    })
    .collect()
}

#[test]
fn a_remark_is_not_told_beside_sessions_that_tell_it() {
    let mut day = day();
    let dane = policy(PolicyType::Tlsa, "mx1.example.com", &["2 0 1 AA"]);
    day.add_totals(dane.clone(), 1, 2);
    let invalid = failure(ResultType::TlsaInvalid, "mx1.example.com");
    day.add_failure(dane.clone(), invalid.clone(), FailureCount { failed: 2, recovered: 0 });
    day.add_remark(dane.without_texts(), invalid);
    assert_eq!(told(&day), ["tlsa 1/2 tlsa-invalid=2"]);
    // Of another host it is news, and one that no session ended by is, too.
    day.add_remark(dane.without_texts(), failure(ResultType::TlsaInvalid, "mx2.example.com"));
    day.add_remark(dane.without_texts(), failure(ResultType::DaneRequired, "mx1.example.com"));
    assert_eq!(told(&day), ["tlsa 1/2 tlsa-invalid=2 tlsa-invalid=0 dane-required=0"]);
}

#[test]
fn a_policy_that_was_held_beside_dane_is_told_without_sessions() {
    let mut day = day();
    let sts = policy(PolicyType::Sts, "example.com", &["version: STSv1", "mode: enforce"]);
    day.add_held(sts);
    assert_eq!(day.report(&face(), 1), Err(BuildError::NoSession));
    day.add_totals(policy(PolicyType::Tlsa, "mx.example.com", &["3 1 1 AA"]), 5, 1);
    assert_eq!(told(&day), ["tlsa 5/1", "sts 0/0"]);
    let report = day.report(&face(), 1).unwrap().report;
    assert_eq!(report.policies[1].policy.policy_string, ["version: STSv1", "mode: enforce"]);
    // What a mail server told is the same policy in fewer words: the whole text is reported.
    let whole = ["version: STSv1", "mode: enforce", "mx:mx.example.com", "oops", "max_age: 604800"];
    let brief = ["version: STSv1", "mode: enforce", "mx: mx.example.com", "max_age: 604800"];
    let older = ["version: STSv1", "mode: enforce", "mx: mx.example.com", "max_age: 86400"];
    let mut told_of = self::day();
    for (lines, successful) in [(&brief, 4), (&older, 2)] {
        told_of.add_totals(policy(PolicyType::Sts, "example.com", lines), successful, 0);
    }
    let skipped = failure(ResultType::ValidationFailure, "mx9.example.com");
    told_of.add_remark(policy(PolicyType::Sts, "example.com", &whole), skipped);
    told_of.add_held(policy(PolicyType::Sts, "example.com", &whole));
    assert_eq!(told(&told_of), ["sts 4/0 validation-failure=0", "sts 2/0"]);
    let report = told_of.report(&face(), 1).unwrap().report;
    assert_eq!(report.policies[0].policy.policy_string, whole);
    assert_eq!(report.policies[1].policy.policy_string, older);
    // Report mails that are left out take it along only when nothing else is left.
    day.leave_out(5);
    assert_eq!(told(&day), ["tlsa 0/1", "sts 0/0"]);
}

/// A moment of the day of [`day`], or of one beside it.
fn at(hour: i64, minute: i64) -> jiff::Timestamp {
    let midnight: jiff::Timestamp = "2026-11-25T00:00:00Z".parse().unwrap();
    midnight + jiff::SignedDuration::from_mins(hour * 60 + minute)
}

fn testing() -> SeenPolicy {
    policy(PolicyType::Sts, "example.com", &["mode: testing", "mx: *.example.com"])
}

fn look(at: jiff::Timestamp, hosts: &[HostProbe]) -> Look {
    Look { at, policy: testing(), hosts: hosts.to_vec() }
}

fn probe(host: &str, result: ProbeResult) -> HostProbe {
    HostProbe { host: host.parse().unwrap(), result }
}

fn passes(host: &str) -> HostProbe {
    probe(host, ProbeResult::Passes)
}

fn fails(host: &str, result_type: ResultType) -> HostProbe {
    probe(host, ProbeResult::Fails(failure(result_type, host)))
}

/// 24 sessions with TLS and without a policy, one in each hour, and what the looks make of them.
fn judged(looks: &[Look]) -> Vec<String> {
    let mut day = day();
    let none = policy(PolicyType::NoPolicyFound, "example.com", &[]);
    let mut hours = HourlySessions::default();
    for hour in 0..24 {
        hours.add(at(hour, 30).as_second(), 1);
    }
    day.add_totals(none, 24, 0);
    day.add_totals(policy(PolicyType::Tlsa, "mx1.example.com", &["3 1 1 AA"]), 50, 0);
    day.judge_by_looks(&hours, looks);
    let told = told(&day);
    assert_eq!(told[0], "tlsa 50/0");
    told[1..].to_vec()
}

#[test]
fn what_hosts_showed_moves_sessions_and_adds_none() {
    let (mx1, mx2) = ("mx1.example.com", "mx2.example.com");
    let (expired, untrusted) = (ResultType::CertificateExpired, ResultType::CertificateNotTrusted);
    // Both ends of the day, and every six hours.
    let throughout = |hosts: &[HostProbe]| -> Vec<Look> {
        (0..=4).map(|turn| look(at(turn * 6 - turn / 4, 10), hosts)).collect()
    };
    let judged = |hosts: &[HostProbe]| judged(&throughout(hosts));
    assert_eq!(judged(&[passes(mx1), passes(mx2)]), ["sts 24/0"]);
    // One host, or all with one fault: so it was.
    assert_eq!(judged(&[fails(mx1, expired.clone())]), ["sts 0/24 certificate-expired=24"]);
    assert_eq!(
        judged(&[fails(mx1, expired.clone()), fails(mx2, expired.clone())]),
        ["sts 0/24 certificate-expired=24 certificate-expired=0 certificate-expired=0"]
    );
    // All fail, each in its own way: which one a session met nobody knows.
    assert_eq!(
        judged(&[fails(mx1, expired.clone()), fails(mx2, untrusted)]),
        ["sts 0/24 validation-failure=24 certificate-expired=0 certificate-not-trusted=0"]
    );
    // Where a session went, or what it would have met, nobody knows: nothing is moved.
    for other in [passes(mx2), probe(mx2, ProbeResult::Unknown)] {
        let told = judged(&[fails(mx1, expired.clone()), other]);
        assert_eq!(told, ["no-policy-found 24/0", "sts 0/0 certificate-expired=0"]);
    }
    assert_eq!(judged(&[passes(mx1), probe(mx2, ProbeResult::Unknown)]), ["no-policy-found 24/0"]);
    assert_eq!(judged(&[]), ["no-policy-found 24/0"]);
}

/// The sessions of a whole day were once judged by looks at a part of it.
#[test]
fn sessions_far_from_any_look_stay_as_they_were_told() {
    let mx = "mx1.example.com";
    let good = |hour, minute| look(at(hour, minute), &[passes(mx)]);
    let bad = |hour, minute| look(at(hour, minute), &[fails(mx, ResultType::CertificateExpired)]);
    let untold = "no-policy-found 24/0";
    // One look speaks for its hour alone.
    assert_eq!(judged(&[good(9, 5)]), ["no-policy-found 23/0", "sts 1/0"]);
    // Between two that agree: from nine to three, the hours of both included.
    assert_eq!(judged(&[good(15, 50), good(9, 5)]), ["no-policy-found 17/0", "sts 7/0"]);
    assert_eq!(
        judged(&[bad(9, 5), bad(15, 50)]),
        ["no-policy-found 17/0", "sts 0/7 certificate-expired=7"]
    );
    // It was mended in between: when, nobody saw. What failed is told all the same.
    assert_eq!(judged(&[bad(9, 5), good(15, 50)]), [untold, "sts 0/0 certificate-expired=0"]);
    // Then it stayed so.
    assert_eq!(
        judged(&[bad(9, 5), good(15, 50), good(21, 50)]),
        ["no-policy-found 18/0", "sts 6/0 certificate-expired=0"]
    );
    // Broken and mended within an hour.
    assert_eq!(judged(&[good(9, 5), bad(9, 30), good(9, 50)])[0], untold);
    // Too far apart, each speaks for its hour.
    assert_eq!(judged(&[good(2, 0), good(14, 1)]), ["no-policy-found 22/0", "sts 2/0"]);
    // What was seen on the day before and on the day after is what it was near midnight; what failed
    // then is of those days.
    assert_eq!(judged(&[bad(-2, 0), bad(3, 0)])[1], "sts 0/4 certificate-expired=4");
    assert_eq!(judged(&[good(-2, 0), good(-1, 0)]), [untold]);
    assert_eq!(judged(&[bad(-2, 0), good(26, 0)]), [untold]);
    // The policy changed in between.
    let other = policy(PolicyType::Sts, "example.com", &["mode: testing", "mx: mx1.example.com"]);
    assert_eq!(judged(&[good(9, 5), Look { policy: other, ..good(15, 50) }]), [untold]);
}

#[test]
fn only_sessions_with_tls_whose_hour_is_known_are_judged() {
    let mut day = day();
    let none = policy(PolicyType::NoPolicyFound, "example.com", &[]);
    let stripped = failure(ResultType::StartTlsNotSupported, "mx1.example.com");
    day.add_totals(none.clone(), 7, 2);
    day.add_failure(none, stripped, FailureCount { failed: 2, recovered: 0 });
    let mut hours = HourlySessions::default();
    hours.add(at(9, 0).as_second(), 4);
    day.leave_out(1);
    let mut all = day.clone();
    day.judge_by_looks(&hours, &[look(at(9, 59), &[passes("mx1.example.com")])]);
    // The one that was left out may be of that hour.
    assert_eq!(told(&day), ["no-policy-found 3/2 starttls-not-supported=2", "sts 3/0"]);
    // More than there are.
    hours.add(at(9, 0).as_second(), 4);
    all.judge_by_looks(&hours, &[look(at(9, 59), &[passes("mx1.example.com")])]);
    assert_eq!(told(&all), ["sts 6/0", "no-policy-found 0/2 starttls-not-supported=2"]);
}

/// A report of ours goes out at night, and the hosts are looked at because of it.
#[test]
fn a_session_is_not_judged_in_place_of_one_that_was_left_out() {
    let mut day = day();
    day.add_totals(policy(PolicyType::NoPolicyFound, "example.com", &[]), 2, 0);
    let mut hours = HourlySessions::default();
    hours.add(at(1, 0).as_second(), 1);
    hours.add(at(8, 0).as_second(), 1);
    day.leave_out(1);
    let bad = |hour| look(at(hour, 5), &[fails("mx1.example.com", ResultType::CertificateExpired)]);
    let looks = [bad(1), bad(5), look(at(11, 5), &[passes("mx1.example.com")])];
    day.judge_by_looks(&hours, &looks);
    assert_eq!(told(&day)[0], "no-policy-found 1/0");
}

/// Those that complied first, then those that failed in the way in which most did.
#[test]
fn as_many_sessions_are_left_out_as_brought_reports() {
    let mut day = day();
    let none = policy(PolicyType::NoPolicyFound, "example.com", &[]);
    let sts = policy(PolicyType::Sts, "example.com", &["version: STSv1"]);
    day.add_totals(none.clone(), 1, 0);
    day.add_totals(sts.clone(), 3, 5);
    let count = |failed, recovered| FailureCount { failed, recovered };
    let expired = failure(ResultType::CertificateExpired, "mx1.example.com");
    day.add_failure(sts.clone(), expired, count(3, 2));
    // One session met this one too.
    day.add_failure(sts, failure(ResultType::TlsaInvalid, "mx2.example.com"), count(3, 0));
    let left = |sessions: u64| {
        let mut day = day.clone();
        day.leave_out(sessions);
        told(&day)
    };
    let both = "sts 3/5 certificate-expired=3 tlsa-invalid=3";
    assert_eq!(left(0), [both, "no-policy-found 1/0"]);
    assert_eq!(left(1), [both]);
    assert_eq!(left(2), ["sts 2/5 certificate-expired=3 tlsa-invalid=3"]);
    assert_eq!(left(5), ["sts 2/2 certificate-expired=2"]);
    assert_eq!(left(7), ["sts 2/0"]);
    assert_eq!(left(8), ["sts 1/0"]);
    for all in [9, 10, u64::MAX] {
        let mut day = day.clone();
        day.leave_out(all);
        assert!(day.is_empty() && day.policies().len() == 0);
    }
}

#[test]
fn the_hours_of_sessions_are_read_as_they_were_written() {
    let mut hours = HourlySessions::default();
    assert_eq!(hours.to_string(), "");
    for (hour, sessions) in [(0, 3), (9, 1), (9, 1), (23, u64::MAX), (23, 1)] {
        hours.add(at(hour, 59).as_second(), sessions);
    }
    assert_eq!(hours.to_string(), "0:3 9:2 23:18446744073709551615");
    assert_eq!(hours.to_string().parse(), Ok(hours.clone()));
    let mut both = hours.clone();
    both.add_all(&hours);
    assert_eq!(both.to_string(), "0:6 9:4 23:18446744073709551615");
    for bad in ["24:1", "9", "9:", ":1", "9:-1", "9:1x"] {
        assert_eq!(bad.parse::<HourlySessions>(), Err(HourlySessionsError), "{bad}");
    }
}

#[test]
fn a_report_has_every_field() {
    let text = br#"{"dpv": "1","d": "example.org","pr": "v=TLSRPTv1;rua=mailto:tls@example.org","policies":[{"policy-type":2,"policy-domain": "example.org","policy-string":["version: STSv1","mode: enforce","mx: *.mail.example.org","max_age: 604800","oops"],"mx-host":["*.mail.example.org"],"failure-details":[{"c":205,"s": "10.0.0.1","n": "mx1.mail.example.org","h": "250-mx1.mail.example.org\r\n250 PIPELINING","r": "2001:db8::7","a": "https://example.org/chain","f": "self-signed_certificate"}],"t":1,"f":1}]}"#;
    let session = Session::read(text).unwrap().session;
    let mut day = DomainDay::new(session.domain, date(2026, 11, 25));
    let seen = &session.policies[0];
    day.add_totals(seen.policy.clone(), 7, 2);
    day.add_failure(
        seen.policy.clone(),
        seen.failures[0].clone(),
        FailureCount { failed: 2, recovered: 5 },
    );
    let mut face = face();
    face.addresses.insert("10.0.0.1".parse().unwrap(), "192.0.2.1".parse().unwrap());
    let built = day.report(&face, 1).unwrap();
    assert_eq!(
        built.json,
        r#"{"organization-name":"Reporter","date-range":{"start-datetime":"2026-11-25T00:00:00Z","end-datetime":"2026-11-25T23:59:59Z"},"contact-info":"tls@reporter.example","report-id":"2026-11-25.example.org.1@reporter.example","policies":[{"policy":{"policy-type":"sts","policy-string":["version: STSv1","mode: enforce","mx: *.mail.example.org","max_age: 604800","oops"],"policy-domain":"example.org","mx-host":["*.mail.example.org"]},"summary":{"total-successful-session-count":7,"total-failure-session-count":2},"failure-details":[{"result-type":"validation-failure","sending-mta-ip":"192.0.2.1","receiving-mx-hostname":"mx1.mail.example.org","receiving-mx-helo":"mx1.mail.example.org","receiving-ip":"2001:db8::7","failed-session-count":2,"additional-information":"https://example.org/chain","failure-reason-code":"self-signed_certificate"}]}]}"#
    );
    assert_eq!(built.submitter.as_str(), "reporter.example");
    let reading = Report::read(built.json.as_bytes(), &crate::ReportLimits::default());
    assert_eq!(reading.repairs, [], "there is nothing to note");
}

#[test]
fn addresses_behind_a_nat_are_one() {
    let mut day = day();
    let seen = policy(PolicyType::NoPolicyFound, "example.com", &[]);
    day.add_totals(seen.clone(), 0, 5);
    let mut face = face();
    for (address, failed) in [("10.0.0.1", 2), ("10.0.0.2", 3)] {
        let mut failure = failure(ResultType::StartTlsNotSupported, "mx.example.com");
        failure.sending_mta_ip = address.parse().ok();
        day.add_failure(seen.clone(), failure, FailureCount { failed, recovered: 0 });
        face.addresses.insert(address.parse().unwrap(), IpAddr::from([192, 0, 2, 1]));
    }
    let report = day.report(&face, 1).unwrap().report;
    let details = &report.policies[0].failure_details;
    assert_eq!(details.len(), 1);
    assert_eq!(details[0].failed_session_count.map(u64::from), Some(5));
}

#[test]
fn what_is_left_out_is_summed_up() {
    let mut day = day();
    let seen = policy(PolicyType::Sts, "example.com", &["version: STSv1"]);
    day.add_totals(seen.clone(), 0, 100);
    for number in 1..=10_u64 {
        let failure = failure(ResultType::CertificateExpired, &format!("mx{number}.example.com"));
        day.add_failure(seen.clone(), failure, FailureCount { failed: number, recovered: 1 });
    }
    let others = SessionFailure::others(ResultType::CertificateExpired);
    day.add_failure(seen, others, FailureCount { failed: 45, recovered: 0 });
    let built = day.report(&ReportFace { most_failures: 3, ..face() }, 2).unwrap();
    assert_eq!(built.failures_summed_up, 7);
    let counts: Vec<_> = built.report.policies[0]
        .failure_details
        .iter()
        .map(|detail| {
            (detail.receiving_mx_hostname.is_some(), detail.failed_session_count.unwrap().value())
        })
        .collect();
    assert_eq!(counts, [(true, 10), (true, 9), (true, 8), (false, 28 + 45)]);
    assert_eq!(
        built.report.report_id.as_deref(),
        Some("2026-11-25.example.com.2@reporter.example")
    );
}

#[test]
fn a_report_fits_however_much_there_was() {
    let mut day = day();
    for number in 0..400 {
        let lines: Vec<String> =
            (0..20).map(|line| format!("{number} {line} {}", "x".repeat(200))).collect();
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let seen = policy(PolicyType::Sts, "example.com", &lines);
        day.add_totals(seen.clone(), number, 1);
        day.add_failure(
            seen,
            failure(ResultType::TlsaInvalid, &format!("mx{number}.example.com")),
            FailureCount { failed: 1, recovered: 0 },
        );
    }
    for most_octets in [1_000, 20_000, 10_000_000] {
        let built =
            day.report(&ReportFace { most_octets, most_policies: 1_000, ..face() }, 1).unwrap();
        assert!(built.json.len() <= most_octets, "{}", built.json.len());
        let sum = |of: fn(&crate::Summary) -> Option<crate::SessionCount>| {
            let policies = built.report.policies.iter();
            policies.map(|entry| of(&entry.summary).unwrap().value()).sum::<u64>()
        };
        assert_eq!((sum(|s| s.successful), sum(|s| s.failed)), (399 * 400 / 2, 400));
    }
    let narrow = day.report(&ReportFace { most_octets: 100, ..face() }, 1);
    assert_eq!(narrow, Err(BuildError::TooLong(100)));
}

#[test]
fn what_cannot_be_told_is_not() {
    assert_eq!(day().report(&face(), 1), Err(BuildError::NoSession));
    let mut day = day();
    day.add_totals(policy(PolicyType::Tlsa, "mx.example.com", &["3 1 1 AA"]), 1, 0);
    for contact in ["", "tls", "@reporter.example", "tls@", "tls@a..b"] {
        assert_eq!(day.report(&ReportFace::new("Reporter", contact), 1), Err(BuildError::Contact));
    }
    let nameless = day.report(&ReportFace::new("", "tls@reporter.example"), 1);
    assert!(matches!(nameless, Err(BuildError::Unfit(_))), "{nameless:?}");
}

#[test]
fn a_line_that_looks_like_several_stays_one() {
    let mut day = day();
    let lines = [r#"["mx: a.test"]"#, "1; 2", "[not json", "mode: testing; x"];
    day.add_totals(policy(PolicyType::Sts, "example.com", &lines), 1, 0);
    let built = day.report(&face(), 1).unwrap();
    let strings = &built.report.policies[0].policy.policy_string;
    assert_eq!(*strings, [r#"\["mx: a.test"]"#, r"\1; 2", "[not json", "mode: testing; x"]);
}

/// Sessions over a few domains, policies and failures, as datagrams with all kinds of texts.
fn datagram() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        3 => "[ -~]{0,20}",
        1 => any::<String>(),
        1 => Just("[\"a\"]".to_owned()),
        1 => Just("3 1 1 AB; 3 1 1 CD".to_owned()),
        1 => Just("mx: mx: *.a.test".to_owned()),
        1 => Just("https://a.test/\u{e9}".to_owned()),
        1 => Just("2001:DB8::1".to_owned()),
        1 => Just("mx.A.test.".to_owned()),
    ];
    let quoted = text.prop_map(|text| serde_json::to_string(&text).unwrap());
    let codes = vec![201, 202, 203, 204, 205, 301, 302, 303, 304, 305, 306, 901];
    let code = prop::sample::select(codes);
    let member = (prop::sample::select(vec!["s", "n", "h", "r", "a", "f"]), quoted.clone());
    let failure = (code, prop::collection::vec(member, 0..4)).prop_map(|(code, mut members)| {
        members.sort();
        members.dedup_by(|a, b| a.0 == b.0);
        let members: Vec<_> =
            members.iter().map(|(key, text)| format!(",\"{key}\":{text}")).collect();
        format!("{{\"c\":{code}{}}}", members.concat())
    });
    let texts = prop::collection::vec(quoted, 0..3).prop_map(|texts| texts.join(","));
    let policy = (
        prop::sample::select(vec![1, 2, 9]),
        prop::sample::select(vec!["a.test", "mx.a.test"]),
        texts.clone(),
        texts,
        prop::collection::vec(failure, 0..4),
        0..=1,
    )
        .prop_map(|(kind, domain, strings, mx, failures, result)| {
            format!(
                r#"{{"policy-type":{kind},"policy-domain": "{domain}","policy-string":[{strings}],"mx-host":[{mx}],"failure-details":[{}],"t":{},"f":{result}}}"#,
                failures.join(","),
                failures.len()
            )
        });
    prop::collection::vec(policy, 1..3).prop_map(|policies| {
        format!(r#"{{"dpv": "1","d": "a.test","policies":[{}]}}"#, policies.join(","))
    })
}

proptest! {
    /// Whatever a mail server tells, in any order and through any number of counters: each session is
    /// in the report once for each policy, and our strict reader takes the report.
    #[test]
    fn sums_are_exact_and_reports_are_strict(
        datagrams in prop::collection::vec((datagram(), 0..3_usize), 1..12),
        limit in 0..4_usize,
        most_failures in 0..4_usize,
        most_policies in 0..4_usize,
    ) {
        let mut counters: Vec<BTreeMap<SeenPolicy, PolicyCounts>> = vec![BTreeMap::new(); 3];
        let mut expected = (0_u64, 0_u64);
        for (datagram, counter) in &datagrams {
            let reading = Session::read(datagram.as_bytes());
            prop_assert!(reading.is_ok(), "{}: {:?}", datagram, reading);
            for seen in reading.unwrap().session.policies {
                prop_assert_eq!(SeenPolicy::from_json(&seen.policy.to_json()), Some(seen.policy.clone()));
                for failure in &seen.failures {
                    prop_assert_eq!(SessionFailure::from_json(&failure.to_json()), Some(failure.clone()));
                }
                match seen.outcome {
                    SessionOutcome::Successful => expected.0 += 1,
                    SessionOutcome::Failed => expected.1 += 1,
                }
                let new = || PolicyCounts::new(limit);
                let counts = counters[*counter].entry(seen.policy).or_insert_with(new);
                let places = counts.places(&seen.failures);
                counts.count(seen.outcome, &places);
            }
        }
        let mut day = DomainDay::new("a.test".parse().unwrap(), date(2026, 11, 25));
        for (policy, mut counts) in counters.into_iter().flatten() {
            let changes = counts.take_changes().unwrap();
            day.add_totals(policy.clone(), changes.successful, changes.failed);
            for (failure, count) in changes.failures {
                prop_assert!(count.failed <= changes.failed);
                day.add_failure(policy.clone(), (*failure).clone(), count);
            }
        }
        let built = day.report(&ReportFace { most_failures, most_policies, ..face() }, 1);
        prop_assert!(built.is_ok(), "{:?}", built);
        let report = Report::parse(built.unwrap().json.as_bytes()).unwrap();
        let sum = |of: fn(&crate::Summary) -> Option<crate::SessionCount>| {
            report.policies.iter().map(|entry| of(&entry.summary).unwrap().value()).sum::<u64>()
        };
        prop_assert_eq!((sum(|s| s.successful), sum(|s| s.failed)), expected);
        let _ = Tally::of(&report);
    }

    /// Whatever is seen of the hosts and whenever: sessions are told elsewhere, and none is made or
    /// lost; none is moved whose hour no look is near, and none but those of mode testing.
    #[test]
    fn looks_reclassify_sessions_and_add_none(
        sessions in prop::collection::vec((0..24_i64, 0..60_i64, 0..5_u64), 0..12),
        of_unknown_hours in 0..5_u64,
        failed in 0..5_u64,
        looks in prop::collection::vec((-24..48_i64, 0..60_i64, 0..3_usize, 0..2_usize), 0..10),
        own_mails in 0..4_u64,
    ) {
        let (mut day, mut hours) = (day(), HourlySessions::default());
        let none = policy(PolicyType::NoPolicyFound, "example.com", &[]);
        for (hour, minute, count) in &sessions {
            hours.add(at(*hour, *minute).as_second(), *count);
            day.add_totals(none.clone(), *count, 0);
        }
        day.add_totals(none, of_unknown_hours, failed);
        day.add_totals(policy(PolicyType::Tlsa, "mx.example.com", &["3 1 1 AA"]), 5, 5);
        let without = |day: &DomainDay| {
            let found = day.policies().filter(|(it, _)| it.policy_type == PolicyType::NoPolicyFound);
            found.map(|(_, it)| it.successful).sum::<u64>()
        };
        let told = without(&day);
        day.leave_out(own_mails);
        let left_out = told - without(&day);
        let looks: Vec<Look> = looks
            .into_iter()
            .map(|(hour, minute, shown, policies)| {
                let mx = "mx.example.com";
                let result = match shown {
                    0 => passes(mx),
                    1 => fails(mx, ResultType::CertificateExpired),
                    _ => probe(mx, ProbeResult::Unknown),
                };
                let mut look = look(at(hour, minute), &[result]);
                look.policy.strings.truncate(2 - policies);
                look
            })
            .collect();
        let sums = |day: &DomainDay, of: PolicyType| {
            let of_type = day.policies().filter(|(policy, _)| policy.policy_type == of);
            of_type.fold((0, 0), |sum, (_, it)| (sum.0 + it.successful, sum.1 + it.failed))
        };
        let all = |day: &DomainDay| {
            day.policies().map(|(_, it)| it.successful + it.failed).sum::<u64>()
        };
        let before = day.clone();
        day.judge_by_looks(&hours, &looks);
        prop_assert_eq!(all(&day), all(&before));
        prop_assert_eq!(sums(&day, PolicyType::Tlsa), sums(&before, PolicyType::Tlsa));
        prop_assert_eq!(sums(&day, PolicyType::NoPolicyFound).1, failed);
        // Each that was moved is of an hour with a look in it, or with one on both sides.
        let near = |hour: i64| {
            let (begin, end) = (at(hour, 0), at(hour + 1, 0));
            let (is_before, is_after) = (
                looks.iter().any(|look| look.at < begin),
                looks.iter().any(|look| look.at >= end),
            );
            looks.iter().any(|look| (begin..end).contains(&look.at)) || (is_before && is_after)
        };
        let movable: u64 =
            (0..).zip(hours.iter()).filter(|(hour, _)| near(*hour)).map(|(_, count)| count).sum();
        let moved = sums(&day, PolicyType::Sts);
        let movable = movable.saturating_sub(left_out);
        prop_assert!(moved.0 + moved.1 <= movable, "{:?} of {}", moved, movable);
        let is_shown = |shown: fn(&ProbeResult) -> bool| {
            looks.iter().any(|look| shown(&look.hosts[0].result))
        };
        prop_assert!(moved.0 == 0 || is_shown(|it| *it == ProbeResult::Passes));
        prop_assert!(moved.1 == 0 || is_shown(|it| matches!(it, ProbeResult::Fails(_))));
    }

    #[test]
    fn no_octets_make_it_panic(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Session::read(&octets);
    }
}
