//! Passes over domains of which nothing can be seen: nobody answers at the resolver.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use mta_sts::Policy;
use sealpost_net::{Network, Settings as NetworkSettings};
use sealpost_rollout::{Event, History};
use sealpost_runtime::Clock;
use sealpost_store::{Moment, Settings, Store};

use super::super::configured::Configured;
use super::super::seen::{HostSeen, IdSeen, RuaSeen, Ttl};
use super::*;
use crate::{Domains, Section};

const TERMS: &str = "[domains.\"a.test\"]\nmx = [\"mx.a.test\"]\nhost = \"own\"\n";
const START: Time = Time::at(1_793_491_200);
const NOW: Time = Time::at(1_793_577_600);

fn domains(text: &str) -> Domains {
    let section: Section = toml::from_str(text).unwrap();
    Domains::load(&section, "sealpost.toml", text).unwrap()
}

fn network() -> Network {
    let resolvers = vec!["127.0.0.1:1".parse().unwrap()];
    let settings = NetworkSettings { resolvers, ..NetworkSettings::default() };
    Network::new(settings, Clock::system()).unwrap()
}

fn order(to: Stage) -> Order {
    Order { to, by: "Kim".to_owned(), reason: "asked for".to_owned(), force: false }
}

fn move_of(from: Stage, to: Stage) -> Move {
    Move { from, to, cause: Cause::Wished, mark: None, grounds: Vec::new() }
}

async fn enrolled(settings: Settings, stage: Stage) -> (Store, DomainName) {
    let store = Store::open(settings).await.unwrap();
    let domain: DomainName = "a.test".parse().unwrap();
    assert!(store.rollouts().enrol(domain.clone(), stage, START, Past::Nothing).await.unwrap());
    (store, domain)
}

fn ledger(store: &Store, domain: &DomainName, stage: Stage, configured: Configured) -> Ledger {
    let history = History::new(START, Past::Nothing);
    let rollout = Rollout { stage, entered_at: START, history, mx: Vec::new() };
    let (rollouts, domain) = (store.rollouts(), domain.clone());
    let rows = Vec::new();
    let (reckoning, _) = Reckoning::resume(None, &ClockReading::told(NOW), recorded(&rollout));
    Ledger { rollouts, configured, domain, doing: Doing::All, rollout, reckoning, rows, now: NOW }
}

/// Time passes until then.
fn wait(ledger: &mut Ledger, until: Time) {
    ledger.reckoning.keep(recorded(&ledger.rollout));
    let kept = Some(ledger.reckoning.clone());
    let reading = ClockReading::told(until);
    (ledger.reckoning, _) = Reckoning::resume(kept, &reading, recorded(&ledger.rollout));
    ledger.now = until;
}

#[tokio::test]
async fn who_comes_too_late_with_an_order_hears_where_the_domain_is() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::at(folder.path().join("store.sqlite"));
    let (store, domain) = enrolled(settings, Stage::Testing).await;
    let mut late = ledger(&store, &domain, Stage::Testing, Configured::default());
    // A regular pass is faster.
    let mut regular = ledger(&store, &domain, Stage::Testing, Configured::default());
    let made = move_of(Stage::Testing, Stage::EnforceDay);
    assert_eq!(carry_out(&mut regular, &made, Actor::Itself, None).await.unwrap(), None);

    let by = Actor::Person("Kim".to_owned());
    let forced = order(Stage::Leaving).forced(Stage::Testing, NOW, &["no reports".to_owned()]);
    let made = move_of(Stage::Testing, Stage::Leaving);
    let why = carry_out(&mut late, &made, by, Some(forced)).await.unwrap().unwrap();
    assert!(why.contains("no longer in testing") && why.contains("to enforce-day"), "{why}");
    assert!(late.rows.is_empty());
    assert_eq!(late.rollout.stage, Stage::EnforceDay);
    let rows = store.rollouts().logbook(domain, 0, 10).await.unwrap();
    assert_eq!(rows.len(), 1, "nothing is written of what was not done: {rows:?}");
}

