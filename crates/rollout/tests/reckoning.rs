//! How much time has passed, by whatever clocks say.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use mta_sts::{Policy, PolicyId};
use sealpost_rollout::{
    ClockReading, History, Horizon, LONGEST_GAP, MARGIN, MxSet, Past, Reckoning, Recorded, Time,
    Witness,
};

const START: i64 = 1_795_000_000;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// What a machine reads: the clock, and how long it has been up.
fn reading(machine: &str, clock: i64, up: i64) -> ClockReading {
    let up = Duration::from_secs(up.unsigned_abs());
    let witness = Witness::Machine { boot: machine.to_owned(), up };
    ClockReading { now: Time::at(START + clock), witness }
}

fn empty() -> History {
    History::new(Time::at(START), Past::Nothing)
}

fn recorded<'a>(history: &'a History, mx: &'a [MxSet]) -> Recorded<'a> {
    Recorded { history, mx, entered_at: Time::at(START) }
}

/// How many seconds count of passes with these readings, and which of them told people something.
fn counted(readings: &[(&str, i64, i64)]) -> (i64, Vec<usize>) {
    let (history, mut kept, mut told) = (empty(), None, Vec::new());
    for (place, (machine, clock, up)) in readings.iter().enumerate() {
        let reading = reading(machine, *clock, *up);
        let (known, lapse) = Reckoning::resume(kept, &reading, recorded(&history, &[]));
        assert!(!lapse.is_unseen || lapse.remark.is_some());
        if lapse.remark.is_some() {
            told.push(place);
        }
        kept = Some(known);
    }
    (kept.unwrap().now().seconds() - START, told)
}

#[test]
fn what_counts_is_what_a_clock_that_nobody_sets_has_counted() {
    let gap = i64::try_from(LONGEST_GAP.as_secs()).unwrap();
    for (name, readings, seconds, told) in [
        ("as it is", [("a", 0, 0), ("a", HOUR, HOUR), ("a", 2 * HOUR, 2 * HOUR)], 2 * HOUR, vec![]),
        (
            "set forward",
            [("a", 0, 0), ("a", DAY, HOUR), ("a", DAY, 2 * HOUR)],
            2 * HOUR,
            vec![1, 2],
        ),
        (
            "set back",
            [("a", 0, 0), ("a", -DAY, HOUR), ("a", 2 * HOUR - DAY, 3 * HOUR)],
            3 * HOUR,
            vec![1],
        ),
        (
            "a little off",
            [("a", 0, 0), ("a", HOUR + 90, HOUR), ("a", 2 * HOUR, 2 * HOUR)],
            2 * HOUR,
            vec![],
        ),
        ("just in time", [("a", 0, 0), ("a", gap, gap), ("a", 2 * gap, 2 * gap)], 2 * gap, vec![]),
        (
            "too late",
            [("a", 0, 0), ("a", gap + 1, gap + 1), ("a", gap + HOUR, gap + HOUR)],
            HOUR - 1,
            vec![1],
        ),
        ("started anew", [("a", 0, 0), ("b", HOUR, 60), ("b", 2 * HOUR, HOUR + 60)], HOUR, vec![]),
        (
            "started in the past",
            [("a", 0, 0), ("b", -DAY, 60), ("b", 0, HOUR + 60)],
            HOUR,
            vec![1, 2],
        ),
        (
            "wrong in itself",
            [("a", 0, 90_000), ("a", HOUR, 60), ("a", 2 * HOUR, HOUR + 60)],
            HOUR,
            vec![1],
        ),
        (
            "read before another, and written after him",
            [("a", 0, 0), ("a", HOUR, HOUR), ("a", HOUR - 60, HOUR - 60)],
            HOUR,
            vec![],
        ),
        (
            "another's look between",
            [("a", 0, 0), ("b", HOUR, 7), ("a", 2 * HOUR, 2 * HOUR)],
            2 * HOUR,
            vec![],
        ),
    ] {
        assert_eq!(counted(&readings), (seconds, told), "{name}");
    }
}

#[test]
fn what_was_counted_is_not_counted_again_after_a_late_writer() {
    let late = [("a", 0, 0), ("a", HOUR, HOUR), ("a", HOUR - 60, HOUR - 60)];
    let next = ("a", 2 * HOUR, 2 * HOUR);
    assert_eq!(counted(&[late[0], late[1], late[2], next]), (2 * HOUR, vec![]));
}

#[test]
fn a_time_that_is_told_is_believed() {
    let history = empty();
    let told = |clock: i64| ClockReading::told(Time::at(START + clock));
    let (kept, _) = Reckoning::resume(None, &told(0), recorded(&history, &[]));
    let (kept, lapse) = Reckoning::resume(Some(kept), &told(30 * DAY), recorded(&history, &[]));
    assert_eq!((kept.now().seconds() - START, lapse.remark), (30 * DAY, None));
    // What was left is read again as it was.
    let text = serde_json::to_string(&kept).unwrap();
    assert_eq!(serde_json::from_str::<Reckoning>(&text).unwrap(), kept);
}

