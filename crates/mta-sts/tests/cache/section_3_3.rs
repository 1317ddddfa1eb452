//! RFC 8461 §3.3: fetches that fail, and what applies then.

use mta_sts::{
    Mode,
    cache::{Absence, Action, Entry, Event, FetchFailure, Jitter, Note, RecordLookup, Verdict},
};

use crate::world::*;

const FAILURES: [FetchFailure; 3] =
    [FetchFailure::NotFetched, FetchFailure::CertificateInvalid, FetchFailure::PolicyInvalid];

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//= type=test
//# Conversely, if no "live" policy can be discovered via DNS or fetched
//# via HTTPS, but a valid (non-expired) policy exists in the sender's
//# cache, the sender MUST apply that cached policy.
//
//= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
//= type=test
//# (Note that
//# the absence of a usable TXT record is not by itself sufficient to
//# remove a sender's previously cached policy for the Policy Domain, as
//# discussed in Section 5.1, "Policy Application Control Flow".)
#[test]
fn a_valid_policy_survives_every_failure_to_its_end() {
    let records = [
        ("the same record", found("1", 60)),
        ("a changed id", found("2", 60)),
        ("no record", absent(60)),
        ("several or invalid records", unusable(60)),
        ("no answer", RecordLookup::Unknown),
    ];
    for (what, record) in records {
        for failure in FAILURES {
            for policy in [enforce(3 * DAY), policy("testing", "mx.example.net", 3 * DAY)] {
                let mut world = World::holding(policy.clone());
                world.record = record.clone();
                world.host = Err(failure);
                for _ in 0..3 * DAY / HOUR {
                    world.pass(HOUR);
                    world.ask();
                    let applied = world.applied();
                    assert_eq!(
                        applied.as_deref().map(str::as_bytes),
                        Some(policy.text()),
                        "{what}, {failure}, after {} s",
                        world.seconds()
                    );
                }
                assert!(!world.fetches.is_empty(), "{what}: it was tried");
                world.sleep(1);
                assert!(!world.applies(), "{what}: and not longer");
            }
        }
    }
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//= type=test
//# If a valid TXT record is found but no policy can be fetched via HTTPS
//# (for any reason), and there is no valid (non-expired) previously
//# cached policy, senders MUST continue with delivery as though the
//# domain has not implemented MTA-STS.
#[test]
fn without_a_cached_policy_a_failing_fetch_means_no_policy_and_is_said() {
    for failure in FAILURES {
        let mut world = World::new(found("1", 300), Err(failure));
        assert!(matches!(world.verdict(), Verdict::Pending));
        world.ask();
        let verdict = world.verdict();
        assert!(
            matches!(verdict, Verdict::NoPolicy(Absence::FetchFailed(reason)) if reason == failure),
            "{verdict:?}"
        );
        assert_eq!(world.notes, [Note::FetchFailed { failure, failures: 1 }]);
        // The same when it had one that has expired.
        let mut world = World::holding(enforce(HOUR));
        world.host = Err(failure);
        world.sleep(HOUR + 1);
        world.ask();
        assert!(matches!(world.verdict(), Verdict::NoPolicy(Absence::FetchFailed(_))));
    }
}

#[test]
fn without_a_record_there_is_no_policy_and_no_fetch() {
    let cases = [
        (absent(300), Absence::NoRecord),
        (unusable(300), Absence::RecordUnusable),
        (RecordLookup::Unknown, Absence::RecordUnknown), // as in a time-out: not "missing"
    ];
    for (record, expected) in cases {
        let mut world = World::new(record, Ok(enforce(DAY)));
        world.ask();
        let verdict = world.verdict();
        assert!(
            matches!(verdict, Verdict::NoPolicy(absence) if absence == expected),
            "{verdict:?}"
        );
        assert_eq!(world.fetches, []);
        assert!(world.entry.evictable(world.now()));
        assert_eq!(world.entry.wake_at(), None);
    }
}

#[test]
fn negative_answers_are_kept_by_their_ttl_within_bounds() {
    let cases = [
        (absent(0), 60),
        (absent(59), 60),
        (absent(300), 300),
        (absent(u64::MAX), 3_600),
        (unusable(1), 60),
        (unusable(900), 900),
        (RecordLookup::Unknown, 60),
    ];
    for (record, kept) in cases {
        let mut world = World::new(record.clone(), Ok(enforce(DAY)));
        world.ask();
        world.pass(kept - 1);
        world.ask();
        assert_eq!(world.look_ups, [0], "{record:?}: not yet");
        assert!(matches!(world.verdict(), Verdict::NoPolicy(_)));
        world.pass(1);
        assert!(matches!(world.verdict(), Verdict::Pending), "{record:?}: worth the wait");
        world.record = found("1", 300);
        world.ask();
        assert_eq!(world.look_ups, [0, kept], "{record:?}");
        assert!(world.applies());
    }
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//= type=test
//# In the case where the HTTPS GET fails, implementers SHOULD
//# limit further attempts to a period of five minutes or longer per
//# version ID, to avoid overwhelming resource-constrained recipients
//# with cascading failures.
#[test]
fn failed_fetches_are_repeated_after_five_minutes_and_ever_more() {
    for seed in 0..20 {
        let mut world = World::seeded(seed, found("1", 60), Err(FetchFailure::NotFetched));
        world.ask();
        world.pass_in_use(3 * DAY, 20);
        let waits: Vec<_> = world.fetches.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        for (wait, minutes) in waits.iter().zip([5, 10, 20, 40, 80, 160, 240, 240, 240, 240]) {
            // Up to five minutes of jitter, and up to 20 seconds and a look-up until it is asked.
            let expected = minutes * MINUTE..=minutes * MINUTE + 6 * MINUTE;
            assert!(expected.contains(wait), "{minutes} minutes: {waits:?}");
        }
        assert!(waits.len() > 10);
        assert!(matches!(world.verdict(), Verdict::NoPolicy(_)));
    }
}

#[test]
fn a_changed_id_is_tried_sooner_but_forged_ids_do_not_defeat_the_wait() {
    let mut world = World::new(found("1", 60), Err(FetchFailure::NotFetched));
    world.ask();
    world.pass_in_use(2 * DAY, 20);
    // The owner mends the policy right after a failure, and changes the id.
    let failures = world.fetches.len();
    let once_more = (0..5 * HOUR / 20).any(|_| {
        world.pass_in_use(20, 20);
        world.fetches.len() > failures
    });
    assert!(once_more);
    world.record = found("2", 60);
    world.host = Ok(enforce(DAY));
    world.forget_past();
    let start = world.seconds();
    world.pass_in_use(50 * MINUTE, 20);
    assert_eq!(world.fetches, [], "not at once");
    world.pass_in_use(20 * MINUTE, 20);
    assert!(world.applies(), "but long before the four hours of the old id: {start}");

    // Somebody forges a new id at every look-up, with the policy host blocked.
    let mut world = World::holding(enforce(30 * DAY));
    world.host = Err(FetchFailure::NotFetched);
    for number in 0..DAY / 20 {
        world.record = found(&format!("forged{number}"), 0);
        world.pass(20);
        world.ask();
        assert!(world.applies());
    }
    let waits: Vec<_> = world.fetches.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(waits.iter().all(|wait| *wait >= 5 * MINUTE), "{waits:?}");
    assert!((20..=30).contains(&world.fetches.len()), "{}", world.fetches.len());
}

#[test]
fn forged_ids_with_an_open_policy_host_are_bounded_too() {
    let mut world = World::holding(enforce(30 * DAY));
    for number in 0..DAY / 20 {
        world.record = found(&format!("forged{number}"), 0);
        world.pass(20);
        world.ask();
    }
    let waits: Vec<_> = world.fetches.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert!(waits.iter().all(|wait| *wait >= 5 * MINUTE), "{waits:?}");
}

#[test]
fn a_success_ends_the_wait_and_the_count() {
    let mut world = World::new(found("1", 60), Err(FetchFailure::NotFetched));
    world.ask();
    world.pass_in_use(2 * HOUR, 20);
    assert!(world.entry.backoff().unwrap().failures() > 3);
    world.host = Ok(enforce(600));
    world.pass_in_use(4 * HOUR, 20);
    assert!(world.applies());
    assert!(world.entry.backoff().is_none());
    world.host = Err(FetchFailure::CertificateInvalid);
    world.forget_past();
    world.pass_in_use(10 * MINUTE, 20);
    let Note::RefreshFailed { failures: 1, .. } = world.notes[0] else {
        panic!("{:?}", world.notes)
    };
}

#[test]
fn a_new_policy_replaces_the_old_at_once() {
    let none = policy("none", "mx.example.net", DAY);
    for (mode, new) in [(Mode::None, none), (Mode::Testing, policy("testing", "a.test", DAY))] {
        let mut world = World::holding(enforce(30 * DAY));
        world.pass(HOUR);
        world.record = found("2", HOUR);
        world.host = Ok(new);
        world.ask();
        let Verdict::Apply(held) = world.verdict() else { panic!() };
        assert_eq!(held.mode(), mode);
        assert_eq!(held.id().as_str(), "2");
        // It lives as long as it says itself, not as long as the old one did.
        world.host = Err(FetchFailure::NotFetched);
        world.pass(DAY + 1);
        assert!(!world.applies());
    }
}

#[test]
fn one_flight_at_a_time_and_late_completions_are_ignored() {
    use mta_sts::cache::Action;
    let mut world = World::new(found("1", 60), Ok(enforce(DAY)));
    let now = world.now();
    let [Action::LookUpRecord(first)] = world.entry.handle(Event::Asked, now)[..] else { panic!() };
    assert!(!world.entry.evictable(now), "somebody waits for the answer");
    for event in [Event::Asked, Event::Woken, Event::Refresh, Event::Asked] {
        assert_eq!(world.entry.handle(event, now), []);
    }
    // Nobody completes it: after two minutes it counts as failed.
    world.sleep(120);
    let now = world.now();
    assert_eq!(world.entry.wake_at(), Some(now.monotonic));
    assert!(world.entry.evictable(now));
    assert_eq!(world.entry.handle(Event::Woken, now), []);
    assert!(matches!(world.verdict(), Verdict::NoPolicy(Absence::RecordUnknown)));
    assert_eq!(world.entry.handle(Event::Record(first, found("1", 60)), now), []);
    assert!(matches!(world.verdict(), Verdict::NoPolicy(Absence::RecordUnknown)));

    world.sleep(60);
    let now = world.now();
    let [Action::LookUpRecord(second)] = world.entry.handle(Event::Asked, now)[..] else {
        panic!()
    };
    // A token is good for one completion, of its own kind.
    assert_eq!(world.entry.handle(Event::Fetched(second, Ok(enforce(DAY))), now), []);
    let [Action::FetchPolicy(third, _)] =
        world.entry.handle(Event::Record(second, found("1", 60)), now)[..]
    else {
        panic!()
    };
    assert_eq!(world.entry.handle(Event::Record(third, absent(60)), now), []);
    assert!(matches!(world.verdict(), Verdict::Pending), "the fetch is under way");
    assert_eq!(world.entry.handle(Event::Fetched(third, Ok(enforce(DAY))), now), [Action::Save]);
    let late = Ok(policy("none", "mx.example.net", DAY));
    assert_eq!(world.entry.handle(Event::Fetched(third, late), now), []);
    let Verdict::Apply(held) = world.verdict() else { panic!() };
    assert_eq!(held.mode(), Mode::Enforce);
}

/// Whoever keeps us from fetching must not make a failure of it.
#[test]
fn a_fetch_that_had_no_turn_is_asked_for_again_and_nobody_waits_for_its_sake() {
    let world = World::new(found("1", HOUR), Ok(enforce(DAY)));
    let now = world.now();
    let mut entry = Entry::new(now, Jitter::new(1));
    for _ in 0..3 {
        let mut actions = entry.handle(Event::Asked, now);
        if let Some(Action::LookUpRecord(token)) = actions.first() {
            actions = entry.handle(Event::Record(*token, found("1", HOUR)), now);
        }
        let Some(Action::FetchPolicy(token, _)) = actions.first() else { panic!("{actions:?}") };
        assert_eq!(entry.handle(Event::Postponed(*token), now), [], "neither alarm nor saving");
        assert!(entry.backoff().is_none() && entry.under_way().is_none());
        assert!(matches!(entry.verdict(now), Verdict::Pending));
    }

    // A policy that is held is asked for again at once.
    let mut world = World::holding(enforce(DAY));
    world.sleep(DAY - 1);
    let now = world.now();
    let mut actions = world.entry.handle(Event::Woken, now);
    for _ in 0..3 {
        if let Some(Action::LookUpRecord(token)) = actions.first() {
            actions = world.entry.handle(Event::Record(*token, found("1", HOUR)), now);
        }
        let [Action::FetchPolicy(token, _)] = actions[..] else { panic!("{actions:?}") };
        actions = world.entry.handle(Event::Postponed(token), now);
    }
    assert!(world.entry.backoff().is_none());
}
