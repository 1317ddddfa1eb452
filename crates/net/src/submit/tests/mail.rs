//! By SMTP: to MX hosts and relays that behave in many ways.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::*;
use crate::Network;
use crate::gather::tests::{Place, Zone, a, mx, resolver};
use crate::testing::{Authority, Identity, accept, params, serve_at};

const MAIL: &[u8] = b"From: r@reporter.example\r\n\r\n.hidden\r\n";
const PATIENCE: Duration = Duration::from_secs(8);

/// A server that says each of these after it has heard something; `TLS` begins the handshake, `CLOSE`
/// ends the connection, `HANG` keeps it.
async fn server(
    identity: &Identity,
    address: SocketAddr,
    replies: &'static [&'static str],
    heard: &Heard,
) -> SocketAddr {
    let (acceptor, heard) = (identity.acceptor(), heard.clone());
    serve_at(address, move |mut stream| {
        let (acceptor, heard) = (acceptor.clone(), heard.clone());
        async move {
            let tls = replies.iter().position(|reply| *reply == "TLS").unwrap_or(replies.len());
            let (open, over_tls) = replies.split_at(tls);
            if !play(&mut stream, open, &heard).await || over_tls.is_empty() {
                return;
            }
            let Some(mut stream) = accept(&acceptor, stream).await else { return };
            heard.add("(TLS)");
            hear(&mut stream, &heard).await;
            play(&mut stream, &over_tls[1..], &heard).await;
        }
    })
    .await
}

async fn play<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    replies: &[&str],
    heard: &Heard,
) -> bool {
    for reply in replies {
        match *reply {
            "CLOSE" => return false,
            "HANG" => tokio::time::sleep(Duration::from_secs(60)).await,
            reply => {
                if stream.write_all(format!("{reply}\r\n").as_bytes()).await.is_err() {
                    return false;
                }
                let _ = stream.flush().await;
                // Nothing is said between the go-ahead and the handshake.
                if !reply.starts_with("220 go") {
                    hear(stream, heard).await;
                }
            }
        }
    }
    true
}

/// One command, or a whole message.
async fn hear<S: AsyncRead + Unpin>(stream: &mut S, heard: &Heard) {
    let mut octets = Vec::new();
    let is_message = heard.all().last().is_some_and(|last| last == "DATA");
    let end: &[u8] = if is_message { b"\r\n.\r\n" } else { b"\r\n" };
    while !octets.ends_with(end) {
        match stream.read_u8().await {
            Ok(octet) => octets.push(octet),
            Err(_) => return,
        }
    }
    heard.add(String::from_utf8_lossy(&octets).trim_end().to_owned());
}

const GOOD: &[&str] = &[
    "220 mx1",
    "250-mx1\r\n250 STARTTLS",
    "220 go",
    "TLS",
    "250 mx1",
    "250 a",
    "250 b",
    "354 c",
    "250 2.0.0 queued",
    "221 bye",
];

fn loopback(last: u8) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::new(127, 0, 0, last).into(), 0)
}

fn identity() -> (Authority, Identity) {
    let root = Authority::root("Root");
    let identity = root.issue(&params(&["mx1.a.test"]));
    (root, identity)
}

async fn network(root: &Authority, zone: Zone, port: u16) -> Network {
    let mut place = Place::new(root, resolver(zone).await);
    place.settings.smtp_port = port;
    place.network()
}

async fn send(network: &Network, way: &MailWay) -> Submitted {
    let (sender, recipient) = (address("bounce@reporter.example"), address("tls@a.test"));
    let letter = Letter { sender: Some(&sender), recipient: &recipient, octets: MAIL };
    network.submit_mail(&letter, way, PATIENCE).await
}

