//! All that one day had for one domain.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use mail_domain::DomainName;

use super::{BuildError, BuiltReport, FailureCount, ReportFace, building};
use crate::{PolicyType, SeenPolicy, SessionFailure};

/// The sessions of one day of UTC with the MX hosts of one domain, over all counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainDay {
    domain: DomainName,
    date: Date,
    policies: BTreeMap<SeenPolicy, PolicySums>,
}

/// The sums of one policy.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicySums {
    /// Sessions that complied with the policy.
    pub successful: u64,
    /// Sessions that did not.
    pub failed: u64,
    /// The failures that were met.
    pub failures: BTreeMap<SessionFailure, FailureCount>,
    /// What went wrong without a session, such as a policy that could not be fetched. A report tells
    /// it with a count of 0: no session is ever added.
    pub remarks: BTreeSet<SessionFailure>,
}

impl DomainDay {
    /// A day without sessions.
    pub fn new(domain: DomainName, date: Date) -> Self {
        Self { domain, date, policies: BTreeMap::new() }
    }

    /// Adds the totals of a policy, of one counter. They are added up over all calls.
    pub fn add_totals(&mut self, policy: SeenPolicy, successful: u64, failed: u64) {
        let sums = self.policies.entry(policy).or_default();
        sums.successful = sums.successful.saturating_add(successful);
        sums.failed = sums.failed.saturating_add(failed);
    }

    /// Adds the sessions that met a failure, of one counter. They are in its totals already.
    pub fn add_failure(
        &mut self,
        policy: SeenPolicy,
        failure: SessionFailure,
        count: FailureCount,
    ) {
        self.policies.entry(policy).or_default().failures.entry(failure).or_default().add(count);
    }

    /// Adds what went wrong with the MTA-STS policy of the domain without a session: to the one that
    /// sessions were held against, if there is any, or else to one without a text.
    pub fn add_sts_remark(&mut self, failure: SessionFailure) {
        let is_held = |policy: &SeenPolicy| {
            policy.policy_type == PolicyType::Sts && policy.domain == self.domain
        };
        let held = self.policies.iter_mut().filter(|(policy, _)| is_held(policy));
        let most = held.max_by_key(|(_, sums)| sums.successful.saturating_add(sums.failed));
        match most {
            Some((_, sums)) => sums.remarks.insert(failure),
            None => {
                let policy = SeenPolicy::new(PolicyType::Sts, self.domain.clone());
                self.policies.entry(policy).or_default().remarks.insert(failure)
            }
        };
    }

    /// Takes away up to so many sessions that complied and met no failure: those that brought our own
    /// reports, which should not be told (RFC 8460 section 3). Which ones they were nobody knows, so
    /// those without a policy go first: report mails ask for none.
    pub fn leave_out(&mut self, mut sessions: u64) {
        let order = |policy: &SeenPolicy| policy.policy_type != PolicyType::NoPolicyFound;
        let mut sums: Vec<_> = self.policies.iter_mut().collect();
        sums.sort_by_key(|(policy, sums)| (order(policy), std::cmp::Reverse(sums.successful)));
        for (_, sums) in sums {
            let recovered = sums.failures.values().map(|count| count.recovered).max();
            let plain = sums.successful.saturating_sub(recovered.unwrap_or_default());
            let left_out = plain.min(sessions);
            sums.successful -= left_out;
            sessions -= left_out;
        }
        self.policies
            .retain(|_, sums| sums.successful > 0 || sums.failed > 0 || !sums.remarks.is_empty());
    }

    /// The domain.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// The day, of UTC.
    pub fn date(&self) -> Date {
        self.date
    }

    /// The policies that were seen, with their sums.
    pub fn policies(&self) -> impl ExactSizeIterator<Item = (&SeenPolicy, &PolicySums)> {
        self.policies.iter()
    }

    /// Whether there was no session.
    pub fn is_empty(&self) -> bool {
        self.policies.values().all(|sums| sums.successful == 0 && sums.failed == 0)
    }

    /// The report of the day. It is the same whenever it is asked for, as long as the sums are.
    ///
    /// `serial` is 1 for the first report on the domain and the day, and grows when a further one
    /// tells of sessions that it did not know.
    ///
    /// # Errors
    /// [`BuildError`], if there is nothing to tell, or `face` is none that a report can have.
    pub fn report(&self, face: &ReportFace, serial: u32) -> Result<BuiltReport, BuildError> {
        building::build(self, face, serial)
    }
}
