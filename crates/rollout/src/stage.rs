//! The stages of the roll-out.

use std::{fmt, str::FromStr};

use mta_sts::{MaxAge, Mode};
use serde::{Deserialize, Serialize};

use crate::Settings;

/// How far a domain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Nothing is published.
    Nothing,
    /// The TLS-RPT record is to be published, so that reports begin to come.
    Record,
    /// A live check has to show that every MX host, and the policy host, could bear a policy.
    Prerequisites,
    /// A policy of mode testing.
    Testing,
    /// Mode enforce, remembered for a day.
    EnforceDay,
    /// Mode enforce, remembered for a week.
    EnforceWeek,
    /// Mode enforce, remembered as long as is set.
    EnforceLong,
    /// Mode none, until nobody holds anything stronger.
    Leaving,
    /// Record and policy host are gone, or may go.
    Removed,
}

impl Stage {
    /// Every stage, in the order of the way in and then out.
    pub const ALL: [Self; 9] = [
        Self::Nothing,
        Self::Record,
        Self::Prerequisites,
        Self::Testing,
        Self::EnforceDay,
        Self::EnforceWeek,
        Self::EnforceLong,
        Self::Leaving,
        Self::Removed,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Record => "record",
            Self::Prerequisites => "prerequisites",
            Self::Testing => "testing",
            Self::EnforceDay => "enforce-day",
            Self::EnforceWeek => "enforce-week",
            Self::EnforceLong => "enforce-long",
            Self::Leaving => "leaving",
            Self::Removed => "removed",
        }
    }

    /// The stage that comes next on its own; `None` where only a person goes on.
    pub const fn next(self) -> Option<Self> {
        match self {
            Self::Nothing => Some(Self::Record),
            Self::Record => Some(Self::Prerequisites),
            Self::Prerequisites => Some(Self::Testing),
            Self::Testing => Some(Self::EnforceDay),
            Self::EnforceDay => Some(Self::EnforceWeek),
            Self::EnforceWeek => Some(Self::EnforceLong),
            Self::Leaving => Some(Self::Removed),
            Self::EnforceLong | Self::Removed => None,
        }
    }

    /// Does a policy of this stage refuse mail to hosts that fail?
    pub const fn enforces(self) -> bool {
        matches!(self, Self::EnforceDay | Self::EnforceWeek | Self::EnforceLong)
    }

    /// Mode and lifetime of the policy that this stage asks for; `None` where it asks for none.
    pub fn terms(self, settings: &Settings) -> Option<(Mode, MaxAge)> {
        match self {
            Self::Nothing | Self::Record | Self::Prerequisites | Self::Removed => None,
            Self::Testing => Some((Mode::Testing, settings.testing_max_age)),
            Self::EnforceDay => Some((Mode::Enforce, settings.first_max_age)),
            Self::EnforceWeek => Some((Mode::Enforce, settings.second_max_age)),
            Self::EnforceLong => Some((Mode::Enforce, settings.long_max_age)),
            Self::Leaving => Some((Mode::None, settings.leaving_max_age)),
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Stage {
    type Err = UnknownStage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text).ok_or(UnknownStage)
    }
}

/// The text names no stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownStage;

impl fmt::Display for UnknownStage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such stage: ")?;
        let words = Stage::ALL.map(Stage::as_str);
        f.write_str(&words.join(", "))
    }
}

impl std::error::Error for UnknownStage {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_have_words_and_an_order() {
        for stage in Stage::ALL {
            assert_eq!(stage.as_str().parse(), Ok(stage));
            assert_eq!(serde_json::to_string(&stage).unwrap(), format!("\"{stage}\""));
        }
        let mut stage = Stage::Nothing;
        let mut way = vec![stage];
        while let Some(next) = stage.next() {
            stage = next;
            way.push(stage);
        }
        assert_eq!(way, Stage::ALL[..7]);
        assert_eq!(Stage::Leaving.next(), Some(Stage::Removed));
    }

    #[test]
    fn the_terms_are_those_of_the_plan() {
        let settings = Settings::default();
        let terms = Stage::ALL
            .map(|stage| stage.terms(&settings).map(|(mode, max_age)| format!("{mode} {max_age}")));
        let terms = terms.map(Option::unwrap_or_default);
        assert_eq!(
            terms,
            [
                "",
                "",
                "",
                "testing 86400",
                "enforce 86400",
                "enforce 604800",
                "enforce 1209600",
                "none 86400",
                "",
            ]
        );
    }
}
