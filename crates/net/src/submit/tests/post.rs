//! By POST over HTTPS.

use tls_rpt::{HttpsUri, PayloadLimits, Payloads, ReportUri};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::gather::tests::{Place, a, resolver};
use crate::testing::{Authority, Identity, accept, params, serve};

const PATIENCE: Duration = Duration::from_secs(8);

/// A server that answers each request with this text; tells of each connection and request.
async fn server(identity: &Identity, reply: &'static str, heard: &Heard) -> u16 {
    let (acceptor, heard) = (identity.acceptor(), heard.clone());
    let address = serve(move |stream| {
        let (acceptor, heard) = (acceptor.clone(), heard.clone());
        async move {
            heard.add("connection");
            let Some(mut stream) = accept(&acceptor, stream).await else { return };
            while let Some((head, body)) = request(&mut stream).await {
                heard.add(head);
                let found = Payloads::read(&body, &PayloadLimits::default()).unwrap();
                assert_eq!(found.reports.len(), 1);
                if reply == "HANG" {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                }
                if stream.write_all(reply.as_bytes()).await.is_err() || reply.is_empty() {
                    return;
                }
                let _ = stream.flush().await;
                if reply.contains("Connection: close") {
                    let _ = stream.shutdown().await;
                    return;
                }
            }
        }
    });
    address.await.port()
}

/// The head of a request, and its body.
async fn request<S: tokio::io::AsyncRead + Unpin>(stream: &mut S) -> Option<(String, Vec<u8>)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().lines().next().unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}

fn https(text: &str) -> HttpsUri {
    match ReportUri::parse(text).unwrap() {
        ReportUri::Https(uri) => uri,
        ReportUri::Mailto(_) => panic!("{text}"),
    }
}

async fn poster(root: &Authority, certificates: Certificates) -> Poster {
    let zone = vec![
        ("r.test", a("127.0.0.1")),
        ("private.test", a("10.0.0.1")),
        ("metadata.test", a("169.254.169.254")),
    ];
    Poster::new(Place::new(root, resolver(zone).await).network(), certificates)
}

const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 7\r\n\r\nthanks\n";

#[tokio::test]
async fn a_report_is_posted_and_the_connection_kept() {
    let root = Authority::root("Root");
    let heard = Heard::default();
    let port = server(&root.issue(&params(&["r.test"])), CREATED, &heard).await;
    let poster = poster(&root, Certificates::Valid).await;
    let uri = https(&format!("https://r.test:{port}/v1/tls?key=a"));
    for _ in 0..3 {
        let Submitted::Accepted(acceptance) = poster.post(&uri, &report(), PATIENCE).await else {
            panic!()
        };
        assert_eq!(acceptance.place, "r.test [127.0.0.1]");
        assert_eq!(acceptance.answer, "201 Created: thanks");
        assert_eq!(acceptance.protection, Protection::Verified);
    }
    let heard = heard.all();
    assert_eq!(heard.iter().filter(|line| *line == "connection").count(), 1);
    let head = heard.get(1).unwrap();
    assert!(head.starts_with("post /v1/tls?key=a http/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("\r\nhost: r.test:{port}\r\n")), "{head}");
    assert!(head.contains("\r\ncontent-type: application/tlsrpt+gzip\r\n"), "{head}");
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-5.4
//= type=test
//# The receiving system MUST return a "successful" response from its
//# HTTPS server, typically a 200 or 201 HTTP code [RFC7231].
#[tokio::test]
async fn only_success_counts() {
    let root = Authority::root("Root");
    let identity = root.issue(&params(&["r.test"]));
    for (reply, what, text) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "accepted", ""),
        ("HTTP/1.1 204 No Content\r\n\r\n", "accepted", ""),
        ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", "accepted", ""),
        (
            "HTTP/1.1 302 Found\r\nLocation: https://r.test/\r\nContent-Length: 0\r\n\r\n",
            "refused",
            "302",
        ),
        (
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nno!\n",
            "refused",
            "400 Bad Request: no!",
        ),
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "later", "404"),
        ("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 0\r\n\r\n", "refused", "413"),
        ("HTTP/1.1 500 x\r\nContent-Length: 0\r\n\r\n", "later", "500"),
        ("\u{1b}[31m no HTTP\r\n\r\n", "later", "r.test [127.0.0.1]: "),
        ("", "later", "r.test [127.0.0.1]: "), // it closes without an answer
    ] {
        let port = server(&identity, reply, &Heard::default()).await;
        let poster = poster(&root, Certificates::Valid).await;
        let uri = https(&format!("https://r.test:{port}"));
        let submitted = poster.post(&uri, &report(), PATIENCE).await;
        assert_eq!(submitted.as_str(), what, "{reply:?}: {submitted:?}");
        if what != "accepted" {
            let (_, said) = fault(&submitted);
            assert!(said.contains(text) && !said.contains('\u{1b}'), "{reply:?}: {said}");
        }
    }
}

