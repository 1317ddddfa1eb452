use std::sync::Arc;

use mta_sts::PolicyId;
use tempfile::TempDir;
use tls_rpt::{PolicyType, ResultType};

use super::*;
use crate::{
    FetchedPolicy, Remembered, Settings, Store,
    sessions::{CountedPolicy, SessionCounts},
};

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

fn one_session(name: &str, policy: &SeenPolicy) -> SessionCounts {
    SessionCounts {
        day: day(),
        domain: domain(name),
        policy: Arc::new(CountedPolicy::of(policy)),
        successful: 1,
        failed: 0,
        failures: Vec::new(),
        record: None,
        seen_at: AT,
        hours: None,
    }
}

/// One session with a domain under a policy.
async fn counted(store: &Store, name: &str, policy: &SeenPolicy) {
    let epoch = store.sessions().begin("node", AT).await.unwrap();
    store.sessions().save(&epoch, vec![one_session(name, policy)]).await.unwrap();
}

/// A look at a domain with one host that passes.
async fn looked_at(store: &Store, name: &str, at: i64) {
    let hosts = vec![HostProbe { host: domain("mx.a.test"), result: ProbeResult::Passes }];
    let at = Timestamp::from_second(at).unwrap();
    let look = Look { at, policy: policy(PolicyType::Sts, name), hosts };
    store.sessions().note_look(domain(name), look).await.unwrap();
}

/// Notes remarks on one domain, and says how many were not told apart.
async fn note(store: &Store, name: &str, remarks: &[SenderRemark], now: i64) -> u64 {
    let remarks = DomainRemarks { domain: domain(name), remarks: remarks.to_vec() };
    store.sessions().remark(day(), vec![remarks], now).await.unwrap()
}

#[tokio::test]
async fn a_remark_is_there_once_however_often_it_is_made() {
    let (_folder, store) = open().await;
    let sessions = store.sessions();
    let remarks = [remark(None), remark(Some(ResultType::StsPolicyInvalid))];
    for now in [AT, AT + 5, AT - 5] {
        assert_eq!(note(&store, "a.test", &remarks, now).await, 0);
    }
    let found = sessions.of(day(), domain("a.test")).await.unwrap();
    assert_eq!((found.remarks.as_slice(), found.unreadable), (&remarks[..], 0));
    assert_eq!(sessions.of(day(), domain("b.test")).await.unwrap().remarks, []);
    assert_eq!(sessions.of(day().plus(1), domain("a.test")).await.unwrap().remarks, []);
    // Many domains at once, and one of them twice.
    let all = ["b.test", "c.test", "b.test"]
        .map(|name| DomainRemarks { domain: domain(name), remarks: remarks.to_vec() });
    assert_eq!(sessions.remark(day(), all.to_vec(), AT).await.unwrap(), 0);
    for name in ["b.test", "c.test"] {
        assert_eq!(sessions.of(day(), domain(name)).await.unwrap().remarks, remarks);
    }
}

/// The bound was once one of a call, and a domain could fill the store call by call.
#[tokio::test]
async fn no_domain_fills_the_store_with_remarks() {
    let (_folder, store) = open().await;
    let numbered = |result_type: ResultType, number: usize| {
        let mut one = remark(Some(result_type));
        one.failure.as_mut().unwrap().failure_reason_code = Some(number.to_string());
        one
    };
    let mut beyond = 0;
    for round in 0..25 {
        let mut remarks: Vec<_> = (0..20)
            .map(|number| numbered(ResultType::ValidationFailure, round * 20 + number))
            .collect();
        remarks.push(numbered(ResultType::DnssecInvalid, round));
        beyond += note(&store, "a.test", &remarks, AT).await;
    }
    assert_eq!(beyond, 25 * 21 - 64);
    // What is told apart stays so when it is found again.
    let first = numbered(ResultType::ValidationFailure, 0);
    assert_eq!(note(&store, "a.test", std::slice::from_ref(&first), AT + 5).await, 0);
    let found = store.sessions().of(day(), domain("a.test")).await.unwrap();
    assert_eq!((found.remarks.len(), found.unreadable), (64 + 2, 0));
    assert!(found.remarks.contains(&first));
    let others = found.remarks.into_iter().filter_map(|remark| remark.failure);
    let mut others: Vec<_> = others.filter(SessionFailure::is_others).collect();
    others.sort();
    let types = [ResultType::ValidationFailure, ResultType::DnssecInvalid];
    let mut expected = types.map(SessionFailure::others);
    expected.sort();
    assert_eq!(others, expected);
    // Of another domain nothing is missing.
    assert_eq!(note(&store, "b.test", &[first], AT).await, 0);
}

