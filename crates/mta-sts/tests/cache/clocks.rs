//! Restarts, and clocks that step.

use mta_sts::cache::{Absence, Entry, Event, FetchFailure, Jitter, SavedPolicy, Snapshot, Verdict};

use crate::world::*;

const YEAR: i64 = 365 * 86_400;

#[test]
fn within_a_process_no_step_of_the_clock_matters() {
    for step in [-60 * YEAR, -86_400, -3_600, -1, 1, 3_600, 86_400, 100 * YEAR, i64::MAX / 2] {
        let mut world = World::holding(enforce(3 * DAY));
        world.host = Err(FetchFailure::NotFetched);
        world.step_wall_clock(step);
        world.pass_in_use(3 * DAY, HOUR);
        assert!(world.applies(), "{step}: never shorter");
        world.sleep(1);
        assert!(!world.applies(), "{step}: never longer");
    }
}

#[test]
fn a_policy_survives_a_restart_with_its_age() {
    for down in [0, 1, HOUR, 2 * DAY] {
        let mut world = World::holding(enforce(3 * DAY));
        world.host = Err(FetchFailure::NotFetched);
        world.pass(10 * HOUR);
        let held = world.applied();
        world.restart(down);
        assert_eq!(world.applied(), held, "{down}: known at once, without any look-up");
        world.pass(3 * DAY - 10 * HOUR - down);
        assert!(world.applies(), "{down}");
        world.sleep(1);
        assert!(!world.applies(), "{down}");
    }
    let mut world = World::holding(enforce(3 * DAY));
    world.restart(3 * DAY + 1);
    assert!(matches!(world.verdict(), Verdict::Pending), "expired while the process was down");
}

#[test]
fn a_fetch_in_the_future_counts_as_just_fetched_and_only_once() {
    let mut world = World::holding(enforce(3 * DAY));
    world.host = Err(FetchFailure::NotFetched);
    world.step_wall_clock(-20 * YEAR);
    // Before anything is saved anew, as after a crash.
    world.restart(10);
    world.pass(DAY);
    // By now the saved time has been set right, so that restarts do not add up.
    world.restart(0);
    world.pass(2 * DAY);
    assert!(world.applies());
    world.sleep(1);
    assert!(!world.applies());
}

#[test]
fn a_clock_that_is_set_right_sets_the_saved_time_right() {
    // A machine starts in 1970, fetches, and then learns the time.
    let mut world = World::new(found("1", HOUR), Ok(enforce(30 * DAY)));
    world.step_wall_clock(-1_800_000_000);
    world.ask();
    world.step_wall_clock(1_800_000_000);
    world.pass(HOUR);
    world.ask();
    world.restart(0);
    assert!(world.applies());
}

#[test]
fn overdue_refreshes_are_spread_after_a_restart() {
    let mut moments = Vec::new();
    for seed in 0..100 {
        let mut world = World::seeded(seed, found("1", HOUR), Ok(enforce(30 * DAY)));
        world.ask();
        world.restart(5 * DAY);
        world.forget_past();
        world.pass(HOUR);
        moments.push(world.fetches[0].0);
    }
    moments.sort_unstable();
    moments.dedup();
    assert!(moments.len() > 80, "{} of 100 differ", moments.len());
    assert!(moments[0] < 10 * MINUTE && *moments.last().unwrap() > 50 * MINUTE);
}

#[test]
fn waits_after_failures_survive_a_restart() {
    let mut world = World::new(found("1", 60), Err(FetchFailure::CertificateInvalid));
    world.ask();
    world.pass_in_use(2 * HOUR, MINUTE);
    let failures = world.entry.backoff().unwrap().failures();
    assert!(failures >= 4);
    let last = world.fetches.last().unwrap().0;
    world.forget_past();
    let before = world.seconds();
    world.restart(MINUTE);
    world.ask();
    let verdict = world.verdict();
    assert!(
        matches!(
            verdict,
            Verdict::NoPolicy(Absence::FetchFailed(FetchFailure::CertificateInvalid))
        ),
        "{verdict:?}"
    );
    assert_eq!(world.look_ups.len(), 1, "the record is looked up");
    assert_eq!(world.fetches, [], "but the policy host left alone");
    world.pass_in_use(5 * HOUR, MINUTE);
    // In seconds since the start of the first process.
    let next = world.fetches[0].0 + before + MINUTE;
    let least = (5 * MINUTE) << (failures - 1).min(5);
    assert!(next - last >= least.min(4 * HOUR) - 1, "{last}, {next}, {failures}");
    assert_eq!(world.entry.backoff().unwrap().id().as_str(), "1");
    assert!(world.entry.backoff().unwrap().failures() > failures, "and the count goes on");
}

