//! What TLS reports that count say of a domain, as the gates want it.

use std::collections::{BTreeMap, BTreeSet};

use mail_domain::DomainName;
use sealpost_evidence::Evidence;
use sealpost_evidence::traffic::{Day, FailureGroup, Reporter, ReporterActivity};
use sealpost_rollout::{Group, GroupState, History, Settings, Spike, Time, Traffic};
use sealpost_rules::diagnosis::{
    AnomalyKind, Fault, Known, PublishedPolicy, Standing, Thresholds, diagnose, judge_groups,
    spikes,
};
use sealpost_store::reports::{
    Content, DayRange, FailingReport, ReportFilter, Reports, Scope, Subject, Validity,
};
use sealpost_store::{StoreError, Word, WordKind};

/// Days that a spike is compared with, and some more.
const COMPARED: u32 = 60;
/// A spike is not over before so many days without a report of it.
const SPIKE_DAYS: i64 = 3;
/// Reports that are asked for at a time, and in all, for who reports.
const PAGE: u32 = 1_000;
const MOST_REPORTS: usize = 5_000;
/// Kinds of failures that are told apart.
const MOST_GROUPS: u32 = 1_000;

/// What reports said while a domain was in its stage.
#[derive(Clone, Debug, Default)]
pub(super) struct Reported {
    pub(super) traffic: Traffic,
    pub(super) groups: Vec<Group>,
    pub(super) spike: Option<Spike>,
}

/// What reports are read for.
pub(super) struct Question<'a> {
    pub(super) domain: &'a DomainName,
    pub(super) settings: &'a Settings,
    pub(super) entered_at: Time,
    pub(super) now: Time,
    pub(super) evidence: &'a Evidence,
    pub(super) history: &'a History,
    pub(super) words: &'a [Word],
}

/// How many sessions failed in ways that are not ours, by the states of the groups.
///
/// It is asked report by report, what of its failed sessions may be ours: details may count one
/// session several times, under ways that are ours and others, and those of a weekly report are of
/// more days than were asked for. To take the sum of details from that of sessions would let one
/// reporter's details explain the failures of another.
fn explained(failing: &[FailingReport], states: &[GroupState]) -> u64 {
    let is_open = |group: usize| states.get(group).is_none_or(|state| *state == GroupState::Open);
    failing
        .iter()
        .map(|report| report.failed.saturating_sub(report.at_most(is_open)))
        .fold(0, u64::saturating_add)
}

