//! One pass over one domain.

use mail_domain::DomainName;
use sealpost_net::SetChange;
use sealpost_rollout::{
    Actor, Ask, Cause, CheckVerdict, ClockReading, Decision, Entry, Event, Facts, Move, Past,
    Reckoning, Recorded, Stage, State as Standing, Step, Time, Waiver, decide, ending_soon,
};
use sealpost_store::{Advance, Rollout, WordKind};

use super::ledger::Ledger;
use super::reported::Question;
use super::seen::{HostSeen, IdSeen, Seen};
use super::state::State;
use super::{
    Doing, DriveError, Driver, IN_HAND, LATEST, Order, Refusal, SOON, USUAL, due, look,
    publication, turn_away,
};
use crate::{PassFailure, PublishedDomain};

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
    /// What could not be told. The next pass asks again.
    pub untold: Vec<String>,
    /// What went wrong meanwhile. The next pass goes on from there.
    pub failures: Vec<PassFailure>,
    /// Why the order was not carried out.
    pub refused: Option<String>,
    /// What was to follow from the move at once and did not, and why: the next pass goes on.
    pub remains: Option<String>,
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
        reading: &ClockReading,
    ) -> Result<Option<Pass>, DriveError> {
        let (rollouts, domain) = (self.store.rollouts(), published.domain.clone());
        let now = reading.now;
        if !rollouts.claim(domain, now, now.plus(IN_HAND), now.plus(LATEST)).await? {
            return Ok(None);
        }
        self.pass(published, reading, Doing::All, None).await.map(Some)
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
        reading: &ClockReading,
        doing: Doing,
        order: Option<&Order>,
    ) -> Result<Pass, DriveError> {
        let evidence = self.look(published).await;
        let seen = self.see(published, &evidence).await;
        self.pass_on(published, reading, doing, order, (&evidence, &seen)).await
    }

    /// The rest of a pass, when it has looked.
    async fn pass_on(
        &self,
        published: &PublishedDomain,
        reading: &ClockReading,
        doing: Doing,
        order: Option<&Order>,
        (evidence, seen): (&sealpost_evidence::Evidence, &Seen),
    ) -> Result<Pass, DriveError> {
        let (domain, now) = (&published.domain, reading.now);
        let rollouts = self.store.rollouts();
        let (enrolment, rollout) = match rollouts.load(domain.clone()).await? {
            Some(rollout) => (Enrolment::Known, rollout),
            None => match stage_to_begin_in(published, seen) {
                Ok(stage) => {
                    if doing == Doing::All {
                        rollouts.enrol(domain.clone(), stage, now, Past::Unknown).await?;
                    }
                    let history = sealpost_rollout::History::new(now, Past::Unknown);
                    let mx = Vec::new();
                    (Enrolment::New, Rollout { stage, entered_at: now, history, mx })
                }
                Err(why) => {
                    let due = due(now, IN_HAND, domain);
                    if doing == Doing::All {
                        turn_away(&rollouts, [(domain.clone(), why.clone())], (now, due)).await?;
                    }
                    return Ok(Pass::refused_enrolment(domain, why, due));
                }
            },
        };
        let before = rollout.stage;
        let (domain, rows) = (domain.clone(), Vec::new());
        let configured = self.configured.clone();
        let kept = rollouts.watch_state(domain.clone()).await?;
        let mut state = State::read(kept.as_deref());
        state.parted_at = None;
        let (reckoning, lapse) =
            Reckoning::resume(state.reckoning.take(), reading, recorded(&rollout));
        let mut ledger =
            Ledger { rollouts, configured, domain, doing, rollout, reckoning, rows, now };
        state.lapse(&lapse, ledger.reckoning.now());
        if let Some(what) = lapse.remark {
            let (by, event) = (Actor::Itself, Event::Uncounted { what });
            ledger.note(Entry { at: now, by, event, grounds: Vec::new() }).await?;
        }
        ledger.observe(published, seen).await?;
        ledger.settle(published, enrolment).await?;

        let (facts, decision) =
            self.consider(published, &ledger, evidence, seen, &mut state, order).await?;
        let (made, decision, mut refused) = choose(published, &facts, decision, order);
        let from = ledger.rollout.stage;
        if let Some((made, actor)) = made {
            let waits: Vec<String> = decision.waits().map(|reading| reading.text.clone()).collect();
            let is_forced = facts.wish.is_none() && made.cause == Cause::Wished;
            let forced = order
                .filter(|_| is_forced && !waits.is_empty())
                .map(|order| order.forced(from, now, &waits));
            let why = carry_out(&mut ledger, &made, actor, forced).await?;
            refused = why.filter(|_| order.is_some());
            state.live_since = None;
            state.outlook.proposed = None;
        } else if let Step::Propose(to) = &decision.step {
            if !state.is_proposed(to) {
                ledger.note(Entry::of_proposal(now, to)).await?;
            }
            state.outlook.proposed = Some(to.clone());
        } else {
            state.outlook.proposed = None;
        }

        // Whoever moved it, or this pass: what was waited for in the stage before is over.
        let has_left = ledger.rollout.stage != from;
        let worked = publication::publish(self, published, &mut ledger, seen).await;
        let mut work = match worked {
            // The move stands, whatever becomes of what follows from it.
            Err(error) if has_left => publication::Work::broken(&error),
            worked => worked?,
        };
        let is_busy = has_left || !ledger.rows.is_empty() || !work.changes.is_empty();
        let is_asked = decision.asks.iter().any(|ask| matches!(ask, Ask::CheckNow { .. }));
        let is_urgent = is_busy || work.is_unfinished || (is_asked && before.enforces());
        let wait = if is_urgent { SOON } else { USUAL };
        let due = due(now, wait, &ledger.domain);
        let waits = decision.waits().filter(|_| !has_left);
        state.outlook.waits = waits.map(|reading| reading.text.clone()).collect();
        state.outlook.waits.extend(work.untold.iter().map(|what| could_not_tell(what)));
        let mut remains = work.is_unfinished.then(|| {
            let untold = work.untold.iter().map(|what| could_not_tell(what));
            let why: Vec<_> = work.todo.iter().cloned().chain(untold).collect();
            let why = why.join("; ");
            format!("not yet published, because of this: {why}; the next pass goes on")
        });
        work.todo.extend(ending_soon(&facts).map(|(kind, until)| {
            format!(
                "{kind} is accepted until {until}, and holds the gate then: mend it, or \
                 `sealpost publish accept {} {kind} --reason WHY` once more",
                ledger.domain
            )
        }));
        state.outlook.todo.clone_from(&work.todo);
        ledger.reckoning.keep(recorded(&ledger.rollout));
        state.reckoning = Some(ledger.reckoning.clone());
        let configured = self.configured.clone();
        // Of one that was taken out meanwhile, the policy host has written what is waited for.
        if doing == Doing::All
            && let Some(_hold) = configured.hold_any(&ledger.domain).await
        {
            let (domain, state) = (ledger.domain.clone(), state.write());
            match ledger.rollouts.keep_watch(domain, due, state).await {
                Err(error) if has_left => {
                    let why =
                        format!("not yet published: failed to {error}; the next pass goes on");
                    remains.get_or_insert(why);
                }
                kept => kept?,
            }
        }
        let remains = remains.filter(|_| has_left);
        let Ledger { domain, rollout, rows, .. } = ledger;
        let publication::Work { changes, todo, untold, mut failures, .. } = work;
        if matches!(&facts.check, Some(check) if matches!(check.verdict, CheckVerdict::Unknown { .. }))
        {
            failures.push(PassFailure::Look);
        }
        let stage = rollout.stage;
        Ok(Pass {
            domain,
            enrolment,
            before,
            stage,
            decision,
            rows,
            changes,
            todo,
            untold: untold.iter().map(|what| could_not_tell(what)).collect(),
            failures,
            refused,
            remains,
            due,
        })
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
        let reckoning = &ledger.reckoning;
        let entered = reckoning.entered_at(now);
        let elapsed = reckoning.history(history, now);
        let words = ledger.rollouts.words(ledger.domain.clone()).await?;
        let check =
            look::check(evidence, *stage, &published.own_networks, state.check.as_ref(), now);
        let question = Question {
            domain: &ledger.domain,
            settings: &published.settings,
            stage: *stage,
            entered_at: entered,
            now,
            evidence,
            history,
            words: &words,
        };
        let reported = question.read(&self.store.reports()).await?;
        let spike = reported.spike.map(|mut spike| {
            let known = state.spike.as_ref().filter(|known| known.day == spike.day);
            spike.noticed_at = known.map_or(now, |known| known.noticed_at.min(now));
            spike
        });
        let since = state.live_since.map(|since| reckoning.shown(since, now));
        let live = publication::live(published, rollout, seen, since, now)?;
        state.see(&live, reckoning.now());
        state.check = Some(check.clone());
        state.spike.clone_from(&spike);
        let waiver = words.iter().rev().find(|word| {
            word.kind == WordKind::Waived
                && word.subject == stage.as_str()
                && word.at >= *entered_at
        });
        let facts = Facts {
            now,
            stage: *stage,
            entered_at: entered,
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
                // Given in this stage, as the rows have it.
                at: word.at.max(entered),
            }),
            horizon: elapsed.horizon(),
            known_horizon: elapsed.known_horizon(),
        };
        let decision = decide(&published.settings, &facts);
        Ok((facts, decision))
    }
}

