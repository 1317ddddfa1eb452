//! What is found beside the answers, and stands in the store for TLS reports.

use std::time::Duration;

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_runtime::{Clock, Stopwatch};
use sealpost_store::{Settings, Store};

use crate::daemon::{Daemon, World};

/// How long each remark is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked about, and what is found in the end: the policy and its number of lines, the failure,
/// the host.
const EXPECTED: &[(&str, &[&str])] = &[
    ("good.test", &["sts good.test 4 held"]),
    ("good-testing.test", &[]),
    ("policy-host-refused.test", &["sts policy-host-refused.test 0 sts-policy-fetch-error"]),
    ("policy-mode-missing.test", &["sts policy-mode-missing.test 0 sts-policy-invalid"]),
    (
        "policy-certificate-expired.test",
        &["sts policy-certificate-expired.test 0 sts-webpki-invalid"],
    ),
    (
        "mx-not-covered.test",
        &[
            "sts mx-not-covered.test 4 held",
            "sts mx-not-covered.test 4 validation-failure mx2.mx-not-covered.test",
        ],
    ),
    (
        "mx-not-covered-testing.test",
        &["sts mx-not-covered-testing.test 4 validation-failure mx2.mx-not-covered-testing.test"],
    ),
    ("dane-good.test", &["sts dane-good.test 4 held"]),
    ("bogus-altered.test", &["tlsa bogus-altered.test 0 dnssec-invalid"]),
    (
        "dane-bogus.test",
        &[
            "sts dane-bogus.test 4 held",
            "tlsa mx1.dane-bogus.test 0 dnssec-invalid mx1.dane-bogus.test",
        ],
    ),
    (
        "dane-only-usage-1.test",
        &[
            "sts dane-only-usage-1.test 4 held",
            "tlsa mx1.dane-only-usage-1.test 0 tlsa-invalid mx1.dane-only-usage-1.test",
        ],
    ),
    (
        "dane-partial.test",
        &[
            "sts dane-partial.test 5 held",
            "tlsa mx2.dane-partial.test 0 dane-required mx2.dane-partial.test",
        ],
    ),
];

/// Next hops that an operator wrote with a port or in brackets, whose policy domain is the name in them
/// (RFC 8461 section 3.4). In brackets the name is the host, whatever its MX records say.
const SMART_HOSTS: &[(&str, &str, &[&str])] = &[
    (
        "policy-certificate-self-signed.test:587",
        "policy-certificate-self-signed.test",
        &["sts policy-certificate-self-signed.test 0 sts-webpki-invalid"],
    ),
    (
        "[no-mx-covered.test]",
        "no-mx-covered.test",
        &[
            "sts no-mx-covered.test 4 held",
            "sts no-mx-covered.test 4 validation-failure no-mx-covered.test",
        ],
    ),
];

#[test]
fn what_is_found_of_policies_stands_in_the_store_while_sessions_are_counted() {
    let world = World::new();
    let path = world.folder.path().join("store.sqlite");
    let now = || Clock::system().now();
    let resolver = world.lab.resolver();
    let configuration = world.configuration(
        "remarks.toml",
        &format!(
            "dane = \"on\"\ndefault_level = \"may\"\nmta_resolvers = [\"{resolver}\"]\n\
             signed_name = \"good.test/MX\"\nbogus_names = [\"bogus-altered.test/MX\"]\n"
        ),
    );
    let more = ["--config", configuration.to_str().unwrap()];
    let start = || Daemon::start(world.lab.settings_file(), &path, "60", &more);
    let found = |name: &str| {
        world.runtime.block_on(async {
            let store = Store::open(Settings::at(&path)).await.unwrap();
            let day = Day::of(now().as_second());
            let domain: DomainName = name.parse().unwrap();
            let found = store.sessions().of(day, domain).await.unwrap().remarks;
            store.close().await;
            let said = found.into_iter().map(|remark| {
                let policy = remark.policy;
                let (kind, lines) = (policy.policy_type.as_str(), policy.strings.len());
                let what = remark.failure.map_or("held".to_owned(), |failure| {
                    let host = failure.receiving_mx_hostname.map(|host| format!(" {host}"));
                    format!("{}{}", failure.result_type.as_str(), host.unwrap_or_default())
                });
                format!("{kind} {} {lines} {what}", policy.domain)
            });
            let mut said: Vec<String> = said.collect();
            said.sort();
            said
        })
    };
    let day = Day::of(now().as_second());

    // Nobody counts sessions in this store: nothing is written that nobody would ever forget.
    let daemon = start();
    assert!(daemon.client().ask("postfix", "good.test").starts_with("OK secure "));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(found("good.test"), [""; 0]);
    daemon.terminate();
    assert!(daemon.wait().0.success());

    world.runtime.block_on(async {
        let store = Store::open(Settings::at(&path)).await.unwrap();
        store.sessions().begin("test", now().as_microsecond()).await.unwrap();
        store.close().await;
    });
    let daemon = start();
    assert!(daemon.before.contains("the resolvers validate"), "{}", daemon.before);
    std::thread::scope(|scope| {
        let smart_hosts = SMART_HOSTS.iter().map(|(key, _, _)| key);
        for key in EXPECTED.iter().map(|(name, _)| name).chain(smart_hosts) {
            scope.spawn(|| daemon.client().ask("postfix", key));
        }
    });
    let smart_hosts = SMART_HOSTS.iter().map(|(_, name, expected)| (name, expected));
    for (name, expected) in
        EXPECTED.iter().map(|(name, expected)| (name, expected)).chain(smart_hosts)
    {
        let watch = Stopwatch::start();
        while found(name) != *expected && watch.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(found(name), *expected);
    }
    assert_eq!(Day::of(now().as_second()), day, "midnight came between; begin again");
}
