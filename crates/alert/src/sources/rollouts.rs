//! How the roll-outs stand, by what their passes leave in the store.

use std::collections::{BTreeMap, BTreeSet};

use mail_domain::DomainName;
use sealpost_evidence::incident::{Basis, Urgency};
use sealpost_rollout::{Actor, Check, CheckVerdict, Entry, Event, FaultKind, Outlook, Stage, Time};
use sealpost_rules::incidents::{
    INC101, INC102, INC201, INC202, INC203, INC303, INC501, INC502, INC503, IncidentCause,
};
use sealpost_store::{Rollouts, Store, StoreError};
use serde::Deserialize;

use super::{DAY, Moment};
use crate::{Board, Condition, Source};

/// Domains that are asked for at a time.
const PAGE: u32 = 1_000;
/// A look at a domain that is older than this, in seconds, tells nothing of now.
const OLD: i64 = 2 * DAY;
/// Rows of a logbook that are asked for at a time.
const ROWS: u32 = 1_000;

/// What a pass leaves for the next, as far as it is of use here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Watched {
    check: Option<Check>,
    #[serde(flatten)]
    outlook: Outlook,
}

/// Looks at all roll-outs.
#[derive(Default)]
pub(super) struct RolloutsWatch {
    /// Of each domain the stage that it is in, since when, and whether it fell back into it: the
    /// logbook is read only when it has moved.
    moved: BTreeMap<DomainName, (Stage, Time, Option<Condition>)>,
}

impl RolloutsWatch {
    pub(super) async fn look(
        &mut self,
        store: &Store,
        board: &mut Board,
        moment: Moment,
    ) -> Result<(), StoreError> {
        let rollouts = store.rollouts();
        let mut domains = BTreeSet::new();
        let mut behind = None;
        loop {
            let page = rollouts.domains(behind, PAGE).await?;
            let Some((last, ..)) = page.last() else { break };
            behind = Some(last.clone());
            for (domain, stage, entered_at) in page {
                self.look_at(&rollouts, board, &domain, (stage, entered_at), moment).await?;
                domains.insert(domain);
            }
        }
        self.moved.retain(|domain, _| domains.contains(domain));
        // What is live of others is not theirs to replace: a person has to take it over. Or it could
        // not be told what is live.
        let mut behind = None;
        loop {
            let page = rollouts.turned_away(behind, PAGE).await?;
            let Some(last) = page.last() else { break };
            behind = Some(last.clone());
            for domain in page {
                let state = rollouts.watch_state(domain.clone()).await?;
                let watched: Watched =
                    state.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
                let mut found = ahead(&domain, Stage::Nothing, &watched.outlook);
                found.extend(blind(&domain, watched.check.as_ref()));
                board.put(Source::Rollouts, &domain, found);
                domains.insert(domain);
            }
        }
        board.complete(Source::Rollouts, &domains);
        board.complete(Source::Passes, &domains);
        Ok(())
    }

    async fn look_at(
        &mut self,
        rollouts: &Rollouts,
        board: &mut Board,
        domain: &DomainName,
        (stage, entered_at): (Stage, Time),
        Moment { now, let_go }: Moment,
    ) -> Result<(), StoreError> {
        let state = rollouts.watch_state(domain.clone()).await?;
        let watched: Watched =
            state.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let last = watched.check.as_ref().map_or(entered_at, |check| check.at.max(entered_at));
        if let_go.is_some_and(|let_go| last.seconds() < let_go) {
            board.let_go(Source::Rollouts, domain);
            board.let_go(Source::Passes, domain);
            return Ok(());
        }
        // What is known without a look is told also while none can be had.
        let mut found = ahead(domain, stage, &watched.outlook);
        match looked(domain, stage, watched.check.as_ref(), now) {
            Some(seen) => board.put(Source::Passes, domain, seen),
            None => {
                board.cannot_tell(Source::Passes, domain);
                found.extend(blind(domain, watched.check.as_ref()));
            }
        }
        if let Some(rollout) = rollouts.load(domain.clone()).await?
            && rollout.history.is_id_older()
            && rollout.history.live_id().is_some()
        {
            let summary = "A policy is served that came after the id that is announced.";
            found.push(Condition::new(&INC202, domain, Basis::Look, summary));
        }
        let known = self
            .moved
            .get(domain)
            .filter(|(in_stage, since, _)| (*in_stage, *since) == (stage, entered_at));
        let fallen = match known {
            Some((.., fallen)) => fallen.clone(),
            None => {
                let fallen = fell_back(rollouts, domain, stage).await?;
                self.moved.insert(domain.clone(), (stage, entered_at, fallen.clone()));
                fallen
            }
        };
        found.extend(fallen);
        board.put(Source::Rollouts, domain, found);
        Ok(())
    }
}

/// What the last look of our own found; `None` if it could not tell.
fn looked(
    domain: &DomainName,
    stage: Stage,
    check: Option<&Check>,
    now: i64,
) -> Option<Vec<Condition>> {
    // Before there is a policy, nothing can be wrong with it.
    if !stage.enforces() && stage != Stage::Testing {
        return Some(Vec::new());
    }
    let check =
        check.filter(|check| now.saturating_sub(check.at.seconds()).saturating_abs() < OLD)?;
    let faults = match &check.verdict {
        CheckVerdict::Green => return Some(Vec::new()),
        CheckVerdict::Unknown { .. } => return None,
        CheckVerdict::Faulty(faults) => faults,
    };
    let at_most = if stage.enforces() { Urgency::Critical } else { Urgency::Warning };
    let found = faults.iter().map(|fault| {
        let (cause, subject): (&'static IncidentCause, &str) = match fault.kind {
            FaultKind::MailHost => (&INC101, fault.host.as_str()),
            FaultKind::Coverage => (&INC102, fault.host.as_str()),
            FaultKind::Publication if fault.host.as_str().starts_with("mta-sts.") => (&INC201, ""),
            FaultKind::Publication => (&INC203, ""),
        };
        let at = match fault.address {
            Some(address) => format!("{} at {address}", fault.host),
            None => fault.host.to_string(),
        };
        let summary = format!("{at}: {}", fault.text);
        let ground =
            format!("Seen from here in {} looks in a row, last at {}.", fault.looks, check.at);
        let found = Condition::new(cause, domain, Basis::Look, summary);
        found.about(subject).at_most(at_most).grounds([ground]).seen_at(check.at.seconds())
    });
    Some(found.collect())
}

