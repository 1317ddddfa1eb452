//! What holds for every report: reading, writing, counting.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use mail_domain::DomainName;
use proptest::prelude::*;
use tls_rpt::{
    AppliedPolicy, Bounds, DateRange, Days, FailureDetail, FailureTally, Parsed, PolicyReport,
    PolicyType, Report, ReportError, ReportLimits, ResultType, SessionCount, Severity, Summary,
    Tally, locate,
};

// ---- Reports that are right

fn word() -> impl Strategy<Value = String> {
    "[a-zA-Zéß0-9 :;,.*_/\"\\\\{}\u{1}\u{7f}\u{1F600}-]{1,12}"
}

fn domain() -> impl Strategy<Value = DomainName> {
    let name = prop::sample::select(vec!["a.example", "b.example", "xn--bcher-kva.example"]);
    name.prop_map(|name| DomainName::parse(name).unwrap())
}

fn count() -> impl Strategy<Value = SessionCount> {
    let most = SessionCount::MAX.value();
    prop_oneof![0..20_u64, 0..=most, most..=most].prop_map(|n| SessionCount::new(n).unwrap())
}

fn policy_type() -> impl Strategy<Value = PolicyType> {
    prop_oneof![
        4 => prop::sample::select(PolicyType::DEFINED.to_vec()),
        1 => "[a-z]{3,8}-x".prop_map(|name| PolicyType::from(name.as_str())),
    ]
}

fn result_type() -> impl Strategy<Value = ResultType> {
    prop_oneof![
        4 => prop::sample::select(ResultType::REGISTERED.to_vec()),
        1 => "[a-z]{3,8}-x".prop_map(|name| ResultType::from(name.as_str())),
    ]
}

fn address() -> impl Strategy<Value = Parsed<IpAddr>> {
    any::<IpAddr>().prop_map(Parsed::Valid)
}

fn detail() -> impl Strategy<Value = FailureDetail> {
    (
        result_type(),
        prop::option::of(address()),
        prop::option::of(address()),
        prop::option::of(domain()),
        prop::option::of(word()),
        count(),
        prop::option::of(word()),
        any::<bool>(),
    )
        .prop_map(|(result, sending, receiving, mx, helo, count, reason, has_uri)| {
            FailureDetail {
                result_type: Some(result),
                sending_mta_ip: sending,
                receiving_ip: receiving,
                receiving_mx_hostname: mx.map(Parsed::Valid),
                receiving_mx_helo: helo,
                failed_session_count: Some(count),
                additional_information: has_uri.then(|| "https://a.example/?b#c".to_owned()),
                failure_reason_code: reason,
                ..FailureDetail::default()
            }
        })
}

fn entry() -> impl Strategy<Value = PolicyReport> {
    let lines = prop::collection::vec("[a-z]{1,8}: [a-z0-9.*]{1,12}", 0..4);
    let hosts = prop::collection::vec("(\\*\\.)?[a-z]{1,8}\\.example", 0..3);
    (policy_type(), lines, domain(), hosts, count(), prop::collection::vec(detail(), 0..4))
        .prop_map(
            |(policy_type, policy_string, domain, mx_host, successful, mut failure_details)| {
                // The total is no less than any part of it.
                let counts = failure_details.iter().filter_map(|d| d.failed_session_count);
                let failed = counts.max().unwrap_or(SessionCount::ZERO);
                failure_details.truncate(3);
                PolicyReport {
                    policy: AppliedPolicy {
                        policy_type: Some(policy_type),
                        policy_string,
                        policy_domain: Some(Parsed::Valid(domain)),
                        mx_host,
                        ..AppliedPolicy::default()
                    },
                    summary: Summary {
                        successful: Some(successful),
                        failed: Some(failed),
                        ..Summary::default()
                    },
                    failure_details,
                    ..PolicyReport::default()
                }
            },
        )
}

/// Reports are of 2015 and later.
fn range() -> impl Strategy<Value = DateRange> {
    (1_420_070_400..2_500_000_000_i64, 1..40_000_000_i64, 0..1_000_000_000_i32).prop_map(
        |(start, length, nanoseconds)| DateRange {
            start: Some(Timestamp::new(start, 0).unwrap()),
            end: Some(Timestamp::new(start + length, nanoseconds).unwrap()),
        },
    )
}

