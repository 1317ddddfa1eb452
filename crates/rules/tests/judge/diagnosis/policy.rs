use mta_sts::Policy;
use sealpost_rules::Severity;
use sealpost_rules::diagnosis::{KnownHost, KnownHosts, PublishedPolicy};

use super::*;

fn published(since: Option<&str>, body: &str) -> PublishedPolicy {
    PublishedPolicy { since: since.map(day), policy: Policy::parse(body.as_bytes()).unwrap() }
}

const OLD: [&str; 4] = ["version: STSv1", "mode: enforce", "mx: mx2.good.test", "max_age: 604800"];
const OLD_BODY: &str =
    "version: STSv1\r\nmode: enforce\r\nmx: mx2.good.test\r\nmax_age: 604800\r\n";

/// The report of PS.MTA-STS PR #33: Google, 2024-08-02.
#[test]
fn a_wildcard_covers_one_label_only() {
    let strings = [
        "version: STSv1",
        "mode: enforce",
        "mx: *.mail.protection.outlook.com",
        "mx: *.mx.microsoft",
        "mx: mail.icewolf.ch",
        "max_age: 604800",
    ]
    .map(str::to_owned);
    let hosts = KnownHosts {
        hosts: vec![KnownHost {
            name: "icewolf-li.h-v1.mx.microsoft".parse().unwrap(),
            aliases: vec![],
            addresses: vec!["52.101.185.9".parse().unwrap()],
        }],
        names_are_whole: true,
        addresses_are_whole: true,
    };
    let group = FailureGroup {
        domain: Some("icewolf.li".parse().unwrap()),
        mx_host: Some("icewolf-li.h-v1.mx.microsoft".to_owned()),
        receiving_ip: Some("52.101.185.13".parse().unwrap()),
        ..group("validation-failure")
    };
    let policy = ReportedPolicy { strings: &strings, mx_hosts: &[] };
    let known =
        Known { reported: Some(policy), mail_hosts: Some(&hosts), ..Known::nothing(today()) };
    let diagnosis = diagnose(&group, &known);
    assert_eq!(verdict(&diagnosis), "FAIL201 ours unknown");
    holds(
        &diagnosis,
        "the * of *.mx.microsoft stands for exactly one label, and icewolf-li.h-v1.mx.microsoft has \
         2 labels before mx.microsoft.",
    );
    assert_eq!(diagnosis.publish.as_deref(), Some("mx: icewolf-li.h-v1.mx.microsoft"));
    assert_eq!(diagnosis.severity, Severity::Error);
}

