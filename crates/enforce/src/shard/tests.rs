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
    for index in 0..LIMIT {
        with_failures(&mut shard, &format!("f{index}.test"), at(0), at(0));
    }
    for index in 0..20 {
        let policy = SavedPolicy { policy: policy(86_400), id: id(), fetched_at: at(0).wall };
        let saved = Snapshot { policy: Some(policy), backoff: None, last_used: at(0).wall };
        let entry = Entry::restore(saved, at(0), Jitter::new(index));
        shard.restore(&name(&format!("n{index}.test")), entry, LIMIT, at(0));
    }
    // Nor do they take the room of others.
    assert_eq!(shard.sizes(), (20, LIMIT));
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
    assert!(shard.begin_saving(&name("saved.test")));
    shard.take_over(&name("saved.test"), restored(start), LIMIT, at(10));
    assert_eq!(shard.sizes(), (3, 2));
}

#[test]
fn a_kept_reply_goes_with_its_domain() {
    let mut shard = Shard::default();
    without_record(&mut shard, "kept.test", at(0));
    assert!(shard.slot(&name("kept.test")).unwrap().lasting(at(0)).is_none(), "not asked since");
    assert_eq!(handle(&mut shard, "kept.test", Event::Asked, at(1)), Ok(vec![]));
    let lasting = shard.slot(&name("kept.test")).unwrap().lasting(at(1)).unwrap();
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
    assert!(shard.begin_saving(&name("a.test")));
    with_policy(&mut shard, "a.test", 86_400, at(400));
    let slot = shard.slot(&name("a.test")).unwrap();
    assert!(slot.unsaved && slot.saving == Saving::Outdated);
}

/// Restores a domain whose fetch failed for the third time at this moment.
fn with_failures(shard: &mut Shard, domain: &str, failed_at: Now, now: Now) {
    let backoff = SavedBackoff {
        id: id(),
        failure: FetchFailure::NotFetched,
        failures: 3,
        failed_at: failed_at.wall,
    };
    let saved = Snapshot { policy: None, backoff: Some(backoff), last_used: now.wall };
    shard.restore(&name(domain), Entry::restore(saved, now, Jitter::new(1)), LIMIT, now);
}

#[test]
fn failures_that_are_over_do_not_eat_the_room() {
    let mut shard = Shard::default();
    for index in 0..LIMIT {
        with_failures(&mut shard, &format!("old{index}.test"), at(0), at(90_000));
    }
    for index in 0..LIMIT {
        without_record(&mut shard, &format!("n{index}.test"), at(90_000));
    }
    // All of them are there: the old failures have made room, and need not be kept elsewhere.
    assert!((0..LIMIT).all(|index| shard.slot(&name(&format!("n{index}.test"))).is_some()));
    let mut forgotten = shard.take_forgotten();
    forgotten.sort();
    let expected = (0..LIMIT).map(|index| (name(&format!("old{index}.test")), at(0).wall));
    assert_eq!(forgotten, expected.collect::<Vec<_>>());
    assert!(shard.take_forgotten().is_empty());
}

#[test]
fn of_failures_that_must_be_remembered_those_go_first_that_are_over_soonest() {
    let mut shard = Shard::default();
    for index in 0..=LIMIT {
        with_failures(&mut shard, &format!("f{index}.test"), at(index as u64), at(60));
    }
    assert!(shard.slot(&name("f0.test")).is_none());
    assert!(shard.slot(&name("f1.test")).is_some());
    assert_eq!(shard.take_forgotten(), [(name("f0.test"), at(0).wall)]);
}

#[test]
fn what_a_store_that_fails_could_not_take_makes_room_all_the_same() {
    let mut shard = Shard::default();
    for index in 0..LIMIT {
        let domain = format!("f{index}.test");
        with_failures(&mut shard, &domain, at(0), at(0));
        assert!(shard.begin_saving(&name(&domain)));
    }
    let ask = |shard: &mut Shard, domain| handle(shard, domain, Event::Asked, at(1)).map(|_| ());
    assert_eq!(ask(&mut shard, "new.test"), Err(Full), "what is being saved stays");
    for index in 0..LIMIT {
        shard.not_saved(&name(&format!("f{index}.test")), false);
    }
    assert_eq!(ask(&mut shard, "new.test"), Ok(()));
    // The one that is gone is not saved again, the others are, once.
    assert!(!shard.save_again(&name("f0.test")));
    assert!(shard.save_again(&name("f1.test")) && !shard.save_again(&name("f1.test")));
}

#[test]
fn what_changes_between_two_tries_to_save_is_saved_at_once() {
    let mut shard = Shard::default();
    with_policy(&mut shard, "a.test", 86_400, at(0));
    assert!(shard.begin_saving(&name("a.test")));
    shard.not_saved(&name("a.test"), false);
    assert!(!shard.slot(&name("a.test")).unwrap().unsaved, "answers go on");
    assert!(shard.begin_saving(&name("a.test")), "nobody waits for the next try");
    assert!(!shard.save_again(&name("a.test")), "nor is there another beside it");
}

#[test]
fn a_purge_is_not_forgotten_before_it_has_reached_the_store() {
    let mut shard = Shard::default();
    let a = name("a.test");
    with_policy(&mut shard, "a.test", 86_400, at(0));
    assert!(shard.begin_saving(&a));
    assert!(!shard.next_to_save(&a, at(0)).unwrap().purged);
    let actions = handle(&mut shard, "a.test", Event::Purge, at(1));
    assert_eq!(actions, Ok(vec![Action::Save]));
    assert!(!shard.begin_saving(&a), "another saving is under way");
    assert!(shard.saved(&a), "and is repeated");
    // Meanwhile something has failed, so there is something to save.
    let actions = handle(&mut shard, "a.test", Event::Asked, at(1)).unwrap();
    let Some(Action::LookUpRecord(token)) = actions.first() else { panic!("{actions:?}") };
    let found = RecordLookup::Found { id: id(), ttl: Duration::from_mins(5) };
    let actions = handle(&mut shard, "a.test", Event::Record(*token, found), at(1)).unwrap();
    let Some(Action::FetchPolicy(token, _)) = actions.first() else { panic!("{actions:?}") };
    let failed = Event::Fetched(*token, Err(FetchFailure::NotFetched));
    assert!(handle(&mut shard, "a.test", failed, at(1)).unwrap().contains(&Action::Save));
    let to_save = shard.next_to_save(&a, at(1)).unwrap();
    assert!(to_save.purged && to_save.snapshot.policy.is_none());
    assert!(to_save.snapshot.backoff.is_some());
    // It could not be saved: it is still to be forgotten, and so the domain stays.
    shard.not_saved(&a, true);
    for index in 0..=LIMIT {
        let _ = handle(&mut shard, &format!("n{index}.test"), Event::Asked, at(2));
    }
    assert!(shard.next_to_save(&a, at(2)).unwrap().purged);
    assert!(!shard.saved(&a));
    assert!(!shard.next_to_save(&a, at(3)).unwrap().purged);
}

#[test]
fn a_slot_is_small_for_there_are_very_many() {
    assert!(size_of::<Slot>() <= 152, "{} bytes", size_of::<Slot>());
}
