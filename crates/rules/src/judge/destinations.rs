//! Judges where TLS reports go, as far as it can be seen without sending one.

use sealpost_evidence::{
    AbsenceKind, ConnectionFault, ConnectionFaultKind, HostAddresses, Lookup, MxRecord,
    PolicyFetch, ReportDestination, TlsSession,
};

use super::{Context, Findings};
use crate::{Finding, Place, Quoted, Rule, Subject, catalogue};

pub(super) fn judge(context: &Context<'_>, findings: &mut Findings) {
    for destination in &context.evidence.report_destinations {
        match destination {
            ReportDestination::Mailto { uri, domain, records, addresses } => {
                let judged = judge_mail(context, records, addresses.as_ref());
                let dig = context.commands.dig("MX", domain);
                push(context, uri, judged, dig, findings);
            }
            ReportDestination::Https { uri, host, addresses, fetches } => {
                let judged = judge_https(context, addresses, fetches);
                let curl = format!("curl -svo /dev/null https://{host}/");
                let command = match &judged {
                    Some((rule, _)) if *rule == &catalogue::RPT116 => {
                        context.commands.dig_addresses(host)
                    }
                    _ => curl,
                };
                push(context, uri, judged, command, findings);
            }
        }
    }
}

type Judged = Option<(&'static Rule, String)>;

fn push(
    context: &Context<'_>,
    uri: &str,
    judged: Judged,
    command: String,
    findings: &mut Findings,
) {
    let Some((rule, message)) = judged else { return };
    let subject = Subject::new(Place::TlsRptRecord, format!("_smtp._tls.{}", context.domain));
    let message = format!("{}: {message}", Quoted(uri));
    findings.push(Finding::new(rule, subject, message).command(Some(command)));
}

fn judge_mail(
    context: &Context<'_>,
    records: &Lookup<Vec<MxRecord>>,
    addresses: Option<&HostAddresses>,
) -> Judged {
    match records {
        Lookup::Found(found) => {
            let takes_mail = found.value.iter().any(|record| !record.exchange.is_empty());
            (!takes_mail).then(|| (&catalogue::RPT115, "its domain has a null MX".to_owned()))
        }
        Lookup::Unknown(fault) => Some(context.failed(&catalogue::RPT116, "MX", fault)),
        Lookup::Absent(absence) if absence.kind == AbsenceKind::NoSuchName => {
            Some((&catalogue::RPT115, "its domain does not exist".to_owned()))
        }
        Lookup::Absent(_) => judge_addresses(context, addresses?, &catalogue::RPT115),
    }
}

fn judge_addresses(
    context: &Context<'_>,
    addresses: &HostAddresses,
    missing: &'static Rule,
) -> Judged {
    if addresses.none_exist() {
        return Some((missing, "it has no address".to_owned()));
    }
    if !addresses.all().is_empty() {
        return None;
    }
    let fault = addresses.ipv4.fault().or(addresses.ipv6.fault())?;
    Some(context.failed(&catalogue::RPT116, "address", fault))
}

fn judge_https(
    context: &Context<'_>,
    addresses: &HostAddresses,
    fetches: &[PolicyFetch],
) -> Judged {
    if let Some(judged) = judge_addresses(context, addresses, &catalogue::RPT117) {
        return Some(judged);
    }
    let answering: Vec<&PolicyFetch> = fetches.iter().filter(|f| f.reply().is_some()).collect();
    if !answering.is_empty() {
        let verified =
            |fetch: &&PolicyFetch| fetch.tls.as_ref().is_some_and(TlsSession::is_verified);
        return (!answering.iter().all(verified)).then(|| {
            (&catalogue::RPT118, "it answers under a certificate that does not verify".to_owned())
        });
    }
    let is_open =
        |fault: &&ConnectionFault| fault.is_ours() || fault.kind == ConnectionFaultKind::TimedOut;
    let faults = || fetches.iter().filter_map(PolicyFetch::fault);
    let (rule, fault) = match faults().find(is_open) {
        Some(fault) => (&catalogue::RPT116, fault),
        None => (&catalogue::RPT117, faults().next()?),
    };
    Some((rule, format!("{}: {}", fault.stage.as_str(), fault.text)))
}
