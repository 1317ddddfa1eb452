//! The DNS.

use hickory_proto::{
    op::ResponseCode,
    rr::{
        RData, Record, RecordType,
        rdata::opt::{EdnsCode, EdnsOption},
    },
};

use crate::client::{Dnssec, ask, ask_about, ask_over_tcp, start};

#[tokio::test]
async fn the_dns_answers_like_a_resolver() {
    let lab = start().await;
    let answer = ask(&lab, "good.test.", RecordType::MX).await.unwrap();
    assert!(answer.metadata.recursion_available && !answer.metadata.authentic_data);
    match answer.answers.first().map(|record| &record.data) {
        Some(RData::MX(mx)) => assert_eq!(mx.exchange.to_ascii(), "mx1.good.test."),
        other => panic!("{other:?}"),
    }
    let code = async |name, record_type| {
        ask(&lab, name, record_type).await.map(|answer| answer.metadata.response_code)
    };
    let text = RecordType::TXT;
    assert_eq!(code("_mta-sts.good.test.", text).await, Some(ResponseCode::NoError));
    assert_eq!(code("_mta-sts.domain-missing.test.", text).await, Some(ResponseCode::NXDomain));
    assert_eq!(
        code("_mta-sts.sts-record-servfail.test.", text).await,
        Some(ResponseCode::ServFail)
    );
    assert_eq!(code("_mta-sts.sts-record-refused.test.", text).await, Some(ResponseCode::Refused));
    assert_eq!(code("_mta-sts.sts-record-timeout.test.", text).await, None);
    assert_eq!(code("example.com.", RecordType::MX).await, Some(ResponseCode::Refused));

    let aliased = ask(&lab, "_mta-sts.good-delegated.test.", text).await.unwrap();
    let kinds: Vec<_> = aliased.answers.iter().map(Record::record_type).collect();
    assert_eq!(kinds, [RecordType::CNAME, RecordType::TXT]);
    lab.stop().await;
}

#[tokio::test]
async fn a_large_answer_needs_tcp() {
    let lab = start().await;
    let name = "_mta-sts.sts-record-over-tcp.test.";
    let short = ask(&lab, name, RecordType::TXT).await.unwrap();
    assert!(short.metadata.truncation && short.answers.is_empty());
    let whole = ask_over_tcp(&lab, name, RecordType::TXT).await;
    assert!(!whole.metadata.truncation);
    assert_eq!(whole.answers.len(), 1);
}

/// Of each answer: its code, the AD bit, whether there are signatures, and the extended error.
#[tokio::test]
async fn the_dns_validates_for_those_who_ask_for_it() {
    use ResponseCode::{NXDomain, NoError, ServFail};
    let lab = start().await;
    let (a, mx) = (RecordType::A, RecordType::MX);
    for (name, record_type, dnssec, expected) in [
        ("good.test.", mx, Dnssec::Unaware, (NoError, false, false, None)),
        ("good.test.", mx, Dnssec::Aware, (NoError, true, false, None)),
        ("good.test.", mx, Dnssec::Ok, (NoError, true, true, None)),
        ("good.test.", mx, Dnssec::CheckingDisabled, (NoError, false, true, None)),
        ("nobody.test.", mx, Dnssec::Ok, (NXDomain, true, true, None)),
        ("good.test.", a, Dnssec::Ok, (NoError, true, true, None)),
        ("unsigned.test.", mx, Dnssec::Ok, (NoError, false, false, None)),
        ("unsigned.test.", RecordType::DS, Dnssec::Ok, (NoError, true, true, None)),
        ("nobody.unsigned.test.", a, Dnssec::Ok, (NXDomain, false, false, None)),
        ("aspmx.l.google.com.", a, Dnssec::Ok, (NoError, false, false, None)),
        ("bogus-altered.test.", mx, Dnssec::Unaware, (ServFail, false, false, Some(6))),
        ("bogus-altered.test.", mx, Dnssec::Ok, (ServFail, false, false, Some(6))),
        ("bogus-expired.test.", mx, Dnssec::Ok, (ServFail, false, false, Some(6))),
        ("bogus-wrong-key.test.", mx, Dnssec::Ok, (ServFail, false, false, Some(6))),
        ("bogus-altered.test.", mx, Dnssec::CheckingDisabled, (NoError, false, true, None)),
        ("bogus-wrong-key.test.", mx, Dnssec::CheckingDisabled, (NoError, false, true, None)),
        ("mx-servfail.test.", mx, Dnssec::Ok, (ServFail, false, false, None)),
    ] {
        let answer = ask_about(&lab, name, record_type, dnssec).await.unwrap();
        let records = || answer.answers.iter().chain(&answer.authorities);
        let is_signed = records().any(|record| record.record_type() == RecordType::RRSIG);
        let options = answer.edns.as_ref().unwrap().options();
        let error = match options.get(EdnsCode::from(15)) {
            Some(EdnsOption::Unknown(15, code)) => Some(u16::from_be_bytes([code[0], code[1]])),
            _ => None,
        };
        let metadata = &answer.metadata;
        let seen = (metadata.response_code, metadata.authentic_data, is_signed, error);
        assert_eq!(seen, expected, "{name} {dnssec:?}");
    }
}

#[tokio::test]
async fn the_trust_anchors_are_the_keys_of_the_lab() {
    let lab = start().await;
    let anchors = fs_err::read_to_string(lab.trust_anchors_file()).unwrap();
    let lines: Vec<&str> = anchors.lines().collect();
    assert_eq!(lines.len(), 2);
    for (zone, line) in [".", "test."].into_iter().zip(lines) {
        let keys = ask(&lab, zone, RecordType::DNSKEY).await.unwrap();
        let [key] = keys.answers.as_slice() else { panic!("{keys:?}") };
        assert_eq!(line, format!("{zone} 300 IN DNSKEY {}", key.data));
    }
    let settings = fs_err::read_to_string(lab.settings_file()).unwrap();
    assert!(settings.contains("trust_anchors = \"trust-anchors.txt\""), "{settings}");
}
