//! Judges the policy host: every fetch from every address.

use std::net::IpAddr;

use mta_sts::Policy;
use sealpost_evidence::{
    BodyEnd, ConnectionFault, ConnectionFaultKind, ConnectionStage, FetchOutcome, HttpReply,
    Octets, PolicyFetch, PolicyHost,
};

use super::certificate::{CertificateRules, different_certificates, judge_certificate};
use super::{Context, Findings, policy_text};
use crate::{Finding, Place, Quoted, Rule, Subject, catalogue};

pub(super) struct HostJudgement {
    pub(super) state: PolicyState,
    /// A body that looks like a policy, whatever is wrong with it or with the way it came.
    pub(super) served: Option<Octets>,
    pub(super) findings: Findings,
}

pub(super) enum PolicyState {
    NotAsked,
    Unknown,
    Unusable,
    Usable(Policy),
}

impl PolicyState {
    /// The policy that senders find.
    pub(super) fn policy(&self) -> Option<&Policy> {
        match self {
            Self::Usable(policy) => Some(policy),
            Self::NotAsked | Self::Unknown | Self::Unusable => None,
        }
    }
}

/// What one fetch is worth.
enum Fetched<'a> {
    /// A body that came as RFC 8461 §3.3 wants it.
    Body(&'a Octets),
    /// No connection was made.
    Unreached(&'a ConnectionFault),
    /// A reply, or the way it came, that senders must not use.
    Unusable,
    /// This machine could not try.
    Untried,
}

const CERTIFICATE: CertificateRules = CertificateRules {
    expired: &catalogue::STS206,
    not_yet_valid: &catalogue::STS207,
    name: &catalogue::STS208,
    untrusted: &catalogue::STS209,
    unusable: &catalogue::STS211,
    expiring: &catalogue::STS210,
};

pub(super) fn judge(context: &Context<'_>) -> HostJudgement {
    let mut findings = Findings::default();
    let Some(host) = &context.evidence.policy_host else {
        return HostJudgement { state: PolicyState::NotAsked, served: None, findings };
    };
    let subject = || Subject::new(Place::PolicyHost, host.name.as_str());
    let address_command = || Some(context.commands.dig_addresses(&host.name));

    let mut any_lookup_failed = false;
    for fault in [host.addresses.ipv4.fault(), host.addresses.ipv6.fault()].into_iter().flatten() {
        any_lookup_failed = true;
        let finding = context.lookup_failed(&catalogue::STS202, subject(), "address", fault);
        findings.push(finding.command(address_command()));
    }
    if host.addresses.none_exist() {
        let finding = Finding::new(&catalogue::STS201, subject(), "neither A nor AAAA record");
        findings.push(finding.command(address_command()));
        return HostJudgement { state: PolicyState::Unusable, served: None, findings };
    }

    let fetched: Vec<(IpAddr, Fetched<'_>)> = host
        .fetches
        .iter()
        .map(|fetch| (fetch.address, judge_fetch(context, host, fetch, &mut findings)))
        .collect();
    judge_reachability(context, host, &fetched, &mut findings);
    let certificates = host.fetches.iter().filter_map(|fetch| fetch.tls.as_ref()?.leaf());
    if let Some(message) = different_certificates(certificates) {
        findings
            .push(Finding::new(&catalogue::STS224, subject(), message).command(address_command()));
    }

    let bodies: Vec<&Octets> = fetched
        .iter()
        .filter_map(|(_, fetched)| match fetched {
            Fetched::Body(body) => Some(*body),
            Fetched::Unreached(_) | Fetched::Unusable | Fetched::Untried => None,
        })
        .collect();
    let state = judge_bodies(context, host, &bodies, &mut findings);
    let nothing_tried = fetched.iter().all(|(_, fetched)| matches!(fetched, Fetched::Untried));
    let state = match state {
        PolicyState::Unusable if any_lookup_failed || nothing_tried => PolicyState::Unknown,
        state => state,
    };
    HostJudgement { state, served: served_body(host), findings }
}

fn judge_fetch<'a>(
    context: &Context<'_>,
    host: &PolicyHost,
    fetch: &'a PolicyFetch,
    findings: &mut Findings,
) -> Fetched<'a> {
    let subject = || Subject::new(Place::PolicyHost, host.name.as_str()).at(fetch.address);
    let curl = context.commands.curl(&host.name, fetch.address);
    let mut certificate_holds = true;
    if let Some(tls) = &fetch.tls {
        let command = context.commands.https_certificate(&host.name, fetch.address);
        let found = judge_certificate(tls, context.now, &subject(), &command, &CERTIFICATE);
        certificate_holds = tls.is_verified();
        findings.extend(found);
    }
    match &fetch.outcome {
        FetchOutcome::Failed(fault) if fault.is_ours() => Fetched::Untried,
        FetchOutcome::Failed(fault) => {
            if fault.kind == ConnectionFaultKind::NotRoutable {
                let finding = Finding::new(&catalogue::STS221, subject(), &fault.text);
                findings.push(finding.command(Some(context.commands.dig_addresses(&host.name))));
                return Fetched::Unusable;
            }
            if fault.stage == ConnectionStage::Connect {
                return Fetched::Unreached(fault);
            }
            let message = format!("{}: {}", fault.stage.as_str(), fault.text);
            findings.push(Finding::new(fault_rule(fault), subject(), message).command(Some(curl)));
            Fetched::Unusable
        }
        FetchOutcome::Replied(reply) => {
            let found = reply_findings(reply, &subject);
            let reply_holds = found.is_empty();
            findings.extend(found.into_iter().map(|finding| finding.command(Some(curl.clone()))));
            if certificate_holds && reply_holds {
                Fetched::Body(&reply.body)
            } else {
                Fetched::Unusable
            }
        }
    }
}

