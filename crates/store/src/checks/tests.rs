use sealpost_evidence::{
    Dialogues, Dnssec, FORMAT, Found, Lookup, MailHosts, MxRecord, MxSource, Observer, Reach,
    Security,
};

use super::*;
use crate::Settings;

const DOMAIN: &str = "example.com";

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

/// A domain with these MX hosts, as it was seen then; nothing else was asked for.
fn seen(domain: &str, at: i64, hosts: &[&str]) -> Evidence {
    let record = |host: &&str| MxRecord { preference: 10, exchange: (*host).to_owned() };
    let value = hosts.iter().map(record).collect();
    let security = Security::Insecure;
    Evidence {
        format: FORMAT,
        domain: name(domain),
        observed: jiff::Timestamp::from_second(at).unwrap(),
        took_ms: 1,
        observer: Observer {
            software: "test".to_owned(),
            ehlo_name: "probe.test".to_owned(),
            resolvers: vec![],
            https_port: 443,
            smtp_port: 25,
            trust_roots: "test".to_owned(),
            dnssec: Dnssec::Nobody,
            ipv4: Reach::Routed,
            ipv6: Reach::Routed,
        },
        sts_records: None,
        policy_host: None,
        mail_hosts: Some(MailHosts {
            records: Lookup::Found(Found { value, ttl: 60, aliases: vec![], security }),
            source: MxSource::Records,
            dialogues: Dialogues::Unwanted,
            hosts: vec![],
        }),
        tls_rpt_records: None,
        report_destinations: vec![],
        surroundings: None,
    }
}

/// Keeps a look as the job does.
async fn look(checks: &Checks, evidence: Evidence) -> Kept {
    let before = checks.before(evidence.domain.clone()).await.unwrap();
    let (facts, mut changes) = (Facts::of(&evidence), Vec::new());
    let known = before.as_ref().and_then(|before| before.facts.clone());
    let facts = match known {
        Some(known) => {
            changes = known.changes_to(&facts);
            facts.carried_from(&known)
        }
        None => facts,
    };
    let due = evidence.observed.as_second() + 100;
    let end = Some(due + 1);
    let findings =
        Sums { verdict: Some(Verdict::Failing), errors: 2, warnings: 1, certificate_end: end };
    let look = Look { evidence: Arc::new(evidence), findings, facts, changes, due };
    checks.keep(look, before.map(|before| before.at)).await.unwrap()
}

async fn open(folder: &tempfile::TempDir) -> Store {
    Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap()
}

