//! DNSSEC, authorities, providers, and where reports go.

use sealpost_evidence::{
    AbsenceKind, CaaLookup, CaaRecord, Evidence, Found, Lookup, LookupFault, LookupFaultKind,
    ReportDestination, Security, Surroundings, TlsaLookup,
};
use sealpost_rules::judge;

use crate::evidence::{absent, addresses, found, good, mail_host, mx, text, unknown};
use crate::judged;

fn spoilt(spoil: impl FnOnce(&mut Evidence)) -> String {
    let mut evidence = good();
    spoil(&mut evidence);
    judged(&evidence)
}

fn bogus<T>() -> Lookup<T> {
    Lookup::Unknown(LookupFault {
        kind: LookupFaultKind::Bogus,
        text: "a signature does not verify".to_owned(),
    })
}

#[test]
fn what_fails_validation_has_its_own_rule() {
    assert_eq!(spoilt(|e| e.sts_records = Some(bogus())), "unknown DNS101");
    assert_eq!(spoilt(|e| e.tls_rpt_records = Some(bogus())), "enforced DNS101");
    let tlsa = |records| {
        spoilt(|e| {
            let base = "mx1.good.test".parse().unwrap();
            let host = &mut e.mail_hosts.as_mut().unwrap().hosts[0];
            host.tlsa = Some(vec![TlsaLookup { base, records }]);
        })
    };
    assert_eq!(tlsa(bogus()), "enforced DNS101");
    assert_eq!(tlsa(unknown()), "enforced DANE106");
    assert_eq!(tlsa(absent(AbsenceKind::NoSuchName)), "enforced");
}

#[test]
fn tlsa_records_count_by_their_security() {
    let with = |security| {
        spoilt(|e| {
            let base = "mx1.good.test".parse().unwrap();
            let value = vec![format!("3 1 1 {}", "00".repeat(32))];
            let records = Lookup::Found(Found { value, ttl: 60, aliases: vec![], security });
            let host = &mut e.mail_hosts.as_mut().unwrap().hosts[0];
            host.tlsa = Some(vec![TlsaLookup { base, records }]);
        })
    };
    assert_eq!(with(Security::Indeterminate), "enforced", "nothing is known, nothing is said");
    assert_eq!(with(Security::Insecure), "enforced DANE105");
    assert_eq!(with(Security::Secure), "enforced DANE101");
}

#[test]
fn authorities_are_compared_where_they_are_known() {
    let with = |records: &[(u8, &str, &str)], issuer: &str| {
        spoilt(|e| {
            let host = &mut e.mail_hosts.as_mut().unwrap().hosts[0];
            host.sessions[0].tls.as_mut().unwrap().certificates[0].issuer = issuer.to_owned();
            let record = |(flags, tag, value): &(u8, &str, &str)| CaaRecord {
                flags: *flags,
                tag: (*tag).to_owned(),
                value: (*value).to_owned(),
            };
            let records = found(records.iter().map(record).collect());
            host.caa = Some(CaaLookup { owner: "good.test".parse().unwrap(), records });
        })
    };
    let issuer = "C=US, O=Let's Encrypt, CN=R11";
    assert_eq!(
        with(&[(0, "issue", "letsencrypt.org; validationmethods=dns-01")], issuer),
        "enforced"
    );
    assert_eq!(
        with(&[(0, "issue", "pki.goog"), (0, "issue", "LetsEncrypt.org")], issuer),
        "enforced"
    );
    assert_eq!(with(&[(0, "issue", "pki.goog")], issuer), "enforced CAA101");
    assert_eq!(with(&[(0, "issue", "pki.goog")], "O=Somebody"), "enforced", "an unknown authority");
    assert_eq!(with(&[(0, "issue", ";")], "O=Somebody"), "enforced CAA101");
    assert_eq!(with(&[(0, "issue", ";"), (0, "issue", "pki.goog")], "O=Somebody"), "enforced");
    // The certificate has no wildcard, so that issuewild says nothing about it.
    let wild = [(0, "issue", "letsencrypt.org"), (0, "issuewild", ";")];
    assert_eq!(with(&wild, issuer), "enforced");
    assert_eq!(with(&[(0, "iodef", "mailto:a@good.test")], issuer), "enforced");
    assert_eq!(with(&[(128, "iodef", "mailto:a@good.test")], issuer), "enforced");
    assert_eq!(with(&[(128, "future", "x")], issuer), "enforced CAA102");
    assert_eq!(with(&[(0, "future", "x")], issuer), "enforced");
}

#[test]
fn report_addresses_take_mail() {
    let to = |records, addresses| {
        spoilt(|e| {
            e.report_destinations = vec![ReportDestination::Mailto {
                uri: "mailto:tls@reports.test".to_owned(),
                domain: "reports.test".parse().unwrap(),
                records,
                addresses,
            }];
        })
    };
    let nothing = || sealpost_evidence::HostAddresses {
        ipv4: absent(AbsenceKind::NoSuchName),
        ipv6: absent(AbsenceKind::NoSuchName),
    };
    assert_eq!(to(found(vec![mx(10, "mx.reports.test")]), None), "enforced");
    assert_eq!(to(found(vec![mx(0, "")]), None), "enforced RPT115");
    assert_eq!(to(absent(AbsenceKind::NoSuchData), Some(addresses(9))), "enforced");
    assert_eq!(to(absent(AbsenceKind::NoSuchName), Some(nothing())), "enforced RPT115");
    assert_eq!(to(unknown(), None), "enforced RPT116");
}

#[test]
fn records_at_the_wrong_place_are_pointed_to_the_right_one() {
    let with = |at_apex: &str| {
        let mut evidence = good();
        evidence.surroundings = Some(Surroundings {
            texts: found(vec![text("v=spf1 -all"), text(at_apex)]),
            dmarc: absent(AbsenceKind::NoSuchName),
        });
        evidence
    };
    assert_eq!(judged(&with("v=STSv1; id=1;")), "enforced STS115");
    assert_eq!(judged(&with("v=TLSRPTv1; rua=mailto:a@good.test")), "enforced RPT120");
    assert_eq!(judged(&with("about v=STSv1")), "enforced");
    let publish = judge(&with("v=STSv1; id=1;")).findings[0].publish.clone();
    assert_eq!(publish.as_deref(), Some("_mta-sts.good.test. IN TXT \"v=STSv1; id=1;\""));
}

#[test]
fn a_provider_is_recognised_and_several_are_united() {
    let mut evidence = good();
    let mail = evidence.mail_hosts.as_mut().unwrap();
    mail.hosts.push(mail_host(30, "aspmx.l.google.com", 13));
    mail.hosts.push(mail_host(40, "good-test.mail.protection.outlook.com", 14));
    assert_eq!(judged(&evidence), "failing STS401 STS405");
    let findings = judge(&evidence).findings;
    let united = findings.iter().find(|finding| finding.rule.code == "STS405").unwrap();
    assert_eq!(united.message, "the provider is google-workspace and microsoft-365");
    assert_eq!(
        united.publish.as_deref(),
        Some(
            "mx: smtp.google.com\nmx: aspmx.l.google.com\nmx: *.aspmx.l.google.com\n\
             mx: *.mail.protection.outlook.com"
        )
    );
}
