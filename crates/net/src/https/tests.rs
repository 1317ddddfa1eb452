//! Tests of one GET, against hand-made servers on loopback.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::testing::{
    Authority, Identity, accept, deadlines, domain, loopback_guard, params, serve,
};

const HOST: &str = "mta-sts.example.com";
const POLICY: &str = "version: STSv1\r\nmode: none\r\nmax_age: 1\r\n";

/// What a server does after it has read the request, one after the other.
#[derive(Clone)]
enum Step {
    Send(Vec<u8>),
    Pause(u64),
    /// Ends the TLS session properly.
    CloseNotify,
    /// Ends the TCP connection without a word in TLS.
    Drop,
    /// Resets the TCP connection.
    Reset,
    Hang,
}
use Step::{CloseNotify, Hang, Pause, Send};

fn send(text: &str) -> Step {
    Send(text.as_bytes().to_vec())
}

async fn server(identity: Identity, steps: Vec<Step>) -> SocketAddr {
    let acceptor = identity.acceptor();
    serve(move |stream| {
        let (acceptor, steps) = (acceptor.clone(), steps.clone());
        async move {
            let Some(mut stream) = accept(&acceptor, stream).await else { return };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut buffer = [0; 1024];
                match stream.read(&mut buffer).await {
                    Ok(length) if length > 0 => request.extend_from_slice(&buffer[..length]),
                    _ => return,
                }
            }
            for step in steps {
                match step {
                    // The client may have gone; the test sees that by itself.
                    Send(octets) if octets == b"(request)" => {
                        drop(stream.write_all(&request).await)
                    }
                    Send(octets) => drop(stream.write_all(&octets).await),
                    Pause(milliseconds) => {
                        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
                    }
                    CloseNotify => {
                        let _ = stream.shutdown().await;
                        return;
                    }
                    Step::Drop => {
                        let _ = stream.flush().await;
                        let (mut tcp, _) = stream.into_inner();
                        let _ = tcp.shutdown().await;
                        return;
                    }
                    Step::Reset => {
                        let _ = stream.flush().await;
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        let (tcp, _) = stream.into_inner();
                        tcp.set_zero_linger().unwrap();
                        return;
                    }
                    Hang => tokio::time::sleep(Duration::from_secs(60)).await,
                }
            }
            let _ = stream.flush().await;
        }
    })
    .await
}

async fn get(root: &Authority, address: SocketAddr, deadlines: Deadlines) -> PolicyFetch {
    let host = domain(HOST);
    let get = Get {
        host: &host,
        path: "/.well-known/mta-sts.txt",
        purpose: Purpose::Policy,
        guard: &loopback_guard(),
        tls: &root.client(),
        deadlines: &deadlines,
    };
    get.from(address, Deadline::after(Duration::from_secs(20))).await
}

async fn fetch(steps: Vec<Step>) -> PolicyFetch {
    let root = Authority::root("Root");
    let address = server(root.issue(&params(&[HOST])), steps).await;
    let mut deadlines = deadlines();
    deadlines.https = Duration::from_millis(1500);
    let fetch = get(&root, address, deadlines).await;
    assert!(fetch.tls.as_ref().is_some_and(TlsSession::is_verified), "{fetch:?}");
    fetch
}

async fn reply(steps: Vec<Step>) -> HttpReply {
    let fetch = fetch(steps).await;
    fetch.reply().cloned().unwrap_or_else(|| panic!("{fetch:?}"))
}

async fn failure(steps: Vec<Step>) -> (ConnectionStage, ConnectionFaultKind) {
    let fetch = fetch(steps).await;
    let fault = fetch.fault().unwrap_or_else(|| panic!("{fetch:?}"));
    assert!(!fault.text.is_empty());
    (fault.stage, fault.kind)
}

fn with_length(length: usize) -> Step {
    send(&format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\r\n"
    ))
}

fn without_length() -> Step {
    send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
}

