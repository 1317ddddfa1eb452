//! What is forgotten, and what never.

use mta_sts::{
    PolicyId,
    cache::{
        FetchFailure, FetchedPolicy, Jitter, RecordLookup, SavedBackoff, SavedPolicy, Snapshot,
    },
};

use super::*;

const LIMIT: usize = 3;

fn at(seconds: u64) -> Now {
    Now {
        wall: 1_900_000_000_i64.saturating_add_unsigned(seconds),
        monotonic: Duration::from_secs(seconds),
    }
}

fn name(text: &str) -> DomainName {
    text.parse().unwrap()
}

fn id() -> PolicyId {
    "a".parse().unwrap()
}

fn policy(max_age: u32) -> FetchedPolicy {
    let text = format!("version: STSv1\nmode: enforce\nmx: *.a.test\nmax_age: {max_age}\n");
    FetchedPolicy::parse(text.as_bytes()).unwrap()
}

fn handle(shard: &mut Shard, domain: &str, event: Event, now: Now) -> Result<Vec<Action>, Full> {
    shard.handle(&name(domain), event, LIMIT, now, || Entry::new(now, Jitter::new(now.wall as u64)))
}

/// Asks about a domain that has no record.
fn without_record(shard: &mut Shard, domain: &str, now: Now) {
    let actions = handle(shard, domain, Event::Asked, now).unwrap();
    let Some(Action::LookUpRecord(token)) = actions.first() else { panic!("{actions:?}") };
    let absent = RecordLookup::Absent { ttl: Duration::from_mins(5) };
    assert_eq!(handle(shard, domain, Event::Record(*token, absent), now), Ok(vec![]));
}

/// Asks about a domain, and lets its policy come.
fn with_policy(shard: &mut Shard, domain: &str, max_age: u32, now: Now) {
    let actions = handle(shard, domain, Event::Asked, now).unwrap();
    let Some(Action::LookUpRecord(token)) = actions.first() else { panic!("{actions:?}") };
    let found = RecordLookup::Found { id: id(), ttl: Duration::from_mins(5) };
    let actions = handle(shard, domain, Event::Record(*token, found), now).unwrap();
    let Some(Action::FetchPolicy(token, _)) = actions.first() else { panic!("{actions:?}") };
    let fetched = Event::Fetched(*token, Ok(policy(max_age)));
    assert_eq!(handle(shard, domain, fetched, now), Ok(vec![Action::Save]));
}

#[test]
fn the_oldest_domain_without_a_policy_makes_room() {
    let mut shard = Shard::default();
    with_policy(&mut shard, "held.test", 86_400, at(0));
    for index in 0..10 {
        without_record(&mut shard, &format!("n{index}.test"), at(index));
        let (with, without) = shard.sizes();
        assert_eq!((with, without <= LIMIT), (1, true));
    }
    let known = |domain: &str| shard.slot(&name(domain)).is_some();
    assert!(known("held.test"), "a policy that applies is never forgotten");
    assert!(known("n9.test") && known("n8.test") && known("n7.test"));
    assert!(!known("n6.test"));
}

#[test]
fn a_flood_of_unfinished_look_ups_is_refused_and_costs_no_policy() {
    let mut shard = Shard::default();
    with_policy(&mut shard, "held.test", 86_400, at(0));
    for index in 0..LIMIT {
        assert!(handle(&mut shard, &format!("n{index}.test"), Event::Asked, at(1)).is_ok());
    }
    assert_eq!(handle(&mut shard, "one-more.test", Event::Asked, at(1)), Err(Full));
    assert!(shard.slot(&name("one-more.test")).is_none());
    let held = shard.slot(&name("held.test")).unwrap();
    assert!(matches!(held.entry().verdict(at(1)), Verdict::Apply(_)));
    // Their time passes, and there is room again.
    assert!(handle(&mut shard, "one-more.test", Event::Asked, at(200)).is_ok());
}

#[test]
fn failures_are_remembered_longer_than_nothing() {
    let mut shard = Shard::default();
    let backoff = SavedBackoff {
        id: id(),
        failure: FetchFailure::NotFetched,
        failures: 3,
        failed_at: at(0).wall,
    };
    let saved = Snapshot { policy: None, backoff: Some(backoff), last_used: at(0).wall };
    let entry = Entry::restore(saved, at(0), Jitter::new(1));
    shard.restore(&name("failing.test"), entry, LIMIT, at(0));
    for index in 0..5 {
        without_record(&mut shard, &format!("n{index}.test"), at(index));
    }
    assert!(shard.slot(&name("failing.test")).is_some());
}

#[test]
fn a_policy_that_expires_goes_over_to_the_others_and_wakes_nobody_any_more() {
    let mut shard = Shard::default();
    with_policy(&mut shard, "short.test", 600, at(0));
    assert_eq!(shard.sizes(), (1, 0));
    assert!(shard.due(at(0)).is_empty());
    assert_eq!(shard.due(at(700)), [name("short.test")]);
    // All that was due is late now; what is still under way has to end first.
    for seconds in [700, 900, 1_100] {
        for domain in shard.due(at(seconds)) {
            let actions = handle(&mut shard, domain.as_str(), Event::Woken, at(seconds)).unwrap();
            assert!(!actions.iter().any(|action| matches!(action, Action::FetchPolicy(..))));
        }
    }
    assert_eq!(shard.sizes(), (0, 1));
    assert!(shard.due(at(10_000)).is_empty());
}

