//! Tests of the survey, against rustls and against answers made by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sealpost_runtime::Stopwatch;
use sealpost_wire::smtp::EhloName;

use super::*;
use crate::Deadlines;
use crate::connect::timed_out;
use crate::testing::{Authority, accept, deadlines, domain, loopback_guard, params, serve};

const HOST: &str = "mx.example.com";
const TLS_1_0: u16 = 0x0301;
const TLS_1_1: u16 = 0x0302;
const TLS_1_2: u16 = 0x0303;
/// TLS_RSA_WITH_3DES_EDE_CBC_SHA
const TRIPLE_DES: u16 = 0x000A;
/// TLS_RSA_WITH_AES_128_CBC_SHA
const AES: u16 = 0x002F;

/// Goes as far as the go-ahead.
async fn greet(stream: &mut TcpStream) {
    let mut line = [0; 256];
    for reply in ["220 mx\r\n", "250-mx\r\n250 STARTTLS\r\n"] {
        stream.write_all(reply.as_bytes()).await.unwrap();
        let _ = stream.read(&mut line).await;
    }
    let _ = stream.write_all(b"220 go ahead\r\n").await;
}

/// A server that gives the go-ahead, and to an offer of a version and suites says what `answer` does.
async fn server(
    answer: impl Fn(u16, &[u16]) -> Vec<u8> + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let (answer, count) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
    let counted = count.clone();
    let address = serve(move |mut stream| {
        let (answer, counted) = (answer.clone(), counted.clone());
        async move {
            counted.fetch_add(1, Ordering::Relaxed);
            greet(&mut stream).await;
            let mut hello = [0; 2048];
            let length = stream.read(&mut hello).await.unwrap_or_default();
            let numbers: Vec<u16> = hello[9..length.max(9)]
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .collect();
            let Some(version) = numbers.first() else { return };
            // Behind the version and 32 random octets: no session id, the length of the suites.
            let begin = 9 + 2 + 32 + 1;
            let suites = usize::from(u16::from_be_bytes([hello[begin], hello[begin + 1]]));
            let suites: Vec<u16> = hello[begin + 2..begin + 2 + suites]
                .chunks_exact(2)
                .map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
                .collect();
            let _ = stream.write_all(&answer(*version, &suites)).await;
            let _ = stream.read(&mut hello).await;
        }
    })
    .await;
    (address, count)
}

fn choice(version: u16, suite: u16) -> Vec<u8> {
    let mut hello = version.to_be_bytes().to_vec();
    hello.extend([7; 32]);
    hello.push(0);
    hello.extend(suite.to_be_bytes());
    hello.push(0);
    let mut messages = vec![2, 0, 0, u8::try_from(hello.len()).unwrap()];
    messages.extend(hello);
    messages.extend([14, 0, 0, 0]);
    let mut record = vec![22];
    record.extend(version.to_be_bytes());
    record.extend([0, u8::try_from(messages.len()).unwrap()]);
    record.extend(messages);
    record
}

fn refusal(description: u8) -> Vec<u8> {
    vec![21, 3, 1, 0, 2, 2, description]
}

const PROTOCOL_VERSION: u8 = 70;
const HANDSHAKE_FAILURE: u8 = 40;

/// Takes the versions up to the newest of these, with this suite.
fn versions(known: &'static [u16], suite: u16) -> impl Fn(u16, &[u16]) -> Vec<u8> {
    move |offered, suites| {
        let version = known.iter().copied().filter(|version| *version <= offered).max();
        match version {
            None => refusal(PROTOCOL_VERSION),
            Some(_) if !suites.contains(&suite) => refusal(HANDSHAKE_FAILURE),
            Some(version) => choice(version, suite),
        }
    }
}

/// What the first dialogue came to.
#[derive(Clone, Copy)]
enum First {
    Secured,
    Failed,
    Silent,
    NotOffered,
}

