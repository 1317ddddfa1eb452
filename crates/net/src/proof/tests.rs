//! The proof, tried on resolvers on loopback of every kind.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, NULL};
use hickory_proto::rr::{RData, Record, RecordType};
use sealpost_runtime::Stopwatch;
use tokio::net::UdpSocket;

use super::*;
use crate::dns::tests::{Way, answerer};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);

const SECURE: &str = "secure.test/A";
const BOGUS: &str = "bogus.test/A";
const BOGUS_TOO: &str = "bogus2.test/A";

/// What a resolver says about one question.
#[derive(Clone, Copy)]
enum Says {
    /// Data, and that they are secure.
    Secure,
    /// Data.
    Data,
    /// Data with a signature.
    Signed,
    /// That there is no such record.
    NoData,
    Failure(ResponseCode),
    /// Data over TCP alone.
    OverTcp(&'static Self),
    Nothing,
}

use Says::{Data, Failure, NoData, Nothing, OverTcp, Secure, Signed};

const FAILURE: Says = Failure(ResponseCode::ServFail);

/// A resolver that says this about the secure name, about the bogus ones, and about the bogus ones
/// when it is told not to check.
async fn resolver(secure: Says, bogus: Says, bogus_unchecked: Says) -> SocketAddr {
    answerer(move |query, way| {
        assert!(query.metadata.authentic_data, "AD asks for the AD bit (RFC 6840 §5.7)");
        assert!(query.edns.as_ref().unwrap().flags().dnssec_ok);
        let says = match (query.queries[0].name().to_string().as_str(), checking(&query)) {
            ("secure.test.", Checking::Resolver) => secure,
            (_, Checking::Resolver) => bogus,
            (_, Checking::Ours) => bogus_unchecked,
        };
        answer(&query, says, way).into_iter().collect()
    })
    .await
}

fn checking(query: &Message) -> Checking {
    if query.metadata.checking_disabled { Checking::Ours } else { Checking::Resolver }
}

fn answer(query: &Message, says: Says, way: Way) -> Option<Vec<u8>> {
    let mut message = query.clone().into_response();
    message.metadata.authentic_data = matches!(says, Secure);
    match says {
        Secure | Data | Signed => {
            let mut add = |data| {
                message.add_answer(Record::from_rdata(query.queries[0].name().clone(), 60, data));
            };
            add(RData::A(A::new(127, 0, 0, 1)));
            if matches!(says, Signed) {
                // RFC 4034 §3.1: eighteen octets, the root, and a signature of one octet.
                let rdata = NULL::with(vec![0; 20]);
                add(RData::Unknown { code: RecordType::RRSIG, rdata });
            }
        }
        NoData => {}
        Failure(code) => message.metadata.response_code = code,
        OverTcp(_) if way == Way::Udp => message.metadata.truncation = true,
        OverTcp(says) => return answer(query, *says, way),
        Nothing => return None,
    }
    Some(message.to_vec().unwrap())
}

fn probes(bogus: &[&str]) -> Probes {
    Probes::new(SECURE.parse().unwrap(), bogus.iter().map(|text| text.parse().unwrap()))
}

async fn prove(secure: Says, bogus: Says, unchecked: Says) -> Result<(), ResolverFault> {
    let resolver = resolver(secure, bogus, unchecked).await;
    prove_resolver(resolver, &probes(&[BOGUS, BOGUS_TOO]), PATIENCE).await
}

#[tokio::test]
async fn a_resolver_that_validates_is_proven() {
    assert_eq!(prove(Secure, FAILURE, Data).await, Ok(()));
    assert_eq!(prove(OverTcp(&Secure), OverTcp(&FAILURE), OverTcp(&Data)).await, Ok(()));
}

#[tokio::test]
async fn one_name_that_is_still_bogus_is_enough() {
    let resolver = answerer(|query, way| {
        let says = match (query.queries[0].name().to_string().as_str(), checking(&query)) {
            ("secure.test.", _) => Secure,
            ("bogus.test.", _) => NoData, // its owner has given it up
            (_, Checking::Resolver) => FAILURE,
            (_, Checking::Ours) => Data,
        };
        answer(&query, says, way).into_iter().collect()
    })
    .await;
    let proven = |bogus: &'static str| async move {
        prove_resolver(resolver, &probes(&[bogus]), PATIENCE).await.is_ok()
    };
    assert!(prove_resolver(resolver, &probes(&[BOGUS, BOGUS_TOO]), PATIENCE).await.is_ok());
    assert!(proven(BOGUS_TOO).await);
    assert!(!proven(BOGUS).await);
}

