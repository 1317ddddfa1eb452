//! What people and programs hear beside mail servers: over HTTP, and in the log.

use std::io::{Read as _, Write as _};

use mail_domain::DomainName;
use sealpost_lab::Attack;
use sealpost_runtime::Clock;
use sealpost_store::{FetchedPolicy, Remembered, Settings, Store};
use serde_json::Value;

use crate::cache::eventually;
use crate::daemon::{Daemon, World, command, connect};

const HTTP: [&str; 2] = ["--http", "127.0.0.1:0"];

/// Status and body of what is at a path.
fn get(daemon: &Daemon, path: &str) -> (u16, String) {
    let place = daemon.places.iter().find_map(|place| place.strip_prefix("http://")).unwrap();
    let mut stream = connect(place.parse().unwrap()).0;
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn json(daemon: &Daemon, path: &str) -> Value {
    let (status, body) = get(daemon, path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

fn assert_metrics(daemon: &Daemon, expected: &[(&str, u32)]) {
    let (_, text) = get(daemon, "/metrics");
    for (name, value) in expected {
        let line = format!("sealpost_enforce_{name} {value}");
        assert!(text.lines().any(|found| found == line), "no {line} in {text}");
    }
}

#[test]
fn an_answer_is_explained_over_http() {
    let world = World::new();
    let store = world.folder.path().join("store.sqlite");
    let daemon = Daemon::start(world.lab.settings_file(), &store, "20", &HTTP);
    let mut client = daemon.client();

    let reply = client.ask("postfix", "good-wildcard.test");
    let told = json(&daemon, "/v1/enforce/good-wildcard.test");
    assert_eq!(
        (&told["domain"], &told["decision"]),
        (&"good-wildcard.test".into(), &"secure".into())
    );
    assert_eq!((&told["mode"], &told["exception"]), (&"enforce".into(), &Value::Null));
    assert_eq!(told["record"]["state"], "found");
    assert_eq!(told["held"]["id"], told["record"]["id"]);
    assert_eq!(told["held"]["mode"], "enforce");
    let time =
        |key: &str| -> jiff::Timestamp { told["held"][key].as_str().unwrap().parse().unwrap() };
    assert!(time("fetched") < time("next_refresh") && time("next_refresh") < time("expires"));
    let hosts = told["mx_hosts"].as_array().unwrap();
    assert_eq!(hosts[0]["name"], "a.mail.good-wildcard.test");
    assert_eq!(hosts[0]["allowed_by"], "*.mail.good-wildcard.test");
    let replies = told["replies"].as_array().unwrap();
    assert!(replies.iter().any(|one| one["map"] == "postfix" && one["reply"] == reply), "{told}");

    // As Postfix writes it: the host itself gets the mail, and the policy does not name it.
    let told = json(&daemon, "/v1/enforce/%5BGood-Wildcard.test.%5D:587");
    assert_eq!(told["domain"], "good-wildcard.test");
    let hosts = told["mx_hosts"].as_array().unwrap();
    assert_eq!((hosts.len(), &hosts[0]["name"]), (1, &"good-wildcard.test".into()));
    assert_eq!(hosts[0]["allowed_by"], Value::Null);

    // Nothing is held; why, is told.
    let told = json(&daemon, "/v1/enforce/policy-certificate-expired.test");
    assert_eq!(told["decision"], "none");
    assert_eq!(told["held"]["failure"], "sts-webpki-invalid");
    assert!(told["because"].as_str().unwrap().contains("sts-webpki-invalid"), "{told}");
    let told = json(&daemon, "/v1/enforce/good-testing.test");
    assert_eq!((&told["decision"], &told["held"]["mode"]), (&"none".into(), &"testing".into()));

    for key in ["192.0.2.1", ".good.test", "%20"] {
        assert_eq!(get(&daemon, &format!("/v1/enforce/{key}")).0, 400, "{key}");
    }
    assert_eq!(get(&daemon, "/v1/enforce/a/b").0, 404);
    let told = json(&daemon, "/v1/enforce");
    assert_eq!((&told["policies"], &told["dane"]), (&2.into(), &"off".into()), "{told}");
}

/// `why` looks for itself, and says as much as is known of what it met.
#[test]
fn why_shows_the_evidence() {
    let world = World::new();
    let why = |domain: &str| {
        let (printed, status) = world.run(&["enforce", "why", domain]);
        assert_eq!(status, Some(0), "{printed}");
        printed
    };
    for (domain, expected) in [
        ("policy-404.test", vec!["  record   id ", "404", "(sts-policy-fetch-error)"]),
        ("policy-certificate-expired.test", vec!["the certificate ", "(sts-webpki-invalid)"]),
        ("policy-mode-missing.test", vec!["(sts-policy-invalid)", "NOTFOUND"]),
        (
            "mx-not-covered.test",
            vec![
                "  policy   mode enforce, max_age ",
                "mx2.mx-not-covered.test, NOT allowed by the policy",
                "mx1.mx-not-covered.test, allowed by mx1.mx-not-covered.test",
            ],
        ),
        (
            "dane-partial.test",
            vec!["TLSA usable", "TLSA none", "  dane     MX records secure; some hosts have"],
        ),
        ("bogus-mx.test", vec!["  hosts    not known", "MX records failed"]),
        ("sts-record-missing.test", vec!["  record   none", "the domain has no STS record"]),
    ] {
        let page = why(domain);
        for words in expected {
            assert!(page.contains(words), "{words:?} is not in {page}");
        }
    }
}

#[test]
fn what_is_only_observed_can_be_read() {
    let world = World::new();
    let store = world.folder.path().join("store.sqlite");
    let configuration = world.configuration("observe.toml", "mode = \"observe\"\n");
    let more = [&HTTP[..], &["--config", configuration.to_str().unwrap()]].concat();
    let daemon = Daemon::start(world.lab.settings_file(), &store, "20", &more);
    let mut client = daemon.client();
    for (map, domain) in [
        ("postfix-3.9", "good.test"),
        ("postfix", "sts-record-missing.test"),
        ("postfix", "good-two-mx.test"),
    ] {
        assert_eq!(client.ask(map, domain), "NOTFOUND", "{domain}");
    }
    let told = json(&daemon, "/v1/observed");
    assert_eq!((&told["counts"]["secure"], &told["counts"]["none"]), (&2.into(), &1.into()));
    let last = told["last"].as_array().unwrap();
    let told: Vec<_> = last
        .iter()
        .map(|one| ["domain", "map", "decision"].map(|key| one[key].as_str().unwrap()))
        .collect();
    // The newest first; nothing of who would have been told nothing anyway.
    assert_eq!(
        told,
        [["good-two-mx.test", "postfix", "secure"], ["good.test", "postfix-3.9", "secure"]]
    );
    assert!(last[0]["because"].as_str().unwrap().contains("in mode enforce"), "{last:?}");
    assert_metrics(
        &daemon,
        &[
            ("observed_total{decision=\"secure\"}", 2),
            ("observed_total{decision=\"none\"}", 1),
            ("answers_total{decision=\"secure\"}", 0),
        ],
    );
}

#[test]
fn what_is_asked_looked_up_and_fetched_is_counted_by_its_end() {
    let world = World::new();
    let store = world.folder.path().join("store.sqlite");
    let daemon = Daemon::start(world.lab.settings_file(), &store, "20", &HTTP);
    let mut client = daemon.client();
    for domain in [
        "good.test",
        "good.test",
        "policy-404.test",
        "policy-certificate-expired.test",
        "policy-mode-missing.test",
        "sts-record-missing.test",
        "sts-record-twice.test",
        "sts-record-servfail.test",
    ] {
        client.ask("postfix", domain);
    }
    assert!(client.ask("nothing", "good.test").starts_with("PERM "));
    assert_metrics(
        &daemon,
        &[
            ("answers_total{decision=\"secure\"}", 2),
            ("answers_total{decision=\"none\"}", 6),
            ("answer_seconds_count", 8),
            ("answer_seconds_bucket{le=\"+Inf\"}", 8),
            ("unanswerable_total", 1),
            ("record_lookups_total{result=\"found\"}", 4),
            ("record_lookups_total{result=\"absent\"}", 1),
            ("record_lookups_total{result=\"unusable\"}", 1),
            ("record_lookups_total{result=\"unknown\"}", 1),
            ("record_lookup_faults_total{fault=\"server-failure\"}", 1),
            ("policy_fetches_total{result=\"fetched\"}", 1),
            ("policy_fetches_total{result=\"sts-policy-fetch-error\"}", 1),
            ("policy_fetches_total{result=\"sts-webpki-invalid\"}", 1),
            ("policy_fetches_total{result=\"sts-policy-invalid\"}", 1),
            ("policy_fetch_seconds_count", 4),
            ("alarms_total{kind=\"fetch-failed\"}", 3),
            ("policies", 1),
            ("without_policy", 6),
        ],
    );
}

/// A policy in mode enforce that was fetched so many seconds ago and lives a day.
fn held(domain: &str, age: i64) -> Remembered {
    let now = Clock::system().now().as_second();
    let domain: DomainName = domain.parse().unwrap();
    let text = format!("version: STSv1\nmode: enforce\nmx: mx1.{domain}\nmax_age: 86400\n");
    let fetched_at = now - age;
    let policy = FetchedPolicy { id: "old".parse().unwrap(), text: text.into_bytes(), fetched_at };
    Remembered { domain, policy: Some(policy), backoff: None, last_used: now }
}

#[test]
fn what_befalls_policies_is_told_and_attacks_do_not_look_like_opting_out() {
    let world = World::new();
    let path = world.folder.path().join("store.sqlite");
    world.runtime.block_on(async {
        let store = Store::open(Settings::at(&path)).await.unwrap();
        for policy in [
            // Twelve seconds remain: refreshed at once, whether anybody asks or not.
            held("good-testing.test", 86_388),
            held("policy-404.test", 86_388),
            // Whoever asks is not waited for; the record is looked up, and is not there.
            held("policy-without-record.test", 3_600),
            held("absent-mx-expired.test", 3_600),
        ] {
            store.policies().save(policy).await.unwrap();
        }
        store.close().await;
    });
    let mut command = command(world.lab.settings_file(), &path, "20", &HTTP);
    let daemon = Daemon::launch(command.env("SEALPOST_LOG", "warn"));
    assert_eq!(daemon.loaded, 4);
    let mut client = daemon.client();
    for domain in ["policy-without-record.test", "absent-mx-expired.test"] {
        assert!(client.ask("postfix", domain).starts_with("OK secure "), "{domain}");
    }
    let mut said = daemon.before.clone();
    for (domain, level, words) in [
        ("policy-without-record.test", "ERROR", "the policy is still served: an attack on the DNS"),
        ("absent-mx-expired.test", "ERROR", "could not be fetched: an attack, or an opt-out"),
        ("good-testing.test", "ERROR", "weakened: mode enforce became testing"),
        ("policy-404.test", "WARN", "could not be fetched, attempt 1: the cached policy applies"),
        ("policy-404.test", "ERROR", "has expired and could not be renewed"),
    ] {
        let is_told = |said: &str| {
            let line = said.lines().find(|line| line.contains(words) && line.contains(domain));
            line.inspect(|line| assert!(line.contains(level), "{line}")).is_some()
        };
        while !is_told(&said) {
            said += &daemon.says(words);
        }
    }
    assert_metrics(
        &daemon,
        &[
            ("alarms_total{kind=\"record-vanished\"}", 2),
            ("alarms_total{kind=\"weakened\"}", 1),
            ("alarms_total{kind=\"expired\"}", 1),
        ],
    );
    // What was told of still holds where nothing has weakened it.
    for domain in ["policy-without-record.test", "absent-mx-expired.test"] {
        assert!(client.ask("postfix", domain).starts_with("OK secure "), "{domain}");
    }
}

/// What was looked up a moment ago could be kept for minutes.
#[test]
fn a_refresh_asks_the_dns_anew() {
    let world = World::new();
    let store = world.folder.path().join("store.sqlite");
    let daemon = Daemon::start(world.lab.settings_file(), &store, "20", &HTTP);
    let known = daemon.client().ask("postfix", "unsigned.test");
    assert!(known.starts_with("OK secure "), "{known}");
    world.lab.attack(Attack::StsRecordDenied, "unsigned.test").unwrap();
    let file = store.to_str().unwrap();
    let (_, status) = world.run(&["enforce", "cache", "refresh", "unsigned.test", "--store", file]);
    assert_eq!(status, Some(0));
    let line = "sealpost_enforce_alarms_total{kind=\"record-vanished\"} 1\n";
    eventually("the record is seen to be gone", || get(&daemon, "/metrics").1.contains(line));
    assert_eq!(daemon.client().ask("postfix", "unsigned.test"), known);
}
