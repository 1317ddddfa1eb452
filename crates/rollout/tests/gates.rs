//! Each condition of each gate, one short; and what makes a domain go back, or not.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use sealpost_rollout::{
    Ask, Autonomy, Cause, Check, CheckVerdict, Condition, Facts, Fault, FaultKind, Group,
    GroupState, Horizon, Live, Mark, Owner, Settings, Spike, Stage, State, Step, Time, Traffic,
    Waiver, Wish, decide, ending_soon,
};

const DAY: i64 = 86_400;
const ENTERED: Time = Time::at(1_795_000_000);

fn auto() -> Settings {
    Settings { autonomy: Autonomy::Auto, ..Settings::default() }
}

fn after(days: i64) -> Time {
    Time::at(ENTERED.seconds() + days * DAY)
}

/// Facts with which the gate out of a stage just opens.
fn just_enough(stage: Stage) -> Facts {
    let (days, traffic) = match stage {
        Stage::Testing => {
            (21, Traffic { reporters: 2, sessions: 100, recent_sessions: 1_000, recent_ours: 1 })
        }
        _ => (7, Traffic { reporters: 1, sessions: 1, recent_sessions: 1_000, recent_ours: 1 }),
    };
    let now = after(days);
    Facts {
        now,
        stage,
        entered_at: ENTERED,
        live: Live::AsAsked { since: ENTERED },
        check: Some(Check { at: Time::at(now.seconds() - DAY), verdict: CheckVerdict::Green }),
        traffic,
        groups: vec![
            Group { text: "a".to_owned(), sessions: 1, state: explained() },
            Group { text: "b".to_owned(), sessions: 1, state: accepted() },
        ],
        spike: None,
        wish: None,
        waiver: None,
        horizon: Horizon::Until(now),
        known_horizon: Horizon::Nobody,
    }
}

fn explained() -> GroupState {
    GroupState::Explained { cause: "a resolver of theirs".to_owned() }
}

fn accepted() -> GroupState {
    GroupState::Accepted {
        by: "ann".to_owned(),
        reason: "one old sender".to_owned(),
        until: after(400),
    }
}

/// A change to facts, by which one condition is no longer met.
type Short = (Stage, Condition, fn(&mut Facts));

const TESTING: Stage = Stage::Testing;
const ENFORCE: Stage = Stage::EnforceDay;

const ONE_SHORT: &[Short] = &[
    (Stage::Record, Condition::SeenLive, |f| f.live = differs()),
    (Stage::Record, Condition::SeenLive, |f| f.live = unknown()),
    (Stage::Prerequisites, Condition::LiveCheck, |f| f.check = None),
    (Stage::Prerequisites, Condition::LiveCheck, |f| find(f, fault(Owner::Unknown, 1))),
    (Stage::Leaving, Condition::SeenLive, |f| f.live = differs()),
    (Stage::Leaving, Condition::CacheHorizon, |f| f.now = Time::at(f.now.seconds() - 1)),
    (Stage::Leaving, Condition::CacheHorizon, |f| f.horizon = Horizon::Open),
    (TESTING, Condition::SeenLive, |f| f.live = differs()),
    (TESTING, Condition::Days, |f| back_by_a_second(f)),
    (TESTING, Condition::Days, |f| f.entered_at = Time::at(ENTERED.seconds() + 1)),
    (TESTING, Condition::Days, |f| {
        f.live = Live::AsAsked { since: Time::at(ENTERED.seconds() + 1) }
    }),
    (TESTING, Condition::Reporters, |f| f.traffic.reporters -= 1),
    (TESTING, Condition::Sessions, |f| f.traffic.sessions -= 1),
    (TESTING, Condition::FailureShare, |f| f.traffic.recent_ours += 1),
    (TESTING, Condition::FailureShare, |f| f.traffic.recent_sessions -= 1),
    (TESTING, Condition::FailureShare, |f| {
        f.traffic = Traffic { recent_sessions: 0, recent_ours: 0, ..f.traffic };
    }),
    (TESTING, Condition::FailureGroups, |f| f.groups[1].state = GroupState::Open),
    (TESTING, Condition::NoSpike, |f| f.spike = Some(spike(f.now))),
    (TESTING, Condition::LiveCheck, |f| {
        f.check.as_mut().unwrap().at = Time::at(f.now.seconds() - DAY - 1)
    }),
    (TESTING, Condition::LiveCheck, |f| {
        f.check.as_mut().unwrap().at = Time::at(f.now.seconds() + 1)
    }),
    (TESTING, Condition::LiveCheck, |f| f.check.as_mut().unwrap().verdict = no_verdict()),
    (ENFORCE, Condition::SeenLive, |f| f.live = differs()),
    (ENFORCE, Condition::Days, |f| back_by_a_second(f)),
    (ENFORCE, Condition::Reporters, |f| f.traffic.reporters -= 1),
    (ENFORCE, Condition::Sessions, |f| f.traffic.sessions -= 1),
    (ENFORCE, Condition::FailureShare, |f| f.traffic.recent_ours += 1),
    (ENFORCE, Condition::FailureGroups, |f| f.groups[0].state = GroupState::Open),
    (ENFORCE, Condition::LiveCheck, |f| f.check = None),
    (Stage::EnforceWeek, Condition::Days, |f| back_by_a_second(f)),
    (Stage::EnforceWeek, Condition::LiveCheck, |f| find(f, coverage())),
];

