//! Tests of the whole: a DNS server, policy hosts and MX hosts on loopback.

use std::net::Ipv4Addr;
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, MX, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use sealpost_evidence::{
    Absence, BodyEnd, ConnectionFaultKind, Found, LookupFault, LookupFaultKind, Security, StartTls,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;

use super::*;
use crate::testing::{
    Authority, Identity, TODAY, accept, clock, deadlines, domain, params, serve, serve_at,
};
use crate::{DnssecMode, Freshness, Limits, PolicyFetchError, Settings, TrustRoots};

const BODY: &str = "version: STSv1\r\nmode: enforce\r\nmx: mx1.a.test\r\nmax_age: 86400\r\n";

/// Names, and what is at them. A name that is not listed does not exist; the name `slow.test` gets
/// no answer.
pub(crate) type Zone = Vec<(&'static str, RData)>;

pub(crate) fn a(address: &str) -> RData {
    RData::A(A(address.parse().unwrap()))
}

fn aaaa(address: &str) -> RData {
    RData::AAAA(AAAA(address.parse().unwrap()))
}

pub(crate) fn mx(preference: u16, exchange: &str) -> RData {
    RData::MX(MX::new(preference, Name::from_ascii(exchange).unwrap()))
}

fn txt(text: &str) -> RData {
    RData::TXT(TXT::new(vec![text.to_owned()]))
}

pub(crate) async fn resolver(zone: Zone) -> SocketAddr {
    recording_resolver(zone, |_| {}).await
}

/// A resolver that tells of each question.
async fn recording_resolver(zone: Zone, hear: impl Fn(&Message) + Send + 'static) -> SocketAddr {
    dns_server(move |query| {
        hear(&query);
        let asked = query.queries[0].clone();
        let owner = asked.name().to_ascii().to_ascii_lowercase();
        if owner.ends_with("slow.test.") {
            return None;
        }
        let mut answer = query.into_response();
        let here = || zone.iter().filter(|(name, _)| format!("{name}.") == owner);
        if here().next().is_none() {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        for (_, data) in here().filter(|(_, data)| data.record_type() == asked.query_type()) {
            answer.add_answer(Record::from_rdata(asked.name().clone(), 60, data.clone()));
        }
        Some(answer)
    })
    .await
}

pub(crate) async fn dns_server(
    answer: impl Fn(Message) -> Option<Message> + Send + 'static,
) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            if let Some(answer) = answer(Message::from_vec(&buffer[..length]).unwrap()) {
                socket.send_to(&answer.to_vec().unwrap(), from).await.unwrap();
            }
        }
    });
    address
}

/// A policy host and an MX host with the same certificate, on the addresses given.
async fn https(identity: &Identity, address: SocketAddr) -> SocketAddr {
    let acceptor = identity.acceptor();
    serve_at(address, move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut stream) = accept(&acceptor, stream).await else { return };
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.unwrap_or_default();
            let asked = String::from_utf8_lossy(&request[..length]).into_owned();
            let reply = if asked.starts_with("GET /.well-known/mta-sts.txt ") {
                format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{BODY}")
            } else {
                "HTTP/1.1 404 Not Found\r\n\r\n".to_owned()
            };
            let _ = stream.write_all(reply.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await
}

async fn smtp(identity: &Identity, address: SocketAddr) -> SocketAddr {
    let acceptor = identity.acceptor();
    serve_at(address, move |mut stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut line = [0; 256];
            for reply in ["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n", "220 go ahead\r\n"] {
                stream.write_all(reply.as_bytes()).await.unwrap();
                if reply.starts_with("220 go") {
                    break;
                }
                let _ = stream.read(&mut line).await;
            }
            let Some(mut stream) = accept(&acceptor, stream).await else { return };
            for reply in ["250 mx\r\n", "221 bye\r\n"] {
                let _ = stream.read(&mut line).await;
                let _ = stream.write_all(reply.as_bytes()).await;
            }
            let _ = stream.shutdown().await;
        }
    })
    .await
}

pub(crate) struct Place {
    pub(crate) settings: Settings,
    _folder: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new(root: &Authority, resolver: SocketAddr) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ca.pem");
        fs_err::write(&file, root.0.pem()).unwrap();
        let settings = Settings {
            resolvers: vec![resolver],
            trust_roots: TrustRoots::File(file),
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
            ehlo_name: "probe.example".to_owned(),
            dnssec: DnssecMode::Off,
            deadlines: deadlines(),
            ..Settings::default()
        };
        Self { settings, _folder: folder }
    }

    pub(crate) fn network(self) -> Network {
        Network::new(self.settings, clock()).unwrap()
    }
}

