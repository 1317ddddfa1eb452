//! When a certificate's end is near.

use jiff::Timestamp;
use sealpost_evidence::Certificate;

const DAY: i64 = 86_400;

/// Does this certificate expire soon, as of `now`?
///
/// Below 30 days where it lives for 180 days or more, else below a quarter of its lifetime: a
/// certificate of 90 days is due at 22 days, one of 6 days at 36 hours. An expired one does not
/// expire soon.
pub fn expires_soon(certificate: &Certificate, now: Timestamp) -> bool {
    let lifetime =
        certificate.not_after.as_second().saturating_sub(certificate.not_before.as_second());
    let left = certificate.not_after.as_second().saturating_sub(now.as_second());
    let due = if lifetime >= 180 * DAY { 30 * DAY } else { lifetime / 4 };
    (0..due).contains(&left)
}

/// The time left, for people: "12 days", "5 hours".
pub(crate) fn time_left(certificate: &Certificate, now: Timestamp) -> String {
    let left = certificate.not_after.as_second().saturating_sub(now.as_second()).max(0);
    match left / DAY {
        0 | 1 => format!("{} hours", left / 3600),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
mod tests {
    use sealpost_evidence::Octets;

    use super::*;

    fn certificate(lifetime_days: i64) -> Certificate {
        Certificate {
            subject: String::new(),
            issuer: String::new(),
            common_name: None,
            dns_names: Vec::new(),
            not_before: Timestamp::UNIX_EPOCH,
            not_after: Timestamp::from_second(lifetime_days * DAY).unwrap(),
            key: String::new(),
            sha256: String::new(),
            der: Octets::default(),
        }
    }

    #[test]
    fn thresholds_fit_every_lifetime() {
        // lifetime in days, the last second at which it is still fine, in seconds before the end
        for (lifetime, due) in [
            (398, 30 * DAY),
            (200, 30 * DAY),
            (180, 30 * DAY),
            (100, 25 * DAY),
            (90, 22 * DAY + DAY / 2),
            (47, 47 * DAY / 4),
            (6, DAY + DAY / 2),
        ] {
            let certificate = certificate(lifetime);
            let before_end = |seconds: i64| {
                Timestamp::from_second(certificate.not_after.as_second() - seconds).unwrap()
            };
            assert!(!expires_soon(&certificate, before_end(due)), "{lifetime} days: too early");
            assert!(expires_soon(&certificate, before_end(due - 1)), "{lifetime} days: too late");
            assert!(expires_soon(&certificate, before_end(0)), "{lifetime} days: at the end");
            assert!(!expires_soon(&certificate, before_end(-1)), "{lifetime} days: expired");
        }
    }
}