/// The rule for a connection that was made and then failed.
fn fault_rule(fault: &ConnectionFault) -> &'static Rule {
    match (fault.stage, fault.kind) {
        (_, ConnectionFaultKind::TimedOut) => &catalogue::STS218,
        (ConnectionStage::TlsHandshake, _) => &catalogue::STS205,
        _ => &catalogue::STS219,
    }
}

//= https://www.rfc-editor.org/rfc/rfc8461#section-3.2
//# When fetching a policy, senders SHOULD validate that the media type
//# is "text/plain"
//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//# Policies fetched via HTTPS are only valid if the HTTP response code
//# is 200 (OK).  HTTP 3xx redirects MUST NOT be followed
fn reply_findings(reply: &HttpReply, subject: &dyn Fn() -> Subject) -> Vec<Finding> {
    match reply.status {
        200 => {}
        300..=399 => {
            let to = match &reply.location {
                Some(location) => format!(" to {}", Quoted(location)),
                None => String::new(),
            };
            let message = format!("status {}, a redirect{to}", reply.status);
            return vec![Finding::new(&catalogue::STS212, subject(), message)];
        }
        status => {
            let message = format!("status {status}");
            return vec![Finding::new(&catalogue::STS213, subject(), message)];
        }
    }
    let mut findings = Vec::new();
    if !reply.is_text_plain() {
        let message = match &reply.content_type {
            Some(content_type) => format!("the media type is {}", Quoted(content_type)),
            None => "no Content-Type is sent".to_owned(),
        };
        findings.push(Finding::new(&catalogue::STS214, subject(), message));
    }
    if let Some(encoding) = &reply.content_encoding
        && !encoding.trim().eq_ignore_ascii_case("identity")
    {
        let message = format!("Content-Encoding is {}", Quoted(encoding));
        findings.push(Finding::new(&catalogue::STS215, subject(), message));
    }
    let body = match reply.body_end {
        BodyEnd::Complete | BodyEnd::ClosedCleanly => None,
        BodyEnd::Cut => Some((&catalogue::STS217, "the connection ended within the body")),
        BodyEnd::OverLimit => Some((&catalogue::STS216, "the body is longer than 65536 octets")),
        BodyEnd::TimedOut => {
            Some((&catalogue::STS218, "the body did not come to its end within the deadline"))
        }
    };
    findings.extend(body.map(|(rule, message)| Finding::new(rule, subject(), message)));
    findings
}

