//! The machine.

use std::time::Duration;

use super::{
    backoff::Backoff,
    event::{Action, Errand, Event, RecordState},
    fetched::FetchFailure,
    held::{Corrected, Held, Slot},
    note::{Note, RecordGone},
    snapshot::{SavedPolicy, Snapshot},
    time::{Jitter, Moment, Now, UNUSED_LIMIT},
};

// How it goes on: what each event changes, and what is started.
mod changes;
mod starts;
// What is not always there.
mod passing;
use passing::{Flight, FlightKind, Passing};

/// What is remembered of one policy domain, and what is under way for it.
#[derive(Debug, Clone)]
pub struct Entry {
    slot: Slot,
    record: RecordState,
    /// Until then the record need not be looked up again.
    record_fresh_until: Moment,
    use_since_look_up: Use,
    vanished: Vanished,
    /// From then on nobody has asked for [`UNUSED_LIMIT`].
    unused_from: Moment,
    passing: Passing,
    jitter: Jitter,
}

/// Which policy applies now.
#[derive(Debug, Clone, Copy)]
#[must_use]
pub enum Verdict<'a> {
    /// This one. Its mode says how (RFC 8461 §5); `none` is as if there were none.
    Apply(&'a Held),
    /// None: mail goes out as without MTA-STS.
    NoPolicy(Absence),
    /// It cannot be told yet. Once [`Event::Asked`] has been handled, something is under way.
    Pending,
}

/// Why no policy applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// The domain has no record.
    NoRecord,
    /// What it has is no valid record.
    RecordUnusable,
    /// The record could not be looked up.
    RecordUnknown,
    /// There is a record, but the policy could not be fetched.
    FetchFailed(FetchFailure),
    /// The policy has expired so soon after it was fetched that it is too early for the next fetch.
    ShortLived,
}

/// Whether somebody has asked since the last look-up of the record began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Asked,
    NotAsked,
}

/// The record vanished while a policy applies: whether the operator knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Vanished {
    No,
    /// The policy host is to be asked what it means.
    Suspected(RecordGone),
    Told,
}

/// What lets an entry start something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// Somebody wants an answer.
    Wanted,
    /// Time has passed.
    Time,
}

impl Entry {
    /// An entry that knows nothing.
    pub fn new(now: Now, jitter: Jitter) -> Self {
        Self {
            slot: Slot::EMPTY,
            record: RecordState::NotLookedUp,
            record_fresh_until: Moment::START,
            use_since_look_up: Use::NotAsked,
            vanished: Vanished::No,
            unused_from: now.after(UNUSED_LIMIT).into(),
            passing: Passing::default(),
            jitter,
        }
    }

    /// An entry that knows what one had saved, in this process or an earlier one.
    ///
    /// A policy that has expired meanwhile is dropped. One that was fetched in the future, by this
    /// clock, counts as just fetched. Waits after failures go on.
    pub fn restore(saved: Snapshot, now: Now, mut jitter: Jitter) -> Self {
        let Snapshot { policy, backoff, last_used } = saved;
        let restored = |saved| Slot::restored(saved, now, &mut jitter);
        let slot = policy.map_or(Slot::EMPTY, restored);
        let restored = |saved| Backoff::restored(saved, slot.valid(now), now, &mut jitter);
        let passing = Passing::new(backoff.map(restored));
        let unused = now.since(last_used);
        Self {
            slot,
            passing,
            unused_from: now.after(UNUSED_LIMIT.saturating_sub(unused)).into(),
            ..Self::new(now, jitter)
        }
    }

    /// Takes in what happened. Returns what is to be done.
    #[must_use = "an entry waits for what it has asked for"]
    pub fn handle(&mut self, event: Event, now: Now) -> Vec<Action> {
        let mut actions = Actions::default();
        let cause = match event {
            Event::Asked => self.asked(now),
            Event::Record(token, lookup) => self.record(token, lookup, now, &mut actions),
            Event::Fetched(token, result) => self.fetched(token, result, now, &mut actions),
            Event::Postponed(token) => self.postponed(token),
            Event::Woken => Cause::Time,
            Event::Refresh => self.refresh(now, &mut actions),
            Event::Purge => self.purge(&mut actions),
        };
        self.give_up_overdue_flight(now, &mut actions);
        self.expire(now, &mut actions);
        if self.slot.correct(now) == Corrected::FetchTime {
            actions.save = Save::Needed;
        }
        self.start(cause, now, &mut actions);
        if actions.save == Save::Needed {
            actions.list.push(Action::Save);
        }
        actions.list
    }

