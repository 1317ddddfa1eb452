//! Every domain.

use std::{cmp::Reverse, collections::BTreeMap, fmt};

use futures_util::future::try_join5;
use mail_domain::DomainName;
use sealpost_evidence::traffic::Bounds;
use sealpost_rollout::{Outlook, Stage};
use sealpost_rules::Verdict;
use sealpost_store::{
    StoreError,
    checks::Summary,
    reports::{DayRange, DomainTraffic, Scope},
};

use super::{DAYS, Desk, Extent, MOST_KNOWN, RECENT, check::days_until};
use crate::model::{DomainRow, Domains, Health};

/// Rows that are asked for at a time.
const PAGE: u32 = 1_000;
/// A domain that was due so long ago, in seconds, is not looked at any more.
const OVERDUE: i64 = 86_400;
/// So many days before it ends, a certificate that renews itself has done so.
const SOON: i64 = 14;
/// Rows of a page.
const SHOWN: usize = 500;

/// Where a domain stands in the list: what needs a person first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a> {
    needs_nobody: bool,
    health: Health,
    failed: Reverse<u64>,
    domain: &'a str,
}

/// A place in the list of domains, behind which a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DomainPlace {
    needs_nobody: bool,
    health: Health,
    failed: u64,
    domain: String,
}

impl Desk {
    /// The domains whose name has this text in it, or all of them if it is empty, behind a place.
    pub(crate) async fn domains(
        &self,
        search: &str,
        after: Option<&DomainPlace>,
        extent: Extent,
    ) -> Result<Domains, StoreError> {
        let days = self.days(DAYS);
        let (recent, all, stages, outlooks, checks) = try_join5(
            self.traffic(self.days(RECENT)),
            self.traffic(days),
            self.stages(),
            self.outlooks(),
            self.checks(),
        )
        .await?;
        let recent: BTreeMap<DomainName, DomainTraffic> =
            recent.into_iter().filter_map(|row| Some((row.domain.clone()?, row))).collect();
        let mut rows = BTreeMap::new();
        for row in all {
            let Some(domain) = row.domain.clone() else { continue };
            let health = health(recent.get(&domain));
            let (reports, successful, failed) = row.traffic.map_or_else(nothing, |traffic| {
                (traffic.reports, traffic.successful, traffic.failed)
            });
            let last_day = Some(row.last_day);
            let needs = reported_wrong(health).map(str::to_owned).into_iter().collect();
            let unheard = unheard(&domain);
            let row = DomainRow { health, reports, successful, failed, last_day, needs, ..unheard };
            rows.insert(domain, row);
        }
        for (domain, stage) in stages {
            let row = rows.entry(domain).or_insert_with_key(unheard);
            row.stage = Some(stage.as_str());
        }
        for summary in checks {
            let row = rows.entry(summary.domain.clone()).or_insert_with_key(unheard);
            row.looked_at = Some(summary.at);
            row.verdict = summary.findings.verdict;
            let end = summary.findings.certificate_end;
            let now = self.clock.now();
            row.days_left = end.map(|end| days_until(end, now));
            // What was found at a domain that is ours no more waits for nobody.
            if is_looked_at(&summary, now.as_second()) {
                row.needs.extend(found_wrong(&summary, row.days_left));
            }
        }
        for (domain, outlook) in outlooks {
            if let Some(row) = rows.get_mut(&domain) {
                row.needs.extend(waits_for_somebody(&outlook));
            }
        }
        let search = search.trim().to_ascii_lowercase();
        let mut domains: Vec<DomainRow> =
            rows.into_values().filter(|row| row.domain.as_str().contains(&search)).collect();
        domains.sort_by(|one, other| Place::of(one).cmp(&Place::of(other)));
        let count = domains.len();
        let needing = domains.partition_point(|row| !row.needs.is_empty());
        let begin =
            after.map_or(0, |after| domains.partition_point(|row| Place::of(row) <= after.place()));
        domains.drain(..begin);
        let is_last = domains.len() <= extent.rows_of_all(SHOWN);
        domains.truncate(extent.rows_of_all(SHOWN));
        let next = domains.last().filter(|_| !is_last).map(|row| Place::of(row).to_string());
        let (incidents, open_incidents) = self.open_incidents().await?;
        let (since, until) = (days.first, self.today());
        Ok(Domains { since, until, domains, count, needing, next, incidents, open_incidents })
    }

    async fn traffic(&self, days: DayRange) -> Result<Vec<DomainTraffic>, StoreError> {
        let reports = self.store.reports();
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = reports.domains(Scope::Counted, days, after, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            after = page.last().map(|row| row.id);
            all.extend(page);
            if is_last || all.len() >= MOST_KNOWN {
                return Ok(all);
            }
        }
    }

