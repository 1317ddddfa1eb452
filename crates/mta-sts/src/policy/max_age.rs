//! The lifetime of a policy.

use std::{fmt, time::Duration};

/// How long a sender may use a policy after it last fetched it: 0 to 31,557,600 seconds (a year of
/// 365.25 days), RFC 8461 §3.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MaxAge(u32);

impl MaxAge {
    /// The longest lifetime, 31,557,600 seconds.
    pub const MAX: Self = Self(31_557_600);

    /// A lifetime in seconds; `None` above [`MAX`](Self::MAX).
    pub const fn from_secs(seconds: u32) -> Option<Self> {
        if seconds <= Self::MAX.0 { Some(Self(seconds)) } else { None }
    }

    /// A lifetime in seconds, at most [`MAX`](Self::MAX).
    pub fn clamped_from_secs(seconds: u64) -> Self {
        u32::try_from(seconds).ok().and_then(Self::from_secs).unwrap_or(Self::MAX)
    }

    /// The lifetime in seconds.
    pub const fn as_secs(self) -> u32 {
        self.0
    }

    /// The lifetime as a duration, for arithmetic with times.
    pub const fn as_duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

impl fmt::Display for MaxAge {
    /// Seconds, as in a policy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
