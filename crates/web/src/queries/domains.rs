//! Every domain.

use std::collections::BTreeMap;

use futures_util::future::try_join3;
use mail_domain::DomainName;
use sealpost_evidence::traffic::{Bounds, Day};
use sealpost_rollout::Stage;
use sealpost_store::{
    StoreError,
    reports::{DayRange, DomainTraffic, Scope},
};

use super::{DAYS, Desk, RECENT};
use crate::model::{DomainRow, Domains, Health};

/// Rows that are asked for at a time.
const PAGE: u32 = 1_000;
/// The most domains that are known at a time.
const MOST_KNOWN: usize = 50_000;
/// The most that are shown at a time.
const MOST_SHOWN: usize = 500;

impl Desk {
    /// The domains whose name has this text in it; all of them if it is empty.
    pub(crate) async fn domains(&self, search: &str) -> Result<Domains, StoreError> {
        let days = self.days(DAYS);
        let (recent, all, stages) =
            try_join3(self.traffic(self.days(RECENT)), self.traffic(days), self.stages()).await?;
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
            let row =
                DomainRow { domain, health, stage: None, reports, successful, failed, last_day };
            rows.insert(row.domain.clone(), row);
        }
        for (domain, stage) in stages {
            let row = rows.entry(domain).or_insert_with_key(unheard);
            row.stage = Some(stage.as_str());
        }
        let search = search.trim().to_ascii_lowercase();
        let mut domains: Vec<DomainRow> =
            rows.into_values().filter(|row| row.domain.as_str().contains(&search)).collect();
        domains.sort_by(|one, other| {
            let key = |row: &DomainRow| (row.health, std::cmp::Reverse(row.failed.upper));
            key(one).cmp(&key(other)).then_with(|| one.domain.cmp(&other.domain))
        });
        let is_cut = domains.len() > MOST_SHOWN;
        domains.truncate(MOST_SHOWN);
        let (incidents, open_incidents) = self.open_incidents().await?;
        let until = self.today();
        Ok(Domains { since: days.first, until, domains, is_cut, incidents, open_incidents })
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
    let last_day: Option<Day> = None;
    let (domain, health) = (domain.clone(), Health::Unheard);
    DomainRow { domain, health, stage: None, reports, successful, failed, last_day }
}
