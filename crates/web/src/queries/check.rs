//! What looks of our own show.

use jiff::Timestamp;
use mail_domain::DomainName;
use sealpost_evidence::{
    Evidence, MailHost, Offer, OutdatedTls, PolicyFetch, SmtpSession, StartTls, TlsSession,
};
use sealpost_rules::{Finding, HostDane, expires_soon, judge, usable_policy};
use sealpost_store::{StoreError, checks::Event};

use super::Desk;
use crate::model::{AddressRow, Check, EventRow, Events, FindingRow, MxHosts, MxRow};

/// Events that are shown at a time: all that are kept of a domain.
const MOST_EVENTS: u32 = 500;

impl Desk {
    /// The MX hosts as they were last seen; `None` if the domain was never looked at.
    pub(crate) async fn mx_hosts(
        &self,
        domain: &DomainName,
    ) -> Result<Option<MxHosts>, StoreError> {
        let latest = self.store.checks().latest(domain.clone()).await?;
        Ok(latest.map(|looked| {
            let Check { at, mx_are_known, mx, .. } = self.check(&looked.evidence);
            MxHosts { domain: domain.clone(), at, mx_are_known, mx }
        }))
    }

    /// What has changed at a domain; `None` if it was never looked at.
    pub(crate) async fn events(&self, domain: &DomainName) -> Result<Option<Events>, StoreError> {
        let checks = self.store.checks();
        let events = checks.events_of(domain.clone(), MOST_EVENTS).await?;
        if events.is_empty() && checks.before(domain.clone()).await?.is_none() {
            return Ok(None);
        }
        let events = events.into_iter().map(EventRow::of).collect();
        Ok(Some(Events { domain: domain.clone(), events }))
    }

    /// What evidence says today: certificates age after they were seen.
    pub(super) fn check(&self, evidence: &Evidence) -> Check {
        let judgement = judge(evidence);
        let now = self.clock.now();
        let mail = evidence.mail_hosts.as_ref();
        let fetches = evidence.policy_host.iter().flat_map(|host| &host.fetches);
        Check {
            at: evidence.observed.as_second(),
            verdict: judgement.verdict,
            summary: judgement.verdict.map(sealpost_rules::Verdict::summary),
            mx_are_known: mail.is_some_and(|mail| mail.records.fault().is_none()),
            mx: mail
                .into_iter()
                .flat_map(|mail| &mail.hosts)
                .map(|host| MxRow::of(evidence, host, now))
                .collect(),
            policy_host: fetches.map(|fetch| AddressRow::of_fetch(fetch, now)).collect(),
            findings: judgement.findings.iter().map(FindingRow::of).collect(),
        }
    }
}

impl MxRow {
    fn of(evidence: &Evidence, host: &MailHost, now: Timestamp) -> Self {
        let fetches = evidence.policy_host.iter().flat_map(|host| &host.fetches);
        let policy = fetches.filter_map(usable_policy).next();
        let records = host.tlsa.iter().flatten().filter_map(|lookup| lookup.records.value());
        Self {
            host: host.name.clone(),
            preference: host.preference,
            is_allowed: policy.map(|policy| {
                host.domain.as_ref().is_some_and(|name| policy.covers(name).is_some())
            }),
            dane: HostDane::of(evidence, host).as_str(),
            tlsa: records.flatten().cloned().collect(),
            addresses: host.sessions.iter().map(|one| AddressRow::of_session(one, now)).collect(),
        }
    }
}

impl AddressRow {
    fn of_session(session: &SmtpSession, now: Timestamp) -> Self {
        let fault = session.fault.as_ref();
        let trouble = match &session.starttls {
            StartTls::NotOffered => Some("STARTTLS is not offered".to_owned()),
            StartTls::Refused(reply) => Some(format!("STARTTLS is refused: {}", reply.to_line())),
            StartTls::NotReached | StartTls::Accepted => {
                fault.map(|fault| format!("{}: {}", fault.stage.as_str(), fault.text))
            }
        };
        let outdated = session.outdated_tls.as_ref().map(outdated);
        Self { outdated, trouble, ..Self::of(session.address, session.tls.as_ref(), now) }
    }

    fn of_fetch(fetch: &PolicyFetch, now: Timestamp) -> Self {
        let trouble = match (fetch.fault(), fetch.reply()) {
            (Some(fault), _) => Some(format!("{}: {}", fault.stage.as_str(), fault.text)),
            (None, Some(reply)) if reply.status != 200 => Some(format!("status {}", reply.status)),
            _ => None,
        };
        Self { trouble, ..Self::of(fetch.address, fetch.tls.as_ref(), now) }
    }

    fn of(address: std::net::IpAddr, tls: Option<&TlsSession>, now: Timestamp) -> Self {
        let leaf = tls.and_then(TlsSession::leaf);
        let ends = leaf.map(|leaf| leaf.not_after.as_second());
        let faults = tls.into_iter().flat_map(|tls| &tls.faults);
        Self {
            address,
            tls: tls.map(|tls| tls.version.clone()),
            outdated: None,
            certificate_ends: ends,
            days_left: ends.map(|ends| days_until(ends, now)),
            ends_soon: leaf.is_some_and(|leaf| expires_soon(leaf, now)),
            faults: faults.map(|fault| format!("the certificate {fault}")).collect(),
            trouble: None,
        }
    }

    /// Whether a person should look at it.
    pub(crate) fn is_well(&self) -> bool {
        let has_ended = self.days_left.is_some_and(|days| days < 0);
        self.faults.is_empty() && self.trouble.is_none() && !self.ends_soon && !has_ended
    }
}

impl FindingRow {
    fn of(finding: &Finding) -> Self {
        Self {
            code: finding.rule.code,
            severity: finding.rule.severity,
            title: finding.rule.title,
            subject: finding.subject.to_string(),
            message: finding.message.clone(),
            why: finding.rule.why,
            fix: finding.fix.clone(),
            publish: finding.publish.clone(),
            command: finding.command.clone(),
        }
    }
}

impl EventRow {
    pub(super) fn of(event: Event) -> Self {
        let Event { id, at, since, change, .. } = event;
        Self { id, at, since, text: change.to_string(), change }
    }
}

/// Whole days until a time, rounded down.
pub(super) fn days_until(time: i64, now: Timestamp) -> i64 {
    time.saturating_sub(now.as_second()).div_euclid(86_400)
}

/// The words for what it accepts and should not.
fn outdated(found: &OutdatedTls) -> Vec<&'static str> {
    let offers =
        [(&found.tls10, "TLSv1.0"), (&found.tls11, "TLSv1.1"), (&found.weak_suites, "weak suites")];
    let accepted = offers.iter().filter(|(offer, _)| matches!(offer, Offer::Accepted { .. }));
    accepted.map(|(_, word)| *word).collect()
}
