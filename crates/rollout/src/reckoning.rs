//! Time as it was witnessed.
//!
//! A horizon is reached when so much time has passed, not when a clock shows so late a time: clocks are
//! set, and who set one a year forward would strand every sender that still holds a policy. So each
//! pass over a domain reads, beside the clock, one that nobody can set: how long the machine has been
//! up. What it counts between two passes is *reckoned*, if they are not further apart than
//! [`LONGEST_GAP`]; what was served while nobody looked for longer, nobody knows, and it counts for
//! nothing. Neither does the time between two boots of a machine.
//!
//! The reckoned time of a domain only grows, begins as the time of the first pass, and falls behind
//! the clock by all that does not count. It is shown to nobody: [`Reckoning::history`] gives a history
//! whose times lie as far back from the clock of now as is reckoned since, however that clock is
//! set. A clock that is put back does not lengthen the wait by that either.
//!
//! # Limitations
//!
//! Machines that share a store have no clock in common: each counts between its own passes over a
//! domain, and the longest count holds. That is never too much, and with many machines less than it
//! was. What was written before the first pass counts by the clock.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Announced, History, MxSet, Served, Time, time::span};

/// Passes that are further apart have not seen what was between them. Six hours, where looks are
/// hourly.
pub const LONGEST_GAP: Duration = Duration::from_secs(6 * 3_600);

/// By so much a clock may differ from what was counted before anybody is told. Five minutes.
const DRIFT: u64 = 300;
/// The most machines of which the last pass is remembered.
const MOST_MACHINES: usize = 16;

/// The time, as a pass reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// What the clock shows.
    pub now: Time,
    /// What vouches for the time that passes.
    pub witness: Witness,
}

/// What vouches for the time that passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Witness {
    /// A clock that nobody can set.
    Machine {
        /// Names the machine, and when it was started.
        boot: String,
        /// How long ago that was.
        up: Duration,
    },
    /// Whoever tells the time, for a rehearsal or a simulation. The clock itself is believed.
    Told,
}

/// What was between two passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Lapse {
    /// Nobody has seen what was between them.
    pub is_unseen: bool,
    /// What people should know of it.
    pub remark: Option<String>,
}

/// What is written of a domain, with times as the clock showed them.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// What was served.
    pub history: &'a History,
    /// The MX records that were published. A later look has the same ones, and more behind them.
    pub mx: &'a [MxSet],
    /// Since when it is in its stage.
    pub entered_at: Time,
}

/// When each thing that is written of a domain was so, in reckoned time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reckoning {
    now: Time,
    /// What the clock showed at the last pass, and on which machine.
    read_at: Time,
    read_by: Option<String>,
    machines: Vec<Count>,
    known_since: Time,
    /// As it is written, and as it is reckoned.
    entered_at: (Time, Time),
    bodies: Vec<Row>,
    ids: Vec<Row>,
    mx: Vec<Row>,
}

/// A machine: its name, what it had counted at its last pass, and the reckoned time of that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Count(String, u64, Time);

/// Something that is written: its key, which grows from one to the next, its beginning and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Row(i64, Time, Option<Time>);

/// Which moments are unknown rows of?
#[derive(Clone, Copy)]
enum Found {
    /// Of the time that the clock showed: nobody counted before.
    First,
    /// Somewhere between this time, that of the last pass, and now.
    Since(Time),
    /// Now.
    Now,
}

impl Reckoning {
    /// Goes on from what the last pass left, or begins. Whatever another has written meanwhile ended
    /// now at the latest, and began after the last pass.
    pub fn resume(
        kept: Option<Self>,
        reading: &ClockReading,
        recorded: Recorded<'_>,
    ) -> (Self, Lapse) {
        let Some(mut known) = kept else {
            let mut new = Self::begin(reading, recorded);
            new.take(recorded, Found::First);
            return (new, Lapse::default());
        };
        let before = known.now;
        let lapse = known.go_on(reading);
        known.take(recorded, Found::Since(before));
        (known, lapse)
    }

