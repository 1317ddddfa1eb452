//! The policy that is held, and the one place that holds it.

use std::{mem, time::Duration};

use super::{
    fetched::FetchedPolicy,
    snapshot::SavedPolicy,
    time::{
        Jitter, LONGEST_REFRESH, Moment, Now, RESTART_SPREAD, SHORTEST_DISTANCE, SHORTEST_REFRESH,
        WALL_TOLERANCE,
    },
};
use crate::{
    policy::{Mode, Policy},
    policy_id::PolicyId,
};

/// A policy that was fetched and is kept.
///
/// It has no public constructor: an [`Entry`](super::Entry) makes one of a successful fetch, or of
/// what it had saved of one.
#[derive(Debug, Clone)]
pub struct Held {
    fetched: FetchedPolicy,
    id: PolicyId,
    /// By the wall clock, as it was last saved.
    fetched_at: i64,
    /// The last moment of validity.
    expires: Moment,
    refresh_at: Moment,
}

impl Held {
    /// The policy, as [`FetchedPolicy::policy`] has it.
    pub fn policy(&self) -> Policy {
        self.fetched.policy()
    }

    /// The mode of the policy.
    pub fn mode(&self) -> Mode {
        self.fetched.mode()
    }

    /// The policy with its text, shared.
    pub fn fetched(&self) -> &FetchedPolicy {
        &self.fetched
    }

    /// The id of the record under which it was fetched.
    pub fn id(&self) -> &PolicyId {
        &self.id
    }

    /// When it was last fetched, in seconds since 1970; exact within some minutes if the wall clock
    /// has stepped since.
    pub fn fetched_at(&self) -> i64 {
        self.fetched_at
    }

    /// How long ago it was last fetched, by the monotonic clock. (After a restart: by the wall
    /// clock until then.)
    pub fn age(&self, now: Now) -> Duration {
        let lifetime = self.fetched.max_age().as_duration();
        if self.expired(now) {
            return lifetime.saturating_add(now.monotonic.saturating_sub(self.expires()));
        }
        lifetime.saturating_sub(self.remaining(now))
    }

    /// How long it still applies.
    pub fn remaining(&self, now: Now) -> Duration {
        self.expires().saturating_sub(now.monotonic)
    }

    /// Whether more than `max_age` has passed since it was last fetched.
    pub fn expired(&self, now: Now) -> bool {
        now.monotonic > self.expires()
    }

    /// When the last moment of validity is, by the monotonic clock.
    pub fn expires(&self) -> Duration {
        self.expires.into()
    }

    /// When the next fetch is due, by the monotonic clock. Failures and disuse may delay it.
    pub fn refresh_at(&self) -> Duration {
        self.refresh_at.into()
    }

    /// When another may be fetched once it has expired, by the monotonic clock: not at once, but for
    /// the operator's will.
    fn fetch_from(&self) -> Moment {
        let lifetime = self.fetched.max_age().as_duration();
        let from = self.expires().saturating_add(SHORTEST_DISTANCE).saturating_sub(lifetime);
        Moment::from(from).min(self.refresh_at)
    }

    /// When it has been held for [`SHORTEST_REFRESH`], by the monotonic clock. Whatever the record
    /// says before, it is not fetched again: a DNS that answers with two ids by turns, or a forger,
    /// would otherwise keep the policy host busy.
    pub(super) fn settled_at(&self) -> Duration {
        let lifetime = self.fetched.max_age().as_duration();
        self.expires().saturating_add(SHORTEST_REFRESH).saturating_sub(lifetime)
    }
}

/// The only place for a policy. A new one replaces the old; age removes it; nothing else does but
/// the operator.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    Held(Held),
    /// None is held, and none is to be fetched before that.
    Empty {
        fetch_from: Moment,
    },
}

impl Slot {
    /// Nothing is held, and a policy may be fetched at once.
    pub(super) const EMPTY: Self = Self::Empty { fetch_from: Moment::START };