async fn survey(address: SocketAddr, first: First, deadlines: Deadlines) -> Option<OutdatedTls> {
    let root = Authority::root("Root");
    let (host, client) = (domain(HOST), root.client());
    let dialogue = Dialogue {
        host: &host,
        ehlo_name: &EhloName::parse("probe.example").unwrap(),
        guard: &loopback_guard(),
        tls: &client,
        deadlines: &deadlines,
    };
    let acceptor = root.issue(&params(&[HOST])).acceptor();
    let good = serve(move |mut stream| {
        let acceptor = acceptor.clone();
        async move {
            greet(&mut stream).await;
            if let Some(mut stream) = accept(&acceptor, stream).await {
                let _ = stream.read(&mut [0; 64]).await;
            }
        }
    })
    .await;
    let whole = Deadline::after(Duration::from_secs(20));
    let mut session = dialogue.with(good, whole).await;
    assert!(session.tls.is_some());
    session.fault = None;
    match first {
        First::Secured => {}
        First::Failed => session.tls = None,
        First::Silent => {
            session.tls = None;
            session.fault = Some(timed_out(sealpost_evidence::ConnectionStage::TlsHandshake));
        }
        First::NotOffered => session.starttls = StartTls::NotOffered,
    }
    dialogue.survey(address, &session, whole).await
}

fn accepted(cipher_suite: &str) -> Offer {
    Offer::Accepted { cipher_suite: cipher_suite.to_owned() }
}

#[tokio::test]
async fn what_a_server_still_takes_is_found() {
    let (three, aes) =
        (accepted("TLS_RSA_WITH_3DES_EDE_CBC_SHA"), accepted("TLS_RSA_WITH_AES_128_CBC_SHA"));
    let refused = Offer::Refused;
    for (case, known, suite, first, tls10, tls11, weak) in [
        ("only TLS 1.0", &[TLS_1_0][..], AES, First::Failed, &aes, &refused, &refused),
        ("TLS 1.0 to 1.2", &[TLS_1_0, TLS_1_1, TLS_1_2], AES, First::Secured, &aes, &aes, &refused),
        ("only TLS 1.2", &[TLS_1_2], AES, First::Secured, &refused, &refused, &refused),
        ("3DES with TLS 1.2", &[TLS_1_2], TRIPLE_DES, First::Secured, &refused, &refused, &three),
        ("3DES with TLS 1.0", &[TLS_1_0], TRIPLE_DES, First::Failed, &three, &refused, &three),
    ] {
        let (address, count) = server(versions(known, suite)).await;
        let found = survey(address, first, deadlines()).await.unwrap();
        assert_eq!(
            (&found.tls10, &found.tls11, &found.weak_suites),
            (tls10, tls11, weak),
            "{case}"
        );
        assert!((1..=3).contains(&count.load(Ordering::Relaxed)), "{case}");
    }
}

#[tokio::test]
async fn a_modern_server_takes_nothing_outdated() {
    let root = Authority::root("Root");
    let acceptor = root.issue(&params(&[HOST])).acceptor();
    let address = serve(move |mut stream| {
        let acceptor = acceptor.clone();
        async move {
            greet(&mut stream).await;
            let _ = accept(&acceptor, stream).await;
        }
    })
    .await;
    let found = survey(address, First::Secured, deadlines()).await.unwrap();
    let refused = || Offer::Refused;
    let none = OutdatedTls { tls10: refused(), tls11: refused(), weak_suites: refused() };
    assert_eq!(found, none);
}

#[tokio::test]
async fn who_was_silent_or_has_no_tls_is_not_asked() {
    for first in [First::Silent, First::NotOffered] {
        let (address, count) = server(versions(&[TLS_1_0], AES)).await;
        assert_eq!(survey(address, first, deadlines()).await, None);
        assert_eq!(count.load(Ordering::Relaxed), 0);
    }
}

#[tokio::test]
async fn unclear_answers_stay_unknown_and_take_no_long_time() {
    let unknown = || Offer::Unknown;
    let unknown = OutdatedTls { tls10: unknown(), tls11: unknown(), weak_suites: unknown() };
    let short = Deadlines { tls: Duration::from_millis(300), ..deadlines() };
    let (silent, count) = server(|_, _| vec![]).await;
    let stopwatch = Stopwatch::start();
    assert_eq!(survey(silent, First::Secured, short).await, Some(unknown.clone()));
    assert!(stopwatch.elapsed_ms() < 3_000, "{}", stopwatch.elapsed_ms());
    assert_eq!(count.load(Ordering::Relaxed), 2, "it gives up");

    let (plain, _) = server(|_, _| b"500 what?\r\n".to_vec()).await;
    assert_eq!(survey(plain, First::Secured, short).await, Some(unknown.clone()));
    let (flood, _) = server(|_, _| vec![22; 200_000]).await;
    assert_eq!(survey(flood, First::Secured, short).await, Some(unknown.clone()));
    let closed = "127.0.0.1:1".parse().unwrap();
    assert_eq!(survey(closed, First::Secured, short).await, Some(unknown));
}