#[tokio::test]
async fn a_mail_goes_to_the_mx_host_through_tls() {
    let (root, identity) = identity();
    let heard = Heard::default();
    let port = server(&identity, loopback(1), GOOD, &heard).await.port();
    let zone = vec![("a.test", mx(10, "mx1.a.test.")), ("mx1.a.test", a("127.0.0.1"))];
    let network = network(&root, zone, port).await;
    let Submitted::Accepted(acceptance) = send(&network, &MailWay::Direct).await else { panic!() };
    assert_eq!(acceptance.place, "mx1.a.test [127.0.0.1]");
    assert_eq!(acceptance.answer, "250 2.0.0 queued");
    assert_eq!(acceptance.protection, Protection::Verified);
    assert_eq!(
        heard.all(),
        [
            "EHLO probe.example",
            "STARTTLS",
            "(TLS)",
            "EHLO probe.example",
            "MAIL FROM:<bounce@reporter.example>",
            "RCPT TO:<tls@a.test>",
            "DATA",
            "From: r@reporter.example\r\n\r\n..hidden\r\n.",
            "QUIT",
        ]
    );
}

//= https://www.rfc-editor.org/rfc/rfc8460#section-3
//= type=test
//# Sending MTAs MUST deliver reports despite any TLS-
//# related failures
#[tokio::test]
async fn broken_tls_does_not_keep_a_report_from_arriving() {
    let root = Authority::root("Root");
    let heard = Heard::default();
    let zone = || vec![("a.test", mx(10, "mx1.a.test.")), ("mx1.a.test", a("127.0.0.1"))];
    // A certificate of nobody.
    let stranger = Identity::self_signed(&params(&["other.test"]));
    let port = server(&stranger, loopback(1), GOOD, &heard).await.port();
    let network1 = network(&root, zone(), port).await;
    let Submitted::Accepted(acceptance) = send(&network1, &MailWay::Direct).await else { panic!() };
    assert_eq!(acceptance.protection, Protection::Encrypted);

    // A handshake that fails: the second connection goes without.
    let connections = Arc::new(Mutex::new(0));
    let address = serve_at(loopback(1), move |mut stream| {
        let count = {
            let mut connections = connections.lock().unwrap();
            *connections += 1;
            *connections
        };
        async move {
            let heard = Heard::default();
            let before = ["220 mx1", "250-mx1\r\n250 STARTTLS", "220 go", "this is no TLS"];
            let open = ["220 mx1", "250-mx1\r\n250 STARTTLS", "250 a", "250 b", "354 c", "250 d"];
            play(&mut stream, if count == 1 { &before } else { &open }, &heard).await;
        }
    })
    .await;
    let network2 = network(&root, zone(), address.port()).await;
    let Submitted::Accepted(acceptance) = send(&network2, &MailWay::Direct).await else { panic!() };
    assert_eq!(acceptance.protection, Protection::Open);
}

#[tokio::test]
async fn the_next_host_is_tried_where_the_first_takes_nobodys_mail() {
    let (root, identity) = identity();
    let (first, second) = (Heard::default(), Heard::default());
    for (replies, submitted) in [
        (&["421 busy", "221 bye"][..], "accepted"),
        (&["554 no mail here", "221 bye"], "accepted"),
        (&["CLOSE"], "accepted"),
        (&["SSH-2.0-x"], "accepted"),
        (&["220 mx", "250 mx", "451 later", "221 bye"], "accepted"),
        (&["220 mx", "250 mx", "250 a", "450 greylisted", "221 bye"], "accepted"),
        // It knows the message and means it.
        (&["220 mx", "250 mx", "250 a", "550 5.1.1 nobody", "221 bye"], "refused"),
        (&["220 mx", "250 mx", "250 a", "250 b", "354 c", "554 spam", "221 bye"], "refused"),
        // It may have been taken.
        (&["220 mx", "250 mx", "250 a", "250 b", "354 c", "CLOSE"], "later"),
    ] {
        let port = server(&identity, loopback(2), replies, &first).await.port();
        let beside = SocketAddr::new(loopback(1).ip(), port);
        server(&identity, beside, GOOD, &second).await;
        let zone = vec![
            ("a.test", mx(20, "mx1.a.test.")),
            ("a.test", mx(10, "mx0.a.test.")),
            ("mx0.a.test", a("127.0.0.2")),
            ("mx1.a.test", a("127.0.0.1")),
        ];
        let network = network(&root, zone, port).await;
        let result = send(&network, &MailWay::Direct).await;
        assert_eq!(result.as_str(), submitted, "{replies:?}: {result:?}");
    }
}

