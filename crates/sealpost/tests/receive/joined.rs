//! What reports say, joined with what else is known: the mails that brought them, and the policies
//! that were published.

use std::time::Duration;

use mail_domain::DomainName;
use sealpost_evidence::traffic::Bounds;
use sealpost_rollout::{Past, Stage, Time};
use sealpost_store::reports::{NewReport, ReportedFailure};
use sealpost_store::{Settings, Store};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::program::World;
use crate::said::{failure, failures, report, stored, today};

/// A report with so few sessions that the mails with reports may be all of them.
fn small(domain: &str, days_ago: i64, successful: u64, failed: Vec<ReportedFailure>) -> NewReport {
    let mut report = report("one.example", domain, days_ago, failed);
    for day in &mut report.days {
        day.successful = Bounds::exactly(successful);
        day.failed = Bounds::exactly(u64::from(report.policies.iter().any(|p| p.failed > 0)));
    }
    // It comes within the day after the one that it is about.
    report.received_at = report.ends_at + 3600;
    report
}

#[test]
fn reports_on_nothing_but_report_mails_are_marked_wherever_reports_are_shown() {
    let lost = || vec![failure("starttls-not-supported", "mx1.a.test", "203.0.113.1")];
    let world = stored(vec![
        small("a.test", 5, 40, Vec::new()),
        small("a.test", 4, 1, Vec::new()),
        small("a.test", 3, 0, lost()),
        // Its reports go elsewhere: what comes to it is mail.
        small("b.test", 4, 1, Vec::new()),
    ]);
    let (list, said, _) = world.run(&["list"]);
    let marked: Vec<&str> = list.lines().filter(|line| line.ends_with(" echo")).collect();
    assert_eq!(marked.len(), 2, "{list}");
    assert!(marked.iter().all(|line| line.contains("a.test") && line.len() <= 80), "{list}");
    assert!(said.contains("echo: "), "{said}");
    let (csv, ..) = world.run(&["list", "--format", "csv"]);
    assert_eq!(csv.lines().filter(|line| line.ends_with(",true")).count(), 2, "{csv}");
    let (json, ..) = world.run(&["list", "--format", "json"]);
    assert_eq!(json.matches("\"is_echo\":true").count(), 2, "{json}");

    let summary = world.summary(&[]);
    let expected = serde_json::json!({ "reports": 2, "sessions": { "lower": 2, "upper": 2 },
                                       "looked_at": 4, "is_whole": true });
    assert_eq!(summary["echoes"], expected);
    let of = |domain: &str| {
        let domains = summary["domains"].as_array().unwrap();
        domains.iter().find(|found| found["domain"] == domain).unwrap()["echoes"].clone()
    };
    assert_eq!((of("a.test"), of("b.test")), (2.into(), 0.into()), "{summary}");
    let (page, ..) = world.run(&["summary"]);
    assert!(page.lines().all(|line| line.chars().count() <= 80), "{page}");

    let told = failures(&world, &["a.test"]);
    assert_eq!(told["domains"][0]["groups"][0]["is_echo"], true, "{told}");
    let (page, ..) = world.run(&["failures"]);
    assert!(page.contains("An echo: "), "{page}");
}

#[test]
fn a_report_is_shown_with_what_became_of_it() {
    let world = World::new();
    let report = |id: &str, number: u32| {
        format!(
            r#"{{"organization-name":"R","contact-info":"a@r.example","report-id":"{id}",
            "date-range":{{"start-datetime":"2026-11-24T00:00:00Z","end-datetime":"2026-11-24T23:59:59Z"}},
            "policies":[{{"policy":{{"policy-type":"sts","policy-domain":"a.test"}},"summary":
            {{"total-successful-session-count":{number},"total-failure-session-count":0}}}}]}}"#
        )
    };
    let first = world.write("first.json", report("one", 1));
    let second = world.write("second.json", report("one", 2));
    let never = world.write("never.json", report("two", 3));
    world.import(&first);
    world.import(&second);
    let shown = |file: &std::path::Path| {
        let (out, said, status) = world.run(&["show", "--format", "json", file.to_str().unwrap()]);
        assert_eq!(status, 0, "{said}");
        let shown: Value = serde_json::from_str(&out).unwrap();
        let of = |one: &Value| (one["scope"].clone(), one["state"].clone(), one["trust"].clone());
        let stored = shown["reports"][0]["stored"].as_array().unwrap();
        stored.iter().map(of).collect::<Vec<_>>()
    };
    let one = |state: &str| ("unverified".into(), state.into(), "unverified".into());
    assert_eq!(shown(&second), [one("current")]);
    assert_eq!(shown(&first), [one("current"), one("superseded")]);
    assert_eq!(shown(&never), []);
    let (page, ..) = world.run(&["show", first.to_str().unwrap()]);
    assert!(page.contains("in store  number 2, on a.test: unverified, unverified"), "{page}");
    assert!(page.contains("in store  number 1, on a.test: a revision has taken"), "{page}");
    let (page, ..) = world.run(&["show", never.to_str().unwrap()]);
    assert!(page.contains("in store  no: "), "{page}");
}

