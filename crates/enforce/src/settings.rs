//! Bounds.

use std::time::Duration;

/// The bounds of an enforcer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long an answer may take: 3 seconds. A domain about which nothing is known by then is
    /// treated as one without MTA-STS (RFC 8461 §3.3), while the work goes on beside it.
    pub deadline: Duration,
    /// How many records may be looked up at a time: 512. Others wait their turn.
    pub look_ups: usize,
    /// How many policies may be fetched at a time: 256. Others wait their turn.
    pub fetches: usize,
    /// How many domains without a policy that applies are remembered: 100,000. Those with one are
    /// all remembered.
    pub without_policy: usize,
    /// How long a connection may lie idle between two requests: an hour.
    pub idle: Duration,
    /// How long a client may pause within a request, or before it takes a reply: 30 seconds.
    pub transfer: Duration,
    /// How long saving may still take when everything stops: 5 seconds.
    pub grace: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(3),
            look_ups: 512,
            fetches: 256,
            without_policy: 100_000,
            idle: Duration::from_hours(1),
            transfer: Duration::from_secs(30),
            grace: Duration::from_secs(5),
        }
    }
}
