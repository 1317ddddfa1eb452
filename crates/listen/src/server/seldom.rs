//! Saying the same thing not too often.

use std::time::Duration;

use sealpost_runtime::Stopwatch;

/// Time for one more line of a kind?
pub(super) struct Seldom {
    pause: Duration,
    last: Option<Stopwatch>,
}

impl Seldom {
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, last: None }
    }

    /// True the first time, and then once after each pause.
    pub(super) fn is_time(&mut self) -> bool {
        if self.last.is_some_and(|last| last.elapsed() < self.pause) {
            return false;
        }
        self.last = Some(Stopwatch::start());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_in_a_pause() {
        let mut hourly = Seldom::new(Duration::from_secs(3600));
        assert_eq!([hourly.is_time(), hourly.is_time(), hourly.is_time()], [true, false, false]);
        let mut always = Seldom::new(Duration::ZERO);
        assert_eq!([always.is_time(), always.is_time()], [true, true]);
    }
}