impl Question<'_> {
    pub(super) async fn read(&self, reports: &Reports) -> Result<Reported, StoreError> {
        let scope = Scope::Counted;
        let today = Day::of(self.now.seconds());
        let entered = Day::of(self.entered_at.seconds());
        let subject = || Subject { domain: Some(self.domain.clone()), reporter: None };
        // The day on which the stage was entered belongs to two of them, and counts for none.
        let stage = DayRange { first: entered.plus(1), last: today };
        let window = i64::from(self.settings.window_days);
        let recent = DayRange { first: stage.first.max(today.plus(-window)), last: today };

        let first = stage.first.min(today.plus(-i64::from(COMPARED)));
        let series = reports.series(scope, subject(), DayRange { first, last: today }).await?;
        let (mut sessions, mut recent_sessions, mut recent_failed) = (0_u64, 0_u64, 0_u64);
        for day in series.days.iter().filter(|day| day.day >= stage.first) {
            let least = day.successful.lower.saturating_add(day.failed.lower);
            sessions = sessions.saturating_add(least);
            if day.day >= recent.first {
                recent_sessions = recent_sessions.saturating_add(least);
                recent_failed = recent_failed.saturating_add(day.failed.upper);
            }
        }
        let spike = spikes(&series, &Thresholds::default()).into_iter().rev().find_map(|found| {
            let AnomalyKind::Spike { failed, sessions, .. } = found.kind else { return None };
            let is_on = found.day >= today.plus(-SPIKE_DAYS) && found.day > entered;
            is_on.then_some(Spike {
                day: found.day,
                noticed_at: self.now,
                failed: failed.upper,
                sessions: sessions.upper,
            })
        });

        let reporters = self.reporters(reports, scope, stage).await?;
        let signers: BTreeSet<&str> =
            reporters.iter().map(|activity| activity.reporter.signer.as_str()).collect();
        let (found, failing) =
            reports.failing_reports(scope, subject(), recent, MOST_GROUPS).await?;
        let (groups, states) = self.judge(&found.groups, &reporters, today);
        let explained = explained(&failing, &states);
        let traffic = Traffic {
            reporters: u32::try_from(signers.len()).unwrap_or(u32::MAX),
            sessions,
            recent_sessions,
            // What no report explains counts as ours, as does what was not read.
            recent_ours: recent_failed.saturating_sub(explained),
        };
        Ok(Reported { traffic, groups, spike })
    }

    /// The kinds of failures, and how each group stands.
    fn judge(
        &self,
        found: &[FailureGroup],
        reporters: &[ReporterActivity],
        today: Day,
    ) -> (Vec<Group>, Vec<GroupState>) {
        let policies: Vec<PublishedPolicy> = self
            .history
            .bodies()
            .iter()
            .filter_map(|body| {
                let since = Some(Day::of(body.since.seconds()));
                Some(PublishedPolicy { since, policy: body.policy.clone()? })
            })
            .collect();
        let known =
            Known { evidence: Some(self.evidence), policies: &policies, ..Known::nothing(today) };
        let spreads = judge_groups(found, reporters);
        let mut kinds: BTreeMap<String, (u64, GroupState)> = BTreeMap::new();
        let mut states = Vec::with_capacity(found.len());
        for (place, group) in found.iter().enumerate() {
            let diagnosis = diagnose(group, &known);
            let spread = spreads.iter().find(|spread| spread.groups.contains(&place));
            let name = group.kind();
            let accepted = self
                .words
                .iter()
                .find(|word| word.kind == WordKind::Accepted && word.subject == name);
            let is_theirs = |fault| matches!(fault, Fault::Sender | Fault::Interference);
            let state = match (accepted, diagnosis.standing, diagnosis.fault) {
                (Some(word), _, _) => {
                    GroupState::Accepted { by: word.by.clone(), reason: word.reason.clone() }
                }
                (None, Standing::Mended, _) => GroupState::Explained {
                    cause: format!("{} (mended): {}", diagnosis.cause.code, diagnosis.sentence),
                },
                // Who does not say how they failed has explained nothing, alone or not.
                _ if !group.is_said() => GroupState::Open,
                // What we see ourselves is ours, whoever else sees it.
                (None, Standing::Open, Fault::Ours) => GroupState::Open,
                (None, _, fault) if is_theirs(fault) => GroupState::Explained {
                    cause: format!("{}: {}", diagnosis.cause.code, diagnosis.sentence),
                },
                (None, _, _) => match spread.filter(|spread| is_theirs(spread.fault)) {
                    Some(spread) => GroupState::Explained {
                        cause: format!("{}: {}", spread.cause.code, spread.sentence),
                    },
                    None => GroupState::Open,
                },
            };
            let kind = kinds.entry(name).or_insert((0, state.clone()));
            kind.0 = kind.0.saturating_add(group.sessions);
            if state == GroupState::Open {
                kind.1 = GroupState::Open;
            }
            states.push(state);
        }
        let groups =
            kinds.into_iter().map(|(text, (sessions, state))| Group { text, sessions, state });
        (groups.collect(), states)
    }

    /// Those who reported on the domain in these days, and somebody vouches for them.
    async fn reporters(
        &self,
        reports: &Reports,
        scope: Scope,
        days: DayRange,
    ) -> Result<Vec<ReporterActivity>, StoreError> {
        let mut heard: BTreeMap<Reporter, (BTreeSet<Day>, i64)> = BTreeMap::new();
        let (mut after, mut read) = (None, 0);
        loop {
            let subject = Subject { domain: Some(self.domain.clone()), reporter: None };
            let filter = ReportFilter { scope, subject, days, content: Content::Any };
            let page = reports.list(filter, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.place());
            read += page.len();
            let is_last = page.len() < PAGE as usize || read >= MOST_REPORTS;
            for summary in page.into_iter().filter(|one| one.validity == Validity::Current) {
                if summary.reporter.signer.is_empty() {
                    continue;
                }
                let (days, received_at) = heard.entry(summary.reporter).or_default();
                days.insert(summary.day);
                *received_at = (*received_at).max(summary.received_at);
            }
            if is_last {
                break;
            }
        }
        let activity = |(reporter, (days, last_received_at)): (Reporter, (BTreeSet<Day>, i64))| {
            let (first_day, last_day) = (*days.first()?, *days.last()?);
            let days: Vec<Day> = days.into_iter().rev().take(60).collect();
            let days = days.into_iter().rev().collect();
            let contact = None;
            Some(ReporterActivity {
                reporter,
                contact,
                first_day,
                last_day,
                last_received_at,
                days,
            })
        };
        Ok(heard.into_iter().filter_map(activity).collect())
    }
}

#[cfg(test)]
mod tests;
