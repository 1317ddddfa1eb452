//! Hours in which people are left in peace.

use jiff::{ToSpan as _, civil::Time, tz::TimeZone};
use sealpost_evidence::incident::Urgency;

use crate::told::time;

/// Hours of each day in which only what presses is told. What waits is told together when they are
/// over.
#[derive(Clone, Debug, PartialEq)]
pub struct QuietHours {
    /// From then on.
    pub from: Time,
    /// Until then; on the next day, if it is the earlier time.
    pub to: Time,
    /// Of which place.
    pub zone: TimeZone,
    /// What presses less waits.
    pub below: Urgency,
}

impl QuietHours {
    /// When somebody is told who would be told now.
    pub fn due(&self, now: i64, urgency: Urgency) -> i64 {
        if urgency >= self.below || self.from == self.to {
            return now;
        }
        let here = time(now).to_zoned(self.zone.clone());
        let at = here.time();
        let is_quiet = match self.from < self.to {
            true => self.from <= at && at < self.to,
            false => self.from <= at || at < self.to,
        };
        if !is_quiet {
            return now;
        }
        let day = match at < self.to {
            true => Ok(here.date()),
            false => here.date().checked_add(1.day()),
        };
        // At the end of the calendar nobody is left in peace.
        let end = day.and_then(|day| day.to_datetime(self.to).to_zoned(self.zone.clone()));
        end.map_or(now, |end| end.timestamp().as_second().max(now))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn due(from: &str, to: &str, now: &str, urgency: Urgency) -> String {
        let quiet = QuietHours {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            zone: TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap(),
            below: Urgency::Critical,
        };
        let now: Timestamp = now.parse().unwrap();
        time(quiet.due(now.as_second(), urgency)).to_string()
    }

    #[test]
    fn what_does_not_press_waits_for_the_morning_of_the_place() {
        for (from, to, now, expected) in [
            ("22:00", "06:00", "2026-01-10T20:59:59Z", "2026-01-10T20:59:59Z"), // not yet
            ("22:00", "06:00", "2026-01-10T21:00:00Z", "2026-01-11T05:00:00Z"), // in the evening
            ("22:00", "06:00", "2026-01-11T03:00:00Z", "2026-01-11T05:00:00Z"), // in the night
            ("22:00", "06:00", "2026-01-11T05:00:00Z", "2026-01-11T05:00:00Z"), // it is over
            ("22:00", "06:00", "2026-07-10T20:30:00Z", "2026-07-11T04:00:00Z"), // in summer
            ("12:00", "13:00", "2026-01-10T11:30:00Z", "2026-01-10T12:00:00Z"), // at noon
            ("12:00", "13:00", "2026-01-10T12:30:00Z", "2026-01-10T12:30:00Z"), // after it
            ("12:00", "12:00", "2026-01-10T11:30:00Z", "2026-01-10T11:30:00Z"), // no hours at all
            // The night in which the clocks go forward, over an hour that there is not.
            ("22:00", "02:30", "2026-03-28T23:00:00Z", "2026-03-29T01:30:00Z"),
        ] {
            assert_eq!(due(from, to, now, Urgency::Warning), expected, "{from} to {to} at {now}");
            assert_eq!(due(from, to, now, Urgency::Critical), now, "it presses");
        }
    }
}
