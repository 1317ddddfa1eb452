//! Every policy that was ever served, and until when some sender may still hold one.
//!
//! A sender may use a policy for its `max_age` after it fetched it. So much is plain. But senders
//! differ in what they do with the id of the record, and what is computed here is true for all of
//! them:
//!
//! * one that looks at the id, and one that never does until its policy expires;
//! * one that takes an unchanged id for a reason to keep what it holds for another `max_age`, without
//!   a fetch (postfix-mta-sts-resolver does). For it a policy lives on for as long as the id that it
//!   was fetched under is announced, and then for the record's TTL, and then for its `max_age`.
//!
//! Hence a body and the ids that were visible while it was served belong together, and a body that
//! was replaced under an unchanged id, or after the id, is not over.
//!
//! # Limitations
//!
//! What was served before we knew a domain is one policy that lives for [`MaxAge::MAX`] and of which
//! no host is known to be covered, until a person states otherwise. Like every policy it lives on
//! under the id that was announced when the history begins, so that id has to be changed once.

use std::{fmt, time::Duration};

use mail_domain::DomainName;
use mta_sts::{MaxAge, Mode, MxPattern, Policy, PolicyId};

use crate::Time;

/// Added to every horizon: for fetches that were under way, and for clocks that differ. Ten minutes.
pub const MARGIN: Duration = Duration::from_secs(600);

/// What a record of the unknown past counts as: nobody knows the TTL that it had. One day.
const PAST_TTL: Duration = Duration::from_secs(86_400);

/// Until when something may be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Horizon {
    /// By nobody, at any time.
    Nobody,
    /// Until then, and not at that moment any more.
    Until(Time),
    /// It can still be fetched, or is kept alive by an id that is still announced.
    Open,
}

/// A body, and when it was served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Served {
    /// What senders take from it; `None` if they can take nothing, and hold nothing because of it.
    pub policy: Option<Policy>,
    /// When it was first served, anywhere.
    pub since: Time,
    /// When it was surely no longer served, anywhere; `None` while it is. Of a body that was
    /// observed this is the time of the first look that did not see it.
    pub until: Option<Time>,
}

/// An id, and when it was announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The id.
    pub id: PolicyId,
    /// When it was first in the zone, on any server.
    pub since: Time,
    /// When it was surely in it no longer, on any server; `None` while it is.
    pub until: Option<Time>,
    /// The TTL of the record, the longest that it had.
    pub ttl: Duration,
}

/// What was served before the history begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// Nobody knows: it counts as [`MaxAge::MAX`].
    Unknown,
    /// A person states that no policy had a longer `max_age`.
    AtMost(MaxAge),
    /// A person states that there was none.
    Nothing,
}

/// Every policy that was ever served for a domain, and every id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    past: Past,
    known_since: Time,
    bodies: Vec<Served>,
    ids: Vec<Announced>,
}

/// An MX RRset, and when it was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MxSet {
    /// The hosts.
    pub hosts: Vec<DomainName>,
    /// The TTL, the longest that it had.
    pub ttl: Duration,
    /// When it was surely no longer published, on any server; `None` while it is.
    pub until: Option<Time>,
}

impl History {
    /// A history that begins now.
    pub fn new(known_since: Time, past: Past) -> Self {
        Self { past, known_since, bodies: Vec::new(), ids: Vec::new() }
    }

    /// The history that was kept: bodies and ids in any order.
    pub fn of(
        known_since: Time,
        past: Past,
        mut bodies: Vec<Served>,
        mut ids: Vec<Announced>,
    ) -> Self {
        bodies.sort_by_key(|body| body.since);
        ids.sort_by_key(|id| id.since);
        Self { past, known_since, bodies, ids }
    }

    /// A person states what was before.
    pub fn state_past(&mut self, past: Past) {
        self.past = past;
    }

    /// A body goes live at this time, and within `spread` takes the place of every other. One that
    /// is live already stays as it is.
    pub fn serve(&mut self, policy: Option<Policy>, at: Time, spread: Duration) {
        if self.bodies.iter().any(|body| body.until.is_none() && body.policy == policy) {
            return;
        }
        self.stop_serving(at.plus(spread));
        self.bodies.push(Served { policy, since: at, until: None });
    }