#[test]
fn hosts_and_policies() {
    let uncovering = evidence::POLICY.replace("mx: mx1.good.test\r\n", "");
    let serves = |body: &str| {
        let body = body.to_owned();
        spoilt(move |e| {
            e.policy_host.as_mut().unwrap().fetches = vec![evidence::fetch(1, &body)];
        })
    };
    let new = [
        "version: STSv1",
        "mode: enforce",
        "mx: mx1.good.test",
        "mx: mx2.good.test",
        "max_age: 604800",
    ];
    let wild = ["version: STSv1", "mode: enforce", "mx: *.good.test", "max_age: 604800"];
    let base = ["version: STSv1", "mode: enforce", "mx: *.mx1.good.test", "max_age: 604800"];
    let plain = || group("validation-failure");
    let microsoft = || without_host(with_reason("validation-failure", "MX_HOSTS_MISMATCH"));
    for (number, (group, look, strings, expected)) in [
        (plain(), serves(&uncovering), &OLD[..], "FAIL201 ours open"),
        (plain(), serves(evidence::POLICY), &OLD[..], "FAIL202 sender open"),
        (plain(), serves(evidence::POLICY), &new[..], "FAIL131 unclear unknown"),
        (plain(), serves(evidence::POLICY), &wild[..], "FAIL131 unclear unknown"),
        (plain(), serves(&uncovering), &base[..], "FAIL201 ours open"), // below, not itself
        (plain(), serves(&uncovering), &[][..], "FAIL201 ours open"),   // nothing was reported
        (microsoft(), serves(&uncovering), &OLD[..], "FAIL201 ours open"),
        (microsoft(), serves(evidence::POLICY), &OLD[..], "FAIL202 sender open"),
        (microsoft(), serves(evidence::POLICY), &new[..], "FAIL203 unclear unknown"),
        (microsoft(), serves(evidence::POLICY), &[][..], "FAIL203 unclear unknown"),
        (
            group("certificate-host-mismatch"),
            serves(evidence::POLICY),
            &OLD[..],
            "FAIL202 sender open",
        ),
        (group("mx-mismatch"), serves(&uncovering), &OLD[..], "FAIL201 ours open"),
        // Where nothing is promised by MTA-STS, it can't be broken.
        (
            FailureGroup { policy_type: "no-policy-found".to_owned(), ..plain() },
            serves(&uncovering),
            &[][..],
            "FAIL131 unclear unknown",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(verdict(&reported(&group, &look, strings)), expected, "{number}");
    }
    assert_eq!(verdict(&blind(&microsoft())), "FAIL201 ours unknown");
}

#[test]
fn the_sender_still_holds_the_policy_of_another_time() {
    let good = evidence::good();
    let strings = OLD.map(str::to_owned);
    let policies =
        [published(Some("2026-10-01"), OLD_BODY), published(Some("2026-10-28"), evidence::POLICY)];
    let known = Known {
        evidence: Some(&good),
        reported: Some(ReportedPolicy { strings: &strings, mx_hosts: &[] }),
        policies: &policies,
        ..Known::nothing(today())
    };
    let diagnosis = diagnose(&group("validation-failure"), &known);
    assert_eq!(verdict(&diagnosis), "FAIL202 sender open");
    assert_eq!(
        diagnosis.sentence,
        "The sender still holds the policy that was ours from 2026-10-01 to 2026-10-28 (mode enforce, \
         mx mx2.good.test, max_age 604800), which does not match mx1.good.test; ours is now mode \
         enforce, mx mx1.good.test mx2.good.test, max_age 604800. It may keep the old one until \
         2026-11-04 at the latest."
    );
    assert!(diagnosis.action.starts_with("Wait until 2026-11-04;"));

    // A week later it has run out.
    let later = Known { today: day("2026-11-05"), ..known };
    assert_eq!(verdict(&diagnose(&group("validation-failure"), &later)), "FAIL202 sender mended");

    // If it is not known when it was replaced, the last report tells.
    let unknown = Known { policies: &[], ..known };
    let diagnosis = diagnose(&group("validation-failure"), &unknown);
    holds(&diagnosis, "holds another policy than ours of now");
    holds(&diagnosis, "until 2026-11-07 at the latest");

    // It was applied longer than it may.
    let mut group = group("validation-failure");
    group.last_day = day("2026-11-20");
    let late = Known { today: day("2026-11-21"), ..known };
    holds(&diagnose(&group, &late), "longer than its max_age allows");
}

#[test]
fn an_address_that_still_serves_the_old_policy_is_our_fault() {
    let look = spoilt(|e| {
        e.policy_host.as_mut().unwrap().fetches.push(evidence::fetch(2, OLD_BODY));
    });
    let diagnosis = reported(&group("validation-failure"), &look, &OLD);
    assert_eq!(verdict(&diagnosis), "FAIL204 ours open");
}

#[test]
fn another_failure_under_an_old_policy_says_so_beside() {
    let diagnosis = reported(&group("certificate-expired"), &evidence::good(), &OLD);
    assert_eq!(diagnosis.cause.code, "FAIL117");
    holds(&diagnosis, "The sender held another policy than that of now");
    holds(&diagnosis, "until 2026-11-07 at the latest");
}

#[test]
fn under_mode_testing_a_mismatch_is_a_warning() {
    let strings = ["version: STSv1", "mode: testing", "mx: mx2.good.test", "max_age: 86400"];
    let look = spoilt(|e| {
        let body =
            evidence::POLICY.replace("mx: mx1.good.test\r\n", "").replace("enforce", "testing");
        e.policy_host.as_mut().unwrap().fetches = vec![evidence::fetch(1, &body)];
    });
    let diagnosis = reported(&group("validation-failure"), &look, &strings);
    assert_eq!(verdict(&diagnosis), "FAIL201 ours open");
    assert_eq!(diagnosis.severity, Severity::Warning);
    holds(&diagnosis, "delivered all the same");
}
