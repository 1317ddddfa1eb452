//! Other mail hosts.

use mail_domain::DomainName;
use mta_sts::{MxPattern, Policy};

use super::{
    Action, Change, Force, Plan, PlanStep, Refusal, Situation, announce, binding, dated, over_at,
    publish,
};
use crate::{
    MxSet, Time,
    history::{covers, includes, mx_seen},
};

/// Plans a change of mail hosts.
///
/// # Errors
///
/// [`Refusal`], above all [`Refusal::TooEarly`] where a date is asked for at which a sender could
/// still hold a policy of ours that does not cover the new hosts.
pub fn plan_change(situation: &Situation, change: &Change) -> Result<Plan, Refusal> {
    let Situation { now, timing, .. } = situation;
    let (now, mut history) = (*now, situation.history.clone());
    let force = Force::checked(change.force.as_ref())?;
    let current = situation.current_mx()?;
    let target = change.target(&current.hosts);
    if target.is_empty() {
        return Err(Refusal::NoHostLeft);
    }
    let mut plan = Plan { steps: Vec::new(), risks: Vec::new() };

    // 1. A policy that covers the old hosts and the new ones, and then its id.
    let live = binding(&history).cloned();
    let needs_more = |policy: &Policy| !target.iter().all(|pattern| covers(policy, pattern));
    match &live {
        Some(policy) if needs_more(policy) => {
            let missing = target.iter().filter(|pattern| !covers(policy, pattern)).cloned();
            let patterns = policy.mx().iter().cloned().chain(missing);
            let superset = with_patterns(policy, patterns)?;
            let why = "it covers the old hosts and the new ones";
            publish(&mut plan, &mut history, &superset, now, timing, why);
        }
        _ => announce(&mut plan, &mut history, now, timing),
    }

    // 2. The MX records, when nobody can hold a policy that does not cover the new ones.
    let mut mx = situation.mx.clone();
    if !is_reached(&current.hosts, &target, change) {
        let earliest = over_at(history.refused_until(&target), now);
        let what = "switching the MX records";
        let (at, risk) = dated(what, change.switch_at, earliest, force, now)?;
        plan.risks.extend(risk);
        plan.steps.push(PlanStep {
            not_before: at,
            action: Action::SwitchMx { to: target.clone() },
            why: if at > now {
                "no sender can hold a policy any more that leaves one of them out".to_owned()
            } else {
                "every policy that a sender may hold covers them".to_owned()
            },
        });
        switch(&mut mx, &target, at.plus(timing.zone_spread), current.ttl);
    }

    // 3. The old hosts and their patterns, when nobody can see the old MX records.
    let is_kept = |host: &DomainName| target.iter().any(|pattern| pattern.matches(host));
    let last_seen = over_at(mx_seen(&mx, |host| !is_kept(host)), now).ok_or(Refusal::NoEnd)?;
    let gone = gone_hosts(&mx, is_kept);
    if !gone.is_empty() && last_seen > now {
        plan.steps.push(PlanStep {
            not_before: last_seen,
            action: Action::RetireHosts(gone.clone()),
            why: "no resolver can remember the old MX records any more; until then they take mail"
                .to_owned(),
        });
    }
    let live = binding(&history).cloned();
    if let Some(policy) = live {
        let stays = |pattern: &&MxPattern| change.keeps(pattern, &gone, &target);
        let patterns: Vec<MxPattern> = policy.mx().iter().filter(stays).cloned().collect();
        if patterns.len() < policy.mx().len() {
            let narrow = with_patterns(&policy, patterns)?;
            let why = "no sender can be led to the old hosts any more";
            publish(&mut plan, &mut history, &narrow, last_seen, timing, why);
        }
    }
    if plan.steps.is_empty() { Err(Refusal::NothingToDo) } else { Ok(plan) }
}

impl Change {
    /// What the MX records name afterwards.
    fn target(&self, hosts: &[DomainName]) -> Vec<MxPattern> {
        let goes = |host: &&DomainName| self.remove.iter().any(|pattern| pattern.matches(host));
        let stay = hosts.iter().filter(|host| !goes(host)).cloned().map(MxPattern::exact);
        let mut target: Vec<MxPattern> = Vec::new();
        for pattern in stay.chain(self.add.iter().cloned()) {
            if !target.iter().any(|known| includes(known, &pattern)) {
                target.push(pattern);
            }
        }
        target
    }

    /// Does a pattern of the policy stay when the old hosts are gone? One that still covers a host
    /// does; one that covered only hosts that are gone, or that was named, does not.
    fn keeps(&self, pattern: &MxPattern, gone: &[DomainName], target: &[MxPattern]) -> bool {
        let is_needed = target.iter().any(|wanted| includes(pattern, wanted));
        let is_named = self.remove.contains(pattern);
        let covered_what_is_gone = gone.iter().any(|host| pattern.matches(host));
        is_needed || !(is_named || covered_what_is_gone)
    }
}

impl Situation {
    /// The MX records that are published.
    fn current_mx(&self) -> Result<MxSet, Refusal> {
        let current = self.mx.iter().rev().find(|set| set.until.is_none());
        current.cloned().ok_or(Refusal::MxUnknown)
    }
}

/// Do the published MX records name what they should, and nothing else?
fn is_reached(hosts: &[DomainName], target: &[MxPattern], change: &Change) -> bool {
    let is_wanted = |host: &DomainName| target.iter().any(|pattern| pattern.matches(host));
    let is_there = |pattern: &MxPattern| hosts.iter().any(|host| pattern.matches(host));
    // Of a provider's patterns one that is in use is enough: not all of them have hosts here.
    let has_new = change.add.is_empty() || change.add.iter().any(is_there);
    let exact = target.iter().filter(|pattern| !pattern.is_wildcard() && !change.is_loose(pattern));
    hosts.iter().all(is_wanted) && has_new && exact.into_iter().all(is_there)
}

impl Change {
    /// Was it given as one pattern of several, wildcards among them?
    fn is_loose(&self, pattern: &MxPattern) -> bool {
        self.add.contains(pattern) && self.add.iter().any(MxPattern::is_wildcard)
    }
}

/// The MX records as they will have been.
fn switch(mx: &mut Vec<MxSet>, target: &[MxPattern], at: Time, ttl: std::time::Duration) {
    for set in mx.iter_mut().filter(|set| set.until.is_none()) {
        set.until = Some(at);
    }
    // Names that only a wildcard stands for are not known; they are not among the old ones either.
    let hosts = target.iter().filter(|pattern| !pattern.is_wildcard());
    let hosts = hosts.map(|pattern| pattern.base().clone()).collect();
    mx.push(MxSet { hosts, ttl, until: None });
}

/// The hosts that were named once and are not any more.
fn gone_hosts(mx: &[MxSet], is_kept: impl Fn(&DomainName) -> bool) -> Vec<DomainName> {
    let mut gone: Vec<DomainName> = Vec::new();
    for host in mx.iter().flat_map(|set| &set.hosts) {
        if !is_kept(host) && !gone.contains(host) {
            gone.push(host.clone());
        }
    }
    gone
}

/// The same policy with other patterns.
fn with_patterns(
    policy: &Policy,
    patterns: impl IntoIterator<Item = MxPattern>,
) -> Result<Policy, Refusal> {
    let mut made = Policy::new(policy.mode(), policy.max_age(), patterns)?;
    for extension in policy.extensions() {
        made = made.with_extension(extension.clone())?;
    }
    Ok(made)
}
