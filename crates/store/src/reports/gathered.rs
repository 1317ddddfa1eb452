//! All that is known of the failures of one domain, for who judges them.

use std::collections::{BTreeMap, BTreeSet};

use mail_domain::DomainName;
use sealpost_evidence::traffic::{
    Day, DaySeries, FailureGroup, FailureHistory, Reporter, ReporterActivity,
};

use super::{
    Content, DayRange, Echo, FailureGroups, HistoryPlace, ReportFilter, ReportId, ReportSummary,
    ReportedFailure, ReportedPolicy, ReporterId, Reports, Scope, Subject, Validity,
};
use crate::StoreError;

/// Rows that are asked for at a time.
const PAGE: u32 = 1000;
/// Reports of which the reporters' habits are learnt: more than a year of ten reporters.
const MOST_REPORTS: usize = 5000;
/// Days over which habits are looked at, and series compared.
const HABITS: u32 = 400;
/// Days for which a sender may go on with the records that it has of an MX host.
const REMEMBERED_DAYS: i64 = 2;
/// Days of a reporter that are kept: as many as a [`ReporterActivity`] holds.
const ACTIVE_DAYS: usize = 60;

/// All that is known of the failures of one domain in some days. It takes several questions, so what
/// is accepted meanwhile may be in one answer and not in another.
#[derive(Clone, Debug)]
pub struct Gathered {
    /// The domain.
    pub domain: DomainName,
    /// Of the reports of this scope alone.
    pub scope: Scope,
    /// The days.
    pub days: DayRange,
    /// What was reported alike in these days.
    pub groups: FailureGroups,
    /// Those who report on this domain.
    pub reporters: Vec<ReporterActivity>,
    /// Of the days that are asked for, and of those before them.
    pub series: DaySeries,
    /// Since when each reporter has told of each kind of failure.
    pub histories: Vec<FailureHistory>,
    /// The policy of each group as the newest report that told of it gives it, without failures.
    policies: Vec<Option<ReportedPolicy>>,
    /// Those of whose reports with failures, of the days that are asked for, each tells of nothing
    /// but the mails that bring reports.
    echoing: BTreeSet<Reporter>,
}

/// What is learnt of a reporter.
struct Habits {
    reporter: Reporter,
    days: BTreeSet<Day>,
    last: (Day, i64),
}

impl Reports {
    /// All that is known of the failures of a domain in these days; `limit` bounds the kinds of
    /// failures.
    ///
    /// # Errors
    ///
    /// What [`StoreError`] says of reading.
    pub async fn gather(
        &self,
        scope: Scope,
        domain: &DomainName,
        days: DayRange,
        limit: u32,
    ) -> Result<Gathered, StoreError> {
        Gathered::read(self, scope, domain, days, limit).await
    }
}

impl Gathered {
    async fn read(
        reports: &Reports,
        scope: Scope,
        domain: &DomainName,
        days: DayRange,
        limit: u32,
    ) -> Result<Self, StoreError> {
        let subject = || Subject { domain: Some(domain.clone()), reporter: None };
        let long = DayRange::ending(days.last, HABITS);
        let groups = reports.failure_groups(scope, subject(), days, limit).await?;
        let series = reports.series(scope, subject(), long).await?;
        let mut histories = Vec::new();
        let mut place = HistoryPlace::default();
        loop {
            let named = Some(domain.clone());
            let page = reports.failure_history(scope, named, long.first, place, PAGE).await?;
            let Some(last) = page.last() else { break };
            place = last.place.clone();
            let is_whole = page.len() < PAGE as usize;
            histories.extend(page.into_iter().map(|row| row.history));
            if is_whole {
                break;
            }
        }
        let habits = habits(reports, scope, subject(), long).await?;
        let echoing = echoing(reports, scope, subject(), days).await?;
        let policies = policies(reports, &groups).await?;
        let reporters = habits.into_values().map(Habits::activity).collect();
        let domain = domain.clone();
        Ok(Self { domain, scope, days, groups, reporters, series, histories, policies, echoing })
    }

    /// Does nothing fail here but the mails that bring reports?
    pub fn is_echo(&self, group: &FailureGroup) -> bool {
        self.echoing.contains(&group.reporter)
    }

    /// The policy as the newest report that told of the group gives it. Its failures are left out.
    pub fn policy(&self, group: &FailureGroup) -> Option<&ReportedPolicy> {
        let place = self.groups.groups.iter().position(|one| one == group)?;
        self.policies.get(place)?.as_ref()
    }

    /// When the range of the first report that told of the group was over, in seconds since 1970.
    pub fn first_end(&self, group: &FailureGroup) -> Option<i64> {
        let place = self.groups.groups.iter().position(|one| one == group)?;
        self.groups.first_ends.get(place).copied()
    }

    /// The day on which failures of this kind began.
    pub fn began(&self, group: &FailureGroup) -> Day {
        self.history(group).map_or(group.first_day, |history| history.first_day)
    }

