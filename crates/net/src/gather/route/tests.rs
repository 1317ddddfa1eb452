use std::net::SocketAddr;

use hickory_proto::rr::rdata::tlsa::{CertUsage, Matching, Selector};
use hickory_proto::rr::rdata::{CNAME, MX, SOA, TLSA};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::*;
use crate::DnssecMode;
use crate::gather::tests::{Place, a, dns_server, mx};
use crate::testing::{Authority, domain};

/// Vouches for everything but the names in `plain.test`, with a TTL of 60 seconds; if it is asked for
/// a CNAME record, with one of 7.
async fn resolver() -> SocketAddr {
    dns_server(|query| {
        let asked = query.queries[0].clone();
        let owner = asked.name().to_ascii();
        let name = |text: &str| Name::from_ascii(text).unwrap();
        let mut answer = query.into_response();
        let is_link = asked.query_type() == RecordType::CNAME;
        let ttl = if is_link { 7 } else { 60 };
        let mut add = |owner: &str, data: RData| {
            if [asked.query_type(), RecordType::CNAME].contains(&data.record_type()) {
                answer.add_answer(Record::from_rdata(name(owner), ttl, data));
            }
        };
        match owner.as_str() {
            "a.test." => {
                add(&owner, mx(0, "mx_1.a.test."));
                add(&owner, mx(1, "half.a.test."));
                let astray = Name::from_labels([&b"mx 2"[..], b"a", b"test"]).unwrap();
                add(&owner, RData::MX(MX::new(2, astray)));
            }
            "mx_1.a.test." => add(&owner, a("127.77.0.9")),
            "half.a.test." => {
                add(&owner, RData::CNAME(CNAME(name("mx.plain.test."))));
                if !is_link {
                    add("mx.plain.test.", a("127.77.0.9"));
                }
            }
            "_25._tcp.mx_1.a.test." | "_25._tcp.half.a.test." => {
                let digest = vec![7; 32];
                let (usage, selector) = (CertUsage::DaneEe, Selector::Spki);
                add(&owner, RData::TLSA(TLSA::new(usage, selector, Matching::Sha256, digest)));
            }
            _ => {}
        }
        let leads_astray =
            answer.answers.iter().any(|record| record.name.to_ascii().ends_with("plain.test."));
        answer.metadata.authentic_data = !leads_astray;
        if answer.answers.iter().all(|record| record.record_type() != asked.query_type()) {
            let start = SOA::new(name("test."), name("test."), 1, 60, 60, 60, 60);
            answer.add_authority(Record::from_rdata(name("test."), 60, RData::SOA(start)));
        }
        Some(answer)
    })
    .await
}

#[tokio::test]
async fn a_host_with_an_underscore_is_one_and_an_extra_question_has_its_ttl() {
    let mut place = Place::new(&Authority::root("Root"), resolver().await);
    place.settings.dnssec = DnssecMode::TrustedResolver;
    let network = place.network();
    let next_hop = NextHop::of_domain(domain("a.test"));
    let route = network.mail_route(&next_hop).await;
    let seen = |host: &RouteHost| (host.name.clone(), host.tlsa.iter().flatten().count());
    let expected = [("mx_1.a.test".to_owned(), 1), ("half.a.test".to_owned(), 1)];
    assert_eq!(route.hosts.iter().map(seen).collect::<Vec<_>>(), expected);
    assert_eq!(route.hosts.iter().map(|host| host.link_ttl).collect::<Vec<_>>(), [None, Some(7)]);
    assert_eq!(route.ttl(), 7);
    // No policy can allow the other.
    assert_eq!(network.mx_hosts(&next_hop.domain).await, Ok(vec![domain("half.a.test")]));
}

/// The bound of a look at a domain is another thing.
#[tokio::test]
async fn every_host_that_a_mail_server_may_reach_is_asked_about() {
    let resolver = dns_server(|query| {
        let asked = query.queries[0].clone();
        let mut answer = query.into_response();
        let owner = asked.name().clone();
        match asked.query_type() {
            RecordType::MX => {
                for number in 0..70 {
                    let data = mx(100 - number, &format!("m{number}.a.test."));
                    answer.add_answer(Record::from_rdata(owner.clone(), 60, data));
                }
            }
            RecordType::A => {
                answer.add_answer(Record::from_rdata(owner, 60, a("127.77.0.9")));
            }
            _ => {}
        }
        Some(answer)
    })
    .await;
    let mut place = Place::new(&Authority::root("Root"), resolver);
    place.settings.limits.mail_hosts = 1;
    let network = place.network();
    let next_hop = NextHop::of_domain(domain("a.test"));
    let route = network.mail_route(&next_hop).await;
    assert_eq!((route.hosts.len(), route.left_out), (64, 6));
    // Those of lowest preference.
    assert_eq!(route.hosts[0].name, "m69.a.test");
    assert!(route.hosts.iter().all(|host| host.addresses.ipv4.value().is_some()));
    assert_eq!(network.mx_hosts(&next_hop.domain).await.map(|hosts| hosts.len()), Ok(70));
}
