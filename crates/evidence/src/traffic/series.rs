//! Sessions, day by day.

use mail_domain::DomainName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Day, Reporter};

/// A number of sessions that lies between two others, which are often equal.
///
/// They differ where a report can be read in two ways: sessions that it lists under two policies
/// may be the same ones, and a report on a week does not say which day was how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Bounds {
    /// At least so many.
    pub lower: u64,
    /// At most so many; never less than `lower`.
    pub upper: u64,
}

/// What was reported of the sessions of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DayTraffic {
    /// The day of the sessions, not that of the report.
    pub day: Day,
    /// Reports whose last day this is. A report on a week counts for its last day only, so that
    /// the sum over days is the number of reports.
    pub reports: u64,
    /// Sessions that were negotiated as the policy asks.
    pub successful: Bounds,
    /// Sessions that were not.
    pub failed: Bounds,
}

/// What was reported day by day. A day that is missing was in no report: nothing is known of it,
/// which is not the same as no traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DaySeries {
    /// The policy domain; `None` for all of them together.
    #[schemars(with = "Option<String>")]
    pub domain: Option<DomainName>,
    /// The reporter; `None` for all of them together.
    pub reporter: Option<Reporter>,
    /// The days, oldest first.
    pub days: Vec<DayTraffic>,
}

impl Bounds {
    /// Exactly so many.
    pub fn exactly(count: u64) -> Self {
        Self { lower: count, upper: count }
    }

    /// Between these two, in whichever order they come.
    pub fn between(one: u64, other: u64) -> Self {
        Self { lower: one.min(other), upper: one.max(other) }
    }

    /// The number, if there is only one that it can be.
    pub fn exact(self) -> Option<u64> {
        (self.lower == self.upper).then_some(self.lower)
    }

    /// Both together, at most `u64::MAX`.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            lower: self.lower.saturating_add(other.lower),
            upper: self.upper.saturating_add(other.upper),
        }
    }
}

impl DaySeries {
    /// The sum over all days: reports, successful and failed sessions.
    pub fn total(&self) -> (u64, Bounds, Bounds) {
        let none = (0_u64, Bounds::default(), Bounds::default());
        self.days.iter().fold(none, |(reports, successful, failed), day| {
            let reports = reports.saturating_add(day.reports);
            (reports, successful.plus(day.successful), failed.plus(day.failed))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_in_order_and_never_overflow() {
        let bounds = Bounds::between(7, 4);
        assert_eq!(bounds, Bounds { lower: 4, upper: 7 });
        assert_eq!((bounds.exact(), Bounds::exactly(3).exact()), (None, Some(3)));
        let most = Bounds::exactly(u64::MAX);
        assert_eq!(most.plus(most), most);
    }

    #[test]
    fn a_series_is_summed() {
        let day = |day, reports, count| DayTraffic {
            day: Day::new(day),
            reports,
            successful: Bounds::exactly(count),
            failed: Bounds::between(1, 2),
        };
        let days = vec![day(1, 2, 10), day(3, 1, 5)];
        let series = DaySeries { domain: None, reporter: None, days };
        let total = (3, Bounds::exactly(15), Bounds { lower: 2, upper: 4 });
        assert_eq!(series.total(), total);
        let json = serde_json::to_string(&series).unwrap();
        assert_eq!(serde_json::from_str::<DaySeries>(&json).unwrap(), series);
        assert!(json.contains(r#""day":"1970-01-02""#), "{json}");
    }
}
