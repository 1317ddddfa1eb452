//! What happens to a domain, written down: in memory, and in the store if it is carried out.

use std::time::Duration;

use mail_domain::DomainName;
use mta_sts::{Policy, PolicyId};
use sealpost_rollout::{Actor, Cause, Entry, Event, Move, MxSet, Past, Reckoning, Time};
use sealpost_store::{Advance, Rollout, Rollouts};

use super::configured::Configured;
use super::seen::{HostSeen, IdSeen, Seen};
use super::{Doing, DriveError, Enrolment};
use crate::{DnsWay, HostWay, PublishedDomain};

/// Writes down what happens, in memory and, if it is to be carried out, in the store.
pub(super) struct Ledger {
    pub(super) rollouts: Rollouts,
    pub(super) configured: Configured,
    pub(super) domain: DomainName,
    pub(super) doing: Doing,
    pub(super) rollout: Rollout,
    /// How long ago what is in it was.
    pub(super) reckoning: Reckoning,
    pub(super) rows: Vec<Entry>,
    pub(super) now: Time,
}

impl Ledger {
    /// Takes down what is live where others see to it. The history is then what was seen.
    pub(super) async fn observe(
        &mut self,
        published: &PublishedDomain,
        seen: &Seen,
    ) -> Result<(), DriveError> {
        if published.host == HostWay::External {
            self.observe_host(&seen.host).await?;
        }
        if published.dns == DnsWay::Manual {
            match &seen.id {
                IdSeen::Id(id, ttl) => {
                    let before = self.rollout.history.ids().iter().map(|id| id.ttl).max();
                    let (id, longest) = (Some(id.clone()), ttl.longest(before));
                    self.announce(id, longest, Actor::Observed, ttl.remark()).await?;
                }
                IdSeen::Nothing => {
                    self.announce(None, Duration::ZERO, Actor::Observed, None).await?;
                }
                IdSeen::Unknown(_) => {}
            }
        }
        if let Some((hosts, ttl)) = &seen.mail_hosts {
            let before = self.rollout.mx.iter().map(|set| set.ttl).max();
            let ttl = ttl.longest(before);
            // Also in memory: this pass already has to know that others were there until now.
            MxSet::publish(&mut self.rollout.mx, hosts.clone(), ttl, self.now);
            if self.doing == Doing::All {
                let (domain, none) = (self.domain.clone(), Duration::ZERO);
                self.rollouts.set_mx(domain, hosts.clone(), ttl, self.now, none).await?;
            }
        }
        Ok(())
    }

    async fn observe_host(&mut self, host: &HostSeen) -> Result<(), DriveError> {
        let (bodies, is_whole) = match host {
            HostSeen::Nothing => {
                if self.rollout.history.live_body().is_some() {
                    self.serve(None, Actor::Observed).await?;
                }
                return Ok(());
            }
            HostSeen::Bodies { bodies, everywhere } => (bodies, *everywhere),
            HostSeen::Unknown { some, .. } => (some, false),
        };
        let live = self.rollout.history.live().cloned();
        let is_live = |body: &[u8]| {
            Policy::parse(body).ok().is_some_and(|policy| Some(&policy) == live.as_ref())
        };
        let mut others: Vec<&Vec<u8>> = bodies.iter().filter(|body| !is_live(body)).collect();
        others.sort();
        let still = bodies.iter().find(|body| is_live(body));
        for body in &others {
            self.serve(Some((*body).clone()), Actor::Observed).await?;
        }
        // Somebody still serves the old one, or may: senders go on fetching it.
        if let (Some(old), false) = (&live, others.is_empty())
            && (still.is_some() || !is_whole)
        {
            let body = still.cloned().unwrap_or_else(|| old.to_string().into_bytes());
            self.serve(Some(body), Actor::Observed).await?;
        }
        Ok(())
    }

    /// A policy of ours is served from now on, if it is still the one that is configured; says
    /// whether it is.
    pub(super) async fn publish(
        &mut self,
        published: &PublishedDomain,
        policy: &Policy,
    ) -> Result<bool, DriveError> {
        let configured = self.configured.clone();
        let Some(_hold) = configured.hold(published).await else { return Ok(false) };
        self.serve(Some(policy.to_string().into_bytes()), Actor::Itself).await?;
        Ok(true)
    }

