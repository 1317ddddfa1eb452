//! What is said of the reports that are kept: failures, lists, exports, copies.

use std::collections::BTreeMap;
use std::process::Command;

use mail_domain::DomainName;
use sealpost_evidence::traffic::{Bounds, Day, Trust};
use sealpost_lab::{Lab, Options, Ports};
use sealpost_store::reports::{
    DayShare, Echo, NewReport, Ownership, ReportedFailure, ReportedPolicy,
};
use sealpost_store::{Digest, Settings, Store};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::program::World;

/// The day of these tests.
pub(crate) fn today() -> Day {
    Day::of(sealpost_runtime::Clock::system().now().as_second())
}

/// A failure as reporters tell of it.
pub(crate) fn failure(result_type: &str, mx_host: &str, receiving_ip: &str) -> ReportedFailure {
    ReportedFailure {
        result_type: result_type.to_owned(),
        sending_ip: Some("192.0.2.25".parse().unwrap()),
        receiving_ip: Some(receiving_ip.parse().unwrap()),
        mx_host: Some(mx_host.to_owned()),
        sessions: 3,
        ..ReportedFailure::default()
    }
}

/// A report of one reporter on one domain and day, so many days ago.
pub(crate) fn report(
    signer: &str,
    domain: &str,
    days_ago: i64,
    failures: Vec<ReportedFailure>,
) -> NewReport {
    let day = today().plus(-days_ago);
    let failed = failures.iter().map(|failure| failure.sessions).sum();
    let text = format!("{signer} {domain} {days_ago}");
    NewReport {
        domain: Some(DomainName::parse(domain).unwrap()),
        ownership: Ownership::Ours,
        trust: Trust::Verified { signer: signer.to_owned() },
        organisation: format!("Mail of {signer}"),
        contact: Some(format!("tls@{signer}")),
        report_id: format!("{text}@{signer}"),
        begins_at: day.begins_at(),
        ends_at: day.begins_at() + 86_399,
        received_at: day.begins_at() + 90_000,
        place: 0,
        payload: Digest::of(text.as_bytes()),
        raw: Digest::of(text.as_bytes()),
        days: vec![DayShare {
            day,
            successful: Bounds::exactly(100),
            failed: Bounds::exactly(failed),
        }],
        policies: vec![ReportedPolicy {
            policy_type: "sts".to_owned(),
            policy_domain: Some(domain.to_owned()),
            strings: ["version: STSv1", "mode: enforce", "mx: *.mail.wildcard-two-labels.test"]
                .map(str::to_owned)
                .to_vec(),
            mx_hosts: vec!["*.mail.wildcard-two-labels.test".to_owned()],
            successful: 100,
            failed,
            failures,
        }],
        repairs: Vec::new(),
        echo: Echo::No,
    }
}

/// A store with these reports.
pub(crate) fn stored(reports: Vec<NewReport>) -> World {
    let world = World::new();
    // It makes both files.
    world.import(&world.write("none/nothing.txt", "no report"));
    Runtime::new().unwrap().block_on(async {
        let store = Store::open(Settings::at(world.path("store.sqlite"))).await.unwrap();
        store.reports().accept(reports).await.unwrap();
        store.close().await;
    });
    world
}

/// The failures of a domain, as data.
pub(crate) fn failures(world: &World, arguments: &[&str]) -> Value {
    let (out, said, status) =
        world.run(&[&["failures", "--format", "json"][..], arguments].concat());
    assert!(status == 0 || status == 1, "{said}");
    serde_json::from_str(&out).unwrap()
}

