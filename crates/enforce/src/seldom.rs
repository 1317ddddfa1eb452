//! Saying the same thing not too often.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sealpost_runtime::Stopwatch;

/// At most one log line of a kind in this time.
const PAUSE: Duration = Duration::from_mins(1);

/// Time for one more line of a kind? A flood of questions shall not become a flood of lines.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<Option<Stopwatch>>);

impl Seldom {
    /// True the first time, and then once a minute.
    pub(crate) fn is_time(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = last.is_none_or(|last| last.elapsed() >= PAUSE);
        if is_time {
            *last = Some(Stopwatch::start());
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_in_a_minute() {
        let seldom = Seldom::default();
        assert_eq!([seldom.is_time(), seldom.is_time(), seldom.is_time()], [true, false, false]);
    }
}
