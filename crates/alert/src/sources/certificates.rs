//! The certificates of policy hosts that we hold, and what stands in the way of new ones.

use std::collections::{BTreeMap, BTreeSet};

use mail_domain::DomainName;
use sealpost_evidence::incident::{Basis, Urgency};
use sealpost_rules::incidents::{INC301, INC302};
use sealpost_store::{Store, StoreError, Trouble};

use super::{DAY, Moment};
use crate::{Board, Condition, Source, condition::line, told::time};

/// Tries that may fail in a row before people are told.
const TRIES: u64 = 3;
/// A certificate that lives for so long, in seconds, is to be renewed when it has …
const LONG_LIFE: i64 = 180 * DAY;
/// … so much left.
const LEFT_OF_LONG: i64 = 30 * DAY;

pub(super) async fn look(
    store: &Store,
    board: &mut Board,
    Moment { now, let_go }: Moment,
) -> Result<(), StoreError> {
    let certificates = store.certificates();
    let mut troubles: BTreeMap<DomainName, Trouble> = BTreeMap::new();
    let mut behind = None;
    loop {
        let page = certificates.troubles(behind).await?;
        let Some(last) = page.last() else { break };
        behind = Some(last.host.clone());
        troubles.extend(page.into_iter().map(|trouble| (trouble.host.clone(), trouble)));
    }
    // Where nobody tries any more, the host is ours no more.
    let is_over = |at: i64| let_go.is_some_and(|let_go| at < let_go);
    let mut found: BTreeMap<DomainName, Vec<Condition>> = BTreeMap::new();
    let mut behind = None;
    loop {
        let page = certificates.list(behind).await?;
        let Some(last) = page.last() else { break };
        behind = Some(last.host.clone());
        for kept in &page {
            let trouble = troubles.get(&kept.host);
            if !is_over(trouble.map_or(kept.not_after, |trouble| trouble.next_at)) {
                let conditions = found.entry(domain_of(&kept.host)).or_default();
                conditions.extend(expiring(&kept.host, kept.not_before, kept.not_after, now));
            }
        }
    }
    let tried = troubles.into_values().filter(|trouble| !is_over(trouble.next_at));
    for trouble in tried {
        let domain = domain_of(&trouble.host);
        let conditions = found.entry(domain.clone()).or_default();
        if trouble.failures >= TRIES {
            let summary = format!("{} tries in a row failed.", trouble.failures);
            let ground = format!("The last one: {}", line(&trouble.what));
            let found = Condition::new(&INC302, &domain, Basis::Look, summary);
            conditions.push(found.about(trouble.host.as_str()).grounds([ground]));
        }
    }
    let domains: BTreeSet<DomainName> = found.keys().cloned().collect();
    for (domain, conditions) in found {
        board.put(Source::Certificates, &domain, conditions);
    }
    board.complete(Source::Certificates, &domains);
    Ok(())
}

/// Whether the end of a certificate is near: 30 days where it lives for 180 or more, else a quarter
/// of its life. It presses when a third of that is left.
fn expiring(host: &DomainName, not_before: i64, not_after: i64, now: i64) -> Option<Condition> {
    let lifetime = not_after.saturating_sub(not_before);
    let left = not_after.saturating_sub(now);
    let due = if lifetime >= LONG_LIFE { LEFT_OF_LONG } else { lifetime / 4 };
    if left >= due {
        return None;
    }
    let end = time(not_after);
    let summary = if left < 0 {
        format!("The certificate of {host} has expired, at {end}.")
    } else {
        format!("The certificate of {host} expires at {end}.")
    };
    let found = Condition::new(&INC301, &domain_of(host), Basis::Look, summary);
    let presses = left < due / 3;
    let found = if presses { found.at_least(Urgency::Critical) } else { found };
    Some(found.about(host.as_str()))
}

/// The policy domain.
fn domain_of(host: &DomainName) -> DomainName {
    let name = host.as_str().strip_prefix("mta-sts.").and_then(|name| name.parse().ok());
    name.unwrap_or_else(|| host.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_to_renew_fits_every_lifetime() {
        let host: DomainName = "mta-sts.example.com".parse().unwrap();
        let urgency = |lifetime: i64, left: i64| {
            let found = expiring(&host, 0, lifetime * DAY, lifetime * DAY - left);
            found.map(|found| found.urgency())
        };
        let (warning, critical) = (Some(Urgency::Warning), Some(Urgency::Critical));
        for (lifetime, left, expected) in [
            (398, 30 * DAY, None),
            (398, 30 * DAY - 1, warning),
            (398, 10 * DAY, warning),
            (398, 10 * DAY - 1, critical),
            (90, 22 * DAY + DAY / 2, None),
            (90, 22 * DAY, warning),
            (90, 7 * DAY, critical),
            (6, 2 * DAY, None),
            (6, DAY, warning),
            (6, -1, critical),
        ] {
            assert_eq!(urgency(lifetime, left), expected, "{lifetime} days, {left} s left");
        }
    }
}
