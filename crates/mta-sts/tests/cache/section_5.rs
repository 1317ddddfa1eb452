//! RFC 8461 §5: noticing that a policy has changed.

use mta_sts::{
    Mode,
    cache::{Event, RecordLookup, Verdict},
};

use crate::world::*;

//= https://www.rfc-editor.org/rfc/rfc8461#section-5
//= type=test
//# When a message fails to deliver due to an "enforce" policy, a
//# compliant MTA MUST NOT permanently fail to deliver messages before
//# checking, via DNS, for the presence of an updated policy at the
//# Policy Domain.
//
//= https://www.rfc-editor.org/rfc/rfc8461#section-5.1
//= type=test
//# A message delivery attempt MUST NOT be permanently failed until
//# the sender has first checked for the presence of a new policy (as
//# indicated by the "id" field in the "_mta-sts" TXT record).
#[test]
fn every_question_has_the_record_looked_up_again_after_its_ttl() {
    for (ttl, kept) in [(0, 60), (60, 60), (300, 300), (3_600, 3_600), (604_800, 3_600)] {
        let mut world = World::new(found("1", ttl), Ok(enforce(30 * DAY)));
        world.ask();
        world.sleep(kept - 1);
        world.ask();
        assert_eq!(world.look_ups, [0], "{ttl}: not yet");
        world.record = found("2", ttl);
        world.host = Ok(policy("enforce", "mx2.example.net", 30 * DAY));
        world.sleep(1);
        world.ask();
        assert_eq!(world.look_ups, [0, kept], "{ttl}");
        if kept >= 300 {
            assert_eq!(world.fetches.last().unwrap(), &(kept, "2".to_owned()), "{ttl}");
            assert!(world.applied().unwrap().contains("mx2"), "{ttl}: at once");
        } else {
            // A policy just fetched is left alone for five minutes; then the change is followed.
            world.pass(300 - kept);
            assert!(world.applied().unwrap().contains("mx2"), "{ttl}");
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
//= type=test
//# This string MUST uniquely identify a given instance of a
//# policy, such that senders can determine when the policy has been
//# updated by comparing to the "id" of a previously seen policy.
#[test]
fn only_a_changed_id_is_followed_by_a_fetch() {
    let mut world = World::holding(enforce(30 * DAY));
    world.pass_in_use(6 * HOUR, 10 * MINUTE);
    assert!(world.look_ups.len() >= 6);
    assert_eq!(world.fetches, [], "the id is the same");
    world.record = found("0", HOUR); // there is no order between ids
    world.pass_in_use(HOUR, 10 * MINUTE);
    assert_eq!(world.fetches.len(), 1);
    world.pass_in_use(2 * HOUR, 10 * MINUTE);
    assert_eq!(world.fetches.len(), 1, "once");
}

#[test]
fn a_domain_in_use_is_looked_up_beforehand_and_an_idle_one_is_not() {
    let mut world = World::holding(enforce(30 * DAY));
    world.ask();
    world.pass(HOUR);
    assert_eq!(world.look_ups.len(), 1, "somebody had asked: ready for who comes next");
    world.pass(10 * HOUR);
    assert_eq!(world.look_ups.len(), 1, "nobody has asked");
}

#[test]
fn testing_and_none_change_to_enforce_as_soon() {
    for mode in ["testing", "none"] {
        let mut world = World::holding(policy(mode, "mx.example.net", 30 * DAY));
        world.record = found("2", HOUR);
        world.host = Ok(enforce(30 * DAY));
        world.sleep(HOUR);
        world.ask();
        let Verdict::Apply(held) = world.verdict() else { panic!() };
        assert_eq!(held.mode(), Mode::Enforce);
    }
}

#[test]
fn an_operator_may_refresh_and_purge() {
    // Refresh: record and policy, whatever the waits, and nothing is lost if both fail.
    let mut world = World::holding(enforce(30 * DAY));
    world.record = RecordLookup::Unknown;
    world.host = Err(mta_sts::cache::FetchFailure::NotFetched);
    for _ in 0..3 {
        world.forget_past();
        world.sleep(1);
        world.handle(Event::Refresh);
        assert_eq!((world.look_ups.len(), world.fetches.len()), (1, 1));
        assert!(world.applies());
    }
    // Purge: the one way to lose a policy that applies.
    world.handle(Event::Purge);
    assert!(matches!(world.verdict(), Verdict::Pending));
    assert!(world.saved.as_ref().unwrap().is_empty());
    assert!(world.entry.evictable(world.now()));
    assert_eq!(world.entry.wake_at(), None);
}

#[test]
fn a_refresh_of_an_unknown_domain_preloads_it() {
    let mut world = World::new(found("1", 300), Ok(enforce(DAY)));
    world.handle(Event::Refresh);
    assert!(world.applies());
}

#[test]
fn a_policy_that_applies_is_never_evictable() {
    for mode in ["enforce", "testing", "none"] {
        let mut world = World::holding(policy(mode, "mx.example.net", DAY));
        world.host = Err(mta_sts::cache::FetchFailure::NotFetched);
        for _ in 0..24 {
            assert!(!world.entry.evictable(world.now()));
            world.pass(HOUR);
        }
        world.sleep(1);
        assert!(world.entry.evictable(world.now()));
    }
}