#[test]
fn all_reporters_failing_on_one_host_look_like_our_fault_and_one_alone_like_a_middlebox() {
    let expired = || vec![failure("certificate-expired", "mx1.a.test", "203.0.113.1")];
    let stripped = vec![failure("starttls-not-supported", "mx2.a.test", "203.0.113.2")];
    let mut reports = Vec::new();
    for days_ago in 2..12 {
        for reporter in ["one.example", "two.example", "three.example"] {
            let mut failures = if days_ago < 5 { expired() } else { Vec::new() };
            if reporter == "one.example" && days_ago == 4 {
                failures.extend(stripped.clone());
            }
            reports.push(report(reporter, "a.test", days_ago, failures));
        }
    }
    let world = stored(reports);
    let told = failures(&world, &["a.test"]);
    let spreads = told["domains"][0]["spreads"].as_array().unwrap();
    let of = |result: &str| spreads.iter().find(|spread| spread["result_type"] == result).unwrap();
    let (expired, stripped) = (of("certificate-expired"), of("starttls-not-supported"));
    assert_eq!((&expired["fault"], &expired["reporters_failing"]), (&"ours".into(), &3.into()));
    assert_eq!(stripped["fault"], "interference", "{stripped}");
    assert_eq!(
        (&stripped["reporters_failing"], &stripped["reporters_heard"]),
        (&1.into(), &3.into())
    );
    // What is new and what recurs is told too.
    let anomalies = told["domains"][0]["anomalies"].as_array().unwrap();
    let codes: Vec<&str> = anomalies.iter().map(|found| found["code"].as_str().unwrap()).collect();
    for code in ["FAIL701", "FAIL702", "FAIL703"] {
        assert!(codes.contains(&code), "{code} of {codes:?}");
    }
    let (page, said, status) = world.run(&["failures"]);
    assert_eq!(status, 1, "{said}");
    assert!(page.contains("error: 3 of 3 reporters"), "{page}");
    let commands = ["    see it: ", "    publish: "];
    for line in page.lines().filter(|line| !commands.iter().any(|begin| line.starts_with(begin))) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn sessions_that_are_counted_under_two_policies_are_one_block_and_not_added_up() {
    let mut failure = failure("starttls-not-supported", "mx1.a.test", "203.0.113.1");
    failure.sessions = 4;
    let mut report = report("one.example", "a.test", 3, vec![failure]);
    let mut dane = report.policies[0].clone();
    dane.policy_type = "tlsa".to_owned();
    (dane.strings, dane.mx_hosts) = (vec!["3 1 1 ab".to_owned()], Vec::new());
    report.policies.push(dane);
    let both = Bounds { lower: 4, upper: 8 };
    report.days[0].failed = both;
    let world = stored(vec![report]);

    let told = failures(&world, &["a.test"]);
    let domain = &told["domains"][0];
    let expected = serde_json::to_value(both).unwrap();
    assert_eq!(domain["failed"], expected, "{told:#}");
    let spreads = domain["spreads"].as_array().unwrap();
    assert_eq!((spreads.len(), &spreads[0]["code"]), (1, &"FAIL606".into()), "{told:#}");
    assert_eq!(spreads[0]["sessions"], expected, "{told:#}");
    let groups = domain["groups"].as_array().unwrap();
    let of = |policy: &str| groups.iter().find(|group| group["policy_type"] == policy).unwrap();
    assert_eq!((&of("sts")["sessions"], &of("tlsa")["sessions"]), (&4.into(), &4.into()));

    let (page, said, status) = world.run(&["failures", "a.test"]);
    assert_eq!(status, 1, "{said}");
    assert!(page.contains("1 of 1 reporters, 4-8 sessions  [FAIL606]"), "{page}");
    assert_eq!(page.matches(": 4-8 sessions, starttls-not-supported").count(), 1, "{page}");
    let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("under sts and tlsa: these may be the same sessions."), "{page}");
    assert!(!page.contains(" 4 sessions") && !page.contains(" 8 sessions"), "{page}");
    assert_eq!(page.matches("    see it: ").count(), 1, "both mean the same: {page}");
}

#[test]
fn a_reporter_that_fell_silent_is_told_of_where_nothing_failed() {
    let mut reports: Vec<NewReport> =
        (2..30).map(|day| report("one.example", "a.test", day, Vec::new())).collect();
    reports.extend((15..30).map(|day| report("two.example", "a.test", day, Vec::new())));
    let world = stored(reports);
    let told = failures(&world, &["a.test"]);
    let anomaly = &told["domains"][0]["anomalies"][0];
    assert_eq!(anomaly["code"], "FAIL704", "{told}");
    assert!(anomaly["sentence"].as_str().unwrap().contains("two.example"), "{anomaly}");
    let (page, _, status) = world.run(&["failures", "a.test"]);
    assert!(page.contains("No failed session was reported in these days."), "{page}");
    assert_eq!(status, 0);
}

#[test]
fn a_live_look_tells_what_still_stands() {
    let runtime = Runtime::new().unwrap();
    let now = sealpost_runtime::Clock::system().now();
    let options = Options { ports: Ports::Ephemeral, ..Options::new(now) };
    let lab = runtime.block_on(Lab::start(options)).unwrap();
    let network = lab.settings_file().to_str().unwrap();
    let nowhere = |mut failure: ReportedFailure| {
        failure.receiving_ip = None;
        vec![failure]
    };
    let expired = |host: &str| failure("certificate-expired", host, "192.0.2.77");
    let reports = vec![
        report(
            "one.example",
            "mx-certificate-expired.test",
            3,
            nowhere(expired("mx1.mx-certificate-expired.test")),
        ),
        report("one.example", "good.test", 3, nowhere(expired("mx1.good.test"))),
        report(
            "one.example",
            "wildcard-two-labels.test",
            3,
            nowhere(failure(
                "validation-failure",
                "a.b.mail.wildcard-two-labels.test",
                "192.0.2.1",
            )),
        ),
        report("one.example", "good-ipv4-only.test", 3, vec![expired("mx1.good-ipv4-only.test")]),
    ];
    let world = stored(reports);
    let told = failures(&world, &["--live", "--network", network]);
    let diagnosis = |domain: &str| {
        let domains = told["domains"].as_array().unwrap();
        let found = domains.iter().find(|found| found["domain"] == domain).unwrap();
        found["groups"][0]["diagnosis"].clone()
    };
    let has = |diagnosis: &Value, text: &str| {
        assert!(diagnosis.to_string().contains(text), "{text}: {diagnosis:#}");
    };
    let expired = diagnosis("mx-certificate-expired.test");
    has(&expired, "\"standing\":\"open\"");
    let mended = diagnosis("good.test");
    has(&mended, "\"standing\":\"mended\"");
    let wildcard = diagnosis("wildcard-two-labels.test");
    has(&wildcard, "one label");
    let elsewhere = diagnosis("good-ipv4-only.test");
    assert_eq!(elsewhere["code"], "FAIL401");
    assert_eq!(elsewhere["fault"], "interference");
    has(&elsewhere, "192.0.2.77");
    runtime.block_on(lab.stop());
}