fn back_by_a_second(facts: &mut Facts) {
    facts.now = Time::at(facts.now.seconds() - 1);
}

fn differs() -> Live {
    Live::Differs { todo: "set the record".to_owned() }
}

fn unknown() -> Live {
    Live::Unknown { why: "the resolver timed out".to_owned() }
}

fn no_verdict() -> CheckVerdict {
    CheckVerdict::Unknown { why: "port 25 is blocked here".to_owned() }
}

fn spike(now: Time) -> Spike {
    let noticed_at = Time::at(now.seconds() - 100);
    let day = sealpost_evidence::traffic::Day::of(now.seconds());
    Spike { day, noticed_at, failed: 40, sessions: 200 }
}

fn fault(owner: Owner, looks: u32) -> Fault {
    Fault {
        host: "mx1.example.test".parse().unwrap(),
        address: Some("192.0.2.25".parse().unwrap()),
        owner,
        kind: FaultKind::MailHost,
        looks,
        text: "the certificate expired".to_owned(),
    }
}

fn coverage() -> Fault {
    Fault { kind: FaultKind::Coverage, ..fault(Owner::Ours, 9) }
}

/// A live check of now finds this.
fn find(facts: &mut Facts, fault: Fault) {
    facts.check = Some(Check { at: facts.now, verdict: CheckVerdict::Faulty(vec![fault]) });
}

#[test]
fn every_gate_opens_with_just_enough() {
    let way = [
        (Stage::Nothing, Stage::Record),
        (Stage::Record, Stage::Prerequisites),
        (Stage::Prerequisites, Stage::Testing),
        (Stage::Testing, Stage::EnforceDay),
        (Stage::EnforceDay, Stage::EnforceWeek),
        (Stage::EnforceWeek, Stage::EnforceLong),
        (Stage::Leaving, Stage::Removed),
    ];
    for (from, to) in way {
        let decision = decide(&auto(), &just_enough(from));
        let Step::Go(made) = decision.step else { panic!("{from}: {decision:?}") };
        assert_eq!((made.from, made.to, made.cause), (from, to, Cause::GateOpen));
        assert_eq!(made.mark, None);
    }
    for end in [Stage::EnforceLong, Stage::Removed] {
        assert_eq!(decide(&auto(), &just_enough(end)).step, Step::Stay);
    }
}

#[test]
fn every_condition_one_short_keeps_the_gate_shut() {
    for (row, (stage, condition, shorten)) in ONE_SHORT.iter().enumerate() {
        let mut facts = just_enough(*stage);
        shorten(&mut facts);
        let decision = decide(&auto(), &facts);
        assert_eq!(decision.step, Step::Stay, "row {row}: {stage} {condition:?}");
        let mut waits: Vec<Condition> = decision.waits().map(|reading| reading.condition).collect();
        if *condition == Condition::SeenLive {
            // What is not live has not been so for a day.
            waits.retain(|waits| *waits != Condition::Days);
        }
        assert_eq!(waits, [*condition], "row {row}: {stage}");
    }
}

