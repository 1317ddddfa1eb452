//! What the operator writes into the configuration.

use std::time::Duration;

use mail_domain::DomainName;
use schemars::JsonSchema;
use serde::Deserialize;

/// The longest interval: a week.
const MOST_HOURS: u16 = 168;
/// The most domains at a time.
const MOST_AT_ONCE: u16 = 256;

/// The section `[check]` of the configuration: how often our own domains are looked at.
///
/// ```toml
/// [check]
/// every_hours = 6
/// domains = ["example.net"]  # beside those of [receive] and [publish]
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Section {
    /// From one look at a domain to the next, in hours: 6; 0 for never, 168 at most.
    #[schemars(range(max = 168))]
    pub every_hours: u16,
    /// Domains that are looked at at the same time: 8; from 1 to 256.
    #[schemars(range(min = 1, max = 256))]
    pub at_once: u16,
    /// Domains beside those of `[receive]` and `[publish]`.
    #[schemars(with = "Vec<String>")]
    pub domains: Vec<DomainName>,
}

impl Default for Section {
    fn default() -> Self {
        Self { every_hours: 6, at_once: 8, domains: Vec::new() }
    }
}

impl Section {
    /// From one look at a domain to the next; `None` for never.
    pub fn interval(&self) -> Option<Duration> {
        let hours = u64::from(self.every_hours.min(MOST_HOURS));
        (hours > 0).then(|| Duration::from_secs(3_600 * hours))
    }

    /// Domains that are looked at at the same time.
    pub fn at_once(&self) -> usize {
        usize::from(self.at_once.clamp(1, MOST_AT_ONCE))
    }
}
