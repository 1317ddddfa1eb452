//! TLS in front of a handler, and certificates that change while it runs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "clients on loopback")]

mod certificate;
mod named;
mod server;

use std::time::Duration;

use sealpost_listen::{
    Sources,
    tls::{Identity, Reloaded, TlsLimits},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    certificate::{Certificate, Client},
    server::{Running, get},
};

/// Longer than anything takes that works.
const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn http_goes_through_tls() {
    let certificate = Certificate::new("reports.example");
    let running = Running::start(&certificate, TlsLimits::default());
    let client = Client::trusting(&certificate);
    let (answer, protocol) =
        client.ask(running.address, "reports.example", get("/x")).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("/x"), "{answer}");
    assert_eq!(protocol.as_deref(), Some(&b"http/1.1"[..]), "ALPN");
    assert_eq!(running.identity.counts().established, 1);
}

#[tokio::test]
async fn a_large_body_goes_through_tls() {
    let certificate = Certificate::new("reports.example");
    let running = Running::start(&certificate, TlsLimits::default());
    let body = "x".repeat(1_000_000);
    let request = format!(
        "POST /length HTTP/1.1\r\nHost: reports.example\r\nConnection: close\r\n\
        Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let client = Client::trusting(&certificate);
    let (answer, _) = client.ask(running.address, "reports.example", request).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    assert!(answer.ends_with("1000000"), "{answer}");
}

/// The refusal must reach a client that is still sending.
#[tokio::test]
async fn a_body_that_is_too_large_is_refused_through_tls() {
    let certificate = Certificate::new("reports.example");
    let running = Running::start(&certificate, TlsLimits::default());
    let body = "x".repeat(3_000_000);
    let request = format!(
        "POST /length HTTP/1.1\r\nHost: reports.example\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let client = Client::trusting(&certificate);
    let (answer, _) = client.ask(running.address, "reports.example", request).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn who_does_not_speak_tls_or_is_silent_is_closed() {
    let certificate = Certificate::new("reports.example");
    let limits = TlsLimits { handshake_time: Duration::from_millis(200) };
    let running = Running::start(&certificate, limits);
    for said in ["GET / HTTP/1.1\r\nHost: reports.example\r\n\r\n", ""] {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // An alert, or nothing.
        let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.unwrap();
        assert!(!answer.starts_with(b"HTTP"));
    }
    assert_eq!(running.identity.counts().failed, 2);
}

#[tokio::test]
async fn a_source_has_so_many_connections() {
    let certificate = Certificate::new("reports.example");
    let sources = Sources::new(1);
    let running = Running::start_for(&certificate, TlsLimits::default(), sources.clone());
    let first = TcpStream::connect(running.address).await.unwrap();
    let mut second = TcpStream::connect(running.address).await.unwrap();
    assert_eq!(timeout(LONG, second.read(&mut [0])).await.unwrap().unwrap_or(0), 0, "closed");
    assert_eq!(sources.refused(), 1);
    drop(first);
}

#[tokio::test]
async fn the_stop_does_not_wait_for_a_handshake() {
    let certificate = Certificate::new("reports.example");
    let running = Running::start(&certificate, TlsLimits::default());
    let silent = TcpStream::connect(running.address).await.unwrap();
    running.wait_for_connections(1).await;
    let ended = timeout(LONG, running.stop()).await.unwrap().unwrap();
    assert_eq!((ended.finished, ended.cut), (1, 0));
    drop(silent);
}

#[tokio::test]
async fn a_new_certificate_is_taken_up_while_it_runs() {
    let old = Certificate::new("reports.example");
    let new = Certificate::new("reports.example");
    let running = Running::start(&old, TlsLimits::default());
    let (with_old, with_new) = (Client::trusting(&old), Client::trusting(&new));
    let ask = |client: Client| async move {
        client.ask(running.address, "reports.example", get("/")).await.is_ok()
    };
    assert!(ask(with_old.clone()).await);
    assert!(!ask(with_new.clone()).await);
    let identity = &running.identity;
    assert_eq!(identity.reload_if_changed().unwrap(), Reloaded::Unchanged);

    // Half of a renewal: the two files do not fit, and what was in use stays in use.
    old.replace_certificate(&new);
    assert!(identity.reload_if_changed().is_err());
    assert_eq!(identity.reload_if_changed().unwrap(), Reloaded::Unchanged, "told once");
    assert!(ask(with_old.clone()).await);
    old.replace_key(&new);
    assert_eq!(identity.reload_if_changed().unwrap(), Reloaded::Changed);
    assert!(ask(with_new).await);
    assert!(!ask(with_old).await);
}

#[tokio::test]
async fn it_is_looked_at_again_and_again() {
    let old = Certificate::new("reports.example");
    let new = Certificate::new("reports.example");
    let running = Running::start(&old, TlsLimits::default());
    let watch = tokio::spawn(running.identity.clone().keep_fresh(Duration::from_millis(10)));
    old.replace_key(&new);
    old.replace_certificate(&new);
    let client = Client::trusting(&new);
    timeout(LONG, async {
        while client.ask(running.address, "reports.example", get("/")).await.is_err() {}
    })
    .await
    .unwrap();
    watch.abort();
}

#[test]
fn files_that_are_unfit_are_named() {
    let certificate = Certificate::new("reports.example");
    let other = Certificate::new("reports.example");
    let bad = |certificates: &str, key: &str, expected: &str| {
        let files = certificate.files_with(certificates, key);
        let error = Identity::load(files).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let good = certificate.chain();
    bad(&good, "", "find a private key in");
    bad(&good, &good, "find a private key in");
    bad("", &certificate.key(), "find a certificate in");
    bad(&certificate.key(), &certificate.key(), "find a certificate in");
    bad("-----BEGIN CERTIFICATE-----\n!!!\n", &certificate.key(), "find a certificate in");
    bad(&good, &other.key(), "use the certificate in");
    bad(&"x".repeat(2 << 20), &certificate.key(), "larger than any certificate");
    let mut files = certificate.files();
    files.key = "/nonexistent/key.pem".into();
    let error = Identity::load(files).unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("key.pem"));
}