#[test]
fn a_step_of_the_clock_cannot_make_the_wait_longer_than_it_was() {
    let mut world = World::new(found("1", 60), Err(FetchFailure::NotFetched));
    world.ask();
    world.step_wall_clock(-YEAR);
    world.restart(0);
    world.forget_past();
    world.pass_in_use(11 * MINUTE, MINUTE);
    assert_eq!(world.fetches.len(), 1);
}

#[test]
fn the_last_use_survives_a_restart() {
    // In use once a day for a year; the process restarts and nobody asks any more.
    let mut world = World::holding(enforce(31_557_600));
    world.pass_in_use(200 * DAY, DAY);
    world.restart(0);
    world.forget_past();
    world.pass(170 * DAY);
    assert!(world.fetches.last().unwrap().0 > 168 * DAY, "still in use by the saved time");
    world.pass(12 * DAY);
    world.forget_past();
    world.pass(100 * DAY);
    assert_eq!(world.fetches, [], "until 180 days after the last use");
    // Not reset by a restart.
    world.restart(0);
    world.pass(60 * DAY);
    assert_eq!(world.fetches, []);
    assert!(world.applies());
}

#[test]
fn a_use_is_saved_with_the_next_refresh_and_costs_nothing_by_itself() {
    for host in [Ok(enforce(31_557_600)), Err(FetchFailure::NotFetched)] {
        let mut world = World::holding(enforce(31_557_600));
        world.host = host;
        for _ in 0..10 * 24 {
            world.pass(HOUR);
            world.ask();
            let now = world.now();
            let last_used = world.saved.as_ref().unwrap().last_used;
            assert!(now.wall - last_used <= 86_400 + 3_600, "{}", now.wall - last_used);
        }
        world.handle(Event::Refresh);
        world.saved = None;
        for _ in 0..100 {
            world.sleep(1);
            world.ask();
        }
        assert_eq!(world.saved, None);
    }
}

#[test]
fn what_is_taken_over_from_elsewhere_can_be_fetched_at_once() {
    let imported = Snapshot {
        policy: Some(SavedPolicy {
            policy: enforce(DAY),
            id: "1".parse().unwrap(),
            fetched_at: 1_800_000_000,
        }),
        backoff: None,
        last_used: 1_800_000_000,
    };
    let mut world = World::new(absent(60), Ok(policy("enforce", "new.test", DAY)));
    world.entry = Entry::restore(imported, world.now(), Jitter::new(1));
    assert!(world.applies());
    world.handle(Event::Refresh);
    assert_eq!(world.fetches.len(), 1);
    assert!(world.applied().unwrap().contains("new.test"));
}

#[test]
fn nonsense_from_a_store_does_no_harm() {
    for time in [i64::MIN, -1, 0, i64::MAX] {
        for failures in [0, 1, u32::MAX] {
            let saved = Snapshot {
                policy: Some(SavedPolicy {
                    policy: enforce(DAY),
                    id: "1".parse().unwrap(),
                    fetched_at: time,
                }),
                backoff: Some(mta_sts::cache::SavedBackoff {
                    id: "1".parse().unwrap(),
                    failure: FetchFailure::NotFetched,
                    failures,
                    failed_at: time,
                }),
                last_used: time,
            };
            let mut world = World::new(found("1", 60), Ok(enforce(DAY)));
            world.entry = Entry::restore(saved, world.now(), Jitter::new(1));
            assert_eq!(world.applies(), time == i64::MAX);
            world.pass_in_use(2 * DAY, HOUR);
            assert!(world.applies());
        }
    }
}

#[test]
fn an_entry_is_small() {
    // 50,000 of them, with their policies, are to fit into 40 MB.
    assert!(size_of::<Entry>() <= 136, "{} bytes", size_of::<Entry>());
}
