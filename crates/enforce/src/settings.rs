//! Bounds, and what the operator wants in general.

use std::time::Duration;

use sealpost_rules::matrix::OperatorLevel;

use crate::{Exception, Treatment};

/// The bounds of an enforcer, and what its answers are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether answers are given or only recorded.
    pub mode: Mode,
    /// The level at which the mail server delivers by itself. No answer asks for less.
    pub level: OperatorLevel,
    /// How long an answer may take: 3 seconds. A domain about which nothing is known by then is
    /// treated as one without MTA-STS (RFC 8461 §3.3), while the work goes on beside it; where DANE
    /// is not known by then, mail waits.
    pub deadline: Duration,
    /// How many records may be looked up at a time, and how many next hops for DANE: 512 each.
    /// Others wait their turn.
    pub look_ups: usize,
    /// How many policies may be fetched at a time: 256. Others wait their turn.
    pub fetches: usize,
    /// How many more look-ups of records may wait that have taken over a second: 4,096; a quarter of
    /// that for fetches, and for next hops, which may have many hosts. So a stranger's name servers
    /// that say nothing delay nobody else, as long as fewer than thirty of their domains are asked
    /// about each second; each is given up after 30 seconds.
    pub slow: usize,
    /// How many domains without a policy that applies are remembered: 100,000. Those with one are
    /// all remembered.
    pub without_policy: usize,
    /// How many next hops are remembered with what DANE says of them: 50,000.
    pub next_hops: usize,
    /// How long a connection may lie idle between two requests: an hour.
    pub idle: Duration,
    /// How long a client may pause within a request, or before it takes a reply: 30 seconds.
    pub transfer: Duration,
    /// How long saving may still take when everything stops: 5 seconds.
    pub grace: Duration,
}

/// Whether answers are given or only recorded.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// They are given.
    #[default]
    Enforce,
    /// Nothing is ever found, and what would have been answered is recorded.
    Observe,
}

impl Mode {
    /// The mode for a domain with this exception.
    pub(crate) fn under(self, exception: Option<&Exception>) -> Self {
        match exception.map(|exception| &exception.treatment) {
            Some(Treatment::Observe) => Self::Observe,
            Some(Treatment::Enforce) => Self::Enforce,
            _ => self,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            mode: Mode::Enforce,
            level: OperatorLevel::Unknown,
            deadline: Duration::from_secs(3),
            look_ups: 512,
            fetches: 256,
            slow: 4_096,
            without_policy: 100_000,
            next_hops: 50_000,
            idle: Duration::from_hours(1),
            transfer: Duration::from_secs(30),
            grace: Duration::from_secs(5),
        }
    }
}
