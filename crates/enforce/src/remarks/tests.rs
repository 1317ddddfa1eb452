use std::{sync::Arc, time::Duration};

use mta_sts::cache::FetchFailure;
use sealpost_rules::matrix::{MxSecurity, TlsaState};

use super::*;
use crate::{Exception, routes::InvalidLookup};

const TEXT: &str =
    "version: STSv1\nmode: MODE\nmx: mx1.a.test\nmx: *.b.test\nnote: x\nmax_age: 86400\n";

fn domain(name: &str) -> DomainName {
    name.parse().unwrap()
}

fn policy(mode: &str) -> Sts {
    let text = TEXT.replace("MODE", mode);
    Sts::Policy(FetchedPolicy::parse(text.as_bytes()).unwrap())
}

fn without() -> Sts {
    Sts::NoPolicy(Absence::NoRecord)
}

fn level(word: &str) -> OperatorLevel {
    OperatorLevel::parse(word).unwrap()
}

/// What DANE finds of hosts of these names.
fn route(mx: MxSecurity, hosts: &[(&str, Holding)], invalid: Vec<InvalidLookup>) -> Dane {
    let holdings: Vec<Holding> = hosts.iter().map(|(_, holding)| *holding).collect();
    let hosts = hosts.iter().map(|(name, holding)| (domain(name), *holding)).collect();
    let tlsa = TlsaState::of(&holdings);
    let invalid = invalid.into_boxed_slice();
    Dane::Seen(Arc::new(RouteSeen { mx, tlsa, hosts, invalid, life: Duration::ZERO }))
}

fn secure(hosts: &[(&str, Holding)]) -> Dane {
    route(MxSecurity::Secure, hosts, Vec::new())
}

fn exception(word: &str) -> Exception {
    let text = format!(
        "[[exception]]\ndomain = \"a.test\"\ndo = \"{word}\"\nreason = \"x\"\nuntil = \"2999-01-01\""
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), text).unwrap();
    crate::Exceptions::load(file.path()).unwrap().of(&domain("a.test"), 0).cloned().unwrap()
}

/// The remarks in a few words: type and domain of the policy, and what failed, at which host, why.
fn said(decided: &Decided, hosts: &[&str]) -> Vec<String> {
    let hosts: Vec<_> = hosts.iter().map(|host| domain(host)).collect();
    let remarks = decided.remarks(&domain("a.test"), &hosts).into_iter();
    remarks
        .map(|SenderRemark { policy, failure }| {
            let lines = policy.strings.len();
            let policy = format!("{} {} {lines}", policy.policy_type.as_str(), policy.domain);
            let Some(failure) = failure else { return format!("{policy}: held") };
            let host = failure.receiving_mx_hostname.map_or("-".to_owned(), |it| it.to_string());
            let reason = failure.failure_reason_code.unwrap_or("-".to_owned());
            format!("{policy}: {} {host} {reason}", failure.result_type.as_str())
        })
        .collect()
}

fn by_sts(sts: Sts) -> Decided {
    Decided::new(sts, Dane::NotAsked, None, level("may"))
}

#[test]
fn a_policy_that_cannot_be_had_is_remarked() {
    for (failure, expected) in [
        (FetchFailure::NotFetched, "sts-policy-fetch-error"),
        (FetchFailure::PolicyInvalid, "sts-policy-invalid"),
        (FetchFailure::CertificateInvalid, "sts-webpki-invalid"),
    ] {
        let decided = by_sts(Sts::NoPolicy(Absence::FetchFailed(failure)));
        assert!(decided.may_be_remarked());
        assert_eq!(said(&decided, &["mx.a.test"]), [format!("sts a.test 0: {expected} - -")]);
    }
    for sts in [without(), Sts::Unknown, Sts::NoPolicy(Absence::RecordUnknown), policy("none")] {
        let decided = by_sts(sts);
        assert!(!decided.may_be_remarked(), "{decided:?}");
        assert_eq!(said(&decided, &["mx.a.test"]), [""; 0]);
    }
}

