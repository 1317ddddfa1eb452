//! Reports, and one report.

use mail_domain::DomainName;
use sealpost_evidence::traffic::Day;
use sealpost_rules::diagnosis::{cause_of_result, read_reason};
use sealpost_store::{
    Digest, StoreError,
    reports::{
        Content, DayRange, Echo, ReportFilter, ReportId, ReportPlace, ReportSummary, Scope,
        StoredReport, Subject, Validity,
    },
};

use super::{Desk, Extent, trust};
use crate::model::{
    Diagnosis, Repair, Report, ReportRow, ReportedFailure, ReportedPolicy, Reports,
};

/// Reports of a page.
const PAGE: u32 = 100;

/// What a report came in.
pub(crate) struct Submitted {
    /// Its digest.
    pub(crate) digest: Digest,
    /// That of the report itself.
    pub(crate) report: Digest,
    pub(crate) octets: Vec<u8>,
}

/// Which reports are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReportsWanted {
    pub(crate) scope: Scope,
    pub(crate) domain: Option<DomainName>,
    pub(crate) failing: bool,
    pub(crate) after: Option<ReportPlace>,
}

impl Desk {
    /// A page of reports.
    pub(crate) async fn reports(
        &self,
        wanted: ReportsWanted,
        extent: Extent,
    ) -> Result<Reports, StoreError> {
        let ReportsWanted { scope, domain, failing, after } = wanted;
        let content = if failing { Content::Failures } else { Content::Any };
        let subject = Subject { domain: domain.clone(), reporter: None };
        let filter = ReportFilter { scope, subject, days: DayRange::all(), content };
        let limit = extent.rows(PAGE);
        let page = self.store.reports().list(filter, after, limit).await?;
        let has_more = page.len() == limit as usize;
        let next = page.last().filter(|_| has_more).map(|row| place_of(row.place()));
        let reports = page.iter().map(row).collect();
        Ok(Reports { scope: scope.as_str(), domain, failing, reports, next })
    }

    /// One report; `sentence` says what a repair is about.
    pub(crate) async fn report(
        &self,
        id: i64,
        sentence: impl Fn(&str) -> Option<&'static str>,
    ) -> Result<Option<Report>, StoreError> {
        let stored = self.store.reports().report(ReportId(id)).await?;
        Ok(stored.map(|stored| whole(&stored, sentence)))
    }

    /// What a report came in, as it came.
    pub(crate) async fn raw(&self, id: i64) -> Result<Option<Submitted>, StoreError> {
        let Some(raw) = self.raw.get() else { return Ok(None) };
        let Some(stored) = self.store.reports().report(ReportId(id)).await? else {
            return Ok(None);
        };
        let (digest, report) = (stored.summary.raw, stored.summary.payload);
        Ok(raw.octets(digest).await?.map(|octets| Submitted { digest, report, octets }))
    }
}

/// A place in the list, as it stands in a link.
fn place_of(place: ReportPlace) -> String {
    format!("{}-{}", place.day.number(), place.id.0)
}

/// The place that a link names.
pub(crate) fn place(text: &str) -> Option<ReportPlace> {
    let (day, id) = text.split_once('-')?;
    Some(ReportPlace { day: Day::new(day.parse().ok()?), id: ReportId(id.parse().ok()?) })
}

/// The scope of this name.
pub(crate) fn scope(text: &str) -> Option<Scope> {
    Scope::ALL.into_iter().find(|scope| scope.as_str() == text)
}

fn row(summary: &ReportSummary) -> ReportRow {
    ReportRow {
        id: summary.id.0,
        domain: summary.domain.clone(),
        organisation: summary.reporter.organisation.clone(),
        trust: trust(&summary.trust),
        report_id: summary.report_id.clone(),
        day: summary.day,
        received_at: summary.received_at,
        successful: summary.successful,
        failed: summary.failed,
    }
}

/// What a failure means by what the report says of it alone, as `sealpost receive show` has it.
fn diagnosis(result_type: &str, reason: Option<&str>) -> Diagnosis {
    let reasons = reason.map(read_reason).unwrap_or_default();
    let cause = match reasons.as_slice() {
        [reason] => reason.cause,
        _ => cause_of_result(result_type),
    };
    Diagnosis {
        code: cause.code,
        severity: cause.severity.as_str(),
        title: cause.title,
        sentence: cause.why.to_owned(),
        grounds: reasons.iter().map(|reason| reason.means.to_owned()).collect(),
        action: cause.fix.to_owned(),
    }
}

fn whole(stored: &StoredReport, sentence: impl Fn(&str) -> Option<&'static str>) -> Report {
    let address = |address: std::net::IpAddr| address.to_string();
    let policies = stored.policies.iter().map(|policy| ReportedPolicy {
        policy_type: policy.policy_type.clone(),
        policy_domain: policy.policy_domain.clone(),
        strings: policy.strings.clone(),
        mx_hosts: policy.mx_hosts.clone(),
        successful: policy.successful,
        failed: policy.failed,
        failures: policy
            .failures
            .iter()
            .map(|failure| ReportedFailure {
                result_type: failure.result_type.clone(),
                sending_ip: failure.sending_ip.map(address),
                receiving_ip: failure.receiving_ip.map(address),
                mx_host: failure.mx_host.clone(),
                reason: failure.reason.clone(),
                additional: failure.additional.clone(),
                sessions: failure.sessions,
                diagnosis: diagnosis(&failure.result_type, failure.reason.as_deref()),
            })
            .collect(),
    });
    let repairs = stored.repairs.iter().map(|repair| Repair {
        sentence: sentence(&repair.code),
        code: repair.code.clone(),
        place: repair.place.clone(),
    });
    Report {
        row: row(&stored.summary),
        scope: stored.summary.scope.as_str(),
        contact: stored.contact.clone(),
        begins_at: stored.summary.begins_at,
        ends_at: stored.summary.ends_at,
        is_superseded: stored.summary.validity == Validity::Superseded,
        is_echo: stored.echo == Echo::Likely,
        policies: policies.collect(),
        repairs: repairs.collect(),
        raw: stored.summary.raw.to_string(),
        text: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_a_link() {
        let here = ReportPlace { day: Day::new(20_635), id: ReportId(17) };
        assert_eq!(place(&place_of(here)), Some(here));
        for text in ["", "-", "1", "1-", "a-1", "1-a", "99999999999999999999-1"] {
            assert_eq!(place(text), None, "{text}");
        }
    }
}