fn any() -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)
}

#[tokio::test]
async fn a_healthy_domain_is_seen_from_all_sides() {
    let root = Authority::root("Root");
    let identity = root.issue(&params(&["mta-sts.a.test", "mx1.a.test"]));
    let https_port = https(&identity, any()).await.port();
    let smtp_port = smtp(&identity, any()).await.port();
    https(&identity, SocketAddr::new("::1".parse().unwrap(), https_port)).await;
    let resolver = resolver(vec![
        ("_mta-sts.a.test", txt("v=STSv1; id=1;")),
        ("_smtp._tls.a.test", txt("v=TLSRPTv1; rua=mailto:r@a.test")),
        ("mta-sts.a.test", a("127.0.0.1")),
        ("mta-sts.a.test", aaaa("::1")),
        ("a.test", mx(10, "mx1.a.test.")),
        ("a.test", mx(20, "bad_name.a.test.")),
        ("a.test", mx(5, "mx1.a.test.")),
        ("mx1.a.test", a("127.0.0.1")),
        ("mx1.a.test", a("127.77.0.9")), // nobody there
        ("mx1.a.test", a("10.0.0.1")),   // not globally routable
    ])
    .await;
    let mut place = Place::new(&root, resolver);
    place.settings.https_port = https_port;
    place.settings.smtp_port = smtp_port;
    let network = place.network();
    let evidence = network.gather(&domain("a.test"), Scope::all()).await;

    assert_eq!(evidence.format, FORMAT);
    assert!(evidence.observed >= TODAY.parse().unwrap(), "by the clock that was given");
    assert_eq!(evidence.observer.ehlo_name, "probe.example");
    assert_eq!(evidence.observer.resolvers, [resolver.to_string()]);
    assert!(evidence.observer.trust_roots.contains("ca.pem"));
    assert_eq!(evidence.sts_records.as_ref().unwrap().value().unwrap().len(), 1);
    assert_eq!(evidence.tls_rpt_records.as_ref().unwrap().value().unwrap().len(), 1);

    let policy_host = evidence.policy_host.unwrap();
    assert_eq!(policy_host.name.as_str(), "mta-sts.a.test");
    let shown: Vec<String> =
        policy_host.fetches.iter().map(|fetch| fetch.address.to_string()).collect();
    assert_eq!(shown, ["127.0.0.1", "::1"], "every address, IPv4 first");
    for fetch in &policy_host.fetches {
        assert!(fetch.tls.as_ref().unwrap().is_verified(), "{fetch:?}");
        let reply = fetch.reply().unwrap();
        assert_eq!((reply.status, reply.body_end), (200, BodyEnd::ClosedCleanly));
        assert_eq!(reply.body.as_slice(), BODY.as_bytes());
    }

    let mail_hosts = evidence.mail_hosts.unwrap();
    assert_eq!(mail_hosts.source, MxSource::Records);
    let [host, bad] = mail_hosts.hosts.as_slice() else { panic!("{mail_hosts:?}") };
    assert_eq!((host.name.as_str(), host.preference), ("mx1.a.test", 5), "once, by preference");
    assert_eq!((bad.domain.as_ref(), bad.addresses.as_ref()), (None, None));
    let [private, good, refused] = host.sessions.as_slice() else { panic!("{host:?}") };
    assert_eq!(private.fault.as_ref().unwrap().kind, ConnectionFaultKind::NotRoutable);
    assert_eq!(good.fault, None);
    assert_eq!(good.starttls, StartTls::Accepted);
    assert_eq!((&private.outdated_tls, &refused.outdated_tls), (&None, &None));
    assert!(good.tls.as_ref().unwrap().is_verified());
    assert_eq!(refused.fault.as_ref().unwrap().kind, ConnectionFaultKind::Refused);
}

#[tokio::test]
async fn only_what_was_asked_for_is_looked_at() {
    let root = Authority::root("Root");
    let resolver = resolver(vec![("a.test", mx(0, "."))]).await;
    let network = Place::new(&root, resolver).network();
    let evidence = network.gather(&domain("a.test"), Scope::of(&[Part::Mx])).await;
    assert!(evidence.sts_records.is_none() && evidence.policy_host.is_none());
    assert!(evidence.tls_rpt_records.is_none());
    let mail_hosts = evidence.mail_hosts.unwrap();
    assert_eq!((mail_hosts.source, mail_hosts.hosts.len()), (MxSource::Null, 0));
    let evidence = network.gather(&domain("a.test"), Scope::of(&[Part::Sts])).await;
    assert!(evidence.mail_hosts.is_none() && evidence.policy_host.is_some());
}

