//! What is known of a domain beside its reports, for who judges its failures.

use std::collections::BTreeMap;

use sealpost_evidence::Evidence;
use sealpost_evidence::traffic::{Day, FailureGroup};
use sealpost_rules::diagnosis::{Known, KnownHosts, PublishedPolicy, ReportedPolicy};

use super::Gathered;
use crate::{Checks, Rollout, Store, StoreError};

/// Days on which failures began, for which it is looked up how the domain was before.
const MOST_EARLIER: usize = 8;

/// What is known of a domain beside its reports: the looks at it, and the policies that were
/// published.
#[derive(Clone, Debug, Default)]
pub struct Background {
    /// The newest look.
    pub latest: Option<Evidence>,
    /// How it was before each of these days.
    earlier: BTreeMap<Day, Option<Evidence>>,
    /// The MX hosts that it had since the first of the failures.
    past_hosts: Option<KnownHosts>,
    /// See [`Rollout::published`].
    pub policies: Vec<PublishedPolicy>,
}

impl Store {
    /// What is known of the domain of these failures beside the reports; `rollout` is what is known
    /// of its roll-out.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn background(
        &self,
        gathered: &Gathered,
        rollout: Option<&Rollout>,
    ) -> Result<Background, StoreError> {
        let (checks, domain) = (self.checks(), &gathered.domain);
        let latest = checks.latest(domain.clone()).await?.map(|looked| looked.evidence);
        let mut earlier = BTreeMap::new();
        for group in gathered.groups.groups.iter().filter(|_| latest.is_some()) {
            let day = gathered.began(group);
            if earlier.len() == MOST_EARLIER || earlier.contains_key(&day) {
                continue;
            }
            let looked = checks.as_of(domain.clone(), day.begins_at()).await?;
            earlier.insert(day, looked.map(|looked| looked.evidence));
        }
        let past_hosts = checks.past_hosts(gathered).await?;
        let policies = rollout.map(Rollout::published).unwrap_or_default();
        Ok(Background { latest, earlier, past_hosts, policies })
    }
}

impl Checks {
    /// The MX hosts that the domain of these failures had since the first of them, and shortly before;
    /// `None` if none of them names a host, or nothing was seen.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn past_hosts(&self, gathered: &Gathered) -> Result<Option<KnownHosts>, StoreError> {
        match gathered.mail_hosts_matter_since() {
            Some(since) => self.mail_hosts_since(gathered.domain.clone(), since).await,
            None => Ok(None),
        }
    }
}

impl Background {
    /// All that is known of a group of failures, as of a day.
    pub fn known<'a>(
        &'a self,
        gathered: &'a Gathered,
        group: &FailureGroup,
        today: Day,
    ) -> Known<'a> {
        let reported = gathered
            .policy(group)
            .map(|policy| ReportedPolicy { strings: &policy.strings, mx_hosts: &policy.mx_hosts });
        Known {
            evidence: self.latest.as_ref(),
            earlier: self.earlier.get(&gathered.began(group)).and_then(Option::as_ref),
            past_hosts: self.past_hosts.as_ref(),
            reported,
            policies: &self.policies,
            history: gathered.history(group),
            first_end: gathered.first_end(group),
            ..Known::nothing(today)
        }
    }
}
