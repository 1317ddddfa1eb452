//! When a report is sent, and when again (RFC 8460 sections 4.1 and 5.5).

use std::time::Duration;

/// When to send a report, and when again after a failure. Times are seconds since 1970.
///
/// The same seed gives the same times, so that a process that was ended and started again keeps to
/// them; reports of one night need different seeds, such as a digest of report and destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySchedule {
    /// The first attempts are spread over so long: 4 hours.
    pub spread: Duration,
    /// How long after the first failure it is tried again, about: 5 minutes. Each further wait is
    /// twice as long.
    pub first_wait: Duration,
    /// The longest wait, about: 4 hours.
    pub longest_wait: Duration,
    /// How long after the first attempt there are others: 24 hours.
    pub lifetime: Duration,
}

impl Default for RetrySchedule {
    fn default() -> Self {
        Self {
            spread: Duration::from_hours(4),
            first_wait: Duration::from_mins(5),
            longest_wait: Duration::from_hours(4),
            lifetime: Duration::from_hours(24),
        }
    }
}

impl RetrySchedule {
    /// When the first attempt is due: within [`RetrySchedule::spread`] from `ready_at`.
    pub fn first_attempt(&self, ready_at: i64, seed: u64) -> i64 {
        ready_at.saturating_add(whole(part_of(self.spread, mixed(seed))))
    }

    /// Until when a report that was first tried at this time is tried again.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-5.5
    //# In the event of a delivery failure, regardless of the delivery
    //# method, a sender SHOULD attempt redelivery for up to 24 hours after
    //# the initial attempt.
    pub fn expires_at(&self, first_tried_at: i64) -> i64 {
        first_tried_at.saturating_add(whole(self.lifetime))
    }

    /// When the next attempt is due, after so many that failed, the last one now. `None` if it would
    /// be after `expires_at`: the report has expired.
    ///
    /// Between three quarters and five quarters of the wait are waited, so that reports that failed
    /// together do not come again together; and at least as long as the other side wants
    /// (`asked`).
    //= https://www.rfc-editor.org/rfc/rfc8460#section-5.5
    //# If
    //# multiple retries are attempted, ideally they SHOULD be done with
    //# exponential backoff.
    pub fn next_attempt(
        &self,
        failed: u32,
        now: i64,
        expires_at: i64,
        asked: Option<Duration>,
        seed: u64,
    ) -> Option<i64> {
        let doublings = failed.saturating_sub(1).min(31);
        let wait = self.first_wait.saturating_mul(1 << doublings).min(self.longest_wait);
        let random = mixed(seed ^ u64::from(failed).rotate_left(32));
        let wait = (wait - wait / 4).saturating_add(part_of(wait / 2, random));
        let wait = wait.max(asked.unwrap_or_default()).max(Duration::from_secs(1));
        let next = now.saturating_add(whole(wait));
        (next <= expires_at).then_some(next)
    }
}

/// A part of a duration, evenly spread over all numbers, in whole seconds.
fn part_of(duration: Duration, random: u64) -> Duration {
    let product = u128::from(duration.as_secs()) * u128::from(random);
    Duration::from_secs(u64::try_from(product >> 64).unwrap_or_default())
}

fn whole(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}

/// Numbers that are far from each other for seeds that are near (the finaliser of SplitMix64).
fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SCHEDULE: fn() -> RetrySchedule = RetrySchedule::default;
    const HOUR: i64 = 3_600;

    /// The attempts of a report that fails each time, in seconds after it was ready.
    fn attempts(seed: u64) -> Vec<i64> {
        let schedule = SCHEDULE();
        let first = schedule.first_attempt(0, seed);
        let (mut attempts, mut now, mut failed) = (vec![first], first, 0);
        loop {
            failed += 1;
            match schedule.next_attempt(failed, now, schedule.expires_at(first), None, seed) {
                Some(next) => {
                    attempts.push(next);
                    now = next;
                }
                None => return attempts,
            }
        }
    }

    #[test]
    fn the_first_attempts_are_spread_evenly() {
        let mut quarters = [0; 4];
        for seed in 0..4_000 {
            let first = SCHEDULE().first_attempt(0, seed);
            assert!((0..4 * HOUR).contains(&first));
            quarters[usize::try_from(first / HOUR).unwrap()] += 1;
        }
        assert!(quarters.iter().all(|count| (850..1_150).contains(count)), "{quarters:?}");
    }

    #[test]
    fn what_the_other_side_asks_for_is_kept() {
        let next = |asked: u64, expires_at| {
            let asked = Some(Duration::from_secs(asked));
            SCHEDULE().next_attempt(1, 1_000, expires_at, asked, 7)
        };
        assert_eq!(next(9_000, 100_000), Some(10_000));
        assert!(next(0, 100_000).is_some_and(|next| (1_225..=1_375).contains(&next)));
        assert_eq!(next(u64::MAX, 100_000), None);
        assert_eq!(SCHEDULE().next_attempt(1, i64::MAX, i64::MIN, None, 7), None);
    }

    proptest! {
        #[test]
        fn waits_grow_and_end_within_a_day(seed: u64) {
            let attempts = attempts(seed);
            prop_assert_eq!(&self::attempts(seed), &attempts, "the same seed, the same times");
            let (first, last) = (attempts[0], attempts[attempts.len() - 1]);
            prop_assert!(last - first <= 24 * HOUR);
            prop_assert!(last - first > 24 * HOUR - 5 * HOUR - 1, "{:?}", attempts);
            prop_assert!((9..=14).contains(&attempts.len()), "{:?}", attempts);
            let waits: Vec<i64> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let mut about = 300;
            for wait in waits {
                prop_assert!(wait * 4 >= about * 3 - 4 && wait * 4 <= about * 5, "{wait} {about}");
                about = (about * 2).min(4 * HOUR);
            }
        }

        #[test]
        fn no_number_is_too_large(failed: u32, now: i64, expires_at: i64, asked: u64, seed: u64) {
            let asked = Some(Duration::from_secs(asked));
            if let Some(next) = SCHEDULE().next_attempt(failed, now, expires_at, asked, seed) {
                prop_assert!(next >= now && next <= expires_at);
            }
            SCHEDULE().first_attempt(now, seed);
            SCHEDULE().expires_at(now);
        }
    }
}
