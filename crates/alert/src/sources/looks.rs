//! What the looks of our own at each domain found, as the rules judge it.

use std::collections::BTreeSet;

use mail_domain::DomainName;
use sealpost_evidence::{
    Evidence,
    incident::{Basis, Urgency},
};
use sealpost_rules::incidents::{INC101, INC102, INC201, INC203, INC301, IncidentCause};
use sealpost_rules::{Finding, Place, Quoted, Severity, judge, usable_policy};
use sealpost_store::{Store, StoreError};

use super::DAY;
use crate::{Board, Condition, Source, told::time};

/// Domains that are asked for at a time.
const PAGE: u32 = 1_000;
/// A look that is older than this, in seconds, tells nothing of now.
const OLD: i64 = 2 * DAY;

/// Looks at what was seen of each domain.
#[derive(Default)]
pub(super) struct LooksWatch {
    /// Of which time the look is that was judged last.
    judged: std::collections::BTreeMap<DomainName, i64>,
}

impl LooksWatch {
    pub(super) async fn look(
        &mut self,
        store: &Store,
        board: &mut Board,
        now: i64,
    ) -> Result<(), StoreError> {
        let checks = store.checks();
        let mut domains = BTreeSet::new();
        let mut behind = None;
        loop {
            let page = checks.plans(behind, PAGE).await?;
            let Some(last) = page.last() else { break };
            behind = Some(last.domain.clone());
            for plan in page {
                let domain = plan.domain;
                domains.insert(domain.clone());
                let is_new = plan.looked_at.is_some_and(|at| now.saturating_sub(at) < OLD);
                let Some(at) = plan.looked_at.filter(|_| is_new) else {
                    board.cannot_tell(Source::Looks, &domain);
                    self.judged.remove(&domain);
                    continue;
                };
                if self.judged.get(&domain) == Some(&at) {
                    continue;
                }
                match checks.latest(domain.clone()).await? {
                    Some(looked) => {
                        board.put(Source::Looks, &domain, found(&domain, &looked.evidence));
                        self.judged.insert(domain, looked.at);
                    }
                    None => board.cannot_tell(Source::Looks, &domain),
                }
            }
        }
        self.judged.retain(|domain, _| domains.contains(domain));
        board.complete(Source::Looks, &domains);
        Ok(())
    }
}

/// What is not as it should be.
fn found(domain: &DomainName, evidence: &Evidence) -> Vec<Condition> {
    let fetches = evidence.policy_host.iter().flat_map(|host| &host.fetches);
    let enforces =
        fetches.filter_map(usable_policy).any(|policy| policy.mode() == mta_sts::Mode::Enforce);
    let at_most = if enforces { Urgency::Critical } else { Urgency::Warning };
    let at = evidence.observed.as_second();
    let findings = judge(evidence).findings;
    findings.iter().filter_map(|finding| of_finding(domain, finding, at_most, at)).collect()
}

fn of_finding(
    domain: &DomainName,
    finding: &Finding,
    at_most: Urgency,
    at: i64,
) -> Option<Condition> {
    let rule = finding.rule;
    let (cause, is_about_host): (&'static IncidentCause, bool) =
        match (finding.subject.place, rule.code) {
            (_, "STS210" | "MX307") => (&INC301, true),
            (_, "STS401" | "STS402" | "STS404") => (&INC102, rule.code != "STS404"),
            (Place::MailHost, "MX204" | "MX205" | "MX206" | "MX311") => (&INC101, true),
            (Place::MailHost, code)
                if code.starts_with("MX30") && rule.severity == Severity::Error =>
            {
                (&INC101, true)
            }
            (Place::PolicyHost | Place::Policy, _) if rule.severity == Severity::Error => {
                (&INC201, false)
            }
            // That there is none is no fault of itself.
            (Place::StsRecord, code) if rule.severity == Severity::Error && code != "STS101" => {
                (&INC203, false)
            }
            _ => return None,
        };
    let name = finding.subject.name.parse::<DomainName>();
    let subject = match name {
        Ok(name) if is_about_host => name.to_string(),
        _ => String::new(),
    };
    let summary = format!("{}: {}", Quoted(&finding.subject.to_string()), finding.message);
    let ground = format!("{}, {}; seen from here at {}.", rule.code, rule.title, time(at));
    let found = Condition::new(cause, domain, Basis::Look, summary).about(subject);
    let grounds = [ground, finding.fix.clone()];
    Some(found.at_most(at_most).grounds(grounds))
}

#[cfg(test)]
mod tests {
    use sealpost_rules::Subject;
    use sealpost_rules::catalogue;

    use super::*;

    fn finding(code: &str, place: Place, name: &str) -> Finding {
        let rule = catalogue::rule(code).unwrap();
        Finding {
            rule,
            subject: Subject { place, name: name.to_owned(), addresses: Vec::new() },
            message: "as seen".to_owned(),
            excerpt: None,
            fix: rule.fix.to_owned(),
            publish: None,
            command: None,
        }
    }

    #[test]
    fn findings_become_conditions_by_host() {
        let domain: DomainName = "example.com".parse().unwrap();
        for (code, place, name, expected) in [
            ("MX302", Place::MailHost, "mx1.example.com", Some(("INC101", "mx1.example.com"))),
            ("MX204", Place::MailHost, "mx1.example.com", Some(("INC101", "mx1.example.com"))),
            ("MX307", Place::MailHost, "mx1.example.com", Some(("INC301", "mx1.example.com"))),
            ("MX309", Place::MailHost, "mx1.example.com", None), // it works
            ("MX201", Place::MailHost, "mx1.example.com", None), // no TLS is at fault
            ("STS401", Place::MxRecords, "mx2.example.com", Some(("INC102", "mx2.example.com"))),
            ("STS404", Place::MxRecords, "example.com", Some(("INC102", ""))),
            ("STS206", Place::PolicyHost, "mta-sts.example.com", Some(("INC201", ""))),
            (
                "STS210",
                Place::PolicyHost,
                "mta-sts.example.com",
                Some(("INC301", "mta-sts.example.com")),
            ),
            ("STS305", Place::Policy, "mta-sts.example.com", Some(("INC201", ""))),
            ("STS103", Place::StsRecord, "_mta-sts.example.com", Some(("INC203", ""))),
            ("STS101", Place::StsRecord, "_mta-sts.example.com", None),
            ("RPT103", Place::TlsRptRecord, "_smtp._tls.example.com", None),
        ] {
            let finding = finding(code, place, name);
            let found = of_finding(&domain, &finding, Urgency::Critical, 0);
            let found = found.as_ref().map(|found| (found.cause.code, found.subject.as_str()));
            assert_eq!(found, expected, "{code}");
        }
    }

    #[test]
    fn in_testing_nothing_is_critical() {
        let domain: DomainName = "example.com".parse().unwrap();
        let finding = finding("MX302", Place::MailHost, "mx1.example.com");
        let urgency = |at_most| of_finding(&domain, &finding, at_most, 0).unwrap().urgency();
        assert_eq!(urgency(Urgency::Warning), Urgency::Warning);
        assert_eq!(urgency(Urgency::Critical), Urgency::Critical);
    }
}
