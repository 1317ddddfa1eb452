use sealpost_evidence::traffic::{Bounds, ReporterActivity};
use sealpost_rules::Severity;
use sealpost_rules::diagnosis::{judge_groups, under_any_policy};

use super::*;

fn by(signer: &str, mut group: FailureGroup) -> FailureGroup {
    group.reporter = Reporter { signer: signer.to_owned(), organisation: format!("{signer} Inc") };
    group
}

fn from(address: &str, mut group: FailureGroup) -> FailureGroup {
    group.sending_ip = Some(address.parse().unwrap());
    group
}

fn at(address: u8, mut group: FailureGroup) -> FailureGroup {
    group.receiving_ip = Some(evidence::address(address));
    group
}

/// Reports every day of October.
fn heard(signer: &str) -> ReporterActivity {
    let days: Vec<Day> = (0..31).map(|number| day("2026-10-01").plus(number)).collect();
    ReporterActivity {
        reporter: Reporter { signer: signer.to_owned(), organisation: signer.to_owned() },
        contact: None,
        first_day: days[0],
        last_day: days[30],
        last_received_at: 0,
        days,
    }
}

/// Code, fault, failing and heard reporters, of each kind: `FAIL601 ours 3/3`.
fn judged(groups: &[FailureGroup], reporters: &[ReporterActivity]) -> Vec<String> {
    let spreads = judge_groups(groups, reporters);
    let line = |s: &sealpost_rules::diagnosis::Spread| {
        format!("{} {} {}/{}", s.cause.code, s.fault, s.failing, s.heard)
    };
    spreads.iter().map(line).collect()
}

#[test]
fn whose_fault_it_looks_like() {
    let starttls = || group("starttls-not-supported");
    let expired = || group("certificate-expired");
    let all = ["google.com", "microsoft.com", "mail.ru"].map(heard);
    let each = |group: fn() -> FailureGroup| {
        vec![by("google.com", group()), by("microsoft.com", group()), by("mail.ru", group())]
    };
    fn no_starttls() -> FailureGroup {
        group("starttls-not-supported")
    }
    let two = vec![at(11, by("google.com", expired())), at(11, by("mail.ru", expired()))];
    let scattered = vec![at(11, by("google.com", expired())), at(12, by("mail.ru", expired()))];
    let mut late = heard("microsoft.com");
    late.days = vec![day("2026-09-01")];
    late.first_day = day("2026-09-01");
    late.last_day = day("2026-09-01");
    for (number, (groups, reporters, expected)) in [
        // every reporter, at one MX: ours
        (each(no_starttls), &all[..], "FAIL601 ours 3/3"),
        // one alone, on one network, without STARTTLS: attack or middlebox
        (vec![starttls()], &all[..], "FAIL603 interference 1/3"),
        (vec![starttls(), from("198.51.100.9", starttls())], &all[..], "FAIL603 interference 1/3"),
        (vec![group("certificate-not-trusted")], &all[..], "FAIL603 interference 1/3"),
        (
            vec![with_reason("validation-failure", "self-signed_certificate")],
            &all[..],
            "FAIL603 interference 1/3",
        ),
        // the same from several networks: the sender
        (vec![starttls(), from("203.0.113.9", starttls())], &all[..], "FAIL604 sender 1/3"),
        // from where is not known
        (vec![FailureGroup { sending_ip: None, ..starttls() }], &all[..], "FAIL604 unclear 1/3"),
        // a type that nobody on the way would cause
        (vec![expired()], &all[..], "FAIL604 sender 1/3"),
        (vec![without_host(group("sts-policy-fetch-error"))], &all[..], "FAIL604 sender 1/3"),
        // some
        (two, &all[..], "FAIL602 ours 2/3"),
        (scattered.clone(), &all[..], "FAIL605 ours 2/3"),
        (
            scattered,
            &[all[0].clone(), all[1].clone(), all[2].clone(), heard("a.test")],
            "FAIL605 unclear 2/4",
        ),
        // nobody to compare with
        (vec![starttls()], &all[..1], "FAIL606 unclear 1/1"),
        (vec![starttls()], &[], "FAIL606 unclear 1/1"),
        (vec![starttls()], &[late], "FAIL606 unclear 1/1"), // not heard in these days
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(judged(&groups, reporters), [expected], "{number}");
    }
}

#[test]
fn kinds_are_told_apart_and_the_worst_comes_first() {
    let all = ["google.com", "microsoft.com"].map(heard);
    let mut other = group("starttls-not-supported");
    other.mx_host = Some("MX2.good.test.".to_owned());
    let groups = [
        group("certificate-expired"),
        other,
        group("STARTTLS_not_supported"), // the same as starttls-not-supported
        by("microsoft.com", group("starttls-not-supported")),
    ];
    assert_eq!(
        judged(&groups, &all),
        ["FAIL601 ours 2/2", "FAIL603 interference 1/2", "FAIL604 sender 1/2"]
    );
    let spreads = judge_groups(&groups, &all);
    assert_eq!(spreads[0].groups, [2, 3]);
    assert_eq!(spreads[0].sessions, Bounds::exactly(8));
    assert_eq!(spreads[1].mx_host.as_deref(), Some("mx2.good.test"));
    assert_eq!(
        spreads[1].sentence,
        "starttls-not-supported at mx2.good.test, from 2026-10-29 to 2026-10-31: only google.com \
         reports it, of 2 reporters heard in these days."
    );
    assert_eq!(
        spreads[1].grounds,
        ["All of them are at the address 192.0.2.11.", "It sends from 198.51.100.0/24."]
    );
}

