//! What a policy makes of what MX hosts show.

use mail_domain::DomainName;
use mta_sts::Policy;
use sealpost_evidence::{
    CertificateFault, ConnectionFaultKind, ConnectionStage, MailHost, MailHosts, MxSource,
    SmtpSession, StartTls,
};
use tls_rpt::{HostProbe, ProbeResult, ResultType, SessionFailure};

/// What each MX host of a domain is worth to a sender that honours this policy; a host that differs
/// from address to address is there more than once. Empty if the domain takes no mail.
//= https://www.rfc-editor.org/rfc/rfc8461#section-4
//# When sending to an MX at a domain for which the sender has a valid
//# and non-expired MTA-STS Policy, a Sending MTA honoring MTA-STS MUST
//# check whether:
pub fn judge(domain: &DomainName, policy: &Policy, seen: &MailHosts) -> Vec<HostProbe> {
    let unknown =
        |host: &DomainName| HostProbe { host: host.clone(), result: ProbeResult::Unknown };
    match seen.source {
        MxSource::Records | MxSource::Implicit => {}
        MxSource::Unknown => return vec![unknown(domain)],
        MxSource::Null | MxSource::NoSuchDomain => return Vec::new(),
    }
    let mut probes = Vec::new();
    for host in &seen.hosts {
        match &host.domain {
            Some(name) => probes.extend(judge_host(name, policy, host)),
            // No policy can allow it, and no report can name it.
            None => probes.push(unknown(domain)),
        }
    }
    let listed = seen.records.value().map_or(0, Vec::len);
    if seen.source == MxSource::Records && seen.hosts.len() < listed {
        // One host may be listed twice; else it was not looked at.
        let names: std::collections::BTreeSet<_> =
            seen.records.value().into_iter().flatten().map(|record| &record.exchange).collect();
        if seen.hosts.len() < names.len() {
            probes.push(unknown(domain));
        }
    }
    probes
}

fn judge_host(name: &DomainName, policy: &Policy, host: &MailHost) -> Vec<HostProbe> {
    let probe = |result| HostProbe { host: name.clone(), result };
    //= https://www.rfc-editor.org/rfc/rfc8461#section-4.1
    //# A receiving candidate MX host is valid according to an applied MTA-
    //# STS Policy if the MX record name matches one or more of the "mx"
    //# fields in the applied policy.
    if policy.covers(name).is_none() {
        let failure =
            failure(name, ResultType::ValidationFailure, Some("mtasts-policy-mx-mismatch"));
        return vec![probe(ProbeResult::Fails(failure))];
    }
    let mut results: Vec<ProbeResult> = Vec::new();
    for session in &host.sessions {
        add(&mut results, judge_session(name, session));
    }
    // An address that does not answer takes no mail.
    if results.len() > 1 {
        results.retain(|result| *result != ProbeResult::Unknown);
    }
    if results.is_empty() {
        results.push(ProbeResult::Unknown);
    }
    results.into_iter().map(probe).collect()
}

/// Adds what one address showed. What fails alike on several addresses is one failure, of no address.
fn add(results: &mut Vec<ProbeResult>, result: ProbeResult) {
    let without_address = |result: &ProbeResult| match result {
        ProbeResult::Fails(failure) => {
            ProbeResult::Fails(SessionFailure { receiving_ip: None, ..failure.clone() })
        }
        other => other.clone(),
    };
    let new = without_address(&result);
    match results.iter_mut().find(|known| without_address(known) == new) {
        Some(known) => *known = new,
        None => results.push(result),
    }
}

fn judge_session(name: &DomainName, session: &SmtpSession) -> ProbeResult {
    let fails = |result_type, reason: Option<&str>| {
        ProbeResult::Fails(SessionFailure {
            receiving_ip: Some(session.address),
            ..failure(name, result_type, reason)
        })
    };
    if let Some(tls) = &session.tls {
        return match tls.faults.first() {
            None if tls.is_verified() => ProbeResult::Passes,
            None => fails(ResultType::CertificateNotTrusted, Some("no-certificate")),
            Some(fault) => fails(fault.result_type(), reason(fault)),
        };
    }
    match &session.starttls {
        StartTls::NotOffered => fails(ResultType::StartTlsNotSupported, None),
        StartTls::Refused(_) => fails(ResultType::StartTlsNotSupported, Some("starttls-refused")),
        //= https://www.rfc-editor.org/rfc/rfc8460#section-4.3.3
        //# When a negotiation failure cannot be categorized into one of the
        //# "Negotiation Failures" stated above, the reporter SHOULD use the
        //# "validation-failure" category.
        StartTls::Accepted if is_incompatible(session) => {
            fails(ResultType::ValidationFailure, Some("tls-handshake-failure"))
        }
        //= https://www.rfc-editor.org/rfc/rfc8460#section-4.3.4
        //# Transient errors due to too-busy networks, TCP timeouts, etc., are
        //# not required to be reported.
        StartTls::Accepted | StartTls::NotReached => ProbeResult::Unknown,
    }
}

/// Whether the two sides do not understand each other in TLS, whatever the network does.
fn is_incompatible(session: &SmtpSession) -> bool {
    session.fault.as_ref().is_some_and(|fault| {
        fault.stage == ConnectionStage::TlsHandshake
            && matches!(
                fault.kind,
                ConnectionFaultKind::TlsAlert
                    | ConnectionFaultKind::TlsIncompatible
                    | ConnectionFaultKind::Malformed
            )
    })
}

fn failure(name: &DomainName, result_type: ResultType, reason: Option<&str>) -> SessionFailure {
    SessionFailure {
        receiving_mx_hostname: Some(name.clone()),
        failure_reason_code: reason.map(str::to_owned),
        ..SessionFailure::new(result_type)
    }
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-4.3.1
//# When using this
//# declaration, the reporting MTA SHOULD utilize the "failure-reason-
//# code" to provide more information to the receiving entity.
fn reason(fault: &CertificateFault) -> Option<&'static str> {
    Some(match fault {
        CertificateFault::UnknownIssuer => "unknown-issuer",
        CertificateFault::SelfSigned => "self-signed-certificate",
        CertificateFault::WrongPurpose => "wrong-certificate-purpose",
        CertificateFault::BadSignature => "bad-certificate-signature",
        CertificateFault::NotYetValid { .. } => "certificate-not-yet-valid",
        CertificateFault::Malformed { .. } => "malformed-certificate",
        CertificateFault::Expired { .. } | CertificateFault::NameMismatch { .. } => return None,
        _ => "certificate-chain-invalid",
    })
}
