//! How many sessions.

use std::fmt;

use serde::Serialize;

/// A number of sessions, at most [`SessionCount::MAX`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SessionCount(u64);

impl SessionCount {
    /// No session.
    pub const ZERO: Self = Self(0);

    /// 2^53 − 1, the greatest number that every reader of JSON takes in exactly (RFC 7493
    /// section 2.2).
    pub const MAX: Self = Self((1 << 53) - 1);

    /// The number as a count, unless it is above [`SessionCount::MAX`].
    pub fn new(number: u64) -> Option<Self> {
        (number <= Self::MAX.0).then_some(Self(number))
    }

    /// The number.
    pub fn value(self) -> u64 {
        self.0
    }
}

impl From<u32> for SessionCount {
    fn from(number: u32) -> Self {
        Self(number.into())
    }
}

impl From<SessionCount> for u64 {
    fn from(count: SessionCount) -> Self {
        count.0
    }
}

impl fmt::Display for SessionCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
