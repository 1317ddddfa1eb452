//! Tests of the look-ups, against answerers on loopback.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::opt::EdnsOption;
use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, NS, SOA, TXT};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use sealpost_evidence::{AbsenceKind, Lookup, LookupFaultKind, Security};
use sealpost_runtime::Stopwatch;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::*;
use crate::DnssecMode;
use crate::deadline::Deadline;
use crate::testing::clock;

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Way {
    Udp,
    Tcp,
}

/// A name server on one port of loopback: every datagram or message that `answer` returns is sent.
pub(crate) async fn answerer(
    answer: impl Fn(Message, Way) -> Vec<Vec<u8>> + Send + Sync + 'static,
) -> SocketAddr {
    let answer = Arc::new(answer);
    let (udp, tcp) = both().await;
    let address = udp.local_addr().unwrap();
    let over_udp = answer.clone();
    tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok((length, from)) = udp.recv_from(&mut buffer).await {
            let query = Message::from_vec(&buffer[..length]).unwrap();
            for octets in over_udp(query, Way::Udp) {
                udp.send_to(&octets, from).await.unwrap();
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let length = stream.read_u16().await.unwrap();
            let mut octets = vec![0; usize::from(length)];
            stream.read_exact(&mut octets).await.unwrap();
            for octets in answer(Message::from_vec(&octets).unwrap(), Way::Tcp) {
                stream.write_u16(octets.len().try_into().unwrap()).await.unwrap();
                stream.write_all(&octets).await.unwrap();
            }
        }
    });
    address
}

async fn both() -> (UdpSocket, TcpListener) {
    for _ in 0..100 {
        let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
            return (udp, tcp);
        }
    }
    panic!("no port is free for UDP and TCP");
}

/// An upstream that gives this answer to everything.
async fn saying(code: ResponseCode, answers: Vec<Record>, authorities: Vec<Record>) -> SocketAddr {
    answerer(move |query, _| {
        vec![response(&query, code, answers.clone(), authorities.clone()).to_vec().unwrap()]
    })
    .await
}

