//! The policy host: can the policy be fetched, and is it one?

use std::net::IpAddr;

use mail_domain::DomainName;
use mta_sts::Policy;
use sealpost_evidence::traffic::Day;
use sealpost_evidence::{Evidence, FetchOutcome, PolicyFetch, PolicyHost};
use tls_rpt::ResultType;

use super::case::{Case, day_of};
use super::causes::{
    Cause, FAIL204, FAIL211, FAIL212, FAIL213, FAIL214, FAIL215, FAIL221, FAIL222, FAIL231,
    FAIL232, FAIL331, Fault,
};
use super::verdict::{Draft, Standing};
use crate::Quoted;

/// Failures that begin so many days after a certificate did are laid to it.
const NEAR: i64 = 2;

/// A policy that could not be fetched, verified or read.
pub(super) fn judge(case: &Case<'_>, cause: &'static Cause) -> Draft {
    let Some(evidence) = case.known.evidence else {
        return Draft::presumed(case, cause).command(plain_command(case));
    };
    if cause == &FAIL214
        && let Some(draft) = record(case, evidence)
    {
        return draft;
    }
    let Some(host) = &evidence.policy_host else {
        return record(case, evidence).unwrap_or_else(|| Draft::presumed(case, cause));
    };
    if host.addresses.none_exist() {
        let sentence = format!("{} has no address.", host.name);
        return Draft::new(&FAIL211, Fault::Ours, Standing::Open, sentence)
            .ground(seen(case))
            .command(Some(case.commands().dig_addresses(&host.name)));
    }
    let change = certificate_change(case, host);
    let faulty = host.fetches.iter().find_map(|fetch| fault_of(case, host, fetch));
    match (faulty, change) {
        (Some(faulty), Some(change)) if faulty.cause == &FAIL221 => {
            since_change(case, &change, Standing::Open)
                .ground(faulty.sentence)
                .command(faulty.command)
        }
        (Some(faulty), _) => faulty.ground(seen(case)),
        (None, Some(change)) if host.fetches.iter().any(is_good) => {
            since_change(case, &change, Standing::Unknown)
                .ground("From here it verifies today: some senders may lack an intermediate.")
                .command(command(case, host, host.fetches.first()))
        }
        (None, _) => good_from_here(case, cause, host, evidence),
    }
}

/// What is wrong with one fetch.
fn fault_of(case: &Case<'_>, host: &PolicyHost, fetch: &PolicyFetch) -> Option<Draft> {
    let place = format!("{} [{}]", host.name, fetch.address);
    let draft = |cause, sentence| {
        let draft = Draft::new(cause, Fault::Ours, Standing::Open, sentence);
        draft.command(command(case, host, Some(fetch)))
    };
    if let Some(fault) = fetch.tls.as_ref().and_then(|tls| tls.faults.first()) {
        let text: String =
            fault.to_string().chars().filter(|c| !c.is_control()).take(200).collect();
        let command = case.commands().https_certificate(&host.name, fetch.address);
        let sentence = format!("The certificate of {place} {text}.");
        return Some(draft(&FAIL221, sentence).command(Some(command)));
    }
    let reply = match &fetch.outcome {
        FetchOutcome::Failed(fault) if fault.is_ours() => return None,
        FetchOutcome::Failed(fault) => {
            let sentence = format!("{place} gives no answer: {}.", Quoted(&fault.text));
            return Some(draft(&FAIL211, sentence));
        }
        FetchOutcome::Replied(reply) => reply,
    };
    if reply.status != 200 {
        let target = reply.location.as_deref().map(|to| format!(", to {}", Quoted(to)));
        let sentence = format!(
            "{place} answers with status {}{}; only 200 counts.",
            reply.status,
            target.unwrap_or_default()
        );
        return Some(draft(&FAIL212, sentence));
    }
    if is_good(fetch) {
        return None;
    }
    let reading = Policy::read(reply.body.as_slice());
    let defect = reading.defects.iter().find(|defect| defect.kind.is_fatal());
    let sentence = match defect {
        Some(defect) => format!("The policy that {place} serves can't be used: {}.", defect.kind),
        None => format!(
            "What {place} serves can't be used: its media type, its coding or its end is wrong."
        ),
    };
    Some(draft(&FAIL231, sentence))
}