#[test]
fn the_tables_cover_every_condition() {
    for condition in [
        Condition::SeenLive,
        Condition::Days,
        Condition::Reporters,
        Condition::Sessions,
        Condition::FailureShare,
        Condition::FailureGroups,
        Condition::LiveCheck,
        Condition::NoSpike,
        Condition::CacheHorizon,
    ] {
        assert!(ONE_SHORT.iter().any(|row| row.1 == condition), "{condition:?}");
    }
}

#[test]
fn who_proposes_proposes_and_who_is_manual_tells() {
    let facts = just_enough(TESTING);
    let of = |autonomy| decide(&Settings { autonomy, ..auto() }, &facts);
    assert!(matches!(of(Autonomy::Propose).step, Step::Propose(_)));
    let manual = of(Autonomy::Manual);
    assert_eq!((manual.step.clone(), manual.waits().count()), (Step::Stay, 0));
    assert!(manual.readings.iter().all(|reading| reading.state == State::Holds));
}

#[test]
fn a_person_stands_in_for_reports_and_not_for_what_we_see() {
    for (row, (stage, condition, shorten)) in ONE_SHORT.iter().enumerate() {
        let mut facts = just_enough(*stage);
        shorten(&mut facts);
        facts.waiver = Some(Waiver {
            stage: *stage,
            by: "ann".to_owned(),
            reason: "no reporter writes to us".to_owned(),
            at: facts.entered_at,
        });
        let decision = decide(&auto(), &facts);
        if condition.may_be_waived() {
            let Step::Go(made) = decision.step else { panic!("row {row}: {decision:?}") };
            assert_eq!(made.cause, Cause::WavedThrough);
            let last = made.grounds.last().unwrap();
            assert_eq!(last, "waved through by ann: no reporter writes to us");
        } else {
            assert_eq!(decision.step, Step::Stay, "row {row}: {stage} {condition:?}");
        }
        // One word short.
        for spoil in [
            (|w: &mut Waiver| w.reason = " ".to_owned()) as fn(&mut Waiver),
            |w| w.by = String::new(),
            |w| w.stage = Stage::EnforceLong,
            |w| w.at = Time::at(w.at.seconds() - 1),
        ] {
            spoil(facts.waiver.as_mut().unwrap());
            assert_eq!(decide(&auto(), &facts).step, Step::Stay, "row {row}");
        }
    }
}

#[test]
fn a_spike_alone_only_makes_us_look() {
    for stage in [Stage::EnforceDay, Stage::EnforceWeek, Stage::EnforceLong] {
        let mut facts = just_enough(stage);
        facts.spike = Some(spike(facts.now));
        // The green check is from before the spike.
        let decision = decide(&auto(), &facts);
        assert_eq!(decision.step, Step::Stay);
        assert!(matches!(decision.asks.as_slice(), [Ask::CheckNow { .. }]), "{decision:?}");
        // A look that cannot tell is no reason either.
        facts.check = Some(Check { at: facts.now, verdict: no_verdict() });
        assert_eq!(decide(&auto(), &facts).step, Step::Stay);
    }
}

#[test]
fn the_same_spike_moves_back_with_a_broken_host_and_not_with_an_attacker() {
    let mut facts = just_enough(Stage::EnforceLong);
    facts.horizon = Horizon::Open;
    facts.spike = Some(spike(facts.now));

    // Our own look, after the spike, sees the fault on our own address, and again.
    find(&mut facts, fault(Owner::Ours, 2));
    let Step::Go(made) = decide(&auto(), &facts).step else { panic!("it does not move") };
    assert_eq!((made.to, made.cause, made.mark), (TESTING, Cause::FaultReproduced, None));
    assert!(made.grounds[0].contains("mx1.example.test [192.0.2.25]"), "{:?}", made.grounds);

    // An attacker on the path of a reporter: all is well as we see it.
    facts.check = Some(Check { at: facts.now, verdict: CheckVerdict::Green });
    let Step::Propose(proposed) = decide(&auto(), &facts).step else { panic!("it moves") };
    let expected = (TESTING, Cause::ReportsAlone, Some(Mark::PossibleAttack));
    assert_eq!((proposed.to, proposed.cause, proposed.mark), expected);
}

