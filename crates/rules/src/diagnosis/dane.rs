//! TLSA records and DNSSEC.

use dane::{DaneOutcome, Requirement, Standing as Part, TlsaRecord, TlsaSet};
use mail_domain::DomainName;
use sealpost_evidence::{Evidence, LookupFault, LookupFaultKind, MailHost};

use super::case::Case;
use super::causes::{
    Cause, FAIL131, FAIL301, FAIL302, FAIL303, FAIL304, FAIL311, FAIL321, FAIL331, Fault,
};
use super::verdict::{Draft, Standing};
use crate::Quoted;
use crate::judge::dane::{record_to_publish, route};
use crate::matrix::Counting;

/// At most so many records of a report are read.
const MOST_RECORDS: usize = 64;

/// The sender found no TLSA record that matches.
pub(super) fn tlsa(case: &Case<'_>, cause: &'static Cause) -> Draft {
    let hosts = case.looked_hosts();
    for host in &hosts {
        if let Some(draft) = live_fault(case, host) {
            return draft;
        }
    }
    let matching = hosts.iter().find_map(|host| live_match(case, host));
    let reported = reported_records(case);
    let command = dig_tlsa(case, hosts.first().copied());
    match matching {
        Some(live) if !reported.is_empty() && !same(&reported, &live) => {
            let sentence = format!(
                "The sender compared {} with TLSA records that are not ours now; those of now match.",
                case.place_text()
            );
            Draft::new(&FAIL302, Fault::Sender, Standing::Unknown, sentence)
                .ground(format!("Reported: {}.", listed(&reported)))
                .ground(format!("Published: {}.", listed(&live)))
                .command(command)
        }
        Some(live) => {
            let sentence = format!(
                "The sender found no TLSA record that matches {}, and from here one does.",
                case.place_text()
            );
            Draft::new(&FAIL303, Fault::Unclear, Standing::Unknown, sentence)
                .ground(format!("Published: {}.", listed(&live)))
                .command(command)
        }
        None if hosts.iter().any(|host| has_none(host)) => {
            let sentence = format!(
                "The sender used TLSA records for {}, and there are no signed ones now.",
                case.host_text()
            );
            let draft = Draft::new(&FAIL302, Fault::Sender, Standing::Unknown, sentence);
            match reported.is_empty() {
                true => draft.command(command),
                false => draft.ground(format!("Reported: {}.", listed(&reported))).command(command),
            }
        }
        None => {
            let cause = if cause == &FAIL131 { &FAIL301 } else { cause };
            let draft = Draft::presumed(case, cause).command(command);
            match reported.is_empty() {
                true => draft,
                false => draft.ground(format!("Reported: {}.", listed(&reported))),
            }
        }
    }
}

/// The sender's resolver found no answer that it could use.
pub(super) fn dnssec(case: &Case<'_>, cause: &'static Cause) -> Draft {
    let command = case.dig("SOA", "").map(|dig| format!("{dig} +dnssec"));
    let Some(evidence) = case.known.evidence else {
        return Draft::presumed(case, cause).command(command);
    };
    let faults = lookup_faults(evidence);
    let wanted = |fault: &&LookupFault| match cause {
        cause if cause == &FAIL331 => true,
        _ => matches!(fault.kind, LookupFaultKind::Bogus | LookupFaultKind::ServerFailure),
    };
    match faults.into_iter().find(wanted) {
        Some(fault) => {
            let what = if fault.kind == LookupFaultKind::Bogus { &FAIL311 } else { cause };
            let sentence = format!("A look-up fails from here too: {}.", Quoted(&fault.text));
            Draft::new(what, Fault::Ours, Standing::Open, sentence).command(command)
        }
        None => {
            let sentence = format!(
                "The sender reports: {}; from here every look-up is answered.",
                cause.title
            );
            Draft::new(cause, Fault::Unclear, Standing::Unknown, sentence).command(command)
        }
    }
}

/// The sender insists on DANE.
pub(super) fn required(case: &Case<'_>, cause: &'static Cause) -> Draft {
    let hosts = case.looked_hosts();
    let command = dig_tlsa(case, hosts.first().copied());
    if let Some(host) = hosts.iter().find(|host| has_none(host)) {
        let name = host.domain.as_ref().map(ToString::to_string).unwrap_or_default();
        let sentence = format!("{name} has no signed TLSA records, and the sender demands them.");
        return Draft::new(&FAIL321, Fault::Ours, Standing::Open, sentence).command(command);
    }
    let draft = Draft::presumed(case, cause).command(command);
    match hosts.iter().find_map(|host| secure_records(host)) {
        Some((_, records)) => draft.ground(format!("Published now: {}.", listed(&records))),
        None => draft,
    }
}

