//! When a certificate is renewed, and when a failed try is repeated.

/// Two thirds of a lifetime pass before a certificate is renewed, if the authority says nothing.
const SHARE: (i64, i64) = (2, 3);
/// What is always left of it, in parts of a lifetime.
const RESERVE: i64 = 6;
/// What always passes of it, in parts, unless the authority is in a hurry.
const FIRST: i64 = 3;
/// The first wait after a failure, and the longest, in seconds.
const WAITS: (i64, i64) = (60, 6 * 3_600);
/// Between two questions for renewal information, in seconds, whatever the authority says.
const QUESTIONS: (i64, i64) = (60, 86_400);

/// When to renew a certificate of this lifetime, in seconds since 1970. What the authority suggests
/// counts, but not beyond the last sixth of the lifetime: a certificate that runs out helps nobody.
pub(super) fn renewal(not_before: i64, not_after: i64, suggested: Option<i64>) -> i64 {
    let lifetime = not_after.saturating_sub(not_before).max(0);
    let (part, parts) = SHARE;
    let usual = not_before.saturating_add(lifetime / parts * part);
    let latest = not_after.saturating_sub(lifetime / RESERVE);
    suggested.unwrap_or(usual).min(latest)
}

/// How long to wait after so many failures in a row, in seconds. `seed` spreads those that failed
/// together.
pub(super) fn wait(failures: u64, seed: u64) -> i64 {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(u32::MAX).min(10);
    let wait = (WAITS.0 << doublings).min(WAITS.1);
    let spread = i64::try_from(seed % 16).unwrap_or(0);
    wait + wait * spread / 64
}

/// When to renew by a window that the authority suggests. One that is over means at once; else a
/// third of the lifetime passes first, so that an odd window makes nobody renew without end.
pub(super) fn suggested(window: (i64, i64), valid: (i64, i64), now: i64, seed: u64) -> i64 {
    let ((start, end), (not_before, not_after)) = (window, valid);
    if end <= now {
        return now;
    }
    let first = not_after.saturating_sub(not_before).max(0) / FIRST;
    within(start, end, seed).max(not_before.saturating_add(first))
}

/// A moment of a window, the same for the same seed.
fn within(start: i64, end: i64, seed: u64) -> i64 {
    let length = u64::try_from(end.saturating_sub(start)).unwrap_or(0).max(1);
    start.saturating_add(i64::try_from(seed % length).unwrap_or(0))
}

/// When to ask for renewal information again.
pub(super) fn next_question(now: i64, after: u64) -> i64 {
    let (least, most) = QUESTIONS;
    now.saturating_add(i64::try_from(after).unwrap_or(most).clamp(least, most))
}

/// A number that is always the same for a name, and different for most.
pub(super) fn seed(name: &str) -> u64 {
    // FNV-1a: it need not be hard to foresee.
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewal_comes_at_two_thirds_or_when_the_authority_says_so() {
        for (lifetime, suggested, expected) in [
            (90 * 86_400, None, 60 * 86_400),
            (120, None, 80),
            (6 * 86_400, None, 4 * 86_400),
            (120, Some(50), 50),
            (120, Some(119), 100), // too late for us
            (120, Some(-7), -7),   // at once: it will be revoked
            (0, None, 0),
        ] {
            assert_eq!(renewal(0, lifetime, suggested), expected, "{lifetime} {suggested:?}");
        }
    }

    #[test]
    fn a_window_that_is_over_means_at_once_and_an_odd_one_does_not() {
        let (day, valid) = (86_400, (0, 120));
        assert_eq!(suggested((-day, -1), valid, 5, 7), 5, "the certificate will be revoked");
        assert_eq!(suggested((70, 80), valid, 5, 7), 77);
        // A window of two days for a certificate of two minutes.
        assert_eq!(suggested((80 - day, 80 + day), valid, 5, 7), 40);
    }

    #[test]
    fn waits_grow_and_end_growing() {
        assert_eq!([1, 2, 3, 4].map(|failures| wait(failures, 0)), [60, 120, 240, 480]);
        assert_eq!(wait(u64::MAX, 0), 6 * 3_600);
        assert!((60..76).contains(&wait(1, 15)));
    }

    #[test]
    fn a_moment_of_a_window_lies_in_it() {
        for seed in [0, 1, 99, u64::MAX] {
            assert!((100..200).contains(&within(100, 200, seed)), "{seed}");
            assert_eq!(within(100, 100, seed), 100);
            assert_eq!(within(100, 50, seed), 100, "{seed}");
        }
    }
}
