//! Domains in mode testing, whose MX hosts are tried: those of the lab.

use std::sync::Arc;

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_lab::{Lab, Options, Ports};
use sealpost_net::{Freshness, Network, Settings as NetworkSettings};
use sealpost_report::{Prober, Probing, ReportMetrics, domain_day};
use sealpost_runtime::Clock;
use sealpost_store::sessions::SessionCounts;
use sealpost_store::{FetchedPolicy, Remembered, Settings, Store};
use tls_rpt::{HourlySessions, ReportFace};

use crate::beside::said;
use crate::house::counts;

/// How many sessions each domain had, all without a policy and all successful.
const SESSIONS: u64 = 7;

/// What is said of each in the end.
const EXPECTED: &[(&str, &[&str])] = &[
    ("good-testing.test", &["sts good-testing.test 7/0"]),
    (
        "testing-mx-expired.test",
        &["sts testing-mx-expired.test 0/7 certificate-expired@mx1.testing-mx-expired.test=7"],
    ),
    (
        "testing-no-starttls.test",
        &["sts testing-no-starttls.test 0/7 starttls-not-supported@mx1.testing-no-starttls.test=7"],
    ),
    // One of its hosts is allowed, and nobody knows which one took the mail.
    (
        "mx-not-covered-testing.test",
        &[
            "no-policy-found mx-not-covered-testing.test 7/0",
            "sts mx-not-covered-testing.test 0/0 validation-failure@mx2.mx-not-covered-testing.test=0",
        ],
    ),
    (
        "no-mx-covered-testing.test",
        &["sts no-mx-covered-testing.test 0/7 validation-failure@mx1.no-mx-covered-testing.test=7"],
    ),
    // Not tried: it is enforced, its policy has expired, there is none.
    ("mx-certificate-expired.test", &["no-policy-found mx-certificate-expired.test 7/0"]),
    (
        "policy-max-age-short-testing.test",
        &["no-policy-found policy-max-age-short-testing.test 7/0"],
    ),
    ("victim-shared-no-policy.test", &["no-policy-found victim-shared-no-policy.test 7/0"]),
];
/// How many of them are tried.
const TRIED: u64 = 5;

fn domain(name: &str) -> DomainName {
    name.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_domains_in_mode_testing_are_judged_by_what_their_hosts_show() {
    // Noon: the hour does not turn meanwhile, nor is it the last of the day.
    let today = Day::of(Clock::system().now().as_second());
    let noon = today.begins_at() + 43_200;
    let clock = Clock::simulated(jiff::Timestamp::from_second(noon).unwrap());
    let options = Options { ports: Ports::Ephemeral, ..Options::new(clock.now()) };
    let lab = Lab::start(options).await.unwrap();
    let network = NetworkSettings::from_toml(lab.settings_file()).unwrap();
    let network = Network::new(network, clock.clone()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
    let (now, sessions) = (clock.now().as_second(), store.sessions());
    let day = Day::of(now);
    let epoch = sessions.begin("test", 1).await.unwrap();
    for (name, _) in EXPECTED {
        let mut hours = HourlySessions::default();
        hours.add(now, SESSIONS);
        let counts = counts(name, day, SESSIONS, 0);
        let counts = SessionCounts { hours: Some(Box::new(hours)), ..counts };
        sessions.save(&epoch, vec![counts]).await.unwrap();
        let Ok(policy) = network.sts_policy(&domain(name), Freshness::WithinTtl).await else {
            continue;
        };
        let age = if *name == "policy-max-age-short-testing.test" { 3_601 } else { 60 };
        let policy = FetchedPolicy {
            id: "1".parse().unwrap(),
            text: policy.text().to_vec(),
            fetched_at: now - age,
        };
        let policy = Some(policy);
        let remembered = Remembered { domain: domain(name), policy, backoff: None, last_used: now };
        store.policies().save(remembered).await.unwrap();
    }
    let prober = Prober {
        sessions: sessions.clone(),
        network,
        probing: Probing::default(),
        clock,
        metrics: Arc::new(ReportMetrics::default()),
    };
    assert_eq!(prober.round(|| std::future::ready(())).await.unwrap(), TRIED);
    assert_eq!(prober.round(|| std::future::ready(())).await.unwrap(), 0, "it is too early");
    for (name, expected) in EXPECTED {
        let counted = domain_day(&sessions, day, domain(name), 0).await.unwrap();
        assert_eq!(counted.unreadable, 0, "{name}");
        let report = counted.sessions.report(&ReportFace::new("R", "tls@reporter.example"), 1);
        assert_eq!(said(&report.unwrap().report), *expected, "{name}");
    }
    store.close().await;
    lab.stop().await;
}
