//! How domains in mode testing are tried, as the operator writes it.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

/// Seconds of an hour.
const HOUR: u32 = 3_600;

/// The section `[report.probe]`. Where it is missing, nobody is tried; where it is there, each key may
/// be left out.
///
/// ```toml
/// [report.probe]
/// every_hours = 6     # between two looks at one domain
/// per_hour = 120      # domains, of all
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Probing {
    /// How many hours lie between two looks at one domain: 6.
    #[schemars(range(min = 1))]
    pub every_hours: u8,
    /// How many domains are looked at in an hour: 120. They are looked at one after the other.
    #[schemars(range(min = 1, max = 3_600))]
    pub per_hour: u16,
}

impl Probing {
    /// Between two looks at one domain, in seconds; never less than an hour.
    pub(crate) fn interval(&self) -> i64 {
        i64::from(self.every_hours.max(1)).saturating_mul(i64::from(HOUR))
    }

    /// Between two domains; never less than a second.
    pub(crate) fn pause(&self) -> Duration {
        Duration::from_secs(u64::from(HOUR / u32::from(self.per_hour).clamp(1, HOUR)))
    }
}

impl Default for Probing {
    fn default() -> Self {
        Self { every_hours: 6, per_hour: 120 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_never_without_a_pause() {
        for (text, interval, pause) in [
            ("", 21_600, 30),
            ("every_hours = 0\nper_hour = 0", 3_600, 3_600),
            ("every_hours = 24\nper_hour = 60000", 86_400, 1),
        ] {
            let probing: Probing = toml::from_str(text).unwrap();
            assert_eq!(probing.interval(), interval, "{text}");
            assert_eq!(probing.pause(), Duration::from_secs(pause), "{text}");
        }
        assert!(toml::from_str::<Probing>("hourly = 1").is_err());
    }
}
