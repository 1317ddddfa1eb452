//! When a domain is looked at next.

use std::time::Duration;

use mail_domain::DomainName;

/// From a look that found a fault to the next, in seconds: shorter than a fault must hold before
/// people are told.
const SOON: i64 = 300;
/// The longest pause while a fault stays.
const LONGEST: i64 = 3_600;
/// From a look that found a fault gone to the next: shorter than it must be gone before it is over.
const AFTERWARDS: i64 = 1_800;

/// Each domain has its own place in the interval, by its name, so that all of them are spread over
/// it; and comes a little earlier or later each time, so that nobody can set his clock by us. No two
/// calls differ: who computes it again gets the same.
///
/// It is half an interval after the last look at the earliest, and one and a half at the latest, give
/// or take a twentieth.
pub(super) fn next(domain: &DomainName, looked_at: i64, every: Duration) -> i64 {
    let every = i64::try_from(every.as_secs()).unwrap_or(i64::MAX).max(1);
    let place = remainder(hash(domain, 0), every);
    let earliest = looked_at.saturating_add(every / 2);
    let round = earliest.saturating_sub(place).div_euclid(every).saturating_add(1);
    let time = round.saturating_mul(every).saturating_add(place);
    let jitter = every / 20;
    let offset = remainder(hash(domain, round), jitter.saturating_mul(2).saturating_add(1));
    time.saturating_add(offset).saturating_sub(jitter)
}

/// What a look says of faults that people are told of, and that may pass by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Faults {
    /// There is none, and was none.
    None,
    /// There is one that the look before did not find.
    Came,
    /// There are those that the look before found, or some of them.
    Stay {
        /// When that was.
        since: i64,
    },
    /// There is none any more.
    Went,
}

/// When a domain is looked at next if this was found. A single look may have met a moment: whether a
/// fault holds, and whether it is gone, says another one soon. While it stays the pauses grow, so
/// that what nobody mends costs its host one look an hour.
pub(super) fn next_if(faults: Faults, domain: &DomainName, looked_at: i64, every: Duration) -> i64 {
    let pause = match faults {
        Faults::None => None,
        Faults::Came => Some(SOON),
        Faults::Stay { since } => {
            let pause = looked_at.saturating_sub(since).saturating_mul(2);
            Some(pause.clamp(SOON, LONGEST))
        }
        Faults::Went => Some(AFTERWARDS),
    };
    let next = next(domain, looked_at, every);
    pause.map_or(next, |pause| looked_at.saturating_add(pause).min(next))
}

fn remainder(hash: u64, by: i64) -> i64 {
    let by = u64::try_from(by).unwrap_or(1);
    i64::try_from(hash.checked_rem(by).unwrap_or(0)).unwrap_or(0)
}

/// FNV-1a: neighbours differ, and it is the same everywhere.
fn hash(domain: &DomainName, round: i64) -> u64 {
    let octets = domain.as_str().bytes().chain(round.to_be_bytes());
    octets.fold(0xcbf2_9ce4_8422_2325, |hash, octet| {
        (hash ^ u64::from(octet)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600;

    fn name(number: usize) -> DomainName {
        format!("d{number}.example").parse().unwrap()
    }

    #[test]
    fn domains_are_spread_over_the_interval_and_stay_there() {
        let every = Duration::from_secs(6 * 3_600);
        let mut hours = [0_usize; 6];
        for number in 0..6_000 {
            let first = next(&name(number), 1_000_000_000, every);
            let gap = first - 1_000_000_000;
            assert!((3 * HOUR - 1_080..=9 * HOUR + 1_080).contains(&gap), "{gap}");
            assert_eq!(next(&name(number), 1_000_000_000, every), first);
            let place = usize::try_from(first.rem_euclid(6 * HOUR) / HOUR).unwrap();
            *hours.get_mut(place).unwrap() += 1;
            let mut last = first;
            let mut gaps = Vec::new();
            for _ in 0..4 {
                // A look takes a while.
                let due = next(&name(number), last + 60, every);
                gaps.push(due - last);
                last = due;
            }
            let is_regular = |gap: &i64| (6 * HOUR - 2_160..=6 * HOUR + 2_160).contains(gap);
            assert!(gaps.iter().all(is_regular), "{gaps:?}");
            assert!(gaps.iter().any(|gap| *gap != 6 * HOUR), "{gaps:?}");
        }
        assert!(hours.iter().all(|count| (800..1_200).contains(count)), "{hours:?}");
    }

    #[test]
    fn while_a_fault_stays_looks_are_soon_and_then_hourly() {
        let every = Duration::from_secs(6 * 3_600);
        let (name, mut last, mut now) = (name(1), 0, 1_000_000_000);
        let mut gaps = Vec::new();
        let mut faults = Faults::Came;
        for _ in 0..7 {
            let next = next_if(faults, &name, now, every);
            (last, now) = (now, next);
            gaps.push((now - last) / 60);
            faults = Faults::Stay { since: last };
        }
        assert_eq!(gaps, [5, 10, 20, 40, 60, 60, 60]);
        let after = |faults| next_if(faults, &name, now, every) - now;
        assert_eq!(after(Faults::Went), 1_800, "before it is over there is a second look");
        assert_eq!(after(Faults::None), next(&name, now, every) - now);
        assert_eq!(after(Faults::Stay { since: now + 1_000 }), 300, "the clock was set back");
        // Never later than without a fault.
        let often = Duration::from_secs(60);
        for faults in [Faults::Came, Faults::Stay { since: last }, Faults::Went] {
            assert!(next_if(faults, &name, now, often) <= next(&name, now, often));
        }
        for cause in sealpost_rules::incidents::incident_causes() {
            let is_looked_at_twice = |seconds: u32| seconds == 0 || i64::from(seconds) >= 2 * SOON;
            assert!(is_looked_at_twice(cause.hold), "{}", cause.code);
        }
    }

    #[test]
    fn no_time_is_out_of_its_reach() {
        for looked_at in [i64::MIN, -1, 0, i64::MAX] {
            for every in [Duration::ZERO, Duration::from_secs(1), Duration::MAX] {
                for since in [i64::MIN, i64::MAX] {
                    let _ = next_if(Faults::Stay { since }, &name(1), looked_at, every);
                }
            }
        }
    }
}