fn policy(max_age: i64) -> Option<Policy> {
    let text = format!("version: STSv1\nmode: enforce\nmx: mx.a.test\nmax_age: {max_age}\n");
    Some(Policy::parse(text.as_bytes()).unwrap())
}

/// What was written while the clock was wrong ended when it ended.
#[test]
fn a_horizon_is_as_far_away_as_it_was_however_the_clock_is_set() {
    for wrong in [0, 400 * DAY, -400 * DAY, HOUR] {
        let (mut history, mut mx, none) = (empty(), Vec::new(), Duration::ZERO);
        let ttl = Duration::from_secs(300);
        let (mut kept, _) = Reckoning::resume(None, &reading("a", 0, 0), recorded(&history, &mx));
        history.serve(policy(DAY), Time::at(START), none);
        history.announce(PolicyId::parse("1").unwrap(), Time::at(START), ttl, none);
        MxSet::publish(&mut mx, vec!["mx.a.test".parse().unwrap()], ttl, Time::at(START));
        kept.keep(recorded(&history, &mx));
        let open = kept.history(&history, Time::at(START));
        assert_eq!(open.horizon(), Horizon::Open);

        // Nothing is served from the second hour on.
        let then = reading("a", HOUR + wrong, HOUR);
        let (mut kept, _) = Reckoning::resume(Some(kept), &then, recorded(&history, &mx));
        history.stop_serving(then.now);
        history.stop_announcing(then.now);
        MxSet::publish(&mut mx, vec!["mx.b.test".parse().unwrap()], ttl, then.now);
        kept.keep(recorded(&history, &mx));
        let now = reading("a", 3 * HOUR, 3 * HOUR);
        let (kept, _) = Reckoning::resume(Some(kept), &now, recorded(&history, &mx));
        let ended = START + HOUR;
        let held = Time::at(ended + 300 + DAY).plus(MARGIN);
        let shown = kept.history(&history, now.now);
        assert_eq!(shown.horizon(), Horizon::Until(held), "{wrong}");
        let seen = kept.mx(&mx, now.now);
        assert_eq!(seen.first().unwrap().until, Some(Time::at(ended)), "{wrong}");
        assert_eq!(seen.last().unwrap().until, None);
    }
}

/// A pass was cut off before it could say when; then it was as late as it can have been.
#[test]
fn what_was_written_unseen_ended_now_at_the_latest() {
    let (mut history, none) = (empty(), Duration::ZERO);
    let ttl = Duration::from_secs(300);
    history.serve(policy(DAY), Time::at(START), none);
    history.announce(PolicyId::parse("1").unwrap(), Time::at(START), ttl, none);
    let (kept, _) = Reckoning::resume(None, &reading("a", 0, 0), recorded(&history, &[]));
    // Another policy and its id, an hour later; and seen two hours after that.
    let later = Time::at(START + HOUR);
    history.serve(policy(2 * DAY), later, none);
    history.announce(PolicyId::parse("2").unwrap(), later, ttl, none);
    let now = reading("a", 3 * HOUR, 3 * HOUR);
    let (kept, _) = Reckoning::resume(Some(kept), &now, recorded(&history, &[]));
    let shown = kept.history(&history, now.now);
    // It is not held under the id that came after it, which would keep it for as long as that is there.
    let bodies = shown.bodies();
    assert_eq!(bodies.first().unwrap().until, Some(now.now));
    assert_eq!(bodies.last().unwrap().since, Time::at(START));
    assert_eq!(shown.ids().last().unwrap().since, now.now);
}

/// What was there before anybody counted goes by its own times.
#[test]
fn what_was_written_before_counts_by_the_clock() {
    let mut history = empty();
    history.serve(policy(DAY), Time::at(START - 9 * DAY), Duration::ZERO);
    history.stop_serving(Time::at(START - 5 * DAY));
    let (kept, _) = Reckoning::resume(None, &reading("a", 0, 0), recorded(&history, &[]));
    let shown = kept.history(&history, Time::at(START));
    assert_eq!(shown, history);
    // But not by times that lie ahead.
    let mut history = empty();
    history.serve(policy(DAY), Time::at(START), Duration::ZERO);
    history.stop_serving(Time::at(START + 400 * DAY));
    let (kept, _) = Reckoning::resume(None, &reading("a", 0, 0), recorded(&history, &[]));
    let held = Horizon::Until(Time::at(START + DAY).plus(MARGIN));
    assert_eq!(kept.history(&history, Time::at(START)).horizon(), held);
}
