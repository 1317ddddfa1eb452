//! Judges whether the certificates in use can be renewed: CAA (RFC 8659).

use mail_domain::DomainName;
use sealpost_evidence::{CaaLookup, CaaRecord, Certificate, Lookup};

use super::{Context, Findings};
use crate::{Finding, Place, Quoted, Subject, catalogue};

/// Properties that are registered with IANA.
const KNOWN_PROPERTIES: [&str; 7] =
    ["issue", "issuewild", "issuemail", "issuevmc", "iodef", "contactemail", "contactphone"];

/// An authority by what its certificates call it, and the domains that stand for it in CAA records.
const AUTHORITIES: [(&str, &[&str]); 16] = [
    ("Let's Encrypt", &["letsencrypt.org"]),
    ("Google Trust Services", &["pki.goog"]),
    ("DigiCert", &["digicert.com", "thawte.com", "geotrust.com", "rapidssl.com", "symantec.com"]),
    ("Sectigo", &["sectigo.com", "comodo.com", "comodoca.com", "usertrust.com"]),
    ("ZeroSSL", &["zerossl.com", "sectigo.com"]),
    ("GlobalSign", &["globalsign.com"]),
    ("Amazon", &["amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"]),
    ("Buypass", &["buypass.com"]),
    ("Actalis", &["actalis.it"]),
    ("SwissSign", &["swisssign.com"]),
    ("Entrust", &["entrust.net", "entrust.com"]),
    ("GoDaddy", &["godaddy.com", "starfieldtech.com"]),
    ("SSL Corp", &["ssl.com"]),
    ("Hellenic Academic and Research Institutions CA", &["harica.gr"]),
    ("D-Trust", &["d-trust.net", "dtrust.de"]),
    ("Deutsche Telekom Security", &["telesec.de"]),
];

pub(super) fn judge(context: &Context<'_>, findings: &mut Findings) {
    if let Some(host) = &context.evidence.policy_host
        && let Some(caa) = &host.caa
    {
        let certificates = host.fetches.iter().filter_map(|fetch| fetch.tls.as_ref()?.leaf());
        let place = Place::PolicyHost;
        judge_host(context, place, &host.name, caa, certificates, findings);
    }
    for host in context.evidence.mail_hosts.iter().flat_map(|mail| &mail.hosts) {
        if let (Some(name), Some(caa)) = (&host.domain, &host.caa) {
            let sessions = host.sessions.iter();
            let certificates = sessions.filter_map(|session| session.tls.as_ref()?.leaf());
            judge_host(context, Place::MailHost, name, caa, certificates, findings);
        }
    }
}

fn judge_host<'a>(
    context: &Context<'_>,
    place: Place,
    name: &DomainName,
    caa: &CaaLookup,
    certificates: impl Iterator<Item = &'a Certificate>,
    findings: &mut Findings,
) {
    let subject = || Subject::new(place, name.as_str());
    let dig = || Some(context.commands.dig("CAA", &caa.owner));
    let records = match &caa.records {
        Lookup::Absent(_) => return,
        Lookup::Unknown(fault) => {
            let finding = context.lookup_failed(&catalogue::CAA103, subject(), "CAA", fault);
            findings.push(finding.command(dig()));
            return;
        }
        Lookup::Found(found) => &found.value,
    };
    for record in records {
        if record.flags & 128 != 0 && !KNOWN_PROPERTIES.contains(&record.tag.as_str()) {
            let message = format!("the property {} at {}", Quoted(&record.tag), caa.owner);
            findings.push(Finding::new(&catalogue::CAA102, subject(), message).command(dig()));
        }
    }
    for certificate in certificates {
        let property = governing_property(records, certificate);
        if !records.iter().any(|record| record.tag == property) {
            continue;
        }
        let allowed = allowed_authorities(records, property);
        let message = match authority(certificate) {
            _ if allowed.is_empty() => format!("{} allows no authority at all", caa.owner),
            Some((authority, domains))
                if !domains.iter().any(|domain| allowed.iter().any(|one| one == domain)) =>
            {
                let allowed = allowed.join(", ");
                let allowed = Quoted(&allowed);
                format!("{} allows {allowed}, and the certificate is of {authority}", caa.owner)
            }
            _ => continue,
        };
        findings.push(Finding::new(&catalogue::CAA101, subject(), message).command(dig()));
    }
}

/// `issuewild` governs certificates with a wildcard where there is one, else `issue` (RFC 8659
/// §4.3).
fn governing_property(records: &[CaaRecord], certificate: &Certificate) -> &'static str {
    let has_wildcard = certificate.dns_names.iter().any(|name| name.starts_with("*."));
    let has_issuewild = records.iter().any(|record| record.tag == "issuewild");
    if has_wildcard && has_issuewild { "issuewild" } else { "issue" }
}

/// The domains of authorities that may issue: what stands before the parameters.
fn allowed_authorities(records: &[CaaRecord], property: &str) -> Vec<String> {
    records
        .iter()
        .filter(|record| record.tag == property)
        .filter_map(|record| record.value.split(';').next())
        .map(|domain| domain.trim().to_ascii_lowercase())
        .filter(|domain| !domain.is_empty())
        .collect()
}

fn authority(certificate: &Certificate) -> Option<(&'static str, &'static [&'static str])> {
    AUTHORITIES.into_iter().find(|(name, _)| certificate.issuer.contains(name))
}
