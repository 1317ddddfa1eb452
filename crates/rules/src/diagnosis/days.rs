//! How failures run over the days: spikes, failures that recur, new ones, and reporters that fall
//! silent.
//!
//! Where a report leaves open how many sessions failed, a threshold may be passed by one reading
//! and not by another; then the anomaly is [`Certainty::Possible`].

use std::collections::BTreeMap;

use mail_domain::DomainName;
use schemars::JsonSchema;
use sealpost_evidence::traffic::{
    Bounds, Day, DaySeries, DayTraffic, FailureHistory, Reporter, ReporterActivity,
};
use serde::{Deserialize, Serialize};
use tls_rpt::ResultType;

use super::causes::{Cause, FAIL701, FAIL702, FAIL703, FAIL704, FAIL705};
use super::result::{read_result, shown_result};
use super::spread::label;
use crate::Severity;

/// From when on something is an anomaly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// A spike has at least so many failed sessions: 5.
    pub failures: u64,
    /// It is at least this share of all sessions of the day, in percent: 1.
    pub percent: u64,
    /// It is at least so many times the median of the days before: 3.
    pub times_median: u64,
    /// So many days before are compared with: 28.
    pub window: u32,
    /// Failures recur if they occur on so many …: 2.
    pub recurring: u32,
    /// … of the last so many days that were reported on: 3.
    pub recurring_of: u32,
    /// A kind of failure is new for so many days: 7.
    pub new_for: u32,
    /// A reporter's cadence is known after so many days that it reported on: 8.
    pub learned_after: u32,
    /// A reporter is silent after so many times its middle gap, or its longest one if that is
    /// longer: 3.
    pub times_gap: u32,
}

/// Something out of the ordinary along the days.
///
/// All text is safe to show; names in `kind` are as they were reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// What it is, with its numbers.
    pub kind: AnomalyKind,
    /// Its meaning, from the table: `FAIL701` and on.
    pub cause: &'static Cause,
    /// How bad it is.
    pub severity: Severity,
    /// Does it hold however the reports are read?
    pub certainty: Certainty,
    /// The policy domain; `None` for all together.
    pub domain: Option<DomainName>,
    /// The day that it is about.
    pub day: Day,
    /// What was found, as a sentence.
    pub sentence: String,
}

/// The kinds of anomalies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnomalyKind {
    /// Many more sessions failed than usual.
    Spike {
        /// Failed sessions of the day.
        failed: Bounds,
        /// All sessions of the day.
        sessions: Bounds,
        /// Twice the median of the failed sessions of the days before, lower and upper reading:
        /// twice, since the median of an even number of days may be a half.
        twice_median: Bounds,
        /// How many days before were reported on.
        compared: usize,
    },
    /// Sessions fail on most of the last days.
    Recurring {
        /// Days with failures.
        failing: usize,
        /// Of so many last days.
        of: usize,
    },
    /// A kind of failure that did not occur before.
    NewFailure {
        /// The result type that is meant.
        result_type: String,
    },
    /// A reporter fell silent.
    Silent {
        /// Who.
        reporter: Reporter,
        /// For so many days.
        days: i64,
        /// The longest that it may be quiet by its habits.
        allowed: i64,
    },
    /// Every reporter whose cadence is known fell silent.
    AllSilent {
        /// How many.
        reporters: usize,
    },
}

/// Does a finding hold however the reports are read?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// By every reading.
    Certain,
    /// By one reading at least.
    Possible,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            failures: 5,
            percent: 1,
            times_median: 3,
            window: 28,
            recurring: 2,
            recurring_of: 3,
            new_for: 7,
            learned_after: 8,
            times_gap: 3,
        }
    }
}

/// Everything that is out of the ordinary at a domain, the newest first: spikes, failures that recur,
/// new ones, and reporters that fell silent, by the usual [`Thresholds`]. What is older than their
/// window is history, and left out.
pub fn anomalies(
    domain: &DomainName,
    series: &DaySeries,
    histories: &[FailureHistory],
    reporters: &[ReporterActivity],
    today: Day,
) -> Vec<Anomaly> {
    let thresholds = Thresholds::default();
    let mut found = spikes(series, &thresholds);
    found.extend(recurring(series, today, &thresholds));
    found.extend(new_failures(histories, reporters, today, &thresholds));
    found.extend(silences(Some(domain), reporters, today, &thresholds));
    let begin = series.days.last().map_or(today, |newest: &DayTraffic| newest.day.min(today));
    let recent = begin.plus(-i64::from(thresholds.window));
    found.retain(|anomaly| anomaly.day >= recent);
    found.sort_by_key(|anomaly| std::cmp::Reverse(anomaly.day));
    found
}