#[tokio::test]
async fn the_domain_itself_is_the_host_without_mx_records() {
    let root = Authority::root("Root");
    let identity = root.issue(&params(&["a.test"]));
    let resolver = resolver(vec![("a.test", a("127.0.0.1"))]).await;
    let mut place = Place::new(&root, resolver);
    place.settings.smtp_port = smtp(&identity, any()).await.port();
    let network = place.network();
    let evidence = network.gather(&domain("a.test"), Scope::of(&[Part::Mx])).await;
    let mail_hosts = evidence.mail_hosts.unwrap();
    assert_eq!(mail_hosts.source, MxSource::Implicit);
    let [host] = mail_hosts.hosts.as_slice() else { panic!("{mail_hosts:?}") };
    assert_eq!((host.name.as_str(), host.preference), ("a.test", 0));
    assert!(host.sessions[0].tls.as_ref().unwrap().is_verified());

    let gone = network.gather(&domain("b.test"), Scope::all()).await;
    assert_eq!(gone.mail_hosts.unwrap().source, MxSource::NoSuchDomain);
    assert!(gone.sts_records.unwrap().is_absent());
    let policy_host = gone.policy_host.unwrap();
    assert!(policy_host.addresses.none_exist() && policy_host.fetches.is_empty());
}

#[tokio::test]
async fn what_does_not_answer_is_unknown_and_the_whole_ends_in_time() {
    let root = Authority::root("Root");
    let silent = serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let resolver = resolver(vec![
        ("mta-sts.a.test", a("127.0.0.1")),
        ("a.test", mx(1, "mx.a.test.")),
        ("a.test", mx(2, "mx.slow.test.")),
        ("mx.a.test", a("127.0.0.1")),
    ])
    .await;
    let mut place = Place::new(&root, resolver);
    place.settings.https_port = silent.port();
    place.settings.smtp_port = silent.port();
    place.settings.deadlines =
        crate::Deadlines { domain: Duration::from_millis(700), ..crate::Deadlines::default() };
    let network = place.network();
    let evidence = network.gather(&domain("a.test"), Scope::all()).await;
    assert!((600..5_000).contains(&evidence.took_ms), "{}", evidence.took_ms);
    let fetch = &evidence.policy_host.unwrap().fetches[0];
    assert_eq!(fetch.fault().unwrap().kind, ConnectionFaultKind::TimedOut);
    let mail_hosts = evidence.mail_hosts.unwrap();
    let [silent, slow] = mail_hosts.hosts.as_slice() else { panic!("{mail_hosts:?}") };
    assert_eq!(silent.sessions[0].fault.as_ref().unwrap().kind, ConnectionFaultKind::TimedOut);
    let slow = slow.addresses.as_ref().unwrap();
    for fault in [slow.ipv4.fault(), slow.ipv6.fault()] {
        assert_eq!(fault.unwrap().kind, LookupFaultKind::TimedOut);
    }
    let nothing = network.gather(&domain("slow.test"), Scope::all()).await;
    assert_eq!(nothing.mail_hosts.unwrap().source, MxSource::Unknown);
    assert!(nothing.sts_records.unwrap().fault().is_some());
}

#[tokio::test]
async fn what_waits_for_its_turn_too_long_is_not_tried() {
    let root = Authority::root("Root");
    let silent = serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let resolver =
        resolver(vec![("mta-sts.a.test", a("127.0.0.1")), ("mta-sts.a.test", a("127.0.0.2"))])
            .await;
    let mut place = Place::new(&root, resolver);
    place.settings.https_port = silent.port();
    place.settings.limits = Limits { parallel: 1, ..Limits::default() };
    place.settings.deadlines.domain = Duration::from_millis(500);
    let evidence = place.network().gather(&domain("a.test"), Scope::of(&[Part::Sts])).await;
    let kinds: Vec<_> = evidence
        .policy_host
        .unwrap()
        .fetches
        .iter()
        .map(|fetch| fetch.fault().unwrap().kind)
        .collect();
    assert_eq!(kinds, [ConnectionFaultKind::TimedOut, ConnectionFaultKind::Local]);
}

