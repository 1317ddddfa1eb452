use sealpost_evidence::traffic::ReporterActivity;
use sealpost_rules::Severity;
use sealpost_rules::diagnosis::judge_groups;

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
    assert_eq!(spreads[0].sessions, 8);
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
