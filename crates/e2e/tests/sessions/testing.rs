//! Domains in mode testing: mail goes to them whatever their MX hosts show, Postfix tells of sessions
//! without a policy, and the report says what the policy would have made of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sealpost_e2e::{Memory, Message, Route, Senders};
use serde_json::Value;

use crate::{Report, counted, logged, wait_until_tried};

type Expected = &'static [(&'static str, u64, u64, &'static str)];

/// What is told of each in the end: type of policy, successful and failed sessions, and why they failed.
const DOMAINS: [(&str, Expected); 3] = [
    ("testing-mx-wrong-name.test", &[("sts", 0, EACH, "certificate-host-mismatch")]),
    ("good-testing.test", &[("sts", EACH, 0, "")]),
    // No policy in mode testing: as Postfix has told it.
    ("victim-shared-no-policy.test", &[("no-policy-found", EACH, 0, "")]),
];
/// Mails to each.
const EACH: u64 = 5;
/// Between two looks at what would be reported, and how many there may be: the prober looks for
/// domains once a minute.
const WAIT: (u32, std::time::Duration) = (600, std::time::Duration::from_millis(300));

#[test]
fn sessions_with_a_domain_in_mode_testing_are_told_by_what_its_hosts_show() {
    #[expect(clippy::disallowed_methods, reason = "certificates and policies hold from now on")]
    let now = Timestamp::now().as_second();
    // A little ahead, where an hour begins: the sessions and the look at the hosts are in one.
    let at = Timestamp::from_second((now / 3_600 + 1) * 3_600 + 60).unwrap();
    let day = at.to_zoned(TimeZone::UTC).date();
    let senders = Senders::start().unwrap();
    let network = senders.environment().directory().join("lab/network.toml");
    let at = at.to_string();
    let flags = ["--at", &at, "--network", network.to_str().unwrap()];
    let probing = "[report.probe]\nper_hour = 3600\n";
    let daemon = Report::start_with(&senders, probing, &flags);
    senders.tell_of_sessions().unwrap();
    let mail: Vec<_> = DOMAINS
        .iter()
        .flat_map(|(domain, _)| {
            (0..EACH).map(move |number| {
                let tag = format!("sessions-testing-{number}");
                Message::new(Route::Postfix3_10, Memory::Cached, &tag, domain)
            })
        })
        .collect();
    senders.share_no_session().unwrap();
    senders.submit(&mail).unwrap();
    wait_until_tried(&senders, mail.len());
    let log = senders.log(Route::Postfix3_10, Memory::Cached).unwrap();
    assert!(!log.contains("Could not report TLS"), "{log}");
    let logged = logged(&log);
    let expected = DOMAINS.map(|(domain, _)| ((domain.to_owned(), "success".to_owned()), EACH));
    assert_eq!(logged, BTreeMap::from(expected), "to Postfix all of them are well");

    let flags = ["--day", &day.to_string()];
    let mut said = Vec::new();
    for _ in 0..WAIT.0 {
        said = DOMAINS.map(|(domain, _)| told(&senders, domain, &flags)).to_vec();
        if said.iter().zip(DOMAINS).all(|(said, (_, expected))| is_told(said, expected)) {
            break;
        }
        std::thread::sleep(WAIT.1);
    }
    for (said, (domain, expected)) in said.iter().zip(DOMAINS) {
        assert!(is_told(said, expected), "{domain}: {said:?}");
    }
    // The sums are those of Postfix: what has failed is told elsewhere, and nothing is there twice.
    let sums = |counts: &crate::Counts| {
        let mut sums: BTreeMap<String, u64> = BTreeMap::new();
        for ((domain, _), count) in counts {
            *sums.entry(domain.clone()).or_default() += count;
        }
        sums
    };
    assert_eq!(sums(&counted(&senders, &flags).0), sums(&logged));
    daemon.stop();
}

/// Type of policy, successful and failed sessions, and the types of the failures that sessions met.
type Told = (String, u64, u64, String);

/// Nothing as long as nothing is written down.
fn told(senders: &Senders, domain: &str, flags: &[&str]) -> Vec<Told> {
    let arguments = [&[domain][..], flags].concat();
    let Some(report) = crate::preview_of_any(senders, &arguments) else { return Vec::new() };
    let report: Value = serde_json::from_str(&report).unwrap();
    let policies = report["policies"].as_array().unwrap().iter();
    let of = |policy: &Value| {
        let details = policy["failure-details"].as_array().into_iter().flatten();
        let types = details
            .filter(|detail| detail["failed-session-count"] != 0)
            .map(|detail| detail["result-type"].as_str().unwrap());
        (
            policy["policy"]["policy-type"].as_str().unwrap().to_owned(),
            policy["summary"]["total-successful-session-count"].as_u64().unwrap(),
            policy["summary"]["total-failure-session-count"].as_u64().unwrap(),
            types.collect::<Vec<_>>().join(" "),
        )
    };
    policies.map(of).collect()
}

fn is_told(said: &[Told], expected: Expected) -> bool {
    let said = said.iter().map(|(policy, successful, failed, failures)| {
        (policy.as_str(), *successful, *failed, failures.as_str())
    });
    said.eq(expected.iter().copied())
}