fn report() -> impl Strategy<Value = Report> {
    (word(), word(), range(), prop::collection::vec(entry(), 1..5)).prop_map(
        |(organization_name, report_id, date_range, policies)| Report {
            organization_name: Some(organization_name),
            date_range,
            contact_info: Some("tls@reporter.example".to_owned()),
            report_id: Some(report_id),
            policies,
            ..Report::default()
        },
    )
}

// ---- Texts that are not quite

/// Parts of a text are cut out, doubled, or replaced by what reporters have put there.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "",
        "null",
        "NaN",
        "\"\"",
        "[]",
        "{}",
        "-1",
        "1e9",
        "9.5",
        ",",
        "\"",
        "}",
        "]",
        "[",
        "{",
        "\\",
        "\\ud800",
        "\u{FEFF}",
        "\0",
        "\"policies\":",
        "\"mx-host-pattern\":",
        "\"x\":[[[[]]]],",
        "é",
        "999999999999999999999",
    ]);
    let change = (any::<prop::sample::Index>(), 0..30_usize, piece);
    (report(), prop::collection::vec(change, 0..6)).prop_map(|(report, changes)| {
        let mut text = serde_json::to_vec(&report).unwrap();
        for (place, length, piece) in changes {
            let start = place.index(text.len() + 1);
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.bytes());
        }
        text
    })
}

fn check_reading(text: &[u8]) -> Result<(), TestCaseError> {
    let reading = Report::read(text, &ReportLimits::default());
    for repair in &reading.repairs {
        let message = repair.to_string();
        prop_assert!(!message.contains(char::is_control), "{message:?} holds control characters");
        for span in [locate(text, &repair.place), repair.span(text)].into_iter().flatten() {
            prop_assert!(text.get(span.range()).is_some(), "{repair} is outside the text");
        }
    }
    let first = reading.repairs.iter().find(|repair| repair.kind.severity() > Severity::Unusual);
    match (Report::parse(text), reading.refusal, first) {
        (Err(ReportError::Refused(found)), Some(refusal), _) => prop_assert_eq!(found, refusal),
        (Err(ReportError::Faulty(found)), None, Some(first)) => prop_assert_eq!(&found, first),
        (Ok(report), None, None) => {
            prop_assert_eq!(&report, &reading.report);
            let written = report.to_json();
            prop_assert!(written.is_ok(), "{written:?} for what the strict reader takes");
        }
        other => prop_assert!(false, "{:?}", other),
    }
    // What was read can be written, and says the same again.
    let again = serde_json::to_vec(&reading.report).unwrap();
    if reading.refusal.is_none() {
        prop_assert_eq!(&Report::read(&again, &ReportLimits::default()).report, &reading.report);
    }
    let tally = Tally::of(&reading.report);
    prop_assert!(!reading.is_complete() || tally.domains.iter().all(|domain| domain.is_complete));
    for domain in &tally.domains {
        let sessions = domain.sessions;
        for bounds in [sessions.total, sessions.successful, sessions.failed] {
            prop_assert!(bounds.lower <= bounds.likely && bounds.likely <= bounds.upper);
        }
        prop_assert_eq!(sessions.total.likely, sessions.successful.likely + sessions.failed.likely);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_written_is_read_back(report in report()) {
        let written = report.to_json();
        prop_assert!(written.is_ok(), "{written:?}");
        let reading = Report::read(written.unwrap().as_bytes(), &ReportLimits::default());
        prop_assert_eq!(&reading.report, &report);
        prop_assert!(reading.is_complete());
        let faults = reading.repairs.iter().filter(|r| r.kind.severity() > Severity::Unusual);
        prop_assert_eq!(faults.count(), 0);
    }

    #[test]
    fn changed_texts_are_read_as_far_as_possible(text in mutated()) {
        check_reading(&text)?;
    }

    #[test]
    fn utf_16_says_the_same(report in report(), is_big in any::<bool>(), has_mark in any::<bool>()) {
        let text = report.to_json().unwrap();
        let mark = if has_mark { "\u{FEFF}" } else { "" };
        let units: Vec<u16> = mark.encode_utf16().chain(text.encode_utf16()).collect();
        let write = |unit: u16| if is_big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        let octets: Vec<u8> = units.into_iter().flat_map(write).collect();
        check_reading(&octets)?;
        prop_assert_eq!(Report::read(&octets, &ReportLimits::default()).report, report);
    }

    #[test]
    fn any_octets(text in prop::collection::vec(any::<u8>(), 0..300), pointer in "(/[a-z0-9~]{0,3}){0,4}") {
        check_reading(&text)?;
        let _ = locate(&text, &pointer);
    }
}

// ---- Numbers

/// What became of one session under each policy: not applied, good, or failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    NotApplied,
    Good,
    Failed,
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![Outcome::NotApplied, Outcome::Good, Outcome::Failed])
}

