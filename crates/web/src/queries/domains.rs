//! Every domain.

use std::{cmp::Reverse, collections::BTreeMap, fmt};

use futures_util::future::try_join5;
use jiff::Timestamp;
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
use crate::format::{sessions, share};
use crate::model::{DomainRow, Domains, Health, Press};

/// Rows that are asked for at a time.
const PAGE: u32 = 1_000;
/// A domain that was due so long ago, in seconds, is not looked at any more.
const OVERDUE: i64 = 86_400;
/// So many days before it ends, a certificate that renews itself has done so.
const SOON: i64 = 14;
/// Rows of a page.
const SHOWN: usize = 500;

/// Where a domain stands in the list: what hurts most first, and of that where most failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place<'a> {
    presses: Press,
    health: Health,
    failed: Reverse<u64>,
    domain: &'a str,
}

/// A place in the list of domains, behind which a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DomainPlace {
    presses: Press,
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
            let recent = recent
                .get(&domain)
                .and_then(|row| row.traffic.as_ref())
                .map(|traffic| Recent { successful: traffic.successful, failed: traffic.failed });
            let health = health(recent, WasHeardOf::Yes);
            let (reports, successful, failed) = row.traffic.map_or_else(nothing, |traffic| {
                (traffic.reports, traffic.successful, traffic.failed)
            });
            let last_day = Some(row.last_day);
            let unheard = unheard(&domain);
            let mut row = DomainRow { health, reports, successful, failed, last_day, ..unheard };
            reported_wrong(&mut row, recent);
            rows.insert(domain, row);
        }
        for (domain, stage) in stages {
            let row = rows.entry(domain).or_insert_with_key(unheard);
            row.stage = Some(stage.as_str());
        }
        for summary in checks {
            let row = rows.entry(summary.domain.clone()).or_insert_with_key(unheard);
            looked(row, &summary, self.clock.now());
        }
        for (domain, outlook) in outlooks {
            if let Some(row) = rows.get_mut(&domain) {
                waits_for_somebody(row, &outlook);
            }
        }
        let search = search.trim().to_lowercase();
        // Also as people write it who do not know its A-labels.
        let is_found = |row: &DomainRow| {
            row.domain.as_str().contains(&search)
                || !search.is_ascii() && row.domain.to_unicode().contains(&search)
        };
        let mut domains: Vec<DomainRow> = rows.into_values().filter(is_found).collect();
        domains.sort_by(|one, other| Place::of(one).cmp(&Place::of(other)));
        let count = domains.len();
        let needing = domains.partition_point(|row| row.presses != Press::Nothing);
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
            presses: row.presses,
            health: row.health,
            failed: Reverse(row.failed.upper),
            domain: row.domain.as_str(),
        }
    }
}

impl fmt::Display for Place<'_> {
    /// As it stands in a link.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { presses, health, failed: Reverse(failed), domain } = *self;
        write!(f, "{}-{}-{failed}-{domain}", presses as u8, health as u8)
    }
}

impl DomainPlace {
    /// The place that a link names.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '-');
        let presses: usize = parts.next()?.parse().ok()?;
        let presses = *Press::ALL.get(presses)?;
        let health: usize = parts.next()?.parse().ok()?;
        let health = *Health::ALL.get(health)?;
        let failed = parts.next()?.parse().ok()?;
        Some(Self { presses, health, failed, domain: parts.next()?.to_owned() })
    }

    fn place(&self) -> Place<'_> {
        let Self { presses, health, failed, ref domain } = *self;
        Place { presses, health, failed: Reverse(failed), domain }
    }
}

/// How one domain stands, by the same measure as in the list.
pub(super) fn standing(
    domain: &DomainName,
    recent: Option<Recent>,
    was_heard_of: WasHeardOf,
    summary: Option<&Summary>,
    outlook: &Outlook,
    now: Timestamp,
) -> DomainRow {
    let mut row = DomainRow { health: health(recent, was_heard_of), ..unheard(domain) };
    reported_wrong(&mut row, recent);
    if let Some(summary) = summary {
        looked(&mut row, summary, now);
    }
    waits_for_somebody(&mut row, outlook);
    row
}