    /// Nothing is served any more, if that is still what is configured; says whether it is.
    pub(super) async fn unpublish(
        &mut self,
        published: &PublishedDomain,
    ) -> Result<bool, DriveError> {
        let configured = self.configured.clone();
        let Some(_hold) = configured.hold(published).await else { return Ok(false) };
        self.serve(None, Actor::Itself).await?;
        Ok(true)
    }

    /// A body is served from now on.
    pub(super) async fn serve(
        &mut self,
        body: Option<Vec<u8>>,
        by: Actor,
    ) -> Result<(), DriveError> {
        let none = Duration::ZERO;
        let policy = body.as_deref().and_then(|body| Policy::parse(body).ok());
        let event = Event::of_body(policy.as_ref());
        match &body {
            Some(_) => self.rollout.history.serve(policy, self.now, none),
            None => self.rollout.history.stop_serving(self.now),
        }
        if self.doing == Doing::All {
            self.rollouts.serve(self.domain.clone(), body, self.now, none).await?;
        }
        self.note(Entry { at: self.now, by, event, grounds: Vec::new() }).await
    }

    /// An id is announced from now on, and every server has it.
    pub(super) async fn announce(
        &mut self,
        id: Option<PolicyId>,
        ttl: Duration,
        by: Actor,
        remark: Option<String>,
    ) -> Result<(), DriveError> {
        let known = self.rollout.history.live_id().map(|live| live.id.clone());
        let none = Duration::ZERO;
        let is_news = known != id;
        match &id {
            Some(id) => self.rollout.history.announce(id.clone(), self.now, ttl, none),
            None => self.rollout.history.stop_announcing(self.now),
        }
        if self.doing == Doing::All {
            let domain = self.domain.clone();
            self.rollouts.announce(domain, id.clone(), ttl, self.now, none).await?;
        }
        if !is_news {
            return Ok(());
        }
        let id = id.map_or("none".to_owned(), |id| id.to_string());
        let event = Event::IdAnnounced { id };
        let grounds = remark.into_iter().collect();
        self.note(Entry { at: self.now, by, event, grounds }).await
    }

    /// Where the configuration fixes the mode, the stage is the one that the policy fits.
    pub(super) async fn settle(
        &mut self,
        published: &PublishedDomain,
        enrolment: Enrolment,
    ) -> Result<(), DriveError> {
        let from = self.rollout.stage;
        let Some(stage) = published.fixed_stage().filter(|stage| *stage != from) else {
            return Ok(());
        };
        let configured = self.configured.clone();
        let Some(_hold) = configured.hold(published).await else { return Ok(()) };
        let is_new = enrolment == Enrolment::New;
        let grounds = if is_new { vec![Past::Unknown.to_string()] } else { Vec::new() };
        let made = Move { from, to: stage, cause: Cause::Configured, mark: None, grounds };
        // Where it went elsewhere meanwhile, the next pass settles it.
        self.advance(&made, Actor::Itself, None).await.map(drop)
    }

    /// Makes a move, with a row that goes before its own. A domain that is no longer where the move
    /// begins stays where it is, and neither row is written: what is known of it is then what is kept.
    pub(super) async fn advance(
        &mut self,
        made: &Move,
        by: Actor,
        before: Option<Entry>,
    ) -> Result<Advance, DriveError> {
        let entry = Entry::of_move(self.now, by, made);
        if self.doing == Doing::All {
            let (domain, rows) = (self.domain.clone(), (before.clone(), entry.clone()));
            let (from, to) = (made.from, made.to);
            let advanced = self.rollouts.advance(domain.clone(), from, to, rows.0, rows.1).await?;
            if advanced == Advance::Elsewhere {
                if let Some(rollout) = self.rollouts.load(domain).await? {
                    self.rollout = rollout;
                }
                return Ok(advanced);
            }
        }
        self.rollout.stage = made.to;
        self.rollout.entered_at = self.now;
        self.rows.extend(before);
        self.rows.push(entry);
        Ok(Advance::Done)
    }

    pub(super) async fn note(&mut self, entry: Entry) -> Result<(), DriveError> {
        if self.doing == Doing::All {
            self.rollouts.note(self.domain.clone(), entry.clone()).await?;
        }
        self.rows.push(entry);
        Ok(())
    }
}
