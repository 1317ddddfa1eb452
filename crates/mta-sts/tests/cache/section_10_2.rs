//! RFC 8461 §10.2 and the end of §3.3: refreshing long before the end.

use mta_sts::cache::{FetchFailure, RecordLookup};

use crate::world::*;

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//= type=test
//# Finally, to mitigate the risk of persistent interference with policy
//# refresh, as discussed in-depth in Section 10, MTAs SHOULD proactively
//# refresh cached policies before they expire; a suggested refresh
//# frequency is once per day.
//
//= https://www.rfc-editor.org/rfc/rfc8461#section-10.2
//= type=test
//# implementers SHOULD NOT wait until a cached policy has expired before
//# checking for an update
#[test]
fn a_policy_is_fetched_anew_at_least_daily_and_long_before_its_end() {
    let records = [found("1", HOUR), absent(HOUR), unusable(HOUR), RecordLookup::Unknown];
    for max_age in [600, HOUR, DAY, 7 * DAY, 31_557_600] {
        for record in &records {
            // Regardless of the record, and though nobody asks.
            let mut world = World::holding(enforce(max_age));
            world.record = record.clone();
            world.pass(30 * DAY);
            assert!(world.applies(), "{max_age}: it has never lapsed");
            let mut last = 0;
            for (at, _) in &world.fetches {
                let interval = at - last;
                last = *at;
                assert!(interval <= DAY, "{max_age}: {interval}");
                assert!(interval <= max_age / 2, "{max_age}: {interval}");
                assert!(interval >= 5 * MINUTE, "{max_age}: {interval}");
            }
            assert!(world.fetches.len() >= 30, "{max_age}");
        }
    }
}

#[test]
fn the_record_is_looked_up_before_a_refresh() {
    let mut world = World::holding(enforce(30 * DAY));
    world.record = found("2", HOUR);
    world.pass(DAY);
    assert_eq!(world.look_ups.len(), 1);
    assert_eq!(world.fetches.len(), 1);
    assert_eq!(world.fetches[0].1, "2", "what is fetched goes by the id of now");
    world.ask();
    assert_eq!(world.fetches.len(), 1, "and need not be fetched again because of it");
}

#[test]
fn nobody_can_predict_the_moment() {
    let first_refresh = |seed| {
        let mut world = World::seeded(seed, found("1", HOUR), Ok(enforce(30 * DAY)));
        world.ask();
        world.forget_past();
        world.pass(DAY);
        world.fetches[0].0
    };
    let mut moments: Vec<u64> = (0..200).map(first_refresh).collect();
    moments.sort_unstable();
    assert!(moments[0] < 13 * HOUR && moments[199] > 23 * HOUR, "over twelve hours");
    moments.dedup();
    assert!(moments.len() > 150, "{} of 200 differ", moments.len());
}

#[test]
fn attempts_go_on_until_the_end_and_grow_denser() {
    let mut world = World::holding(enforce(DAY));
    world.host = Err(FetchFailure::NotFetched);
    world.pass(DAY - 20 * MINUTE);
    let attempts = world.fetches.len();
    assert!(attempts >= 6, "{:?}", world.fetches);
    // One good moment just before the end is enough.
    world.host = Ok(enforce(DAY));
    world.pass(20 * MINUTE);
    assert!(world.fetches.len() > attempts);
    world.pass(HOUR);
    assert!(world.applies());
}

#[test]
fn what_nobody_uses_is_left_to_expire() {
    let mut world = World::holding(enforce(31_557_600));
    world.pass(180 * DAY);
    let last = world.fetches.last().unwrap().0;
    assert!(last > 179 * DAY - DAY, "refreshed for 180 days");
    world.forget_past();
    world.pass(150 * DAY);
    assert_eq!(world.fetches, [], "and then no more");
    assert!(world.applies(), "but it still applies");
    // Somebody asks again: it is worth refreshing again, at once.
    world.ask();
    assert_eq!(world.fetches.len(), 1);
    // Left alone to the end, it goes without alarm.
    world.forget_past();
    world.pass(400 * DAY + 180 * DAY);
    assert!(!world.applies());
    assert_eq!(world.notes, []);
    assert!(world.saved.as_ref().unwrap().is_empty());
    assert_eq!(world.entry.wake_at(), None);
}
