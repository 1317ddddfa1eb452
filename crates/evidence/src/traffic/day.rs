//! A day of UTC.

use std::{borrow::Cow, fmt, str::FromStr};

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Seconds of a day.
const SECONDS: i64 = 86_400;
/// 9999-12-31.
const LAST: i32 = 2_932_896;

/// A day of UTC, between 1970-01-01 and 9999-12-31. Its text is the date: `2026-11-26`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

/// The text is no date from 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DayError;

impl Day {
    /// The day that is so many days after 1970-01-01; the nearest one where there is none.
    pub fn new(days: i64) -> Self {
        Self(i32::try_from(days.clamp(0, i64::from(LAST))).unwrap_or(LAST))
    }

    /// The day of a time in seconds since 1970; the nearest one where there is none.
    pub fn of(seconds: i64) -> Self {
        Self::new(seconds.div_euclid(SECONDS))
    }

    /// Days since 1970-01-01.
    pub fn number(self) -> i64 {
        i64::from(self.0)
    }

    /// When it begins, in seconds since 1970.
    pub fn begins_at(self) -> i64 {
        self.number() * SECONDS
    }

    /// The day so many days later, or earlier if the number is negative.
    #[must_use]
    pub fn plus(self, days: i64) -> Self {
        Self::new(self.number().saturating_add(days))
    }

    fn date(self) -> Date {
        let first = jiff::civil::date(1970, 1, 1);
        first.saturating_add(jiff::Span::new().days(self.0))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date().fmt(f)
    }
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        // Other notations of a date exist; one is enough.
        let is_plain = text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
        let date: Date = text.parse().map_err(|_| DayError)?;
        let first = jiff::civil::date(1970, 1, 1);
        let days = first.until(date).map_err(|_| DayError)?.get_days();
        let day = Self::new(i64::from(days));
        if is_plain && day.date() == date { Ok(day) } else { Err(DayError) }
    }
}

impl fmt::Display for DayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("read the day: it is a date like 2026-11-26, from 1970 on")
    }
}

impl std::error::Error for DayError {}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "description": "A day of UTC.", "type": "string", "format": "date" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (86_399, "1970-01-01"),
            (86_400, "1970-01-02"),
            (1_795_651_200, "2026-11-26"),
            (1_709_164_800, "2024-02-29"),
            (-1, "1970-01-01"),
            (i64::MIN, "1970-01-01"),
            (i64::MAX, "9999-12-31"),
        ] {
            let day = Day::of(seconds);
            assert_eq!(day.to_string(), text, "{seconds}");
            assert_eq!(text.parse(), Ok(day), "{seconds}");
            assert_eq!(Day::of(day.begins_at()), day, "{seconds}");
            assert_eq!(serde_json::to_string(&day).unwrap(), format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Day>(&format!("\"{text}\"")).unwrap(), day);
        }
        assert_eq!(Day::new(10).plus(-11), Day::new(0));
        assert_eq!(Day::new(i64::MAX), "9999-12-31".parse().unwrap());
        assert_eq!(Day::new(i64::from(LAST)).plus(i64::MAX).to_string(), "9999-12-31");
    }

    #[test]
    fn other_texts_are_no_day() {
        for bad in ["", "2026-02-30", "1969-12-31", "20261126", "2026-11-26T00:00:00", "-026-1-01"]
        {
            assert_eq!(bad.parse::<Day>(), Err(DayError), "{bad}");
        }
    }
}
