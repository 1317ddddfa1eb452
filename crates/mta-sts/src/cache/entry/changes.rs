//! What each event changes. No arm of a failure touches the policy.

use super::{Actions, Cause, Entry, FlightKind, Passing, Save, Use, Vanished};
use crate::{
    cache::{
        backoff::Backoff,
        event::{Errand, RecordLookup, RecordState, Token},
        fetched::{FetchFailure, FetchedPolicy},
        note::{Note, RecordGone, Sign, Weakening},
        time::{FRESH_AT_LEAST, FRESH_AT_MOST, Moment, Now, UNUSED_LIMIT},
    },
    policy::Mode,
    policy_id::PolicyId,
};

impl Entry {
    pub(super) fn asked(&mut self, now: Now) -> Cause {
        self.use_since_look_up = Use::Asked;
        // Not worth saving by itself: the next refresh, which is due within a day, saves it too.
        self.unused_from = now.after(UNUSED_LIMIT).into();
        Cause::Wanted
    }

    pub(super) fn record(
        &mut self,
        token: Token,
        lookup: RecordLookup,
        now: Now,
        actions: &mut Actions,
    ) -> Cause {
        let Some(FlightKind::Record) = self.land(token, Errand::Record) else {
            return Cause::Time;
        };
        self.learn(lookup, now, actions);
        Cause::Wanted
    }

    pub(super) fn fetched(
        &mut self,
        token: Token,
        result: Result<FetchedPolicy, FetchFailure>,
        now: Now,
        actions: &mut Actions,
    ) -> Cause {
        let Some(FlightKind::Policy(id)) = self.land(token, Errand::Policy) else {
            return Cause::Time;
        };
        match result {
            Ok(policy) => self.fetch_succeeded(policy, id, now, actions),
            Err(failure) => self.fetch_failed(failure, id, now, actions),
        }
        Cause::Wanted
    }

    /// Not a failure: who holds up our fetches could else keep a policy from ever being fetched. Where
    /// none is held, the next question asks for it again.
    pub(super) fn postponed(&mut self, token: Token) -> Cause {
        self.land(token, Errand::Policy);
        Cause::Time
    }

    pub(super) fn refresh(&mut self, now: Now, actions: &mut Actions) -> Cause {
        self.slot.hurry(now);
        self.record_fresh_until = Moment::START;
        self.use_since_look_up = Use::Asked;
        self.unused_from = now.after(UNUSED_LIMIT).into();
        if self.passing.take_backoff().is_some() {
            actions.save = Save::Needed;
        }
        Cause::Wanted
    }

    pub(super) fn purge(&mut self, actions: &mut Actions) -> Cause {
        self.slot.purge();
        self.record = RecordState::NotLookedUp;
        self.record_fresh_until = Moment::START;
        self.use_since_look_up = Use::NotAsked;
        self.vanished = Vanished::No;
        self.passing = Passing::default();
        actions.save = Save::Needed;
        Cause::Time
    }

    /// Ends the flight that the token belongs to, if it is still awaited.
    fn land(&mut self, token: Token, errand: Errand) -> Option<FlightKind> {
        if self.under_way() != Some(errand) {
            return None;
        }
        self.passing.end_if(|flight| flight.token == token).map(|flight| flight.kind)
    }

    pub(super) fn give_up_overdue_flight(&mut self, now: Now, actions: &mut Actions) {
        match self.passing.end_if(|flight| flight.deadline <= now.monotonic) {
            None => {}
            Some(flight) => match flight.kind {
                FlightKind::Record => self.learn(RecordLookup::Unknown, now, actions),
                FlightKind::Policy(id) => {
                    self.fetch_failed(FetchFailure::NotFetched, id, now, actions);
                }
            },
        }
    }

