//! Deadlines and limits.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

/// How long to wait for what. In a file: seconds, whole or not, from 0.001 to 3600.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Deadlines {
    /// One DNS question, with all its repetitions at all resolvers; 10 s.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64", range(min = 0.001, max = 3600), extend("default" = 10))]
    pub dns: Duration,
    /// One TCP connection; 10 s.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64", range(min = 0.001, max = 3600), extend("default" = 10))]
    pub connect: Duration,
    /// One TLS handshake; 10 s.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64", range(min = 0.001, max = 3600), extend("default" = 10))]
    pub tls: Duration,
    /// One GET from connecting to the last octet; 20 s. RFC 8461 §3.3 suggests that senders wait a
    /// minute; who looks on wants to know sooner.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64", range(min = 0.001, max = 3600), extend("default" = 20))]
    pub https: Duration,
    /// One SMTP reply; 30 s, since some servers make strangers wait for the greeting.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64", range(min = 0.001, max = 3600), extend("default" = 30))]
    pub smtp_reply: Duration,
    /// One SMTP dialogue; 60 s.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64", range(min = 0.001, max = 3600), extend("default" = 60))]
    pub smtp: Duration,
    /// Everything about one domain; 120 s. What has not come by then is recorded as timed out, or,
    /// if it was not even begun, as not tried.
    #[serde(deserialize_with = "seconds")]
    #[schemars(with = "f64", range(min = 0.001, max = 3600), extend("default" = 120))]
    pub domain: Duration,
}

/// How much to take. In a file and in code: from 1 to 64 each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// MX hosts looked at, those of lowest preference first; 16.
    #[serde(deserialize_with = "count")]
    #[schemars(range(min = 1, max = 64))]
    pub mail_hosts: usize,
    /// Addresses connected to for each host, both families in turn; 16.
    #[serde(deserialize_with = "count")]
    #[schemars(range(min = 1, max = 64))]
    pub addresses: usize,
    /// Connections open at once for each host; 8.
    #[serde(deserialize_with = "count")]
    #[schemars(range(min = 1, max = 64))]
    pub parallel: usize,
}

impl Limits {
    /// The limits, each brought into its bounds.
    pub(crate) fn within_bounds(self) -> Self {
        let bound = |count: usize| count.clamp(1, 64);
        Self {
            mail_hosts: bound(self.mail_hosts),
            addresses: bound(self.addresses),
            parallel: bound(self.parallel),
        }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            dns: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            tls: Duration::from_secs(10),
            https: Duration::from_secs(20),
            smtp_reply: Duration::from_secs(30),
            smtp: Duration::from_secs(60),
            domain: Duration::from_secs(120),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { mail_hosts: 16, addresses: 16, parallel: 8 }
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    if (0.001..=3600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(serde::de::Error::custom("a deadline is a number of seconds from 0.001 to 3600"))
    }
}

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    let count = usize::deserialize(deserializer)?;
    if (1..=64).contains(&count) {
        Ok(count)
    } else {
        Err(serde::de::Error::custom("a limit is a number from 1 to 64"))
    }
}