#[test]
fn lists_say_what_is_left_out() {
    let reports = (1..=30).map(|day| report("one.example", "a.test", day, Vec::new()));
    let others = vec![report(
        "two.example",
        "b.test",
        3,
        vec![failure("validation-failure", "mx", "192.0.2.1")],
    )];
    let world = stored(reports.chain(others).collect());
    let (out, said, _) = world.run(&["list", "--limit", "5"]);
    assert_eq!(out.lines().count(), 6, "{out}");
    assert!(said.contains("there are more than these 5"), "{said}");
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    let (failed, said, _) = world.run(&["list", "--failed"]);
    assert!(failed.contains("b.test") && !failed.contains("a.test") && said.is_empty(), "{failed}");
    let (by, ..) = world.run(&["list", "--reporter", "two.example", "--format", "json"]);
    let by: Value = serde_json::from_str(&by).unwrap();
    assert_eq!((&by["domain"], &by["trust"]["trust"]), (&"b.test".into(), &"verified".into()));
    let (csv, ..) = world.run(&["list", "--domain", "b.test", "--format", "csv"]);
    assert_eq!(csv.lines().count(), 2, "{csv}");
    let (none, said, _) = world.run(&["list", "--unverified"]);
    assert_eq!((none.lines().count(), said.as_str()), (1, ""), "{none}");
    // An empty list is not to look as if nothing had come.
    let (none, said, _) = world.run(&["list", "--domain", "c.test"]);
    assert_eq!(none.lines().count(), 1, "{none}");
    assert!(said.contains("--unverified"), "{said}");
    let path = world.path("no-store.sqlite");
    let mut nowhere = Command::new(env!("CARGO_BIN_EXE_sealpost"));
    nowhere.args(["receive", "list", "--store"]).arg(&path);
    let output = nowhere.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("there is no such file") && !said.contains("immutable"), "{said}");
}

/// The rows of CSV by the names of their columns. No field here has a line feed in it.
fn table(csv: &str) -> Vec<BTreeMap<String, String>> {
    let fields = |line: &str| {
        let (mut fields, mut inside) = (vec![String::new()], false);
        for character in line.chars() {
            match character {
                '"' => inside = !inside,
                ',' if !inside => fields.push(String::new()),
                other => fields.last_mut().unwrap().push(other),
            }
        }
        fields
    };
    let mut lines = csv.lines().map(|line| fields(line.trim_end_matches('\r')));
    let head = lines.next().unwrap();
    let row = |fields: Vec<String>| {
        assert_eq!(fields.len(), head.len(), "{csv}");
        head.iter().cloned().zip(fields).collect()
    };
    lines.map(row).collect()
}

