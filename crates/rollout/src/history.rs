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
//! Bodies and ids lie in one order, that in which they were written down. A clock that was put back,
//! or two changes within one second, cannot turn it round: what comes later begins later.
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

/// By which two beginnings are told apart: times are whole seconds.
const INSTANT: Duration = Duration::from_secs(1);

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

impl Horizon {
    /// May something be held at this time still?
    pub fn is_ahead(self, now: Time) -> bool {
        match self {
            Self::Nobody => false,
            Self::Until(until) => until > now,
            Self::Open => true,
        }
    }
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

impl Past {
    /// In a sentence, whoever says it.
    pub fn words(self) -> String {
        match self {
            Self::Unknown => "nobody knows what was served before: it counts as a year".to_owned(),
            Self::AtMost(max_age) => {
                format!("no policy before had a longer max_age than {max_age}")
            }
            Self::Nothing => "no policy was served before".to_owned(),
        }
    }
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

impl MxSet {
    /// These hosts are published at this time, in the place of those before. Where they are already,
    /// the longest TTL counts.
    pub fn publish(sets: &mut Vec<Self>, mut hosts: Vec<DomainName>, ttl: Duration, at: Time) {
        hosts.sort();
        hosts.dedup();
        let is_live = |set: &&mut Self| set.until.is_none();
        if let Some(live) = sets.iter_mut().filter(is_live).find(|set| set.hosts == hosts) {
            live.ttl = live.ttl.max(ttl);
            return;
        }
        for set in sets.iter_mut().filter(is_live) {
            set.until = Some(at);
        }
        sets.push(Self { hosts, ttl, until: None });
    }
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

    /// The same bodies and ids in the same order, at other times.
    pub(crate) fn moved(
        &self,
        known_since: Time,
        bodies: Vec<Served>,
        ids: Vec<Announced>,
    ) -> Self {
        Self { past: self.past, known_since, bodies, ids }
    }

    /// When it begins.
    pub(crate) fn known_since(&self) -> Time {
        self.known_since
    }

    /// A person states what was before.
    pub fn state_past(&mut self, past: Past) {
        self.past = past;
    }

    /// A body goes live at this time, or as soon after it as its place in the order asks for, and
    /// within `spread` takes the place of every other. One that is live already stays as it is.
    pub fn serve(&mut self, policy: Option<Policy>, at: Time, spread: Duration) {
        if self.bodies.iter().any(|body| body.until.is_none() && body.policy == policy) {
            return;
        }
        let since = body_time(at, self.last_body_at(), self.last_id_at());
        self.end_bodies(since.plus(spread));
        self.bodies.push(Served { policy, since, until: None });
    }

    /// From this time on no body is served, anywhere.
    pub fn stop_serving(&mut self, until: Time) {
        self.end_bodies(body_time(until, None, self.last_id_at()));
    }

    fn end_bodies(&mut self, until: Time) {
        for body in self.bodies.iter_mut().filter(|body| body.until.is_none()) {
            body.until = Some(until.max(body.since));
        }
    }

    /// An id goes live at this time, or as soon after it as its place in the order asks for, and
    /// within `spread` takes the place of every other on every server of the zone. One that is live
    /// already stays.
    pub fn announce(&mut self, id: PolicyId, at: Time, ttl: Duration, spread: Duration) {
        if let Some(live) = self.ids.iter_mut().find(|old| old.until.is_none() && old.id == id) {
            live.ttl = live.ttl.max(ttl);
            return;
        }
        let since = id_time(at, self.last_body_at(), self.last_id_at());
        self.end_ids(since.plus(spread));
        self.ids.push(Announced { id, since, until: None, ttl });
    }

    /// From this time on there is no record, on any server.
    pub fn stop_announcing(&mut self, until: Time) {
        self.end_ids(id_time(until, self.last_body_at(), None));
    }

    fn end_ids(&mut self, until: Time) {
        for id in self.ids.iter_mut().filter(|id| id.until.is_none()) {
            id.until = Some(until.max(id.since));
        }
    }

    fn last_body_at(&self) -> Option<Time> {
        self.bodies.iter().map(|body| body.since).max()
    }

    fn last_id_at(&self) -> Option<Time> {
        self.ids.iter().map(|id| id.since).max()
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

    /// When no resolver can remember a record any more that was taken away; none if none was.
    pub fn records_forgotten_at(&self) -> Option<Time> {
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

    /// The same of what was served since the history begins: the unknown past left out.
    pub fn known_horizon(&self) -> Horizon {
        self.bodies_held_until(|policy| policy.mode() != Mode::None)
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
        past.max(self.bodies_held_until(counts))
    }

    fn bodies_held_until(&self, counts: impl Fn(&Policy) -> bool) -> Horizon {
        let known = self.bodies.iter().filter_map(|body| {
            let policy = body.policy.as_ref().filter(|policy| counts(policy))?;
            Some(self.body_held_until(body, policy.max_age()))
        });
        known.fold(Horizon::Nobody, Horizon::max)
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

/// When a body counts as first served, or as served no longer: after every id that was announced
/// before. Else a clock that was put back, or two changes within one second, would make it seem to
/// be the older one, and the id of another body to be its own.
pub fn body_time(at: Time, last_body: Option<Time>, last_id: Option<Time>) -> Time {
    let next = |last: Option<Time>| last.map_or(at, |last| last.plus(INSTANT));
    at.max(next(last_body)).max(next(last_id))
}

/// When an id counts as first announced, or as announced no longer: not before a body that was served
/// before, and after every other id.
pub fn id_time(at: Time, last_body: Option<Time>, last_id: Option<Time>) -> Time {
    let next = last_id.map_or(at, |last| last.plus(INSTANT));
    at.max(last_body.unwrap_or(at)).max(next)
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
            Self::Unknown => f.write_str(&self.words()),
            Self::AtMost(_) | Self::Nothing => write!(f, "stated: {}", self.words()),
        }
    }
}