    /// Whatever is written by now and was not before was written in this pass.
    pub fn keep(&mut self, recorded: Recorded<'_>) {
        self.take(recorded, Found::Now);
    }

    /// The reckoned time.
    pub fn now(&self) -> Time {
        self.now
    }

    /// A reckoned time as one of a clock that shows `now`.
    pub fn shown(&self, reckoned: Time, now: Time) -> Time {
        Time::at(
            now.seconds().saturating_sub(self.now.seconds().saturating_sub(reckoned.seconds())),
        )
    }

    /// Since when the domain is in its stage, by a clock that shows `now`.
    pub fn entered_at(&self, now: Time) -> Time {
        self.shown(self.entered_at.1, now)
    }

    /// A history with each time as far back from `now` as was reckoned since.
    #[must_use]
    pub fn history(&self, written: &History, now: Time) -> History {
        let moved = |rows: &[Row], since: Time, until: Option<Time>| {
            let (began, ended) = self.of(rows, since.seconds());
            let until = until.map(|_| self.shown(ended.unwrap_or(self.now), now));
            (self.shown(began, now), until)
        };
        let bodies = written.bodies().iter().map(|body| {
            let (since, until) = moved(&self.bodies, body.since, body.until);
            Served { policy: body.policy.clone(), since, until }
        });
        let ids = written.ids().iter().map(|id| {
            let (since, until) = moved(&self.ids, id.since, id.until);
            Announced { id: id.id.clone(), since, until, ttl: id.ttl }
        });
        let known_since = self.shown(self.known_since, now);
        written.moved(known_since, bodies.collect(), ids.collect())
    }

    /// MX records with each end as far back from `now` as was reckoned since.
    #[must_use]
    pub fn mx(&self, written: &[MxSet], now: Time) -> Vec<MxSet> {
        let moved = |(key, set): (i64, &MxSet)| {
            let ended = self.of(&self.mx, key).1.unwrap_or(self.now);
            let until = set.until.map(|_| self.shown(ended, now));
            MxSet { hosts: set.hosts.clone(), ttl: set.ttl, until }
        };
        (0..).zip(written).map(moved).collect()
    }

    fn begin(reading: &ClockReading, recorded: Recorded<'_>) -> Self {
        let now = reading.now;
        let machine = match &reading.witness {
            Witness::Machine { boot, up } => Some(Count(boot.clone(), up.as_secs(), now)),
            Witness::Told => None,
        };
        Self {
            now,
            read_at: now,
            read_by: machine.as_ref().map(|Count(name, ..)| name.clone()),
            machines: machine.into_iter().collect(),
            known_since: recorded.history.known_since().min(now),
            entered_at: (recorded.entered_at, recorded.entered_at.min(now)),
            bodies: Vec::new(),
            ids: Vec::new(),
            mx: Vec::new(),
        }
    }

    /// Counts what has passed since the last pass.
    fn go_on(&mut self, reading: &ClockReading) -> Lapse {
        let Witness::Machine { boot: name, up } = &reading.witness else {
            self.now = self.now.plus(reading.now.since(self.read_at));
            (self.read_at, self.read_by) = (reading.now, None);
            return Lapse::default();
        };
        let (name, count) = (name.clone(), up.as_secs());
        let last = self.machines.iter().find(|Count(known, ..)| *known == name);
        // Who read the clock before another and writes after him has missed nothing, and what he counts
        // is counted: since a machine was started it counts forward only.
        let is_counted = |Count(_, before, _): &Count| {
            before.checked_sub(count).is_some_and(|late| late > 0 && late <= LONGEST_GAP.as_secs())
        };
        if last.is_some_and(is_counted) {
            return Lapse::default();
        }
        let counted = last.and_then(|Count(_, before, then)| {
            Some((Duration::from_secs(count.checked_sub(*before)?), *then))
        });
        if let Some((elapsed, then)) = counted
            && elapsed <= LONGEST_GAP
        {
            self.now = self.now.max(then.plus(elapsed));
        }
        let lapse = self.lapse(reading, &name, counted.map(|(elapsed, _)| elapsed));
        self.machines.retain(|Count(known, ..)| *known != name);
        self.machines.push(Count(name.clone(), count, self.now));
        let over = self.machines.len().saturating_sub(MOST_MACHINES);
        self.machines.drain(..over);
        (self.read_at, self.read_by) = (reading.now, Some(name));
        lapse
    }