/// What was reported of the last days.
#[derive(Clone, Copy, Debug)]
pub(super) struct Recent {
    pub(super) successful: Bounds,
    pub(super) failed: Bounds,
}

/// Whether there ever was a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WasHeardOf {
    Yes,
    No,
}

fn health(recent: Option<Recent>, was_heard_of: WasHeardOf) -> Health {
    match recent {
        Some(recent) if recent.failed.upper > 0 => Health::Failing,
        Some(_) => Health::Well,
        None if was_heard_of == WasHeardOf::Yes => Health::Silent,
        None => Health::Unheard,
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
        presses: Press::Nothing,
    }
}

/// What reports say that somebody has to look into.
fn reported_wrong(row: &mut DomainRow, recent: Option<Recent>) {
    match (row.health, recent) {
        (Health::Failing, Some(Recent { successful, failed })) => {
            let (sessions, share) = (sessions(failed), share(failed, successful));
            let told = format!("{sessions} failed within the last seven days ({share})");
            row.need(Press::Failed, told);
        }
        (Health::Silent, _) => {
            row.need(Press::Silent, "nobody has reported within the last seven days");
        }
        _ => {}
    }
}

/// Whether somebody still looks at it when it is due.
fn is_looked_at(summary: &Summary, now: i64) -> bool {
    summary.due.saturating_add(OVERDUE) >= now
}

/// Notes what the last look came to.
fn looked(row: &mut DomainRow, summary: &Summary, now: Timestamp) {
    row.looked_at = Some(summary.at);
    row.verdict = summary.findings.verdict;
    row.days_left = summary.findings.certificate_end.map(|end| days_until(end, now));
    // What was found at a domain that is ours no more waits for nobody.
    if is_looked_at(summary, now.as_second()) {
        found_wrong(row, summary);
    }
}

/// What a look found that somebody has to mend.
fn found_wrong(row: &mut DomainRow, summary: &Summary) {
    let before = row.needs.len();
    match summary.findings.verdict {
        Some(Verdict::Failing) => {
            // Whatever reports say, or nobody reports yet.
            row.health = Health::Failing;
            row.need(
                Press::HeldBack,
                "the policy is enforced, and an MX host does not satisfy it: mail is held back",
            );
        }
        Some(Verdict::Broken) => {
            row.need(Press::Broken, "MTA-STS is set up, and senders can't use it");
        }
        _ => {}
    }
    match row.days_left {
        Some(days) if days < 0 => row.need(Press::Ends, "a certificate has ended"),
        Some(days) if days < SOON => {
            row.need(Press::Ends, format!("a certificate ends {}", crate::format::days_left(days)));
        }
        _ => {}
    }
    let errors = u64::from(summary.findings.errors);
    if row.needs.len() == before && errors > 0 {
        let told = crate::format::counted(errors, "error", "errors");
        row.need(Press::Errors, format!("our last look found {told}"));
    }
}

/// What of a roll-out waits for a person.
fn waits_for_somebody(row: &mut DomainRow, outlook: &Outlook) {
    if let Some(made) = &outlook.proposed {
        row.need(Press::Waits, format!("it may move on to {}", made.to));
    }
    if !outlook.todo.is_empty() {
        row.need(Press::Waits, "something has to be done for its roll-out");
    }
}

#[cfg(test)]
mod tests {
    use sealpost_store::checks::Sums;

    use super::*;

    #[test]
    fn a_place_survives_a_link() {
        let place = DomainPlace {
            presses: Press::Waits,
            health: Health::Well,
            failed: 34,
            domain: "a-b.example".to_owned(),
        };
        assert_eq!(DomainPlace::parse(&place.place().to_string()), Some(place));
        for text in ["", "-", "0-0-1", "8-0-1-a", "0-4-1-a", "0-0-x-a", "0--1-1-a"] {
            assert_eq!(DomainPlace::parse(text), None, "{text}");
        }
    }

