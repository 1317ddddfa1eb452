use sealpost_rollout::{Actor, Cause, Event, Horizon};
use tempfile::TempDir;

use super::*;
use crate::Settings;

const START: Time = Time::at(1_793_491_200);
const HOUR: Duration = Duration::from_secs(3_600);

async fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(Settings::at(folder.path().join("store.sqlite"))).await.unwrap();
    (folder, store)
}

fn domain() -> DomainName {
    "example.com".parse().unwrap()
}

fn body(mode: &str, max_age: u32) -> Vec<u8> {
    format!("version: STSv1\r\nmode: {mode}\r\nmx: mx.a.test\r\nmax_age: {max_age}\r\n").into()
}

fn moved(at: Time, from: Stage, to: Stage) -> Entry {
    let event = Event::Moved { from, to, cause: Cause::GateOpen };
    Entry { at, by: Actor::Itself, event, grounds: vec!["21 days".to_owned()] }
}

#[tokio::test]
async fn what_was_served_comes_back_as_a_history() {
    let (folder, store) = open().await;
    let rollouts = store.rollouts();
    assert_eq!(rollouts.load(domain()).await.unwrap(), None);
    assert!(rollouts.enrol(domain(), Stage::Nothing, START, Past::Nothing).await.unwrap());
    assert!(!rollouts.enrol(domain(), Stage::Testing, START, Past::Unknown).await.unwrap());

    // The same, in memory.
    let mut expected = History::new(START, Past::Nothing);
    let mut at = START;
    for (mode, max_age) in [("enforce", 604_800), ("testing", 86_400), ("enforce", 604_800)] {
        let text = body(mode, max_age);
        let policy = Policy::parse(&text).unwrap();
        let id = PolicyId::from_time(at.seconds());
        // Repeating changes nothing.
        for _ in 0..2 {
            rollouts.serve(domain(), Some(text.clone()), at, HOUR).await.unwrap();
            let (id, later) = (Some(id.clone()), at.plus(HOUR));
            rollouts.announce(domain(), id, HOUR, later, Duration::ZERO).await.unwrap();
        }
        expected.serve(Some(policy), at, HOUR);
        expected.announce(id, at.plus(HOUR), HOUR, Duration::ZERO);
        at = at.plus(HOUR * 10);
    }
    let hosts = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect::<Vec<_>>();
    let old = hosts(&["mx.a.test", "mx.b.test"]);
    rollouts.set_mx(domain(), old.clone(), HOUR, START, HOUR).await.unwrap();
    let reversed = old.iter().rev().cloned().collect();
    rollouts.set_mx(domain(), reversed, HOUR * 2, START.plus(HOUR), HOUR).await.unwrap();
    rollouts.set_mx(domain(), hosts(&["mx.c.test"]), HOUR, at, HOUR).await.unwrap();
    store.close().await;

    let settings = Settings::at(folder.path().join("store.sqlite"));
    let reader = Store::open_to_read(settings).await.unwrap();
    let rollout = reader.rollouts().load(domain()).await.unwrap().unwrap();
    assert_eq!((rollout.stage, rollout.entered_at), (Stage::Nothing, START));
    assert_eq!(rollout.history, expected);
    assert_eq!(
        rollout.mx,
        [
            MxSet { hosts: old, ttl: HOUR * 2, until: Some(at.plus(HOUR)) },
            MxSet { hosts: hosts(&["mx.c.test"]), ttl: HOUR, until: None },
        ]
    );
}

/// In memory and in the store alike.
#[tokio::test]
async fn a_clock_that_was_put_back_gives_no_body_the_id_of_another() {
    let (_folder, store) = open().await;
    let rollouts = store.rollouts();
    let none = Duration::ZERO;
    let at = |seconds| START.plus(Duration::from_secs(seconds));
    for (name, later) in [("a.test", 500), ("b.test", 1_000)] {
        let domain: DomainName = name.parse().unwrap();
        rollouts.enrol(domain.clone(), Stage::Nothing, START, Past::Nothing).await.unwrap();
        let mut memory = History::new(START, Past::Nothing);
        let id: PolicyId = "1".parse().unwrap();
        let (one, other) = (body("enforce", 60), body("testing", 60));
        rollouts.serve(domain.clone(), Some(one.clone()), at(900), none).await.unwrap();
        memory.serve(Policy::parse(&one).ok(), at(900), none);
        rollouts.announce(domain.clone(), Some(id.clone()), HOUR, at(1_000), none).await.unwrap();
        memory.announce(id, at(1_000), HOUR, none);
        assert!(!memory.is_id_older());
        rollouts.serve(domain.clone(), Some(other.clone()), at(later), none).await.unwrap();
        memory.serve(Policy::parse(&other).ok(), at(later), none);

        let kept = rollouts.load(domain.clone()).await.unwrap().unwrap().history;
        assert_eq!(kept, memory);
        assert!(kept.is_id_older(), "at {later}");
        // A second id in time for it, and the way out, again with the clock put back.
        let second: PolicyId = "2".parse().unwrap();
        rollouts.announce(domain.clone(), Some(second.clone()), HOUR, at(10), none).await.unwrap();
        memory.announce(second, at(10), HOUR, none);
        rollouts.serve(domain.clone(), None, at(20), none).await.unwrap();
        memory.stop_serving(at(20));
        rollouts.announce(domain.clone(), None, HOUR, at(30), none).await.unwrap();
        memory.stop_announcing(at(30));
        let kept = rollouts.load(domain).await.unwrap().unwrap().history;
        assert_eq!(kept, memory);
        assert!(!kept.is_id_older());
        let last = kept.bodies().last().unwrap().until.unwrap();
        assert!(kept.ids().iter().all(|id| id.since < last), "it was fetched under each");
    }
}