    async fn checks(&self) -> Result<Vec<Summary>, StoreError> {
        let checks = self.store.checks();
        let (mut all, mut behind) = (Vec::new(), None);
        loop {
            let page = checks.summaries(behind, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            behind = page.last().map(|summary| summary.domain.clone());
            all.extend(page);
            if is_last || all.len() >= MOST_KNOWN {
                return Ok(all);
            }
        }
    }

    /// What the last pass over each domain left to do. What cannot be read is told by the next.
    async fn outlooks(&self) -> Result<Vec<(DomainName, Outlook)>, StoreError> {
        let rollouts = self.store.rollouts();
        let (mut all, mut behind, mut read) = (Vec::new(), None, 0);
        loop {
            let page = rollouts.watch_states(behind, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            read += page.len();
            behind = page.last().map(|(domain, _)| domain.clone());
            all.extend(
                page.into_iter().filter_map(|(domain, state)| {
                    Some((domain, serde_json::from_str(&state).ok()?))
                }),
            );
            if is_last || read >= MOST_KNOWN {
                return Ok(all);
            }
        }
    }

    async fn stages(&self) -> Result<Vec<(DomainName, Stage)>, StoreError> {
        let rollouts = self.store.rollouts();
        let (mut all, mut behind) = (Vec::new(), None);
        loop {
            let page = rollouts.domains(behind, PAGE).await?;
            let is_last = page.len() < PAGE as usize;
            behind = page.last().map(|(domain, ..)| domain.clone());
            all.extend(page.into_iter().map(|(domain, stage, _)| (domain, stage)));
            if is_last || all.len() >= MOST_KNOWN {
                return Ok(all);
            }
        }
    }
}

impl<'a> Place<'a> {
    fn of(row: &'a DomainRow) -> Self {
        Self {
            needs_nobody: row.needs.is_empty(),
            health: row.health,
            failed: Reverse(row.failed.upper),
            domain: row.domain.as_str(),
        }
    }
}

impl fmt::Display for Place<'_> {
    /// As it stands in a link.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { needs_nobody, health, failed: Reverse(failed), domain } = *self;
        write!(f, "{}-{}-{failed}-{domain}", u8::from(needs_nobody), health as u8)
    }
}

impl DomainPlace {
    /// The place that a link names.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '-');
        let needs_nobody = match parts.next()? {
            "0" => false,
            "1" => true,
            _ => return None,
        };
        let health: usize = parts.next()?.parse().ok()?;
        let health = *Health::ALL.get(health)?;
        let failed = parts.next()?.parse().ok()?;
        Some(Self { needs_nobody, health, failed, domain: parts.next()?.to_owned() })
    }

    fn place(&self) -> Place<'_> {
        let Self { needs_nobody, health, failed, ref domain } = *self;
        Place { needs_nobody, health, failed: Reverse(failed), domain }
    }
}

/// `recent` is the traffic of the last days.
fn health(recent: Option<&DomainTraffic>) -> Health {
    match recent.and_then(|row| row.traffic.as_ref()) {
        Some(traffic) if traffic.failed.upper > 0 => Health::Failing,
        Some(_) => Health::Well,
        None => Health::Silent,
    }
}

fn nothing() -> (u64, Bounds, Bounds) {
    (0, Bounds::exactly(0), Bounds::exactly(0))
}

fn unheard(domain: &DomainName) -> DomainRow {
    let (reports, successful, failed) = nothing();
    DomainRow {
        domain: domain.clone(),
        health: Health::Unheard,
        stage: None,
        reports,
        successful,
        failed,
        last_day: None,
        looked_at: None,
        verdict: None,
        days_left: None,
        needs: Vec::new(),
    }
}

/// What reports say that somebody has to look into.
fn reported_wrong(health: Health) -> Option<&'static str> {
    match health {
        Health::Failing => Some("sessions failed within the last seven days"),
        Health::Silent => Some("nobody has reported within the last seven days"),
        Health::Well | Health::Unheard => None,
    }
}

/// Whether somebody still looks at it when it is due.
fn is_looked_at(summary: &Summary, now: i64) -> bool {
    summary.due.saturating_add(OVERDUE) >= now
}

/// What a look found that somebody has to mend.
fn found_wrong(summary: &Summary, days_left: Option<i64>) -> Vec<String> {
    let mut needs = Vec::new();
    match summary.findings.verdict {
        Some(Verdict::Failing) => needs.push(
            "the policy is enforced, and an MX host does not satisfy it: mail is held back"
                .to_owned(),
        ),
        Some(Verdict::Broken) => {
            needs.push("MTA-STS is set up, and senders can't use it".to_owned());
        }
        _ => {}
    }
    match days_left {
        Some(days) if days < 0 => needs.push("a certificate has ended".to_owned()),
        Some(days) if days < SOON => {
            needs.push(format!("a certificate ends {}", crate::format::days_left(days)));
        }
        _ => {}
    }
    let errors = u64::from(summary.findings.errors);
    if needs.is_empty() && errors > 0 {
        let told = crate::format::counted(errors, "error", "errors");
        needs.push(format!("the last look found {told}"));
    }
    needs
}

/// What of a roll-out waits for a person.
fn waits_for_somebody(outlook: &Outlook) -> Vec<String> {
    let mut needs = Vec::new();
    if let Some(made) = &outlook.proposed {
        needs.push(format!("it may move on to {}", made.to));
    }
    if !outlook.todo.is_empty() {
        needs.push("something has to be done for its roll-out".to_owned());
    }
    needs
}

#[cfg(test)]
mod tests {
    use sealpost_store::checks::Sums;

    use super::*;

    #[test]
    fn a_place_survives_a_link() {
        let place = DomainPlace {
            needs_nobody: true,
            health: Health::Well,
            failed: 34,
            domain: "a-b.example".to_owned(),
        };
        assert_eq!(DomainPlace::parse(&place.place().to_string()), Some(place));
        for text in ["", "-", "0-0-1", "2-0-1-a", "0-4-1-a", "0-0-x-a", "0--1-1-a"] {
            assert_eq!(DomainPlace::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_was_found_counts_as_long_as_somebody_looks() {
        let findings =
            Sums { verdict: Some(Verdict::Failing), errors: 1, warnings: 0, certificate_end: None };
        let domain = "example.com".parse().unwrap();
        let summary = Summary { domain, at: 1_000, findings, due: 2_000 };
        assert!(is_looked_at(&summary, 1_500));
        assert!(is_looked_at(&summary, 2_000 + OVERDUE), "a process that was down for a while");
        assert!(!is_looked_at(&summary, 2_001 + OVERDUE));
    }
}
