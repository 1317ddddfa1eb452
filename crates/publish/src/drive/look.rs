//! What a look of our own found wrong, as the gates want it.

use std::net::IpAddr;

use mail_domain::DomainName;
use sealpost_evidence::{Evidence, Lookup, Security};
use sealpost_net::IpNetwork;
use sealpost_rollout::{Check, CheckVerdict, Fault, FaultKind, Owner, Stage, Time};
use sealpost_rules::{Finding, Place, Severity, judge};

/// The most faults that are kept of one look.
const MOST_FAULTS: usize = 100;

/// Judges a look. Faults that the one before saw too are counted on, if it is of this day.
pub(super) fn check(
    evidence: &Evidence,
    stage: Stage,
    own: &[IpNetwork],
    before: Option<&Check>,
    now: Time,
) -> Check {
    let judgement = judge(evidence);
    let mut faults: Vec<Fault> = Vec::new();
    let mut unknown = None;
    for finding in &judgement.findings {
        if !counts(finding, stage) {
            continue;
        }
        match finding.rule.severity {
            Severity::Error => faults.extend(of(finding, evidence, own)),
            Severity::Unknown if finding.subject.place != Place::TlsRptRecord => {
                unknown.get_or_insert(format!("{}: {}", finding.subject, finding.message));
            }
            // In testing, what enforce would refuse is no more than a warning.
            _ if finding.rule.code == "STS402" => faults.extend(of(finding, evidence, own)),
            _ => {}
        }
    }
    if stage == Stage::Prerequisites {
        policy_host(evidence, &mut faults, &mut unknown);
    }
    let recent = before.filter(|before| now.since(before.at).as_secs() <= 86_400);
    for fault in &mut faults {
        let earlier =
            recent.into_iter().flat_map(sealpost_rollout::Check::faults).find(|earlier| {
                (&earlier.host, earlier.address, earlier.kind)
                    == (&fault.host, fault.address, fault.kind)
            });
        fault.looks = earlier.map_or(1, |earlier| earlier.looks.saturating_add(1));
    }
    faults.truncate(MOST_FAULTS);
    let verdict = match (faults.is_empty(), unknown) {
        (false, _) => CheckVerdict::Faulty(faults),
        (true, Some(why)) => CheckVerdict::Unknown { why },
        (true, None) => CheckVerdict::Green,
    };
    Check { at: now, verdict }
}

/// Before a policy is asked for, that there is none is no fault.
fn counts(finding: &Finding, stage: Stage) -> bool {
    let has_policy = stage.enforces() || matches!(stage, Stage::Testing | Stage::Leaving);
    match finding.subject.place {
        Place::StsRecord | Place::Policy | Place::PolicyHost => has_policy,
        Place::TlsRptRecord => stage != Stage::Nothing,
        Place::MxRecords | Place::MailHost | Place::Observer => true,
    }
}

/// The policy host before there is a policy: every address shows a certificate that holds.
fn policy_host(evidence: &Evidence, faults: &mut Vec<Fault>, unknown: &mut Option<String>) {
    let Some(host) = &evidence.policy_host else { return };
    let mut fault = |address, text: String| {
        faults.push(Fault {
            host: host.name.clone(),
            address,
            owner: Owner::Unknown,
            kind: FaultKind::Publication,
            looks: 1,
            text,
        });
    };
    if host.addresses.none_exist() {
        fault(None, "it has no address".to_owned());
    }
    for lookup in [host.addresses.ipv4.fault(), host.addresses.ipv6.fault()].into_iter().flatten() {
        unknown.get_or_insert(format!("{}: {}", host.name, lookup.text));
    }
    for fetch in &host.fetches {
        match (&fetch.tls, fetch.fault()) {
            (Some(tls), _) if tls.is_verified() => {}
            (Some(tls), _) => {
                let why = tls.faults.first().map(ToString::to_string).unwrap_or_default();
                fault(Some(fetch.address), format!("its certificate does not hold: {why}"));
            }
            (None, Some(found)) if found.is_ours() => {
                unknown.get_or_insert(format!("{}: {}", host.name, found.text));
            }
            (None, found) => {
                let why = found.map_or("no TLS", |found| found.text.as_str());
                fault(Some(fetch.address), why.to_owned());
            }
        }
    }
}

fn of(finding: &Finding, evidence: &Evidence, own: &[IpNetwork]) -> Vec<Fault> {
    let host = DomainName::parse(&finding.subject.name).unwrap_or_else(|_| evidence.domain.clone());
    let kind = kind(finding);
    let fault = |address: Option<IpAddr>| Fault {
        host: host.clone(),
        address,
        owner: address.map_or(Owner::Unknown, |address| owner(address, &host, evidence, own)),
        kind,
        looks: 1,
        text: format!("{}: {}", finding.rule.title, finding.message),
    };
    match finding.subject.addresses.as_slice() {
        [] => vec![fault(None)],
        addresses => addresses.iter().map(|address| fault(Some(*address))).collect(),
    }
}

/// What a policy of mode enforce makes senders hold mail back for is STARTTLS and what comes of it.
/// An MX host that does not answer at all gets no mail from anybody, whatever the policy says.
fn kind(finding: &Finding) -> FaultKind {
    match (finding.subject.place, finding.rule.code) {
        (
            Place::MailHost,
            "MX204" | "MX205" | "MX206" | "MX301" | "MX302" | "MX303" | "MX304" | "MX305" | "MX306"
            | "MX311",
        ) => FaultKind::MailHost,
        (_, "STS401" | "STS402" | "STS404") | (Place::MxRecords | Place::MailHost, _) => {
            FaultKind::Coverage
        }
        _ => FaultKind::Publication,
    }
}

/// An address is ours if the operator named its network, or if MX and address records that nobody
/// can forge lead to it.
fn owner(address: IpAddr, host: &DomainName, evidence: &Evidence, own: &[IpNetwork]) -> Owner {
    if own.iter().any(|network| network.contains(address)) {
        return Owner::Ours;
    }
    if !own.is_empty() {
        return Owner::Stranger;
    }
    let Some(mail) = &evidence.mail_hosts else { return Owner::Unknown };
    let is_secure = |security: Security| security == Security::Secure;
    let mx = match &mail.records {
        Lookup::Found(found) => is_secure(found.security),
        Lookup::Absent(absence) => is_secure(absence.security),
        Lookup::Unknown(_) => false,
    };
    let found = mail.hosts.iter().find(|known| known.domain.as_ref() == Some(host));
    let addresses = found.and_then(|host| host.addresses.as_ref()).is_some_and(|found| {
        let ipv4 = found.ipv4.found().is_some_and(|found| {
            is_secure(found.security) && found.value.iter().any(|own| IpAddr::V4(*own) == address)
        });
        let ipv6 = found.ipv6.found().is_some_and(|found| {
            is_secure(found.security) && found.value.iter().any(|own| IpAddr::V6(*own) == address)
        });
        ipv4 || ipv6
    });
    if mx && addresses { Owner::Ours } else { Owner::Unknown }
}