#[tokio::test]
async fn what_no_host_takes() {
    let (root, identity) = identity();
    let heard = Heard::default();
    let zone = || vec![("a.test", a("127.0.0.1"))]; // the domain itself is the host
    for (replies, expected) in [
        (&["421 busy", "221 bye"][..], ("later", "421 busy")),
        (&["554 no mail here", "221 bye"], ("refused", "554 no mail here")),
        (&["CLOSE"], ("later", "closed the connection")),
        (&["220 mx", "250-mx\r\n250 SIZE 9", "221 bye"], ("refused", "the server takes 9")),
    ] {
        let port = server(&identity, loopback(1), replies, &heard).await.port();
        let network = network(&root, zone(), port).await;
        let result = send(&network, &MailWay::Direct).await;
        let (what, text) = fault(&result);
        assert!(what == expected.0 && text.contains(expected.1), "{replies:?}: {what} {text}");
        assert!(text.starts_with("a.test [127.0.0.1]: "), "{text}");
    }
}

#[tokio::test]
async fn where_no_mail_can_go() {
    let (root, _) = identity();
    let check = async |zone: Zone, what: &str, text: &str| {
        let network = network(&root, zone, 25).await;
        let (got, said) = fault(&send(&network, &MailWay::Direct).await);
        assert!(got == what && said.contains(text), "{got}: {said}");
    };
    check(vec![], "refused", "does not exist").await;
    check(vec![("a.test", mx(0, "."))], "refused", "takes no mail").await;
    check(vec![("a.test", mx(0, "mx1.a.test."))], "refused", "has no address").await;
    check(vec![("a.test", mx(0, "bad_name.a.test."))], "refused", "names a host").await;
    let private = vec![("a.test", mx(0, "mx1.a.test.")), ("mx1.a.test", a("10.0.0.1"))];
    check(private, "refused", "not globally routable").await;
    let silent = vec![("a.test", mx(0, "mx1.slow.test."))];
    check(silent, "later", "could not be looked up").await;
}

#[tokio::test]
async fn a_relay_is_the_operators_choice() {
    let (root, identity) = identity();
    let heard = Heard::default();
    let address = server(&identity, loopback(1), GOOD, &heard).await;
    let mut place = Place::new(&root, resolver(vec![("mx1.a.test", a("127.0.0.1"))]).await);
    place.settings.allowed_networks.clear(); // the guard would not let it through
    let network = place.network();
    let relay = |text: String| MailWay::Relay(Relay::parse(&text).unwrap());
    let by_address = send(&network, &relay(address.to_string())).await;
    let Submitted::Accepted(acceptance) = by_address else { panic!("{by_address:?}") };
    assert_eq!(acceptance.place, "127.0.0.1");
    assert_eq!(acceptance.protection, Protection::Encrypted, "no name, no certificate for it");
    let by_name = send(&network, &relay(format!("mx1.a.test:{}", address.port()))).await;
    let Submitted::Accepted(acceptance) = by_name else { panic!("{by_name:?}") };
    assert_eq!(acceptance.protection, Protection::Verified);
    let nobody = send(&network, &relay("nobody.test".to_owned())).await;
    assert_eq!(fault(&nobody).0, "refused");
}

#[tokio::test]
async fn the_patience_of_the_caller_ends_all_waiting() {
    let (root, identity) = identity();
    let port = server(&identity, loopback(1), &["HANG"], &Heard::default()).await.port();
    let zone = vec![("a.test", a("127.0.0.1"))];
    let network = network(&root, zone, port).await;
    let recipient = address("tls@a.test");
    let letter = Letter { sender: None, recipient: &recipient, octets: MAIL };
    let result = network.submit_mail(&letter, &MailWay::Direct, Duration::from_millis(300)).await;
    let (what, text) = fault(&result);
    assert!(what == "later" && text.contains("no answer came in time"), "{what}: {text}");
}
