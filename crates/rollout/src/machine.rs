//! The state machine.

use std::time::Duration;

use crate::{
    Ask, Autonomy, Cause, CheckVerdict, Condition, Decision, Facts, Fault, Gate, Group, GroupState,
    Horizon, Live, Mark, Move, Reading, Settings, Spike, Stage, State, Step, Time, Wish,
    time::span,
};

const DAY: Duration = Duration::from_secs(86_400);
/// So long before its end people are told of an acceptance: two weeks.
const ENDING: Duration = Duration::from_secs(14 * 86_400);

/// What is to be done with a domain, given these facts.
///
/// A person's wish comes first. A domain that enforces is then looked at for reasons to move back:
/// reports alone are never one. Only where there is none, the gate to the next stage is read.
pub fn decide(settings: &Settings, facts: &Facts) -> Decision {
    if let Some(decision) = wished(facts) {
        return decision;
    }
    if facts.stage.enforces()
        && let Some(decision) = back(settings, facts)
    {
        return decision;
    }
    onward(settings, facts)
}

/// What a person wants, if it can be wanted here.
fn wished(facts: &Facts) -> Option<Decision> {
    let is_published = facts.stage == Stage::Testing || facts.stage.enforces();
    let (to, by, reason) = match facts.wish.as_ref()? {
        Wish::Leave { by, reason } if is_published => (Stage::Leaving, by, reason),
        // Nothing that binds a sender is out yet; unless the domain came back from the way out before
        // its end. Then it goes that way again, and waits.
        Wish::Leave { by, reason }
            if matches!(facts.stage, Stage::Record | Stage::Prerequisites) =>
        {
            let is_held = facts.known_horizon.is_ahead(facts.now);
            (if is_held { Stage::Leaving } else { Stage::Removed }, by, reason)
        }
        Wish::Return { by, reason } if matches!(facts.stage, Stage::Leaving | Stage::Removed) => {
            (Stage::Record, by, reason)
        }
        Wish::Testing { by, reason } if facts.stage.enforces() => (Stage::Testing, by, reason),
        Wish::Leave { .. } | Wish::Return { .. } | Wish::Testing { .. } => return None,
    };
    let mut grounds = vec![format!("{by}: {reason}")];
    grounds.extend(still_held(facts));
    let to = Move { from: facts.stage, to, cause: Cause::Wished, mark: None, grounds };
    Some(Decision::only(Step::Go(to)))
}

/// Reasons to move a domain back that enforces, or to look for them.
fn back(settings: &Settings, facts: &Facts) -> Option<Decision> {
    let recent = facts
        .check
        .as_ref()
        .filter(|check| facts.now.since(check.at) <= settings.check_age() && check.at <= facts.now);
    let own: Vec<&Fault> =
        recent.iter().flat_map(|check| check.faults()).filter(|fault| fault.is_our_own()).collect();
    let confirmed: Vec<&Fault> =
        own.iter().copied().filter(|fault| fault.looks >= settings.confirmations).collect();
    if !confirmed.is_empty() {
        let mut grounds: Vec<String> = confirmed.iter().map(|fault| seen(fault)).collect();
        grounds.extend(facts.spike.as_ref().map(told));
        grounds.extend(still_held(facts));
        let to = Move {
            from: facts.stage,
            to: Stage::Testing,
            cause: Cause::FaultReproduced,
            mark: None,
            grounds,
        };
        let step = match settings.autonomy {
            Autonomy::Auto => Step::Go(to),
            Autonomy::Propose | Autonomy::Manual => Step::Propose(to),
        };
        return Some(Decision::only(step));
    }
    if let Some(fault) = own.first() {
        // One look may be wrong; the next decides.
        return Some(waiting_for_check(facts, &format!("to confirm: {}", seen(fault))));
    }
    let spike = facts.spike.as_ref()?;
    let answer = recent.filter(|check| check.at >= spike.noticed_at);
    match answer.map(|check| &check.verdict) {
        None | Some(CheckVerdict::Unknown { .. }) => {
            Some(waiting_for_check(facts, &format!("{}: is it so?", told(spike))))
        }
        Some(verdict) => {
            let mut grounds = vec![told(spike)];
            grounds.push(match verdict {
                CheckVerdict::Faulty(faults) => {
                    let list: Vec<String> = faults.iter().map(seen).collect();
                    format!(
                        "our own check sees no fault on our own addresses, but {}",
                        list.join("; ")
                    )
                }
                _ => "our own check sees no fault on any address".to_owned(),
            });
            grounds.extend(still_held(facts));
            let to = Move {
                from: facts.stage,
                to: Stage::Testing,
                cause: Cause::ReportsAlone,
                mark: Some(Mark::PossibleAttack),
                grounds,
            };
            let mut decision = Decision::only(Step::Propose(to));
            decision.readings.push(no_spike(facts));
            Some(decision)
        }
    }
}