    fn lapse(&self, reading: &ClockReading, name: &str, counted: Option<Duration>) -> Lapse {
        let shown = reading.now.seconds().saturating_sub(self.read_at.seconds());
        let by_clock = u64::try_from(shown).ok().map(Duration::from_secs);
        let is_same = self.read_by.as_deref() == Some(name);
        let gap = if is_same { counted } else { by_clock };
        let (before, now) = (self.read_at, reading.now);
        if gap.is_none_or(|gap| gap > LONGEST_GAP) {
            let remark = format!(
                "nobody has looked between {before} and {now} by the clock: that time is not counted"
            );
            return Lapse { is_unseen: true, remark: Some(remark) };
        }
        let step = gap.map_or(0, |gap| shown.saturating_sub_unsigned(gap.as_secs()));
        let remark = (step.unsigned_abs() > DRIFT).then(|| {
            let way = if step > 0 { "forward" } else { "back" };
            let by = span(Duration::from_secs(step.unsigned_abs()));
            format!("the clock was put {way} by {by}, to {now}: time counts as it was measured")
        });
        Lapse { is_unseen: false, remark }
    }

    fn take(&mut self, recorded: Recorded<'_>, found: Found) {
        if recorded.entered_at != self.entered_at.0 {
            self.entered_at = (recorded.entered_at, self.now);
        }
        let now = self.now;
        let ended = |until: Time| if matches!(found, Found::First) { until.min(now) } else { now };
        let mut over: Vec<Time> = Vec::new();
        for body in recorded.history.bodies() {
            let began = match found {
                Found::First => body.since.min(now),
                Found::Since(before) => before,
                Found::Now => now,
            };
            if note(&mut self.bodies, body.since.seconds(), began, body.until.map(ended)) {
                over.extend(body.until);
            }
        }
        for id in recorded.history.ids() {
            // Bodies and ids lie in one order. One that came when a body was gone was not there
            // before, though both was seen by nobody.
            let is_later = over.iter().any(|until| *until <= id.since)
                && over.iter().all(|until| *until <= id.since);
            let began = match found {
                Found::First => id.since.min(now),
                Found::Since(before) if !is_later => before,
                Found::Since(_) | Found::Now => now,
            };
            note(&mut self.ids, id.since.seconds(), began, id.until.map(ended));
        }
        for (key, set) in (0..).zip(recorded.mx) {
            note(&mut self.mx, key, now, set.until.map(ended));
        }
    }

    /// Beginning and end of something; of what is not known, now.
    fn of(&self, rows: &[Row], key: i64) -> (Time, Option<Time>) {
        let place = rows.binary_search_by_key(&key, |Row(key, ..)| *key);
        let row = place.ok().and_then(|place| rows.get(place));
        row.map_or((self.now, None), |Row(_, began, ended)| (*began, *ended))
    }
}

impl ClockReading {
    /// The time as it is told, for a rehearsal or a simulation.
    pub fn told(now: Time) -> Self {
        Self { now, witness: Witness::Told }
    }
}

/// Takes something down that is written; has it come to its end?
fn note(rows: &mut Vec<Row>, key: i64, began: Time, ended: Option<Time>) -> bool {
    match rows.binary_search_by_key(&key, |Row(key, ..)| *key) {
        Ok(place) => match rows.get_mut(place) {
            Some(Row(_, _, known)) if known.is_none() => {
                *known = ended;
                ended.is_some()
            }
            _ => false,
        },
        Err(place) => {
            rows.insert(place, Row(key, began, ended));
            ended.is_some()
        }
    }
}