    /// From this time on no body is served, anywhere.
    pub fn stop_serving(&mut self, until: Time) {
        for body in self.bodies.iter_mut().filter(|body| body.until.is_none()) {
            body.until = Some(until.max(body.since));
        }
    }

    /// An id goes live at this time, and within `spread` takes the place of every other on every
    /// server of the zone. One that is live already stays.
    pub fn announce(&mut self, id: PolicyId, at: Time, ttl: Duration, spread: Duration) {
        if let Some(live) = self.ids.iter_mut().find(|old| old.until.is_none() && old.id == id) {
            live.ttl = live.ttl.max(ttl);
            return;
        }
        self.stop_announcing(at.plus(spread));
        self.ids.push(Announced { id, since: at, until: None, ttl });
    }

    /// From this time on there is no record, on any server.
    pub fn stop_announcing(&mut self, until: Time) {
        for id in self.ids.iter_mut().filter(|id| id.until.is_none()) {
            id.until = Some(until.max(id.since));
        }
    }

    /// The newest body that is served, if there is one that senders can use.
    pub fn live(&self) -> Option<&Policy> {
        self.live_body()?.policy.as_ref()
    }

    /// The newest body that is served.
    pub fn live_body(&self) -> Option<&Served> {
        self.bodies.iter().rev().find(|body| body.until.is_none())
    }

    /// The id that is announced.
    pub fn live_id(&self) -> Option<&Announced> {
        self.ids.iter().rev().find(|id| id.until.is_none())
    }

    /// When no resolver can remember a record any more that was taken away.
    pub(crate) fn records_forgotten_at(&self) -> Option<Time> {
        let ends = self.ids.iter().filter_map(|id| Some(id.until?.plus(id.ttl).plus(MARGIN)));
        ends.max()
    }

    /// Every body, the oldest first.
    pub fn bodies(&self) -> &[Served] {
        &self.bodies
    }

    /// Every id, the oldest first.
    pub fn ids(&self) -> &[Announced] {
        &self.ids
    }

