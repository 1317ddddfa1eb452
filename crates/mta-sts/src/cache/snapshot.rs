//! What a store keeps of an entry: plain data.

use super::fetched::{FetchFailure, FetchedPolicy};
use crate::policy_id::PolicyId;

/// What is worth keeping of an entry over a restart. What is not in it is looked up again.
///
/// Times are seconds since 1970 by the wall clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The policy, if one is held that has not expired.
    pub policy: Option<SavedPolicy>,
    /// The failed fetches, if the last one failed.
    pub backoff: Option<SavedBackoff>,
    /// When the policy was last asked for. A use alone is not saved, so it may have been a day later.
    pub last_used: i64,
}

impl Snapshot {
    /// Whether there is nothing to keep, so that a store may forget the domain.
    pub fn is_empty(&self) -> bool {
        self.policy.is_none() && self.backoff.is_none()
    }
}

/// A policy and its last successful fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedPolicy {
    /// The policy. Store its [`text`](FetchedPolicy::text), and read it again with
    /// [`FetchedPolicy::parse`].
    pub policy: FetchedPolicy,
    /// The id of the record under which it was fetched.
    pub id: PolicyId,
    /// When it was last fetched.
    pub fetched_at: i64,
}

/// Failed fetches in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedBackoff {
    /// The id of the record when the last one failed.
    pub id: PolicyId,
    /// Why the last one failed. Its [`result_type`](FetchFailure::result_type) is a stable name.
    pub failure: FetchFailure,
    /// How many there were.
    pub failures: u32,
    /// When the last one failed.
    pub failed_at: i64,
}
