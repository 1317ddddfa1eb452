//! The numbers that a person may set.

use std::time::Duration;

use mta_sts::MaxAge;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// How much is done without being asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Autonomy {
    /// Moves whose gate is open are made.
    Auto,
    /// They are proposed, with the command that makes them.
    #[default]
    Propose,
    /// Only what is waited for is told.
    Manual,
}

/// What has to be seen before a stage is left. Each number may be set to zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Gate {
    /// Whole days during which what the stage asks for was live without interruption.
    pub days: u32,
    /// Reporters whose reports count.
    pub reporters: u32,
    /// Sessions that they reported while the domain was in the stage.
    pub sessions: u64,
    /// Of a million sessions of the window, so many may have failed for reasons that are ours.
    pub failures_per_million: u32,
}

/// What leads a domain on, and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How much is done without being asked: `propose`.
    pub autonomy: Autonomy,
    /// The way out of testing: 21 days, 2 reporters, 100 sessions, 1,000 in a million.
    pub testing: Gate,
    /// The way from one enforce stage to the next: 7 days, 1 reporter, 1 session, 1,000 in a
    /// million.
    pub enforce: Gate,
    /// The days before today over which the share of failures is taken: 7. Whoever assembles
    /// [`Facts`](crate::Facts) goes by it.
    pub window_days: u32,
    /// A live check that is older than so many hours says nothing: 24.
    pub check_hours: u32,
    /// So many live checks in a row must see a fault of our own before it moves a domain back: 2.
    pub confirmations: u32,
    /// A kind of failure that a person lives with is open again after so many days: 90.
    pub accepted_days: u32,
    /// `max_age` in testing, in seconds: 86400.
    #[serde(with = "seconds")]
    #[schemars(with = "u32")]
    pub testing_max_age: MaxAge,
    /// `max_age` in the first enforce stage: 86400.
    #[serde(with = "seconds")]
    #[schemars(with = "u32")]
    pub first_max_age: MaxAge,
    /// `max_age` in the second: 604800.
    #[serde(with = "seconds")]
    #[schemars(with = "u32")]
    pub second_max_age: MaxAge,
    /// `max_age` in the last, and thus from then on: 1209600.
    #[serde(with = "seconds")]
    #[schemars(with = "u32")]
    pub long_max_age: MaxAge,
    /// `max_age` of the policy of mode none: 86400.
    #[serde(with = "seconds")]
    #[schemars(with = "u32")]
    pub leaving_max_age: MaxAge,
}

impl Settings {
    /// How old a live check may be.
    pub fn check_age(&self) -> Duration {
        Duration::from_secs(u64::from(self.check_hours).saturating_mul(3_600))
    }
}

impl Default for Gate {
    /// The way out of testing.
    fn default() -> Self {
        Self { days: 21, reporters: 2, sessions: 100, failures_per_million: 1_000 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let max_age = |seconds| MaxAge::clamped_from_secs(seconds);
        Self {
            autonomy: Autonomy::default(),
            testing: Gate::default(),
            enforce: Gate { days: 7, reporters: 1, sessions: 1, failures_per_million: 1_000 },
            window_days: 7,
            check_hours: 24,
            confirmations: 2,
            accepted_days: 90,
            testing_max_age: max_age(86_400),
            first_max_age: max_age(86_400),
            second_max_age: max_age(604_800),
            long_max_age: max_age(1_209_600),
            leaving_max_age: max_age(86_400),
        }
    }
}

/// A lifetime as a number of seconds.
mod seconds {
    use super::*;

    pub(super) fn serialize<S: Serializer>(max_age: &MaxAge, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(max_age.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<MaxAge, D::Error> {
        let seconds = u32::deserialize(from)?;
        MaxAge::from_secs(seconds)
            .ok_or_else(|| D::Error::custom("max_age is at most 31557600 seconds"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_people_write_them() {
        let text = "autonomy = \"auto\"\nlong_max_age = 2592000\n\
                    testing = { days = 3, reporters = 1, sessions = 5, failures_per_million = 0 }\n";
        let settings: Settings = toml::from_str(text).unwrap();
        assert_eq!(settings.autonomy, Autonomy::Auto);
        assert_eq!(settings.long_max_age.as_secs(), 2_592_000);
        assert_eq!(settings.testing.days, 3);
        assert_eq!(settings.enforce, Settings::default().enforce);
        for bad in ["autonomi = 1", "long_max_age = 31557601", "testing = { day = 3 }"] {
            assert!(toml::from_str::<Settings>(bad).is_err(), "{bad}");
        }
    }
}