#[tokio::test]
async fn a_pass_that_began_with_other_settings_writes_no_policy_down() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::at(folder.path().join("store.sqlite"));
    let (store, domain) = enrolled(settings, Stage::Testing).await;
    let begun = domains(TERMS);
    let published = begun.of(&domain).unwrap();
    let configured = Configured::of(Arc::new(begun.clone()));
    let mut under_way = ledger(&store, &domain, Stage::Testing, configured.clone());
    let policy = published.policy(Stage::Testing).unwrap().unwrap();
    configured.replace(Arc::new(domains(&TERMS.replace("mx.a", "mx.b")))).await;
    assert!(!under_way.publish(published, &policy).await.unwrap());
    let fixed = domains(&TERMS.replace("host", "mode = \"enforce\"\nhost"));
    under_way.settle(fixed.of(&domain).unwrap(), Enrolment::Known).await.unwrap();
    let kept = store.rollouts().load(domain.clone()).await.unwrap().unwrap();
    assert_eq!((kept.stage, kept.history.live()), (Stage::Testing, None));

    configured.replace(Arc::new(begun.clone())).await;
    assert!(under_way.publish(published, &policy).await.unwrap());
    let kept = store.rollouts().load(domain).await.unwrap().unwrap();
    assert_eq!(kept.history.live(), Some(&policy));
}

#[tokio::test]
async fn what_is_configured_again_is_not_taken_down() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::at(folder.path().join("store.sqlite"));
    let (store, domain) = enrolled(settings, Stage::Removed).await;
    let begun = domains(TERMS);
    let published = begun.of(&domain).unwrap();
    let configured = Configured::of(Arc::new(begun.clone()));
    let mut under_way = ledger(&store, &domain, Stage::Removed, configured.clone());
    let policy = published.policy(Stage::Testing).unwrap().unwrap();
    assert!(under_way.publish(published, &policy).await.unwrap());
    configured.replace(Arc::new(domains(&TERMS.replace("host", "mode = \"testing\"\nhost")))).await;
    assert!(!under_way.unpublish(published).await.unwrap());
    let kept = store.rollouts().load(domain.clone()).await.unwrap().unwrap();
    assert_eq!(kept.history.live(), Some(&policy));

    configured.replace(Arc::new(begun.clone())).await;
    assert!(under_way.unpublish(published).await.unwrap());
    let kept = store.rollouts().load(domain).await.unwrap().unwrap();
    assert_eq!(kept.history.live(), None);
}

/// The first policy of a domain is served as soon as it is configured.
#[tokio::test]
async fn the_id_of_a_first_policy_waits_until_it_is_seen_to_leave_out_no_mx_host() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::at(folder.path().join("store.sqlite"));
    let (store, domain) = enrolled(settings, Stage::EnforceDay).await;
    let all = domains(&TERMS.replace("host", "mode = \"enforce\"\nhost"));
    let published = all.of(&domain).unwrap();
    let mut ledger = ledger(&store, &domain, Stage::EnforceDay, Configured::default());
    let policy = published.policy(Stage::EnforceDay).unwrap().unwrap();
    assert!(ledger.publish(published, &policy).await.unwrap());
    let driver = Driver::new(store, network(), std::collections::HashMap::new());
    let body = policy.to_string().into_bytes();
    let hosts = |names: &[&str]| {
        let names = names.iter().map(|name| name.parse().unwrap()).collect();
        Some((names, Ttl::Published(std::time::Duration::from_secs(3_600))))
    };
    for (mail_hosts, wants) in [
        (
            hosts(&["mx.a.test", "mx.b.test"]),
            "its id is not announced: the policy leaves mx.b.test",
        ),
        (hosts(&["mx.a.test"]), "set _mta-sts.a.test."),
        (hosts(&[]), "set _mta-sts.a.test."),
    ] {
        let seen = Seen {
            host: HostSeen::Bodies { bodies: vec![body.clone()], everywhere: true },
            addresses: Vec::new(),
            id: IdSeen::Nothing,
            rua: RuaSeen::Nothing,
            mail_hosts,
        };
        let work = publication::publish(&driver, published, &mut ledger, &seen).await.unwrap();
        let of_id = |todo: &&String| todo.contains("its id") || todo.contains("_mta-sts.");
        let todo: Vec<&String> = work.todo.iter().filter(of_id).collect();
        assert!(matches!(todo.as_slice(), [one] if one.starts_with(wants)), "{wants}: {todo:?}");
        assert!(work.untold.is_empty());
    }
}

