//! One pass over one domain.

use mail_domain::DomainName;
use sealpost_net::SetChange;
use sealpost_rollout::{
    Actor, Ask, Cause, Decision, Entry, Facts, Move, Past, Stage, State as Standing, Step, Time, Waiver,
    decide,
};
use sealpost_store::{Advance, Rollout, Rollouts, WordKind};

use super::reported::Question;
use super::seen::{HostSeen, IdSeen, Seen};
use super::state::State;
use super::{Doing, DriveError, Driver, IN_HAND, Order, SOON, USUAL, due, look, publication};
use crate::{HostWay, PublishedDomain};

/// What one pass over a domain came to.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The domain.
    pub domain: DomainName,
    /// Whether it was known before.
    pub enrolment: Enrolment,
    /// The stage that it was in.
    pub before: Stage,
    /// The stage that it is in now; in a dry run, would be in.
    pub stage: Stage,
    /// What was decided, and what is waited for.
    pub decision: Decision,
    /// The rows that the logbook got.
    pub rows: Vec<Entry>,
    /// What was changed in the zone.
    pub changes: Vec<SetChange>,
    /// What a person, or a lagging server, has to do; a line or more each.
    pub todo: Vec<String>,
    /// Why the order was not carried out.
    pub refused: Option<String>,
    /// When the next pass is due.
    pub due: Time,
}

/// Whether a domain is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolment {
    /// It was.
    Known,
    /// It was taken up in this pass.
    New,
    /// It was not taken up: something is live already, or that could not be told.
    Refused,
}

/// Writes down what happens, in memory and, if it is to be carried out, in the store.
pub(super) struct Ledger {
    pub(super) rollouts: Rollouts,
    pub(super) domain: DomainName,
    pub(super) doing: Doing,
    pub(super) rollout: Rollout,
    pub(super) rows: Vec<Entry>,
    pub(super) now: Time,
}

impl Driver {
    /// Takes a domain in hand if it is due, and passes over it; `None` if it is not due, or in the
    /// hand of another process.
    ///
    /// # Errors
    ///
    /// As [`Self::pass`].
    pub async fn pass_if_due(
        &self,
        published: &PublishedDomain,
        now: Time,
    ) -> Result<Option<Pass>, DriveError> {
        let (rollouts, domain) = (self.store.rollouts(), published.domain.clone());
        if !rollouts.claim(domain, now, now.plus(IN_HAND)).await? {
            return Ok(None);
        }
        self.pass(published, now, Doing::All, None).await.map(Some)
    }

    /// Passes over a domain, due or not: looks at it, decides, carries the decision or the order of
    /// a person out, and publishes what its stage asks for.
    ///
    /// # Errors
    ///
    /// [`DriveError`] if the store fails. What fails in the world is not an error: the next pass
    /// goes on from there.
    pub async fn pass(
        &self,
        published: &PublishedDomain,
        now: Time,
        doing: Doing,
        order: Option<&Order>,
    ) -> Result<Pass, DriveError> {
        let domain = &published.domain;
        let evidence = self.look(published).await;
        let seen = Seen::of(&evidence);
        let rollouts = self.store.rollouts();
        let (enrolment, rollout) = match rollouts.load(domain.clone()).await? {
            Some(rollout) => (Enrolment::Known, rollout),
            None => match stage_to_begin_in(published, &seen) {
                Ok(stage) => {
                    if doing == Doing::All {
                        rollouts.enrol(domain.clone(), stage, now, Past::Unknown).await?;
                    }
                    let history = sealpost_rollout::History::new(now, Past::Unknown);
                    let mx = Vec::new();
                    (Enrolment::New, Rollout { stage, entered_at: now, history, mx })
                }
                Err(why) => return Ok(Pass::refused_enrolment(domain, why, now)),
            },
        };
        let before = rollout.stage;
        let (domain, rows) = (domain.clone(), Vec::new());
        let mut ledger = Ledger { rollouts, domain, doing, rollout, rows, now };
        ledger.observe(published, &seen).await?;

        let kept = ledger.rollouts.watch_state(ledger.domain.clone()).await?;
        let mut state = State::read(kept.as_deref());
        let (facts, decision) =
            self.consider(published, &ledger, &evidence, &seen, &mut state, order).await?;
        let (made, decision, refused) = choose(published, &facts, decision, order);
        if let Some((made, actor)) = &made {
            let waits: Vec<String> = decision.waits().map(|reading| reading.text.clone()).collect();
            let is_forced = facts.wish.is_none() && made.cause == Cause::Wished;
            if let (true, false, Some(order)) = (is_forced, waits.is_empty(), order) {
                ledger.note(order.forced(before, now, &waits)).await?;
            }
            ledger.advance(made, actor.clone()).await?;
            state.live_since = None;
            state.proposed = None;
        } else if let Step::Propose(to) = &decision.step {
            if !state.is_proposed(to) {
                ledger.note(Entry::of_proposal(now, to)).await?;
            }
            state.proposed = Some(to.clone());
        } else {
            state.proposed = None;
        }

        let work = publication::publish(self, published, &mut ledger, &seen).await?;
        let is_busy = made.is_some() || !ledger.rows.is_empty() || !work.changes.is_empty();
        let is_asked = decision.asks.iter().any(|ask| matches!(ask, Ask::CheckNow { .. }));
        let is_urgent = is_busy || work.is_unfinished || (is_asked && before.enforces());
        let wait = if is_urgent { SOON } else { USUAL };
        let due = due(now, wait, &ledger.domain);
        state.todo.clone_from(&work.todo);
        if doing == Doing::All {
            ledger.rollouts.keep_watch(ledger.domain.clone(), due, state.write()).await?;
        }
        let Ledger { domain, rollout, rows, .. } = ledger;
        let (changes, todo) = (work.changes, work.todo);
        let stage = rollout.stage;
        Ok(Pass { domain, enrolment, before, stage, decision, rows, changes, todo, refused, due })
    }

