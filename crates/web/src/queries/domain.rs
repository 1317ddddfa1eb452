//! One domain.

use futures_util::future::try_join4;
use mail_domain::DomainName;
use sealpost_evidence::traffic::{Day, DaySeries, DayTraffic, FailureGroup, Reporter};
use sealpost_rollout::{Entry, Horizon, Outlook, Stage};
use sealpost_rules::diagnosis::{self, diagnose, under_any_policy};
use sealpost_store::{
    StoreError, read_clock,
    reports::{Background, Content, DayRange, Gathered, ReportFilter, Scope, Subject},
};

use super::{
    DAYS, Desk, RECENT,
    domains::{Recent, WasHeardOf, standing},
};
use crate::model::{
    AnomalyRow, Diagnosis, Domain, EventRow, FailureRow, LogRow, ReporterRow, Rollout, StageMark,
};

/// Rows that are asked for at a time.
const PAGE: u32 = 1_000;
/// Kinds of failures that are shown.
const MOST_FAILURES: u32 = 50;
/// Rows of the logbook that are shown.
const MOST_ENTRIES: usize = 200;

/// Events that are shown beside everything else.
const SHOWN_EVENTS: u32 = 20;

impl Desk {
    /// What is known of a domain; `None` if nothing is.
    pub(crate) async fn domain(&self, domain: &DomainName) -> Result<Option<Domain>, StoreError> {
        let days = self.days(DAYS);
        let reports = self.store.reports();
        let subject = || Subject { domain: Some(domain.clone()), reporter: None };
        let (series, by_reporter, gathered, known) = try_join4(
            reports.series(Scope::Counted, subject(), days),
            reports.series_by_reporter(Scope::Counted, domain.clone(), days),
            reports.gather(Scope::Counted, domain, days, MOST_FAILURES),
            self.store.rollouts().load(domain.clone()),
        )
        .await?;
        let (background, events, summary, left) = try_join4(
            self.store.background(&gathered, known.as_ref()),
            self.store.checks().events_of(domain.clone(), SHOWN_EVENTS),
            self.store.checks().summary_of(domain.clone()),
            self.store.rollouts().watch_state(domain.clone()),
        )
        .await?;
        let (reports_in_all, successful, failed) = series.total();
        let was_heard_of = if reports_in_all > 0 || self.was_heard_of(subject()).await? {
            WasHeardOf::Yes
        } else {
            WasHeardOf::No
        };
        let (outlook, now) = (outlook(left.as_deref()), self.clock.now());
        let recent = recent(&series, self.days(RECENT));
        let standing = standing(domain, recent, was_heard_of, summary.as_ref(), &outlook, now);
        let (rollout, turned_away) = match known {
            Some(known) => {
                (Some(self.rollout(domain, known, left.as_deref(), outlook).await?), Vec::new())
            }
            None => (None, [outlook.todo, outlook.waits].concat()),
        };
        let is_known = was_heard_of == WasHeardOf::Yes
            || rollout.is_some()
            || !turned_away.is_empty()
            || background.latest.is_some();
        if !is_known
            // As of an exception for a domain of others: its incident leads here.
            && !self.has_incidents(domain).await?
        {
            return Ok(None);
        }
        let today = self.today();
        let evidence = background.latest.as_ref();
        let served = rollout.as_ref().and_then(|rollout| rollout.policy.as_deref());
        let policies_seen = self.seen_policies(domain, evidence, served).await?;
        Ok(Some(Domain {
            domain: domain.clone(),
            health: standing.health,
            needs: standing.needs,
            since: days.first,
            until: today,
            reports: reports_in_all,
            successful,
            failed,
            days: series.days,
            reporters: reporters(by_reporter.series),
            is_cut: by_reporter.is_cut,
            failures: failures(&gathered, &background, today),
            unlisted: gathered.groups.unlisted,
            anomalies: out_of_the_ordinary(&gathered, today),
            rollout,
            turned_away,
            policies: policies_seen,
            check: evidence.map(|evidence| self.check(evidence)),
            events: events.into_iter().map(EventRow::of).collect(),
        }))
    }

    /// Whether any report ever told of it.
    async fn was_heard_of(&self, subject: Subject) -> Result<bool, StoreError> {
        let days = DayRange::all();
        let filter = ReportFilter { scope: Scope::Counted, subject, days, content: Content::Any };
        Ok(!self.store.reports().list(filter, None, 1).await?.is_empty())
    }

    async fn rollout(
        &self,
        domain: &DomainName,
        known: sealpost_store::Rollout,
        left: Option<&str>,
        outlook: Outlook,
    ) -> Result<Rollout, StoreError> {
        let rollouts = self.store.rollouts();
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let skipped = u64::try_from(entries.len()).unwrap_or(u64::MAX);
            let page = rollouts.logbook(domain.clone(), skipped, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            entries.extend(page);
            if is_last {
                break;
            }
        }
        let witnessed = known.as_witnessed(left, &read_clock(&self.clock));
        let logbook = entries.iter().rev().take(MOST_ENTRIES).map(|entry| LogRow {
            at: entry.at.into(),
            text: format!("{}{}", entry.event, entry.by),
            grounds: entry.grounds.clone(),
        });
        Ok(Rollout {
            stage: known.stage.as_str(),
            since: known.entered_at.into(),
            policy: known.history.live().map(ToString::to_string),
            id: known.history.live_id().map(|announced| announced.id.to_string()),
            held_until: match witnessed.history.horizon() {
                Horizon::Nobody => "nobody".to_owned(),
                Horizon::Until(time) => time.to_string(),
                Horizon::Open => "open".to_owned(),
            },
            stages: marks(known.stage),
            proposed: outlook.proposed.map(|made| made.to.as_str()),
            waits: outlook.waits,
            todo: outlook.todo,
            ways: ways(known.stage).into_iter().map(Stage::as_str).collect(),
            logbook: logbook.collect(),
        })
    }
}