#[tokio::test]
async fn what_has_changed_from_look_to_look_is_kept_with_how_it_was_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let checks = store.checks();
    assert_eq!(checks.before(name(DOMAIN)).await.unwrap(), None);
    assert_eq!(checks.latest(name(DOMAIN)).await.unwrap(), None);
    for (at, hosts) in [
        (100, &["mx1.test"][..]),
        (200, &["mx1.test"]),
        (300, &["mx1.test", "mx2.test"]),
        (400, &["mx2.test"]),
    ] {
        assert_eq!(look(&checks, seen(DOMAIN, at, hosts)).await, Kept::Done);
    }
    store.close().await;

    // All of it survives.
    let store = open(&folder).await;
    let checks = store.checks();
    let latest = checks.latest(name(DOMAIN)).await.unwrap().unwrap();
    assert_eq!((latest.at, &latest.evidence), (400, &seen(DOMAIN, 400, &["mx2.test"])));
    let told: Vec<(i64, i64, i64, &str)> = checks
        .events_of(name(DOMAIN), 10)
        .await
        .unwrap()
        .iter()
        .map(|event| (event.id, event.since, event.at, event.change.kind()))
        .collect();
    assert_eq!(told, [(2, 300, 400, "mx-removed"), (1, 200, 300, "mx-added")]);
    let after = checks.events_after(1, 10).await.unwrap();
    let removed = Change::MxRemoved { host: "mx1.test".to_owned(), preference: 10 };
    assert_eq!(after.iter().map(|event| &event.change).collect::<Vec<_>>(), [&removed]);
    assert_eq!(checks.events_after(2, 10).await.unwrap(), []);

    // The looks at 200 and 300 were the last before a change; that at 100 was not.
    let hosts = async |time| {
        let looked = checks.as_of(name(DOMAIN), time).await.unwrap().unwrap();
        let records = looked.evidence.mail_hosts.unwrap().records;
        let exchanges = records.value().unwrap().iter().map(|record| record.exchange.clone());
        (looked.at, exchanges.collect::<Vec<_>>())
    };
    for (time, at, expected) in [
        (150, 200, &["mx1.test"][..]),
        (200, 200, &["mx1.test"]),
        (201, 300, &["mx1.test", "mx2.test"]),
        (300, 300, &["mx1.test", "mx2.test"]),
        (301, 400, &["mx2.test"]),
        (1_000, 400, &["mx2.test"]),
    ] {
        let expected = expected.iter().map(|host| (*host).to_owned()).collect();
        assert_eq!(hosts(time).await, (at, expected), "as of {time}");
    }
    let before = checks.before_last_change(name(DOMAIN)).await.unwrap();
    assert_eq!(before.map(|looked| looked.at), Some(300));
    let since = async |time| {
        let hosts = checks.mail_hosts_since(name(DOMAIN), time).await.unwrap()?;
        let mut names: Vec<_> =
            hosts.hosts.iter().map(|host| host.name.as_str().to_owned()).collect();
        names.sort();
        Some(names.join(" "))
    };
    assert_eq!(since(0).await.as_deref(), Some("mx1.test mx2.test"));
    assert_eq!(since(300).await.as_deref(), Some("mx1.test mx2.test"));
    assert_eq!(since(301).await.as_deref(), Some("mx2.test"));
    assert_eq!(since(401).await, None);
    assert_eq!(checks.mail_hosts_since(name("other.test"), 0).await.unwrap(), None);
    let findings = Sums {
        verdict: Some(Verdict::Failing),
        errors: 2,
        warnings: 1,
        certificate_end: Some(501),
    };
    let summary = Summary { domain: name(DOMAIN), at: 400, findings, due: 500 };
    assert_eq!(checks.summaries(None, 10).await.unwrap(), std::slice::from_ref(&summary));
    assert_eq!(checks.summary_of(name(DOMAIN)).await.unwrap(), Some(summary));
    assert_eq!(checks.summary_of(name("other.test")).await.unwrap(), None);
    assert_eq!(checks.summaries(Some(name(DOMAIN)), 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_domain_is_in_one_hand_at_a_time_and_a_look_is_held_beside_the_last() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let checks = store.checks();
    let claim = async |looked_at: Option<i64>, now: i64| {
        checks.claim(name(DOMAIN), looked_at, now, now + 60).await.unwrap()
    };
    assert!(claim(None, 100).await);
    assert!(!claim(None, 159).await, "in hand");
    assert!(claim(None, 160).await, "the first did not come back");
    let plan = Plan { domain: name(DOMAIN), due: 0, looked_at: None };
    assert_eq!(checks.plans(None, 10).await.unwrap(), [plan]);
    assert_eq!(checks.summaries(None, 10).await.unwrap(), [], "nothing was seen yet");
    assert_eq!(checks.summary_of(name(DOMAIN)).await.unwrap(), None);
    assert_eq!(look(&checks, seen(DOMAIN, 170, &["mx1.test"])).await, Kept::Done);
    assert!(!claim(None, 171).await, "somebody else has looked");
    assert!(claim(Some(170), 171).await, "the look gave it out of hand");
    checks.release(name(DOMAIN), 230).await.unwrap(); // somebody else's
    assert!(!claim(Some(170), 172).await);
    checks.release(name(DOMAIN), 231).await.unwrap();
    assert!(claim(Some(170), 172).await);
    let plan = Plan { domain: name(DOMAIN), due: 270, looked_at: Some(170) };
    assert_eq!(checks.plans(None, 10).await.unwrap(), [plan]);

    checks.release(name(DOMAIN), 232).await.unwrap();
    assert!(claim(Some(170), 1_000_000).await, "by a clock that was ahead");
    assert!(claim(Some(170), 173).await);
    assert!(!claim(Some(170), 120).await, "clocks differ a little");
    checks.release(name(DOMAIN), 233).await.unwrap();

    let late = Look {
        evidence: Arc::new(seen(DOMAIN, 180, &["mx2.test"])),
        findings: Sums { verdict: None, errors: 0, warnings: 0, certificate_end: None },
        facts: Facts::default(),
        changes: vec![Change::MxAdded { host: "mx2.test".to_owned(), preference: 10 }],
        due: 0,
    };
    assert_eq!(checks.keep(late, None).await.unwrap(), Kept::Outdated);
    assert_eq!(checks.latest(name(DOMAIN)).await.unwrap().unwrap().at, 170);
    assert_eq!(checks.events_after(0, 10).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_kept_has_bounds_and_no_id_is_given_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let checks = store.checks();
    // Each look but the first finds one host added and one removed.
    for at in 0..300 {
        let host = format!("mx{at}.test");
        assert_eq!(look(&checks, seen(DOMAIN, at, &[&host])).await, Kept::Done);
    }
    assert_eq!(look(&checks, seen("other.test", 5, &["a.test"])).await, Kept::Done);
    let events = checks.events_of(name(DOMAIN), u32::MAX).await.unwrap();
    assert_eq!(events.len(), usize::try_from(MOST_EVENTS).unwrap());
    assert_eq!(events.first().map(|event| event.id), Some(2 * 299));
    let oldest = checks.as_of(name(DOMAIN), 0).await.unwrap().unwrap();
    assert_eq!(oldest.at, 299 - MOST_LOOKS);

    checks.forget(1_000).await.unwrap();
    let left: Vec<i64> =
        checks.events_after(0, 10).await.unwrap().iter().map(|event| event.id).collect();
    assert_eq!(left, [2 * 299], "the newest stays");
    assert_eq!(checks.plans(None, 10).await.unwrap(), []);
    assert!(checks.as_of(name(DOMAIN), 1_000).await.unwrap().is_none());
    assert!(checks.before_last_change(name(DOMAIN)).await.unwrap().is_none());
    for (at, host) in [(2_000, "a.test"), (2_001, "b.test")] {
        assert_eq!(look(&checks, seen(DOMAIN, at, &[host])).await, Kept::Done);
    }
    let events = checks.events_after(2 * 299, 10).await.unwrap();
    assert_eq!(events.first().map(|event| event.id), Some(2 * 299 + 1));
}