    /// Puts together what is known, and decides.
    async fn consider(
        &self,
        published: &PublishedDomain,
        ledger: &Ledger,
        evidence: &sealpost_evidence::Evidence,
        seen: &Seen,
        state: &mut State,
        order: Option<&Order>,
    ) -> Result<(Facts, Decision), DriveError> {
        let (rollout, now) = (&ledger.rollout, ledger.now);
        let Rollout { stage, entered_at, history, .. } = rollout;
        let words = ledger.rollouts.words(ledger.domain.clone()).await?;
        let check =
            look::check(evidence, *stage, &published.own_networks, state.check.as_ref(), now);
        let question = Question {
            domain: &ledger.domain,
            settings: &published.settings,
            entered_at: *entered_at,
            now,
            evidence,
            history,
            words: &words,
        };
        let reported = question.read(&self.store.reports()).await?;
        let spike = reported.spike.map(|mut spike| {
            let known = state.spike.as_ref().filter(|known| known.day == spike.day);
            spike.noticed_at = known.map_or(now, |known| known.noticed_at);
            spike
        });
        let live = publication::live(published, rollout, seen, state.live_since, now)?;
        match &live {
            sealpost_rollout::Live::AsAsked { since } => state.live_since = Some(*since),
            sealpost_rollout::Live::Differs { .. } => state.live_since = None,
            sealpost_rollout::Live::Unknown { .. } => {}
        }
        state.check = Some(check.clone());
        state.spike.clone_from(&spike);
        let waiver = words.iter().rev().find(|word| {
            word.kind == WordKind::Waived && word.subject == stage.as_str() && word.at >= *entered_at
        });
        let facts = Facts {
            now,
            stage: *stage,
            entered_at: *entered_at,
            live,
            check: Some(check),
            traffic: reported.traffic,
            groups: reported.groups,
            spike,
            wish: order.and_then(|order| order.wish(*stage)),
            waiver: waiver.map(|word| Waiver {
                stage: *stage,
                by: word.by.clone(),
                reason: word.reason.clone(),
                at: word.at,
            }),
            horizon: history.horizon(),
        };
        let decision = decide(&published.settings, &facts);
        Ok((facts, decision))
    }
}

/// The move that is made, and by whom; the decision; and why an order is not carried out.
fn choose(
    published: &PublishedDomain,
    facts: &Facts,
    decision: Decision,
    order: Option<&Order>,
) -> (Option<(Move, Actor)>, Decision, Option<String>) {
    if published.mode.fixed().is_some() {
        let decision =
            Decision { step: Step::Stay, readings: Vec::new(), asks: Vec::new(), look_again_at: None };
        let refused = order.map(|_| {
            "its mode is fixed in the configuration; with mode = \"managed\" stages decide".to_owned()
        });
        return (None, decision, refused);
    }
    match (order, &decision.step) {
        (Some(order), _) => {
            let judged = match (&facts.wish, &decision.step) {
                (Some(_), Step::Go(made)) => Ok(made.clone()),
                _ => order.judge(facts.stage, &decision),
            };
            match judged {
                Ok(mut made) => {
                    let reason = format!("{}: {}", order.by, order.reason);
                    if !made.grounds.contains(&reason) {
                        made.grounds.insert(0, reason);
                    }
                    (Some((made, Actor::Person(order.by.clone()))), decision, None)
                }
                Err(why) => (None, decision, Some(why)),
            }
        }
        (None, Step::Go(made)) => (Some((made.clone(), Actor::Itself)), decision, None),
        (None, Step::Propose(_) | Step::Stay) => (None, decision, None),
    }
}