/// The last look at a domain that has a policy, or is to get one, could not tell how it is. Its cause says for how long
/// that may last. Where nobody looks, there is nothing to mend: the domain may be led no more.
fn blind(domain: &DomainName, check: Option<&Check>) -> Option<Condition> {
    let Some(Check { at, verdict: CheckVerdict::Unknown { why } }) = check else { return None };
    let summary = format!("The last look at {domain}, at {at}, could not tell how it is: {why}.");
    Some(Condition::new(&INC503, domain, Basis::Look, summary))
}

/// What waits for a person.
fn ahead(domain: &DomainName, stage: Stage, outlook: &Outlook) -> Vec<Condition> {
    let mut found = Vec::new();
    if let Some(proposed) = outlook.proposed.as_ref().filter(|to| to.from == stage) {
        let summary =
            format!("{} may move from {stage} to {}: {}.", domain, proposed.to, proposed.cause);
        let condition = Condition::new(&INC501, domain, Basis::Look, summary);
        let mark = proposed.mark.map(|mark| mark.to_string());
        let grounds = mark.into_iter().chain(proposed.grounds.iter().cloned());
        found.push(condition.grounds(grounds));
    }
    if let Some(first) = outlook.todo.first() {
        let condition = Condition::new(&INC303, domain, Basis::Look, first);
        found.push(condition.grounds(outlook.todo.iter().skip(1)));
    }
    found
}

/// Whether a domain came to its stage backwards, and not by the wish of a person.
async fn fell_back(
    rollouts: &Rollouts,
    domain: &DomainName,
    stage: Stage,
) -> Result<Option<Condition>, StoreError> {
    let mut last: Option<Entry> = None;
    let mut skipped = 0_u64;
    loop {
        let rows = rollouts.logbook(domain.clone(), skipped, ROWS).await?;
        let is_whole = rows.len() < ROWS as usize;
        skipped += rows.len() as u64;
        let mut moves = rows.into_iter().filter(|row| matches!(row.event, Event::Moved { .. }));
        last = moves.next_back().or(last);
        if is_whole {
            break;
        }
    }
    let Some(Entry { at, by: Actor::Itself, event: Event::Moved { from, to, cause }, grounds }) =
        last
    else {
        return Ok(None);
    };
    let is_back = to == stage && to < from && from.enforces();
    let summary = format!("{domain} was moved back from {from} to {to} at {at}: {cause}.");
    let found = Condition::new(&INC502, domain, Basis::Look, summary).grounds(grounds);
    Ok(is_back.then_some(found))
}

#[cfg(test)]
mod tests {
    use sealpost_rollout::{Fault, Owner};

    use super::*;

    fn domain() -> DomainName {
        "example.com".parse().unwrap()
    }

    fn check(verdict: CheckVerdict) -> Check {
        Check { at: Time::at(1_000), verdict }
    }

    fn fault(kind: FaultKind, host: &str) -> Fault {
        Fault {
            host: host.parse().unwrap(),
            address: None,
            owner: Owner::Ours,
            kind,
            looks: 2,
            text: "the certificate has expired".to_owned(),
        }
    }

    #[test]
    fn faults_become_conditions_as_the_policy_is_enforced() {
        let faults = vec![
            fault(FaultKind::MailHost, "mx1.example.com"),
            fault(FaultKind::Coverage, "mx2.example.com"),
            fault(FaultKind::Publication, "mta-sts.example.com"),
            fault(FaultKind::Publication, "example.com"),
        ];
        let check = check(CheckVerdict::Faulty(faults));
        let read = |stage| {
            let found = looked(&domain(), stage, Some(&check), 2_000).unwrap();
            let keys = found.iter().map(|one| (one.cause.code, one.subject.clone(), one.urgency()));
            keys.collect::<Vec<_>>()
        };
        let of = |code, subject: &str, urgency| (code, subject.to_owned(), urgency);
        assert_eq!(
            read(Stage::EnforceWeek),
            [
                of("INC101", "mx1.example.com", Urgency::Critical),
                of("INC102", "mx2.example.com", Urgency::Critical),
                of("INC201", "", Urgency::Warning),
                of("INC203", "", Urgency::Warning),
            ]
        );
        assert!(read(Stage::Testing).iter().all(|(.., urgency)| *urgency == Urgency::Warning));
        assert!(read(Stage::Prerequisites).is_empty(), "there is no policy yet");
    }

    #[test]
    fn a_look_that_is_old_or_blind_tells_nothing() {
        let green = check(CheckVerdict::Green);
        let blind = check(CheckVerdict::Unknown { why: "no answer".to_owned() });
        let read = |check, now| looked(&domain(), Stage::EnforceDay, check, now);
        assert_eq!(read(Some(&green), 2_000), Some(Vec::new()));
        assert_eq!(read(Some(&green), 1_000 + OLD), None);
        assert_eq!(read(Some(&blind), 2_000), None);
        assert_eq!(read(None, 2_000), None);
    }
}
