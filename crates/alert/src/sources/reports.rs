//! What reports tell that somebody vouches for.
//!
//! Only the last days count: a report that comes late tells of what was, and alerts nobody.

use std::collections::{BTreeMap, BTreeSet};

use mail_domain::DomainName;
use sealpost_evidence::incident::{Basis, Urgency};
use sealpost_evidence::traffic::{Day, FailureGroup};
use sealpost_rules::diagnosis::{
    Anomaly, AnomalyKind, Certainty, Diagnosis, Fault, anomalies, diagnose,
};
use sealpost_rules::incidents::{
    INC101, INC102, INC103, INC104, INC201, INC401, INC402, INC403, INC404, IncidentCause,
};
use sealpost_rules::{Quoted, Severity};
use sealpost_store::{
    Store, StoreError,
    reports::{Background, DayRange, DomainId, Gathered, Scope},
};

use crate::{Board, Condition, Source};

/// Failures count that were reported on so many last days: reports of a day come on the next.
const RECENT_DAYS: u32 = 3;
/// Domains are looked at on which there were reports within so many days.
const HEARD_DAYS: u32 = 60;
/// Between two looks at a domain where sessions fail, in seconds, and where none does.
const PAUSES: (i64, i64) = (600, 6 * 3_600);
/// Domains that are looked at in one pass.
const AT_ONCE: usize = 200;
/// Between two looks for domains, in seconds.
const LIST_PAUSE: i64 = 60;
/// Rows that are asked for at a time.
const PAGE: u32 = 1_000;
/// Kinds of failures of one domain that are looked at.
const MOST_GROUPS: u32 = 200;

/// Looks at the reports of all domains by turns.
#[derive(Default)]
pub(super) struct ReportsWatch {
    listed_at: Option<i64>,
    /// When each domain is looked at next.
    due: BTreeMap<DomainName, i64>,
}

impl ReportsWatch {
    /// Looks at some domains that are due; whether no other is.
    pub(super) async fn look(
        &mut self,
        store: &Store,
        board: &mut Board,
        now: i64,
    ) -> Result<bool, StoreError> {
        if self.listed_at.is_none_or(|at| now < at || now.saturating_sub(at) >= LIST_PAUSE) {
            self.list(store, board, now).await?;
            self.listed_at = Some(now);
        }
        let mut due: Vec<(i64, DomainName)> = self
            .due
            .iter()
            // What is further away was planned by a clock that was ahead.
            .filter(|(_, at)| **at <= now || **at > now.saturating_add(PAUSES.1))
            .map(|(domain, at)| (*at, domain.clone()))
            .collect();
        due.sort();
        let is_all = due.len() <= AT_ONCE;
        for (_, domain) in due.into_iter().take(AT_ONCE) {
            let found = look_at(store, &domain, now).await?;
            let pause = if found.is_empty() { PAUSES.1 } else { PAUSES.0 };
            board.put(Source::Reports, &domain, found);
            self.due.insert(domain, now.saturating_add(pause));
        }
        Ok(is_all)
    }

    /// Finds the domains. One with failures in the last days is due soon.
    async fn list(&mut self, store: &Store, board: &mut Board, now: i64) -> Result<(), StoreError> {
        let today = Day::of(now);
        let failing: BTreeSet<DomainName> = reported(store, DayRange::ending(today, RECENT_DAYS))
            .await?
            .into_iter()
            .filter_map(|(domain, fails)| fails.then_some(domain))
            .collect();
        let heard = reported(store, DayRange::ending(today, HEARD_DAYS)).await?;
        let domains: BTreeSet<DomainName> = heard.into_iter().map(|(domain, _)| domain).collect();
        self.due.retain(|domain, _| domains.contains(domain));
        for domain in &domains {
            let at = self.due.entry(domain.clone()).or_insert_with(|| {
                board.cannot_tell(Source::Reports, domain);
                now
            });
            if failing.contains(domain) {
                *at = (*at).min(now.saturating_add(PAUSES.0));
            }
        }
        board.complete(Source::Reports, &domains);
        Ok(())
    }
}