/// Where a domain that nobody knows yet begins; or why it is not taken up.
fn stage_to_begin_in(published: &PublishedDomain, seen: &Seen) -> Result<Stage, String> {
    let adopt = format!(
        "something is live already: take it over as it is, with `sealpost publish adopt {}`",
        published.domain
    );
    match (&seen.host, &seen.id) {
        (HostSeen::Nothing, IdSeen::Nothing) => Ok(Stage::Nothing),
        (HostSeen::Bodies { .. }, _) | (_, IdSeen::Id(..)) => Err(adopt),
        (HostSeen::Unknown { some, .. }, _) if !some.is_empty() => Err(adopt),
        // No policy is to be found without a record, whatever its host does.
        (HostSeen::Unknown { .. }, IdSeen::Nothing) => Ok(Stage::Nothing),
        (_, IdSeen::Unknown(why)) => Err(format!("could not tell what is live: {why}")),
    }
}

impl Pass {
    fn refused_enrolment(domain: &DomainName, why: String, now: Time) -> Self {
        Self {
            domain: domain.clone(),
            enrolment: Enrolment::Refused,
            before: Stage::Nothing,
            stage: Stage::Nothing,
            decision: Decision {
                step: Step::Stay,
                readings: Vec::new(),
                asks: Vec::new(),
                look_again_at: None,
            },
            rows: Vec::new(),
            changes: Vec::new(),
            todo: vec![why],
            refused: None,
            due: due(now, USUAL, domain),
        }
    }

    /// What is waited for.
    pub fn waits(&self) -> impl Iterator<Item = &str> {
        let waits = self.decision.readings.iter().filter(|one| one.state == Standing::Waits);
        waits.map(|reading| reading.text.as_str())
    }
}

impl Ledger {
    /// Takes down what is live where others see to it. The history is then what was seen.
    async fn observe(&mut self, published: &PublishedDomain, seen: &Seen) -> Result<(), DriveError> {
        if published.host == HostWay::External {
            self.observe_host(&seen.host).await?;
        }
        if published.dns == crate::DnsWay::Manual {
            match &seen.id {
                IdSeen::Id(id, ttl) => {
                    self.announce(Some(id.clone()), *ttl, Actor::Observed).await?;
                }
                IdSeen::Nothing => {
                    self.announce(None, std::time::Duration::ZERO, Actor::Observed).await?;
                }
                IdSeen::Unknown(_) => {}
            }
        }
        if let (Some((hosts, ttl)), Doing::All) = (&seen.mail_hosts, self.doing) {
            let (domain, none) = (self.domain.clone(), std::time::Duration::ZERO);
            self.rollouts.set_mx(domain, hosts.clone(), *ttl, self.now, none).await?;
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
            mta_sts::Policy::parse(body).ok().is_some_and(|policy| Some(&policy) == live.as_ref())
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

    /// A body is served from now on.
    pub(super) async fn serve(
        &mut self,
        body: Option<Vec<u8>>,
        by: Actor,
    ) -> Result<(), DriveError> {
        let none = std::time::Duration::ZERO;
        let policy = body.as_deref().and_then(|body| mta_sts::Policy::parse(body).ok());
        let terms = policy.as_ref().map_or_else(
            || "none".to_owned(),
            |policy| format!("{} {}", policy.mode(), policy.max_age()),
        );
        match &body {
            Some(_) => self.rollout.history.serve(policy, self.now, none),
            None => self.rollout.history.stop_serving(self.now),
        }
        if self.doing == Doing::All {
            self.rollouts.serve(self.domain.clone(), body, self.now, none).await?;
        }
        let event = sealpost_rollout::Event::BodyServed { terms };
        self.note(Entry { at: self.now, by, event, grounds: Vec::new() }).await
    }

    /// An id is announced from now on, and every server has it.
    pub(super) async fn announce(
        &mut self,
        id: Option<mta_sts::PolicyId>,
        ttl: std::time::Duration,
        by: Actor,
    ) -> Result<(), DriveError> {
        let known = self.rollout.history.live_id().map(|live| live.id.clone());
        let none = std::time::Duration::ZERO;
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
        let event = sealpost_rollout::Event::IdAnnounced { id };
        self.note(Entry { at: self.now, by, event, grounds: Vec::new() }).await
    }

    async fn advance(&mut self, made: &Move, by: Actor) -> Result<(), DriveError> {
        let entry = Entry::of_move(self.now, by, made);
        if self.doing == Doing::All {
            let (domain, row) = (self.domain.clone(), entry.clone());
            let advanced = self.rollouts.advance(domain.clone(), made.from, made.to, row).await?;
            if advanced == Advance::Elsewhere {
                if let Some(rollout) = self.rollouts.load(domain).await? {
                    self.rollout = rollout;
                }
                return Ok(());
            }
        }
        self.rollout.stage = made.to;
        self.rollout.entered_at = self.now;
        self.rows.push(entry);
        Ok(())
    }

    pub(super) async fn note(&mut self, entry: Entry) -> Result<(), DriveError> {
        if self.doing == Doing::All {
            self.rollouts.note(self.domain.clone(), entry.clone()).await?;
        }
        self.rows.push(entry);
        Ok(())
    }
}