/// Nobody can do anything for it at the domain.
#[tokio::test]
async fn what_could_not_be_told_is_no_work_for_a_person() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::at(folder.path().join("store.sqlite"));
    let (store, domain) = enrolled(settings, Stage::Testing).await;
    let driver = Driver::new(store.clone(), network(), std::collections::HashMap::new());
    let unknown = || "no answer".to_owned();
    let seen = Seen {
        host: HostSeen::Unknown { why: unknown(), some: Vec::new() },
        addresses: Vec::new(),
        id: IdSeen::Unknown(unknown()),
        rua: RuaSeen::Unknown(unknown()),
        mail_hosts: None,
    };
    for (host, stage, wants) in [
        ("own", Stage::Testing, "whether mta-sts.a.test serves the policy: no answer"),
        ("own", Stage::EnforceDay, "whether the policy covers every MX host: "),
        ("external", Stage::Testing, "whether mta-sts.a.test serves the policy: no answer"),
        ("external", Stage::EnforceDay, "whether the policy covers every MX host: "),
    ] {
        let all = domains(&TERMS.replace("own", host));
        let published = all.of(&domain).unwrap();
        let mut ledger = ledger(&store, &domain, stage, Configured::default());
        let policy = published.policy(stage).unwrap().unwrap();
        assert!(ledger.publish(published, &policy).await.unwrap());
        let (id, hour) = ("1".parse().unwrap(), std::time::Duration::from_secs(3_600));
        ledger.announce(Some(id), hour, Actor::Itself, None).await.unwrap();
        let work = publication::publish(&driver, published, &mut ledger, &seen).await.unwrap();
        assert_eq!(work.todo, [""; 0], "{host} {stage}");
        assert!(
            matches!(work.untold.as_slice(), [one] if one.starts_with(wants)),
            "{host} {stage}: {:?}",
            work.untold
        );
    }
}

/// What the pass itself sees for the first time counts as well, and is kept.
#[tokio::test]
async fn a_host_that_just_left_the_mx_records_is_not_left_out_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings::at(folder.path().join("store.sqlite"));
    let (store, domain) = enrolled(settings, Stage::EnforceDay).await;
    let all = domains(TERMS);
    let published = all.of(&domain).unwrap();
    let driver = Driver::new(store.clone(), network(), std::collections::HashMap::new());
    let mut ledger = ledger(&store, &domain, Stage::EnforceDay, Configured::default());
    let ttl = std::time::Duration::from_secs(3_600);
    let seen = |host: &str| Seen {
        host: HostSeen::Nothing,
        addresses: Vec::new(),
        id: IdSeen::Nothing,
        rua: RuaSeen::Nothing,
        mail_hosts: Some((vec![host.parse().unwrap()], Ttl::Published(ttl))),
    };
    ledger.observe(published, &seen("mx.b.test")).await.unwrap();
    wait(&mut ledger, NOW.plus(ttl));
    ledger.observe(published, &seen("mx.a.test")).await.unwrap();
    let kept = store.rollouts().load(domain.clone()).await.unwrap().unwrap();
    assert_eq!(kept.mx, ledger.rollout.mx, "in memory and in the store alike");
    let over = ledger.now.plus(ttl).plus(sealpost_rollout::MARGIN);
    let now = seen("mx.a.test");
    let work = publication::publish(&driver, published, &mut ledger, &now).await.unwrap();
    let wanted = format!("the policy is not served before {over}: until then a cache may hold");
    assert!(work.todo.iter().any(|todo| todo.starts_with(&wanted)), "{:?}", work.todo);
    assert_eq!(ledger.rollout.history.live(), None);
    wait(&mut ledger, over);
    publication::publish(&driver, published, &mut ledger, &now).await.unwrap();
    assert!(ledger.rollout.history.live().is_some());
}