#[test]
fn hosts_that_the_policy_does_not_name_are_skipped_and_remarked() {
    let hosts = ["mx1.a.test", "mx2.a.test", "mx.b.test", "mx.x.b.test"];
    let skipped =
        |host| format!("sts a.test 6: validation-failure {host} mtasts-policy-mx-mismatch");
    let held = "sts a.test 6: held".to_owned();
    assert_eq!(
        said(&by_sts(policy("enforce")), &hosts),
        [skipped("mx2.a.test"), skipped("mx.x.b.test"), held.clone()]
    );
    // In mode testing nothing is skipped, and it is told all the same (RFC 8461 section 5).
    assert_eq!(
        said(&by_sts(policy("testing")), &hosts),
        [skipped("mx2.a.test"), skipped("mx.x.b.test")]
    );
    assert_eq!(said(&by_sts(policy("testing")), &hosts[..1]), [""; 0]);
    assert_eq!(said(&by_sts(policy("enforce")), &hosts[..1]), [held]);
    // The operator's own policy is none of the domain's.
    let Sts::Policy(fetched) = policy("enforce") else { panic!() };
    assert_eq!(said(&by_sts(Sts::Pinned(Arc::new(fetched.policy()))), &hosts), [""; 0]);
}

#[test]
fn beside_dane_the_policy_is_held_and_skips_nobody() {
    let usable = secure(&[("mx1.a.test", Holding::Usable)]);
    for mode in ["enforce", "testing"] {
        let decided = Decided::new(policy(mode), usable.clone(), None, level("may"));
        assert_eq!(decided.decision, SenderDecision::DaneOnly);
        assert!(!decided.is_held_against_policy());
        assert_eq!(said(&decided, &["mx2.a.test"]), ["sts a.test 6: held"], "{mode}");
    }
    let decided = Decided::new(without(), usable, None, level("may"));
    assert_eq!(said(&decided, &["mx2.a.test"]), [""; 0]);
}

#[test]
fn what_dane_finds_of_hosts_is_remarked_with_the_host() {
    use Holding::{Failed, Nothing, Unusable, Usable};
    let hosts = [("mx1.a.test", Usable), ("mx2.a.test", Nothing), ("mx3.a.test", Unusable)];
    let invalid = "tlsa mx3.a.test 0: tlsa-invalid mx3.a.test -";
    let required = "tlsa mx2.a.test 0: dane-required mx2.a.test -";
    // Opportunistic: nobody requires anything.
    let decided = Decided::new(without(), secure(&hosts), None, level("may"));
    assert_eq!(decided.decision, SenderDecision::Dane);
    assert_eq!(said(&decided, &[]), [invalid]);
    // With a policy mail goes only to hosts that have records.
    let decided = Decided::new(policy("enforce"), secure(&hosts), None, level("may"));
    assert_eq!(decided.decision, SenderDecision::DaneOnly);
    assert_eq!(said(&decided, &[]), ["sts a.test 6: held", required, invalid]);
    // So the operator wants it.
    let bare = [("mx2.a.test", Nothing)];
    let decided = Decided::new(without(), secure(&bare), Some(exception("require")), level("may"));
    assert_eq!(decided.decision, SenderDecision::Temporary);
    assert_eq!(said(&decided, &[]), [required]);
    let decided = Decided::new(policy("enforce"), secure(&bare), None, level("dane-only"));
    assert_eq!(said(&decided, &["mx1.a.test"]), ["sts a.test 6: held", required]);
    let decided = Decided::new(without(), secure(&bare), None, level("may"));
    assert_eq!(said(&decided, &[]), [""; 0]);
    // What merely could not be looked up is no finding, and what is off is left alone.
    let decided = Decided::new(without(), secure(&[("mx1.a.test", Failed)]), None, level("may"));
    assert_eq!(said(&decided, &[]), [""; 0]);
    let decided =
        Decided::new(policy("enforce"), secure(&hosts), Some(exception("off")), level("may"));
    assert_eq!(said(&decided, &["mx2.a.test"]), [""; 0]);
}

#[test]
fn what_dnssec_refuses_is_remarked_where_it_is() {
    let at = |host: Option<&str>, kind| InvalidLookup { host: host.map(domain), kind };
    let invalid = vec![
        at(None, LookupFaultKind::Bogus),
        at(Some("mx1.a.test"), LookupFaultKind::ServerFailure),
    ];
    let dane = route(MxSecurity::Failed, &[("mx1.a.test", Holding::Failed)], invalid);
    let decided = Decided::new(without(), dane, None, level("may"));
    assert_eq!(decided.decision, SenderDecision::Temporary);
    assert_eq!(
        said(&decided, &[]),
        [
            "tlsa a.test 0: dnssec-invalid - mx-records:dnssec-bogus",
            "tlsa mx1.a.test 0: dnssec-invalid mx1.a.test address-or-tlsa-records:server-failure",
        ]
    );
}