    /// Which policy applies now. Memory only: time passes, but nothing changes.
    pub fn verdict(&self, now: Now) -> Verdict<'_> {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
        //# Conversely, if no "live" policy can be discovered via DNS or fetched
        //# via HTTPS, but a valid (non-expired) policy exists in the sender's
        //# cache, the sender MUST apply that cached policy.
        if let Some(held) = self.slot.valid(now) {
            return Verdict::Apply(held);
        }
        if self.passing.flight().is_some() || self.record_fresh_until() <= now.monotonic {
            return Verdict::Pending;
        }
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
        //# If a valid TXT record is found but no policy can be fetched via HTTPS
        //# (for any reason), and there is no valid (non-expired) previously
        //# cached policy, senders MUST continue with delivery as though the
        //# domain has not implemented MTA-STS.
        Verdict::NoPolicy(match &self.record {
            RecordState::NotLookedUp => return Verdict::Pending,
            RecordState::Absent => Absence::NoRecord,
            RecordState::Unusable => Absence::RecordUnusable,
            RecordState::Unknown => Absence::RecordUnknown,
            RecordState::Found(_) => match (self.discovery(), self.backoff()) {
                (Some((at, _)), _) if at <= now.monotonic => return Verdict::Pending,
                (_, Some(backoff)) => Absence::FetchFailed(backoff.failure()),
                (_, None) => Absence::ShortLived,
            },
        })
    }

    /// When to hand in [`Event::Woken`], by the monotonic clock; `None` if only other events matter.
    /// It changes with every event, and right after one it lies ahead.
    pub fn wake_at(&self) -> Option<Duration> {
        let held = self.slot.any();
        // A policy applies to the end of its last moment.
        let expiry = held.map(|held| held.expires().saturating_add(Duration::from_secs(1)));
        if let Some(flight) = self.passing.flight() {
            return Some(expiry.map_or(flight.deadline, |expiry| expiry.min(flight.deadline)));
        }
        let held = held?;
        let look_up = (self.use_since_look_up == Use::Asked).then(|| self.record_fresh_until());
        let fetch = self.next_refresh(held).map(|(at, _)| at);
        [expiry, look_up, fetch].into_iter().flatten().min()
    }

    /// Until when [`Event::Asked`] would change nothing, right after one that asked for nothing: by
    /// the monotonic clock, and not for long. A caller who is asked often may spare itself the
    /// event. Only the moment of the last use gets older by that.
    pub fn quiet_until(&self, now: Now) -> Duration {
        if self.passing.flight().is_some() || self.use_since_look_up == Use::NotAsked {
            return now.monotonic;
        }
        let next = match self.slot.any() {
            Some(held) => self.wake_at().map(|at| at.min(held.expires())),
            None => self.discovery().map(|(at, _)| at),
        };
        let fresh_until = self.record_fresh_until();
        next.map_or(fresh_until, |at| at.min(fresh_until))
    }

    /// Whether the entry may be forgotten to make room: never while a policy applies, and not while
    /// something is under way. Those without [`backoff`](Self::backoff) should go first.
    ///
    /// To forget a policy that applies would be a downgrade, and one that others can induce.
    pub fn evictable(&self, now: Now) -> bool {
        let flying = self.passing.flight().is_some_and(|flight| flight.deadline > now.monotonic);
        self.slot.valid(now).is_none() && !flying
    }

    /// What should outlive the process.
    pub fn snapshot(&self, now: Now) -> Snapshot {
        let policy = self.slot.valid(now).map(|held| SavedPolicy {
            policy: held.fetched().clone(),
            id: held.id().clone(),
            fetched_at: held.fetched_at(),
        });
        let unused = UNUSED_LIMIT.saturating_sub(self.unused_from().saturating_sub(now.monotonic));
        Snapshot {
            policy,
            backoff: self.backoff().map(Backoff::saved),
            last_used: now.wall_before(unused),
        }
    }

    /// What is known of the record, and until when that need not be looked up again, by the
    /// monotonic clock.
    pub fn record_state(&self) -> (&RecordState, Duration) {
        (&self.record, self.record_fresh_until())
    }

    /// The failed fetches, if the last one failed.
    pub fn backoff(&self) -> Option<&Backoff> {
        self.passing.backoff()
    }

    /// What is under way.
    pub fn under_way(&self) -> Option<Errand> {
        self.passing.flight().map(|flight| match flight.kind {
            FlightKind::Record => Errand::Record,
            FlightKind::Policy(_) => Errand::Policy,
        })
    }

    fn record_fresh_until(&self) -> Duration {
        self.record_fresh_until.into()
    }

    fn unused_from(&self) -> Duration {
        self.unused_from.into()
    }
}

#[derive(Default)]
struct Actions {
    list: Vec<Action>,
    save: Save,
}

impl Actions {
    fn note(&mut self, note: Note) {
        self.list.push(Action::Note(note));
    }
}

/// Whether something has changed that should outlive the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Save {
    Needed,
    #[default]
    NotNeeded,
}
