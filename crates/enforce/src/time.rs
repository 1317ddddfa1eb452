//! The time for cache entries, and what makes their moments unpredictable.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU64, Ordering},
};

use std::time::Duration;

use mta_sts::cache::{Jitter, Now};
use sealpost_runtime::{Age, Clock, TickStopwatch};

/// Both clocks, read together.
#[derive(Debug)]
pub(crate) struct Time {
    clock: Clock,
    /// Started before the other, so that it is never behind it.
    ticks: TickStopwatch,
    /// Under a steered clock what is remembered ages with that.
    since_start: Age,
    /// Keyed by the system's randomness.
    seeds: RandomState,
    drawn: AtomicU64,
}

impl Time {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            ticks: TickStopwatch::start(),
            since_start: clock.age(),
            clock,
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
        self.ticks.elapsed_at_most().max(self.since_start.set_forward())
    }

    /// A new seed: a keyed hash of a counter, which nobody can predict who does not know the key.
    pub(crate) fn jitter(&self) -> Jitter {
        Jitter::new(self.seeds.hash_one(self.drawn.fetch_add(1, Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn what_is_remembered_ages_when_a_steered_clock_is_set_forward() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (clock, hand) = Clock::steered(at(0));
        let (steered, own) = (Time::new(clock), Time::new(Clock::simulated(at(0))));
        hand.set_forward(at(3_600));
        let hour = Duration::from_secs(3_600);
        assert!(steered.now().monotonic >= hour && steered.at_latest() >= hour);
        // As it is with every other clock.
        assert!(own.now().monotonic < hour && own.at_latest() < hour);
    }
}
