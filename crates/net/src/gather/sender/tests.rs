//! What counts as a policy, reply by reply.

use sealpost_evidence::{Certificate, ConnectionFaultKind, ConnectionStage, HttpReply, Octets};

use super::*;

const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mx1.a.test\nmax_age: 86400\n";

fn session(faults: Vec<CertificateFault>) -> TlsSession {
    let certificate = Certificate {
        subject: String::new(),
        issuer: String::new(),
        common_name: None,
        dns_names: vec!["mta-sts.a.test".to_owned()],
        not_before: "2030-01-01T00:00:00Z".parse().unwrap(),
        not_after: "2031-01-01T00:00:00Z".parse().unwrap(),
        key: String::new(),
        sha256: String::new(),
        der: Octets::default(),
    };
    TlsSession {
        version: "TLSv1.3".to_owned(),
        cipher_suite: String::new(),
        server_name: "mta-sts.a.test".to_owned(),
        certificates: vec![certificate],
        faults,
    }
}

fn good_reply() -> HttpReply {
    HttpReply {
        status: 200,
        content_type: Some("text/plain; charset=utf-8".to_owned()),
        content_encoding: None,
        location: None,
        body: Octets::new(POLICY),
        body_end: BodyEnd::Complete,
    }
}

fn judge(tls: Option<TlsSession>, reply: HttpReply) -> Result<FetchedPolicy, PolicyFault> {
    let address = "127.0.0.1".parse().unwrap();
    usable(PolicyFetch { address, took_ms: 1, tls, outcome: FetchOutcome::Replied(reply) })
}

#[test]
fn a_good_reply_is_a_policy() {
    let policy = judge(Some(session(vec![])), good_reply()).unwrap();
    assert_eq!(policy.text(), POLICY.as_bytes());
    for end in [BodyEnd::Complete, BodyEnd::ClosedCleanly] {
        assert!(judge(Some(session(vec![])), HttpReply { body_end: end, ..good_reply() }).is_ok());
    }
}

#[test]
fn whatever_else_came_is_none() {
    let bad = |reply: HttpReply, expected: PolicyFault| {
        assert_eq!(judge(Some(session(vec![])), reply), Err(expected));
    };
    let reply = good_reply;
    bad(HttpReply { status: 301, ..reply() }, PolicyFault::Status(301)); // no redirect is followed
    bad(HttpReply { status: 204, ..reply() }, PolicyFault::Status(204)); // 200 and no other
    bad(HttpReply { content_type: None, ..reply() }, PolicyFault::MediaType(None));
    let html = Some("text/html".to_owned());
    bad(HttpReply { content_type: html.clone(), ..reply() }, PolicyFault::MediaType(html));
    let gzip = "gzip".to_owned();
    let encoded = HttpReply { content_encoding: Some(gzip.clone()), ..reply() };
    bad(encoded, PolicyFault::Encoding(gzip));
    for end in [BodyEnd::Cut, BodyEnd::OverLimit, BodyEnd::TimedOut] {
        bad(HttpReply { body_end: end, ..reply() }, PolicyFault::Body(end));
    }
    let cut = HttpReply { body: Octets::new("version: STSv1\nmode: enf"), ..reply() };
    assert!(matches!(judge(Some(session(vec![])), cut), Err(PolicyFault::Policy(_))));
}

#[test]
fn nothing_that_came_under_a_faulty_certificate_counts() {
    let faults = vec![CertificateFault::SelfSigned];
    let judged = judge(Some(session(faults.clone())), good_reply());
    assert_eq!(judged, Err(PolicyFault::Certificate(faults)));
    assert_eq!(judge(None, good_reply()), Err(PolicyFault::Certificate(vec![])));
}

#[test]
fn of_several_addresses_the_one_that_came_furthest_is_remembered() {
    let refused = || {
        PolicyFault::Connection(ConnectionFault {
            stage: ConnectionStage::Connect,
            kind: ConnectionFaultKind::Refused,
            text: "connection refused".to_owned(),
        })
    };
    let check = |faults: Vec<PolicyFault>, expected| {
        let address = "127.0.0.1".parse().unwrap();
        let faults = faults.into_iter().map(|fault| AddressFault { address, fault }).collect();
        assert_eq!(PolicyFetchError::Unusable(faults).failure(), expected);
    };
    check(vec![refused(), PolicyFault::Status(404)], FetchFailure::NotFetched);
    check(vec![refused(), PolicyFault::Certificate(vec![])], FetchFailure::CertificateInvalid);
    let invalid = PolicyFault::Policy(FetchedPolicy::parse(*b"mode: enforce").unwrap_err());
    check(vec![PolicyFault::Certificate(vec![]), invalid], FetchFailure::PolicyInvalid);
    assert_eq!(PolicyFetchError::NoAddress.failure(), FetchFailure::NotFetched);
}