    /// What was saved, if it still applies. An old policy is due at once, within a spread.
    pub(super) fn restored(saved: SavedPolicy, now: Now, jitter: &mut Jitter) -> Self {
        // A fetch in the future is the trace of a clock that has stepped back: the policy counts as
        // just fetched, which is the longest that its owner allowed.
        let age = now.since(saved.fetched_at);
        let lifetime = saved.policy.max_age().as_duration();
        let Some(remaining) = lifetime.checked_sub(age) else {
            return Self::EMPTY;
        };
        let overdue = jitter.part_of(RESTART_SPREAD.min(remaining / 4));
        let due = refresh_interval(lifetime, jitter).checked_sub(age).unwrap_or(overdue);
        Self::Held(Held {
            fetched: saved.policy,
            id: saved.id,
            fetched_at: saved.fetched_at,
            expires: now.after(remaining).into(),
            refresh_at: now.after(due).into(),
        })
    }

    /// Puts in what was fetched just now.
    pub(super) fn replace(
        &mut self,
        fetched: FetchedPolicy,
        id: PolicyId,
        now: Now,
        jitter: &mut Jitter,
    ) {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
        //# Well-behaved clients
        //# SHOULD cache a policy for up to this value from the last policy
        //# fetch time.
        let lifetime = fetched.max_age().as_duration();
        *self = Self::Held(Held {
            fetched,
            id,
            fetched_at: now.wall,
            expires: now.after(lifetime).into(),
            refresh_at: now.after(refresh_interval(lifetime, jitter)).into(),
        });
    }

    /// Takes out what has expired.
    pub(super) fn expire(&mut self, now: Now) -> Option<Held> {
        let empty = Self::Empty { fetch_from: self.fetch_from() };
        let Self::Held(held) = self else { return None };
        if !held.expired(now) {
            return None;
        }
        match mem::replace(self, empty) {
            Self::Held(held) => Some(held),
            Self::Empty { .. } => None,
        }
    }

    /// Takes out whatever there is, by the operator's will.
    pub(super) fn purge(&mut self) {
        *self = Self::EMPTY;
    }

    /// Makes the next fetch due, by the operator's will.
    pub(super) fn hurry(&mut self, now: Now) {
        match self {
            Self::Held(held) => held.refresh_at = now.monotonic.into(),
            Self::Empty { .. } => *self = Self::EMPTY,
        }
    }

    /// Sets the saved time of the fetch right after the wall clock has stepped. Returns whether it
    /// had to be.
    #[must_use]
    pub(super) fn correct(&mut self, now: Now) -> Corrected {
        let Self::Held(held) = self else { return Corrected::Nothing };
        let fetched_at = now.wall_before(held.age(now));
        if fetched_at.abs_diff(held.fetched_at) <= WALL_TOLERANCE {
            return Corrected::Nothing;
        }
        held.fetched_at = fetched_at;
        Corrected::FetchTime
    }

    /// What is held, expired or not.
    pub(super) fn any(&self) -> Option<&Held> {
        match self {
            Self::Held(held) => Some(held),
            Self::Empty { .. } => None,
        }
    }

    /// What is held and applies.
    pub(super) fn valid(&self, now: Now) -> Option<&Held> {
        self.any().filter(|held| !held.expired(now))
    }

    /// Where no policy applies, no fetch before, by the monotonic clock.
    pub(super) fn fetch_from(&self) -> Moment {
        match self {
            Self::Held(held) => held.fetch_from(),
            Self::Empty { fetch_from } => *fetch_from,
        }
    }
}

/// Whether the wall clock had stepped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Corrected {
    Nothing,
    FetchTime,
}

/// How long after a fetch the next one is due.
fn refresh_interval(lifetime: Duration, jitter: &mut Jitter) -> Duration {
    //= https://www.rfc-editor.org/rfc/rfc8461#section-10.2
    //# implementers SHOULD NOT wait until a cached policy has expired before
    //# checking for an update
    let half = LONGEST_REFRESH.min(lifetime / 2) / 2;
    half.saturating_add(jitter.part_of(half)).max(SHORTEST_REFRESH)
}