#[tokio::test]
async fn looks_are_kept_with_all_that_they_showed_and_when() {
    let (_folder, store) = open().await;
    let sessions = store.sessions();
    let testing = policy(PolicyType::Sts, "a.test");
    let probe = |result| HostProbe { host: domain("mx.a.test"), result };
    let hosts = vec![
        probe(ProbeResult::Fails(SessionFailure::new(ResultType::CertificateExpired))),
        probe(ProbeResult::Passes),
        probe(ProbeResult::Unknown),
    ];
    let look = |at: i64| Look {
        at: Timestamp::from_second(at).unwrap(),
        policy: testing.clone(),
        hosts: hosts.clone(),
    };
    let midnight = day().begins_at();
    let times = [midnight - 86_401, midnight - 1, AT - 3_600, AT, midnight + 86_400];
    for at in times.iter().rev() {
        for _ in 0..2 {
            sessions.note_look(domain("a.test"), look(*at)).await.unwrap();
        }
    }
    // Those of the days beside it may be near; that of two days ago is not.
    let found = sessions.of(day(), domain("a.test")).await.unwrap();
    assert_eq!(
        (found.looks, found.unreadable),
        (times[1..].iter().map(|at| look(*at)).collect(), 0)
    );
    assert_eq!(sessions.of(day(), domain("b.test")).await.unwrap().looks, []);
}

#[tokio::test]
async fn the_hours_of_sessions_are_those_of_all_nodes() {
    let (_folder, store) = open().await;
    let sessions = store.sessions();
    let save = async |node: &str, successful: u64, hours: Option<&str>| {
        let epoch = sessions.begin(node, AT).await.unwrap();
        let counts = SessionCounts {
            successful,
            hours: hours.map(|text| Box::new(text.parse().unwrap())),
            ..one_session("a.test", &policy(PolicyType::NoPolicyFound, "a.test"))
        };
        sessions.save(&epoch, vec![counts]).await.unwrap();
        epoch
    };
    let epoch = save("one", 3, Some("9:1 23:2")).await;
    save("two", 5, Some("9:5")).await;
    save("import", 7, None).await;
    let found = async || sessions.of(day(), domain("a.test")).await.unwrap().hours.to_string();
    assert_eq!(found().await, "9:6 23:2");
    // Written again, with newer numbers: they are absolute.
    let counts = SessionCounts {
        successful: 4,
        hours: Some(Box::new("9:1 10:1 23:2".parse().unwrap())),
        ..one_session("a.test", &policy(PolicyType::NoPolicyFound, "a.test"))
    };
    for _ in 0..2 {
        sessions.save(&epoch, vec![counts.clone()]).await.unwrap();
    }
    assert_eq!(found().await, "9:6 10:1 23:2");
}

#[tokio::test]
async fn domains_with_a_policy_are_tried_once_in_a_while() {
    let (_folder, store) = open().await;
    let sessions = store.sessions();
    for name in ["a.test", "b.test", "c.test", "d.test"] {
        // Of the third nobody holds a policy; with the fourth there was no session.
        if name != "d.test" {
            counted(&store, name, &policy(PolicyType::NoPolicyFound, name)).await;
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
    looked_at(&store, "a.test", AT + 10).await;
    assert_eq!(candidates(None, AT + 9, 10).await, ["b.test"]);
    assert_eq!(candidates(None, AT + 10, 10).await, ["a.test", "b.test"]);
    assert_eq!(sessions.probe_candidates(day().plus(1), None, AT, 10).await.unwrap(), []);
}

#[tokio::test]
async fn who_is_to_be_told_of_is_undecided() {
    let (_folder, store) = open().await;
    let sessions = store.sessions();
    let dane = |name: &str| policy(PolicyType::Tlsa, name);
    counted(&store, "a.test", &dane("mx.host.test")).await;
    counted(&store, "b.test", &dane("mx.host.test")).await;
    // A host of its own name is no other domain, and only DANE is of hosts.
    counted(&store, "c.test", &dane("c.test")).await;
    counted(&store, "d.test", &policy(PolicyType::Sts, "other.test")).await;
    let invalid = vec![remark(Some(ResultType::StsPolicyInvalid))];
    note(&store, "remarked.test", &invalid, AT).await;
    note(&store, "held.test", &[remark(None)], AT).await;
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
    counted(&store, "a.test", &policy(PolicyType::Tlsa, "mx.host.test")).await;
    let invalid = vec![remark(Some(ResultType::StsPolicyInvalid))];
    for back in 0..3 {
        let remarks = DomainRemarks { domain: domain("a.test"), remarks: invalid.clone() };
        sessions.remark(day().plus(-back), vec![remarks], AT).await.unwrap();
        looked_at(&store, "a.test", AT - back * 86_400).await;
    }
    let rows = |table: &str| {
        let other = Connection::open(folder.path().join("store.sqlite")).unwrap();
        let count = format!("SELECT COUNT(*) FROM {table}");
        other.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    while sessions.prune(day().plus(-1), 1).await.unwrap() > 0 {}
    assert_eq!(["sender_remarks", "session_hosts", "mx_looks"].map(rows), [2, 1, 2]);
    while sessions.prune(day().plus(1), 1).await.unwrap() > 0 {}
    let all = ["sender_remarks", "session_hosts", "mx_looks", "session_texts", "session_totals"];
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