/// The gate to the next stage.
fn onward(settings: &Settings, facts: &Facts) -> Decision {
    let Some(next) = facts.stage.next() else { return Decision::only(Step::Stay) };
    let mut readings = match facts.stage {
        Stage::Nothing => Vec::new(),
        Stage::Record => vec![seen_live(facts)],
        Stage::Prerequisites => vec![live_check(settings, facts)],
        Stage::Testing => gate(settings, &settings.testing, facts),
        Stage::Leaving => vec![seen_live(facts), cache_horizon(facts)],
        _ => gate(settings, &settings.enforce, facts),
    };
    let waiver = facts.waiver.as_ref().filter(|w| w.holds(facts.stage, facts.entered_at));
    let mut is_waived = false;
    for reading in &mut readings {
        if waiver.is_some() && reading.state == State::Waits && reading.condition.may_be_waived() {
            reading.state = State::Waived;
            is_waived = true;
        }
    }
    let asks = asks(settings, facts, &readings);
    let is_open = readings.iter().all(|reading| reading.state != State::Waits);
    let look_again_at = look_again(settings, facts, next);
    if !is_open {
        return Decision { step: Step::Stay, readings, asks, look_again_at };
    }
    let mut grounds: Vec<String> = readings.iter().map(|reading| reading.text.clone()).collect();
    if let (true, Some(waiver)) = (is_waived, waiver) {
        grounds.push(format!("waved through by {}: {}", waiver.by, waiver.reason));
    }
    let cause = if is_waived { Cause::WavedThrough } else { Cause::GateOpen };
    let to = Move { from: facts.stage, to: next, cause, mark: None, grounds };
    let step = match settings.autonomy {
        Autonomy::Auto => Step::Go(to),
        Autonomy::Propose => Step::Propose(to),
        Autonomy::Manual => Step::Stay,
    };
    Decision { step, readings, asks, look_again_at }
}

fn gate(settings: &Settings, gate: &Gate, facts: &Facts) -> Vec<Reading> {
    let traffic = &facts.traffic;
    let reading = |condition, holds: bool, text| Reading {
        condition,
        state: if holds { State::Holds } else { State::Waits },
        text,
    };
    let days = live_since(facts).map_or(0, |since| facts.now.days_since(since));
    // No float: of a million, at most so many.
    let share = u128::from(traffic.recent_ours) * 1_000_000
        <= u128::from(gate.failures_per_million) * u128::from(traffic.recent_sessions);
    let is_share_known = traffic.recent_sessions > 0 || gate.sessions == 0;
    let open: Vec<&str> = facts
        .groups
        .iter()
        .filter(|group| group.state == GroupState::Open)
        .map(|group| group.text.as_str())
        .collect();
    vec![
        seen_live(facts),
        reading(
            Condition::Days,
            days >= u64::from(gate.days),
            format!("{} with what is live now, {} needed", days_in(days, facts.stage), gate.days),
        ),
        reading(
            Condition::Reporters,
            traffic.reporters >= gate.reporters,
            format!("{} reporters, {} needed", traffic.reporters, gate.reporters),
        ),
        reading(
            Condition::Sessions,
            traffic.sessions >= gate.sessions,
            format!("{} sessions reported, {} needed", traffic.sessions, gate.sessions),
        ),
        reading(
            Condition::FailureShare,
            is_share_known && share,
            format!(
                "{} of {} sessions failed because of us in {} days, at most {} allowed",
                traffic.recent_ours,
                traffic.recent_sessions,
                settings.window_days,
                percent(gate.failures_per_million)
            ),
        ),
        reading(
            Condition::FailureGroups,
            open.is_empty(),
            match open.as_slice() {
                [] => match ending_soon(facts).next() {
                    None => "every kind of failure is explained or accepted".to_owned(),
                    Some((kind, until)) => format!(
                        "every kind of failure is explained or accepted, {kind} until {until}"
                    ),
                },
                [one] => format!("nobody has explained: {}", in_words(one)),
                [one, others @ ..] => {
                    format!("nobody has explained: {}; and {} more", in_words(one), others.len())
                }
            },
        ),
        no_spike(facts),
        live_check(settings, facts),
    ]
}