#[test]
fn only_a_confirmed_fault_of_our_own_moves_by_itself() {
    let moves = |change: fn(&mut Fault)| {
        let mut facts = just_enough(Stage::EnforceWeek);
        facts.spike = Some(spike(facts.now));
        let mut found = fault(Owner::Ours, 2);
        change(&mut found);
        find(&mut facts, found);
        matches!(decide(&auto(), &facts).step, Step::Go(_))
    };
    assert!(moves(|_| {}));
    assert!(!moves(|fault| fault.looks = 1)); // one look
    assert!(!moves(|fault| fault.owner = Owner::Stranger)); // mail is led elsewhere
    assert!(!moves(|fault| fault.owner = Owner::Unknown));
    assert!(!moves(|fault| fault.address = None));
    assert!(!moves(|fault| fault.kind = FaultKind::Coverage)); // DNS may be forged
    assert!(!moves(|fault| fault.kind = FaultKind::Publication)); // held policies go on

    // An old look does not count, and one from the future neither.
    for offset in [-DAY - 1, 1] {
        let mut facts = just_enough(Stage::EnforceWeek);
        find(&mut facts, fault(Owner::Ours, 2));
        facts.check.as_mut().unwrap().at = Time::at(facts.now.seconds() + offset);
        assert_eq!(decide(&auto(), &facts).step, Step::Stay, "{offset}");
    }
    // Without a spike it moves as well; who proposes is asked.
    let mut facts = just_enough(Stage::EnforceWeek);
    find(&mut facts, fault(Owner::Ours, 2));
    assert!(matches!(decide(&auto(), &facts).step, Step::Go(_)));
    assert!(matches!(decide(&Settings::default(), &facts).step, Step::Propose(_)));
}

/// Whatever reports say, no more than a proposal comes of it.
#[test]
fn no_report_weakens_a_policy() {
    let mut facts = just_enough(Stage::EnforceLong);
    for failed in [0, 1, 40, u64::MAX] {
        for state in [GroupState::Open, explained()] {
            for ours in [0, 1_000, u64::MAX] {
                for since in [-100, 100] {
                    facts.spike = Some(Spike { failed, ..spike(facts.now) });
                    facts.spike.as_mut().unwrap().noticed_at =
                        Time::at(facts.now.seconds() + since);
                    facts.groups[0].state = state.clone();
                    facts.traffic.recent_ours = ours;
                    facts.check.as_mut().unwrap().at = facts.now;
                    let step = decide(&auto(), &facts).step;
                    assert!(!matches!(step, Step::Go(_)), "{step:?}");
                }
            }
        }
    }
}

#[test]
fn a_person_is_obeyed() {
    let (by, reason) = ("ann".to_owned(), "the hosts move".to_owned());
    let leave = Wish::Leave { by: by.clone(), reason: reason.clone() };
    let come_back = Wish::Return { by: by.clone(), reason: reason.clone() };
    let testing = Wish::Testing { by, reason };
    for (stage, wish, to) in [
        (Stage::Testing, &leave, Some(Stage::Leaving)),
        (Stage::EnforceLong, &leave, Some(Stage::Leaving)),
        (Stage::Record, &leave, Some(Stage::Removed)),
        (Stage::Prerequisites, &leave, Some(Stage::Removed)),
        (Stage::Leaving, &leave, None),
        (Stage::Leaving, &come_back, Some(Stage::Record)),
        (Stage::Removed, &come_back, Some(Stage::Record)),
        (Stage::EnforceLong, &come_back, None),
        (Stage::EnforceWeek, &testing, Some(Stage::Testing)),
        (Stage::Testing, &testing, None),
    ] {
        let mut facts = just_enough(stage);
        facts.wish = Some(wish.clone());
        facts.now = ENTERED; // no gate is open
        facts.horizon = Horizon::Open;
        let manual = Settings { autonomy: Autonomy::Manual, ..Settings::default() };
        let moved = match decide(&manual, &facts).step {
            Step::Go(made) => Some(made.to),
            Step::Stay | Step::Propose(_) => None,
        };
        assert_eq!(moved, to, "{stage} {wish:?}");
    }
}