/// No record matches what the host presents, or none can be used.
fn live_fault(case: &Case<'_>, host: &MailHost) -> Option<Draft> {
    let (base, records) = secure_records(host)?;
    let name = host.domain.as_ref()?;
    let set = TlsaSet::new(records.iter().cloned());
    let command = dig_tlsa(case, Some(host));
    if set.requirement() != Requirement::Authentication {
        let reasons: Vec<String> = set
            .members()
            .iter()
            .filter_map(|member| match &member.standing {
                Part::Unusable(reason) => {
                    Some(format!("{}: {reason}", Quoted(&member.record.to_string())))
                }
                _ => None,
            })
            .take(4)
            .collect();
        let sentence = format!("None of the TLSA records of {name} can be used.");
        return Some(
            Draft::new(&FAIL304, Fault::Ours, Standing::Open, sentence)
                .ground(format!("{}.", reasons.join("; ")))
                .command(command),
        );
    }
    for (host, session) in case.sessions() {
        if host.domain.as_ref() != Some(name) {
            continue;
        }
        let Some(chain) = chain(session) else { continue };
        let DaneOutcome::NotAuthenticated { failures } = outcome(case, base, &set, &chain) else {
            continue;
        };
        let reasons: Vec<String> =
            failures.iter().take(4).map(|f| format!("{} {f}", f.record)).collect();
        let sentence =
            format!("No TLSA record of {name} matches what {} presents.", session.address);
        return Some(
            Draft::new(&FAIL301, Fault::Ours, Standing::Open, sentence)
                .ground(format!("{}.", reasons.join("; ")))
                .publish(record_to_publish(base, &chain))
                .command(command),
        );
    }
    None
}

/// The records of a host, if what it presents matches them.
fn live_match(case: &Case<'_>, host: &MailHost) -> Option<Vec<TlsaRecord>> {
    let (base, records) = secure_records(host)?;
    let set = TlsaSet::new(records.iter().cloned());
    let is_good = case
        .sessions()
        .iter()
        .filter(|(other, _)| other.domain == host.domain)
        .filter_map(|(_, session)| chain(session))
        .any(|chain| outcome(case, base, &set, &chain).is_authenticated());
    is_good.then_some(records)
}

fn outcome(case: &Case<'_>, base: &DomainName, set: &TlsaSet, chain: &[&[u8]]) -> DaneOutcome {
    let Some((domain, mail, now)) = case.known.evidence.and_then(|evidence| {
        let mail = evidence.mail_hosts.as_ref()?;
        Some((&evidence.domain, mail, evidence.observed.as_second()))
    }) else {
        return DaneOutcome::NoUsableRecord;
    };
    let references = dane::reference_identifiers(base, route(domain, mail));
    dane::verify(set, chain, &references, now)
}

fn chain(session: &sealpost_evidence::SmtpSession) -> Option<Vec<&[u8]>> {
    let tls = session.tls.as_ref()?;
    Some(tls.certificates.iter().map(|certificate| certificate.der.as_slice()).collect())
}

fn secure_records(host: &MailHost) -> Option<(&DomainName, Vec<TlsaRecord>)> {
    match Counting::of(host.tlsa.as_ref()?) {
        Counting::Secure { lookup, texts } => {
            let records = texts.iter().filter_map(|text| TlsaRecord::parse(text).ok());
            Some((&lookup.base, records.collect()))
        }
        Counting::Nothing { .. } | Counting::Failed { .. } => None,
    }
}

/// Is it certain that the host has no signed record?
fn has_none(host: &MailHost) -> bool {
    host.tlsa
        .as_ref()
        .is_some_and(|lookups| matches!(Counting::of(lookups), Counting::Nothing { .. }))
}

/// The TLSA records of a report. Microsoft puts all of them into one string that holds a JSON
/// array; the others use a string for each.
fn reported_records(case: &Case<'_>) -> Vec<TlsaRecord> {
    let strings = case.known.reported.map(|reported| reported.strings).unwrap_or_default();
    let mut records: Vec<TlsaRecord> = strings
        .iter()
        .take(MOST_RECORDS)
        .flat_map(|string| string.split(['"', '[', ']', ',']).take(4 * MOST_RECORDS))
        .filter_map(|text| TlsaRecord::parse(text.trim()).ok())
        .take(MOST_RECORDS)
        .collect();
    records.sort_unstable();
    records.dedup();
    records
}

fn same(one: &[TlsaRecord], other: &[TlsaRecord]) -> bool {
    one.iter().all(|record| other.contains(record)) && other.iter().all(|r| one.contains(r))
}

fn listed(records: &[TlsaRecord]) -> String {
    /// At most so many records are written out.
    const SHOWN: usize = 4;
    let shown: Vec<String> = records
        .iter()
        .take(SHOWN)
        .map(|record| {
            let text = record.to_string();
            let cut: String = text.chars().take(80).collect();
            if cut.len() < text.len() { format!("{cut}…") } else { cut }
        })
        .collect();
    match records.len().saturating_sub(SHOWN) {
        0 => shown.join("; "),
        more => format!("{} and {more} more", shown.join("; ")),
    }
}

fn dig_tlsa(case: &Case<'_>, host: Option<&MailHost>) -> Option<String> {
    let base = host.and_then(|host| {
        let secure = secure_records(host).map(|(base, _)| base);
        secure.or(host.domain.as_ref())
    });
    let name = base.or(case.mx.as_ref())?;
    Some(case.commands().dig("TLSA", format!("_25._tcp.{name}")))
}

/// Every look-up that failed.
fn lookup_faults(evidence: &Evidence) -> Vec<&LookupFault> {
    let mut faults = Vec::new();
    faults.extend(evidence.sts_records.as_ref().and_then(|lookup| lookup.fault()));
    faults.extend(evidence.tls_rpt_records.as_ref().and_then(|lookup| lookup.fault()));
    let Some(mail) = &evidence.mail_hosts else { return faults };
    faults.extend(mail.records.fault());
    for host in &mail.hosts {
        if let Some(addresses) = &host.addresses {
            faults.extend(addresses.ipv4.fault());
            faults.extend(addresses.ipv6.fault());
        }
        faults.extend(host.tlsa.iter().flatten().filter_map(|lookup| lookup.records.fault()));
    }
    faults
}