#[test]
fn the_source_follows_from_the_look_up() {
    let found = |names: &[(u16, &str)]| {
        Lookup::Found(Found {
            value: names
                .iter()
                .map(|(preference, name)| MxRecord {
                    preference: *preference,
                    exchange: (*name).to_owned(),
                })
                .collect::<Vec<_>>(),
            ttl: 1,
            aliases: vec![],
            security: Security::Indeterminate,
        })
    };
    let absent = |kind| {
        Lookup::Absent(Absence { kind, ttl: 0, aliases: vec![], security: Security::Indeterminate })
    };
    let unknown =
        Lookup::Unknown(LookupFault { kind: LookupFaultKind::TimedOut, text: "x".to_owned() });
    assert_eq!(source(&found(&[(0, "")])), MxSource::Null);
    assert_eq!(source(&found(&[(0, ""), (10, "mx.a.test")])), MxSource::Records);
    assert_eq!(source(&absent(AbsenceKind::NoSuchName)), MxSource::NoSuchDomain);
    assert_eq!(source(&unknown), MxSource::Unknown);
    //= https://www.rfc-editor.org/rfc/rfc5321#section-5.1
    //= type=test
    //# If an empty list of MXs is returned,
    //# the address is treated as if it was associated with an implicit MX
    //# RR, with a preference of 0, pointing to that host.
    assert_eq!(source(&absent(AbsenceKind::NoSuchData)), MxSource::Implicit);
}

#[test]
fn hosts_come_by_preference_each_once() {
    let records = [(20, "b"), (10, "c"), (10, "a"), (0, ""), (30, "a"), (5, "b")]
        .map(|(preference, name)| MxRecord { preference, exchange: name.to_owned() });
    let expected = [("b", 5), ("a", 10), ("c", 10)].map(|(name, p)| (name.to_owned(), p));
    assert_eq!(hosts(records.iter()), expected);
}

#[test]
fn too_many_addresses_are_shared_by_the_families() {
    let of = |ipv4: u8, ipv6: u16| HostAddresses {
        ipv4: Lookup::Found(Found {
            value: (0..ipv4).map(|n| Ipv4Addr::new(127, 0, 0, n)).collect(),
            ttl: 1,
            aliases: vec![],
            security: Security::Indeterminate,
        }),
        ipv6: Lookup::Found(Found {
            value: (0..ipv6).map(|n| [0, 0, 0, 0, 0, 0, 0, n].into()).collect(),
            ttl: 1,
            aliases: vec![],
            security: Security::Indeterminate,
        }),
    };
    for (ipv4, ipv6, most, from_each) in [
        (1, 1, 16, (1, 1)),
        (32, 32, 16, (8, 8)),
        (32, 1, 16, (15, 1)),
        (1, 32, 16, (1, 15)),
        (32, 0, 16, (16, 0)),
        (0, 32, 16, (0, 16)),
        (32, 32, 1, (1, 0)),
        (2, 2, 3, (2, 1)),
    ] {
        let chosen = chosen(&of(ipv4, ipv6), most);
        let first = chosen.iter().filter(|address| address.is_ipv4()).count();
        assert_eq!((first, chosen.len() - first), from_each, "{ipv4} {ipv6} {most}");
        assert!(chosen[..first].iter().all(IpAddr::is_ipv4), "IPv4 first");
    }
}

#[test]
fn settings_that_can_not_work_are_refused() {
    let refused = |settings: Settings| Network::new(settings, clock()).unwrap_err().to_string();
    let trust_anchors = Some("/nowhere/anchors.txt".into());
    let error = refused(Settings { trust_anchors, ..Settings::default() });
    assert!(error.contains("/nowhere/anchors.txt"), "{error}");
    let ehlo_name = "x\r\nMAIL FROM:<>".to_owned();
    let error = refused(Settings { ehlo_name, ..Settings::default() });
    assert!(error.contains("EHLO name") && !error.contains('\r'), "{error}");
    let trust_roots = TrustRoots::File("/nowhere/ca.pem".into());
    let error = refused(Settings { trust_roots, ..Settings::default() });
    assert!(error.contains("/nowhere/ca.pem"), "{error}");
}

