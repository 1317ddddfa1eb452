//! What people are told of that a look of our own has found.

use std::collections::BTreeSet;

use mail_domain::DomainName;

use super::{INC101, INC102, INC201, INC203, INC301, IncidentCause};
use crate::{Finding, Place, Severity};

/// The cause that a finding speaks for, and the host that it is about, if that is not the domain
/// itself; `None` if nobody is told of it.
pub fn cause_of_finding(finding: &Finding) -> Option<(&'static IncidentCause, Option<DomainName>)> {
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
    let host = finding.subject.name.parse().ok().filter(|_| is_about_host);
    Some((cause, host))
}

/// What these findings tell that may pass by itself, so that another look says whether it holds:
/// each cause, and the host.
pub fn passing_faults(findings: &[Finding]) -> BTreeSet<(&'static str, Option<DomainName>)> {
    let told = findings.iter().filter_map(cause_of_finding);
    told.filter(|(cause, _)| cause.hold > 0).map(|(cause, host)| (cause.code, host)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Subject, catalogue};

    fn finding(code: &str, place: Place, name: &str) -> Finding {
        let subject = Subject { place, name: name.to_owned(), addresses: Vec::new() };
        Finding::new(catalogue::rule(code).unwrap(), subject, "as seen")
    }

    #[test]
    fn findings_speak_for_causes_by_host() {
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
            let found = cause_of_finding(&finding(code, place, name));
            let found = found.map(|(cause, host)| {
                (cause.code, host.map(|host| host.to_string()).unwrap_or_default())
            });
            let expected = expected.map(|(code, host): (_, &str)| (code, host.to_owned()));
            assert_eq!(found, expected, "{code}");
        }
    }

    #[test]
    fn what_is_known_by_its_date_does_not_pass_by_itself() {
        let ends = finding("MX307", Place::MailHost, "mx1.example.com");
        let fails = finding("MX302", Place::MailHost, "mx1.example.com");
        let works = finding("MX309", Place::MailHost, "mx1.example.com");
        let faults = passing_faults(&[ends, fails.clone(), works, fails]);
        let host = "mx1.example.com".parse().unwrap();
        assert_eq!(faults, BTreeSet::from([("INC101", Some(host))]));
    }
}