#[tokio::test]
async fn how_long_a_server_wants_to_be_left_alone() {
    let root = Authority::root("Root");
    let identity = root.issue(&params(&["r.test"]));
    for (reply, expected) in [
        ("HTTP/1.1 429 x\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n", Some(120)),
        (
            "HTTP/1.1 503 x\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
            Some(86_400),
        ),
        ("HTTP/1.1 503 x\r\nRetry-After: -1\r\nContent-Length: 0\r\n\r\n", None),
        (
            "HTTP/1.1 503 x\r\nDate: Sat, 15 Jun 2030 12:00:00 GMT\r\nRetry-After: Sat, 15 Jun 2030 \
             12:02:00 GMT\r\nContent-Length: 0\r\n\r\n",
            Some(120),
        ),
        (
            "HTTP/1.1 503 x\r\nRetry-After: Sat, 15 Jun 2047 12:00:00 GMT\r\nContent-Length: 0\r\n\r\n",
            Some(86_400),
        ),
        ("HTTP/1.1 503 x\r\nRetry-After: tomorrow\r\nContent-Length: 0\r\n\r\n", None),
        ("HTTP/1.1 503 x\r\nContent-Length: 0\r\n\r\n", None),
    ] {
        let port = server(&identity, reply, &Heard::default()).await;
        let uri = https(&format!("https://r.test:{port}"));
        let submitted =
            poster(&root, Certificates::Any).await.post(&uri, &report(), PATIENCE).await;
        let Submitted::Later { after, .. } = submitted else { panic!("{submitted:?}") };
        assert_eq!(after, expected.map(Duration::from_secs), "{reply}");
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_made_anew() {
    let root = Authority::root("Root");
    let heard = Heard::default();
    let reply = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let port = server(&root.issue(&params(&["r.test"])), reply, &heard).await;
    let poster = poster(&root, Certificates::Valid).await;
    let uri = https(&format!("https://r.test:{port}"));
    for _ in 0..2 {
        assert!(poster.post(&uri, &report(), PATIENCE).await.is_accepted());
    }
    assert_eq!(heard.all().iter().filter(|line| *line == "connection").count(), 2);
}

#[tokio::test]
async fn a_wrong_certificate_matters_only_where_it_is_to() {
    let root = Authority::root("Root");
    let identity = Identity::self_signed(&params(&["other.test"]));
    let port = server(&identity, CREATED, &Heard::default()).await;
    for host in ["r.test", "127.0.0.1"] {
        let uri = https(&format!("https://{host}:{port}/"));
        let any = poster(&root, Certificates::Any).await.post(&uri, &report(), PATIENCE).await;
        let Submitted::Accepted(acceptance) = any else { panic!("{any:?}") };
        assert_eq!(acceptance.protection, Protection::Encrypted);
        let valid = poster(&root, Certificates::Valid).await;
        let (what, text) = fault(&valid.post(&uri, &report(), PATIENCE).await);
        assert!(what == "later" && text.contains("the certificate "), "{what}: {text}");
    }
}

#[tokio::test]
async fn nothing_is_posted_into_a_network_that_is_not_public() {
    let root = Authority::root("Root");
    let poster = poster(&root, Certificates::Any).await;
    for host in ["private.test", "metadata.test", "10.0.0.1", "[fe80::1]", "169.254.169.254"] {
        let uri = https(&format!("https://{host}/latest/meta-data"));
        let (what, text) = fault(&poster.post(&uri, &report(), PATIENCE).await);
        assert!(what == "refused" && text.contains("not globally routable"), "{host}: {text}");
    }
    let (what, _) = fault(&poster.post(&https("https://gone.test/"), &report(), PATIENCE).await);
    assert_eq!(what, "later");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let root = Authority::root("Root");
    let port = server(&root.issue(&params(&["r.test"])), "HANG", &Heard::default()).await;
    let poster = poster(&root, Certificates::Any).await;
    let uri = https(&format!("https://r.test:{port}/"));
    let submitted = poster.post(&uri, &report(), Duration::from_millis(500)).await;
    let (what, text) = fault(&submitted);
    assert!(what == "later" && text.contains("no answer came in time"), "{text}");
}
