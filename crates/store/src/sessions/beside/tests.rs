use std::sync::Arc;

use mta_sts::PolicyId;
use tempfile::TempDir;
use tls_rpt::{PolicyType, ResultType};

use super::*;
use crate::{FetchedPolicy, Remembered, Settings, Store, sessions::SessionCounts};

const AT: i64 = 1_795_650_000;

async fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
    (folder, store)
}

fn day() -> Day {
    Day::of(AT)
}

fn domain(name: &str) -> DomainName {
    name.parse().unwrap()
}

fn names(found: &[DomainName]) -> Vec<&str> {
    found.iter().map(DomainName::as_str).collect()
}

fn policy(policy_type: PolicyType, name: &str) -> SeenPolicy {
    SeenPolicy::new(policy_type, domain(name))
}

fn remark(result_type: Option<ResultType>) -> SenderRemark {
    let failure = result_type.map(SessionFailure::new);
    SenderRemark { policy: policy(PolicyType::Sts, "a.test"), failure }
}

/// One session with a domain under a policy.
async fn counted(store: &Store, name: &str, policy: SeenPolicy) {
    let epoch = store.sessions().begin("node", AT).await.unwrap();
    let counts = SessionCounts {
        day: day(),
        domain: domain(name),
        policy: Arc::new(policy),
        stored: Arc::default(),
        successful: 1,
        failed: 0,
        failures: Vec::new(),
        record: None,
        seen_at: AT,
    };
    store.sessions().save(&epoch, vec![counts]).await.unwrap();
}

#[tokio::test]
async fn a_remark_is_there_once_however_often_it_is_made() {
    let (_folder, store) = open().await;
    let sessions = store.sessions();
    let remarks = [remark(None), remark(Some(ResultType::StsPolicyInvalid))];
    for now in [AT, AT + 5, AT - 5] {
        sessions.remark(day(), domain("a.test"), remarks.to_vec(), now).await.unwrap();
    }
    let found = sessions.of(day(), domain("a.test")).await.unwrap();
    assert_eq!((found.remarks.as_slice(), found.unreadable), (&remarks[..], 0));
    assert_eq!(sessions.of(day(), domain("b.test")).await.unwrap().remarks, []);
    assert_eq!(sessions.of(day().plus(1), domain("a.test")).await.unwrap().remarks, []);
    // No domain fills the store.
    let many = (0..500).map(|number| {
        let mut one = remark(Some(ResultType::ValidationFailure));
        one.failure.as_mut().unwrap().failure_reason_code = Some(number.to_string());
        one
    });
    sessions.remark(day(), domain("b.test"), many.collect(), AT).await.unwrap();
    let found = sessions.of(day(), domain("b.test")).await.unwrap();
    assert_eq!(found.remarks.len(), MOST);
}

#[tokio::test]
async fn probes_are_kept_with_all_that_they_showed() {
    let (_folder, store) = open().await;
    let sessions = store.sessions();
    let testing = policy(PolicyType::Sts, "a.test");
    let probe = |result| HostProbe { host: domain("mx.a.test"), result };
    let all = [
        probe(ProbeResult::Fails(SessionFailure::new(ResultType::CertificateExpired))),
        probe(ProbeResult::Passes),
        probe(ProbeResult::Unknown),
    ];
    for (number, one) in all.iter().cycle().take(9).enumerate() {
        let now = AT + i64::try_from(number).unwrap();
        let noted =
            sessions.note_probe(day(), domain("a.test"), testing.clone(), vec![one.clone()], now);
        noted.await.unwrap();
    }
    let found = sessions.of(day(), domain("a.test")).await.unwrap().probes;
    assert_eq!(found, all.map(|one| (testing.clone(), one)));
}

