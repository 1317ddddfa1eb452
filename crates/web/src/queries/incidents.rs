//! What people are told of.

use mail_domain::DomainName;
use sealpost_rules::incidents::incident_cause;
use sealpost_store::{
    StoreError,
    incidents::{Incident, IncidentId, Notice, Phase},
};

use super::{Desk, Extent};
use crate::model;

/// Rows of a page.
const PAGE: u32 = 100;
/// Open ones that the first page shows.
const AT_HOME: u32 = 10;

/// Which incidents are asked for.
#[derive(Clone, Debug)]
pub(crate) struct IncidentsWanted {
    pub(crate) phase: Phase,
    pub(crate) domain: Option<DomainName>,
    pub(crate) before: Option<i64>,
}

impl Desk {
    /// A page of incidents, the last first.
    pub(crate) async fn incidents(
        &self,
        wanted: IncidentsWanted,
        extent: Extent,
    ) -> Result<model::Incidents, StoreError> {
        let IncidentsWanted { phase, domain, before } = wanted;
        let incidents = self.store.incidents();
        let open: u64 = incidents.open_counts().await?.into_iter().sum();
        let limit = extent.rows(PAGE);
        let found = incidents.list(phase, domain.clone(), before, limit).await?;
        let has_more = found.len() == limit as usize;
        let next = found.last().map(|one| one.number).filter(|_| has_more);
        let now = self.clock.now().as_second();
        let rows = found.iter().map(|incident| row(incident, now)).collect();
        Ok(model::Incidents { phase: phase.as_str(), domain, incidents: rows, next, open })
    }

    /// Whether people were ever told something of a domain, as far as it is kept.
    pub(super) async fn has_incidents(&self, domain: &DomainName) -> Result<bool, StoreError> {
        for phase in [Phase::Open, Phase::Resolved] {
            let found = self.store.incidents().list(phase, Some(domain.clone()), None, 1).await?;
            if !found.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The last open ones, those that press most first, and how many there are.
    pub(crate) async fn open_incidents(
        &self,
    ) -> Result<(Vec<model::IncidentRow>, u64), StoreError> {
        let incidents = self.store.incidents();
        let count: u64 = incidents.open_counts().await?.into_iter().sum();
        if count == 0 {
            return Ok((Vec::new(), 0));
        }
        let now = self.clock.now().as_second();
        let mut found = incidents.list(Phase::Open, None, None, 1_000).await?;
        found.sort_by_key(|one| std::cmp::Reverse((one.urgency, one.number)));
        let rows = found.iter().take(AT_HOME as usize).map(|one| row(one, now)).collect();
        Ok((rows, count))
    }

    /// One incident; `None` if there is none of this id.
    pub(crate) async fn incident(
        &self,
        id: IncidentId,
    ) -> Result<Option<model::Incident>, StoreError> {
        let Some((incident, notices)) = self.store.incidents().incident(id).await? else {
            return Ok(None);
        };
        let cause = incident_cause(&incident.cause);
        let now = self.clock.now().as_second();
        Ok(Some(model::Incident {
            row: row(&incident, now),
            name: cause.map_or("", |cause| cause.name),
            basis: incident.basis.to_string(),
            opened_at: incident.opened_at,
            gone_since: incident.gone_since,
            grounds: incident.grounds,
            why: cause.map_or("", |cause| cause.why),
            fix: cause.map_or("", |cause| cause.fix),
            acknowledged: incident.acknowledged.map(|word| model::AcknowledgedRow {
                by: word.by,
                at: word.at,
                until: word.until,
                reason: word.reason,
            }),
            notices: notices.into_iter().map(notice).collect(),
        }))
    }
}

fn row(incident: &Incident, now: i64) -> model::IncidentRow {
    let is_in_hand = incident.silent_until.is_some_and(|until| until > now);
    let by = incident.acknowledged.as_ref().map(|word| word.by.clone());
    model::IncidentRow {
        id: incident.id.to_string(),
        code: incident.cause.clone(),
        title: incident_cause(&incident.cause).map_or("", |cause| cause.title),
        domain: incident.domain.clone(),
        subject: incident.subject.clone(),
        phase: incident.phase.as_str(),
        urgency: incident.urgency.as_str(),
        since: incident.since,
        resolved_at: incident.resolved_at,
        summary: incident.summary.clone(),
        in_hand: by.filter(|_| is_in_hand),
    }
}

fn notice(notice: Notice) -> model::NoticeRow {
    model::NoticeRow {
        receiver: notice.receiver,
        kind: notice.kind.as_str(),
        state: notice.state.as_str(),
        made_at: notice.made_at,
        due: notice.due,
        attempts: notice.attempts,
        answer: notice.answer,
        settled_at: notice.settled_at,
    }
}