#[test]
fn sums_and_failures_are_tables_too() {
    let expired = failure("certificate-expired", "mx1.a.test", "203.0.113.1");
    let mut odd = failure("validation-failure", "mx2.a.test", "203.0.113.2");
    odd.reason = Some("=1, \"or\" so".to_owned());
    let world = stored(vec![
        report("one.example", "a.test", 3, vec![expired, odd]),
        report("two.example", "b.test", 3, Vec::new()),
    ]);
    let (csv, ..) = world.run(&["summary", "--format", "csv"]);
    let sums = table(&csv);
    let sums = sums.iter().map(|row| {
        ["scope", "domain", "reports", "successful_lower", "successful_upper", "failed_lower"]
            .map(|column| row[column].as_str())
    });
    assert_eq!(
        sums.collect::<Vec<_>>(),
        [
            ["counted", "a.test", "1", "100", "100", "6"],
            ["counted", "b.test", "1", "100", "100", "0"]
        ]
    );

    let (csv, said, status) = world.run(&["failures", "--format", "csv"]);
    assert_eq!(status, 1, "{said}");
    let rows = table(&csv);
    let told = failures(&world, &[]);
    let groups = told["domains"][0]["groups"].as_array().unwrap();
    assert_eq!(rows.len(), groups.len(), "{csv}");
    assert_eq!(rows.len(), 2, "{csv}");
    for (row, group) in rows.iter().zip(groups) {
        for (column, value) in [
            ("domain", &told["domains"][0]["domain"]),
            ("result_type", &group["result_type"]),
            ("signer", &group["reporter"]["signer"]),
            ("mx_host", &group["mx_host"]),
            ("receiving_ip", &group["receiving_ip"]),
            ("first_day", &group["first_day"]),
            ("code", &group["diagnosis"]["code"]),
            ("severity", &group["diagnosis"]["severity"]),
            ("fault", &group["diagnosis"]["fault"]),
            ("standing", &group["diagnosis"]["standing"]),
        ] {
            assert_eq!(row[column], value.as_str().unwrap(), "{column}: {csv}");
        }
        assert_eq!(row["sessions"], "3");
    }
    let odd = rows.iter().find(|row| row["mx_host"] == "mx2.a.test").unwrap();
    assert_eq!(odd["reason"], "'=1, or so", "no formula, and one field");
}

#[test]
fn an_export_holds_everything_and_a_masked_one_names_nobody() {
    let secret = |mut failure: ReportedFailure| {
        failure.reason = Some("at host mx1.secret-host.test".to_owned());
        failure.helo = Some("mx1.secret-host.test".to_owned());
        failure.additional = Some("https://secret-host.test/x".to_owned());
        failure
    };
    let reports = vec![
        report(
            "one.example",
            "secret-host.test",
            3,
            vec![
                secret(failure("certificate-expired", "mx1.secret-host.test", "203.0.113.7")),
                failure("certificate-expired", "MX1.secret-host.test.", "203.0.113.7"),
            ],
        ),
        report("one.example", "secret-host.test", 4, Vec::new()),
    ];
    let world = stored(reports);
    let (whole, ..) = world.run(&["export"]);
    let lines: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    let detail = &lines[0]["policies"][0]["failures"][0];
    assert_eq!(
        (&detail["mx_host"], &detail["sessions"]),
        (&"mx1.secret-host.test".into(), &3.into())
    );
    let (array, ..) = world.run(&["export", "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&array).unwrap(), Value::Array(lines));
    let (csv, ..) = world.run(&["export", "--format", "csv"]);
    assert_eq!(csv.lines().count(), 4, "{csv}");

    for form in ["ndjson", "json", "csv"] {
        let (masked, ..) = world.run(&["export", "--mask", "--format", form]);
        for secret in ["secret", "203.0.113.7", "192.0.2.25", "wildcard-two"] {
            assert!(!masked.contains(secret), "{secret}: {masked}");
        }
        assert!(masked.contains("one.example"), "reporters stay");
    }
    let (masked, ..) = world.run(&["export", "--mask"]);
    let first: Value = serde_json::from_str(masked.lines().next().unwrap()).unwrap();
    let [one, other] = [0, 1].map(|index| &first["policies"][0]["failures"][index]);
    assert_eq!(one["mx_host"], other["mx_host"], "the same name, however it is written");
    assert_eq!(one["receiving_ip"], other["receiving_ip"]);
    assert_eq!(first["failed"], serde_json::json!({ "lower": 6, "upper": 6 }));
}

#[test]
fn a_copy_says_the_same_and_takes_nobody_s_place() {
    let world = stored(vec![report("one.example", "a.test", 3, Vec::new())]);
    let copy = world.path("copy.db");
    let backup = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealpost"));
        command.args(["store", "backup"]).arg(&copy).arg("--store").arg(world.path("store.sqlite"));
        let output = command.output().unwrap();
        (String::from_utf8(output.stderr).unwrap(), output.status.code().unwrap())
    };
    assert_eq!(backup(), (String::new(), 0));
    let (said, status) = backup();
    assert!(said.contains("it is there already") && status == 2, "{said}");
    let before = world.summary(&[]);
    // The store is lost, and its copy put in its place.
    for file in fs_err::read_dir(world.path("")).unwrap() {
        let file = file.unwrap().path();
        if file.file_name().unwrap().to_str().unwrap().starts_with("store.sqlite") {
            fs_err::remove_file(file).unwrap();
        }
    }
    let store = world.path("store.sqlite");
    let [raw_copy, raw] = [&copy, &store].map(|file| sealpost_store::raw_path_beside(file));
    fs_err::rename(&copy, &store).unwrap();
    fs_err::rename(raw_copy, raw).unwrap();
    assert_eq!(world.summary(&[]), before);
    assert_eq!(before["scopes"][0]["reports"], 1);
}
