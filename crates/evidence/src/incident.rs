//! What makes an incident weigh: how much it presses, and what speaks for it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much an incident presses.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Urgency {
    /// A person may want to know.
    Note,
    /// Somebody should look at it one of these days.
    Warning,
    /// Mail waits, or will soon.
    Critical,
}

/// What speaks for an incident.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Reports that somebody vouches for.
    Reports,
    /// What was seen from here.
    Look,
    /// The one and the other.
    Both,
}

impl Urgency {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Note, Self::Warning, Self::Critical];

    /// The word for it: `warning`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// The one that this word is for.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|urgency| urgency.as_str() == word)
    }
}

impl Basis {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reports, Self::Look, Self::Both];

    /// The word for it: `reports`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reports => "reports",
            Self::Look => "look",
            Self::Both => "both",
        }
    }

    /// The one that this word is for.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|basis| basis.as_str() == word)
    }

    /// What speaks for it if this and that do.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        if self == other { self } else { Self::Both }
    }
}

impl fmt::Display for Urgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Reports => "reports that somebody vouches for",
            Self::Look => "what was seen from here",
            Self::Both => "reports, and what was seen from here",
        })
    }
}
