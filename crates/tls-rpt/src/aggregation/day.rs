//! All that one day had for one domain.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use mail_domain::DomainName;

use super::look::Judgement;
use super::{
    BuildError, BuiltReport, FailureCount, HourlySessions, Look, ReportFace, building, look,
};
use crate::{PolicyType, SeenPolicy, SessionFailure};

/// The sessions of one day of UTC with the MX hosts of one domain, over all counters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainDay {
    domain: DomainName,
    date: Date,
    policies: BTreeMap<SeenPolicy, PolicySums>,
    /// How many sessions without a policy were left out: in which hours they were, nobody knows.
    left_out: u64,
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
    /// Whether the sender held the policy while another one decided about its sessions.
    pub is_held: bool,
}

impl DomainDay {
    /// A day without sessions.
    pub fn new(domain: DomainName, date: Date) -> Self {
        Self { domain, date, policies: BTreeMap::new(), left_out: 0 }
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

    /// Adds what went wrong with a policy without a session, or in a way that no session tells of. A
    /// policy whose text is not known is taken for the one of its type and domain that most sessions
    /// were held against, if there is any. What failed sessions tell anyway is not told again.
    pub fn add_remark(&mut self, policy: SeenPolicy, failure: SessionFailure) {
        let sums = self.sums_of(policy);
        let is_same = |other: &SessionFailure| {
            let host = &failure.receiving_mx_hostname;
            other.result_type == failure.result_type
                && (host.is_none() || *host == other.receiving_mx_hostname)
        };
        let mut told = sums.failures.iter().filter(|(_, count)| count.failed > 0);
        if !told.any(|(other, _)| is_same(other)) {
            sums.remarks.insert(failure);
        }
    }

    /// Notes that the sender held a policy while another one decided about its sessions: with DANE
    /// and MTA-STS at one domain, DANE does.
    //= https://www.rfc-editor.org/rfc/rfc8460#section-4
    //# Reporters may report multiple
    //# applied policies (for example, an MTA-STS Policy and a DANE TLSA
    //# record for the same domain and MX).
    //= https://www.rfc-editor.org/rfc/rfc8460#section-4.5
    //# For MTA-STS policies, this is an array of JSON strings that
    //# represents the policy that is declared by the receiving site,
    //# including any errors that may be present.
    pub fn add_held(&mut self, policy: SeenPolicy) {
        // A mail server is told what it needs of a policy; this is all of it.
        let briefer: Vec<_> =
            self.policies.keys().filter(|other| other.is_part_of(&policy)).cloned().collect();
        let mut sums = PolicySums { is_held: true, ..PolicySums::default() };
        for brief in briefer {
            if let Some(moved) = self.policies.remove(&brief) {
                sums.add(&moved);
            }
        }
        self.policies.entry(policy).or_default().add(&sums);
    }

    /// Tells sessions without a policy under the one in mode testing that the domain has, as far as
    /// looks at its MX hosts, in any order, allow it: those of an hour in which they were looked at, or
    /// on both sides of which they were, at most twelve hours apart, if all that was seen there and
    /// then is the same. Where all hosts complied, sessions that had TLS complied; where none did, they
    /// did not. All others stay as they were told: where hosts differ, nobody knows which one a session
    /// went to. What failed on the day is told beside them. No session is added.
    ///
    /// `hours` says when the successful sessions without a policy were, as far as that is known. As many
    /// as were left out of them before stay as they were told: those that were may be of any hour.
    //= https://www.rfc-editor.org/rfc/rfc8461#section-5
    //# "testing": In this mode, Sending MTAs that also implement the
    //# TLSRPT (TLS Reporting) specification [RFC8460] send a report
    //# indicating policy application failures (as long as TLSRPT is also
    //# implemented by the recipient domain); in any case, messages may
    //# be delivered as though there were no MTA-STS validation failure.
    pub fn judge_by_looks(&mut self, hours: &HourlySessions, looks: &[Look]) {
        let Ok(midnight) = Offset::UTC.to_timestamp(self.date.to_datetime(Time::midnight())) else {
            return;
        };
        let mut looks = looks.to_vec();
        looks.sort_by_key(|look| look.at);
        let mut left_out = self.left_out;
        for (hour, sessions) in (0..).zip(hours.iter()).filter(|(_, sessions)| *sessions > 0) {
            let begin = midnight.saturating_add(SignedDuration::from_hours(hour));
            if let Ok(begin) = begin
                && let Some(judgement) = look::judge_hour(&looks, begin)
            {
                let gone = left_out.min(sessions);
                left_out -= gone;
                self.reclassify(sessions - gone, &judgement);
            }
        }
        let date = self.date;
        let is_of_day = |look: &&Look| Offset::UTC.to_datetime(look.at).date() == date;
        let failures: BTreeSet<(&SeenPolicy, &SessionFailure)> = looks
            .iter()
            .filter(is_of_day)
            .flat_map(|look| look.failures().map(|failure| (&look.policy, failure)))
            .collect();
        for (policy, failure) in failures {
            self.add_remark(policy.clone(), failure.clone());
        }
    }

    /// Moves so many of the successful sessions without a policy, if there are as many.
    fn reclassify(&mut self, sessions: u64, judgement: &Judgement<'_>) {
        let without = SeenPolicy::new(PolicyType::NoPolicyFound, self.domain.clone());
        let Some(sums) = self.policies.get_mut(&without) else { return };
        let moved = sums.successful.min(sessions);
        sums.successful -= moved;
        if sums.is_empty() {
            self.policies.remove(&without);
        }
        if moved == 0 {
            return;
        }
        match judgement {
            Judgement::Complied(policy) => self.add_totals((*policy).clone(), moved, 0),
            Judgement::Failed(policy, failure) => {
                let count = FailureCount { failed: moved, recovered: 0 };
                self.add_totals((*policy).clone(), 0, moved);
                self.add_failure((*policy).clone(), failure.clone(), count);
            }
        }
    }

    fn sums_of(&mut self, policy: SeenPolicy) -> &mut PolicySums {
        let is_same = |other: &SeenPolicy| match policy == policy.without_texts() {
            true => other.policy_type == policy.policy_type && other.domain == policy.domain,
            false => policy.is_part_of(other) || other.is_part_of(&policy),
        };
        let same = self.policies.iter().filter(|(other, _)| is_same(other));
        let most = same.max_by_key(|(_, sums)| sums.successful.saturating_add(sums.failed));
        let found = most.map(|(other, _)| other.clone());
        self.policies.entry(found.unwrap_or(policy)).or_default()
    }

    /// Takes away up to so many sessions: those that brought our own reports, which should not be told
    /// (RFC 8460 section 3). Which ones they were nobody knows. Those that complied and met no failure
    /// go first, and of them those without a policy: report mails ask for none. Then those that failed,
    /// or a domain with which all fail would get a report because of the one before, for ever; and last
    /// those that complied in spite of a failure.
    pub fn leave_out(&mut self, mut sessions: u64) {
        let order = |policy: &SeenPolicy| policy.policy_type != PolicyType::NoPolicyFound;
        let mut all: Vec<_> = self.policies.iter_mut().collect();
        all.sort_by_key(|(policy, sums)| (order(policy), std::cmp::Reverse(sums.successful)));
        let mut of_no_policy = 0_u64;
        for take in [PolicySums::take_plain, PolicySums::take_failed, PolicySums::take_recovered] {
            for (policy, sums) in &mut all {
                let successful = sums.successful;
                sessions -= take(sums, sessions);
                if policy.policy_type == PolicyType::NoPolicyFound {
                    of_no_policy = of_no_policy.saturating_add(successful - sums.successful);
                }
            }
        }
        self.left_out = self.left_out.saturating_add(of_no_policy);
        self.policies.retain(|_, sums| !sums.is_empty());
    }

    /// Adds what another day has under the TLSA records of this host: of a domain that it takes mail
    /// for.
    pub fn add_dane_of(&mut self, other: &Self) {
        for (policy, sums) in &other.policies {
            if policy.policy_type == PolicyType::Tlsa && policy.domain == self.domain {
                self.policies.entry(policy.clone()).or_default().add(sums);
            }
        }
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

    /// Whether something went wrong that is told without a session.
    pub fn has_remarks(&self) -> bool {
        self.policies.values().any(|sums| !sums.remarks.is_empty())
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

impl PolicySums {
    /// Takes away up to so many sessions that complied and met no failure; says how many.
    fn take_plain(&mut self, most: u64) -> u64 {
        let recovered = self.failures.values().map(|count| count.recovered).max();
        let taken = self.successful.saturating_sub(recovered.unwrap_or_default()).min(most);
        self.successful -= taken;
        taken
    }

    /// The same of those that failed, in the way in which most did.
    fn take_failed(&mut self, most: u64) -> u64 {
        let taken = self.failed.min(most);
        self.failed -= taken;
        let mut rest = taken;
        while rest > 0
            && let Some(count) = self.failures.values_mut().max_by_key(|count| count.failed)
            && count.failed > 0
        {
            let part = count.failed.min(rest);
            count.failed -= part;
            rest -= part;
        }
        // A session may have met several.
        for count in self.failures.values_mut() {
            count.failed = count.failed.min(self.failed);
        }
        taken
    }

    /// The same of those that complied, whatever they had met before.
    fn take_recovered(&mut self, most: u64) -> u64 {
        let taken = self.successful.min(most);
        self.successful -= taken;
        for count in self.failures.values_mut() {
            count.recovered = count.recovered.min(self.successful);
        }
        taken
    }

    /// Whether there is nothing to tell.
    fn is_empty(&self) -> bool {
        self.successful == 0 && self.failed == 0 && self.remarks.is_empty() && !self.is_held
    }
}