    /// A domain of this health in the reports, at which a look found this.
    fn row(name: &str, health: Health, verdict: Verdict, days: i64, errors: u32) -> DomainRow {
        let domain: DomainName = name.parse().unwrap();
        let mut row = DomainRow { health, days_left: Some(days), ..unheard(&domain) };
        let recent = Recent { successful: Bounds::exactly(5), failed: Bounds::exactly(1) };
        reported_wrong(&mut row, Some(recent));
        let findings = Sums { verdict: Some(verdict), errors, warnings: 0, certificate_end: None };
        found_wrong(&mut row, &Summary { domain, at: 1_000, findings, due: 2_000 });
        row
    }

    #[test]
    fn what_hurts_most_comes_first() {
        let fewer = row("c.example", Health::Failing, Verdict::Testing, 60, 0);
        let more = row("d.example", Health::Failing, Verdict::Testing, 60, 0);
        let more = DomainRow { failed: Bounds::exactly(9), ..more };
        let mut rows = [
            row("k.example", Health::Unheard, Verdict::Enforced, 60, 0),
            row("j.example", Health::Well, Verdict::Enforced, 60, 0),
            row("i.example", Health::Silent, Verdict::Enforced, 60, 0),
            row("h.example", Health::Well, Verdict::Enforced, 60, 1),
            row("g.example", Health::Well, Verdict::Enforced, 13, 1),
            row("f.example", Health::Silent, Verdict::Testing, -1, 1),
            row("e.example", Health::Unheard, Verdict::Broken, 60, 1),
            fewer,
            more,
            // Nobody has reported on it yet, and mail to it waits.
            row("b.example", Health::Unheard, Verdict::Failing, 60, 1),
            row("a.example", Health::Failing, Verdict::Failing, 60, 1),
        ];
        rows.sort_by(|one, other| Place::of(one).cmp(&Place::of(other)));
        let names: String = rows.iter().map(|row| &row.domain.as_str()[..1]).collect();
        assert_eq!(names, "abdcefghijk");
        let needing = rows.partition_point(|row| !row.needs.is_empty());
        assert_eq!(needing, 9, "and who needs nobody is at the end");
        assert!(rows[needing..].iter().all(|row| row.needs.is_empty()));
        let [held_back, failed] = rows[0].needs.as_slice() else { panic!("{:?}", rows[0].needs) };
        assert!(held_back.ends_with("mail is held back"), "{held_back}");
        assert_eq!(failed, "1 session failed within the last seven days (16.6 %)");
    }

    #[test]
    fn a_domain_whose_mail_is_held_back_fails_whatever_reports_say() {
        for reported in Health::ALL {
            let row = row("a.example", reported, Verdict::Failing, 60, 1);
            assert_eq!(row.health, Health::Failing, "{reported:?}");
            let row = self::row("a.example", reported, Verdict::Broken, 60, 1);
            assert_eq!(
                row.health, reported,
                "nobody holds mail back for a policy that nobody can use"
            );
        }
    }

    #[test]
    fn one_domain_stands_as_it_does_in_the_list() {
        let domain: DomainName = "a.example".parse().unwrap();
        let findings = Sums {
            verdict: Some(Verdict::Failing),
            errors: 1,
            warnings: 0,
            certificate_end: Some(1_000 + 3 * 86_400),
        };
        let summary = Summary { domain: domain.clone(), at: 1_000, findings, due: 2_000 };
        let outlook = Outlook { todo: vec!["a record".to_owned()], ..Outlook::default() };
        let at = |seconds| {
            let now = Timestamp::from_second(seconds).unwrap();
            standing(&domain, None, WasHeardOf::Yes, Some(&summary), &outlook, now)
        };
        let now = at(1_500);
        assert_eq!(
            (now.health, now.presses, now.needs.len()),
            (Health::Failing, Press::HeldBack, 4)
        );
        assert!(now.needs[0].ends_with("mail is held back"), "{:?}", now.needs);
        let later = at(2_001 + OVERDUE);
        let told = (later.health, later.needs.len());
        assert_eq!(told, (Health::Silent, 2), "nobody looks at it any more");
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
