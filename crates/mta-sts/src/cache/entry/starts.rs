//! What an entry starts, and when.

use std::time::Duration;

use super::{Actions, Cause, Entry, Flight, FlightKind, Use, Vanished};
use crate::{
    cache::{
        event::{Action, RecordState, Token},
        held::Held,
        time::{FLIGHT_LIMIT, Now},
    },
    policy_id::PolicyId,
};

impl Entry {
    /// Starts what is due, if nothing is under way.
    pub(super) fn start(&mut self, cause: Cause, now: Now, actions: &mut Actions) {
        if self.passing.flight().is_some() {
            return;
        }
        let stale = self.record_fresh_until() <= now.monotonic;
        //= https://www.rfc-editor.org/rfc/rfc8461#section-5
        //# When a message fails to deliver due to an "enforce" policy, a
        //# compliant MTA MUST NOT permanently fail to deliver messages before
        //# checking, via DNS, for the presence of an updated policy at the
        //# Policy Domain.
        //
        //= https://www.rfc-editor.org/rfc/rfc8461#section-5.1
        //# A message delivery attempt MUST NOT be permanently failed until
        //# the sender has first checked for the presence of a new policy (as
        //# indicated by the "id" field in the "_mta-sts" TXT record).
        //
        // Nobody tells an entry that a delivery has failed; but each attempt asks, and what was
        // seen longer ago than the TTL is looked up again whenever somebody has asked.
        let look_up = stale && self.use_since_look_up == Use::Asked;
        let next = match self.slot.any() {
            Some(held) => self.next_refresh(held),
            None if cause == Cause::Wanted => self.discovery(),
            None => return,
        };
        let fetch = next.filter(|(at, _)| *at <= now.monotonic).map(|(_, id)| id.clone());
        match fetch {
            // What to fetch under is not known before the record is.
            _ if look_up => self.fly(FlightKind::Record, now, actions),
            Some(_) if stale => self.fly(FlightKind::Record, now, actions),
            Some(id) => self.fly(FlightKind::Policy(id), now, actions),
            None => {}
        }
    }

    /// When the held policy is to be fetched again, and under which id.
    pub(super) fn next_refresh<'a>(&'a self, held: &'a Held) -> Option<(Duration, &'a PolicyId)> {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
        //# This string MUST uniquely identify a given instance of a
        //# policy, such that senders can determine when the policy has been
        //# updated by comparing to the "id" of a previously seen policy.
        let early = held.settled_at().min(held.refresh_at());
        let (due, id) = match &self.record {
            RecordState::Found(id) if id != held.id() => (early, id),
            _ if matches!(self.vanished, Vanished::Suspected(_)) => (early, held.id()),
            //= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
            //# Finally, to mitigate the risk of persistent interference with policy
            //# refresh, as discussed in-depth in Section 10, MTAs SHOULD proactively
            //# refresh cached policies before they expire
            _ => (held.refresh_at(), held.id()),
        };
        let at = due.max(self.backoff_until(id));
        (at < self.unused_from()).then_some((at, id))
    }

    /// When a policy is to be fetched where none is held, and under which id.
    pub(super) fn discovery(&self) -> Option<(Duration, &PolicyId)> {
        match &self.record {
            RecordState::Found(id) => {
                Some((Duration::from(self.slot.fetch_from()).max(self.backoff_until(id)), id))
            }
            _ => None,
        }
    }

    /// Until when failures forbid to fetch while the record has this id.
    fn backoff_until(&self, id: &PolicyId) -> Duration {
        self.backoff().map_or(Duration::ZERO, |backoff| backoff.until(id))
    }

    fn fly(&mut self, kind: FlightKind, now: Now, actions: &mut Actions) {
        let token = Token(self.jitter.bits());
        actions.list.push(match &kind {
            FlightKind::Record => {
                self.use_since_look_up = Use::NotAsked;
                Action::LookUpRecord(token)
            }
            FlightKind::Policy(id) => Action::FetchPolicy(token, id.clone()),
        });
        self.passing.begin(Flight { token, kind, deadline: now.after(FLIGHT_LIMIT) });
    }
}