/// The domains that reports which count speak of on these days, and whether sessions failed.
async fn reported(store: &Store, days: DayRange) -> Result<Vec<(DomainName, bool)>, StoreError> {
    let reports = store.reports();
    let mut found = Vec::new();
    let mut after: Option<DomainId> = None;
    loop {
        let page = reports.domains(Scope::Counted, days, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = Some(last.id);
        let is_last = page.len() < PAGE as usize;
        found.extend(page.into_iter().filter_map(|row| {
            let traffic = row.traffic?;
            Some((row.domain?, traffic.failed.upper > 0))
        }));
        if is_last {
            return Ok(found);
        }
    }
}

async fn look_at(
    store: &Store,
    domain: &DomainName,
    now: i64,
) -> Result<Vec<Condition>, StoreError> {
    let today = Day::of(now);
    let days = DayRange::ending(today, RECENT_DAYS);
    let gathered = store.reports().gather(Scope::Counted, domain, days, MOST_GROUPS).await?;
    let rollout = store.rollouts().load(domain.clone()).await?;
    let background = store.background(&gathered, rollout.as_ref()).await?;
    Ok(told(&gathered, &background, today))
}

/// What follows from what is known of a domain.
fn told(gathered: &Gathered, background: &Background, today: Day) -> Vec<Condition> {
    let Gathered { domain, groups, reporters, series, histories, .. } = gathered;
    let mut found = Vec::new();
    for group in &groups.groups {
        if group.reporter.signer.is_empty() || gathered.is_echo(group) {
            continue;
        }
        let known = background.known(gathered, group, today);
        found.extend(of_group(domain, group, &diagnose(group, &known)));
    }
    let odd = anomalies(domain, series, histories, reporters, today);
    found.extend(odd.iter().filter_map(|anomaly| of_anomaly(domain, anomaly, today)));
    found
}

fn of_group(domain: &DomainName, group: &FailureGroup, diagnosis: &Diagnosis) -> Option<Condition> {
    if diagnosis.severity == Severity::Note || diagnosis.fault == Fault::Sender {
        return None;
    }
    let host = group.mx_host.as_deref().and_then(|text| DomainName::parse(text.trim()).ok());
    let host = host.map(|host| host.to_string());
    let code = diagnosis.cause.code;
    let (cause, subject): (&'static IncidentCause, Option<String>) = match (code, host) {
        // The name that was asked for may be ours, and the address is what is not.
        ("FAIL401", _) => (&INC104, group.receiving_ip.map(|address| address.to_string())),
        ("FAIL402", host) => (&INC104, host),
        ("FAIL201" | "FAIL203", Some(host)) => (&INC102, Some(host)),
        (code, Some(host)) if code.starts_with("FAIL1") => (&INC101, Some(host)),
        (code, _) if code.starts_with("FAIL2") && code != "FAIL201" && code != "FAIL203" => {
            (&INC201, None)
        }
        _ => (&INC103, None),
    };
    let ground = format!(
        "{} reports {} failed sessions from {} to {}: {}",
        Quoted(&group.reporter.signer),
        group.sessions,
        group.first_day,
        group.last_day,
        diagnosis.cause.title,
    );
    let found = Condition::new(cause, domain, Basis::Reports, &diagnosis.sentence);
    let at_most = match diagnosis.severity {
        Severity::Error => Urgency::Critical,
        _ => Urgency::Warning,
    };
    Some(found.about(subject.unwrap_or_default()).at_most(at_most).grounds([ground]))
}

fn of_anomaly(domain: &DomainName, anomaly: &Anomaly, today: Day) -> Option<Condition> {
    if anomaly.certainty != Certainty::Certain {
        return None;
    }
    let is_recent = anomaly.day.plus(i64::from(RECENT_DAYS)) > today;
    let (cause, subject): (&'static IncidentCause, String) = match &anomaly.kind {
        AnomalyKind::Spike { .. } if is_recent => (&INC401, String::new()),
        AnomalyKind::NewFailure { result_type } if is_recent => {
            let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
            let is_name = result_type.len() <= 64 && result_type.bytes().all(is_plain);
            (&INC402, if is_name { result_type.clone() } else { Quoted(result_type).to_string() })
        }
        AnomalyKind::Silent { reporter, .. } => {
            let signer = DomainName::parse(&reporter.signer).ok()?;
            (&INC403, signer.to_string())
        }
        AnomalyKind::AllSilent { .. } => (&INC404, String::new()),
        _ => return None,
    };
    let found = Condition::new(cause, domain, Basis::Reports, &anomaly.sentence);
    Some(found.about(subject))
}

#[cfg(test)]
pub(super) mod tests;
