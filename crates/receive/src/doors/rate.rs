//! How often one source may come.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sealpost_runtime::Stopwatch;

/// Sources that are remembered at a time.
const MOST_SOURCES: usize = 20_000;
const MINUTE: Duration = Duration::from_secs(60);

/// Lets each source do something so many times in a minute, all at once or spread: an IPv4 address,
/// or 64 bits of an IPv6 address. All socket files are one source.
#[derive(Debug)]
pub(crate) struct Rate {
    per_minute: u32,
    since: Stopwatch,
    /// When what each source has taken will be given back.
    debts: Mutex<HashMap<Option<IpAddr>, Duration>>,
}

impl Rate {
    /// So many times in a minute; never, if it is 0.
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { per_minute, since: Stopwatch::start(), debts: Mutex::default() }
    }

    /// Counts one time of a source.
    ///
    /// # Errors
    ///
    /// How long it has to wait, if it was there too often.
    pub(crate) fn take(&self, source: Option<IpAddr>) -> Result<(), Duration> {
        self.take_at(source, self.since.elapsed())
    }

    fn take_at(&self, source: Option<IpAddr>, now: Duration) -> Result<(), Duration> {
        let Some(cost) = MINUTE.checked_div(self.per_minute) else { return Err(MINUTE) };
        let source = source.map(network);
        let mut debts = self.debts.lock().unwrap_or_else(PoisonError::into_inner);
        if debts.len() >= MOST_SOURCES && !debts.contains_key(&source) {
            debts.retain(|_, paid| *paid > now);
            // So many at once is an attack, and nobody else can be told from it.
            if debts.len() >= MOST_SOURCES {
                return Err(cost.max(Duration::from_secs(1)));
            }
        }
        let paid = debts.entry(source).or_insert(now);
        let next = (*paid).max(now) + cost;
        let debt = next.saturating_sub(now);
        if debt > MINUTE {
            return Err(debt - MINUTE);
        }
        *paid = next;
        Ok(())
    }
}

/// The network that one household or server has to itself.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let bits = address.to_bits() & (u128::MAX << 64);
            IpAddr::V6(bits.into())
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn who_comes_too_often_waits() {
        let rate = Rate::new(60);
        for _ in 0..60 {
            assert_eq!(rate.take_at(ip("192.0.2.1"), SECOND), Ok(()));
        }
        assert_eq!(rate.take_at(ip("192.0.2.1"), SECOND), Err(SECOND));
        assert_eq!(rate.take_at(ip("::ffff:192.0.2.1"), SECOND), Err(SECOND)); // the same
        assert_eq!(rate.take_at(ip("192.0.2.2"), SECOND), Ok(())); // another
        assert_eq!(rate.take_at(None, SECOND), Ok(()));
        // One is given back each second, and waiting costs nothing.
        assert_eq!(rate.take_at(ip("192.0.2.1"), 2 * SECOND), Ok(()));
        assert_eq!(rate.take_at(ip("192.0.2.1"), 2 * SECOND), Err(SECOND));
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        let rate = Rate::new(1);
        assert_eq!(rate.take_at(ip("2001:db8::1"), SECOND), Ok(()));
        assert!(rate.take_at(ip("2001:db8::2"), SECOND).is_err());
        assert_eq!(rate.take_at(ip("2001:db8:0:1::1"), SECOND), Ok(()));
    }

    #[test]
    fn sources_are_bounded() {
        let rate = Rate::new(1);
        let source = |number: usize| Some(IpAddr::V4(u32::try_from(number).unwrap().into()));
        for number in 0..MOST_SOURCES {
            assert_eq!(rate.take_at(source(number), SECOND), Ok(()));
        }
        assert!(rate.take_at(source(MOST_SOURCES), SECOND).is_err());
        // Those who have paid are forgotten.
        assert_eq!(rate.take_at(source(MOST_SOURCES), 100 * SECOND), Ok(()));
        assert_eq!(rate.debts.lock().unwrap().len(), 1);
        assert!(Rate::new(0).take_at(None, SECOND).is_err());
    }
}
