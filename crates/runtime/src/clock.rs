//! Wall clock and stopwatch.

use std::{
    future::pending,
    sync::LazyLock,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::watch;

/// A source of wall-clock time: the system's, one that started at another moment, or one that is
/// moved by hand.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    /// Where it began, and when that was.
    Simulated(Timestamp, Instant),
    /// What its [`Hand`] shows.
    Steered(watch::Receiver<Timestamp>),
}

/// What sets a steered clock. The clock stands still when it is gone.
#[derive(Debug)]
pub struct Hand(watch::Sender<Timestamp>);

/// How old something is that is kept for a while: what a [`Stopwatch`] says, and as much as a steered
/// clock has been set forward, if that is more.
#[derive(Clone, Debug)]
pub struct Age {
    since: Stopwatch,
    shown: Option<(watch::Receiver<Timestamp>, Timestamp)>,
}

/// How long this machine has been running, which nobody can set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uptime {
    /// Names the machine and the start: no other has it.
    pub boot: String,
    /// Time since then, with that in which the machine slept.
    pub up: Duration,
}

/// Measures elapsed time, unmoved by changes of the wall clock. Of two, the one that was started first
/// is less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stopwatch(Instant);

/// Measures elapsed time as of the kernel's last tick, for a fraction of what a [`Stopwatch`] costs.
#[derive(Clone, Copy, Debug)]
pub struct TickStopwatch(Duration);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that shows `start` now and runs on from there.
    pub fn simulated(start: Timestamp) -> Self {
        Self(Source::Simulated(start, instant_now()))
    }

    /// A clock that shows `start` until its hand is moved, and what moves it.
    pub fn steered(start: Timestamp) -> (Self, Hand) {
        let (hand, shown) = watch::channel(start);
        (Self(Source::Steered(shown)), Hand(hand))
    }

    /// The time.
    ///
    /// A clock that is not the system's stops at the ends of the calendar rather than overflow.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => Timestamp::now(),
            Source::Simulated(start, since) => {
                start.saturating_add(since.elapsed()).unwrap_or(Timestamp::MAX)
            }
            Source::Steered(shown) => *shown.borrow(),
        }
    }

    /// How long the machine has been running; `None` if this is not the system's clock: then the time
    /// that it shows is all there is.
    pub fn uptime(&self) -> Option<Uptime> {
        match &self.0 {
            Source::System => {
                let up = clock_gettime(ClockId::Boottime);
                let up = Duration::from_secs(u64::try_from(up.tv_sec).unwrap_or_default());
                Some(Uptime { boot: boot().to_owned(), up })
            }
            Source::Simulated(..) | Source::Steered(_) => None,
        }
    }

    /// Begins to count the age of something.
    pub fn age(&self) -> Age {
        let shown = match &self.0 {
            Source::System | Source::Simulated(..) => None,
            Source::Steered(shown) => Some((shown.clone(), self.now())),
        };
        Age { since: Stopwatch::start(), shown }
    }

    /// Waits for so long, or until a steered clock has been set forward by as much: for what is looked
    /// at regularly.
    pub async fn sleep(&self, time: Duration) {
        let is_set = async {
            let Source::Steered(shown) = &self.0 else { return pending().await };
            let until = self.now().saturating_add(time).unwrap_or(Timestamp::MAX);
            if shown.clone().wait_for(|now| *now >= until).await.is_err() {
                pending().await
            }
        };
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = is_set => {}
        }
    }
}

impl Hand {
    /// Sets the clock and all its clones forward. It never goes back.
    pub fn set_forward(&self, to: Timestamp) {
        self.0.send_if_modified(|shown| {
            let is_later = to > *shown;
            *shown = to.max(*shown);
            is_later
        });
    }
}

impl Age {
    /// How old it is.
    pub fn elapsed(&self) -> Duration {
        self.since.elapsed().max(self.set_forward())
    }

    /// How far a steered clock has been set forward since; nothing with any other, which costs nothing
    /// to find out.
    pub fn set_forward(&self) -> Duration {
        let Some((shown, since)) = &self.shown else { return Duration::ZERO };
        let set = shown.borrow().duration_since(*since);
        Duration::try_from(set).unwrap_or_default()
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

/// What names the running system. Where that cannot be read, it names this process.
fn boot() -> &'static str {
    static BOOT: LazyLock<String> = LazyLock::new(|| {
        let read = fs_err::read_to_string("/proc/sys/kernel/random/boot_id");
        let name = read.map(|name| name.trim().to_owned()).unwrap_or_default();
        if name.is_empty() {
            let began = Clock::system().now().as_nanosecond();
            return format!("process {} of {began}", std::process::id());
        }
        // A container may count from another moment than its host.
        match fs_err::read_link("/proc/self/ns/time") {
            Ok(namespace) => format!("{name} {}", namespace.display()),
            Err(_) => name,
        }
    });
    &BOOT
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
    fn a_steered_clock_stands_still_and_never_goes_back() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (clock, hand) = Clock::steered(at(1_000));
        let same = clock.clone();
        assert_eq!(same.now(), at(1_000));
        hand.set_forward(at(5_000));
        hand.set_forward(at(3_000));
        assert_eq!(same.now(), at(5_000));
        drop(hand);
        assert_eq!(clock.now(), at(5_000));
    }

    #[test]
    fn only_the_system_vouches_for_the_time_that_passes() {
        let first = Clock::system().uptime().unwrap();
        let next = Clock::system().uptime().unwrap();
        assert!(first.boot == next.boot && !first.boot.is_empty(), "{first:?} {next:?}");
        assert!(next.up >= first.up && first.up > Duration::ZERO, "{first:?} {next:?}");
        assert_eq!(Clock::simulated(Timestamp::UNIX_EPOCH).uptime(), None);
        assert_eq!(Clock::steered(Timestamp::UNIX_EPOCH).0.uptime(), None);
    }

    #[test]
    fn things_age_with_a_steered_clock_and_with_no_other() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (clock, hand) = Clock::steered(at(0));
        let age = clock.age();
        assert!(age.elapsed() < Duration::from_secs(100));
        hand.set_forward(at(100));
        assert_eq!(age.elapsed(), Duration::from_secs(100));
        assert_eq!(age.set_forward(), Duration::from_secs(100));
        assert_eq!(Clock::system().age().set_forward(), Duration::ZERO);
        assert!(clock.age().elapsed() < Duration::from_secs(100));
        assert!(Clock::simulated(at(0)).age().elapsed() < Duration::from_secs(100));
        assert!(Clock::system().age().elapsed() < Duration::from_secs(100));
    }

    #[tokio::test(start_paused = true)]
    #[expect(clippy::disallowed_methods, reason = "what is measured is the paused time")]
    async fn who_sleeps_is_woken_when_the_clock_is_set_or_the_time_is_over() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (hour, began) = (Duration::from_secs(3_600), tokio::time::Instant::now());
        let (clock, hand) = Clock::steered(at(0));
        let sleeping = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(hour).await }
        });
        tokio::task::yield_now().await;
        hand.set_forward(at(3_599));
        tokio::task::yield_now().await;
        assert!(!sleeping.is_finished());
        hand.set_forward(at(3_600));
        sleeping.await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
        // It stands still for good, and nobody waits for ever, nor without a pause.
        drop(hand);
        clock.sleep(hour).await;
        Clock::system().sleep(hour).await;
        assert_eq!(began.elapsed(), hour * 2);
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
