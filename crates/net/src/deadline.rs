//! Deadlines that can be handed down.

use std::future::Future;
use std::time::Duration;

use futures_util::TryFutureExt as _;
use tokio::time::{Instant, sleep, timeout_at};

/// The moment at which waiting ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

/// The deadline passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Elapsed;

impl Deadline {
    /// This long from now. Needs a tokio runtime.
    pub(crate) fn after(duration: Duration) -> Self {
        // The deadline of a sleep that begins now: the clock is tokio's own, which tests can stop.
        Self(sleep(duration).deadline())
    }

    /// The earlier of two.
    pub(crate) fn or_before(self, other: Self) -> Self {
        Self(self.0.min(other.0))
    }

    /// Has it passed?
    pub(crate) fn has_passed(self) -> bool {
        Self::after(Duration::ZERO).0 >= self.0
    }

    /// Waits for `future`, at most until the deadline; drops it then.
    // An `async fn` would hold the future twice: as its argument, and where it is awaited.
    pub(crate) fn bound<F: Future>(
        self,
        future: F,
    ) -> impl Future<Output = Result<F::Output, Elapsed>> {
        timeout_at(self.0, future).map_err(|_| Elapsed)
    }
}
