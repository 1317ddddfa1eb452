//! The wait after failed fetches.

use std::time::Duration;

use super::{
    fetched::FetchFailure,
    held::Held,
    snapshot::SavedBackoff,
    time::{FIRST_BACKOFF, Jitter, LONGEST_BACKOFF, LONGEST_BACKOFF_OF_ANOTHER_ID, Now},
};
use crate::policy_id::PolicyId;

/// What is known of the fetches that failed since the last one that did not.
#[derive(Debug, Clone)]
pub struct Backoff {
    id: PolicyId,
    failure: FetchFailure,
    failures: u32,
    /// By the wall clock.
    failed_at: i64,
    /// Monotonic: when the id that failed may be tried again.
    until: Duration,
    /// Monotonic: when another id may be tried.
    until_another: Duration,
}

impl Backoff {
    /// After one more failure.
    pub(super) fn after(
        previous: Option<&Self>,
        id: PolicyId,
        failure: FetchFailure,
        held: Option<&Held>,
        now: Now,
        jitter: &mut Jitter,
    ) -> Self {
        let failures = previous.map_or(0, |previous| previous.failures).saturating_add(1);
        let saved = SavedBackoff { id, failure, failures, failed_at: now.wall };
        Self::restored(saved, held, now, jitter)
    }

    /// What was saved. If the clock has stepped back meanwhile, as if the failure were new.
    pub(super) fn restored(
        saved: SavedBackoff,
        held: Option<&Held>,
        now: Now,
        jitter: &mut Jitter,
    ) -> Self {
        let SavedBackoff { id, failure, failures, failed_at } = saved;
        let elapsed = now.since(failed_at);
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
        //# In the case where the HTTPS GET fails, implementers SHOULD
        //# limit further attempts to a period of five minutes or longer per
        //# version ID, to avoid overwhelming resource-constrained recipients
        //# with cascading failures.
        //
        // The count goes on over all ids. If another id began it anew, whoever forges records
        // could have a policy host asked every five minutes for ever.
        let doublings = failures.saturating_sub(1).min(16);
        let grown = FIRST_BACKOFF.saturating_mul(1 << doublings);
        let shift = jitter.part_of(FIRST_BACKOFF);
        // The nearer a policy is to its end, the more often it is tried to renew it.
        let urgency = held.map_or(LONGEST_BACKOFF, |held| held.remaining(now) / 4);
        let until = |longest: Duration| {
            let wait = grown.min(longest).min(urgency).max(FIRST_BACKOFF);
            now.after(wait.saturating_add(shift).saturating_sub(elapsed))
        };
        Self {
            id,
            failure,
            failures,
            failed_at,
            until: until(LONGEST_BACKOFF),
            until_another: until(LONGEST_BACKOFF_OF_ANOTHER_ID),
        }
    }

    /// The id of the record when the last fetch failed.
    pub fn id(&self) -> &PolicyId {
        &self.id
    }

    /// Why the last fetch failed.
    pub fn failure(&self) -> FetchFailure {
        self.failure
    }

    /// How many fetches in a row have failed.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// When the last fetch failed, in seconds since 1970 by the wall clock of then.
    pub fn failed_at(&self) -> i64 {
        self.failed_at
    }

    /// When the policy may be fetched again while the record has this id, by the monotonic clock.
    pub fn until(&self, id: &PolicyId) -> Duration {
        if *id == self.id { self.until } else { self.until_another }
    }

    pub(super) fn saved(&self) -> SavedBackoff {
        SavedBackoff {
            id: self.id.clone(),
            failure: self.failure,
            failures: self.failures,
            failed_at: self.failed_at,
        }
    }
}