/// What a rollout has to reckon with.
pub(super) fn recorded(rollout: &Rollout) -> Recorded<'_> {
    let Rollout { history, mx, entered_at, .. } = rollout;
    Recorded { history, mx, entered_at: *entered_at }
}

/// Makes a move; says why not, if the domain went elsewhere while it was looked at.
async fn carry_out(
    ledger: &mut Ledger,
    made: &Move,
    by: Actor,
    forced: Option<Entry>,
) -> Result<Option<String>, DriveError> {
    Ok(match ledger.advance(made, by, forced).await? {
        Advance::Done => None,
        Advance::Elsewhere => {
            let Rollout { stage, entered_at, .. } = &ledger.rollout;
            Some(format!(
                "it is no longer in {}: it came to {stage} meanwhile, at {entered_at}",
                made.from
            ))
        }
    })
}

/// The move that is made, and by whom; the decision; and why an order is not carried out.
fn choose(
    published: &PublishedDomain,
    facts: &Facts,
    decision: Decision,
    order: Option<&Order>,
) -> (Option<(Move, Actor)>, Decision, Option<String>) {
    if published.mode.fixed().is_some() {
        let decision = Decision {
            step: Step::Stay,
            readings: Vec::new(),
            asks: Vec::new(),
            look_again_at: None,
        };
        let refused = order.map(|_| {
            "its mode is fixed in the configuration; with mode = \"managed\" stages decide"
                .to_owned()
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

fn could_not_tell(what: &str) -> String {
    format!("could not tell {what}")
}

/// Where a domain that nobody knows yet begins; or why it is not taken up.
fn stage_to_begin_in(published: &PublishedDomain, seen: &Seen) -> Result<Stage, Refusal> {
    let adopt = Refusal::Theirs(format!(
        "something is live already: take it over as it is, with `sealpost publish adopt {}`",
        published.domain
    ));
    match (&seen.host, &seen.id) {
        (HostSeen::Nothing, IdSeen::Nothing) => Ok(Stage::Nothing),
        // Somebody has set the record of the very policy that is to be served here.
        (_, IdSeen::Id(id, _)) if published.fixed_id().as_ref() == Some(id) => Ok(Stage::Nothing),
        (HostSeen::Bodies { .. }, _) | (_, IdSeen::Id(..)) => Err(adopt),
        (HostSeen::Unknown { some, .. }, _) if !some.is_empty() => Err(adopt),
        // No policy is to be found without a record, whatever its host does.
        (HostSeen::Unknown { .. }, IdSeen::Nothing) => Ok(Stage::Nothing),
        (_, IdSeen::Unknown(why)) => {
            Err(Refusal::Untold(could_not_tell(&format!("what is live: {why}"))))
        }
    }
}

impl Pass {
    fn refused_enrolment(domain: &DomainName, why: Refusal, due: Time) -> Self {
        let (todo, untold) = match why {
            Refusal::Theirs(why) => (vec![why], Vec::new()),
            Refusal::Untold(why) => (Vec::new(), vec![why]),
        };
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
            todo,
            untold,
            failures: vec![PassFailure::NotTakenUp],
            refused: None,
            remains: None,
            due,
        }
    }

    /// What is waited for.
    pub fn waits(&self) -> impl Iterator<Item = &str> {
        let waits = self.decision.readings.iter().filter(|one| one.state == Standing::Waits);
        waits.map(|reading| reading.text.as_str())
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
