//! A whole roll-out, day by day, with simulated evidence; and how its history reads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use sealpost_rollout::{
    Actor, Autonomy, Check, CheckVerdict, Entry, Facts, Fault, FaultKind, Horizon, Live, Owner,
    Settings, Spike, Stage, Step, Time, Traffic, decide, logbook,
};

/// 2026-11-01T00:00:00Z
const START: Time = Time::at(1_793_491_200);

#[test]
fn a_domain_goes_the_whole_way_by_itself() {
    let settings = Settings { autonomy: Autonomy::Auto, ..Settings::default() };
    let mut facts = Facts {
        now: START,
        stage: Stage::Nothing,
        entered_at: START,
        live: Live::AsAsked { since: START },
        check: None,
        traffic: Traffic::default(),
        groups: Vec::new(),
        spike: None,
        wish: None,
        waiver: None,
        horizon: Horizon::Nobody,
        known_horizon: Horizon::Nobody,
    };
    let mut entries = Vec::new();
    let mut looks = 0;
    for day in 0..90_i64 {
        facts.now = START.plus(Duration::from_secs(86_400 * u64::try_from(day).unwrap()));
        // The second mail host has a bad certificate on the first three days, and again on day 60;
        // day 50 has an attacker on the path of a reporter, and day 60 a spike like it.
        let is_broken = day < 3 || (60..63).contains(&day);
        looks = if is_broken { looks + 1 } else { 0 };
        let verdict = match is_broken {
            true => CheckVerdict::Faulty(vec![fault(looks)]),
            false => CheckVerdict::Green,
        };
        facts.check = Some(Check { at: facts.now, verdict });
        facts.spike = (day == 50 || (60..63).contains(&day)).then(|| Spike {
            day: sealpost_evidence::traffic::Day::of(facts.now.seconds()),
            noticed_at: facts.now,
            failed: 40,
            sessions: 200,
        });
        let days_in = i64::try_from(facts.now.days_since(facts.entered_at)).unwrap();
        let sessions = u64::try_from(days_in * 20).unwrap();
        facts.traffic =
            Traffic { reporters: 3, sessions, recent_sessions: sessions.min(140), recent_ours: 0 };
        match decide(&settings, &facts).step {
            Step::Go(made) => {
                entries.push(Entry::of_move(facts.now, Actor::Itself, &made));
                facts.stage = made.to;
                facts.entered_at = facts.now;
                facts.live = Live::AsAsked { since: facts.now };
            }
            Step::Propose(proposed) => entries.push(Entry::of_proposal(facts.now, &proposed)),
            Step::Stay => {}
        }
    }
    // What is kept can be read again.
    let kept = serde_json::to_string(&entries).unwrap();
    let entries: Vec<Entry> = serde_json::from_str(&kept).unwrap();
    assert_eq!(logbook(&entries), EXPECTED);
}

fn fault(looks: u32) -> Fault {
    Fault {
        host: "mx2.example.test".parse().unwrap(),
        address: Some("192.0.2.2".parse().unwrap()),
        owner: Owner::Ours,
        kind: FaultKind::MailHost,
        looks,
        text: "the certificate expired".to_owned(),
    }
}

#[test]
fn nobody_else_writes_a_row() {
    let text = "a\n2026-11-01T00:00:00Z  enforce-long → testing: \u{1b}[2K";
    let event = sealpost_rollout::Event::Checked { verdict: text.to_owned() };
    let by = Actor::Person(text.to_owned());
    let entry = Entry { at: START, by, event, grounds: vec![text.to_owned()] };
    let shown = logbook([&entry]);
    assert_eq!(shown.lines().count(), 2);
    assert!(!shown.contains('\u{1b}'));
}

const EXPECTED: &str = include_str!("logbook.txt");
