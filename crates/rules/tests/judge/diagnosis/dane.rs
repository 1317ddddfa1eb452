use ::dane::{MatchingType, Selector, TlsaRecord, Usage};
use sealpost_evidence::{
    Dnssec, Found, Lookup, LookupFault, LookupFaultKind, Octets, Security, TlsaLookup,
};

use super::*;

const KEY: &[u8] = b"a certificate";

fn record(of: &[u8]) -> String {
    TlsaRecord::of_certificate(Usage::DaneEe, Selector::Cert, MatchingType::Sha256, of)
        .unwrap()
        .to_string()
}

/// A domain whose first MX host has these TLSA records, and the certificate [`KEY`].
fn with_tlsa(records: Vec<String>) -> Evidence {
    spoilt(|e| {
        e.observer.dnssec = Dnssec::Validated;
        leaf(e, 0).der = Octets::new(KEY);
        let lookup = TlsaLookup {
            base: "mx1.good.test".parse().unwrap(),
            records: Lookup::Found(Found {
                value: records,
                ttl: 300,
                aliases: vec![],
                security: Security::Secure,
            }),
        };
        e.mail_hosts.as_mut().unwrap().hosts[0].tlsa = Some(vec![lookup]);
    })
}

fn tlsa_group(type_: &str) -> FailureGroup {
    FailureGroup { policy_type: "tlsa".to_owned(), ..group(type_) }
}

#[test]
fn records_against_the_live_certificate() {
    let (good, stale) = (record(KEY), record(b"the certificate before"));
    let none = spoilt(|e| e.mail_hosts.as_mut().unwrap().hosts[0].tlsa = Some(vec![]));
    for (number, (type_, look, strings, expected)) in [
        ("tlsa-invalid", with_tlsa(vec![stale.clone()]), vec![], "FAIL301 ours open"),
        ("tlsa-invalid", with_tlsa(vec![good.clone()]), vec![], "FAIL303 unclear unknown"),
        (
            "tlsa-invalid",
            with_tlsa(vec![good.clone(), stale.clone()]),
            vec![],
            "FAIL303 unclear unknown",
        ),
        (
            "tlsa-invalid",
            with_tlsa(vec![good.clone()]),
            vec![stale.clone()],
            "FAIL302 sender unknown",
        ),
        (
            "tlsa-invalid",
            with_tlsa(vec![good.clone()]),
            vec![good.clone()],
            "FAIL303 unclear unknown",
        ),
        ("tlsa-invalid", with_tlsa(vec!["7 7 7 00".to_owned()]), vec![], "FAIL304 ours open"),
        ("tlsa-invalid", none.clone(), vec![stale.clone()], "FAIL302 sender unknown"),
        ("tlsa-invalid", evidence::good(), vec![], "FAIL301 ours unknown"), // nobody validated
        ("validation-failure", with_tlsa(vec![stale.clone()]), vec![], "FAIL301 ours open"),
        ("dane-required", none, vec![], "FAIL321 ours open"),
        ("dane-required", with_tlsa(vec![good.clone()]), vec![], "FAIL321 ours unknown"),
    ]
    .into_iter()
    .enumerate()
    {
        let strings: Vec<&str> = strings.iter().map(String::as_str).collect();
        let diagnosis = reported(&tlsa_group(type_), &look, &strings);
        assert_eq!(verdict(&diagnosis), expected, "{number}");
    }
    let diagnosis = seen(&tlsa_group("tlsa-invalid"), &with_tlsa(vec![stale]));
    holds(&diagnosis, "No TLSA record of mx1.good.test matches what 192.0.2.11 presents.");
    assert!(diagnosis.command.unwrap().contains("_25._tcp.mx1.good.test TLSA"));
}

/// Quirk of Microsoft: all records in one string that holds a JSON array.
#[test]
fn records_in_one_string() {
    let (one, two) = (record(KEY), record(b"next"));
    let look = with_tlsa(vec![one.clone(), two.clone()]);
    let array = format!("[\"{}\",\"{}\"]", one.to_ascii_uppercase(), two.to_ascii_uppercase());
    let diagnosis = reported(&tlsa_group("tlsa-invalid"), &look, &[&array]);
    assert_eq!(verdict(&diagnosis), "FAIL303 unclear unknown");
}

#[test]
fn dnssec() {
    let bogus = spoilt(|e| {
        e.mail_hosts.as_mut().unwrap().records = Lookup::Unknown(LookupFault {
            kind: LookupFaultKind::Bogus,
            text: "signature expired".to_owned(),
        });
    });
    let slow = spoilt(|e| {
        e.sts_records = Some(evidence::unknown());
    });
    let group = |type_| without_host(tlsa_group(type_));
    for (type_, look, expected) in [
        ("dnssec-invalid", &bogus, "FAIL311 ours open"),
        ("dnssec-invalid", &evidence::good(), "FAIL311 unclear unknown"),
        ("dnssec-invalid", &slow, "FAIL311 unclear unknown"), // a time-out is not bogus
        ("dns-error", &slow, "FAIL331 ours open"),
        ("dns-error", &evidence::good(), "FAIL331 unclear unknown"),
    ] {
        assert_eq!(verdict(&seen(&group(type_), look)), expected, "{type_}");
    }
    assert_eq!(verdict(&blind(&group("dnssec-invalid"))), "FAIL311 unclear unknown");
}

#[test]
fn reason_codes() {
    for (type_, reason, expected) in [
        ("tlsa-invalid", "all-TLSA-records-unusable", "FAIL304 ours unknown"),
        ("tlsa-invalid", "all-unusable-records+ignored", "FAIL304 ours unknown"),
        ("validation-failure", "dane-no-match", "FAIL301 ours unknown"),
        ("validation-failure", "dns-extended-error-6-DNSSEC-Bogus", "FAIL311 unclear unknown"),
        ("dnssec-invalid", "Bogus MX records were found.", "FAIL311 unclear unknown"),
        ("dane-required", "No TLSA records found for MX.", "FAIL321 ours unknown"),
    ] {
        let group = FailureGroup { policy_type: "tlsa".to_owned(), ..with_reason(type_, reason) };
        assert_eq!(verdict(&blind(&group)), expected, "{type_} {reason}");
    }
}
