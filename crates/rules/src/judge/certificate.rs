//! Judges the certificate of a TLS session, of a policy host or an MX host alike.

use jiff::Timestamp;
use sealpost_evidence::{Certificate, CertificateFault, TlsSession};

use super::commands::verification;
use crate::expiry::{expires_soon, time_left};
use crate::{Finding, Quoted, Rule, Subject};

/// The rules for one kind of host.
pub(super) struct CertificateRules {
    pub(super) expired: &'static Rule,
    pub(super) not_yet_valid: &'static Rule,
    pub(super) name: &'static Rule,
    pub(super) untrusted: &'static Rule,
    pub(super) unusable: &'static Rule,
    pub(super) expiring: &'static Rule,
}

pub(super) fn judge_certificate(
    tls: &TlsSession,
    now: Timestamp,
    subject: &Subject,
    command: &str,
    rules: &CertificateRules,
) -> Vec<Finding> {
    let finding = |rule, message: String| {
        Finding::new(rule, subject.clone(), message).command(Some(command.to_owned()))
    };
    let mut findings: Vec<Finding> = tls
        .faults
        .iter()
        .map(|fault| {
            let (rule, message) = describe(fault, tls, rules);
            let found = finding(rule, message);
            if rule == rules.untrusted { found.command(Some(verification(command))) } else { found }
        })
        .collect();
    if let Some(leaf) = tls.leaf()
        && expires_soon(leaf, now)
    {
        let message = format!("{} left: it ends at {}", time_left(leaf, now), leaf.not_after);
        findings.push(finding(rules.expiring, message));
    }
    findings
}

/// Says so, where the addresses of one host present different certificates.
pub(super) fn different_certificates<'a>(
    certificates: impl Iterator<Item = &'a Certificate>,
) -> Option<String> {
    let mut different: Vec<&Certificate> = Vec::new();
    for certificate in certificates {
        if !different.iter().any(|seen| seen.sha256 == certificate.sha256) {
            different.push(certificate);
        }
    }
    let ends: Vec<String> = different.iter().map(|c| c.not_after.to_string()).collect();
    (ends.len() > 1).then(|| format!("{} certificates, ending at {}", ends.len(), ends.join(", ")))
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-4.2
//# The certificate presented by the receiving MTA MUST not be expired
//# and MUST chain to a root CA that is trusted by the Sending MTA.  The
//# certificate MUST have a subject alternative name (SAN) [RFC5280] with
//# a DNS-ID [RFC6125] matching the hostname, per the rules given in
//# [RFC6125].
fn describe(
    fault: &CertificateFault,
    tls: &TlsSession,
    rules: &CertificateRules,
) -> (&'static Rule, String) {
    let issuer = || match tls.certificates.last() {
        Some(last) => format!("{}", Quoted(&last.issuer)),
        None => "an unnamed issuer".to_owned(),
    };
    match fault {
        CertificateFault::Expired { not_after } => {
            (rules.expired, format!("the certificate, or one above it, ended at {not_after}"))
        }
        CertificateFault::NotYetValid { not_before } => {
            (rules.not_yet_valid, format!("the certificate begins at {not_before}"))
        }
        CertificateFault::NameMismatch { expected, presented, common_name_fits } => {
            let names = match presented.as_slice() {
                [] => "no DNS name at all".to_owned(),
                names => names
                    .iter()
                    .take(5)
                    .map(|name| Quoted(name).to_string())
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            let common_name =
                if *common_name_fits { "; the common name fits, but does not count" } else { "" };
            (rules.name, format!("not for {expected}: it lists {names}{common_name}"))
        }
        CertificateFault::UnknownIssuer => {
            let message = match tls.certificates.len() {
                1 => format!(
                    "issued by {}, which is not trusted; only one certificate was sent, so an \
                     intermediate may be missing",
                    issuer()
                ),
                _ => format!("its chain ends at {}, which is not trusted", issuer()),
            };
            (rules.untrusted, message)
        }
        CertificateFault::SelfSigned => (rules.untrusted, "it is signed by itself".to_owned()),
        CertificateFault::WrongPurpose => {
            (rules.untrusted, "it is not meant for servers (extended key usage)".to_owned())
        }
        CertificateFault::BadSignature => {
            (rules.untrusted, "a signature in its chain does not verify".to_owned())
        }
        CertificateFault::Malformed { detail } => {
            (rules.unusable, format!("it can't be read: {detail}"))
        }
        CertificateFault::Other { detail } => (rules.unusable, detail.clone()),
        _ => (rules.unusable, "it does not verify".to_owned()),
    }
}
