//! Histories and plans by example, as they read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use mta_sts::{MaxAge, MxPattern, Policy, PolicyId};
use sealpost_rollout::{
    Action, Change, Force, History, Horizon, MARGIN, MxSet, Past, Plan, Refusal, Removal,
    Situation, Time, Timing, plan_change, plan_removal,
};

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;
/// 2026-11-01T00:00:00Z
const START: Time = Time::at(1_793_491_200);

fn after(seconds: u64) -> Time {
    START.plus(Duration::from_secs(seconds))
}

fn policy(text: &str) -> Policy {
    let mut words = text.split(' ');
    let mode = words.next().unwrap().parse().unwrap();
    let max_age = MaxAge::clamped_from_secs(words.next().unwrap().parse().unwrap());
    Policy::new(mode, max_age, words.map(|word| word.parse().unwrap())).unwrap()
}

fn patterns(text: &str) -> Vec<MxPattern> {
    text.split(' ').filter(|word| !word.is_empty()).map(|word| word.parse().unwrap()).collect()
}

fn hour() -> Duration {
    Duration::from_secs(HOUR)
}

/// Bodies with the hour from which each was served, their ids with them; now is hour 1000.
fn history(bodies: &[(u64, &str)]) -> History {
    let mut history = History::new(START, Past::Nothing);
    for (hours, text) in bodies {
        let body = policy(text);
        history.serve(Some(body.clone()), after(hours * HOUR), Duration::ZERO);
        history.announce(body.id(), after(hours * HOUR), hour(), Duration::ZERO);
    }
    history
}

fn situation(history: History, hosts: &str) -> Situation {
    let hosts = hosts.split(' ').map(|host| host.parse().unwrap()).collect();
    Situation {
        now: after(1_000 * HOUR),
        history,
        mx: vec![MxSet { hosts, ttl: Duration::from_secs(DAY), until: None }],
        timing: Timing {
            txt_ttl: hour(),
            zone_spread: Duration::ZERO,
            body_spread: Duration::ZERO,
        },
    }
}

fn change(add: &str, remove: &str) -> Change {
    Change { add: patterns(add), remove: patterns(remove), ..Change::default() }
}

/// The plan with hours since the situation's now, a line each.
fn shown(situation: &Situation, plan: &Plan) -> Vec<String> {
    let hours = |time: Time| time.since(situation.now).as_secs_f64() / 3_600.0;
    plan.steps.iter().map(|s| format!("{:.2} h: {}", hours(s.not_before), s.action)).collect()
}

const WEEK: &str = "enforce 604800 mx1.a.test mx2.a.test";

#[test]
fn a_host_is_exchanged() {
    let situation = situation(history(&[(0, WEEK)]), "mx1.a.test mx2.a.test");
    let plan = plan_change(&situation, &change("mx3.b.test", "mx2.a.test")).unwrap();
    let superset = policy("enforce 604800 mx1.a.test mx2.a.test mx3.b.test");
    let narrow = policy("enforce 604800 mx1.a.test mx3.b.test");
    assert_eq!(
        shown(&situation, &plan),
        [
            "0.00 h: serve the policy: enforce 604800, mx1.a.test, mx2.a.test, mx3.b.test"
                .to_owned(),
            format!("0.17 h: set the STS record to id={}", superset.id()),
            // 10 minutes, the TTL of the old id, 7 days, 10 minutes
            "169.33 h: point the MX records to mx1.a.test, mx3.b.test".to_owned(),
            "193.50 h: switch off mx2.a.test".to_owned(),
            "193.50 h: serve the policy: enforce 604800, mx1.a.test, mx3.b.test".to_owned(),
            format!("193.67 h: set the STS record to id={}", narrow.id()),
        ]
    );
    assert_eq!(plan.ends_at(), plan.steps.last().map(|step| step.not_before));
}

#[test]
fn a_longer_policy_of_former_times_still_counts() {
    let year = "enforce 31557600 mx1.a.test";
    let bodies = [(0, year), (1, "enforce 86400 mx1.a.test mx2.b.test")];
    let situation = situation(history(&bodies), "mx1.a.test");
    let plan = plan_change(&situation, &change("mx2.b.test", "")).unwrap();
    // The live policy covers the new host already; the one before it has to run out.
    let [switch] = plan.steps.as_slice() else { panic!("{plan:?}") };
    assert_eq!(switch.action, Action::SwitchMx { to: patterns("mx1.a.test mx2.b.test") });
    // Its id was last seen an hour after the other came.
    let over = after(2 * HOUR).plus(Duration::from_secs(31_557_600)).plus(MARGIN);
    assert_eq!(switch.not_before, over);
}

