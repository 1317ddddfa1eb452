//! What an entry is told, and what it asks for.

use std::time::Duration;

use super::{
    fetched::{FetchFailure, FetchedPolicy},
    note::Note,
};
use crate::{
    policy_id::PolicyId,
    record::{Record, Selection, select_record},
};

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A message, or a query on behalf of one, wants to know which policy applies.
    Asked,
    /// The look-up that [`Action::LookUpRecord`] asked for is over.
    Record(Token, RecordLookup),
    /// The fetch that [`Action::FetchPolicy`] asked for is over. The policy is shared so that the
    /// caller can hold equal ones once.
    Fetched(Token, Result<FetchedPolicy, FetchFailure>),
    /// The fetch that [`Action::FetchPolicy`] asked for was not begun: there was no turn for it. That
    /// says nothing of the domain, so nothing waits for its sake; where the policy is still wanted,
    /// it is asked for again.
    Postponed(Token),
    /// The moment of [`Entry::wake_at`](super::Entry::wake_at) has come. Too early does no harm.
    Woken,
    /// The operator wants record and policy looked up now, whatever the waits say. What is held
    /// stays until something better has come.
    Refresh,
    /// The operator wants everything forgotten, a policy that applies included. Nothing else
    /// removes one.
    Purge,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "an entry waits for what it has asked for"]
pub enum Action {
    /// Look up the TXT records at `_mta-sts.` and the policy domain, then hand in
    /// [`Event::Record`] with this token.
    LookUpRecord(Token),
    /// Fetch the policy (RFC 8461 §3.3), then hand in [`Event::Fetched`], or
    /// [`Event::Postponed`], with this token. The id is that of the record, for the log: the policy host knows nothing of it.
    FetchPolicy(Token, PolicyId),
    /// Save [`Entry::snapshot`](super::Entry::snapshot).
    Save,
    /// Tell the operator.
    Note(Note),
}

/// Which look-up or fetch a completion belongs to. Those that nobody waits for any more are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(pub(super) u64);

/// What is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// A look-up of the record.
    Record,
    /// A fetch of the policy.
    Policy,
}

/// What a look-up of the record brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordLookup {
    /// There is one valid record.
    Found {
        /// Its id.
        id: PolicyId,
        /// For how long the answer may be kept.
        ttl: Duration,
    },
    /// The DNS says that there is none.
    Absent {
        /// For how long that may be kept: the TTL of the negative answer, RFC 2308.
        ttl: Duration,
    },
    /// There are records that were meant to be one, but none that counts: several, or an invalid
    /// one.
    Unusable {
        /// For how long the answer may be kept.
        ttl: Duration,
    },
    /// It could not be told: a time-out, SERVFAIL, a bogus answer. This is not "absent".
    Unknown,
}

impl RecordLookup {
    /// Of an answer with TXT records: each item is one record, its strings joined without spaces.
    pub fn answered(records: impl IntoIterator<Item = impl AsRef<[u8]>>, ttl: Duration) -> Self {
        let records: Vec<_> = records.into_iter().collect();
        match select_record(records.iter().map(AsRef::as_ref)) {
            Selection::One(index) => {
                match records.get(index).map(|record| Record::parse(record.as_ref())) {
                    Some(Ok(Record { id, .. })) => Self::Found { id, ttl },
                    _ => Self::Unusable { ttl },
                }
            }
            Selection::None { near_misses } if near_misses.is_empty() => Self::Absent { ttl },
            Selection::None { .. } | Selection::Several(_) => Self::Unusable { ttl },
        }
    }
}

/// What is known of the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordState {
    /// Nothing: it has not been looked up.
    NotLookedUp,
    /// It is valid and has this id.
    Found(PolicyId),
    /// There is none.
    Absent,
    /// There is something, but no valid record.
    Unusable,
    /// The last look-up failed.
    Unknown,
}