fn response(
    query: &Message,
    code: ResponseCode,
    answers: Vec<Record>,
    authorities: Vec<Record>,
) -> Message {
    let mut message = query.clone().into_response();
    message.metadata.response_code = code;
    message.metadata.recursion_available = true;
    message.metadata.authentic_data = false;
    message.add_answers(answers);
    message.add_authorities(authorities);
    message
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn record(owner: &str, ttl: u32, data: RData) -> Record {
    Record::from_rdata(name(owner), ttl, data)
}

fn alias(owner: &str, target: &str) -> Record {
    record(owner, 60, RData::CNAME(CNAME(name(target))))
}

fn text(owner: &str, ttl: u32, text: &str) -> Record {
    record(owner, ttl, RData::TXT(TXT::new(vec![text.to_owned()])))
}

fn start_of_authority() -> Record {
    let soa = SOA::new(name("ns.test."), name("hostmaster.test."), 1, 2, 3, 4, 5);
    record("test.", 300, RData::SOA(soa))
}

/// A look-up without DNSSEC, but for the tests that ask for it.
fn dns(upstreams: &[SocketAddr]) -> Dns {
    Dns::new(means(upstreams))
}

fn means(upstreams: &[SocketAddr]) -> Means {
    Means {
        resolvers: upstreams.to_vec(),
        patience: Duration::from_millis(1200),
        dnssec: DnssecMode::Off,
        anchors: TrustAnchor::load(None).unwrap(),
        clock: clock(),
    }
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

async fn texts(upstreams: &[SocketAddr]) -> Lookup<Vec<sealpost_evidence::TextRecord>> {
    dns(upstreams).texts("_mta-sts.a.test", soon()).await
}

async fn fault(upstreams: &[SocketAddr]) -> LookupFaultKind {
    let lookup = texts(upstreams).await;
    let fault = lookup.fault().unwrap_or_else(|| panic!("{lookup:?}"));
    assert!(!fault.text.is_empty() && fault.text.len() <= 512);
    fault.kind
}

async fn closed_port() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_record_set_is_found_with_its_smallest_ttl() {
    let upstream = saying(
        ResponseCode::NoError,
        vec![
            text("_MTA-STS.a.test.", 300, "v=STSv1; id=1;"),
            text("_mta-sts.a.test.", 30, "other"),
            text("elsewhere.test.", 1, "v=STSv1; id=forged;"),
        ],
        vec![],
    )
    .await;
    let lookup = texts(&[upstream]).await;
    let found = lookup.found().unwrap();
    let shown: Vec<_> = found.value.iter().map(|text| text.text().to_text().into_owned()).collect();
    assert_eq!(shown, ["v=STSv1; id=1;", "other"], "of the name that was asked for, and no other");
    assert_eq!(found.ttl, 30);
    assert_eq!(found.security, Security::Indeterminate);
    assert!(found.aliases.is_empty());
}

#[tokio::test]
async fn the_strings_of_a_text_stay_apart() {
    let data = TXT::from_bytes(vec![b"v=STSv1;", b" id=\xff;"]);
    let answer = record("_mta-sts.a.test.", 1, RData::TXT(data));
    let upstream = saying(ResponseCode::NoError, vec![answer], vec![]).await;
    let lookup = texts(&[upstream]).await;
    let strings = &lookup.value().unwrap()[0].strings;
    assert_eq!(strings.len(), 2);
    assert_eq!(strings[1].as_slice(), b" id=\xff;");
}

#[tokio::test]
async fn no_such_name_and_no_such_data_are_different() {
    for (code, kind) in [
        (ResponseCode::NXDomain, AbsenceKind::NoSuchName),
        (ResponseCode::NoError, AbsenceKind::NoSuchData),
    ] {
        for authorities in [vec![], vec![start_of_authority()]] {
            let upstream = saying(code, vec![], authorities).await;
            match texts(&[upstream]).await {
                Lookup::Absent(absence) => assert_eq!(absence.kind, kind),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn faults_are_told_apart() {
    let silent = answerer(|_, _| vec![]).await;
    let with_error = |code: u16, text: &'static [u8]| {
        answerer(move |query, _| {
            let mut answer = response(&query, ResponseCode::ServFail, vec![], vec![]);
            let mut data = code.to_be_bytes().to_vec();
            data.extend_from_slice(text);
            let edns = answer.edns.get_or_insert_default();
            edns.options_mut().insert(EdnsOption::Unknown(15, data));
            vec![answer.to_vec().unwrap()]
        })
    };
    let referral = record("test.", 1, RData::NS(NS(name("ns.test."))));
    let garbage = answerer(|query, _| {
        let mut octets = query.metadata.id.to_be_bytes().to_vec();
        octets.extend(b"\x81\x80\xff\xff\xff\xff\xff\xff\xff\xffgarbage");
        vec![octets]
    })
    .await;
    for (case, upstream, kind) in [
        (
            "SERVFAIL",
            saying(ResponseCode::ServFail, vec![], vec![]).await,
            LookupFaultKind::ServerFailure,
        ),
        ("REFUSED", saying(ResponseCode::Refused, vec![], vec![]).await, LookupFaultKind::Refused),
        ("NOTIMP", saying(ResponseCode::NotImp, vec![], vec![]).await, LookupFaultKind::Refused),
        (
            "a referral",
            saying(ResponseCode::NoError, vec![], vec![referral]).await,
            LookupFaultKind::Refused,
        ),
        ("silence", silent, LookupFaultKind::TimedOut),
        ("nobody there", closed_port().await, LookupFaultKind::Unreachable),
        ("garbage", garbage, LookupFaultKind::Malformed),
        ("DNSSEC bogus", with_error(6, b"bad\x1b").await, LookupFaultKind::Bogus),
        ("other extended error", with_error(22, b"").await, LookupFaultKind::ServerFailure),
    ] {
        assert_eq!(fault(&[upstream]).await, kind, "{case}");
    }
    let long = format!("_mta-sts.{}", "a.".repeat(130));
    let lookup = dns(&[silent]).texts(&long, soon()).await;
    assert_eq!(lookup.fault().unwrap().kind, LookupFaultKind::Malformed);
}

#[tokio::test]
async fn the_second_upstream_is_asked_when_the_first_fails() {
    let good =
        saying(ResponseCode::NoError, vec![text("_mta-sts.a.test.", 1, "v=STSv1; id=1;")], vec![])
            .await;
    for first in [
        saying(ResponseCode::ServFail, vec![], vec![]).await,
        saying(ResponseCode::Refused, vec![], vec![]).await,
        closed_port().await,
        answerer(|_, _| vec![]).await,
        answerer(|query, _| vec![[&query.metadata.id.to_be_bytes()[..], b"\x81\x80x"].concat()])
            .await,
    ] {
        assert!(texts(&[first, good]).await.found().is_some());
    }
    // What tells most of the domain is told.
    let servfail = saying(ResponseCode::ServFail, vec![], vec![]).await;
    assert_eq!(fault(&[servfail, closed_port().await]).await, LookupFaultKind::ServerFailure);
    assert_eq!(fault(&[closed_port().await, servfail]).await, LookupFaultKind::ServerFailure);
    assert_eq!(fault(&[]).await, LookupFaultKind::Unreachable);
}

#[tokio::test]
async fn a_lost_datagram_is_sent_again() {
    let asked = AtomicUsize::new(0);
    let upstream = answerer(move |query, _| {
        if asked.fetch_add(1, Ordering::Relaxed) == 0 {
            return vec![];
        }
        let answers = vec![text("_mta-sts.a.test.", 1, "x")];
        vec![response(&query, ResponseCode::NoError, answers, vec![]).to_vec().unwrap()]
    })
    .await;
    assert!(texts(&[upstream]).await.found().is_some());
}

#[tokio::test]
async fn a_truncated_answer_is_fetched_over_tcp() {
    let upstream = answerer(|query, way| {
        let answers: Vec<Record> = (0..40)
            .map(|n| text("_mta-sts.a.test.", 1, &format!("{n}{}", "x".repeat(200))))
            .collect();
        let mut octets = response(&query, ResponseCode::NoError, answers, vec![]).to_vec().unwrap();
        if way == Way::Udp {
            octets[2] |= 0x02;
            octets.truncate(500); // in the middle of a record
        }
        vec![octets]
    })
    .await;
    assert_eq!(texts(&[upstream]).await.value().unwrap().len(), 40);

    let cut_off = answerer(|query, _| {
        let mut octets = response(&query, ResponseCode::NoError, vec![], vec![]).to_vec().unwrap();
        octets[2] |= 0x02;
        vec![octets]
    })
    .await;
    assert_eq!(fault(&[cut_off]).await, LookupFaultKind::Malformed, "truncated over TCP too");
}

#[tokio::test]
async fn what_belongs_to_another_question_is_passed_over() {
    let forged = |query: &Message| {
        let answers = vec![text("_mta-sts.a.test.", 1, "forged")];
        response(query, ResponseCode::NoError, answers, vec![])
    };
    let upstream = answerer(move |query, _| {
        let mut wrong_id = forged(&query);
        wrong_id.metadata.id = query.metadata.id.wrapping_add(1);
        let mut wrong_name = forged(&query);
        wrong_name.queries[0].set_name(name("b.test."));
        let mut wrong_type = forged(&query);
        wrong_type.queries[0].set_query_type(RecordType::A);
        let mut no_question = forged(&query);
        no_question.queries.clear();
        let answers = vec![text("_mta-sts.a.test.", 1, "true")];
        let good = response(&query, ResponseCode::NoError, answers, vec![]);
        let mut datagrams = vec![b"".to_vec(), b"xyz".to_vec(), query.to_vec().unwrap()];
        for message in [wrong_id, wrong_name, wrong_type, no_question, good] {
            datagrams.push(message.to_vec().unwrap());
        }
        datagrams
    })
    .await;
    let lookup = texts(&[upstream]).await;
    assert_eq!(lookup.value().unwrap()[0].text().to_text(), "true");

    let flood = answerer(move |query, _| {
        let mut wrong = forged(&query);
        wrong.metadata.id = query.metadata.id.wrapping_add(1);
        vec![wrong.to_vec().unwrap(); 70]
    })
    .await;
    assert_eq!(fault(&[flood]).await, LookupFaultKind::Malformed, "not endlessly");
}

#[tokio::test]
//= https://www.rfc-editor.org/rfc/rfc8461#section-3.1
//= type=test
//# senders MUST follow the
//# CNAME pointers.
async fn aliases_are_followed() {
    let chain = vec![
        alias("_mta-sts.a.test.", "B.test."),
        alias("b.test.", "c.test."),
        text("c.test.", 300, "v=STSv1; id=1;"),
    ];
    let whole = saying(ResponseCode::NoError, chain.clone(), vec![]).await;
    // The same, a link each time.
    let piecewise = answerer(move |query, _| {
        let asked = query.queries[0].name().clone();
        let answers = chain.iter().filter(|record| record.name == asked).cloned().collect();
        vec![response(&query, ResponseCode::NoError, answers, vec![]).to_vec().unwrap()]
    })
    .await;
    for upstream in [whole, piecewise] {
        let lookup = texts(&[upstream]).await;
        let found = lookup.found().unwrap();
        assert_eq!(found.aliases, ["b.test", "c.test"]);
        assert_eq!(found.ttl, 60);
    }
}

#[tokio::test]
async fn the_end_of_a_chain_may_be_missing() {
    let link = || vec![alias("_mta-sts.a.test.", "b.test.")];
    for (code, authorities, kind) in [
        (ResponseCode::NXDomain, vec![], AbsenceKind::NoSuchName),
        (ResponseCode::NoError, vec![start_of_authority()], AbsenceKind::NoSuchData),
    ] {
        let upstream = saying(code, link(), authorities).await;
        match texts(&[upstream]).await {
            Lookup::Absent(absence) => {
                assert_eq!((absence.kind, absence.aliases), (kind, vec!["b.test".to_owned()]));
            }
            other => panic!("{other:?}"),
        }
    }
    // The answer says nothing of the target, and nor does the next.
    let upstream = saying(ResponseCode::NoError, link(), vec![]).await;
    assert!(texts(&[upstream]).await.is_absent());
}

#[tokio::test]
async fn loops_and_long_chains_end() {
    let circle = vec![alias("_mta-sts.a.test.", "b.test."), alias("b.test.", "_mta-sts.A.test.")];
    let circle = saying(ResponseCode::NoError, circle, vec![]).await;
    assert_eq!(fault(&[circle]).await, LookupFaultKind::Malformed);

    let own_tail =
        saying(ResponseCode::NoError, vec![alias("_mta-sts.a.test.", "_mta-sts.a.test.")], vec![])
            .await;
    assert_eq!(fault(&[own_tail]).await, LookupFaultKind::Malformed);

    // A server that leads on and on, one link each time.
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let endless = answerer(move |query, _| {
        let step = count.fetch_add(1, Ordering::Relaxed);
        let owner = query.queries[0].name().to_ascii();
        let answers = vec![alias(&owner, &format!("n{step}.test."))];
        vec![response(&query, ResponseCode::NoError, answers, vec![]).to_vec().unwrap()]
    })
    .await;
    assert_eq!(fault(&[endless]).await, LookupFaultKind::TooLarge);
    assert_eq!(asked.load(Ordering::Relaxed), 9);

    let links = |count: usize| {
        let mut records = vec![alias("_mta-sts.a.test.", "n1.test.")];
        for n in 1..count {
            records.push(alias(&format!("n{n}.test."), &format!("n{}.test.", n + 1)));
        }
        records.push(text(&format!("n{count}.test."), 1, "x"));
        saying(ResponseCode::NoError, records, vec![])
    };
    assert_eq!(texts(&[links(8).await]).await.aliases().len(), 8);
    assert_eq!(fault(&[links(9).await]).await, LookupFaultKind::TooLarge);
}

#[tokio::test]
async fn the_number_and_size_of_records_are_bounded() {
    let many = |count: usize| {
        let records = (0..count).map(|n| text("_mta-sts.a.test.", 1, &n.to_string())).collect();
        saying(ResponseCode::NoError, records, vec![])
    };
    assert_eq!(texts(&[many(64).await]).await.value().unwrap().len(), 64);
    assert_eq!(fault(&[many(65).await]).await, LookupFaultKind::TooLarge);

    let long = |strings: usize| async move {
        answerer(move |query, way| {
            let data = TXT::new(vec!["x".repeat(128); strings]);
            let answers = vec![record("_mta-sts.a.test.", 1, RData::TXT(data))];
            let mut octets =
                response(&query, ResponseCode::NoError, answers, vec![]).to_vec().unwrap();
            if way == Way::Udp {
                octets[2] |= 0x02;
                octets.truncate(12);
            }
            vec![octets]
        })
        .await
    };
    assert!(texts(&[long(64).await]).await.found().is_some(), "8 KiB");
    assert_eq!(fault(&[long(65).await]).await, LookupFaultKind::TooLarge);
}

#[tokio::test]
async fn a_record_without_data_is_not_absent() {
    let empty = Record::update0(name("a.test."), 60, RecordType::TXT);
    for answers in [vec![empty.clone()], vec![text("a.test.", 60, "v=STSv1"), empty]] {
        let upstream = saying(ResponseCode::NoError, answers, vec![]).await;
        assert_eq!(fault(&[upstream]).await, LookupFaultKind::Malformed);
    }
}

#[tokio::test]
async fn mail_exchangers_come_by_preference_and_in_plain_names() {
    let mx = |preference, exchange: &str| {
        record("a.test.", 60, RData::MX(MX::new(preference, name(exchange))))
    };
    let odd = Name::from_labels([&b"a b.\xff"[..], b"test"]).unwrap();
    let answers = vec![
        mx(20, "MX2.a.test."),
        mx(10, "xn--bcher-kva.test."),
        mx(10, "_mx.a.test."),
        mx(0, "."),
        record("a.test.", 60, RData::MX(MX::new(30, odd))),
    ];
    let upstream = saying(ResponseCode::NoError, answers, vec![]).await;
    let lookup = dns(&[upstream]).mail_exchangers("a.test", 64, soon()).await;
    let shown: Vec<_> =
        lookup.value().unwrap().iter().map(|mx| (mx.preference, mx.exchange.as_str())).collect();
    assert_eq!(
        shown,
        [
            (0, ""),
            (10, "_mx.a.test"),
            (10, "xn--bcher-kva.test"),
            (20, "mx2.a.test"),
            (30, "a\\032b\\.\\255.test")
        ]
    );
}

#[tokio::test]
async fn both_kinds_of_addresses_are_asked_for() {
    let upstream = answerer(|query, _| {
        let answers = match query.queries[0].query_type() {
            RecordType::A => [[127, 0, 0, 2], [127, 0, 0, 1], [127, 0, 0, 2]]
                .map(|octets| record("a.test.", 60, RData::A(A(Ipv4Addr::from(octets)))))
                .to_vec(),
            RecordType::AAAA => {
                vec![record("a.test.", 60, RData::AAAA(AAAA(Ipv6Addr::LOCALHOST)))]
            }
            _ => vec![],
        };
        vec![response(&query, ResponseCode::NoError, answers, vec![]).to_vec().unwrap()]
    })
    .await;
    let addresses = dns(&[upstream]).addresses("a.test", soon()).await;
    let shown: Vec<String> = addresses.all().iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["127.0.0.1", "127.0.0.2", "::1"], "in order, each once");
}

#[tokio::test]
async fn the_deadline_of_the_whole_ends_a_look_up() {
    let silent = answerer(|_, _| vec![]).await;
    let stopwatch = Stopwatch::start();
    let dns = Dns::new(Means { patience: Duration::from_secs(30), ..means(&[silent]) });
    let lookup = dns.texts("a.test", Deadline::after(Duration::from_millis(200))).await;
    assert_eq!(lookup.fault().unwrap().kind, LookupFaultKind::TimedOut);
    assert!(stopwatch.elapsed_ms() < 3_000);
}

#[tokio::test]
async fn identical_questions_are_asked_once() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let upstream = answerer(move |query, _| {
        count.fetch_add(1, Ordering::Relaxed);
        let answers = match query.queries[0].name().to_ascii().as_str() {
            "short.test." => vec![text("short.test.", 0, "x")],
            "none.test." => vec![],
            owner => vec![text(owner, 60, "x")],
        };
        vec![response(&query, ResponseCode::NoError, answers, vec![]).to_vec().unwrap()]
    })
    .await;
    let dns = Arc::new(dns(&[upstream]));
    let mut many = tokio::task::JoinSet::new();
    for n in 0..50 {
        let dns = dns.clone();
        let owner = if n % 2 == 0 { "a.test" } else { "A.test" };
        many.spawn(async move { dns.texts(owner, soon()).await });
    }
    for lookup in many.join_all().await {
        assert_eq!(lookup.value().unwrap().len(), 1);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    // Neither what lives no time, nor a denial that does not say for how long, nor a fault.
    for owner in ["short.test", "none.test"] {
        let before = asked.load(Ordering::Relaxed);
        for _ in 0..2 {
            assert!(dns.texts(owner, soon()).await.fault().is_none());
        }
        assert_eq!(asked.load(Ordering::Relaxed), before + 2, "{owner}");
    }
}

#[tokio::test]
async fn a_fault_is_shared_by_those_who_wait_and_not_kept() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let upstream = answerer(move |query, _| {
        if count.fetch_add(1, Ordering::Relaxed) == 0 {
            std::thread::sleep(Duration::from_millis(200));
            return vec![
                response(&query, ResponseCode::ServFail, vec![], vec![]).to_vec().unwrap(),
            ];
        }
        let answers = vec![text("a.test.", 60, "x")];
        vec![response(&query, ResponseCode::NoError, answers, vec![]).to_vec().unwrap()]
    })
    .await;
    let dns = dns(&[upstream]);
    let (one, other) = tokio::join!(dns.texts("a.test", soon()), dns.texts("a.test", soon()));
    for lookup in [one, other] {
        assert_eq!(lookup.fault().unwrap().kind, LookupFaultKind::ServerFailure);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert!(dns.texts("a.test", soon()).await.found().is_some());
}

#[tokio::test]
async fn who_gives_up_asking_leaves_the_question_to_others() {
    let asked = std::sync::Mutex::new(Vec::new());
    let upstream = answerer(move |query, _| {
        let owner = query.queries[0].name().to_ascii();
        let mut asked = asked.lock().unwrap();
        if !asked.contains(&owner) {
            asked.push(owner);
            return vec![];
        }
        let answers = vec![text(&owner, 60, "x")];
        vec![response(&query, ResponseCode::NoError, answers, vec![]).to_vec().unwrap()]
    })
    .await;
    let dns = Dns::new(Means { patience: Duration::from_secs(30), ..means(&[upstream]) });
    let in_a_hurry = async {
        let soon = Deadline::after(Duration::from_millis(100));
        dns.texts("a.test", soon).await
    };
    let dropped = tokio::time::timeout(Duration::from_millis(50), dns.texts("b.test", soon()));
    let (hurried, patient, dropped) =
        tokio::join!(in_a_hurry, dns.texts("a.test", soon()), dropped);
    assert_eq!(hurried.fault().unwrap().kind, LookupFaultKind::TimedOut);
    assert!(patient.found().is_some(), "{patient:?}");
    assert!(dropped.is_err());
    assert!(dns.texts("b.test", soon()).await.found().is_some());
}

#[tokio::test]
async fn tlsa_and_caa_records_are_read() {
    use hickory_proto::rr::rdata::tlsa::{CertUsage, Matching, Selector};
    use hickory_proto::rr::rdata::{CAA, TLSA};
    let tlsa = |usage: u8, selector: u8, matching: u8, data: Vec<u8>| {
        let (usage, selector) = (CertUsage::from(usage), Selector::from(selector));
        RData::TLSA(TLSA::new(usage, selector, Matching::from(matching), data))
    };
    let owner = "_25._tcp.mx.a.test.";
    let answers = vec![
        record(owner, 60, tlsa(3, 1, 1, vec![0xAB; 32])),
        record(owner, 60, tlsa(200, 7, 9, vec![])), // values that nobody knows stay
        record("a.test.", 60, RData::CAA(CAA::new_issue(true, None, vec![]))),
    ];
    let upstream = saying(ResponseCode::NoError, answers, vec![]).await;
    let dns = dns(&[upstream]);
    let lookup = dns.tlsa("_25._tcp.mx.a.test", soon()).await;
    let expected = [format!("3 1 1 {}", "ab".repeat(32)), "200 7 9 ".to_owned()];
    assert_eq!(lookup.value().unwrap(), &expected);
    let lookup = dns.caa("a.test", soon()).await;
    let [caa] = lookup.value().unwrap().as_slice() else { panic!("{lookup:?}") };
    assert_eq!((caa.flags, caa.tag.as_str(), caa.value.as_str()), (128, "issue", ";"));

    let long = vec![record(owner, 60, tlsa(3, 0, 0, vec![0; 16 * 1024 + 1]))];
    let upstream = saying(ResponseCode::NoError, long, vec![]).await;
    let lookup = self::dns(&[upstream]).tlsa("_25._tcp.mx.a.test", soon()).await;
    assert_eq!(lookup.fault().unwrap().kind, LookupFaultKind::TooLarge);
}

/// What a resolver tells of a TTL is what is left of it.
#[tokio::test]
async fn only_who_speaks_for_the_zone_says_how_long_records_may_be_kept() {
    let owner = "_mta-sts.a.test";
    let speaks = |answers: Vec<Record>| {
        answerer(move |query, _| {
            let zone = if answers.is_empty() { vec![start_of_authority()] } else { Vec::new() };
            let mut answer = response(&query, ResponseCode::NoError, answers.clone(), zone);
            answer.metadata.authoritative = true;
            vec![answer.to_vec().unwrap()]
        })
    };
    let of = async |server| {
        let kept = authority::kept(server, owner, RecordType::TXT, soon()).await;
        kept.map(|kept| (kept.ttl, kept.alias)).map_err(|fault| fault.kind)
    };
    let record = || text("_mta-sts.a.test.", 3_600, "v=STSv1; id=1");
    assert_eq!(of(speaks(vec![record()]).await).await, Ok((3_600, None)));
    let chain = vec![alias("_mta-sts.a.test.", "sts.b.test."), text("sts.b.test.", 9, "")];
    assert_eq!(of(speaks(chain).await).await, Ok((60, Some("sts.b.test".to_owned()))));
    // That there is none is kept for as long as the zone says.
    assert_eq!(of(speaks(Vec::new()).await).await, Ok((5, None)));
    let resolver = saying(ResponseCode::NoError, vec![record()], Vec::new()).await;
    assert_eq!(of(resolver).await, Err(LookupFaultKind::Refused));
}
