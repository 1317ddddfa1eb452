//! Many certificates, chosen by name, and HTTP/2.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Empty};
use hyper::{Method, Request as HyperRequest, Version, body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use sealpost_listen::{
    Limits, Listener, Server,
    http::{HttpHandler, HttpLimits, HttpService, Request, Response, Status},
    tls::{NamedCertificate, NamedCertificates, TlsHandler, TlsLimits},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::timeout,
};

use crate::{
    LONG,
    certificate::{Certificate, Client},
};

/// Says which host was asked for, and which name the handshake had.
struct Names;

impl HttpService for Names {
    async fn respond(&self, request: Request) -> Response {
        let name = request.server_name.as_deref().unwrap_or("-");
        Response::text(Status::Ok, format!("{} {name}", request.host))
    }
}

fn shown(certificate: &Certificate) -> NamedCertificate {
    let (chain, key) = (certificate.chain(), certificate.key());
    let place = std::path::Path::new("a test");
    NamedCertificate::from_pem(chain.as_bytes(), key.as_bytes(), place).unwrap()
}

fn start(certificates: &Arc<NamedCertificates>, idle: Duration) -> SocketAddr {
    let listener = Listener::tcp(([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.tcp_address().unwrap();
    let limits = HttpLimits { head_time: idle, body_octets: 0, ..HttpLimits::default() };
    let handler = HttpHandler::new(Names, limits);
    let handler = TlsHandler::named(handler, Arc::clone(certificates), TlsLimits::default());
    let server = Server::new(handler, Limits::default());
    tokio::spawn(async move { server.serve(listener, std::future::pending()).await });
    address
}

fn get(host: &str) -> String {
    format!("GET /x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn each_name_has_its_certificate_and_others_are_refused() {
    let (one, other) = (Certificate::new("one.example"), Certificate::new("other.example"));
    let certificates = Arc::new(NamedCertificates::new().unwrap());
    certificates.set("one.example", shown(&one));
    certificates.set("other.example", shown(&other));
    let address = start(&certificates, LONG);
    for (certificate, name) in [(&one, "one.example"), (&other, "other.example")] {
        let client = Client::speaking(certificate, &[b"http/1.1"]);
        let (answer, _) = client.ask(address, name, get(&name.to_uppercase())).await.unwrap();
        assert!(answer.ends_with(&format!("{name} {name}")), "{answer}");
    }
    // The name is not here, or is one below a name that is.
    let client = Client::speaking(&one, &[b"http/1.1"]);
    for name in ["absent.example", "a.one.example", "example"] {
        assert!(client.connect(address, name).await.is_err(), "{name}");
    }
    // No name at all.
    assert!(client.connect(address, "127.0.0.1").await.is_err());
    assert_eq!((certificates.counts().established, certificates.counts().failed), (2, 4));

    certificates.retain(|name| name != "one.example");
    assert!(client.connect(address, "one.example").await.is_err(), "it is gone");
    certificates.set("other.example", shown(&one));
    let client = Client::speaking(&other, &[b"http/1.1"]);
    assert!(client.connect(address, "other.example").await.is_err(), "it is another now");
}

#[tokio::test]
async fn a_challenge_is_shown_to_who_validates_and_to_nobody_else() {
    let (usual, challenge) = (Certificate::new("one.example"), Certificate::new("one.example"));
    let certificates = Arc::new(NamedCertificates::new().unwrap());
    certificates.set("one.example", shown(&usual));
    let address = start(&certificates, LONG);
    let validates = Client::speaking(&challenge, &[b"acme-tls/1"]);
    assert!(validates.connect(address, "one.example").await.is_err(), "there is no challenge");
    certificates.set_challenge("one.example", shown(&challenge));
    let mut stream = validates.connect(address, "one.example").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"acme-tls/1"[..]));
    // Nothing is served over it.
    let _ = stream.write_all(get("one.example").as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.is_empty());
    for protocols in [&[&b"http/1.1"[..]][..], &[b"h2"], &[b"http/1.1", b"acme-tls/1"]] {
        let asks = Client::speaking(&usual, protocols);
        assert!(asks.connect(address, "one.example").await.is_ok(), "{protocols:?}");
    }
    certificates.remove_challenge("one.example");
    assert!(validates.connect(address, "one.example").await.is_err());
}

#[tokio::test]
async fn http2_is_spoken_where_it_is_agreed_on() {
    let certificate = Certificate::new("one.example");
    let certificates = Arc::new(NamedCertificates::new().unwrap());
    certificates.set("one.example", shown(&certificate));
    let address = start(&certificates, LONG);
    let stream = Client::trusting(&certificate).connect(address, "one.example").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let io = TokioIo::new(stream);
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let request = HyperRequest::builder()
            .method(method.clone())
            .uri("https://One.example:443/x")
            .body(Empty::<Bytes>::new())
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (200, Version::HTTP_2));
        assert_eq!(response.headers()["content-length"], "23");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let expected = if method == Method::HEAD { "" } else { "one.example one.example" };
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn an_idle_connection_of_http2_is_closed() {
    let certificate = Certificate::new("one.example");
    let certificates = Arc::new(NamedCertificates::new().unwrap());
    certificates.set("one.example", shown(&certificate));
    let address = start(&certificates, Duration::from_millis(100));
    // One that says nothing, and one that begins a head and never ends it.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let head = b"\0\0\x01\x01\0\0\0\0\x01\x82";
    for said in [vec![], preface.to_vec(), [&preface[..], &head[..]].concat()] {
        let client = Client::trusting(&certificate);
        let mut stream = client.connect(address, "one.example").await.unwrap();
        stream.write_all(&said).await.unwrap();
        let mut answer = Vec::new();
        let _ = timeout(LONG, stream.read_to_end(&mut answer)).await.unwrap();
    }
}