/// Nothing is wrong from here.
fn good_from_here(
    case: &Case<'_>,
    cause: &'static Cause,
    host: &PolicyHost,
    evidence: &Evidence,
) -> Draft {
    if let Some(draft) = record(case, evidence) {
        return draft;
    }
    let good: Vec<Policy> = host.fetches.iter().filter_map(crate::usable_policy).collect();
    let Some(first) = good.first() else {
        return Draft::presumed(case, cause).command(plain_command(case));
    };
    if good.iter().any(|policy| policy != first) {
        let sentence = format!("The addresses of {} serve different policies.", host.name);
        return Draft::new(&FAIL204, Fault::Ours, Standing::Open, sentence)
            .ground(seen(case))
            .command(Some(case.commands().dig_addresses(&host.name)));
    }
    let (cause, fault, sentence) = match (&case.result, cause) {
        (ResultType::StsWebpkiInvalid, _) => {
            (&FAIL222, Fault::Unclear, "did not trust the certificate of")
        }
        (_, said) if said == &FAIL221 => {
            (&FAIL222, Fault::Unclear, "did not trust the certificate of")
        }
        (ResultType::StsPolicyInvalid, _) => {
            (&FAIL232, Fault::Unclear, "could not use the policy of")
        }
        (_, said) if said == &FAIL231 => (&FAIL232, Fault::Unclear, "could not use the policy of"),
        (_, said) if said == &FAIL331 => (&FAIL215, Fault::Sender, "could not find"),
        _ => (&FAIL215, Fault::Sender, "could not fetch the policy from"),
    };
    let sentence = format!(
        "The sender {sentence} {}, and from here everything is in order: the fault is on its way, \
         or was mended since.",
        host.name
    );
    let addresses = good.len();
    Draft::new(cause, fault, Standing::Unknown, sentence)
        .ground(format!("{addresses} of {} fetches brought a usable policy.", host.fetches.len()))
        .ground(seen(case))
        .command(command(case, host, host.fetches.first()))
}

/// There is no STS record now.
fn record(case: &Case<'_>, evidence: &Evidence) -> Option<Draft> {
    let records = evidence.sts_records.as_ref()?;
    let is_sts =
        |record: &sealpost_evidence::TextRecord| record.text().as_slice().starts_with(b"v=STSv1");
    let sentence = match records.value() {
        None if records.is_absent() => "There is no STS record.".to_owned(),
        None => return None,
        Some(texts) => match texts.iter().filter(|record| is_sts(record)).count() {
            0 => "There is no STS record.".to_owned(),
            1 => return None,
            several => format!("There are {several} STS records, which counts as none."),
        },
    };
    let draft = Draft::new(&FAIL214, Fault::Ours, Standing::Open, sentence).ground(seen(case));
    Some(draft.command(case.dig("TXT", "_mta-sts.")))
}

/// A change of the policy host's certificate right before the failures began.
struct Change {
    host: DomainName,
    began: Day,
    /// The day on which the certificate before it was still seen.
    before: Option<Day>,
}

fn certificate_change(case: &Case<'_>, host: &PolicyHost) -> Option<Change> {
    if case.result != ResultType::StsPolicyFetchError && case.result != ResultType::StsWebpkiInvalid
    {
        return None;
    }
    let leaf_of = |fetch: &PolicyFetch| fetch.tls.as_ref()?.leaf().cloned();
    let leaf = host.fetches.iter().find_map(leaf_of)?;
    let began = day_of(leaf.not_before);
    let since = case.since();
    let after = since.number().saturating_sub(began.number());
    if !(0..=NEAR).contains(&after) {
        return None;
    }
    let before = match case.known.earlier {
        Some(earlier) => {
            let fetches = earlier.policy_host.iter().flat_map(|host| &host.fetches);
            let old = fetches.filter_map(leaf_of).next();
            match old {
                // It was the same before the failures began: they have another cause.
                Some(old) if old.sha256 == leaf.sha256 && day_of(earlier.observed) < since => {
                    return None;
                }
                Some(old) if old.sha256 != leaf.sha256 => Some(day_of(earlier.observed)),
                _ => None,
            }
        }
        None => None,
    };
    Some(Change { host: host.name.clone(), began, before })
}

fn since_change(case: &Case<'_>, change: &Change, standing: Standing) -> Draft {
    let since = case.since();
    let sentence = format!(
        "The fetches began to fail on {since}, when the certificate of {} had just changed (the \
         present one is valid from {}).",
        change.host, change.began
    );
    let draft = Draft::new(&FAIL213, Fault::Ours, standing, sentence);
    match change.before {
        Some(day) => draft.ground(format!("On {day} it still had another certificate.")),
        None => draft,
    }
}

fn is_good(fetch: &PolicyFetch) -> bool {
    crate::usable_policy(fetch).is_some()
}

fn command(case: &Case<'_>, host: &PolicyHost, fetch: Option<&PolicyFetch>) -> Option<String> {
    let address: IpAddr = fetch?.address;
    Some(case.commands().curl(&host.name, address))
}

fn plain_command(case: &Case<'_>) -> Option<String> {
    let domain = case.domain()?;
    Some(format!("curl -sSi https://mta-sts.{domain}/.well-known/mta-sts.txt"))
}

fn seen(case: &Case<'_>) -> String {
    match case.looked_on() {
        Some(day) => format!("So it was seen from here on {day}."),
        None => "So it was seen from here.".to_owned(),
    }
}