/// The days on which many more sessions failed than usual, oldest first.
///
/// Three conditions hold together: enough failures, enough of all sessions, enough times the median
/// of the days before. Days that no report is about do not count as days without failures; where
/// there is none to compare with, the median is 0. A series with reports that nobody vouches for
/// does not belong here.
pub fn spikes(series: &DaySeries, thresholds: &Thresholds) -> Vec<Anomaly> {
    let mut found = Vec::new();
    for (at, today) in series.days.iter().enumerate() {
        let window = usize::try_from(thresholds.window).unwrap_or(usize::MAX);
        let before = series.days.get(at.saturating_sub(window)..at).unwrap_or_default();
        let since = today.day.plus(-i64::from(thresholds.window));
        let before: Vec<&DayTraffic> =
            before.iter().filter(|day| day.day >= since && day.day < today.day).collect();
        let median = Bounds::between(
            twice_median(before.iter().map(|day| day.failed.lower)),
            twice_median(before.iter().map(|day| day.failed.upper)),
        );
        let passes = |failed: u64, successful: u64, twice_median: u64| {
            let sessions = u128::from(failed) + u128::from(successful);
            failed >= thresholds.failures
                && u128::from(failed) * 100 >= sessions * u128::from(thresholds.percent)
                && u128::from(failed) * 2
                    >= u128::from(twice_median) * u128::from(thresholds.times_median)
        };
        let certainty = if passes(today.failed.lower, today.successful.upper, median.upper) {
            Certainty::Certain
        } else if passes(today.failed.upper, today.successful.lower, median.lower) {
            Certainty::Possible
        } else {
            continue;
        };
        let sessions = today.failed.plus(today.successful);
        let kind = AnomalyKind::Spike {
            failed: today.failed,
            sessions,
            twice_median: median,
            compared: before.len(),
        };
        let usual = match before.len() {
            0 => "nothing was reported in the days before".to_owned(),
            1 => format!("on the one day before it was {}", halves(median)),
            days => format!("the median of the {days} days before is {}", halves(median)),
        };
        let sentence = format!(
            "{} of {} sessions failed on {}; {usual}.",
            shown(today.failed),
            shown(sessions),
            today.day
        );
        let domain = series.domain.clone();
        found.push(Anomaly::new(&FAIL701, kind, certainty, domain, today.day, sentence));
    }
    found
}

/// Failures on most of the last days that were reported on, as of `today`. Nothing, if the last of
/// these days lies more than the window of the thresholds back.
pub fn recurring(series: &DaySeries, today: Day, thresholds: &Thresholds) -> Option<Anomaly> {
    let of = usize::try_from(thresholds.recurring_of).ok()?;
    let wanted = usize::try_from(thresholds.recurring).ok()?;
    let past: Vec<&DayTraffic> =
        series.days.iter().rev().filter(|day| day.day <= today).take(of).collect();
    let newest = past.first()?.day;
    if newest.plus(i64::from(thresholds.window)) < today {
        return None;
    }
    let certain = past.iter().filter(|day| day.failed.lower > 0).count();
    let possible = past.iter().filter(|day| day.failed.upper > 0).count();
    let (failing, certainty) = if certain >= wanted {
        (certain, Certainty::Certain)
    } else if possible >= wanted {
        (possible, Certainty::Possible)
    } else {
        return None;
    };
    let sentence = format!(
        "Sessions failed on {failing} of the last {} days that were reported on, the last of them \
         {newest}.",
        past.len()
    );
    let kind = AnomalyKind::Recurring { failing, of: past.len() };
    Some(Anomaly::new(&FAIL702, kind, certainty, series.domain.clone(), newest, sentence))
}

/// Kinds of failures that came up in the last days, at domains that were reported on before that.
///
/// Reporters that nobody vouches for are left out. `reporters` tell since when there are reports at
/// all: at the begin everything would be new.
pub fn new_failures(
    histories: &[FailureHistory],
    reporters: &[ReporterActivity],
    today: Day,
    thresholds: &Thresholds,
) -> Vec<Anomaly> {
    let counts = |reporter: &Reporter| !reporter.signer.is_empty();
    let since = today.plus(-i64::from(thresholds.new_for));
    let heard = reporters.iter().filter(|activity| counts(&activity.reporter));
    let Some(heard_since) = heard.map(|activity| activity.first_day).min() else {
        return Vec::new();
    };
    let mut kinds: BTreeMap<(Option<&DomainName>, ResultType), &FailureHistory> = BTreeMap::new();
    for history in histories.iter().filter(|history| counts(&history.reporter)) {
        let kind = (history.domain.as_ref(), read_result(&history.result_type));
        let first = kinds.entry(kind).or_insert(history);
        if history.first_day < first.first_day {
            *first = history;
        }
    }
    kinds
        .into_iter()
        .filter(|(_, first)| {
            first.first_day > since && first.first_day <= today && heard_since <= since
        })
        .map(|((domain, result), first)| {
            let sentence = format!(
                "{} was reported for the first time on {}, by {}.",
                shown_result(&result),
                first.first_day,
                label(&first.reporter)
            );
            let kind = AnomalyKind::NewFailure { result_type: result.as_str().to_owned() };
            let domain = domain.cloned();
            let certainty = Certainty::Certain;
            Anomaly::new(&FAIL703, kind, certainty, domain, first.first_day, sentence)
        })
        .collect()
}