    /// Takes in what a look-up of the record brought. It never touches the policy.
    fn learn(&mut self, lookup: RecordLookup, now: Now, actions: &mut Actions) {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
        //# (Note that
        //# the absence of a usable TXT record is not by itself sufficient to
        //# remove a sender's previously cached policy for the Policy Domain, as
        //# discussed in Section 5.1, "Policy Application Control Flow".)
        let (record, ttl) = match lookup {
            RecordLookup::Found { id, ttl } => (RecordState::Found(id), ttl),
            RecordLookup::Absent { ttl } => (RecordState::Absent, ttl),
            RecordLookup::Unusable { ttl } => (RecordState::Unusable, ttl),
            RecordLookup::Unknown => (RecordState::Unknown, FRESH_AT_LEAST),
        };
        self.record_fresh_until = now.after(ttl.clamp(FRESH_AT_LEAST, FRESH_AT_MOST)).into();
        let gone = match record {
            RecordState::Absent => Some(RecordGone::Absent),
            RecordState::Unusable => Some(RecordGone::Unusable),
            RecordState::Found(_) => {
                self.vanished = Vanished::No;
                None
            }
            RecordState::NotLookedUp | RecordState::Unknown => None,
        };
        self.record = record;
        if let Some(record) = gone {
            self.suspect(record, now, actions);
        }
    }

    /// Takes in that the record is gone. If a policy applies, the policy host is asked once what
    /// that means, unless it has failed so lately that it must be left alone.
    fn suspect(&mut self, record: RecordGone, now: Now, actions: &mut Actions) {
        let held = self.slot.valid(now).filter(|held| held.mode() != Mode::None);
        let (Some(held), Vanished::No) = (held, self.vanished) else { return };
        match self.backoff() {
            Some(backoff) if backoff.until(held.id()) > now.monotonic => {
                let sign = Sign::PolicyHostFails(backoff.failure());
                self.vanished = Vanished::Told;
                actions.note(Note::RecordVanished { record, sign });
            }
            _ => self.vanished = Vanished::Suspected(record),
        }
    }

    fn fetch_succeeded(
        &mut self,
        policy: FetchedPolicy,
        id: PolicyId,
        now: Now,
        actions: &mut Actions,
    ) {
        let weakening =
            self.slot.any().and_then(|held| Weakening::between(&held.policy(), &policy.policy()));
        let sign = match policy.mode() {
            Mode::None => Sign::OptedOut,
            Mode::Enforce | Mode::Testing => Sign::PolicyStillServed,
        };
        self.slot.replace(policy, id, now, &mut self.jitter);
        self.passing.take_backoff();
        self.explain_vanished(sign, actions);
        if let Some(weakening) = weakening {
            actions.note(Note::Weakened(weakening));
        }
        actions.save = Save::Needed;
    }

    /// Takes in that a fetch has failed. It never touches the policy.
    fn fetch_failed(
        &mut self,
        failure: FetchFailure,
        id: PolicyId,
        now: Now,
        actions: &mut Actions,
    ) {
        let (previous, held) = (self.passing.backoff(), self.slot.valid(now));
        let backoff = Backoff::after(previous, id, failure, held, now, &mut self.jitter);
        let failures = backoff.failures();
        self.passing.set_backoff(backoff);
        self.explain_vanished(Sign::PolicyHostFails(failure), actions);
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
        //# To enable administrators to discover
        //# problems with policy refresh, MTAs SHOULD alert administrators
        //# (through the use of logs or similar) when such attempts fail, unless
        //# the cached policy mode is "none".
        match self.slot.valid(now) {
            Some(held) if held.mode() == Mode::None => {}
            Some(held) => {
                let remaining = held.remaining(now);
                actions.note(Note::RefreshFailed { failure, failures, remaining });
            }
            None => actions.note(Note::FetchFailed { failure, failures }),
        }
        actions.save = Save::Needed;
    }

    fn explain_vanished(&mut self, sign: Sign, actions: &mut Actions) {
        if let Vanished::Suspected(record) = self.vanished {
            self.vanished = Vanished::Told;
            actions.note(Note::RecordVanished { record, sign });
        }
    }

    pub(super) fn expire(&mut self, now: Now, actions: &mut Actions) {
        let Some(expired) = self.slot.expire(now) else { return };
        self.vanished = Vanished::No;
        let refreshable = expired.refresh_at() <= expired.expires();
        let used = now.monotonic < self.unused_from();
        if expired.mode() != Mode::None && refreshable && used {
            actions.note(Note::Expired);
        }
        actions.save = Save::Needed;
    }
}