#[tokio::test]
async fn domains_with_a_policy_are_tried_once_in_a_while() {
    let (_folder, store) = open().await;
    let sessions = store.sessions();
    for name in ["a.test", "b.test", "c.test", "d.test"] {
        // Of the third nobody holds a policy; with the fourth there was no session.
        if name != "d.test" {
            counted(&store, name, policy(PolicyType::NoPolicyFound, name)).await;
        }
        let policy = (name != "c.test").then(|| FetchedPolicy {
            id: PolicyId::parse("1").unwrap(),
            text: b"text".to_vec(),
            fetched_at: AT,
        });
        let remembered = Remembered { domain: domain(name), policy, backoff: None, last_used: AT };
        store.policies().save(remembered).await.unwrap();
    }
    let candidates = async |after: Option<&str>, before, limit| {
        let after = after.map(domain);
        let found = sessions.probe_candidates(day(), after, before, limit).await.unwrap();
        assert!(found.iter().all(|one| one.policy_text == b"text" && one.fetched_at == AT));
        found.into_iter().map(|one| one.domain.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(candidates(None, AT, 10).await, ["a.test", "b.test"]);
    assert_eq!(candidates(None, AT, 1).await, ["a.test"]);
    assert_eq!(candidates(Some("a.test"), AT, 10).await, ["b.test"]);
    let hosts = vec![HostProbe { host: domain("mx.a.test"), result: ProbeResult::Unknown }];
    let testing = policy(PolicyType::Sts, "a.test");
    sessions.note_probe(day(), domain("a.test"), testing, hosts, AT + 10).await.unwrap();
    assert_eq!(candidates(None, AT + 9, 10).await, ["b.test"]);
    assert_eq!(candidates(None, AT + 10, 10).await, ["a.test", "b.test"]);
    assert_eq!(sessions.probe_candidates(day().plus(1), None, AT, 10).await.unwrap(), []);
}

#[tokio::test]
async fn who_is_to_be_told_of_is_undecided() {
    let (_folder, store) = open().await;
    let sessions = store.sessions();
    let dane = |name: &str| policy(PolicyType::Tlsa, name);
    counted(&store, "a.test", dane("mx.host.test")).await;
    counted(&store, "b.test", dane("mx.host.test")).await;
    // A host of its own name is no other domain, and only DANE is of hosts.
    counted(&store, "c.test", dane("c.test")).await;
    counted(&store, "d.test", policy(PolicyType::Sts, "other.test")).await;
    let invalid = vec![remark(Some(ResultType::StsPolicyInvalid))];
    sessions.remark(day(), domain("remarked.test"), invalid, AT).await.unwrap();
    sessions.remark(day(), domain("held.test"), vec![remark(None)], AT).await.unwrap();
    let of_host = sessions.domains_of_host(day(), domain("mx.host.test"), None, 10).await.unwrap();
    assert_eq!(names(&of_host), ["a.test", "b.test"]);
    let after = Some(domain("a.test"));
    let of_host = sessions.domains_of_host(day(), domain("mx.host.test"), after, 10).await.unwrap();
    assert_eq!(names(&of_host), ["b.test"]);
    assert_eq!(sessions.domains_of_host(day(), domain("c.test"), None, 10).await.unwrap(), []);

    let all = ["a.test", "b.test", "c.test", "d.test", "mx.host.test", "remarked.test"];
    let undecided = store.submissions().undecided(day(), None, 100).await.unwrap();
    assert_eq!(names(&undecided), all);
    // Page by page, it is the same.
    let (mut paged, mut after) = (Vec::new(), None);
    while let Some(found) = store.submissions().undecided(day(), after, 1).await.unwrap().pop() {
        after = Some(found.clone());
        paged.push(found);
    }
    assert_eq!(names(&paged), all);
}

#[tokio::test]
async fn what_is_old_is_forgotten_with_its_texts() {
    let (folder, store) = open().await;
    let sessions = store.sessions();
    counted(&store, "a.test", policy(PolicyType::Tlsa, "mx.host.test")).await;
    let invalid = vec![remark(Some(ResultType::StsPolicyInvalid))];
    let testing = policy(PolicyType::Sts, "b.test");
    for back in 0..3 {
        let day = day().plus(-back);
        sessions.remark(day, domain("a.test"), invalid.clone(), AT).await.unwrap();
        let hosts = vec![HostProbe { host: domain("mx.a.test"), result: ProbeResult::Passes }];
        let noted = sessions.note_probe(day, domain("a.test"), testing.clone(), hosts, AT);
        noted.await.unwrap();
    }
    let rows = |table: &str| {
        let other = Connection::open(folder.path().join("store.sqlite")).unwrap();
        let count = format!("SELECT COUNT(*) FROM {table}");
        other.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    while sessions.prune(day().plus(-1), 1).await.unwrap() > 0 {}
    assert_eq!(["sender_remarks", "session_hosts", "mx_probes"].map(rows), [2, 1, 2]);
    while sessions.prune(day().plus(1), 1).await.unwrap() > 0 {}
    let all = ["sender_remarks", "session_hosts", "mx_probes", "session_texts", "session_totals"];
    assert_eq!(all.map(rows), [0; 5]);
}

#[tokio::test]
async fn somebody_counts_who_has_begun_lately() {
    let (_folder, store) = open().await;
    let sessions = store.sessions();
    assert!(!sessions.is_counted_since(0).await.unwrap());
    sessions.begin("node", AT).await.unwrap();
    assert!(sessions.is_counted_since(AT).await.unwrap());
    assert!(!sessions.is_counted_since(AT + 1).await.unwrap());
}
