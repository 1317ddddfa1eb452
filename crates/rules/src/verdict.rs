//! What happens to mail for a domain.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What happens to mail for the domain at a sender that honours MTA-STS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A policy is enforced and every MX host passes it.
    Enforced,
    /// A policy is in mode testing: failures are reported, mail is delivered all the same.
    Testing,
    /// A policy is enforced and at least one MX host would be refused.
    Failing,
    /// A policy in mode none takes MTA-STS away.
    Off,
    /// There is a record, or an attempt at one, and no usable policy: senders act as without.
    Broken,
    /// There is no MTA-STS.
    Absent,
    /// The domain takes no mail.
    NoMail,
    /// It could not be told.
    Unknown,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 8] = [
        Self::Enforced,
        Self::Testing,
        Self::Failing,
        Self::Off,
        Self::Broken,
        Self::Absent,
        Self::NoMail,
        Self::Unknown,
    ];

    /// The word for it: `no-mail`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Testing => "testing",
            Self::Failing => "failing",
            Self::Off => "off",
            Self::Broken => "broken",
            Self::Absent => "absent",
            Self::NoMail => "no-mail",
            Self::Unknown => "unknown",
        }
    }

    /// What it means, as a sentence for people.
    pub fn summary(self) -> &'static str {
        match self {
            Self::Enforced => {
                "Senders that honour MTA-STS deliver only over verified TLS, and every MX host passes."
            }
            Self::Testing => {
                "Senders report what fails and deliver all the same: nothing is protected yet."
            }
            Self::Failing => {
                "The policy is enforced and at least one MX host does not satisfy it: senders that \
                 honour MTA-STS do not deliver there."
            }
            Self::Off => "The policy is in mode none: senders act as if there were no MTA-STS.",
            Self::Broken => {
                "MTA-STS is set up but can't be used: senders act as if there were none, unless \
                 they hold an earlier policy."
            }
            Self::Absent => {
                "There is no MTA-STS: mail to this domain can be read and redirected on its way."
            }
            Self::NoMail => "The domain takes no mail.",
            Self::Unknown => "It could not be told; see what was not answered.",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