#[tokio::test]
async fn what_is_known_not_to_validate_is_told_from_what_is_not_known() {
    let refused = Failure(ResponseCode::Refused);
    for (secure, bogus, unchecked, expected) in [
        // It does not validate.
        (Data, Data, Data, "without the AD bit"),
        (Data, FAILURE, Data, "without the AD bit"),
        // It sets AD on what it likes, or lets everything pass (`val-permissive-mode`).
        (Secure, Signed, Signed, "hands out bogus.test./A"),
        // It is not known.
        (FAILURE, FAILURE, FAILURE, "secure.test./A: the resolver answered SERVFAIL"),
        (refused, refused, refused, "secure.test./A: the resolver answered Refused"),
        (NoData, FAILURE, Data, "secure.test./A: there is no such record"),
        (Secure, FAILURE, FAILURE, "bogus.test./A: the resolver answered SERVFAIL, even unchecked"),
        (Secure, FAILURE, NoData, "bogus.test./A: there is no such record; bogus2.test./A:"),
        (Secure, FAILURE, Failure(ResponseCode::NXDomain), "there is no such record"),
        (Secure, Data, Data, "bogus.test./A: it is not signed any more"),
        (Secure, NoData, NoData, "bogus.test./A: there is no such record"),
        (Secure, refused, Data, "bogus.test./A: the resolver answered Refused"), // a block list
        (Secure, Secure, Secure, "bogus.test./A: it is signed well by now"),
    ] {
        let fault = prove(secure, bogus, unchecked).await.unwrap_err();
        assert!(fault.to_string().contains(expected), "{expected}: {fault}");
        let is_known = fault.to_string().starts_with("trust ");
        assert_eq!(fault.could_not_tell(), !is_known, "{fault}");
    }
}

#[tokio::test]
async fn without_a_bogus_name_nothing_is_proven() {
    let resolver = resolver(Secure, FAILURE, Data).await;
    let fault = prove_resolver(resolver, &probes(&[]), PATIENCE).await.unwrap_err();
    assert!(matches!(fault, ResolverFault::NothingBogus { .. }), "{fault}");
}

#[tokio::test]
async fn silence_is_waited_for_in_bounds_and_proves_nothing() {
    let short = Duration::from_millis(300);
    let watch = Stopwatch::start();
    for (secure, bogus) in [(Nothing, FAILURE), (Secure, Nothing), (Nothing, Nothing)] {
        let resolver = resolver(secure, bogus, Nothing).await;
        let fault = prove_resolver(resolver, &probes(&[BOGUS]), short).await.unwrap_err();
        assert!(fault.could_not_tell(), "{fault}");
        assert!(fault.to_string().contains("within the deadline"), "{fault}");
    }
    assert!(watch.elapsed() < PATIENCE);

    let nobody = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap();
    let fault = prove_resolver(nobody, &probes(&[BOGUS]), PATIENCE).await.unwrap_err();
    assert!(matches!(fault, ResolverFault::NoAnswer { .. }), "{fault}");
}

//= https://www.rfc-editor.org/rfc/rfc7672#section-2.1.1
//= type=test
//# a security-aware stub resolver MUST NOT place any reliance on
//# signature validation allegedly performed on its behalf, except
//# when the security-aware stub resolver obtained the data in
//# question from a trusted security-aware recursive name server via a
//# secure channel.
#[tokio::test]
async fn a_resolver_elsewhere_is_not_even_asked() {
    for text in ["192.0.2.53:53", "[2001:db8::53]:53", "0.0.0.0:53", "[::]:53"] {
        let resolver = text.parse().unwrap();
        let fault = prove_resolver(resolver, &probes(&[BOGUS]), PATIENCE).await.unwrap_err();
        assert_eq!(fault, ResolverFault::Elsewhere { resolver });
        assert!(!fault.could_not_tell());
    }
}

#[test]
fn probes_are_read_and_written() {
    for (text, expected) in [
        ("dnssec-failed.org", "dnssec-failed.org./A"),
        ("dnssec-failed.org.", "dnssec-failed.org./A"),
        ("./SOA", "./SOA"),
        ("example.com/mx", "example.com./MX"),
    ] {
        let probe: Probe = text.parse().unwrap();
        assert_eq!(probe.to_string(), expected);
        assert_eq!(probe.to_string().parse(), Ok(probe));
    }
    for (text, expected) in [
        ("", "no DNS name"),
        ("/SOA", "no DNS name"),
        ("a..b", "no DNS name"),
        ("a\u{1b}b", "`a\\u{1b}b` is no DNS name"),
        ("a.test/NOSUCH", "`NOSUCH` is no type"),
        ("a.test/", "`` is no type"),
    ] {
        let error = text.parse::<Probe>().unwrap_err();
        assert!(error.to_string().contains(expected), "{text}: {error}");
    }
}

#[test]
fn the_default_is_the_root_and_several_names() {
    let probes = Probes::default();
    assert_eq!(probes.secure.to_string(), "./SOA");
    assert_eq!(probes.bogus.len(), super::BOGUS.len());
    let many = std::iter::repeat_n("bogus.test".parse::<Probe>().unwrap(), 100);
    assert_eq!(probes.with_bogus(many).bogus.len(), MOST_BOGUS);
}
