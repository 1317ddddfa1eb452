//! What the looks of our own at each domain found, as the rules judge it.

use std::collections::{BTreeMap, BTreeSet};

use mail_domain::DomainName;
use mta_sts::Policy;
use sealpost_evidence::{
    Evidence,
    incident::{Basis, Urgency},
};
use sealpost_rules::changes::{Change, unannounced};
use sealpost_rules::incidents::{INC202, cause_of_finding};
use sealpost_rules::{Finding, Quoted, judge, usable_policy};
use sealpost_store::{Checks, Store, StoreError, checks::Looked};

use super::{DAY, Moment};
use crate::{Board, Condition, Source, told::time};

/// Domains that are asked for at a time.
const PAGE: u32 = 1_000;
/// A look that is older than this, in seconds, tells nothing of now.
const OLD: i64 = 2 * DAY;
/// Changes of a domain that are looked through.
const CHANGES: u32 = 500;
/// No policy is held for longer than this, in seconds.
const LONGEST_AGE: i64 = 31_557_600;

/// Looks at what was seen of each domain.
#[derive(Default)]
pub(super) struct LooksWatch {
    /// Of which time the look is that was judged last.
    judged: BTreeMap<DomainName, i64>,
}

impl LooksWatch {
    pub(super) async fn look(
        &mut self,
        store: &Store,
        board: &mut Board,
        Moment { now, let_go }: Moment,
    ) -> Result<(), StoreError> {
        let checks = store.checks();
        let mut domains = BTreeSet::new();
        let mut behind = None;
        loop {
            let page = checks.plans(behind, PAGE).await?;
            let Some(last) = page.last() else { break };
            behind = Some(last.domain.clone());
            for plan in page {
                let domain = plan.domain;
                domains.insert(domain.clone());
                if let_go.is_some_and(|let_go| plan.due < let_go) {
                    board.let_go(Source::Looks, &domain);
                    self.judged.remove(&domain);
                    continue;
                }
                let is_new = plan.looked_at.is_some_and(|at| now.saturating_sub(at) < OLD);
                let Some(at) = plan.looked_at.filter(|_| is_new) else {
                    board.cannot_tell(Source::Looks, &domain);
                    self.judged.remove(&domain);
                    continue;
                };
                if self.judged.get(&domain) == Some(&at) {
                    continue;
                }
                match checks.latest(domain.clone()).await? {
                    Some(looked) => {
                        let mut conditions = found(&domain, &looked.evidence);
                        conditions.extend(id_differs(&checks, &looked).await?);
                        board.put(Source::Looks, &domain, conditions);
                        self.judged.insert(domain, looked.at);
                    }
                    None => board.cannot_tell(Source::Looks, &domain),
                }
            }
        }
        self.judged.retain(|domain, _| domains.contains(domain));
        board.complete(Source::Looks, &domains);
        Ok(())
    }
}

/// What is not as it should be.
fn found(domain: &DomainName, evidence: &Evidence) -> Vec<Condition> {
    let fetches = evidence.policy_host.iter().flat_map(|host| &host.fetches);
    let enforces =
        fetches.filter_map(usable_policy).any(|policy| policy.mode() == mta_sts::Mode::Enforce);
    let at_most = if enforces { Urgency::Critical } else { Urgency::Warning };
    let at = evidence.observed.as_second();
    let findings = judge(evidence).findings;
    findings.iter().filter_map(|finding| of_finding(domain, finding, at_most, at)).collect()
}

fn of_finding(
    domain: &DomainName,
    finding: &Finding,
    at_most: Urgency,
    at: i64,
) -> Option<Condition> {
    let (cause, host) = cause_of_finding(finding)?;
    let subject = host.map(|host| host.to_string()).unwrap_or_default();
    let summary = format!("{}: {}", Quoted(&finding.subject.to_string()), finding.message);
    let ground =
        format!("{}, {}; seen from here at {}.", finding.rule.code, finding.rule.title, time(at));
    let found = Condition::new(cause, domain, Basis::Look, summary).about(subject);
    let grounds = [ground, finding.fix.clone()];
    Some(found.at_most(at_most).grounds(grounds).seen_at(at))
}

/// Whether senders hold a policy that is not served any more and do not get to know of it, since its
/// id has stayed the same: until it runs out.
async fn id_differs(checks: &Checks, looked: &Looked) -> Result<Option<Condition>, StoreError> {
    let domain = &looked.evidence.domain;
    let events = checks.events_of(domain.clone(), CHANGES).await?;
    let Some(found) = unannounced(events.iter().map(|event| &event.change)) else {
        return Ok(None);
    };
    let is_the_first = |change: &Change| match change {
        Change::IdUnchanged { id, before, .. } => id == found.id && before == found.held,
        _ => false,
    };
    let changed_at = events.iter().rev().find(|event| is_the_first(&event.change));
    let changed_at = changed_at.map_or(looked.at, |event| event.at);
    let ages = found.held.iter().map(|body| {
        let policy = Policy::parse(body.as_bytes()).ok();
        policy.map_or(LONGEST_AGE, |policy| i64::from(policy.max_age().as_secs()))
    });
    let until = changed_at.saturating_add(ages.max().unwrap_or(LONGEST_AGE));
    if until <= looked.at {
        return Ok(None);
    }
    let summary = format!("The policy was changed, and its id is still {}.", Quoted(found.id));
    let ground = format!(
        "Seen from here at {}; who holds the policy of before may do so until {}.",
        time(changed_at),
        time(until)
    );
    let found = Condition::new(&INC202, domain, Basis::Look, summary);
    Ok(Some(found.grounds([ground]).seen_at(looked.at)))
}

#[cfg(test)]
mod tests {
    use sealpost_rules::{Place, Subject, catalogue};

    use super::*;

    fn finding(code: &str, place: Place, name: &str) -> Finding {
        let rule = catalogue::rule(code).unwrap();
        Finding {
            rule,
            subject: Subject { place, name: name.to_owned(), addresses: Vec::new() },
            message: "as seen".to_owned(),
            excerpt: None,
            fix: rule.fix.to_owned(),
            publish: None,
            command: None,
        }
    }

    #[test]
    fn in_testing_nothing_is_critical() {
        let domain: DomainName = "example.com".parse().unwrap();
        let finding = finding("MX302", Place::MailHost, "mx1.example.com");
        let urgency = |at_most| of_finding(&domain, &finding, at_most, 0).unwrap().urgency();
        assert_eq!(urgency(Urgency::Warning), Urgency::Warning);
        assert_eq!(urgency(Urgency::Critical), Urgency::Critical);
    }
}
