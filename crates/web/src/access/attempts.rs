//! How often somebody may try to log in.
//!
//! Each source has a few tries at once and then one a minute. All sources together have twenty, and
//! then one in three seconds: a botnet, however large, guesses no faster than twenty machines would.
//! Whoever comes from a source that was let in lately, one of the last 64, is held up by tries from
//! there alone.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sealpost_listen::Source;

/// Of one source: five at once, and one more each minute.
const OF_A_SOURCE: Allowance = Allowance { burst: 5, interval: Duration::from_secs(60) };
/// Of all: twenty at once, and one more every three seconds.
const OF_ALL: Allowance = Allowance { burst: 20, interval: Duration::from_secs(3) };
/// Sources that are remembered, and those among them that have been let in.
const MOST_SOURCES: usize = 4_096;
const MOST_KNOWN: usize = 64;

#[derive(Clone, Copy)]
struct Allowance {
    burst: u32,
    interval: Duration,
}

/// Counts tries. Times are since any moment, the same one for all.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// When all tries are free again.
    all: Duration,
    sources: HashMap<Source, Duration>,
    /// Who has been let in, the latest last.
    known: VecDeque<Source>,
}

impl Allowance {
    /// When all is free again after one more try at `now`; or how long to wait for it.
    fn take(self, free: Duration, now: Duration) -> Result<Duration, Duration> {
        let free = free.max(now);
        let ahead = self.interval.saturating_mul(self.burst.saturating_sub(1));
        match (free - now).checked_sub(ahead) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(free + self.interval),
        }
    }
}

impl Attempts {
    /// Takes one try, or says how long to wait for it.
    pub(crate) fn take(&self, source: Source, now: Duration) -> Result<(), Duration> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.sources.get(&source).copied().unwrap_or_default();
        let own = OF_A_SOURCE.take(own, now)?;
        if !held.known.contains(&source) {
            held.all = OF_ALL.take(held.all, now)?;
        }
        if held.sources.len() >= MOST_SOURCES && !held.sources.contains_key(&source) {
            held.sources.retain(|_, free| *free > now);
        }
        // Where there is no room, what all may do together still holds.
        if held.sources.len() < MOST_SOURCES || held.sources.contains_key(&source) {
            held.sources.insert(source, own);
        }
        Ok(())
    }

    /// The try was right: what this source tried before counts no more.
    pub(crate) fn welcome(&self, source: Source) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.sources.remove(&source);
        held.known.retain(|known| *known != source);
        held.known.push_back(source);
        if held.known.len() > MOST_KNOWN {
            held.known.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    fn source(number: u32) -> Source {
        Source::at(IpAddr::V4(Ipv4Addr::from_bits(number)))
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_source_has_a_few_tries_and_then_one_a_minute() {
        let attempts = Attempts::default();
        let taken = (0..100).filter(|_| attempts.take(source(1), at(0)).is_ok()).count();
        assert_eq!(taken, 5);
        assert_eq!(attempts.take(source(1), at(10)), Err(at(50)));
        assert_eq!(attempts.take(source(1), at(60)), Ok(()));
        assert!(attempts.take(source(1), at(60)).is_err());
        let of_an_hour = (61..3_661).filter(|&now| attempts.take(source(1), at(now)).is_ok());
        assert_eq!(of_an_hour.count(), 60);
    }

    #[test]
    fn a_crowd_guesses_no_faster_and_holds_up_nobody_who_was_here() {
        let attempts = Attempts::default();
        attempts.take(source(0), at(0)).unwrap();
        attempts.welcome(source(0));
        let taken = (1..10_000).filter(|&one| attempts.take(source(one), at(0)).is_ok()).count();
        assert_eq!(taken, 19);
        assert!(attempts.take(source(20_000), at(2)).is_err());
        assert_eq!(attempts.take(source(0), at(2)), Ok(()));
        assert_eq!(attempts.take(source(20_000), at(3)), Ok(()));
    }

    #[test]
    fn memory_is_bounded() {
        let attempts = Attempts::default();
        for one in 0..20_000_u32 {
            let now = at(u64::from(one) * 3);
            attempts.take(source(one), now).unwrap();
            attempts.welcome(source(one));
            attempts.take(source(one), now).unwrap();
        }
        let held = attempts.held.lock().unwrap();
        assert!(held.sources.len() <= MOST_SOURCES && held.known.len() <= MOST_KNOWN);
    }
}