fn days_in(days: u64, stage: Stage) -> String {
    format!("{days} {} in {stage}", if days == 1 { "day" } else { "days" })
}

/// A kind of failure in words, beside the name under which it is accepted.
fn in_words(kind: &str) -> String {
    let mut parts = kind.split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some(result), Some(host)) if result != "-" => {
            let result =
                if result.is_empty() { "failures of which no cause is told" } else { result };
            let place = match host {
                "-" => "at an MX host that is not named".to_owned(),
                host => format!("at {host}"),
            };
            format!("{result} {place} ({kind})")
        }
        _ => kind.to_owned(),
    }
}

/// Kinds of failures that are accepted for not much longer: each with the time at which it is open
/// again, the first one first.
pub fn ending_soon(facts: &Facts) -> impl Iterator<Item = (&str, Time)> {
    let until = |group: &'_ Group| match group.state {
        GroupState::Accepted { until, .. } if until <= facts.now.plus(ENDING) => Some(until),
        _ => None,
    };
    let ending = facts.groups.iter().filter_map(|group| Some((group.text.as_str(), until(group)?)));
    let mut ending: Vec<(&str, Time)> = ending.collect();
    ending.sort_by_key(|(_, until)| *until);
    ending.into_iter()
}

/// Parts of a million as people write them.
fn percent(per_million: u32) -> String {
    let text = format!("{}.{:04}", per_million / 10_000, per_million % 10_000);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

fn no_spike(facts: &Facts) -> Reading {
    let (state, text) = match &facts.spike {
        None => (State::Holds, "no sudden rise of failures".to_owned()),
        Some(spike) => (State::Waits, told(spike)),
    };
    Reading { condition: Condition::NoSpike, state, text }
}

fn seen_live(facts: &Facts) -> Reading {
    let (state, text) = match &facts.live {
        Live::AsAsked { since } => (State::Holds, format!("live as it should be since {since}")),
        Live::Differs { todo } => (State::Waits, format!("not live yet: {todo}")),
        Live::Unknown { why } => (State::Waits, format!("could not tell what is live: {why}")),
    };
    Reading { condition: Condition::SeenLive, state, text }
}

fn live_check(settings: &Settings, facts: &Facts) -> Reading {
    let wait = |text| (State::Waits, text);
    let (state, text) = match &facts.check {
        None => wait("no live check yet".to_owned()),
        Some(check) if check.at > facts.now => {
            wait(format!("the live check is of {}, which lies ahead", check.at))
        }
        Some(check) if facts.now.since(check.at) > settings.check_age() => wait(format!(
            "the live check is {} old, at most {} hours count",
            span(facts.now.since(check.at)),
            settings.check_hours
        )),
        Some(check) => match &check.verdict {
            CheckVerdict::Green => (State::Holds, format!("live check of {} is green", check.at)),
            CheckVerdict::Unknown { why } => wait(format!("the live check could not tell: {why}")),
            CheckVerdict::Faulty(faults) => {
                let list: Vec<String> = faults.iter().map(seen).collect();
                wait(format!("the live check found: {}", list.join("; ")))
            }
        },
    };
    Reading { condition: Condition::LiveCheck, state, text }
}

fn cache_horizon(facts: &Facts) -> Reading {
    //= https://www.rfc-editor.org/rfc/rfc8461#section-8.3
    //# When all previously served policies have expired -- normally this
    //# is the time the previously published policy was last served plus
    //# that policy's "max_age", but note that policies older than the
    //# previously published policy may have been served with a greater
    //# "max_age" than the previously published policy, allowing
    //# overlapping policy caches -- safely remove the TXT record and
    //# HTTPS endpoint.
    let (state, text) = match facts.horizon {
        Horizon::Nobody => (State::Holds, "no sender can hold an earlier policy".to_owned()),
        Horizon::Until(until) if until <= facts.now => {
            (State::Holds, format!("no sender can hold an earlier policy since {until}"))
        }
        Horizon::Until(until) => {
            (State::Waits, format!("some sender may hold an earlier policy until {until}"))
        }
        Horizon::Open => (
            State::Waits,
            "an earlier policy is still served, or its id still announced".to_owned(),
        ),
    };
    Reading { condition: Condition::CacheHorizon, state, text }
}

/// What has to be done so that the waiting ends.
fn asks(settings: &Settings, facts: &Facts, readings: &[Reading]) -> Vec<Ask> {
    let waits =
        |condition| readings.iter().any(|r| r.condition == condition && r.state == State::Waits);
    let mut asks = Vec::new();
    if waits(Condition::SeenLive) {
        match &facts.live {
            Live::Differs { todo } => asks.push(Ask::Publish { todo: todo.clone() }),
            Live::Unknown { .. } => asks.push(Ask::Observe),
            Live::AsAsked { .. } => {}
        }
    }
    let is_stale = facts.check.as_ref().is_none_or(|check| {
        check.at > facts.now
            || facts.now.since(check.at) > settings.check_age()
            || check.verdict != CheckVerdict::Green
    });
    if waits(Condition::LiveCheck) && is_stale {
        asks.push(Ask::CheckNow { why: format!("the way out of {} needs it", facts.stage) });
    }
    if waits(Condition::FailureGroups) {
        asks.push(Ask::Explain);
    }
    asks
}

/// When time alone may open the gate, or close it.
fn look_again(settings: &Settings, facts: &Facts, next: Stage) -> Option<Time> {
    let gate = if facts.stage == Stage::Testing { &settings.testing } else { &settings.enforce };
    let days = live_since(facts)
        .filter(|_| facts.stage == Stage::Testing || facts.stage.enforces())
        .map(|since| since.plus(DAY.saturating_mul(gate.days)));
    let check = facts
        .check
        .as_ref()
        .map(|check| check.at.plus(settings.check_age()).plus(Duration::from_secs(1)));
    let horizon = match facts.horizon {
        Horizon::Until(until) if next == Stage::Removed => Some(until),
        _ => None,
    };
    [days, check, horizon].into_iter().flatten().filter(|time| *time > facts.now).min()
}

/// Since when what the stage asks for is live, but not from before it was entered.
fn live_since(facts: &Facts) -> Option<Time> {
    match facts.live {
        Live::AsAsked { since } => Some(since.max(facts.entered_at)),
        Live::Differs { .. } | Live::Unknown { .. } => None,
    }
}

fn waiting_for_check(facts: &Facts, why: &str) -> Decision {
    let reading = Reading {
        condition: Condition::LiveCheck,
        state: State::Waits,
        text: "waiting for a look of our own".to_owned(),
    };
    Decision {
        step: Step::Stay,
        readings: vec![no_spike(facts), reading],
        asks: vec![Ask::CheckNow { why: why.to_owned() }],
        look_again_at: None,
    }
}

fn seen(fault: &Fault) -> String {
    let place = match fault.address {
        Some(address) => format!("{} [{address}]", fault.host),
        None => fault.host.to_string(),
    };
    match fault.looks {
        0 | 1 => format!("{place}: {}", fault.text),
        looks => format!("{place}: {} (seen {looks} times in a row)", fault.text),
    }
}

fn told(spike: &Spike) -> String {
    let Spike { day, failed, sessions, .. } = spike;
    format!("reports tell of {failed} failures in {sessions} sessions on {day}")
}

/// A weaker policy does not reach who holds a stronger one.
fn still_held(facts: &Facts) -> Option<String> {
    match facts.horizon {
        Horizon::Until(until) if until > facts.now => {
            Some(format!("some sender may hold an earlier policy until {until}"))
        }
        Horizon::Nobody | Horizon::Until(_) => None,
        Horizon::Open => Some("senders that hold the policy do so for its max_age".to_owned()),
    }
}

impl Decision {
    fn only(step: Step) -> Self {
        Self { step, readings: Vec::new(), asks: Vec::new(), look_again_at: None }
    }
}

impl Condition {
    /// A person may stand in for what reports would say. Nobody can for what we can see ourselves.
    pub const fn may_be_waived(self) -> bool {
        match self {
            Self::Days
            | Self::Reporters
            | Self::Sessions
            | Self::FailureShare
            | Self::FailureGroups
            | Self::NoSpike => true,
            Self::SeenLive | Self::LiveCheck | Self::CacheHorizon => false,
        }
    }
}