#[test]
//= https://www.rfc-editor.org/rfc/rfc7672#section-2.1.1
//= type=test
//# a security-aware stub resolver MUST NOT place any reliance on
//# signature validation allegedly performed on its behalf, except
//# when the security-aware stub resolver obtained the data in
//# question from a trusted security-aware recursive name server via a
//# secure channel.
fn only_a_resolver_on_this_machine_can_be_trusted_with_dnssec() {
    for (resolvers, shown) in [
        (vec!["127.0.0.1:53", "[::1]:53", "127.1.2.3:53"], None),
        (vec!["192.0.2.53:53"], Some("192.0.2.53:53")),
        (vec!["127.0.0.1:53", "[2001:db8::53]:53"], Some("[2001:db8::53]:53")),
    ] {
        let resolvers: Vec<SocketAddr> =
            resolvers.iter().map(|text| text.parse().unwrap()).collect();
        for dnssec in [DnssecMode::TrustedResolver, DnssecMode::Auto, DnssecMode::Validate] {
            let resolvers = resolvers.clone();
            let network =
                Network::new(Settings { resolvers, dnssec, ..Settings::default() }, clock());
            match shown.filter(|_| dnssec == DnssecMode::TrustedResolver) {
                None => assert!(network.is_ok(), "{dnssec:?}"),
                Some(shown) => {
                    let error = network.unwrap_err().to_string();
                    assert!(error.contains(shown), "{error}");
                }
            }
        }
    }
}

#[test]
fn the_observer_tells_its_means() {
    let settings =
        Settings { resolvers: vec!["127.0.0.1:53".parse().unwrap()], ..Settings::default() };
    let observer = Network::new(settings, clock()).unwrap().observer();
    assert!(observer.software.starts_with("sealpost "));
    assert_eq!((observer.https_port, observer.smtp_port), (443, 25));
    assert!(!observer.trust_roots.is_empty());
    assert_eq!(observer.ipv4, crate::reach::route_to(crate::reach::IPV4_AT_LARGE));
    assert_eq!(observer.ipv6, crate::reach::route_to(crate::reach::IPV6_AT_LARGE));
}

#[tokio::test]
//= https://www.rfc-editor.org/rfc/rfc8461#section-3.4
//= type=test
//# When sending mail to a mailbox at a subdomain, compliant senders MUST
//# NOT attempt to fetch a policy from the parent zone.
async fn the_parent_s_policy_is_never_asked_for() {
    let root = Authority::root("Root");
    let identity = root.issue(&params(&["mta-sts.a.test"]));
    let https_port = https(&identity, any()).await.port();
    let asked = Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = asked.clone();
    let zone = vec![
        ("_mta-sts.a.test", txt("v=STSv1; id=1;")),
        ("mta-sts.a.test", a("127.0.0.1")),
        ("mail.a.test", mx(0, ".")),
    ];
    let resolver = recording_resolver(zone, move |query| {
        heard.lock().unwrap().push(query.queries[0].name().to_ascii());
    })
    .await;
    let mut place = Place::new(&root, resolver);
    place.settings.https_port = https_port;
    let network = place.network();
    let evidence = network.gather(&domain("mail.a.test"), Scope::all()).await;
    assert!(evidence.sts_records.unwrap().is_absent());
    let policy_host = evidence.policy_host.unwrap();
    assert_eq!(policy_host.name.as_str(), "mta-sts.mail.a.test");
    assert!(policy_host.fetches.is_empty());
    let asked = asked.lock().unwrap().clone();
    assert!(asked.contains(&"_mta-sts.mail.a.test.".to_owned()), "{asked:?}");
    for parents in ["_mta-sts.a.test.", "mta-sts.a.test."] {
        assert!(!asked.contains(&parents.to_owned()), "{asked:?}");
    }
}