fn chunked() -> Step {
    send("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
}

fn with_coding() -> Step {
    send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: identity\r\n\r\n")
}

#[tokio::test]
async fn the_end_of_the_body_is_told_exactly() {
    let policy = || send(POLICY);
    let part = || send("version: STSv1\r\n");
    let chunk = || send("10\r\nversion: STSv1\r\n\r\n");
    for (case, steps, end) in [
        ("length reached, closed", vec![with_length(40), policy(), CloseNotify], BodyEnd::Complete),
        ("length reached, dropped", vec![with_length(40), policy(), Step::Drop], BodyEnd::Complete),
        ("length reached, held open", vec![with_length(40), policy(), Hang], BodyEnd::Complete),
        ("no octets announced", vec![with_length(0), Hang], BodyEnd::Complete),
        ("length short, closed", vec![with_length(40), part(), CloseNotify], BodyEnd::Cut),
        ("length short, dropped", vec![with_length(40), part(), Step::Drop], BodyEnd::Cut),
        ("length short, reset", vec![with_length(40), part(), Step::Reset], BodyEnd::Cut),
        ("length short, silence", vec![with_length(40), part(), Hang], BodyEnd::TimedOut),
        ("last chunk came", vec![chunked(), chunk(), send("0\r\n\r\n"), Hang], BodyEnd::Complete),
        ("chunk missing, closed", vec![chunked(), chunk(), CloseNotify], BodyEnd::Cut),
        ("chunk cut, dropped", vec![chunked(), send("10\r\nversion:"), Step::Drop], BodyEnd::Cut),
        ("chunk malformed", vec![chunked(), chunk(), send("zz\r\n"), Hang], BodyEnd::Cut),
        ("close_notify", vec![without_length(), policy(), CloseNotify], BodyEnd::ClosedCleanly),
        // Only close_notify tells a whole body from one that was cut on the way.
        ("no close_notify", vec![without_length(), policy(), Step::Drop], BodyEnd::Cut),
        // The coding ends with the connection, and the length beside it does not count.
        ("not chunked", vec![with_coding(), policy(), CloseNotify], BodyEnd::ClosedCleanly),
        ("reset", vec![without_length(), policy(), Step::Reset], BodyEnd::Cut),
        ("silence", vec![without_length(), policy(), Hang], BodyEnd::TimedOut),
    ] {
        let reply = reply(steps).await;
        assert_eq!(reply.body_end, end, "{case}: {reply:?}");
        assert_eq!(reply.status, 200);
        assert!(POLICY.as_bytes().starts_with(reply.body.as_slice()), "{case}: {reply:?}");
        let is_whole = matches!(end, BodyEnd::Complete | BodyEnd::ClosedCleanly);
        if is_whole && case != "no octets announced" && case != "last chunk came" {
            assert_eq!(reply.body.as_slice(), POLICY.as_bytes(), "{case}");
        }
    }
}

#[tokio::test]
//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//= type=test
//# A suggested timeout is
//# one minute, and a suggested maximum policy size is 64 kilobytes;
async fn size_and_time_are_bounded() {
    let body = |length: usize| Send(vec![b'a'; length]);
    let whole = reply(vec![with_length(65_536), body(65_536), Hang]).await;
    assert_eq!((whole.body.len(), whole.body_end), (65_536, BodyEnd::Complete));
    let over = reply(vec![with_length(65_537), body(65_537), Hang]).await;
    assert_eq!((over.body.len(), over.body_end), (65_536, BodyEnd::OverLimit));
    let endless = reply(vec![without_length(), body(500_000), Hang]).await;
    assert_eq!((endless.body.len(), endless.body_end), (65_536, BodyEnd::OverLimit));

    let mut drip = vec![with_length(1000)];
    for _ in 0..200 {
        drip.extend([send("a"), Pause(50)]);
    }
    let slow = fetch(drip).await;
    assert_eq!(slow.reply().unwrap().body_end, BodyEnd::TimedOut);
    assert!((1_400..3_000).contains(&slow.took_ms), "{}", slow.took_ms);
}

#[tokio::test]
//= https://www.rfc-editor.org/rfc/rfc8461#section-3.3
//= type=test
//# HTTP 3xx redirects MUST NOT be followed, and HTTP
//# caching (as specified in [RFC7234]) MUST NOT be used.
async fn a_redirect_is_told_and_not_followed() {
    let root = Authority::root("Root");
    let elsewhere = server(
        root.issue(&params(&["elsewhere.example"])),
        vec![with_length(40), send(POLICY), CloseNotify],
    )
    .await;
    let location = format!("https://elsewhere.example:{}/policy", elsewhere.port());
    let head = format!("HTTP/1.1 301 Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let reply = reply(vec![send(&head), CloseNotify]).await;
    assert_eq!(reply.status, 301);
    assert_eq!(reply.location.as_deref(), Some(location.as_str()));
    assert_eq!(reply.body_end, BodyEnd::Complete);
    assert!(reply.body.is_empty());
}

#[tokio::test]
async fn the_request_asks_for_plain_text_and_no_encoding() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Type: x/y\r\n\
                Content-Encoding: gzip\r\n\r\n";
    let reply = reply(vec![send(head), send("(request)"), CloseNotify]).await;
    let request = reply.body.to_text().to_ascii_lowercase();
    assert!(request.starts_with("get /.well-known/mta-sts.txt http/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nhost: mta-sts.example.com\r\n"), "{request}");
    assert!(request.contains("\r\naccept: text/plain\r\n"), "{request}");
    assert!(request.contains("\r\nuser-agent: sealpost/"), "{request}");
    assert!(!request.contains("accept-encoding") && !request.contains("cookie"), "{request}");
    assert_eq!(reply.content_type.as_deref(), Some("text/plain, x/y"));
    assert_eq!(reply.content_encoding.as_deref(), Some("gzip"));
}

#[tokio::test]
async fn a_head_that_does_not_come_is_a_fault() {
    use ConnectionFaultKind::{Closed, Malformed, TimedOut, TooLarge};
    let fields = |count: usize| {
        let fields: String = (0..count).map(|index| format!("X-{index}: y\r\n")).collect();
        send(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n"))
    };
    for (case, steps, kind) in [
        ("closed at once", vec![CloseNotify], Closed),
        ("dropped at once", vec![Step::Drop], Closed),
        ("cut in the head", vec![send("HTTP/1.1 200 OK\r\nContent-"), CloseNotify], Closed),
        ("dropped in the head", vec![send("HTTP/1.1 200 OK\r\nContent-"), Step::Drop], Closed),
        ("reset in the head", vec![send("HTTP/1.1 200 OK\r\nContent-"), Step::Reset], Closed),
        ("garbage", vec![send("220 mx.example ESMTP\r\n"), Hang], Malformed),
        ("zeros", vec![Send(vec![0; 100]), Hang], Malformed),
        ("silence", vec![Hang], TimedOut),
        ("silence in the head", vec![send("HTTP/1.1 200 OK\r\n"), Hang], TimedOut),
        ("too many fields", vec![fields(65), Hang], TooLarge),
        (
            "an endless field",
            vec![send("HTTP/1.1 200 OK\r\nX: "), Send(vec![b'x'; 100_000]), Hang],
            TooLarge,
        ),
    ] {
        let (stage, found) = failure(steps).await;
        assert_eq!((stage, found), (ConnectionStage::HttpHead, kind), "{case}");
    }
    assert_eq!(reply(vec![fields(64), CloseNotify]).await.status, 200);
}

#[tokio::test]
async fn the_policy_is_fetched_behind_a_faulty_certificate_too() {
    let address = server(
        Identity::self_signed(&params(&[HOST])),
        vec![with_length(40), send(POLICY), CloseNotify],
    )
    .await;
    let fetch = get(&Authority::root("Root"), address, deadlines()).await;
    assert_eq!(fetch.reply().unwrap().body.as_slice(), POLICY.as_bytes());
    assert!(!fetch.tls.unwrap().is_verified());
}

#[tokio::test]
async fn a_handshake_that_stalls_ends_in_time() {
    let address = serve(|_stream| tokio::time::sleep(Duration::from_secs(60))).await;
    let silent = serve(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let mut deadlines = deadlines();
    deadlines.tls = Duration::from_millis(300);
    for (address, kind) in
        [(address, ConnectionFaultKind::Closed), (silent, ConnectionFaultKind::TimedOut)]
    {
        let fetch = get(&Authority::root("Root"), address, deadlines).await;
        let fault = fetch.fault().unwrap();
        assert_eq!((fault.stage, fault.kind), (ConnectionStage::TlsHandshake, kind), "{fault:?}");
        assert!(fetch.tls.is_none());
        assert!(fetch.took_ms < 3_000, "{}", fetch.took_ms);
    }
}

#[tokio::test]
async fn a_path_that_is_none_is_our_own_fault() {
    let root = Authority::root("Root");
    let address = server(root.issue(&params(&[HOST])), vec![Hang]).await;
    let host = domain(HOST);
    let get = Get {
        host: &host,
        path: "/a b\r\nX: y",
        purpose: Purpose::Policy,
        guard: &loopback_guard(),
        tls: &root.client(),
        deadlines: &deadlines(),
    };
    let fetch = get.from(address, Deadline::after(Duration::from_secs(5))).await;
    assert!(fetch.fault().unwrap().is_ours(), "{fetch:?}");
}