/// What was reported of these days; `None` if nothing was.
fn recent(series: &DaySeries, days: DayRange) -> Option<Recent> {
    let recent = series.days.iter().filter(|day| (days.first..=days.last).contains(&day.day));
    let of_day = |day: &DayTraffic| Recent { successful: day.successful, failed: day.failed };
    recent.map(of_day).reduce(|sum, day| Recent {
        successful: sum.successful.plus(day.successful),
        failed: sum.failed.plus(day.failed),
    })
}

/// How a domain stood after its last look. What cannot be read is told by the next.
fn outlook(left: Option<&str>) -> Outlook {
    left.and_then(|left| serde_json::from_str(left).ok()).unwrap_or_default()
}

/// Those with the most failures first, then with the most sessions.
fn reporters(series: Vec<DaySeries>) -> Vec<ReporterRow> {
    let row = |series: DaySeries| {
        let (reports, successful, failed) = series.total();
        let last_day = series.days.last()?.day;
        let Reporter { signer, organisation } = series.reporter?;
        let days = series.days;
        Some(ReporterRow { organisation, signer, reports, successful, failed, last_day, days })
    };
    let mut rows: Vec<ReporterRow> = series.into_iter().filter_map(row).collect();
    rows.sort_by_key(|row| {
        let sessions = row.successful.upper.saturating_add(row.failed.upper);
        std::cmp::Reverse((row.failed.upper, sessions))
    });
    rows
}

/// The way in; the way out only for who is on it.
fn marks(current: Stage) -> Vec<StageMark> {
    let leaves = current > Stage::EnforceLong;
    Stage::ALL
        .into_iter()
        .filter(|stage| leaves || *stage <= Stage::EnforceLong)
        .map(|stage| StageMark {
            name: stage.as_str(),
            is_reached: stage <= current,
            is_current: stage == current,
        })
        .collect()
}

/// Where a person may want to lead a domain that is in this stage.
fn ways(current: Stage) -> Vec<Stage> {
    let onward = current.next();
    let back = current.enforces().then_some(Stage::Testing);
    let out = match current {
        Stage::Record | Stage::Prerequisites => Some(Stage::Removed),
        Stage::Testing | Stage::EnforceDay | Stage::EnforceWeek | Stage::EnforceLong => {
            Some(Stage::Leaving)
        }
        Stage::Nothing | Stage::Leaving | Stage::Removed => None,
    };
    let again = matches!(current, Stage::Leaving | Stage::Removed).then_some(Stage::Record);
    let mut ways: Vec<Stage> = [onward, back, out, again].into_iter().flatten().collect();
    ways.dedup();
    ways
}

/// What failed and what it means, as `sealpost receive failures` says it.
fn failures(gathered: &Gathered, background: &Background, today: Day) -> Vec<FailureRow> {
    let groups = &gathered.groups.groups;
    let mut alike = vec![0; groups.len()];
    for (number, places) in under_any_policy(groups).into_iter().enumerate() {
        for place in places {
            if let Some(of_group) = alike.get_mut(place) {
                *of_group = number;
            }
        }
    }
    let row = |(group, alike): (&FailureGroup, usize)| {
        let known = background.known(gathered, group, today);
        failure(group, diagnose(group, &known), gathered.is_echo(group), alike)
    };
    groups.iter().zip(alike).map(row).collect()
}

fn failure(
    group: &FailureGroup,
    found: diagnosis::Diagnosis,
    is_echo: bool,
    alike: usize,
) -> FailureRow {
    FailureRow {
        organisation: group.reporter.organisation.clone(),
        policy_type: group.policy_type.clone(),
        result_type: group.result_type.clone(),
        mx_host: group.mx_host.clone(),
        receiving_ip: group.receiving_ip.map(|address| address.to_string()),
        reason: group.reason.clone(),
        sessions: group.sessions,
        first_day: group.first_day,
        last_day: group.last_day,
        kind: group.kind(),
        alike,
        is_echo,
        diagnosis: Diagnosis {
            code: found.cause.code,
            severity: found.severity.as_str(),
            title: found.cause.title,
            sentence: found.sentence,
            grounds: found.grounds,
            action: found.action,
        },
    }
}

fn out_of_the_ordinary(gathered: &Gathered, today: Day) -> Vec<AnomalyRow> {
    let Gathered { domain, series, histories, reporters, .. } = gathered;
    let found = diagnosis::anomalies(domain, series, histories, reporters, today).into_iter();
    let row = |anomaly: diagnosis::Anomaly| AnomalyRow {
        day: anomaly.day,
        code: anomaly.cause.code,
        severity: anomaly.severity.as_str(),
        sentence: anomaly.sentence,
        action: anomaly.cause.fix,
    };
    found.map(row).collect()
}