#[tokio::test]
async fn what_lies_round_the_records_is_seen() {
    use hickory_proto::rr::rdata::CAA;
    let root = Authority::root("Root");
    let identity = root.issue(&params(&["mta-sts.a.test", "mx.a.test", "r.b.test"]));
    let https_port = https(&identity, any()).await.port();
    let issuer = Name::from_ascii("ca.test").unwrap();
    let resolver = resolver(vec![
        ("a.test", mx(10, "mx.a.test.")),
        ("a.test", txt("v=spf1 mx -all")),
        ("a.test", RData::CAA(CAA::new_issue(false, Some(issuer), vec![]))),
        ("_dmarc.a.test", txt("v=DMARC1; p=reject")),
        (
            "_smtp._tls.a.test",
            txt("v=TLSRPTv1; rua=mailto:r@a.test,mailto:r@host.test,mailto:r@none.test,\
                 mailto:r@mx.slow.test,https://r.b.test/v1?x=1,https://192.0.2.1/"),
        ),
        ("mx.a.test", a("127.77.0.9")), // nobody there
        ("mta-sts.a.test", a("127.0.0.1")),
        ("r.b.test", a("127.0.0.1")),
        ("r.b.test", a("10.0.0.1")), // not globally routable
        ("host.test", a("127.0.0.1")),
        ("test", txt("top")),
    ])
    .await;
    let mut place = Place::new(&root, resolver);
    place.settings.https_port = https_port;
    place.settings.deadlines.dns = Duration::from_millis(600);
    let network = place.network();
    let evidence = network.gather(&domain("a.test"), Scope::all()).await;

    let caa = evidence.policy_host.unwrap().caa.unwrap();
    assert_eq!(caa.owner.as_str(), "a.test", "the nearest that has some");
    assert_eq!((caa.records.value().unwrap()[0].tag.as_str()), "issue");
    let host = &evidence.mail_hosts.unwrap().hosts[0];
    assert_eq!(host.caa.as_ref().unwrap().owner.as_str(), "a.test");
    assert_eq!(host.tlsa, None, "not asked for, since the addresses are not secure");

    let surroundings = evidence.surroundings.unwrap();
    assert_eq!(surroundings.texts.value().unwrap()[0].text().to_text(), "v=spf1 mx -all");
    assert_eq!(surroundings.dmarc.value().unwrap().len(), 1);

    let [own, implicit, none, slow, endpoint] = evidence.report_destinations.as_slice() else {
        panic!("{:?}", evidence.report_destinations);
    };
    let mailbox = |destination: &ReportDestination| match destination {
        ReportDestination::Mailto { records, addresses, .. } => {
            (records.clone(), addresses.clone())
        }
        other => panic!("{other:?}"),
    };
    let (records, addresses) = mailbox(own);
    assert!(records.found().is_some() && addresses.is_none());
    let (records, addresses) = mailbox(implicit);
    assert!(records.is_absent() && !addresses.unwrap().none_exist());
    let (records, addresses) = mailbox(none);
    assert!(records.is_absent() && addresses.is_none(), "no such domain");
    let (records, _) = mailbox(slow);
    assert_eq!(records.fault().unwrap().kind, LookupFaultKind::TimedOut);
    let ReportDestination::Https { uri, host, fetches, .. } = endpoint else { panic!() };
    assert_eq!((uri.as_str(), host.as_str()), ("https://r.b.test/v1?x=1", "r.b.test"));
    assert_eq!(fetches[0].fault().unwrap().kind, ConnectionFaultKind::NotRoutable);
    let reply = fetches[1].reply().unwrap();
    assert_eq!((reply.status, reply.body.len()), (404, 0));
    assert!(fetches[1].tls.as_ref().unwrap().is_verified());

    let other = network.gather(&domain("none.test"), Scope::all()).await;
    let caa = other.policy_host.unwrap().caa.unwrap();
    assert_eq!(caa.owner.as_str(), "test", "the last parent");
    assert!(caa.records.is_absent() && other.report_destinations.is_empty());
    let parts = network.gather(&domain("a.test"), Scope::of(&[Part::Sts, Part::Mx])).await;
    assert!(parts.surroundings.is_none() && parts.report_destinations.is_empty());
}