    /// Does the live body wait for an id of its own? So it is if the announced id is older than the
    /// body, which is the right order; and if the body came after its id, which is the wrong one:
    /// then senders hold the old body under the new id.
    pub fn is_id_older(&self) -> bool {
        match (self.live_body(), self.live_id()) {
            (Some(body), Some(id)) => id.since < body.since,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }

    /// Has the id to be changed before the cache horizon can pass? So it is if the live body waits
    /// for one; and if the id was there before the history begins: it may have stood for bodies that
    /// nobody knows.
    pub fn is_id_due(&self) -> bool {
        let is_of_the_past = self.live_id().is_some_and(|id| self.may_be_of_the_past(id));
        self.is_id_older() || (is_of_the_past && self.live_body().is_some())
    }

    /// The id to announce for a body at a time: that of its content, unless it was announced
    /// before. Some sender may hold another body under it, and would take the old id for news that
    /// nothing has changed. Then it is one made of the time.
    pub fn id_for(&self, policy: &Policy, at: Time) -> PolicyId {
        //= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
        //# This string MUST uniquely identify a given instance of a
        //# policy, such that senders can determine when the policy has been
        //# updated by comparing to the "id" of a previously seen policy.
        let is_new = |id: &PolicyId| self.ids.iter().all(|old| old.id != *id);
        let content = policy.id();
        if is_new(&content) {
            return content;
        }
        let times = (at.seconds()..).map(PolicyId::from_time);
        times.into_iter().find(is_new).unwrap_or(content)
    }

    /// Until when some sender may hold a policy that is not of mode none.
    pub fn horizon(&self) -> Horizon {
        self.held_until(|policy| policy.mode() != Mode::None)
    }

    /// Until when some sender may hold a policy of mode enforce that leaves one of these uncovered.
    /// Until then it would not deliver there.
    pub fn refused_until(&self, targets: &[MxPattern]) -> Horizon {
        self.held_until(|policy| {
            policy.mode() == Mode::Enforce && !targets.iter().all(|target| covers(policy, target))
        })
    }

    /// Until when some sender may hold a body of such a policy. The unknown past counts.
    fn held_until(&self, counts: impl Fn(&Policy) -> bool) -> Horizon {
        let past = match self.past {
            Past::Unknown => Some(MaxAge::MAX),
            Past::AtMost(max_age) => Some(max_age),
            Past::Nothing => None,
        };
        let past = past.map_or(Horizon::Nobody, |max_age| self.past_held_until(max_age));
        let known = self.bodies.iter().filter_map(|body| {
            let policy = body.policy.as_ref().filter(|policy| counts(policy))?;
            Some(self.body_held_until(body, policy.max_age()))
        });
        known.fold(past, Horizon::max)
    }

    /// Until when some sender may hold what was served before the history begins.
    fn past_held_until(&self, max_age: MaxAge) -> Horizon {
        let mut until = self.known_since.plus(PAST_TTL);
        for id in self.ids.iter().filter(|id| self.may_be_of_the_past(id)) {
            match id.until {
                None => return Horizon::Open,
                Some(end) => until = until.max(end.plus(id.ttl)),
            }
        }
        Horizon::Until(until.plus(max_age.as_duration()).plus(MARGIN))
    }

    /// Was it announced when the history begins, for bodies that nobody knows?
    fn may_be_of_the_past(&self, id: &Announced) -> bool {
        self.past != Past::Nothing && id.since <= self.known_since
    }

    /// Until when some sender may hold this body.
    fn body_held_until(&self, body: &Served, max_age: MaxAge) -> Horizon {
        let Some(mut until) = body.until else { return Horizon::Open };
        // Ids under which a sender may have fetched it: those that were visible, in the zone or in
        // a cache of DNS, at a time when it was served.
        let visible_until = |id: &Announced| id.until.map(|until| until.plus(id.ttl));
        let fetched_under: Vec<&PolicyId> = self
            .ids
            .iter()
            .filter(|id| {
                let begins_in_time = body.until.is_none_or(|until| id.since < until);
                let ends_in_time = visible_until(id).is_none_or(|until| until > body.since);
                begins_in_time && ends_in_time
            })
            .map(|id| &id.id)
            .collect();
        // Such an id keeps it alive while it can be seen, also when it comes back in time.
        for id in self.ids.iter().filter(|id| fetched_under.contains(&&id.id)) {
            let is_in_time = id.since < until.plus(max_age.as_duration()).plus(MARGIN);
            match visible_until(id) {
                None if is_in_time => return Horizon::Open,
                Some(seen_until) if is_in_time => until = until.max(seen_until),
                None | Some(_) => {}
            }
        }
        Horizon::Until(until.plus(max_age.as_duration()).plus(MARGIN))
    }
}

/// Does a policy cover every host that this pattern stands for?
pub(crate) fn covers(policy: &Policy, target: &MxPattern) -> bool {
    policy.mx().iter().any(|pattern| includes(pattern, target))
}

/// Does one pattern allow every host that the other stands for?
pub(crate) fn includes(pattern: &MxPattern, target: &MxPattern) -> bool {
    pattern == target || (!target.is_wildcard() && pattern.matches(target.base()))
}

/// Until when some sender may see an MX RRset with a host of this kind, published or in a cache of
/// DNS.
pub fn mx_seen<'a>(
    sets: impl IntoIterator<Item = &'a MxSet>,
    host: impl Fn(&DomainName) -> bool,
) -> Horizon {
    let with_host = sets.into_iter().filter(|set| set.hosts.iter().any(&host));
    let seen = with_host.map(|set| match set.until {
        None => Horizon::Open,
        Some(until) => Horizon::Until(until.plus(set.ttl).plus(MARGIN)),
    });
    seen.max().unwrap_or(Horizon::Nobody)
}

impl fmt::Display for Past {
    /// As a ground in the logbook.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => {
                f.write_str("nobody knows what was served before: it counts as a year")
            }
            Self::AtMost(max_age) => {
                write!(f, "stated: no policy before had a longer max_age than {max_age}")
            }
            Self::Nothing => f.write_str("stated: no policy was served before"),
        }
    }
}