#[test]
fn a_date_that_strands_senders_is_refused_and_may_be_forced() {
    let situation = situation(history(&[(0, WEEK)]), "mx1.a.test mx2.a.test");
    let mut early = change("mx3.b.test", "");
    early.switch_at = Some(situation.now.plus(hour()));
    let refusal = plan_change(&situation, &early).unwrap_err();
    let Refusal::TooEarly { earliest, .. } = refusal else { panic!("{refusal}") };
    early.switch_at = Some(earliest);
    assert!(plan_change(&situation, &early).unwrap().risks.is_empty());

    early.switch_at = Some(situation.now.plus(hour()));
    early.force = Some(Force { reason: " ".to_owned() });
    assert_eq!(plan_change(&situation, &early), Err(Refusal::NoReason));
    early.force = Some(Force { reason: "the building burns".to_owned() });
    let plan = plan_change(&situation, &early).unwrap();
    assert_eq!(plan.risks[0].until, Some(earliest));
    assert!(plan.risks[0].text.ends_with("the building burns"));
}

#[test]
fn a_second_earlier_than_safe_is_too_early() {
    let situation = situation(history(&[(0, WEEK)]), "mx1.a.test");
    let mut wanted = change("mx9.b.test", "");
    let earliest = plan_change(&situation, &wanted).unwrap().steps[2].not_before;
    wanted.switch_at = Some(Time::at(earliest.seconds() - 1));
    assert!(matches!(plan_change(&situation, &wanted), Err(Refusal::TooEarly { .. })));
}

#[test]
fn an_unknown_past_counts_as_the_longest_max_age() {
    let mut situation = situation(history(&[(0, WEEK)]), "mx1.a.test mx2.a.test");
    let wanted = change("mx3.b.test", "");
    let switch_at = |situation: &Situation| {
        let plan = plan_change(situation, &wanted).unwrap();
        plan.steps.iter().find(|s| matches!(s.action, Action::SwitchMx { .. })).unwrap().not_before
    };
    let known = switch_at(&situation);
    situation.history.state_past(Past::Unknown);
    // The id was there when the history begins; with the superset it changes, after ten minutes.
    let year = Duration::from_secs(31_557_600 + HOUR);
    assert_eq!(switch_at(&situation), situation.now.plus(MARGIN).plus(year).plus(MARGIN));
    situation.history.state_past(Past::AtMost(MaxAge::clamped_from_secs(60)));
    assert_eq!(switch_at(&situation), known);
}

#[test]
fn what_binds_nobody_is_waited_for_by_nobody() {
    for live in ["testing 31557600 mx1.a.test", "none 31557600 mx1.a.test"] {
        let situation = situation(history(&[(0, live)]), "mx1.a.test");
        let plan = plan_change(&situation, &change("mx2.b.test", "")).unwrap();
        let switch = plan.steps.iter().find(|s| matches!(s.action, Action::SwitchMx { .. }));
        assert_eq!(switch.unwrap().not_before, situation.now, "{live}");
    }
    // A text that no sender can read is held by none.
    let mut history = History::new(START, Past::Nothing);
    history.serve(None, START, Duration::ZERO);
    assert_eq!(history.horizon(), Horizon::Nobody);
}

#[test]
fn a_provider_is_exchanged_by_its_patterns() {
    let google = "enforce 86400 smtp.google.com aspmx.l.google.com *.aspmx.l.google.com";
    let hosts = "aspmx.l.google.com alt1.aspmx.l.google.com";
    let mut situation = situation(history(&[(0, google)]), hosts);
    let google = "smtp.google.com aspmx.l.google.com *.aspmx.l.google.com";
    let wanted = change("*.mail.protection.outlook.com", google);
    let plan = plan_change(&situation, &wanted).unwrap();
    let lines = shown(&situation, &plan);
    assert_eq!(lines[2], "25.33 h: point the MX records to *.mail.protection.outlook.com");
    assert_eq!(lines[3], "49.50 h: switch off aspmx.l.google.com, alt1.aspmx.l.google.com");
    assert_eq!(lines[4], "49.50 h: serve the policy: enforce 86400, *.mail.protection.outlook.com");

    // Done in part, it goes on where it is.
    let Action::Serve(superset) = &plan.steps[0].action else { panic!("{lines:?}") };
    let now = situation.now;
    situation.history.serve(Some(superset.clone()), now, Duration::ZERO);
    assert_eq!(shown(&situation, &plan_change(&situation, &wanted).unwrap())[0], lines[1]);
    situation.mx[0].until = Some(now);
    let host = "a-test.mail.protection.outlook.com".parse().unwrap();
    situation.mx.push(MxSet { hosts: vec![host], ttl: hour(), until: None });
    let rest = plan_change(&situation, &wanted).unwrap();
    assert!(!rest.steps.iter().any(|s| matches!(s.action, Action::SwitchMx { .. })), "{rest:?}");
}