#[tokio::test]
//= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.3
//= type=test
//# When the hostname is an alias with a "secure" (at every stage) full
//# expansion, the list of candidate TLSA base domains (see below) is a
//# pair of domains: the fully expanded server hostname first, and the
//# unexpanded server hostname second.
//= https://www.rfc-editor.org/rfc/rfc7672#section-2.2.2
//= type=test
//# If
//# address records are found but the DNSSEC validation status of the
//# first query response is "insecure" (see Section 2.1.3), the SMTP
//# client SHOULD NOT proceed to search for any associated TLSA records.
async fn tlsa_records_are_asked_for_where_they_may_be() {
    // A resolver that vouches for everything but the names in `plain.test`.
    let resolver = dns_server(|query| {
        use hickory_proto::rr::rdata::tlsa::{CertUsage, Matching, Selector};
        use hickory_proto::rr::rdata::{CNAME, TLSA};
        let asked = query.queries[0].clone();
        let owner = asked.name().to_ascii();
        let mut answer = query.into_response();
        let alias = |to: &str| RData::CNAME(CNAME(Name::from_ascii(to).unwrap()));
        let tlsa = TLSA::new(CertUsage::DaneEe, Selector::Spki, Matching::Sha256, vec![7; 32]);
        let mut add = |owner: &str, data: RData| {
            if data.record_type() == asked.query_type() || data.record_type() == RecordType::CNAME {
                answer.add_answer(Record::from_rdata(Name::from_ascii(owner).unwrap(), 60, data));
            }
        };
        match owner.as_str() {
            "a.test." => {
                for (preference, host) in ["mx", "alias", "half"].iter().enumerate() {
                    add(&owner, mx(u16::try_from(preference).unwrap(), &format!("{host}.a.test.")));
                }
                add(&owner, mx(9, "mx.plain.test."));
            }
            "alias.a.test." => add(&owner, alias("end.b.test.")),
            "half.a.test." => add(&owner, alias("mx.plain.test.")),
            _ => {}
        }
        match owner.as_str() {
            "mx.a.test." | "mx.plain.test." => add(&owner, a("127.77.0.9")),
            "alias.a.test." => add("end.b.test.", a("127.77.0.9")),
            "half.a.test." => add("mx.plain.test.", a("127.77.0.9")),
            "_25._tcp.mx.a.test." | "_25._tcp.end.b.test." => add(&owner, RData::TLSA(tlsa)),
            "_25._tcp.half.a.test." => {}
            _ if owner.starts_with('_') => answer.metadata.response_code = ResponseCode::NXDomain,
            _ => {}
        }
        let leads_astray =
            answer.answers.iter().any(|record| record.name.to_ascii().ends_with("plain.test."));
        answer.metadata.authentic_data = !leads_astray;
        Some(answer)
    })
    .await;
    let root = Authority::root("Root");
    let mut place = Place::new(&root, resolver);
    place.settings.dnssec = DnssecMode::TrustedResolver;
    place.settings.smtp_port = 9;
    let network = place.network();
    let evidence = network.gather(&domain("a.test"), Scope::of(&[Part::Mx])).await;
    assert_eq!(evidence.observer.dnssec, sealpost_evidence::Dnssec::TrustedResolver);
    let hosts = evidence.mail_hosts.unwrap().hosts;
    let shown: Vec<_> = hosts
        .iter()
        .map(|host| {
            let lookups = host.tlsa.as_ref()?.iter();
            Some(lookups.map(|tlsa| (tlsa.base.as_str(), tlsa.records.is_absent())).collect())
        })
        .collect();
    let expected: [Option<Vec<(&str, bool)>>; 4] = [
        Some(vec![("mx.a.test", false)]),
        Some(vec![("end.b.test", false), ("alias.a.test", true)]),
        Some(vec![("half.a.test", true)]), // a secure alias to an insecure address
        None,
    ];
    assert_eq!(shown, expected);
    let records = &hosts[0].tlsa.as_ref().unwrap()[0].records;
    assert_eq!(records.value().unwrap(), &[format!("3 1 1 {}", "07".repeat(32))]);
    assert_eq!(records.found().unwrap().security, Security::Secure);
}

/// A resolver for which every name has one address, and nothing else.
async fn one_address() -> SocketAddr {
    dns_server(|query| {
        let asked = query.queries[0].clone();
        let mut answer = query.into_response();
        if asked.query_type() == RecordType::A {
            answer.add_answer(Record::from_rdata(asked.name().clone(), 60, a("127.0.0.1")));
        }
        Some(answer)
    })
    .await
}

/// Begins to fetch the policies of so many domains.
fn fetch_many(network: &Network, count: usize) -> JoinSet<Result<(), PolicyFetchError>> {
    let mut fetching = JoinSet::new();
    for number in 0..count {
        let (network, name) = (network.clone(), domain(&format!("n{number}.test")));
        fetching.spawn(
            async move { network.sts_policy(&name, Freshness::WithinTtl).await.map(|_| ()) },
        );
    }
    fetching
}