#[tokio::test]
async fn what_ends_is_over() {
    let (_folder, store) = open().await;
    let rollouts = store.rollouts();
    rollouts.enrol(domain(), Stage::Nothing, START, Past::Unknown).await.unwrap();
    // Two bodies of one second, one of which nobody can use.
    rollouts.serve(domain(), Some(vec![0xFF; 70_000]), START, HOUR).await.unwrap();
    rollouts.serve(domain(), Some(body("enforce", 60)), START, Duration::ZERO).await.unwrap();
    let id = PolicyId::parse("a").unwrap();
    rollouts.announce(domain(), Some(id), HOUR, START, HOUR).await.unwrap();
    let end = START.plus(HOUR);
    rollouts.serve(domain(), None, end, Duration::ZERO).await.unwrap();
    rollouts.announce(domain(), None, HOUR, end, Duration::ZERO).await.unwrap();
    let entry = moved(end, Stage::Nothing, Stage::Record);
    assert!(rollouts.state_past(domain(), Past::Nothing, entry.clone()).await.unwrap());
    assert!(!rollouts.state_past("b.test".parse().unwrap(), Past::Nothing, entry).await.unwrap());

    let history = rollouts.load(domain()).await.unwrap().unwrap().history;
    assert!(history.live_body().is_none() && history.live_id().is_none());
    assert_eq!(history.bodies().len(), 2);
    let held = Duration::from_secs(60);
    let over = end.plus(HOUR).plus(held).plus(sealpost_rollout::MARGIN);
    assert_eq!(history.horizon(), Horizon::Until(over));
}

#[tokio::test]
async fn a_move_is_made_once_and_only_from_where_the_domain_is() {
    let (_folder, store) = open().await;
    let rollouts = store.rollouts();
    rollouts.enrol(domain(), Stage::Nothing, START, Past::Unknown).await.unwrap();
    let (from, to) = (Stage::Nothing, Stage::Record);
    let entry = moved(START.plus(HOUR), from, to);
    for _ in 0..2 {
        let done = rollouts.advance(domain(), from, to, None, entry.clone()).await.unwrap();
        assert_eq!(done, Advance::Done);
    }
    let late = moved(START.plus(HOUR * 2), from, to);
    let other = rollouts.advance(domain(), from, to, Some(entry.clone()), late).await.unwrap();
    assert_eq!(other, Advance::Elsewhere);
    let note = moved(START.plus(HOUR * 3), to, from);
    for _ in 0..2 {
        rollouts.note(domain(), note.clone()).await.unwrap();
    }
    assert_eq!(rollouts.logbook(domain(), 0, 10).await.unwrap(), [entry, note.clone()]);
    assert_eq!(rollouts.logbook(domain(), 1, 10).await.unwrap(), [note]);

    let rollout = rollouts.load(domain()).await.unwrap().unwrap();
    assert_eq!((rollout.stage, rollout.entered_at), (to, START.plus(HOUR)));
    let all = rollouts.domains(None, 10).await.unwrap();
    assert_eq!(all, [(domain(), to, START.plus(HOUR))]);
    assert_eq!(rollouts.domains(Some(domain()), 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_row_that_makes_no_sense_is_not_passed_over() {
    let (folder, store) = open().await;
    let rollouts = store.rollouts();
    rollouts.enrol(domain(), Stage::Nothing, START, Past::Unknown).await.unwrap();
    let other = Connection::open(folder.path().join("store.sqlite")).unwrap();
    let bad = "INSERT INTO rollout_ids VALUES ('example.com', 1, NULL, 'a-b', 5)";
    other.execute_batch(bad).unwrap();
    assert!(rollouts.load(domain()).await.is_err());
}
