//! What the observer's own place and limits hide.

use std::collections::BTreeSet;
use std::net::IpAddr;

use sealpost_evidence::{ConnectionFault, ConnectionFaultKind, Dialogues, Evidence, MailHosts};

use super::{Context, Findings};
use crate::{Finding, Place, Subject, catalogue};

pub(super) fn judge(context: &Context<'_>, findings: &mut Findings) {
    missing_routes(context.evidence, findings);
    if let Some(message) = context.evidence.mail_hosts.as_ref().and_then(left_out) {
        let subject = Subject::new(Place::MxRecords, context.domain.as_str());
        let dig = context.commands.dig("MX", context.domain);
        findings.push(Finding::new(&catalogue::OBS104, subject, message).command(Some(dig)));
    }
}

/// Says what was too much to be looked at, if anything was.
pub(super) fn left_out(mail: &MailHosts) -> Option<String> {
    let records = mail.records.value().into_iter().flatten();
    let names: BTreeSet<&str> =
        records.map(|record| record.exchange.as_str()).filter(|name| !name.is_empty()).collect();
    if names.len() > mail.hosts.len() && !mail.hosts.is_empty() {
        return Some(format!("only {} of {} MX hosts", mail.hosts.len(), names.len()));
    }
    if mail.dialogues == Dialogues::Unwanted {
        return None;
    }
    mail.hosts.iter().find_map(|host| {
        let addresses = host.addresses.as_ref()?.all().len();
        let seen = host.sessions.len();
        let name = host.domain.as_ref()?;
        (addresses > seen).then(|| format!("only {seen} of {addresses} addresses of {name}"))
    })
}

/// Says once, for all hosts, that this machine lacks a kind of address.
fn missing_routes(evidence: &Evidence, findings: &mut Findings) {
    let fetches = evidence.policy_host.iter().flat_map(|host| &host.fetches);
    let sessions =
        evidence.mail_hosts.iter().flat_map(|mail| &mail.hosts).flat_map(|h| &h.sessions);
    let faults = fetches
        .map(|fetch| (fetch.address, fetch.fault()))
        .chain(sessions.map(|session| (session.address, session.fault.as_ref())));
    let untried: Vec<_> = faults
        .filter(|(_, fault)| fault.is_some_and(has_no_route))
        .map(|(address, _)| address)
        .collect();
    for (rule, is_this_kind) in [
        (&catalogue::OBS102, IpAddr::is_ipv6 as fn(&IpAddr) -> bool),
        (&catalogue::OBS103, IpAddr::is_ipv4),
    ] {
        let addresses: Vec<_> = untried.iter().copied().filter(is_this_kind).collect();
        if !addresses.is_empty() {
            let mut subject = Subject::new(Place::Observer, "here");
            subject.addresses = addresses;
            findings.push(Finding::new(rule, subject, "these addresses were not tried"));
        }
    }
}

fn has_no_route(fault: &ConnectionFault) -> bool {
    fault.kind == ConnectionFaultKind::NoRoute
}