#[test]
fn nothing_and_nobody_are_refused() {
    let situation = situation(history(&[(0, WEEK)]), "mx1.a.test mx2.a.test");
    let refused = |add, remove| plan_change(&situation, &change(add, remove)).unwrap_err();
    assert_eq!(refused("", ""), Refusal::NothingToDo);
    assert_eq!(refused("mx1.a.test", ""), Refusal::NothingToDo);
    assert_eq!(refused("", "mx9.a.test"), Refusal::NothingToDo);
    assert_eq!(refused("", "*.a.test"), Refusal::NoHostLeft);
    let mut blind = situation.clone();
    blind.mx.clear();
    assert_eq!(plan_change(&blind, &change("", "")), Err(Refusal::MxUnknown));
}

#[test]
fn the_way_out() {
    let bodies = [(0, "testing 31557600 mx1.a.test"), (990, WEEK)];
    let situation = situation(history(&bodies), "mx1.a.test mx2.a.test");
    let max_age = MaxAge::clamped_from_secs(86_400);
    let mut removal = Removal { max_age, remove_at: None, force: None };
    let plan = plan_removal(&situation, &removal).unwrap();
    let none = policy("none 86400");
    // The year of the first policy is from the hour in which its id was last seen.
    let over = after(991 * HOUR).plus(Duration::from_secs(31_557_600)).plus(MARGIN);
    let expected = [
        (situation.now, Action::Serve(none.clone())),
        (situation.now.plus(MARGIN), Action::Announce(none.id())),
        (over, Action::RemoveRecord),
        (over.plus(hour()).plus(MARGIN), Action::RemovePolicyHost),
    ];
    let steps: Vec<_> = plan.steps.iter().map(|s| (s.not_before, s.action.clone())).collect();
    assert_eq!(steps, expected);
    removal.remove_at = Some(situation.now);
    assert!(matches!(plan_removal(&situation, &removal), Err(Refusal::TooEarly { .. })));
}

#[test]
fn an_id_that_stays_keeps_the_old_policy_alive() {
    let mut history = history(&[(0, WEEK)]);
    let other = policy("enforce 86400 mx9.b.test");
    history.serve(Some(other), after(5 * HOUR), Duration::ZERO);
    assert!(history.is_id_due());
    // Who holds the first, and sees its id, keeps it.
    assert_eq!(history.refused_until(&patterns("mx9.b.test")), Horizon::Open);
    let id = PolicyId::parse("other").unwrap();
    history.announce(id, after(6 * HOUR), hour(), Duration::ZERO);
    let held = Duration::from_secs(604_800);
    let over = after(7 * HOUR).plus(held).plus(MARGIN);
    assert_eq!(history.refused_until(&patterns("mx9.b.test")), Horizon::Until(over));
}

#[test]
fn an_id_that_comes_before_its_policy_keeps_the_old_one_alive() {
    let mut history = history(&[(0, WEEK)]);
    let other = policy("enforce 86400 mx9.b.test");
    history.announce(other.id(), after(5 * HOUR), hour(), Duration::ZERO);
    history.serve(Some(other), after(6 * HOUR), Duration::ZERO);
    assert!(history.is_id_due());
    assert_eq!(history.refused_until(&patterns("mx9.b.test")), Horizon::Open);
}

#[test]
fn an_id_is_never_used_again() {
    let (one, other) = (policy(WEEK), policy("testing 86400 mx1.a.test"));
    let mut history = history(&[(0, WEEK)]);
    history.serve(Some(other.clone()), after(HOUR), Duration::ZERO);
    assert_eq!(history.id_for(&other, after(HOUR)), other.id());
    history.announce(other.id(), after(HOUR), hour(), Duration::ZERO);
    history.serve(Some(one.clone()), after(2 * HOUR), Duration::ZERO);
    let id = history.id_for(&one, after(2 * HOUR));
    assert_eq!(id.as_str(), "20261101020000Z");
    history.announce(id, after(2 * HOUR), hour(), Duration::ZERO);
    // Not even that of a time.
    assert_eq!(history.id_for(&one, after(2 * HOUR)).as_str(), "20261101020001Z");
}