/// The store is gone as soon as the move is written.
#[tokio::test]
async fn a_move_stands_though_what_follows_from_it_fails() {
    let folder = tempfile::tempdir().unwrap();
    let (is_armed, commits) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (armed, counted) = (Arc::clone(&is_armed), Arc::clone(&commits));
    let settings = Settings::at(folder.path().join("store.sqlite"));
    let settings = settings.with_witness(move |moment| {
        if armed.load(Ordering::SeqCst) && moment == Moment::BeforeCommit {
            assert_eq!(counted.fetch_add(1, Ordering::SeqCst), 0, "the disk is full");
        }
    });
    let (store, domain) = enrolled(settings, Stage::EnforceDay).await;
    let all = domains(TERMS);
    let published = all.of(&domain).unwrap();
    let body = published.policy(Stage::EnforceDay).unwrap().unwrap().to_string().into_bytes();
    assert!(Policy::parse(&body).is_ok());
    let none = std::time::Duration::ZERO;
    store.rollouts().serve(domain.clone(), Some(body), START, none).await.unwrap();
    let driver = Driver::new(store, network(), std::collections::HashMap::new());
    is_armed.store(true, Ordering::SeqCst);
    let pass = driver
        .pass(published, &ClockReading::told(NOW), Doing::All, Some(&order(Stage::Testing)))
        .await
        .unwrap();
    assert_eq!(
        (pass.before, pass.stage, &pass.refused),
        (Stage::EnforceDay, Stage::Testing, &None)
    );
    assert!(matches!(pass.rows.as_slice(), [Entry { event: Event::Moved { .. }, .. }]));
    let remains = pass.remains.unwrap();
    assert!(remains.starts_with("not yet published, because of this: failed to "), "{remains}");
    assert!(remains.ends_with("the next pass goes on"), "{remains}");
    assert!(pass.failures.contains(&PassFailure::Store));
}

#[test]
fn who_is_published_by_another_does_not_begin() {
    let hour = std::time::Duration::from_secs(3_600);
    let begins = |terms: &str, id: Option<&str>| {
        let all = domains(terms);
        let id = match id {
            None => IdSeen::Unknown("no answer".to_owned()),
            Some("") => IdSeen::Nothing,
            Some(id) => IdSeen::Id(id.parse().unwrap(), Ttl::Published(hour)),
        };
        let (host, rua) = (HostSeen::Nothing, RuaSeen::Nothing);
        let seen = Seen { host, addresses: Vec::new(), id, rua, mail_hosts: None };
        stage_to_begin_in(all.iter().next().unwrap(), &seen)
    };
    let fixed = TERMS.replace("host", "mode = \"testing\"\nhost");
    let own = domains(&fixed).iter().next().unwrap().fixed_id().unwrap();
    assert_eq!(begins(TERMS, Some("")), Ok(Stage::Nothing));
    assert_eq!(begins(&fixed, Some("")), Ok(Stage::Nothing));
    // The record of the policy that is configured was set beforehand.
    assert_eq!(begins(&fixed, Some(own.as_str())), Ok(Stage::Nothing));
    for (terms, id, wanted) in [
        (fixed.as_str(), Some("1"), "`sealpost publish adopt a.test`"),
        (TERMS, Some(own.as_str()), "`sealpost publish adopt a.test`"),
        (fixed.as_str(), None, "could not tell what is live: no answer"),
    ] {
        let why = begins(terms, id).unwrap_err();
        let is_told = id.is_some();
        assert!(
            matches!(&why, Refusal::Theirs(why) if is_told && why.contains(wanted))
                || matches!(&why, Refusal::Untold(why) if !is_told && why == wanted),
            "{wanted}: {why:?}"
        );
    }
}
