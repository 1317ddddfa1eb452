//! How long a resolver usually takes, and from when on its silence is that of a lost datagram.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Not sooner: a resolver that has to ask others itself takes that long now and then.
const SHORTEST: Duration = Duration::from_millis(400);

/// Not later: who waits for the answer has a few seconds for all his questions together.
const LONGEST: Duration = Duration::from_millis(800);

/// The usual time of a resolver, by the estimate with which TCP finds out when to send again (RFC
/// 6298 §2).
#[derive(Debug, Default)]
pub(super) struct Pace(Mutex<Option<Estimate>>);

#[derive(Clone, Copy, Debug)]
struct Estimate {
    usual: Duration,
    variation: Duration,
}

impl Pace {
    /// An answer took so long.
    pub(super) fn record(&self, time: Duration) {
        let mut estimate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *estimate = Some(match *estimate {
            None => Estimate { usual: time, variation: time / 2 },
            Some(Estimate { usual, variation }) => Estimate {
                usual: (usual * 7 + time) / 8,
                variation: (variation * 3 + usual.abs_diff(time)) / 4,
            },
        });
    }

    /// After so long without an answer the question is sent again.
    pub(super) fn patience(&self) -> Duration {
        let estimate = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        estimate.map_or(LONGEST, |Estimate { usual, variation }| {
            (usual + variation * 4).clamp(SHORTEST, LONGEST)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_quick_is_asked_again_sooner_than_who_is_slow() {
        let after = |times: &[u64]| {
            let pace = Pace::default();
            for time in times {
                pace.record(Duration::from_millis(*time));
            }
            pace.patience().as_millis()
        };
        assert_eq!(after(&[]), 800, "nothing is known");
        assert_eq!(after(&[1]), 400, "never sooner");
        assert_eq!(after(&[100]), 400);
        assert_eq!(after(&[200]), 600, "RFC 6298 §2.2: 200 + 4 × 100");
        assert_eq!(after(&[200, 200]), 500, "RFC 6298 §2.3: 200 + 4 × 75");
        assert_eq!(after(&[500]), 800, "never later");
        assert_eq!(after(&[500; 100]), 500, "always the same");
        assert_eq!(after(&[20, 20, 20, 20, 3000]), 800, "one slow answer");
        assert_eq!(after(&[&[3000][..], &[20; 50]].concat()), 400, "is forgotten");
    }
}