/// The policy with these patterns, as it is served.
fn policy(patterns: &[&str], max_age: u32) -> Vec<u8> {
    let mx: String = patterns.iter().map(|pattern| format!("mx: {pattern}\r\n")).collect();
    format!("version: STSv1\r\nmode: enforce\r\n{mx}max_age: {max_age}\r\n").into_bytes()
}

/// Policies that `publish` has served, each so many days ago; the last one is served now.
fn published(world: &World, domain: &str, policies: Vec<(i64, Vec<u8>)>) {
    Runtime::new().unwrap().block_on(async {
        let store = Store::open(Settings::at(world.path("store.sqlite"))).await.unwrap();
        let domain = DomainName::parse(domain).unwrap();
        let at = |days_ago: i64| Time::at(today().plus(-days_ago).begins_at());
        let rollouts = store.rollouts();
        let begin = at(policies.first().unwrap().0);
        let enrolled = rollouts.enrol(domain.clone(), Stage::Nothing, begin, Past::Nothing).await;
        assert!(enrolled.unwrap());
        for (days_ago, body) in policies {
            let body = Some(body);
            rollouts.serve(domain.clone(), body, at(days_ago), Duration::ZERO).await.unwrap();
        }
        store.close().await;
    });
}

#[test]
fn a_sender_that_holds_an_earlier_policy_of_ours_is_told_from_one_that_holds_a_stranger_s() {
    let refused = |host: &str| vec![failure("validation-failure", host, "203.0.113.1")];
    let holding = |signer: &str, patterns: &[&str], max_age: u32| {
        let mut report = report(signer, "a.test", 2, refused("mx2.a.test"));
        for shown in &mut report.policies {
            let text = String::from_utf8(policy(patterns, max_age)).unwrap();
            shown.strings = text.lines().map(str::to_owned).collect();
            shown.mx_hosts = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        }
        report
    };
    let world = stored(vec![
        holding("old.example", &["mx1.a.test"], 1_209_600),
        holding("odd.example", &["mail.elsewhere.test"], 1_209_600),
    ]);
    published(
        &world,
        "a.test",
        vec![
            (30, policy(&["mx0.a.test"], 86_400)),
            (20, policy(&["mx1.a.test"], 1_209_600)),
            (5, policy(&["mx1.a.test", "mx2.a.test"], 1_209_600)),
        ],
    );
    let told = failures(&world, &["a.test"]);
    let of = |signer: &str| {
        let groups = told["domains"][0]["groups"].as_array().unwrap();
        let by = |group: &&Value| group["reporter"]["signer"] == signer;
        groups.iter().find(by).unwrap()["diagnosis"].clone()
    };
    let (begin, end) = (today().plus(-20), today().plus(-5));
    let old = of("old.example");
    assert_eq!(old["code"], "FAIL202", "{told:#}");
    let sentence = old["sentence"].as_str().unwrap();
    let ours = format!("still holds the policy that was ours from {begin} to {end}");
    assert!(sentence.contains(&ours), "{sentence}");
    // It was fetched on the day on which it was replaced, at the latest.
    let last_day = end.plus(14);
    assert!(sentence.contains(&format!("until {last_day} at the latest")), "{sentence}");
    assert_eq!((&old["fault"], &old["standing"]), (&"sender".into(), &"open".into()));
    let odd = of("odd.example");
    let sentence = odd["sentence"].as_str().unwrap();
    assert!(sentence.contains("none of those known to have been ours"), "{sentence}");
}

#[test]
fn a_late_report_changes_history_and_alerts_nobody() {
    let failing = |days_ago: i64| {
        report(
            "one.example",
            "a.test",
            days_ago,
            vec![failure("certificate-expired", "mx1.a.test", "203.0.113.1"); 20],
        )
    };
    let quiet = |days: std::ops::Range<i64>| {
        days.map(|day| report("one.example", "a.test", day, Vec::new())).collect::<Vec<_>>()
    };
    let anomalies = |reports: Vec<NewReport>| {
        let world = stored(reports);
        let told = failures(&world, &["a.test", "--since", &today().plus(-90).to_string()]);
        let domain = told["domains"][0].clone();
        let codes = domain["anomalies"].as_array().unwrap();
        let codes: Vec<String> =
            codes.iter().map(|found| found["code"].as_str().unwrap().to_owned()).collect();
        (codes, domain["failed"]["lower"].clone())
    };
    // A spike of yesterday is an alert.
    let (codes, failed) = anomalies([quiet(2..60), vec![failing(1)]].concat());
    assert!(codes.contains(&"FAIL701".to_owned()), "{codes:?}");
    assert_eq!(failed, 60);
    // The same of six weeks ago that comes today is in the figures of that day, and no alert.
    let mut late = failing(43);
    late.received_at = today().begins_at();
    let (codes, failed) = anomalies([quiet(1..43), quiet(44..60), vec![late]].concat());
    assert_eq!((codes, failed), (Vec::<String>::new(), 60.into()));
}
