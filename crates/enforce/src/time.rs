//! The time for cache entries, and what makes their moments unpredictable.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use std::time::Duration;

use mta_sts::cache::{Jitter, Now};
use sealpost_runtime::{Clock, Stopwatch, TickStopwatch};

/// Both clocks, read together.
#[derive(Debug)]
pub(crate) struct Time {
    clock: Clock,
    /// Started before the other, so that it is never behind it.
    ticks: TickStopwatch,
    since_start: Stopwatch,
    /// Keyed by the system's randomness.
    seeds: RandomState,
    drawn: AtomicU64,
}

impl Time {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            ticks: TickStopwatch::start(),
            since_start: Stopwatch::start(),
            seeds: RandomState::new(),
            drawn: AtomicU64::new(0),
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now { wall: self.clock.now().as_second(), monotonic: self.since_start.elapsed() }
    }

    /// The monotonic one shows no more than this, but for moments in which the machine is held up,
    /// and not much less. To read it costs much less.
    pub(crate) fn at_latest(&self) -> Duration {
        self.ticks.elapsed_at_most()
    }

    /// A new seed: a keyed hash of a counter, which nobody can predict who does not know the key.
    pub(crate) fn jitter(&self) -> Jitter {
        Jitter::new(self.seeds.hash_one(self.drawn.fetch_add(1, Ordering::Relaxed)))
    }
}
