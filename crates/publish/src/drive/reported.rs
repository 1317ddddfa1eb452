//! What TLS reports that count say of a domain, as the gates want it.

use std::collections::{BTreeMap, BTreeSet};

use mail_domain::DomainName;
use sealpost_evidence::Evidence;
use sealpost_evidence::traffic::{Day, FailureGroup, Reporter, ReporterActivity};
use sealpost_rollout::{Group, GroupState, History, Settings, Spike, Stage, Time, Traffic};
use sealpost_rules::diagnosis::{
    AnomalyKind, Fault, Known, PublishedPolicy, Standing, Thresholds, diagnose, judge_groups,
    spikes,
};
use sealpost_store::reports::{
    Content, DayRange, Echo, FailingReport, FailureGroups, ReportFilter, Reports, Scope, Subject,
    Validity,
};
use sealpost_store::{StoreError, Word, WordKind};

/// Days that a spike is compared with, and some more.
const COMPARED: u32 = 60;
/// A spike is not over before so many days without a report of it.
const SPIKE_DAYS: i64 = 3;
/// Reports that are asked for at a time, and in all, for who reports.
const PAGE: u32 = 1_000;
const MOST_REPORTS: usize = 5_000;
/// Groups of failures that are told apart.
const MOST_GROUPS: u32 = 1_000;
/// So many days late a report may be: what it tells of a stage, no gate out of that has seen.
const LATE: i64 = 10;
/// By so much the clock of who gives a word may be ahead.
const AHEAD: std::time::Duration = std::time::Duration::from_secs(3_600);
/// What failures are called that were too many to be looked at.
const UNREAD: &str = "unread/-/-";

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
    pub(super) stage: Stage,
    pub(super) entered_at: Time,
    pub(super) now: Time,
    pub(super) evidence: &'a Evidence,
    pub(super) history: &'a History,
    pub(super) words: &'a [Word],
}

/// The kinds of failures: how many sessions of each, and how it stands.
#[derive(Default)]
struct Kinds(BTreeMap<String, (u64, GroupState)>);

/// Sessions of the mails that brought reports.
#[derive(Default)]
struct Echoes {
    /// In the stage.
    sessions: u64,
    /// In the window, those that went well.
    recent_successful: u64,
}

impl Kinds {
    fn add(
        &mut self,
        question: &Question<'_>,
        mut kind: String,
        sessions: u64,
        state: &GroupState,
    ) {
        if let (GroupState::Open, Some(word)) = (state, question.word(&kind)) {
            kind = format!("{kind} (accepted by {}, until {})", word.by, question.ends(word));
        }
        let known = self.0.entry(kind).or_insert((0, state.clone()));
        known.0 = known.0.saturating_add(sessions);
        if *state == GroupState::Open {
            known.1 = GroupState::Open;
        }
    }

    /// What was not looked at is explained by nobody.
    fn unread(&mut self, question: &Question<'_>, found: &FailureGroups) {
        if found.unlisted > 0 || found.unread_before.is_some() {
            let state = question.accepted(UNREAD).unwrap_or(GroupState::Open);
            self.add(question, UNREAD.to_owned(), found.unlisted, &state);
        }
    }

    fn groups(self) -> Vec<Group> {
        let group = |(text, (sessions, state))| Group { text, sessions, state };
        self.0.into_iter().map(group).collect()
    }
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
        let mut kinds = Kinds::default();
        let states = self.judge(&found.groups, &reporters, today, &mut kinds);
        let explained = explained(&failing, &states);
        kinds.unread(self, &found);
        // A failure is open until somebody explains it, however long ago it was.
        let late = if self.stage.enforces() { LATE } else { 0 };
        let older = DayRange { first: entered.plus(-late), last: recent.first.plus(-1) };
        let has_gate = self.stage == Stage::Testing || self.stage.enforces();
        if has_gate && self.stage.next().is_some() && older.first <= older.last {
            let found = reports.failure_groups(scope, subject(), older, MOST_GROUPS).await?;
            self.judge(&found.groups, &reporters, today, &mut kinds);
            kinds.unread(self, &found);
        }
        let groups = kinds.groups();
        let echoes = self.echoes(reports, scope, stage, recent).await?;
        let traffic = Traffic {
            reporters: u32::try_from(signers.len()).unwrap_or(u32::MAX),
            sessions: sessions.saturating_sub(echoes.sessions),
            recent_sessions: recent_sessions.saturating_sub(echoes.recent_successful),
            // What no report explains counts as ours, as does what was not read.
            recent_ours: recent_failed.saturating_sub(explained),
        };
        Ok(Reported { traffic, groups, spike })
    }

    /// How each group stands; and the kinds.
    fn judge(
        &self,
        found: &[FailureGroup],
        reporters: &[ReporterActivity],
        today: Day,
        kinds: &mut Kinds,
    ) -> Vec<GroupState> {
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
        let mut states = Vec::with_capacity(found.len());
        for (place, group) in found.iter().enumerate() {
            let diagnosis = diagnose(group, &known);
            let spread = spreads.iter().find(|spread| spread.groups.contains(&place));
            let name = group.kind();
            let accepted = self.accepted(&name);
            let is_theirs = |fault| matches!(fault, Fault::Sender | Fault::Interference);
            let state = match (accepted, diagnosis.standing, diagnosis.fault) {
                (Some(accepted), _, _) => accepted,
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
            kinds.add(self, name, group.sessions, &state);
            states.push(state);
        }
        states
    }

    /// The word of a person who lives with a kind of failure, as long as it holds.
    fn accepted(&self, kind: &str) -> Option<GroupState> {
        let word = self.word(kind)?;
        let until = self.ends(word);
        let is_given = word.at <= self.now.plus(AHEAD);
        (is_given && self.now < until).then(|| GroupState::Accepted {
            by: word.by.clone(),
            reason: word.reason.clone(),
            until,
        })
    }

    fn word(&self, kind: &str) -> Option<&Word> {
        let is_of = |word: &&Word| word.kind == WordKind::Accepted && word.subject == kind;
        self.words.iter().find(is_of)
    }

    fn ends(&self, word: &Word) -> Time {
        let days = u64::from(self.settings.accepted_days);
        word.at.plus(std::time::Duration::from_secs(days.saturating_mul(86_400)))
    }

    /// Sessions that brought us reports, and nothing else: who says that they went well says nothing
    /// of anybody's mail.
    async fn echoes(
        &self,
        reports: &Reports,
        scope: Scope,
        stage: DayRange,
        recent: DayRange,
    ) -> Result<Echoes, StoreError> {
        let (mut echoes, mut after, mut read) = (Echoes::default(), None, 0);
        loop {
            let subject = Subject { domain: Some(self.domain.clone()), reporter: None };
            let filter = ReportFilter { scope, subject, days: stage, content: Content::Any };
            let page = reports.list(filter, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(echoes) };
            after = Some(last.place());
            read += page.len();
            let is_last = page.len() < PAGE as usize || read >= MOST_REPORTS;
            let judged = reports.echoes(page.clone()).await?;
            let current =
                page.iter().zip(judged).filter(|(one, _)| one.validity == Validity::Current);
            for (summary, _) in current.filter(|(_, echo)| *echo == Echo::Likely) {
                let (went_well, failed) = (summary.successful.lower, summary.failed.lower);
                let sessions = went_well.saturating_add(failed);
                echoes.sessions = echoes.sessions.saturating_add(sessions);
                if summary.day >= recent.first {
                    echoes.recent_successful = echoes.recent_successful.saturating_add(went_well);
                }
            }
            if is_last {
                return Ok(echoes);
            }
        }
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