#[test]
fn a_new_policy_counts_as_unsaved_and_an_equal_one_does_not() {
    let mut shard = Shard::default();
    with_policy(&mut shard, "a.test", 86_400, at(0));
    assert!(shard.slot(&name("a.test")).unwrap().unsaved);
    shard.no_longer_unsaved(&name("a.test"));
    for (max_age, unsaved) in [(86_400, false), (172_800, true)] {
        let start = if unsaved { at(2_000) } else { at(1_000) };
        let mut actions = handle(&mut shard, "a.test", Event::Refresh, start).unwrap();
        for _ in 0..2 {
            let event = match actions.iter().find(|action| !matches!(action, Action::Save)) {
                Some(Action::LookUpRecord(token)) => {
                    let ttl = Duration::from_mins(5);
                    Event::Record(*token, RecordLookup::Found { id: id(), ttl })
                }
                Some(Action::FetchPolicy(token, _)) => Event::Fetched(*token, Ok(policy(max_age))),
                other => panic!("{other:?}"),
            };
            actions = handle(&mut shard, "a.test", event, start).unwrap();
        }
        assert_eq!(shard.slot(&name("a.test")).unwrap().unsaved, unsaved, "{max_age}");
    }
}

#[test]
fn restored_policies_are_all_there_whatever_the_limit() {
    let mut shard = Shard::default();
    for index in 0..20 {
        let policy = SavedPolicy { policy: policy(86_400), id: id(), fetched_at: at(0).wall };
        let saved = Snapshot { policy: Some(policy), backoff: None, last_used: at(0).wall };
        let entry = Entry::restore(saved, at(0), Jitter::new(index));
        shard.restore(&name(&format!("n{index}.test")), entry, LIMIT, at(0));
    }
    assert_eq!(shard.sizes(), (20, 0));
}

#[test]
fn what_another_process_has_stored_is_taken_over_where_no_policy_applies() {
    let mut shard = Shard::default();
    let restored = |fetched_at: i64| {
        let policy = Some(SavedPolicy { policy: policy(86_400), id: id(), fetched_at });
        let snapshot = Snapshot { policy, backoff: None, last_used: 1_900_000_000 };
        Entry::restore(snapshot, at(10), Jitter::new(1))
    };
    let start = 1_900_000_000;
    shard.take_over(&name("new.test"), restored(start), LIMIT, at(10));
    without_record(&mut shard, "known.test", at(10));
    shard.take_over(&name("known.test"), restored(start), LIMIT, at(10));
    assert_eq!(shard.sizes(), (2, 0));

    // What has expired is no policy, and one that applies stays.
    without_record(&mut shard, "other.test", at(10));
    shard.take_over(&name("other.test"), restored(start - 90_000), LIMIT, at(10));
    with_policy(&mut shard, "held.test", 1_000, at(10));
    shard.take_over(&name("held.test"), restored(start), LIMIT, at(10));
    assert_eq!(shard.sizes(), (3, 1));
    let held = shard.slot(&name("held.test")).unwrap().entry();
    assert!(
        matches!(held.verdict(at(11)), Verdict::Apply(held) if held.fetched_at() == start + 10)
    );

    // What is being saved is newer than what was stored.
    without_record(&mut shard, "saved.test", at(10));
    shard.slot_mut(&name("saved.test")).unwrap().saving = Saving::Running;
    shard.take_over(&name("saved.test"), restored(start), LIMIT, at(10));
    assert_eq!(shard.sizes(), (3, 2));
}

#[test]
fn a_kept_reply_goes_with_its_domain() {
    let mut shard = Shard::default();
    without_record(&mut shard, "kept.test", at(0));
    assert!(
        shard.slot_mut(&name("kept.test")).unwrap().lasting(at(0)).is_none(),
        "not asked since"
    );
    assert_eq!(handle(&mut shard, "kept.test", Event::Asked, at(1)), Ok(vec![]));
    let lasting = shard.slot_mut(&name("kept.test")).unwrap().lasting(at(1)).unwrap();
    assert!(lasting.holds(at(1).monotonic));
    for index in 0..=LIMIT {
        without_record(&mut shard, &format!("n{index}.test"), at(2));
    }
    assert!(shard.slot(&name("kept.test")).is_none());
    assert!(!lasting.holds(at(1).monotonic));
}

#[test]
fn a_policy_that_lands_while_another_state_is_saved_waits_for_its_own_saving() {
    let mut shard = Shard::default();
    without_record(&mut shard, "a.test", at(0));
    shard.slot_mut(&name("a.test")).unwrap().saving = Saving::Running;
    with_policy(&mut shard, "a.test", 86_400, at(400));
    let slot = shard.slot(&name("a.test")).unwrap();
    assert!(slot.unsaved && slot.saving == Saving::Outdated);
}

#[test]
fn a_slot_is_small_for_there_are_very_many() {
    assert!(size_of::<Slot>() <= 152, "{} bytes", size_of::<Slot>());
}