#[test]
fn who_is_not_vouched_for_is_compared_with_nobody() {
    let all = ["google.com", "microsoft.com"].map(heard);
    let forged = || by("", group("starttls-not-supported"));
    let mut unsigned = heard("");
    unsigned.reporter.organisation = "google.com".to_owned();
    assert_eq!(judged(&[forged(), forged()], &all), ["FAIL607 unclear 1/2"]);
    // Many forged reports make no majority, and unsigned reporters are not heard.
    let groups = [forged(), forged(), by("google.com", group("starttls-not-supported"))];
    let reporters = [all[0].clone(), all[1].clone(), unsigned];
    assert_eq!(judged(&groups, &reporters), ["FAIL603 interference 1/2", "FAIL607 unclear 1/2"]);
    let spreads = judge_groups(&groups, &reporters);
    assert!(spreads[1].severity <= Severity::Warning);
    assert_eq!(judged(&[], &all), Vec::<String>::new());
}

/// The same under the policy of DANE.
fn by_dane(group: FailureGroup) -> FailureGroup {
    FailureGroup { policy_type: "tlsa".to_owned(), ..group }
}

#[test]
fn sessions_of_one_reporter_are_not_added_up_and_those_of_two_are() {
    let starttls = || group("starttls-not-supported");
    let sessions = |groups: &[FailureGroup]| {
        let [spread] = judge_groups(groups, &[]).try_into().unwrap();
        spread.sessions
    };
    // Microsoft counts a session under both policies.
    assert_eq!(sessions(&[starttls(), by_dane(starttls())]), Bounds { lower: 4, upper: 8 });
    // Mail.ru tells of two faults of one session.
    let one = |reason: &str| FailureGroup {
        sessions: 1,
        ..with_reason("starttls-not-supported", reason)
    };
    assert_eq!(sessions(&[one("EOF"), one("timeout")]), Bounds { lower: 1, upper: 2 });
    // The greatest group is the least that there can be.
    let most = FailureGroup { sessions: 9, ..by_dane(starttls()) };
    assert_eq!(sessions(&[starttls(), most.clone()]), Bounds { lower: 9, upper: 13 });
    let other = by("mail.ru", starttls());
    assert_eq!(sessions(&[starttls(), most, other.clone()]), Bounds { lower: 13, upper: 17 });
    assert_eq!(sessions(&[starttls(), other]), Bounds::exactly(8));
    // One signer may sign for two organisations.
    let mut subsidiary = starttls();
    subsidiary.reporter.organisation = "Google Ireland".to_owned();
    assert_eq!(sessions(&[starttls(), subsidiary]), Bounds::exactly(8));
    let endless = FailureGroup { sessions: u64::MAX, ..starttls() };
    let greatest = sessions(&[endless.clone(), by("mail.ru", endless), starttls()]);
    assert_eq!(greatest, Bounds::exactly(u64::MAX));
}

#[test]
fn as_bad_ones_are_ordered_by_how_many_sessions_there_may_be() {
    let at_host = |host: &str, sessions| FailureGroup {
        mx_host: Some(host.to_owned()),
        sessions,
        ..group("certificate-expired")
    };
    let groups = [
        at_host("mx1.good.test", 5),
        at_host("mx2.good.test", 4),
        by_dane(at_host("mx2.good.test", 4)),
        at_host("mx3.good.test", 8),
    ];
    let hosts: Vec<Option<String>> =
        judge_groups(&groups, &[]).into_iter().map(|spread| spread.mx_host).collect();
    let expected = ["mx3", "mx2", "mx1"].map(|host| Some(format!("{host}.good.test")));
    assert_eq!(hosts, expected);
}

#[test]
fn groups_are_alike_where_nothing_but_the_policy_differs() {
    let starttls = || group("starttls-not-supported");
    let mut later = by_dane(starttls());
    (later.sessions, later.reports, later.first_day) = (7, 1, later.last_day);
    let others = [
        by("mail.ru", starttls()),
        group("certificate-expired"),
        at(12, starttls()),
        from("203.0.113.9", starttls()),
        without_host(starttls()),
        with_reason("starttls-not-supported", "x"),
        FailureGroup { domain: None, ..starttls() },
    ];
    let groups = [&[starttls()][..], &others, &[later]].concat();
    let expected: Vec<Vec<usize>> =
        std::iter::once(vec![0, 8]).chain((1..8).map(|place| vec![place])).collect();
    assert_eq!(under_any_policy(&groups), expected);
    assert_eq!(under_any_policy(&[]), Vec::<Vec<usize>>::new());
}