/// Its sender may write to any number of domains whose policies lie at one provider.
#[tokio::test]
async fn one_policy_host_is_asked_for_some_policies_at_a_time() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    // It takes every connection, and never says a word.
    let server = serve(move |stream| {
        let counting = Arc::clone(&counting);
        async move {
            counting.fetch_add(1, Ordering::SeqCst);
            let _held = stream;
            std::future::pending::<()>().await;
        }
    })
    .await;
    let mut place = Place::new(&Authority::root("Root"), one_address().await);
    place.settings.https_port = server.port();
    place.settings.deadlines.tls = Duration::from_secs(30);
    let network = place.network();
    let fetching = fetch_many(&network, 200);
    let since = Stopwatch::start();
    while asked.load(Ordering::SeqCst) < 200 {
        // Each makes way for another after a quarter of a second.
        let most = 32 * (1 + since.elapsed().as_millis() / 250);
        assert!(asked.load(Ordering::SeqCst) as u128 <= most, "{asked:?} of {most}");
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(since.elapsed() < Duration::from_secs(10), "{asked:?}");
    }
    drop(fetching);
}

/// Anybody can have names at an address that is another's too, and let the servers behind them say
/// nothing.
#[tokio::test]
async fn silent_names_at_an_address_do_not_keep_another_policy_there_from_being_fetched() {
    let root = Authority::root("Root");
    let identity = root.issue(&params(&["mta-sts.good.test"]));
    let acceptor = identity.acceptor();
    let server = serve(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Some(mut stream) = accept(&acceptor, stream).await else { return };
            if stream.get_ref().1.server_name() != Some("mta-sts.good.test") {
                std::future::pending::<()>().await;
            }
            let _ = stream.read(&mut [0; 1024]).await;
            let reply = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{BODY}");
            let _ = stream.write_all(reply.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    })
    .await;
    let mut place = Place::new(&root, one_address().await);
    place.settings.https_port = server.port();
    place.settings.deadlines.https = Duration::from_secs(30);
    let network = place.network();
    let silent = fetch_many(&network, 100);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let (good, deadline) = (domain("good.test"), Duration::from_secs(3));
    let fetched = tokio::time::timeout(deadline, network.sts_policy(&good, Freshness::WithinTtl));
    assert_eq!(fetched.await.unwrap().unwrap().text(), BODY.as_bytes());
    assert_eq!(silent.len(), 100, "all of them are still waited for");
}

#[tokio::test]
async fn a_fetch_that_never_had_its_turn_is_no_failure_of_the_domain() {
    let server = serve(|stream| async move {
        let _held = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let mut place = Place::new(&Authority::root("Root"), one_address().await);
    place.settings.https_port = server.port();
    place.settings.deadlines.domain = Duration::from_secs(2);
    let network = place.network();
    let mut fetching = fetch_many(&network, 400);
    let (mut untried, mut failed) = (0, 0);
    while let Some(fetched) = fetching.join_next().await {
        match fetched.unwrap().unwrap_err() {
            PolicyFetchError::NotTried => untried += 1,
            PolicyFetchError::Unusable(_) => failed += 1,
            other => panic!("{other}"),
        }
    }
    // In the second that they wait there are turns for some, and not for all.
    assert!(failed >= 32 && untried >= 200, "{failed} failed, {untried} not tried");
}

#[tokio::test]
async fn what_is_wanted_now_is_asked_again_along_its_aliases() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use hickory_proto::rr::rdata::CNAME;

    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    let resolver = dns_server(move |query| {
        let question = query.queries[0].clone();
        let mut answer = query.into_response();
        let name = question.name().clone();
        if question.query_type() == RecordType::TXT {
            let number = counting.fetch_add(1, Ordering::SeqCst);
            let data = if name.to_ascii() == "_mta-sts.a.test." {
                RData::CNAME(CNAME(Name::from_ascii("records.test.").unwrap()))
            } else {
                txt(&format!("v=STSv1; id={number};"))
            };
            answer.add_answer(Record::from_rdata(name, 60, data));
        }
        Some(answer)
    })
    .await;
    let network = Place::new(&Authority::root("Root"), resolver).network();
    let seen = async |freshness| {
        let lookup = network.sts_records(&domain("a.test"), freshness).await;
        String::from_utf8(lookup.value().unwrap()[0].text().as_slice().to_vec()).unwrap()
    };
    assert_eq!(seen(Freshness::WithinTtl).await, "v=STSv1; id=1;");
    assert_eq!(seen(Freshness::WithinTtl).await, "v=STSv1; id=1;");
    assert_eq!(asked.load(Ordering::SeqCst), 2, "the alias and what it leads to");
    assert_eq!(seen(Freshness::Now).await, "v=STSv1; id=3;");
    assert_eq!(seen(Freshness::WithinTtl).await, "v=STSv1; id=3;");
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}