/// The way back to the record is no way round the wait.
#[test]
fn who_came_back_before_the_horizon_leaves_by_the_way_out() {
    for stage in [Stage::Record, Stage::Prerequisites] {
        let mut facts = just_enough(stage);
        facts.wish =
            Some(Wish::Leave { by: "ann".to_owned(), reason: "the hosts move".to_owned() });
        for (known, to) in [
            (Horizon::Nobody, Stage::Removed),
            (Horizon::Until(facts.now), Stage::Removed),
            (Horizon::Until(Time::at(facts.now.seconds() + 1)), Stage::Leaving),
            (Horizon::Open, Stage::Leaving),
        ] {
            facts.known_horizon = known;
            let Step::Go(made) = decide(&auto(), &facts).step else { panic!("{known:?}") };
            assert_eq!(made.to, to, "{known:?}");
        }
    }
}

#[test]
fn it_says_when_to_look_again() {
    let mut facts = just_enough(TESTING);
    facts.now = after(3);
    facts.check = Some(Check { at: after(3), verdict: CheckVerdict::Green });
    let next = decide(&auto(), &facts).look_again_at;
    assert_eq!(next, Some(Time::at(after(4).seconds() + 1))); // the check grows old
    facts.check = None;
    assert_eq!(decide(&auto(), &facts).look_again_at, Some(after(21)));
    let mut facts = just_enough(Stage::Leaving);
    facts.check = None;
    facts.horizon = Horizon::Until(after(30));
    assert_eq!(decide(&auto(), &facts).look_again_at, Some(after(30)));
}

#[test]
fn what_is_accepted_is_told_of_two_weeks_before_it_ends() {
    let mut facts = just_enough(Stage::Testing);
    for (seconds, is_told) in [(14 * DAY + 1, false), (14 * DAY, true), (1, true)] {
        let until = Time::at(facts.now.seconds() + seconds);
        facts.groups[1].state =
            GroupState::Accepted { by: "ann".to_owned(), reason: "old".to_owned(), until };
        let wanted = if is_told { vec![("b", until)] } else { Vec::new() };
        assert_eq!(ending_soon(&facts).collect::<Vec<_>>(), wanted);
        let decision = decide(&auto(), &facts);
        assert!(matches!(decision.step, Step::Go(_)), "it holds until then");
        let text = format!("every kind of failure is explained or accepted, b until {until}");
        assert_eq!(decision.readings.iter().any(|reading| reading.text == text), is_told);
    }
}

/// Who has to explain a kind of failure reads what it is, beside the name that he has to give.
#[test]
fn what_nobody_has_explained_is_told_in_words() {
    for (kind, told) in [
        ("sts/certificate-expired/mx.a.test/why", "certificate-expired at mx.a.test"),
        (
            "sts/certificate-not-trusted/-",
            "certificate-not-trusted at an MX host that is not named",
        ),
        ("sts//-", "failures of which no cause is told at an MX host that is not named"),
    ] {
        let mut facts = just_enough(Stage::Testing);
        facts.groups = vec![Group { text: kind.to_owned(), sessions: 1, state: GroupState::Open }];
        let one = format!("nobody has explained: {told} ({kind})");
        let said = |facts: &Facts| {
            let decision = decide(&auto(), facts);
            let texts: Vec<String> = decision.waits().map(|reading| reading.text.clone()).collect();
            texts.join("|")
        };
        assert_eq!(said(&facts), one);
        facts.groups.push(facts.groups[0].clone());
        assert_eq!(said(&facts), format!("{one}; and 1 more"));
    }
}
