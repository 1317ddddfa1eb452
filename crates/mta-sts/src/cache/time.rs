//! The time as the caller tells it, and every span of time in the rules.

use std::time::Duration;

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//# a suggested refresh
//# frequency is once per day.
/// A held policy is fetched again at the latest this long after its last fetch: one day. When
/// exactly is drawn between the half and the whole of it, or of half the policy's `max_age` if that
/// is shorter, so that nobody can predict the moment.
pub const LONGEST_REFRESH: Duration = Duration::from_hours(24);
/// A held policy is not fetched again sooner than this after its last fetch, however short its
/// `max_age` and whatever id the record has: five minutes. A policy that does not live so long is
/// fetched when it is needed.
pub const SHORTEST_REFRESH: Duration = Duration::from_mins(5);
/// The wait after the first failed fetch: five minutes. Each further failure doubles it.
pub const FIRST_BACKOFF: Duration = Duration::from_mins(5);
/// The wait after failed fetches grows no longer than this: four hours. (To every wait something
/// below five minutes is added, so that domains that failed together do not return together. While
/// a policy is held the wait is at most a quarter of what remains of it, but never shorter than
/// [`FIRST_BACKOFF`].)
pub const LONGEST_BACKOFF: Duration = Duration::from_hours(4);
/// The same for an id that is not the one whose fetch failed last: one hour. Owners who mend a
/// policy and change its id are heard soon, and a forger who changes ids gains little.
pub const LONGEST_BACKOFF_OF_ANOTHER_ID: Duration = Duration::from_hours(1);
/// A policy that has expired is not fetched again sooner than this after its last fetch: ten
/// seconds. It matters only for policies that live even shorter.
pub const SHORTEST_DISTANCE: Duration = Duration::from_secs(10);
/// An answer to a record look-up counts at least this long, whatever its TTL: one minute. So does
/// the lack of an answer.
pub const FRESH_AT_LEAST: Duration = Duration::from_mins(1);
/// An answer to a record look-up counts no longer than this, whatever its TTL: one hour.
pub const FRESH_AT_MOST: Duration = Duration::from_hours(1);
/// A look-up or fetch that has not been completed by then is taken as failed: two minutes, twice
/// the time-out that RFC 8461 §3.3 suggests for a fetch.
pub const FLIGHT_LIMIT: Duration = Duration::from_mins(2);
/// A policy that nobody asked for during this time is no longer refreshed, only left to expire:
/// 180 days.
pub const UNUSED_LIMIT: Duration = Duration::from_hours(180 * 24);

/// By how many seconds the wall clock may leave the saved time of a fetch before that is corrected.
pub(super) const WALL_TOLERANCE: u64 = 600;
/// After a restart, fetches that are overdue are spread over this time.
pub(super) const RESTART_SPREAD: Duration = Duration::from_hours(1);

/// The time by two clocks, read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Seconds since 1970-01-01T00:00:00Z. It may step, forward and backwards: only what is saved
    /// depends on it.
    pub wall: i64,
    /// Time since any start, the same for all calls in one process. It never goes back.
    pub monotonic: Duration,
}

impl Now {
    /// The wall clock so long ago.
    pub(super) fn wall_before(self, age: Duration) -> i64 {
        self.wall.saturating_sub(i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
    }

    /// How long ago that was by the wall clock; zero if it lies in the future.
    pub(super) fn since(self, wall: i64) -> Duration {
        Duration::from_secs(u64::try_from(self.wall.saturating_sub(wall)).unwrap_or(0))
    }

    /// The monotonic clock so much later.
    pub(super) fn after(self, wait: Duration) -> Duration {
        self.monotonic.saturating_add(wait)
    }
}

/// A moment by the monotonic clock, in nanoseconds: half as large as a [`Duration`], for an entry holds
/// several and a sender many entries. It is exact for 584 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

impl Moment {
    pub(super) const START: Self = Self(0);
}

impl From<Duration> for Moment {
    fn from(monotonic: Duration) -> Self {
        Self(u64::try_from(monotonic.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Moment> for Duration {
    fn from(Moment(nanoseconds): Moment) -> Self {
        Self::from_nanos(nanoseconds)
    }
}

/// What makes the moments of one entry unpredictable: a seed and what follows from it.
///
/// Draw the seed from a good source, anew for every entry, new or restored: refreshes are then
/// spread over time, an attacker cannot know when to block one, and a completion that belongs to an
/// earlier entry of the same domain is not taken for one of this.
#[derive(Clone)]
pub struct Jitter(u64);

impl Jitter {
    /// Jitter from 64 random bits.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits (SplitMix64).
    pub(super) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Some part of a span of time, evenly distributed; whole milliseconds, less than `span`.
    pub(super) fn part_of(&mut self, span: Duration) -> Duration {
        // Below 2^32 times a span that is below 2^32 ms (49 days): no overflow, and no rounding up.
        let milliseconds = u64::try_from(span.as_millis()).unwrap_or(u64::MAX).min(1 << 31);
        Duration::from_millis((milliseconds * (self.bits() >> 32)) >> 32)
    }
}

impl std::fmt::Debug for Jitter {
    /// Without the seed: who reads a log need not know when the next refresh is.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Jitter")
    }
}
