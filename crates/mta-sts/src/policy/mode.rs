//! The mode of a policy.

use std::{fmt, str::FromStr};

/// What a sender does when a policy fails to validate, RFC 8461 §5.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// No delivery to hosts that fail.
    Enforce,
    /// Delivery as without a policy; failures are reported.
    Testing,
    /// As without a policy. This replaces a stronger policy that senders may hold.
    None,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Enforce => "enforce",
            Self::Testing => "testing",
            Self::None => "none",
        })
    }
}

impl FromStr for Mode {
    type Err = ModeError;

    /// Reads `enforce`, `testing` or `none`, in exactly this case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "enforce" => Ok(Self::Enforce),
            "testing" => Ok(Self::Testing),
            "none" => Ok(Self::None),
            _ => Err(ModeError),
        }
    }
}

/// The text is not a mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mode: write enforce, testing or none, in lower case")]
pub struct ModeError;