/// Reporters that are quiet for longer than their habits explain, as of `today`; if all are, that
/// alone.
///
/// Nothing is said of a reporter whose cadence is not known yet, or that nobody vouches for. Reports
/// may come late: the delay of the last one is allowed for.
pub fn silences(
    domain: Option<&DomainName>,
    reporters: &[ReporterActivity],
    today: Day,
    thresholds: &Thresholds,
) -> Vec<Anomaly> {
    let learned_after = usize::try_from(thresholds.learned_after).unwrap_or(usize::MAX);
    let learned: Vec<(&ReporterActivity, i64)> = reporters
        .iter()
        .filter(|activity| !activity.reporter.signer.is_empty())
        .filter(|activity| activity.days.len() >= learned_after.max(2))
        .filter_map(|activity| Some((activity, allowed(activity, thresholds)?)))
        .collect();
    let quiet =
        |activity: &ReporterActivity| today.number().saturating_sub(activity.last_day.number());
    let silent: Vec<_> =
        learned.iter().filter(|(activity, allowed)| quiet(activity) > *allowed).collect();
    if silent.len() > 1 && silent.len() == learned.len() {
        let last = silent.iter().map(|(activity, _)| activity.last_day).max().unwrap_or(today);
        let sentence = format!(
            "All {} regular reporters are silent; the last report was on {last}.",
            silent.len()
        );
        let kind = AnomalyKind::AllSilent { reporters: silent.len() };
        let domain = domain.cloned();
        return vec![Anomaly::new(&FAIL705, kind, Certainty::Certain, domain, last, sentence)];
    }
    silent
        .into_iter()
        .map(|(activity, allowed)| {
            let days = quiet(activity);
            let sentence = format!(
                "{} last reported on {}, {days} days ago; by its habits {allowed} were the most.",
                label(&activity.reporter),
                activity.last_day
            );
            let kind = AnomalyKind::Silent {
                reporter: activity.reporter.clone(),
                days,
                allowed: *allowed,
            };
            let (domain, day) = (domain.cloned(), activity.last_day);
            Anomaly::new(&FAIL704, kind, Certainty::Certain, domain, day, sentence)
        })
        .collect()
}

/// How many days after the last one a reporter may still be quiet.
fn allowed(activity: &ReporterActivity, thresholds: &Thresholds) -> Option<i64> {
    /// Reports come at most so many days late.
    const LATEST: i64 = 30;
    let (_, middle, longest) = activity.gaps()?;
    let received = Day::of(activity.last_received_at);
    let late = received.number().saturating_sub(activity.last_day.number()).clamp(1, LATEST);
    let gap = middle.saturating_mul(i64::from(thresholds.times_gap)).max(longest);
    Some(gap.saturating_add(late).saturating_add(1))
}

/// Twice the median; 0 of nothing.
fn twice_median(numbers: impl Iterator<Item = u64>) -> u64 {
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    let half = numbers.len() / 2;
    let upper = numbers.get(half).copied().unwrap_or_default();
    let lower = if numbers.len().is_multiple_of(2) {
        half.checked_sub(1).and_then(|at| numbers.get(at)).copied().unwrap_or_default()
    } else {
        upper
    };
    lower.saturating_add(upper)
}

fn shown(bounds: Bounds) -> String {
    match bounds.exact() {
        Some(number) => number.to_string(),
        None => format!("{} to {}", bounds.lower, bounds.upper),
    }
}

/// Half of each bound.
fn halves(bounds: Bounds) -> String {
    let half = |twice: u64| match twice % 2 {
        0 => (twice / 2).to_string(),
        _ => format!("{}.5", twice / 2),
    };
    match bounds.exact() {
        Some(twice) => half(twice),
        None => format!("{} to {}", half(bounds.lower), half(bounds.upper)),
    }
}

impl Anomaly {
    fn new(
        cause: &'static Cause,
        kind: AnomalyKind,
        certainty: Certainty,
        domain: Option<DomainName>,
        day: Day,
        sentence: String,
    ) -> Self {
        let severity = match certainty {
            Certainty::Certain => cause.severity,
            Certainty::Possible => cause.severity.min(Severity::Warning),
        };
        Self { kind, cause, severity, certainty, domain, day, sentence }
    }
}