fn judge_reachability(
    context: &Context<'_>,
    host: &PolicyHost,
    fetched: &[(IpAddr, Fetched<'_>)],
    findings: &mut Findings,
) {
    let tried = fetched.iter().filter(|(_, fetched)| !matches!(fetched, Fetched::Untried)).count();
    let unreached: Vec<(IpAddr, &ConnectionFault)> = fetched
        .iter()
        .filter_map(|(address, fetched)| match fetched {
            Fetched::Unreached(fault) => Some((*address, *fault)),
            Fetched::Body(_) | Fetched::Unusable | Fetched::Untried => None,
        })
        .collect();
    let rule = if unreached.len() == tried { &catalogue::STS203 } else { &catalogue::STS204 };
    for (address, fault) in unreached {
        let subject = Subject::new(Place::PolicyHost, host.name.as_str()).at(address);
        let curl = context.commands.curl(&host.name, address);
        findings.push(Finding::new(rule, subject, &fault.text).command(Some(curl)));
    }
}

/// Judges what was served, each different body once; the first that is usable counts.
fn judge_bodies(
    context: &Context<'_>,
    host: &PolicyHost,
    bodies: &[&Octets],
    findings: &mut Findings,
) -> PolicyState {
    let curl = host.fetches.first().map(|f| context.commands.curl(&host.name, f.address));
    let mut different: Vec<&Octets> = Vec::new();
    for body in bodies {
        if !different.contains(body) {
            different.push(body);
        }
    }
    if different.len() > 1 {
        let subject = Subject::new(Place::PolicyHost, host.name.as_str());
        let message = format!("{} different bodies", different.len());
        findings.push(Finding::new(&catalogue::STS220, subject, message).command(curl.clone()));
    }
    let url = format!("https://{}/.well-known/mta-sts.txt", host.name);
    let mut state = PolicyState::Unusable;
    for body in different {
        let reading = Policy::read(body.as_slice());
        let subject = Subject::new(Place::Policy, &url);
        let text = policy_text::PolicyText { body: body.as_slice(), source: &url };
        let found = policy_text::findings(&text, &reading, Some(context.domain), &subject);
        findings.extend(found.into_iter().map(|finding| finding.command(curl.clone())));
        if let (PolicyState::Unusable, Ok(policy)) = (&state, reading.policy()) {
            state = PolicyState::Usable(policy);
        }
    }
    state
}

/// A body that its author meant as a policy.
fn served_body(host: &PolicyHost) -> Option<Octets> {
    let bodies = host.fetches.iter().filter_map(PolicyFetch::reply);
    bodies
        .filter(|reply| reply.status == 200)
        .map(|reply| &reply.body)
        .find(|body| Policy::read(body.as_slice()).version.is_some())
        .cloned()
}

/// The policy that one fetch brought, if a sender that follows RFC 8461 to the letter can use it:
/// over a verified certificate, with status 200, as `text/plain`, whole and valid.
pub fn usable_policy(fetch: &PolicyFetch) -> Option<Policy> {
    let reply = fetch.reply()?;
    let verified = fetch.tls.as_ref().is_some_and(sealpost_evidence::TlsSession::is_verified);
    let subject = || Subject::new(Place::PolicyHost, "");
    if !verified || !reply_findings(reply, &subject).is_empty() {
        return None;
    }
    Policy::parse(reply.body.as_slice()).ok()
}
