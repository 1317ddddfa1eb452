//! The DNS.

use hickory_proto::{
    op::ResponseCode,
    rr::{RData, Record, RecordType},
};

use crate::client::{ask, ask_over_tcp, start};

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
