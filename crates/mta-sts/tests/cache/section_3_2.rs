//! RFC 8461 §3.2: for how long a policy is kept.

use crate::world::*;

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
//= type=test
//# Well-behaved clients
//# SHOULD cache a policy for up to this value from the last policy
//# fetch time.
#[test]
fn a_policy_applies_for_max_age_and_not_longer() {
    for max_age in [0, 1, 59, 300, 86_400, 604_800, 31_557_600] {
        let mut world = World::holding(enforce(max_age));
        world.record = found("2", HOUR); // it may be asked for, but never fetched again
        world.host = Err(mta_sts::cache::FetchFailure::NotFetched);
        world.pass(max_age);
        assert!(world.applies(), "{max_age}: the last moment");
        world.sleep(1);
        assert!(!world.applies(), "{max_age}: a second later, whether woken or not");
        world.pass(2);
        assert!(!world.applies(), "{max_age}");
    }
}

#[test]
fn a_longer_lifetime_than_a_year_is_a_year() {
    let mut world = World::holding(enforce(9_999_999_999));
    world.host = Err(mta_sts::cache::FetchFailure::NotFetched);
    world.pass_in_use(31_557_600, 31_557_600 / 4);
    assert!(world.applies());
    world.sleep(1);
    assert!(!world.applies());
}

#[test]
fn an_unchanged_id_never_lengthens_the_lifetime() {
    let mut world = World::holding(enforce(7 * DAY));
    world.host = Err(mta_sts::cache::FetchFailure::NotFetched);
    // The record is there and the same at every look-up, to the end.
    world.pass_in_use(7 * DAY, HOUR);
    assert!(world.look_ups.len() > 100);
    assert!(world.applies());
    world.sleep(1);
    assert!(!world.applies());
}

#[test]
fn the_lifetime_counts_from_the_last_fetch() {
    let mut world = World::holding(enforce(7 * DAY));
    world.pass_in_use(30 * DAY, HOUR);
    let (fetched, _) = world.fetches.last().cloned().unwrap();
    world.host = Err(mta_sts::cache::FetchFailure::NotFetched);
    world.pass(fetched + 7 * DAY - world.seconds());
    assert!(world.applies());
    world.sleep(1);
    assert!(!world.applies());
}

#[test]
fn a_short_lived_policy_is_fetched_when_it_is_needed_but_not_without_end() {
    let mut world = World::holding(enforce(0));
    let start = world.seconds();
    for _ in 0..600 {
        world.sleep(1);
        world.ask();
    }
    let distances = world.fetches.windows(2).map(|pair| pair[1].0 - pair[0].0);
    assert!(distances.clone().all(|distance| distance >= 10), "{:?}", world.fetches);
    assert!(world.fetches.len() >= 50, "{:?}", world.fetches);
    assert!(world.fetches[0].0 <= start + 10);
}
