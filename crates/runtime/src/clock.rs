//! Wall clock and stopwatch.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};

/// A source of wall-clock time: the system's, or one that started at another moment.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Where a simulated clock began, and when that was.
    simulated: Option<(Timestamp, Instant)>,
}

/// Measures elapsed time, unmoved by changes of the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

/// Measures elapsed time as of the kernel's last tick, for a fraction of what a [`Stopwatch`] costs.
#[derive(Clone, Copy, Debug)]
pub struct TickStopwatch(Duration);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self { simulated: None }
    }

    /// A clock that shows `start` now and runs on from there.
    pub fn simulated(start: Timestamp) -> Self {
        Self { simulated: Some((start, instant_now())) }
    }

    /// The time.
    ///
    /// A simulated clock stops at the ends of the calendar rather than overflow.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Timestamp {
        match self.simulated {
            None => Timestamp::now(),
            Some((start, since)) => start.saturating_add(since.elapsed()).unwrap_or(Timestamp::MAX),
        }
    }
}

impl Stopwatch {
    /// Starts measuring.
    pub fn start() -> Self {
        Self(instant_now())
    }

    /// The time since the start.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    /// The time since the start, in whole milliseconds.
    pub fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl TickStopwatch {
    /// The longest time between two ticks: Linux has 100 a second or more.
    const TICK: Duration = Duration::from_millis(10);

    /// Starts measuring.
    pub fn start() -> Self {
        Self(last_tick())
    }

    /// The time since the start, or up to 20 ms more. It is less only while the processor that keeps
    /// the time is held up, as the host of a virtual machine may do for a moment.
    pub fn elapsed_at_most(&self) -> Duration {
        last_tick().saturating_sub(self.0).saturating_add(Self::TICK)
    }
}

/// By the clock of a [`Stopwatch`].
fn last_tick() -> Duration {
    let now = clock_gettime(ClockId::MonotonicCoarse);
    let (seconds, nanoseconds) = (u64::try_from(now.tv_sec), u32::try_from(now.tv_nsec));
    Duration::new(seconds.unwrap_or_default(), nanoseconds.unwrap_or_default())
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn instant_now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_simulated_clock_begins_where_it_is_told_and_runs_on() {
        let start: Timestamp = "2031-02-03T04:05:06Z".parse().unwrap();
        let clock = Clock::simulated(start);
        let first = clock.now();
        assert!(first >= start && first.as_second() - start.as_second() < 60, "{first}");
        std::thread::sleep(Duration::from_millis(2));
        assert!(clock.now() > first);
    }

    #[test]
    fn a_simulated_clock_does_not_overflow() {
        assert_eq!(Clock::simulated(Timestamp::MAX).now(), Timestamp::MAX);
    }

    #[test]
    fn ticks_are_hardly_ahead_and_not_left_behind() {
        let ticks = TickStopwatch::start();
        let since = Stopwatch::start();
        for _ in 0..200 {
            let before = since.elapsed();
            let at_most = ticks.elapsed_at_most();
            let after = since.elapsed();
            // A machine that is shared may hold up the processor that ticks.
            assert!(before <= at_most + Duration::from_secs(1), "{before:?} {at_most:?}");
            assert!(at_most <= after + 2 * TickStopwatch::TICK, "{at_most:?} {after:?}");
            std::thread::sleep(Duration::from_micros(200));
        }
    }

    #[test]
    fn the_system_clock_shows_the_time_of_day() {
        assert!(Clock::system().now().as_second() > 1_700_000_000);
    }
}
