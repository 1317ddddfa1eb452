//! The time, as the caller tells it.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// 9999-12-30T22:00:00Z, the last second that every calendar library can write.
const LAST: i64 = 253_402_207_200;

/// A moment: whole seconds since 1970, up to the end of 9999. Its text is that of RFC 3339 in UTC.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(from = "i64", into = "i64")]
pub struct Time(i64);

impl Time {
    /// So many seconds after the beginning of 1970; the nearest moment where there is none.
    pub const fn at(seconds: i64) -> Self {
        if seconds < 0 {
            Self(0)
        } else if seconds > LAST {
            Self(LAST)
        } else {
            Self(seconds)
        }
    }

    /// Seconds since the beginning of 1970.
    pub const fn seconds(self) -> i64 {
        self.0
    }

    /// So much later.
    #[must_use]
    pub fn plus(self, wait: Duration) -> Self {
        let wait = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
        Self::at(self.0.saturating_add(wait))
    }

    /// How long ago `earlier` is; zero if it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        let seconds = self.0.saturating_sub(earlier.0);
        Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
    }

    /// Whole days since `earlier`; zero if it lies ahead.
    pub fn days_since(self, earlier: Self) -> u64 {
        self.since(earlier).as_secs() / 86_400
    }
}

impl From<i64> for Time {
    fn from(seconds: i64) -> Self {
        Self::at(seconds)
    }
}

impl From<Time> for i64 {
    fn from(time: Time) -> Self {
        time.0
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.0) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{} s after 1970", self.0),
        }
    }
}

/// A span of time for people: the two largest units that matter.
pub(crate) fn span(wait: Duration) -> String {
    let seconds = wait.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let unit = |count: u64, name: &str| match count {
        1 => format!("1 {name}"),
        count => format!("{count} {name}s"),
    };
    let pair = match (days, hours, minutes) {
        (0, 0, 0) => return unit(seconds, "second"),
        (0, 0, minutes) => return unit(minutes, "minute"),
        (0, hours, minutes) => [unit(hours, "hour"), (minutes, "minute").only(unit)],
        (days, hours, _) => [unit(days, "day"), (hours, "hour").only(unit)],
    };
    pair.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ")
}

/// The smaller unit is left out where it is zero.
trait Only {
    fn only(self, unit: impl Fn(u64, &str) -> String) -> String;
}

impl Only for (u64, &str) {
    fn only(self, unit: impl Fn(u64, &str) -> String) -> String {
        if self.0 == 0 { String::new() } else { unit(self.0, self.1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_stay_within_the_calendar() {
        assert_eq!(Time::at(-1), Time::at(0));
        assert_eq!(Time::at(i64::MAX).to_string(), "9999-12-30T22:00:00Z");
        assert_eq!(Time::at(i64::MAX).plus(Duration::MAX), Time::at(i64::MAX));
        assert_eq!(Time::at(1_795_651_200).to_string(), "2026-11-26T00:00:00Z");
        assert_eq!(Time::at(5).since(Time::at(9)), Duration::ZERO);
        assert_eq!((Time::at(172_799)).days_since(Time::at(0)), 1);
        assert_eq!(serde_json::from_str::<Time>("-5").unwrap(), Time::at(0));
    }

    #[test]
    fn spans_read_well() {
        for (seconds, text) in [
            (0, "0 seconds"),
            (59, "59 seconds"),
            (60, "1 minute"),
            (3_600, "1 hour"),
            (5_400, "1 hour 30 minutes"),
            (86_400, "1 day"),
            (608_400, "7 days 1 hour"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }
}