    /// From when on it matters which MX hosts the domain had, in seconds since 1970: some days before
    /// the first failure that names one, as long as names and addresses are remembered by senders;
    /// `None` if none does.
    pub fn mail_hosts_matter_since(&self) -> Option<i64> {
        let names_a_host =
            |group: &&FailureGroup| group.receiving_ip.is_some() || group.mx_host.is_some();
        let groups = self.groups.groups.iter().filter(names_a_host);
        let first = groups.map(|group| group.first_day).min()?;
        Some(first.plus(-REMEMBERED_DAYS).begins_at())
    }

    /// Since when this reporter has told of this kind of failure.
    pub fn history(&self, group: &FailureGroup) -> Option<&FailureHistory> {
        self.histories.iter().find(|history| {
            history.reporter == group.reporter
                && history.policy_type == group.policy_type
                && history.result_type == group.result_type
        })
    }
}

/// A reporter's policy may change from one report to the next, and a failure is judged by the policy
/// under which it happened.
async fn policies(
    reports: &Reports,
    groups: &FailureGroups,
) -> Result<Vec<Option<ReportedPolicy>>, StoreError> {
    let mut of_report: BTreeMap<ReportId, Vec<usize>> = BTreeMap::new();
    for (place, report) in groups.newest.iter().enumerate() {
        of_report.entry(*report).or_default().push(place);
    }
    let mut policies = vec![None; groups.groups.len()];
    for (id, places) in of_report {
        // It may have been forgotten since.
        let Some(report) = reports.report(id).await? else { continue };
        for place in places {
            if let (Some(group), Some(policy)) = (groups.groups.get(place), policies.get_mut(place))
            {
                let told = report.policies.iter().find(|policy| tells_of(policy, group));
                *policy = told.map(without_failures);
            }
        }
    }
    Ok(policies)
}

/// Whether a report tells of this group under this policy.
fn tells_of(policy: &ReportedPolicy, group: &FailureGroup) -> bool {
    let is_alike = |failure: &ReportedFailure| {
        failure.result_type == group.result_type
            && failure.mx_host == group.mx_host
            && failure.receiving_ip == group.receiving_ip
            && failure.sending_ip == group.sending_ip
            && failure.reason == group.reason
    };
    policy.policy_type == group.policy_type
        && (!group.is_said() || policy.failures.iter().any(is_alike))
}

fn without_failures(policy: &ReportedPolicy) -> ReportedPolicy {
    ReportedPolicy {
        policy_type: policy.policy_type.clone(),
        policy_domain: policy.policy_domain.clone(),
        strings: policy.strings.clone(),
        mx_hosts: policy.mx_hosts.clone(),
        successful: policy.successful,
        failed: policy.failed,
        failures: Vec::new(),
    }
}

async fn habits(
    reports: &Reports,
    scope: Scope,
    subject: Subject,
    days: DayRange,
) -> Result<BTreeMap<ReporterId, Habits>, StoreError> {
    let mut habits: BTreeMap<ReporterId, Habits> = BTreeMap::new();
    let (mut after, mut read) = (None, 0);
    loop {
        let filter = ReportFilter { scope, subject: subject.clone(), days, content: Content::Any };
        let page = reports.list(filter, after, PAGE).await?;
        read += page.len();
        let Some(last) = page.last() else { return Ok(habits) };
        after = Some(last.place());
        let is_last = page.len() < PAGE as usize || read >= MOST_REPORTS;
        for summary in page.iter().filter(|summary| summary.validity == Validity::Current) {
            habits
                .entry(summary.reporter_id)
                .or_insert_with(|| Habits::new(summary))
                .learn(summary);
        }
        if is_last {
            return Ok(habits);
        }
    }
}

/// Reporters that report no failure but in echoes.
async fn echoing(
    reports: &Reports,
    scope: Scope,
    subject: Subject,
    days: DayRange,
) -> Result<BTreeSet<Reporter>, StoreError> {
    let filter = ReportFilter { scope, subject, days, content: Content::Failures };
    let (mut echoing, mut others) = (BTreeSet::new(), BTreeSet::new());
    let (mut after, mut read) = (None, 0);
    loop {
        let page = reports.list(filter.clone(), after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.place());
        read += page.len();
        for (summary, echo) in page.iter().zip(reports.echoes(page.clone()).await?) {
            let reporters = if echo == Echo::Likely { &mut echoing } else { &mut others };
            reporters.insert(summary.reporter.clone());
        }
        if read >= MOST_REPORTS {
            // What was not looked at may be no echo.
            return Ok(BTreeSet::new());
        }
    }
    echoing.retain(|reporter| !others.contains(reporter));
    Ok(echoing)
}

impl Habits {
    fn new(summary: &ReportSummary) -> Self {
        Self {
            reporter: summary.reporter.clone(),
            days: BTreeSet::new(),
            last: (summary.day, summary.received_at),
        }
    }

    fn learn(&mut self, summary: &ReportSummary) {
        self.days.insert(summary.day);
        self.last = self.last.max((summary.day, summary.received_at));
    }

    fn activity(self) -> ReporterActivity {
        let (last_day, last_received_at) = self.last;
        let begin = self.days.len().saturating_sub(ACTIVE_DAYS);
        ReporterActivity {
            reporter: self.reporter,
            contact: None,
            first_day: self.days.first().copied().unwrap_or(last_day),
            last_day,
            last_received_at,
            days: self.days.into_iter().skip(begin).collect(),
        }
    }
}
