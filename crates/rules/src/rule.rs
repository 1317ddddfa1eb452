//! What a rule is.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One rule of the catalogue: what it looks for, why it matters, how to mend it.
///
/// The catalogue is the only place where these texts stand; pages, JSON and the command line are
/// made from it.
#[derive(Debug)]
pub struct Rule {
    /// The stable code, such as `STS203`. A code is never given a second meaning.
    pub code: &'static str,
    /// The stable name, such as `policy-host-unreachable`.
    pub name: &'static str,
    /// How bad a finding of this rule is.
    pub severity: Severity,
    /// The finding in a few words, for lists.
    pub title: &'static str,
    /// What follows for mail.
    pub why: &'static str,
    /// Where it is laid down: RFC and section.
    pub source: &'static str,
    /// How to mend it in general; a finding may know better.
    pub fix: &'static str,
}

/// How bad a finding is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; nothing to mend.
    Note,
    /// It could not be told. Nothing follows from it about the domain.
    Unknown,
    /// It works today, for some senders or for a while.
    Warning,
    /// It does not work, or it stops mail.
    Error,
}

impl Severity {
    /// The word for it: `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.code == other.code
    }
}

impl Eq for Rule {}