/// A session: under `tlsa`, under `sts`, under a type that we do not know. With neither of the first
/// two it is counted as `no-policy-found`, which it passes or not.
type Session = (Outcome, Outcome, Outcome, bool);

#[derive(Default)]
struct Counts(BTreeMap<&'static str, (u32, u32)>);

impl Counts {
    fn add(&mut self, policy_type: &'static str, outcome: Outcome) {
        let (good, failed) = self.0.entry(policy_type).or_default();
        match outcome {
            Outcome::NotApplied => {}
            Outcome::Good => *good += 1,
            Outcome::Failed => *failed += 1,
        }
    }
}

/// The report of one who saw these sessions, and how many there were, good and failed.
fn observed(sessions: &[Session]) -> (Report, u64, u64) {
    let mut counts = Counts::default();
    let (mut good, mut failed) = (0, 0);
    for (tlsa, sts, other, passes) in sessions {
        let mut outcomes = vec![("tlsa", *tlsa), ("sts", *sts), ("new-kind", *other)];
        if *tlsa == Outcome::NotApplied && *sts == Outcome::NotApplied {
            let outcome = if *passes { Outcome::Good } else { Outcome::Failed };
            outcomes.push(("no-policy-found", outcome));
        }
        if outcomes.iter().any(|(_, outcome)| *outcome == Outcome::Failed) {
            failed += 1;
        } else {
            good += 1;
        }
        for (policy_type, outcome) in outcomes {
            counts.add(policy_type, outcome);
        }
    }
    let entry = |(policy_type, (good, failed)): (&&str, &(u32, u32))| PolicyReport {
        policy: AppliedPolicy {
            policy_type: Some(PolicyType::from(*policy_type)),
            policy_domain: Some(Parsed::Valid(DomainName::parse("a.example").unwrap())),
            ..AppliedPolicy::default()
        },
        summary: Summary {
            successful: Some((*good).into()),
            failed: Some((*failed).into()),
            ..Summary::default()
        },
        failure_details: vec![FailureDetail {
            result_type: Some(ResultType::ValidationFailure),
            failed_session_count: Some((*failed).into()),
            ..FailureDetail::default()
        }],
        ..PolicyReport::default()
    };
    let policies = counts.0.iter().map(entry).collect();
    (Report { policies, ..Report::default() }, good, failed)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_truth_is_within_the_bounds(
        sessions in prop::collection::vec((outcome(), outcome(), outcome(), any::<bool>()), 1..30),
    ) {
        let (report, good, failed) = observed(&sessions);
        let tally = Tally::of(&report);
        let found = tally.domains[0].sessions;
        prop_assert!(found.successful.contains(good), "{good} is not in {:?}", found.successful);
        prop_assert!(found.failed.contains(failed), "{failed} is not in {:?}", found.failed);
        prop_assert!(found.total.contains(good + failed), "not in {:?}", found.total);
        // All failures are alike here, so they are one group with the same bounds.
        prop_assert_eq!(tally.domains[0].failures.len(), 1);
        prop_assert_eq!(tally.domains[0].failures[0].sessions, found.failed);
        for entry in &report.policies {
            let single = Report { policies: vec![entry.clone()], ..Report::default() };
            let single = Tally::of(&single).domains[0].sessions;
            prop_assert!(single.is_exact(), "one policy leaves nothing open: {single:?}");
            prop_assert!(found.total.likely >= single.total.likely);
            prop_assert!(found.failed.likely >= single.failed.likely);
        }
    }

    #[test]
    fn one_kind_of_policy_is_exact(
        entries in prop::collection::vec((0..1_000_u32, 0..1_000_u32), 1..6),
        policy_type in policy_type(),
    ) {
        let entry = |&(good, failed): &(u32, u32)| PolicyReport {
            policy: AppliedPolicy { policy_type: Some(policy_type.clone()), ..AppliedPolicy::default() },
            summary: Summary {
                successful: Some(good.into()),
                failed: Some(failed.into()),
                ..Summary::default()
            },
            ..PolicyReport::default()
        };
        let report = Report { policies: entries.iter().map(entry).collect(), ..Report::default() };
        let tally = Tally::of(&report);
        let (good, failed) = entries
            .iter()
            .fold((0, 0), |(g, f), (good, failed)| (g + u64::from(*good), f + u64::from(*failed)));
        prop_assert_eq!(tally.domains[0].sessions.successful, Bounds::exactly(good));
        prop_assert_eq!(tally.domains[0].sessions.failed, Bounds::exactly(failed));
        prop_assert_eq!(tally.domains[0].sessions.total, Bounds::exactly(good + failed));
    }

    #[test]
    fn spreading_keeps_the_total(range in range(), number in any::<u64>()) {
        let days = Days::of(&range);
        let spread = days.spread(number);
        let sum: u128 = spread.iter().map(|(_, part)| u128::from(*part)).sum();
        prop_assert_eq!(sum, if days.is_empty() { 0 } else { number.into() });
        prop_assert_eq!(spread.len(), days.len());
        prop_assert!(days.iter().all(|day| day.seconds <= 86_400));
        let dates: Vec<_> = days.iter().map(|day| day.date).collect();
        prop_assert!(dates.windows(2).all(|two| two[0].tomorrow().unwrap() == two[1]));
        // No day has more than its share, save for rounding.
        let seconds: u64 = days.iter().map(|day| u64::from(day.seconds)).sum();
        for (day, (_, part)) in days.iter().zip(&spread) {
            let share = u128::from(number) * u128::from(day.seconds) / u128::from(seconds.max(1));
            prop_assert!(u128::from(*part).abs_diff(share) <= 1 || seconds == 0);
        }
    }
}

#[test]
fn days_of_ranges() {
    let days = |start: &str, end: &str, expected: &[(&str, u32)]| {
        let time = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
        let range = DateRange { start: time(start), end: time(end) };
        let days = Days::of(&range);
        let found: Vec<(String, u32)> =
            days.iter().map(|day| (day.date.to_string(), day.seconds)).collect();
        let expected: Vec<(String, u32)> =
            expected.iter().map(|(date, seconds)| ((*date).to_owned(), *seconds)).collect();
        assert_eq!(found, expected, "from {start} to {end}");
    };
    days("2026-09-10T00:00:00Z", "2026-09-10T23:59:59Z", &[("2026-09-10", 86_400)]);
    days("2026-09-10T00:00:00Z", "2026-09-10T23:59:59.999Z", &[("2026-09-10", 86_400)]);
    days("2026-09-10T00:00:00Z", "2026-09-11T00:00:00Z", &[("2026-09-10", 86_400)]); // Mail.ru
    days("2026-09-10T05:00:00Z", "2026-09-10T05:59:59Z", &[("2026-09-10", 3_600)]); // an hour
    days("2026-09-10T23:00:00Z", "2026-09-11T00:00:00Z", &[("2026-09-10", 3_600)]);
    days(
        "2026-09-10T18:00:00Z",
        "2026-09-11T18:00:00Z",
        &[("2026-09-10", 21_600), ("2026-09-11", 64_800)],
    );
    days("2026-09-10T08:00:00Z", "", &[("2026-09-10", 0)]);
    days("", "2026-09-10T23:59:59Z", &[("2026-09-10", 0)]);
    days("", "2026-09-11T00:00:00Z", &[("2026-09-10", 0)]);
    days("2026-09-10T08:00:00Z", "2026-09-10T08:00:00Z", &[("2026-09-10", 0)]);
    days("2026-09-10T00:00:00Z", "2036-09-10T00:00:00Z", &[]); // ten years say nothing
    days("", "", &[]);
    days("9999-12-30T00:00:00Z", "9999-12-30T22:00:00Z", &[("9999-12-30", 79_200)]);
    days("-009999-01-03T00:00:00Z", "9999-12-30T22:00:00Z", &[]);

    let week = DateRange {
        start: Some("2026-09-07T00:00:00Z".parse().unwrap()),
        end: Some("2026-09-13T23:59:59Z".parse().unwrap()),
    };
    let parts: Vec<u64> = Days::of(&week).spread(10).into_iter().map(|(_, part)| part).collect();
    assert_eq!((parts.len(), parts.iter().sum::<u64>()), (7, 10));
    assert!(!Days::of(&week).is_one());
    assert_eq!(Days::default().spread(5), []);
    let short = DateRange {
        start: week.start,
        end: week.start.map(|start| start + SignedDuration::from_mins(5)),
    };
    assert!(Days::of(&short).is_one());
}

/// A policy type, its two totals, and the counts of its failure details.
type Totals<'a> = (&'a str, Option<u32>, Option<u32>, &'a [u32]);

/// A report of one domain in which each policy has its totals and its failure details.
fn counted(policies: &[Totals<'_>]) -> Report {
    let entry =
        |(policy_type, good, failed, details): &(&str, Option<u32>, Option<u32>, &[u32])| {
            PolicyReport {
                policy: AppliedPolicy {
                    policy_type: Some(PolicyType::from(*policy_type)),
                    ..AppliedPolicy::default()
                },
                summary: Summary {
                    successful: good.map(SessionCount::from),
                    failed: failed.map(SessionCount::from),
                    ..Summary::default()
                },
                failure_details: details
                    .iter()
                    .map(|count| FailureDetail {
                        result_type: Some(ResultType::CertificateExpired),
                        failed_session_count: Some((*count).into()),
                        ..FailureDetail::default()
                    })
                    .collect(),
                ..PolicyReport::default()
            }
        };
    Report { policies: policies.iter().map(entry).collect(), ..Report::default() }
}

#[test]
fn sessions_of_several_policies() {
    let check = |policies: &[(&str, u32, u32)], good: [u64; 3], failed: [u64; 3]| {
        let policies: Vec<_> = policies
            .iter()
            .map(|(policy_type, good, failed)| (*policy_type, Some(*good), Some(*failed), &[][..]))
            .collect();
        let report = counted(&policies);
        let sessions = Tally::of(&report).domains[0].sessions;
        let three = |bounds: Bounds| [bounds.lower, bounds.likely, bounds.upper];
        assert_eq!(three(sessions.successful), good, "good of {policies:?}");
        assert_eq!(three(sessions.failed), failed, "failed of {policies:?}");
    };
    check(&[("sts", 7, 3)], [7, 7, 7], [3, 3, 3]);
    check(&[("sts", 7, 0), ("tlsa", 7, 0)], [7, 7, 14], [0, 0, 0]); // Microsoft
    check(&[("tlsa", 4, 0), ("sts", 9, 0)], [9, 9, 13], [0, 0, 0]);
    check(&[("tlsa", 90, 10), ("sts", 90, 10)], [80, 90, 180], [10, 10, 20]);
    check(&[("tlsa", 0, 7), ("sts", 7, 0)], [0, 0, 7], [7, 7, 7]); // good by sts is not good by DANE
    check(&[("sts", 5, 1), ("sts", 5, 2)], [10, 10, 10], [3, 3, 3]); // the policy changed
    check(&[("sts", 5, 1), ("no-policy-found", 5, 2)], [10, 10, 10], [3, 3, 3]);
    check(&[("sts", 5, 0), ("tlsa", 4, 0), ("no-policy-found", 2, 1)], [7, 7, 11], [1, 1, 1]);
    check(&[("new-kind", 5, 0), ("sts", 5, 0)], [5, 5, 10], [0, 0, 0]); // who knows
    check(&[("new-kind", 8, 0), ("sts", 5, 0), ("no-policy-found", 5, 0)], [10, 10, 18], [0, 0, 0]);
}

#[test]
fn a_lost_total_is_bounded_by_the_details() {
    let report = counted(&[("sts", Some(5), None, &[3, 4])]);
    let domain = &Tally::of(&report).domains[0];
    assert_eq!(domain.sessions.failed, Bounds { lower: 4, likely: 7, upper: 7 });
    assert_eq!(domain.sessions.successful, Bounds::exactly(5));
    assert!(!domain.is_complete);
}

#[test]
fn details_against_the_total() {
    use tls_rpt::DetailsSum;
    let check = |total: u32, details: &[u32], fit: DetailsSum, failed: Bounds| {
        let report = counted(&[("sts", Some(0), Some(total), details)]);
        let domain = &Tally::of(&report).domains[0];
        assert_eq!((domain.details, domain.sessions.failed), (fit, failed), "for {details:?}");
    };
    check(3, &[1, 2], DetailsSum::AddsUp, Bounds::exactly(3));
    check(3, &[], DetailsSum::Below, Bounds::exactly(3));
    check(1, &[1, 1], DetailsSum::Above, Bounds::exactly(1)); // Mail.ru: one session, two errors
    check(2, &[3], DetailsSum::Above, Bounds { lower: 2, likely: 2, upper: 3 });
    check(0, &[], DetailsSum::AddsUp, Bounds::exactly(0));
}

#[test]
fn failures_that_are_alike_are_one() {
    let report = counted(&[("tlsa", Some(0), Some(4), &[4]), ("sts", Some(0), Some(4), &[4])]);
    let domain = &Tally::of(&report).domains[0];
    assert_eq!(domain.failures.len(), 1);
    assert_eq!(domain.failures[0].sessions, Bounds { lower: 4, likely: 4, upper: 8 });
    assert_eq!(domain.failures[0].policy_types, [Some(&PolicyType::Tlsa), Some(&PolicyType::Sts)]);
    let report = counted(&[("sts", Some(0), Some(4), &[1, 3])]);
    assert_eq!(Tally::of(&report).domains[0].failures[0].sessions, Bounds::exactly(4));
}

#[test]
fn huge_counts_do_not_overflow() {
    let entry = |policy_type: &PolicyType| PolicyReport {
        policy: AppliedPolicy {
            policy_type: Some(policy_type.clone()),
            ..AppliedPolicy::default()
        },
        summary: Summary {
            successful: Some(SessionCount::MAX),
            failed: Some(SessionCount::MAX),
            ..Summary::default()
        },
        ..PolicyReport::default()
    };
    let policies = PolicyType::DEFINED.iter().cycle().take(9_000).map(entry).collect();
    let report = Report { policies, ..Report::default() };
    let sessions = Tally::of(&report).domains[0].sessions;
    for bounds in [sessions.total, sessions.successful, sessions.failed] {
        assert!(bounds.lower <= bounds.likely && bounds.likely <= bounds.upper, "{bounds:?}");
    }
}

#[test]
fn thousands_of_invented_policy_types_are_counted_in_time() {
    let names: Vec<String> = (0..20_000).map(|number| format!("kind-{number}")).collect();
    let policies: Vec<_> =
        names.iter().map(|name| (name.as_str(), Some(5), Some(2), &[2][..])).collect();
    let report = counted(&policies);
    let tally = Tally::of(&report);
    let domain = &tally.domains[0];
    let sessions = domain.sessions;
    // All may be the same seven sessions, or none.
    assert_eq!(sessions.total, Bounds { lower: 7, likely: 7, upper: 140_000 });
    assert_eq!(sessions.failed, Bounds { lower: 2, likely: 2, upper: 40_000 });
    assert_eq!(sessions.successful, Bounds { lower: 0, likely: 5, upper: 100_000 });
    assert_eq!(domain.failures[0].policy_types.len(), FailureTally::MOST_POLICY_TYPES);
}

/// tlsrpt-reporter leaves the domain out where no policy was found, and names it where one was.
#[test]
fn entries_without_a_domain_are_of_that_in_the_report_id() {
    let entry = |kind: &str, domain: &str, counts: [u64; 2]| {
        let [good, bad] = counts;
        format!(
            r#"{{"policy":{{"policy-type":"{kind}"{domain}}},"summary":{{
            "total-successful-session-count":{good},"total-failure-session-count":{bad}}}}}"#
        )
    };
    let named = entry("sts", r#","policy-domain":"example.com""#, [5, 0]);
    let none = entry("no-policy-found", "", [40, 2]);
    let other = entry("sts", r#","policy-domain":"example.net""#, [1, 0]);
    let domains = |id: &str, entries: &[&String]| -> Vec<(Option<String>, Vec<usize>, u64)> {
        let entries: Vec<_> = entries.iter().map(|entry| entry.as_str()).collect();
        let text = format!(r#"{{"report-id":"{id}","policies":[{}]}}"#, entries.join(","));
        let reading = Report::read(text.as_bytes(), &ReportLimits::default());
        let of = |tally: &tls_rpt::DomainTally<'_>| {
            let domain = tally.domain.map(ToString::to_string);
            (domain, tally.entries.clone(), tally.sessions.total.likely)
        };
        Tally::of(&reading.report).domains.iter().map(of).collect()
    };
    let id = "2026-11-20T00:00:00Z_idx1_example.com";
    let com = || Some("example.com".to_owned());
    let net = || Some("example.net".to_owned());
    let whole = [(com(), vec![0, 2], 47), (net(), vec![1], 1)];
    assert_eq!(domains(id, &[&named, &other, &none]), whole);
    assert_eq!(domains(id, &[&none, &other, &named]), whole);
    // Alone they have no domain of their own.
    assert_eq!(domains(id, &[&none, &other]), [(None, vec![0], 42), (net(), vec![1], 1)]);
    // Nothing says which it is.
    assert_eq!(domains("7", &[&named, &none]), [(com(), vec![0], 5), (None, vec![1], 42)]);
}
